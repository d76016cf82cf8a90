#include "base/text.h"
#include "web/api.h"
#include "web/archive.h"
#include "web/curves.h"
#include "web/drawn.h"
#include "web/export.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/span.h"
#include "web/web.h"

#include <string.h>

#include "base/banned.h"

/*
 * A graph of a service as a file: drawn by the rrd role (png, svg, pdf, eps), or its values as text
 * (csv, tsv, json, xml). The last part of the address is SERVICE.FORMAT, and a nested graph has
 * dots in its name, so the format is what follows the last one.
 */
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
	{"tsv", "text/tab-separated-values; charset=utf-8", export_tsv, ARCHIVE_PNG},
	{"json", "application/json", export_json, ARCHIVE_PNG},
	{"xml", "application/xml", export_xml, ARCHIVE_PNG},
};

struct asked {
	struct web *web;
	struct exchange *x;
	const struct format *format;
	char *host, *service, *title, *vlabel;
	struct curves *curves;
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

static bool ask_values(
	struct asked *a, const struct service *service, const struct span *span, struct error *err)
{
	bool graphed = true;
	a->curves = curves_create(replica_catalog(a->web->replica), CURVES_SERIES_MAX);
	if (!request_flag(&a->x->request, "graphed", &graphed, err) ||
		!curves_add_graph(a->curves, service, graphed, err)) {
		return false;
	}
	struct archive_fetch question = {
		.from_s = span->from_s, .to_s = span->to_s, .step_s = span->step_s, .cf = span->cf};
	question.series = curves_series(a->curves, &question.count);
	if (!question.count) {
		return error_set(err, ERR_NOT_FOUND, "no data yet");
	}
	return archive_fetch(a->web->archive, &question, on_values, a, err);
}

/* -- pictures -- */

static bool read_looks(const struct request *request, struct archive_graph *q, struct error *err)
{
	static const char *const themes[] = {"light", "dark", "munin", NULL};
	static const char *const sums[] = {"no", "hour", "day", NULL};
	size_t theme = 0;
	size_t sum = 0;
	if (!drawn_read_side(request, "width", &q->width, err) ||
		!drawn_read_side(request, "height", &q->height, err) ||
		!drawn_read_limit(request, "lower", &q->lower, err) ||
		!drawn_read_limit(request, "upper", &q->upper, err) ||
		!request_choice(request, "theme", themes, &theme, err) ||
		!request_choice(request, "sum", sums, &sum, err)) {
		return false;
	}
	q->theme = (enum archive_theme)theme;
	q->sum = (enum archive_sum)sum;
	return request_flag(request, "only_graph", &q->only_graph, err) &&
		   request_flag(request, "full_size", &q->full_size, err);
}

/* "now" or "-1d", as web/request.h reads it. */
static bool counts_from_now(const char *time, bool otherwise)
{
	return time ? *time == 'n' || *time == '-' : otherwise;
}

static void answer_drawn(struct web *web, struct exchange *x, const struct service *service,
	const struct format *format, const struct span *span)
{
	const struct request *request = &x->request;
	const char *title = request_text(request, "title");
	struct error err = {0};
	struct drawn drawn = drawn_of(service, span->from_s, span->to_s);
	drawn.type = format->type;
	drawn.extension = format->name;
	drawn.question.format = format->drawn;
	drawn.question.title = title ? title : "";
	drawn.marks = true;
	drawn.moving = counts_from_now(request_text(request, "to"), true) ||
				   counts_from_now(request_text(request, "from"), false);
	if (strlen(drawn.question.title) > DRAWN_TITLE_MAX) {
		error_set(&err, ERR_CONFIG, "the title is longer than %d bytes", DRAWN_TITLE_MAX);
		reply_error(&x->reply, &err);
	} else if (!read_looks(request, &drawn.question, &err) ||
			   !request_flag(request, "marks", &drawn.marks, &err)) {
		reply_error(&x->reply, &err);
	} else {
		drawn_answer(web, x, &drawn);
	}
}

static void answer_values(struct web *web, struct exchange *x, const struct service *service,
	const struct format *format, const struct span *span)
{
	struct error err = {0};
	struct asked *a = asked_create(web, x, service, format);
	if (ask_values(a, service, span, &err)) {
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
		reply_problem(
			&x->reply, 404, "a graph is .png, .svg, .pdf, .eps, .csv, .tsv, .json or .xml");
		return;
	}
	*dot = '\0';
	const struct service *service =
		catalog_service(replica_catalog(web->replica), x->request.variable[0], name);
	if (!service) {
		refuse_unknown(web, x, name);
	} else if (!span_read(&x->request, 86400, &span, &err)) {
		reply_error(&x->reply, &err);
	} else if (format->write) {
		answer_values(web, x, service, format, &span);
	} else {
		answer_drawn(web, x, service, format, &span);
	}
}
