#include "base/auto.h"
#include "base/number.h"
#include "base/text.h"
#include "model/mark.h"
#include "web/api.h"
#include "web/jsonout.h"
#include "web/marks.h"
#include "web/order.h"
#include "web/server.h"
#include "web/web.h"

#include <string.h>

#include "base/banned.h"

/*
 * Marks of graphs: which belong to a span, as JSON and as part of a picture; and annotations, made
 * and taken away by the engine.
 */
enum { MARKS_ANSWERED = 1000, DEFAULT_S = 86400, BODY_MAX = 8192 };

static void add_those(
	GPtrArray *out, const GPtrArray *of, const char *service, const struct span *span)
{
	struct wall from = wall_from_s(span->from_s);
	struct wall to = {wall_from_s(span->to_s).ms + 999}; /* all of its last second */
	for (guint i = 0; of && i < of->len; i++) {
		const struct mark *mark = of->pdata[i];
		bool fits = !service || !*mark->service || !strcmp(mark->service, service);
		if (fits && mark_is_within(mark, from, to)) {
			g_ptr_array_add(out, (gpointer)mark);
		}
	}
}

static gint by_from(gconstpointer a, gconstpointer b)
{
	const struct mark *x = *(const struct mark *const *)a;
	const struct mark *y = *(const struct mark *const *)b;
	return (x->from.ms > y->from.ms) - (x->from.ms < y->from.ms);
}

GPtrArray *marks_of(
	const struct replica *replica, const char *host, const char *service, const struct span *span)
{
	GPtrArray *out = g_ptr_array_new();
	add_those(out, replica_marks(replica, ""), service, span);
	if (*host) {
		add_those(out, replica_marks(replica, host), service, span);
	}
	g_ptr_array_sort(out, by_from);
	return out;
}

/* Episodes of the host as such (it did not answer) are on each of its graphs' pages, not in them.
 */
static bool is_drawn(const struct mark *mark)
{
	return mark->kind == MARK_NOTE || *mark->service;
}

void marks_fill(const struct replica *replica, const struct service *service,
	const struct span *span, struct archive_graph *question)
{
	g_autoptr(GPtrArray) marks = marks_of(replica, service->host_name, service->name, span);
	for (guint i = marks->len; i-- > 0;) {
		const struct mark *mark = marks->pdata[i];
		int64_t from_s = wall_s(mark->from);
		int64_t to_s = wall_s(mark->to);
		if (!is_drawn(mark)) {
			continue;
		}
		if (mark->kind == MARK_EPISODE && question->span_count < ARCHIVE_SPANS_MAX) {
			question->spans[question->span_count++] =
				(struct archive_span){from_s, to_s, mark->level};
		} else if (mark->kind == MARK_NOTE && question->note_count < ARCHIVE_NOTES_MAX) {
			question->notes[question->note_count++] =
				(struct archive_note){from_s, to_s, mark->text};
		}
	}
}

/* -- GET /api/v1/marks -- */

static void write_mark(struct jsonout *j, const struct mark *mark)
{
	bool episode = mark->kind == MARK_EPISODE;
	jsonout_open(j, NULL, '{');
	jsonout_int(j, "id", (int64_t)mark->id);
	jsonout_text(j, "kind", mark_kind_name(mark->kind));
	jsonout_moment(j, "from", mark->from.ms);
	jsonout_moment(j, "to", mark->to.ms);
	jsonout_text(j, "host", *mark->host ? mark->host : NULL);
	jsonout_text(j, "service", *mark->service ? mark->service : NULL);
	jsonout_text(j, "field", *mark->field ? mark->field : NULL);
	if (episode) {
		jsonout_text(j, "level", replica_level_name(mark->level));
	}
	jsonout_text(j, episode ? "rule" : "author", mark->about);
	jsonout_text(j, "text", mark->text);
	jsonout_close(j);
}

