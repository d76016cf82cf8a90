#include "collector/services/apache_text.h"
#include "collector/services/web_page.h"

#include <math.h>

#include "base/banned.h"

/*
 * Apache: a page of it, then mod_status. As Munin's plugins have it the fields bear the port.
 */
enum { APACHE_PORT = 80 };

struct apache {
	struct web_page web;
	struct feed *accesses, *processes, *volume;
};

/* A graph whose fields are rows with the port behind their names and labels. */
struct apache_graph {
	struct graph_row row; /* without fields */
	const struct field_row *fields;
	size_t field_count;
};

static const struct field_row apache_accesses_fields[] = {
	{"accesses", "port", FIELD_DERIVE, .min = "0", .max = "1000000", .unit = "/s",
		.info = "Requests that were answered"},
};
static const struct field_row apache_processes_fields[] = {
	{"busy", "busy servers", FIELD_GAUGE, .draw = "AREA", .colour = "33cc00"},
	{"idle", "idle servers", FIELD_GAUGE, .draw = "STACK", .colour = "0033ff"},
	{"free", "free slots", FIELD_GAUGE, .draw = "STACK", .colour = "ccff00"},
};
static const struct field_row apache_volume_fields[] = {
	{"volume", "port", FIELD_DERIVE, .min = "0", .max = "1000000000", .unit = "B/s"},
};

static const struct apache_graph apache_graphs[] = {
	{{.name = "apache_accesses",
		 .title = "Apache accesses",
		 .args = "--base 1000",
		 .vlabel = "accesses / ${graph_period}",
		 .category = "apache",
		 .info = "Requests that were answered, whatever the answer."},
		apache_accesses_fields, ARRAY_LENGTH(apache_accesses_fields)},
	{{.name = "apache_processes",
		 .title = "Apache processes",
		 .args = "--base 1000 -l 0",
		 .vlabel = "processes",
		 .category = "apache",
		 .info = "What the workers do. Without free slots or idle workers clients have to wait."},
		apache_processes_fields, ARRAY_LENGTH(apache_processes_fields)},
	{{.name = "apache_volume",
		 .title = "Apache volume",
		 .args = "--base 1000",
		 .vlabel = "bytes per ${graph_period}",
		 .category = "apache",
		 .info = "Bytes of the answers."},
		apache_volume_fields, ARRAY_LENGTH(apache_volume_fields)},
};

static unsigned apache_port(const struct probe *probe)
{
	uint16_t port = probe_port(probe);
	return port ? port : APACHE_PORT;
}

static struct feed *apache_declare(struct probe *probe, const struct apache_graph *graph)
{
	struct service *service = probe_graph_begin(probe, &graph->row, NULL);
	for (size_t i = 0; i < graph->field_count; i++) {
		char name[32], label[64];
		struct field_row field = graph->fields[i];
		g_snprintf(name, sizeof name, "%s%u", field.name, apache_port(probe));
		g_snprintf(label, sizeof label, "%s %u", field.label, apache_port(probe));
		field.name = name;
		field.label = label;
		(void)graph_field(service, &field);
	}
	if (graph->field_count > 1) {
		graph_attribute(service, "graph_total", "total");
	}
	return probe_graph_declare(probe, service);
}

static void apache_set(struct probe *probe, struct feed *feed, const char *field, double value)
{
	char name[32];
	g_snprintf(name, sizeof name, "%s%u", field, apache_port(probe));
	probe_value(feed, name, value);
}

static bool apache_figures(struct probe *probe, const char *text, size_t length)
{
	struct apache *apache = probe->state;
	struct apache_status status;
	if (!apache_status_parse(text, length, &status)) {
		return false;
	}
	if (!apache->processes) {
		apache->processes = apache_declare(probe, &apache_graphs[1]);
	}
	if (!apache->accesses && !isnan(status.accesses)) {
		apache->accesses = apache_declare(probe, &apache_graphs[0]);
		apache->volume = apache_declare(probe, &apache_graphs[2]);
	}
	apache_set(probe, apache->processes, "busy", status.busy);
	apache_set(probe, apache->processes, "idle", status.idle);
	apache_set(probe, apache->processes, "free", status.free);
	apache_set(probe, apache->accesses, "accesses", status.accesses);
	apache_set(probe, apache->volume, "volume", floor(status.kbytes * 1024));
	return true;
}

static const char *const apache_places[] = {"/server-status?auto", NULL};

static const struct web_status apache_pages = {
	.name = "mod_status", .places = apache_places, .body_max = 64 << 10, .figures = apache_figures};

static void apache_start(struct probe *probe)
{
	struct apache *apache = probe->state;
	apache->web.what = &apache_pages;
}

const struct probe_kind probe_apache = {.name = "apache",
	.port = APACHE_PORT,
	.state_size = sizeof(struct apache),
	.start = apache_start,
	.begin = web_begin,
	.open = web_open,
	.data = web_data,
	.closed = web_closed,
	.stop = web_stop,
	.ports = (const uint16_t[]){443, 8080, 8443, 8000, 0},
	.processes = (const char *const[]){"apache2", "httpd", NULL}};
