#include "web/drawn.h"
#include "base/number.h"
#include "base/text.h"
#include "model/plot.h"
#include "model/version.h"
#include "web/marks.h"
#include "web/picture.h"
#include "web/replica.h"
#include "web/web.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The tag is a checksum of the question and of what the answer depends on. A sample that web knows
 * already may reach the archive a little later (it is told once it is durable, SETTLE_MS): until
 * then the tag is another one, so that a picture without it does not stay.
 *
 * Of a picture that moves with now its ends count in pixels: one that shows nothing new is drawn
 * again when the curves have moved by a pixel.
 */
enum { SETTLE_MS = 3000, KEEP_MS = 3600 * 1000, KEEP_UNSETTLED_MS = 2000 };

struct asked {
	struct web *web;
	struct exchange *x;
	const char *type, *extension;
	char *name;
	char *tag;
	int64_t last_s, step_s;
	bool settled, expires;
};

static void asked_free(struct asked *a)
{
	g_free(a->name);
	g_free(a->tag);
	g_free(a);
}

/* -- questions -- */

static uint16_t side_of(const struct service *service, const char *key, uint16_t otherwise)
{
	long long side = otherwise;
	const char *text = attributes_or(&service->attributes, key, "");
	if (!number_parse_int(text, strlen(text), DRAWN_SIDE_LEAST, DRAWN_SIDE_MOST, &side)) {
		return otherwise;
	}
	return (uint16_t)side;
}

struct drawn drawn_of(const struct service *service, int64_t from_s, int64_t to_s)
{
	return (struct drawn){.service = service,
		.type = "image/png",
		.extension = "png",
		.question = {.service_id = service->id,
			.from_s = from_s,
			.to_s = to_s,
			.width = side_of(service, "graph_width", 400),
			.height = side_of(service, "graph_height", 175),
			.lower = NAN,
			.upper = NAN,
			.title = ""}};
}

bool drawn_read_side(
	const struct request *request, const char *name, uint16_t *side, struct error *err)
{
	int64_t value = *side;
	if (!request_int(request, name, DRAWN_SIDE_LEAST, DRAWN_SIDE_MOST, &value, err)) {
		return false;
	}
	*side = (uint16_t)value;
	return true;
}

bool drawn_read_limit(
	const struct request *request, const char *name, double *limit, struct error *err)
{
	const char *text = request_text(request, name);
	double value;
	if (!text || !*text) {
		return true;
	}
	if (!number_parse(text, strlen(text), &value) || !isfinite(value)) {
		return error_set(err, ERR_CONFIG, "%s is no number: \"%.40s\"", name, text);
	}
	*limit = value;
	return true;
}

/* -- what it shows -- */

static void add_limits(
	const struct web *web, const struct field *field, struct archive_graph *question)
{
	const GPtrArray *limits = replica_limits(web->replica, field->series_id);
	for (guint l = 0; limits && l < limits->len; l++) {
		const struct replica_limit *limit = limits->pdata[l];
		if (question->limit_count < ARCHIVE_LIMITS_MAX &&
			(limit->level == LEVEL_WARN || limit->level == LEVEL_CRIT)) {
			question->limits[question->limit_count++] = (struct archive_limit){
				.value = limit->value, .level = limit->level == LEVEL_CRIT ? 2 : 1};
		}
	}
}

/* Every series the picture reads, each once: const struct field *. */
static GPtrArray *series_of(const struct plot *plot)
{
	GPtrArray *fields = g_ptr_array_new();
	g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
	for (size_t i = 0; i < plot->count; i++) {
		const struct plot_curve *curve = &plot->curves[i];
		for (size_t k = 0; k < curve->source_count; k++) {
			const struct field *field = curve->sources[k];
			if (field->series_id && g_hash_table_add(seen, (gpointer)field)) {
				g_ptr_array_add(fields, (gpointer)field);
			}
		}
	}
	return fields;
}

/* -- the tag -- */

static void feed_text(GChecksum *sum, const char *text)
{
	g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text) + 1);
}

static void feed(GChecksum *sum, const char *format, ...) PRINTF_LIKE(2, 3);

static void feed(GChecksum *sum, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	g_autofree char *text = g_strdup_vprintf(format, values);
	va_end(values);
	feed_text(sum, text);
}

static void feed_question(GChecksum *sum, const struct drawn *d)
{
	const struct archive_graph *q = &d->question;
	int64_t pixel_s = d->moving ? MAX((q->to_s - q->from_s) / q->width, 1) : 1;
	feed(sum, "%s %s %s %s", MAGPIE_VERSION, d->service->host_name, d->service->name, q->title);
	feed(sum, "%lld %lld %u %u %d %d", (long long)(q->to_s / pixel_s),
		(long long)((q->to_s - q->from_s) / pixel_s), q->width, q->height, (int)q->format,
		(int)q->theme);
	feed(sum, "%d %d %d %.17g %.17g", (int)q->sum, q->only_graph, q->full_size, q->lower, q->upper);
	for (size_t i = 0; i < q->limit_count; i++) {
		feed(sum, "%.17g %u", q->limits[i].value, q->limits[i].level);
	}
	for (size_t i = 0; i < q->span_count; i++) {
		const struct archive_span *s = &q->spans[i];
		feed(sum, "%lld %lld %u", (long long)s->from_s, (long long)s->to_s, s->level);
	}
	for (size_t i = 0; i < q->note_count; i++) {
		const struct archive_note *n = &q->notes[i];
		feed(sum, "%lld %lld %s", (long long)n->at_s, (long long)n->to_s, n->text);
	}
}