/* NULL: there is no such thing, which was answered. */
static const char *asked_host(const struct web *web, struct exchange *x)
{
	const struct catalog *catalog = replica_catalog(web->replica);
	const char *host = request_text(&x->request, "host");
	const char *service = request_text(&x->request, "service");
	if (!host) {
		if (service) {
			reply_problem(&x->reply, 400, "\"service\" needs \"host\"");
		}
		return service ? NULL : "";
	}
	if (!catalog_host(catalog, host)) {
		reply_problem(&x->reply, 404, "there is no host \"%.100s\"", host);
		return NULL;
	}
	if (service && !catalog_service(catalog, host, service)) {
		reply_problem(&x->reply, 404, "host %s has no graph \"%.100s\"", host, service);
		return NULL;
	}
	return host;
}

void api_marks(struct web *web, struct exchange *x)
{
	struct span span;
	struct error err = {0};
	const char *host = asked_host(web, x);
	if (!host) {
		return;
	}
	if (!span_read(&x->request, DEFAULT_S, &span, &err)) {
		reply_error(&x->reply, &err);
		return;
	}
	g_autoptr(GPtrArray) marks =
		marks_of(web->replica, host, request_text(&x->request, "service"), &span);
	guint first = marks->len > MARKS_ANSWERED ? marks->len - MARKS_ANSWERED : 0;
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	jsonout_open(&j, "marks", '[');
	for (guint i = first; i < marks->len; i++) {
		write_mark(&j, marks->pdata[i]);
	}
	jsonout_close(&j);
	jsonout_bool(&j, "truncated", first > 0);
	jsonout_close(&j);
}

/* -- annotations -- */

/* A time of the body: epoch seconds or a text as in addresses; NULL is none. */
static bool read_time(const struct request *request, const json_t *body, const char *name,
	int64_t *ms, struct error *err)
{
	const json_t *value = json_object_get(body, name);
	int64_t s = 0;
	if (!value || json_is_null(value)) {
		return true;
	}
	if (json_is_integer(value)) {
		s = json_integer_value(value);
	} else if (!json_is_string(value) ||
			   !request_parse_time(json_string_value(value), wall_s(request->now), &s)) {
		return error_set(err, ERR_CONFIG, "\"%s\" is no time", name);
	}
	if (s <= 0 || s > UINT32_MAX * 4LL) {
		return error_set(err, ERR_CONFIG, "\"%s\" is out of range", name);
	}
	*ms = s * 1000;
	return true;
}

static bool only_known(const json_t *body, struct error *err)
{
	static const char *const known[] = {"host", "service", "at", "to", "text", "author", NULL};
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)body, key, value)
	{
		bool text = strcmp(key, "at") && strcmp(key, "to");
		if (!g_strv_contains(known, key)) {
			return error_set(err, ERR_CONFIG, "\"%.50s\" is not known here", key);
		}
		if (text && !json_is_string(value)) {
			return error_set(err, ERR_CONFIG, "\"%s\" has to be a text", key);
		}
	}
	return json_string_length(json_object_get(body, "text")) > 0 ||
		   error_set(err, ERR_CONFIG, "\"text\" is missing");
}

void api_annotation(struct web *web, struct exchange *x)
{
	struct error err = {0};
	int64_t at_ms = 0;
	int64_t to_ms = 0;
	json_t *body = order_body(x, BODY_MAX);
	if (!body) {
		return;
	}
	if (only_known(body, &err) && read_time(&x->request, body, "at", &at_ms, &err) &&
		read_time(&x->request, body, "to", &to_ms, &err)) {
		json_object_set_new(body, "at", json_integer(at_ms));
		json_object_set_new(body, "to", json_integer(to_ms));
		AUTO_FREE char *json = json_dumps(body, JSON_COMPACT);
		order_send(web, x,
			&(struct order){.verb = "annotation.add", .json = json ? json : "{}", .status = 201});
	} else {
		reply_error(&x->reply, &err);
	}
	json_decref(body);
}

void api_annotation_gone(struct web *web, struct exchange *x)
{
	const char *text = x->request.variable[0];
	long long id;
	if (!number_parse_int(text, strlen(text), 1, INT64_MAX, &id)) {
		reply_problem(&x->reply, 404, "annotations have numbers");
		return;
	}
	g_autofree char *json = g_strdup_printf("{\"id\":%lld}", id);
	order_send(web, x, &(struct order){.verb = "annotation.remove", .json = json, .status = 200});
}
