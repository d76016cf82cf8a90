#include "base/text.h"
#include "web/facades/facades.h"
#include "web/facades/graphite_path.h"
#include "web/facades/graphite_time.h"
#include "web/facades/graphite_write.h"
#include "web/replica.h"

#include <string.h>

#include "base/banned.h"

/*
 * GET and POST /render: values of a span, computed by the functions of the targets. The exchange is
 * held while the archive reads; catalog and configuration may change meanwhile.
 */
enum { DAY_S = 86400, TARGETS_MAX = 60, SIDE_MAX = 4000 };

typedef void (*write_fn)(const struct graphite_answer *answer, GString *out);

static const struct format {
	const char *name, *type;
	write_fn write; /* NULL: not made here */
} formats[] = {
	{"png", NULL, NULL},
	{"json", "application/json", graphite_write_json},
	{"csv", "text/csv; charset=utf-8", graphite_write_csv},
	{"raw", "text/plain; charset=utf-8", graphite_write_raw},
	{"svg", "image/svg+xml", graphite_write_svg},
};

struct render {
	struct exchange *x;
	const struct format *format;
	struct graphite_targets *targets;
	struct basket *basket;
	GTimeZone *zone;
	int64_t width, height;
};

static void render_destroy(struct render *r)
{
	if (r) {
		graphite_targets_destroy(r->targets);
		basket_destroy(r->basket);
		g_clear_pointer(&r->zone, g_time_zone_unref);
		g_free(r);
	}
}
DEFINE_AUTO(render)

bool facade_read(struct exchange *x, const char *parameters)
{
	struct error err = {0};
	if (request_read_form(&x->request, &err) && request_only(&x->request, parameters, &err)) {
		return true;
	}
	reply_error(&x->reply, &err);
	return false;
}

/* -- what is asked -- */

static bool read_format(struct render *r, struct error *err)
{
	const char *name = request_text(&r->x->request, "format");
	for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
		if (!strcmp(name ? name : "png", formats[i].name)) {
			r->format = &formats[i];
			return true;
		}
	}
	return error_set(err, ERR_CONFIG, "format is json, csv, raw, svg or png");
}

static bool read_zone(struct render *r, struct error *err)
{
	const char *name = request_text(&r->x->request, "tz");
	r->zone = graphite_zone(name ? name : "");
	return r->zone || error_set(err, ERR_CONFIG, "tz: there is no time zone \"%.60s\"", name);
}

static bool read_time(const struct request *request, const char *name, GTimeZone *zone,
	int64_t *value_s, struct error *err)
{
	const char *text = request_text(request, name);
	if (text && *text && !graphite_time_parse(text, wall_s(request->now), zone, value_s)) {
		return error_set(err, ERR_CONFIG,
			"%s is to be a time as -1h, now, epoch seconds, HH:MM_YYYYMMDD or midnight", name);
	}
	return true;
}

static bool read_question(
	const struct render *r, struct graphite_question *question, struct error *err)
{
	const struct request *request = &r->x->request;
	int64_t now_s = wall_s(request->now);
	int64_t points = 0;
	*question = (struct graphite_question){.from_s = now_s - DAY_S, .to_s = now_s};
	if (!read_time(request, "from", r->zone, &question->from_s, err) ||
		!read_time(request, "until", r->zone, &question->to_s, err) ||
		!request_int(request, "maxDataPoints", 1, 1000000000, &points, err)) {
		return false;
	}
	question->to_s = MIN(question->to_s, now_s + DAY_S);
	if (question->from_s >= question->to_s) {
		return error_set(err, ERR_CONFIG, "from must be before until");
	}
	question->points = points < ARCHIVE_POINTS_MAX ? (size_t)points : 0;
	question->gone = question->from_s < now_s - DAY_S;
	return true;
}

static bool read_targets(const struct web *web, struct render *r, struct error *err)
{
	const char *texts[TARGETS_MAX];
	size_t count = request_list(&r->x->request, "target", texts, TARGETS_MAX);
	if (count > TARGETS_MAX) {
		return error_set(err, ERR_CONFIG, "more than %d targets", TARGETS_MAX);
	}
	for (size_t i = 0; i < count; i++) {
		if (!graphite_targets_add(r->targets, replica_catalog(web->replica), texts[i], err)) {
			return false;
		}
	}
	return true;
}

static bool read_render(struct web *web, struct render *r, struct error *err)
{
	struct graphite_question question;
	const struct request *request = &r->x->request;
	r->width = 330;
	r->height = 250;
	if (!read_format(r, err) || !read_zone(r, err) || !read_question(r, &question, err) ||
		!request_int(request, "width", 100, SIDE_MAX, &r->width, err) ||
		!request_int(request, "height", 100, SIDE_MAX, &r->height, err)) {
		return false;
	}
	if (!r->format->write) {
		return true;
	}
	if (r->format->write == graphite_write_svg && !question.points) {
		question.points = (size_t)r->width; /* more could not be seen */
	}
	r->targets = graphite_targets_create(&question);
	r->basket = basket_create(&web->values_held);
	return read_targets(web, r, err) && graphite_targets_plan(r->targets, r->basket, err);
}

/* -- what is answered -- */

static void write_answer(struct render *r, const GPtrArray *series)
{
	const char *title = request_text(&r->x->request, "title");
	struct graphite_answer answer = {.series = series,
		.step_s = graphite_targets_step(r->targets),
		.title = title ? title : "",
		.width = (unsigned)r->width,
		.height = (unsigned)r->height,
		.zone = r->zone};
	r->format->write(&answer, reply_text(&r->x->reply, 200, r->format->type));
}

static void on_values(void *owner, const struct error *failed)
{
	struct render *r = owner;
	struct error err = {0};
	g_autoptr(GPtrArray) series =
		failed ? NULL : graphite_targets_evaluate(r->targets, r->basket, &err);
	if (series) {
		write_answer(r, series);
	} else {
		reply_error(&r->x->reply, failed ? failed : &err);
	}
	exchange_answer(r->x);
	render_destroy(r);
}

void api_graphite_render(struct web *web, struct exchange *x)
{
	struct error err = {0};
	AUTO(render) r = g_new0(struct render, 1);
	r->x = x;
	if (!facade_read(x, GRAPHITE_RENDER_PARAMETERS)) {
		return;
	}
	if (!read_render(web, r, &err)) {
		reply_error(&x->reply, &err);
	} else if (!r->format->write) {
		reply_problem(&x->reply, 501,
			"pictures of targets are made as format=svg; PNG of graphs as they are configured "
			"stand "
			"at /graph/HOST/SERVICE.png");
	} else {
		exchange_hold(x);
		basket_fetch(r->basket, web->archive, on_values, r);
		r = NULL;
	}
}
