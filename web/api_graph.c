#include "base/text.h"
#include "web/api.h"
#include "web/archive.h"
#include "web/curves.h"
#include "web/export.h"
#include "web/marks.h"
#include "web/picture.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/span.h"
#include "web/web.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * A graph of a service as a file: drawn by the rrd role (png, svg, pdf, eps), or its values as text
 * (csv, json, xml). The last part of the address is SERVICE.FORMAT, and a nested graph has dots in
 * its name, so the format is what follows the last one.
 */
enum { SIDE_LEAST = 100, SIDE_MOST = 4000, TITLE_MAX = 200 };

typedef void (*export_fn)(const struct export_graph *graph, GString *out);

static const struct format {
	const char *name, *type;
	export_fn write; /* NULL: drawn, as */
	enum archive_format drawn;
} formats[] = {
	{"png", "image/png", NULL, ARCHIVE_PNG},
	{"svg", "image/svg+xml", NULL, ARCHIVE_SVG},
	{"pdf", "application/pdf", NULL, ARCHIVE_PDF},
	{"eps", "application/postscript", NULL, ARCHIVE_EPS},
	{"csv", "text/csv; charset=utf-8", export_csv, ARCHIVE_PNG},
	{"json", "application/json", export_json, ARCHIVE_PNG},
	{"xml", "application/xml", export_xml, ARCHIVE_PNG},
};

struct asked {
	struct web *web;
	struct exchange *x;
	const struct format *format;
	char *host, *service, *title, *vlabel;
	struct curves *curves;
	int64_t fresh_ms;
};

static void asked_free(struct asked *a)
{
	g_free(a->host);
	g_free(a->service);
	g_free(a->title);
	g_free(a->vlabel);
	curves_destroy(a->curves);
	g_free(a);
}

static struct asked *asked_create(
	struct web *web, struct exchange *x, const struct service *service, const struct format *format)
{
	struct asked *a = g_new0(struct asked, 1);
	a->web = web;
	a->x = x;
	a->format = format;
	a->host = g_strdup(service->host_name);
	a->service = g_strdup(service->name);
	a->title = g_strdup(attributes_or(&service->attributes, "graph_title", service->name));
	a->vlabel = g_strdup(attributes_or(&service->attributes, "graph_vlabel", ""));
	a->fresh_ms = (int64_t)service->step_s * 1000;
	return a;
}

static const struct format *find_format(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
		if (!strcmp(formats[i].name, name)) {
			return &formats[i];
		}
	}
	return NULL;
}

/* Host and service names are made of safe characters (model/ident.h). */
static void name_file(struct asked *a)
{
	g_free(a->x->reply.disposition);
	a->x->reply.disposition = g_strdup_printf("%s-%s.%s", a->host, a->service, a->format->name);
}

/* -- values -- */

static void on_values(void *owner, const struct archive_data *data, const struct error *err)
{
	struct asked *a = owner;
	if (err) {
		reply_error(&a->x->reply, err);
	} else {
		struct export_graph graph = {.host = a->host,
			.service = a->service,
			.title = a->title,
			.vlabel = a->vlabel,
			.curves = a->curves,
			.data = data,
			.now_s = wall_s(a->x->request.now)};
		a->format->write(&graph, reply_text(&a->x->reply, 200, a->format->type));
		name_file(a);
	}
	exchange_answer(a->x);
	asked_free(a);
}

static bool add_fields(
	const struct service *service, bool graphed, struct curves *curves, struct error *err)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (!field->gone && field->series_id && !curves_add(curves, field, graphed, err)) {
			return false;
		}
	}
	return curves_count(curves) || error_set(err, ERR_NOT_FOUND, "no data yet");
}