/* Samples behind the picture's end do not change it. */
static void feed_series(GChecksum *sum, const struct web *web, const struct field *field,
	const struct drawn *d, struct asked *a)
{
	struct sample last;
	int64_t end_ms = (d->question.to_s + 1) * 1000;
	int64_t now_ms = a->x->request.now.ms;
	feed(sum, "%u %llu", field->series_id, (unsigned long long)field->service->host->version);
	if (!replica_last(web->replica, field->series_id, &last)) {
		return;
	}
	if (last.at.ms < end_ms && last.at.ms > now_ms - SETTLE_MS) {
		a->settled = false;
	}
	feed(sum, "%lld", (long long)MIN(last.at.ms, end_ms));
	a->last_s = MAX(a->last_s, wall_s(last.at));
}

static void make_tag(struct asked *a, const struct drawn *d, const GPtrArray *fields)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	feed_question(sum, d);
	a->settled = true;
	for (guint i = 0; i < fields->len; i++) {
		feed_series(sum, a->web, fields->pdata[i], d, a);
	}
	feed_text(sum, a->settled ? "" : "unsettled");
	a->tag = g_strdup_printf("\"%.16s\"", g_checksum_get_string(sum));
}

/* -- answers -- */

/* Host and service names are made of safe characters (model/ident.h). */
static void finish(struct asked *a)
{
	struct reply *reply = &a->x->reply;
	g_strlcpy(reply->tag, a->tag, sizeof(reply->tag));
	reply->cache = "no-cache";
	reply->modified_s = a->last_s;
	if (a->expires && a->settled) {
		int64_t now_s = wall_s(a->x->request.now);
		reply->expires_s = MAX(a->last_s + a->step_s + SETTLE_MS / 1000, now_s);
		reply->cache = NULL;
	}
	g_free(reply->disposition);
	reply->disposition = g_strdup_printf("%s.%s", a->name, a->extension);
}

static void send_picture(struct asked *a, const GByteArray *bytes)
{
	GString *body = reply_text(&a->x->reply, 200, a->type);
	g_string_append_len(body, (const char *)bytes->data, bytes->len);
	finish(a);
}

static void on_picture(void *owner, const GByteArray *picture, const struct error *err)
{
	struct asked *a = owner;
	if (err) {
		reply_error(&a->x->reply, err);
	} else {
		struct mono until = {mono_now().ms + (a->settled ? KEEP_MS : KEEP_UNSETTLED_MS)};
		picture_cache_add(a->web->pictures, a->tag, picture, until);
		send_picture(a, picture);
	}
	exchange_answer(a->x);
	asked_free(a);
}

static bool has_it(const struct asked *a)
{
	const struct request *r = &a->x->request;
	if (r->if_none_match) {
		return reply_etag_matches(r->if_none_match, a->tag);
	}
	return a->settled && a->last_s && r->if_modified_since_s >= a->last_s;
}

/* True: the reply is filled. */
static bool answer_from_memory(struct asked *a, const struct drawn *d)
{
	const GByteArray *kept = NULL;
	if (d->renew) {
		return false;
	}
	if (has_it(a)) {
		reply_text(&a->x->reply, 304, a->type);
		finish(a);
		return true;
	}
	kept = picture_cache_find(a->web->pictures, a->tag, mono_now());
	if (kept) {
		send_picture(a, kept);
	}
	return kept;
}

static bool ask_archive(struct asked *a, const struct drawn *d)
{
	struct error err = {0};
	if (archive_graph(a->web->archive, &d->question, on_picture, a, &err)) {
		exchange_hold(a->x);
		return true;
	}
	reply_error(&a->x->reply, &err);
	return false;
}

void drawn_answer(struct web *web, struct exchange *x, struct drawn *d)
{
	AUTO(plot) plot = plot_create(replica_catalog(web->replica), d->service);
	g_autoptr(GPtrArray) fields = series_of(plot);
	struct asked *a = g_new0(struct asked, 1);
	a->web = web;
	a->x = x;
	a->type = d->type;
	a->extension = d->extension;
	a->name = g_strdup_printf("%s-%s", d->service->host_name, d->service->name);
	a->step_s = d->service->step_s;
	a->expires = d->expires;
	for (guint i = 0; d->marks && i < fields->len; i++) {
		add_limits(web, fields->pdata[i], &d->question);
	}
	if (d->marks) {
		const struct span span = {.from_s = d->question.from_s, .to_s = d->question.to_s};
		marks_fill(web->replica, d->service, &span, &d->question);
	}
	make_tag(a, d, fields);
	if (answer_from_memory(a, d) || !ask_archive(a, d)) {
		asked_free(a);
	}
}