static bool ask_values(
	struct asked *a, const struct service *service, const struct span *span, struct error *err)
{
	bool graphed = true;
	a->curves = curves_create();
	if (!request_flag(&a->x->request, "graphed", &graphed, err) ||
		!add_fields(service, graphed, a->curves, err)) {
		return false;
	}
	struct archive_fetch question = {
		.from_s = span->from_s, .to_s = span->to_s, .step_s = span->step_s, .cf = span->cf};
	question.series = curves_series(a->curves, &question.count);
	return archive_fetch(a->web->archive, &question, on_values, a, err);
}

/* -- pictures -- */

static void send_picture(struct exchange *x, const char *type, const GByteArray *bytes)
{
	GString *body = reply_text(&x->reply, 200, type);
	g_string_append_len(body, (const char *)bytes->data, bytes->len);
	x->reply.etag = true;
	x->reply.cache = "no-cache";
}

static void on_picture(void *owner, const GByteArray *picture, const struct error *err)
{
	struct asked *a = owner;
	if (err) {
		reply_error(&a->x->reply, err);
	} else {
		struct mono until = {mono_now().ms + a->fresh_ms};
		picture_cache_add(a->web->pictures, a->x->request.target, picture, until);
		send_picture(a->x, a->format->type, picture);
		name_file(a);
	}
	exchange_answer(a->x);
	asked_free(a);
}

static void add_limits(
	const struct web *web, const struct service *service, struct archive_graph *question)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		const GPtrArray *limits =
			replica_limits(web->replica, service_field(service, i)->series_id);
		for (guint l = 0; limits && l < limits->len; l++) {
			const struct replica_limit *limit = limits->pdata[l];
			if (question->limit_count < ARCHIVE_LIMITS_MAX &&
				(limit->level == LEVEL_WARN || limit->level == LEVEL_CRIT)) {
				question->limits[question->limit_count++] = (struct archive_limit){
					.value = limit->value, .level = limit->level == LEVEL_CRIT ? 2 : 1};
			}
		}
	}
}

static bool read_size(
	const struct request *request, const char *name, uint16_t *side, struct error *err)
{
	int64_t value = *side;
	if (!request_int(request, name, SIDE_LEAST, SIDE_MOST, &value, err)) {
		return false;
	}
	*side = (uint16_t)value;
	return true;
}

static bool ask_picture(
	struct asked *a, const struct service *service, const struct span *span, struct error *err)
{
	static const char *const themes[] = {"light", "dark", NULL};
	const struct request *request = &a->x->request;
	const char *title = request_text(request, "title");
	size_t theme = 0;
	struct archive_graph question = {.service_id = service->id,
		.from_s = span->from_s,
		.to_s = span->to_s,
		.width = 400,
		.height = 175,
		.format = a->format->drawn,
		.lower = NAN,
		.upper = NAN,
		.title = title ? title : ""};
	if (!read_size(request, "width", &question.width, err) ||
		!read_size(request, "height", &question.height, err) ||
		!request_choice(request, "theme", themes, &theme, err)) {
		return false;
	}
	if (strlen(question.title) > TITLE_MAX) {
		return error_set(err, ERR_CONFIG, "the title is longer than %d bytes", TITLE_MAX);
	}
	question.dark = theme == 1;
	add_limits(a->web, service, &question);
	marks_fill(a->web->replica, service, span, &question);
	return archive_graph(a->web->archive, &question, on_picture, a, err);
}

static void answer_graph(struct web *web, struct exchange *x, const struct service *service,
	const struct format *format, const struct span *span)
{
	struct error err = {0};
	struct asked *a = asked_create(web, x, service, format);
	const GByteArray *kept = picture_cache_find(web->pictures, x->request.target, mono_now());
	if (kept && !format->write) {
		send_picture(x, format->type, kept);
		name_file(a);
		asked_free(a);
		return;
	}
	bool asked =
		format->write ? ask_values(a, service, span, &err) : ask_picture(a, service, span, &err);
	if (asked) {
		exchange_hold(x);
	} else {
		reply_error(&x->reply, &err);
		asked_free(a);
	}
}

/* Says which part of HOST/SERVICE is wrong, and what may have been meant. */
static void refuse_unknown(const struct web *web, struct exchange *x, const char *name)
{
	const char *host_name = x->request.variable[0];
	const struct host *host = catalog_host(replica_catalog(web->replica), host_name);
	if (!host) {
		reply_problem(&x->reply, 404, "there is no host \"%.100s\"", host_name);
		return;
	}
	g_autofree const char **names = g_new(const char *, host->services->len + 1);
	for (guint i = 0; i < host->services->len; i++) {
		names[i] = ((const struct service *)host->services->pdata[i])->name;
	}
	const char *nearest = text_nearest(name, names, host->services->len);
	reply_problem(&x->reply, 404, "host %s has no graph \"%.100s\"%s%s%s", host->name, name,
		nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

void api_graph(struct web *web, struct exchange *x)
{
	struct span span;
	struct error err = {0};
	g_autofree char *name = g_strdup(x->request.variable[1]);
	char *dot = strrchr(name, '.');
	const struct format *format = dot ? find_format(dot + 1) : NULL;
	if (!format) {
		reply_problem(&x->reply, 404, "a graph is .png, .svg, .pdf, .eps, .csv, .json or .xml");
		return;
	}
	*dot = '\0';
	const struct service *service =
		catalog_service(replica_catalog(web->replica), x->request.variable[0], name);
	if (!service) {
		refuse_unknown(web, x, name);
	} else if (!span_read(&x->request, 86400, &span, &err)) {
		reply_error(&x->reply, &err);
	} else {
		answer_graph(web, x, service, format, &span);
	}
}

/* -- Munin's addresses: GROUP/…/HOST/SERVICE[/SUB]-PERIOD.png (reference: munin, 8) -- */

static const struct period {
	const char *suffix;
	int64_t span_s, round_s;
} periods[] = {
	{"-day.png", 2000 * 60, 300},
	{"-week.png", 12000 * 60, 1500},
	{"-month.png", 48000 * 60, 7200},
	{"-year.png", 400 * 86400, 86400},
};

/* Joins segments [from, to) by `by`; NULL if there is none. */
static char *join(const struct request *request, size_t from, size_t to, const char *by)
{
	GString *out = g_string_new(NULL);
	for (size_t i = from; i < to; i++) {
		g_string_append_printf(out, "%s%s", i > from ? by : "", request->segments[i]);
	}
	return g_string_free(out, from >= to);
}

/* Where the host stands in the path is not written in it: the first place that fits the catalog. */
static const struct service *find_munin(
	const struct web *web, const struct request *request, const char *suffix)
{
	const struct catalog *catalog = replica_catalog(web->replica);
	for (size_t host = 2; host + 1 < request->segment_count; host++) {
		g_autofree char *group = join(request, 1, host, "/");
		g_autofree char *name = join(request, host + 1, request->segment_count, ".");
		name[strlen(name) - strlen(suffix)] = '\0';
		const struct service *service = catalog_service(catalog, request->segments[host], name);
		if (service && !strcmp(service->group, group)) {
			return service;
		}
	}
	return NULL;
}

void api_munin(struct web *web, struct exchange *x)
{
	const struct request *request = &x->request;
	const char *last = request->segments[request->segment_count - 1];
	int64_t now_s = wall_s(request->now);
	for (size_t i = 0; i < ARRAY_LENGTH(periods); i++) {
		const struct period *p = &periods[i];
		if (!g_str_has_suffix(last, p->suffix) || strlen(last) == strlen(p->suffix)) {
			continue;
		}
		const struct service *service = find_munin(web, request, p->suffix);
		int64_t end_s = now_s - now_s % p->round_s;
		struct span span = {.from_s = end_s - p->span_s, .to_s = end_s};
		if (service) {
			answer_graph(web, x, service, find_format("png"), &span);
			return;
		}
	}
	reply_problem(&x->reply, 404,
		"there is no such picture; Munin's addresses are GROUP/HOST/SERVICE-day.png, with week, "
		"month "
		"and year");
}
