#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "collector/graph.h"
#include "collector/scrape.h"
#include "collector/target.h"
#include "model/config_hosts.h"

#include "base/banned.h"

/*
 * An exporter as a source: one GET a round, whose answer collector/scrape.h makes services of.
 *
 * Beside them there is "exporter_NAME" with the fields up, stage, time and series, alike the probes
 * of services: whether the exchange went well, how far it came, and why not as extinfo of up. A
 * round that fails leaves all other services of the exporter declared and without data.
 *
 * I1: `transfer` is set exactly while a request is under way; its callback clears it first.
 */
enum { RESPONSE_MAX = 8 << 20, REASON_MAX = 200, LOGIN_MAX = 6000, SPARE_MS = 200 };
enum { STAGE_NONE, STAGE_RESOLVE, STAGE_CONNECT, STAGE_QUERY = 5 };

struct exporter {
	struct target *target;
	const struct config_exporter *settings;
	struct scrape *scrape;
	struct httpclient_transfer *transfer; /* see I1 */
	struct wall at;
	struct mono began;
	char reason[REASON_MAX]; /* of the last failure; "": the last round was good */
};

/* -- exporter_NAME -- */

static const struct field_row fields[] = {
	{.name = "up", .label = "up", .type = FIELD_GAUGE, .min = "0", .max = "1", .unit = "1"},
	{.name = "stage", .label = "stage", .type = FIELD_GAUGE, .unit = "1", .hidden = true},
	{.name = "time", .label = "time", .type = FIELD_GAUGE, .min = "0", .unit = "s"},
	{.name = "series", .label = "series", .type = FIELD_GAUGE, .unit = "1", .hidden = true},
};

static void exporter_tell(struct exporter *e, int stage, const char *reason)
{
	static const struct graph_row row = {.args = "--base 1000 -l 0",
		.vlabel = "seconds",
		.category = "magpie",
		.info = "Whether the exporter answers, and how long it takes.",
		.fields = fields,
		.field_count = ARRAY_LENGTH(fields)};
	const struct source *source = &e->target->source;
	const char *name = e->target->settings->name;
	g_autofree char *service_name = g_strconcat(SCRAPE_OWN, name, NULL);
	g_autofree char *title = g_strconcat("Exporter ", name, NULL);
	struct service *service =
		graph_service_named(source, &row, source->step_s, service_name, title);
	text_copy(e->reason, sizeof(e->reason), reason);
	graph_field_attribute(service_field(service, 0), "extinfo", *e->reason ? e->reason : NULL);
	struct feed *feed = target_declare(e->target, service_name, service);
	if (feed) {
		bool good = !*reason;
		feed->values[0] = good;
		feed->values[1] = stage;
		feed->values[2] = good ? (double)(mono_now().ms - e->began.ms) / 1000 : NAN;
		feed->values[3] = good ? (double)scrape_present(e->scrape) : NAN;
		feed->fresh = true;
	}
}

/* -- a round -- */

static void exporter_fail(struct exporter *e, int stage, bool alive, const struct error *err)
{
	struct target_result result = {.alive = alive, .error = *err};
	target_trace(e->target, "answer", false, "%s", err->text);
	exporter_tell(e, stage, err->text);
	target_done(e->target, &result);
}

/* Takes "after 12 ms" out: a reason that changes each round would be a new declaration each time.
 */
static void forget_duration(char *text)
{
	char *from = strstr(text, " after ");
	char *to = from ? strstr(from, " ms") : NULL;
	if (to &&
		strspn(from + strlen(" after "), "0123456789") == (size_t)(to - from) - strlen(" after ")) {
		to += strlen(" ms");
		memmove(from, to, strlen(to) + 1);
	}
}

/* How far a request came that did not end well, by what is known of it; says so in the error. */
static int failed_stage(
	const struct exporter *e, const struct httpclient_result *result, struct error *err)
{
	if (err->kind == ERR_TIMEOUT) {
		error_set(err, ERR_TIMEOUT, "no %s within %u s",
			result->connected ? (result->status ? "end of the answer" : "answer") : "connection",
			e->target->settings->timeout_s);
	}
	forget_duration(err->text);
	error_prefix(err, "%s", result->connected ? "query" : "connect");
	return result->connected ? STAGE_CONNECT : STAGE_RESOLVE;
}

/* Whether the answer is one of metrics, and in which form. */
static bool exporter_form(
	const struct httpclient_result *result, enum openmetrics_form *form, struct error *err)
{
	const char *type = result->content_type;
	*form = OPENMETRICS_TEXT;
	if (result->status != 200) {
		return error_set(err,
			result->status == 401 || result->status == 403 ? ERR_DENIED : ERR_PROTOCOL,
			"query: the answer is %ld, not 200", result->status);
	}
	if (result->truncated) {
		return error_set(
			err, ERR_PROTOCOL, "query: the answer is longer than %d MiB", RESPONSE_MAX >> 20);
	}
	if (!g_ascii_strncasecmp(type, "application/openmetrics-text", 28)) {
		*form = OPENMETRICS_STRICT;
	} else if (!g_ascii_strncasecmp(type, "text/html", 9)) {
		return error_set(err, ERR_PROTOCOL, "query: this is a web page, not a list of metrics");
	} else if (!g_ascii_strncasecmp(type, "application/vnd.google.protobuf", 31)) {
		return error_set(err, ERR_PROTOCOL, "query: the answer is not text");
	}
	return true;
}

static void exporter_take(struct exporter *e, const struct httpclient_result *result)
{
	enum openmetrics_form form;
	struct error err = {.kind = ERR_NONE};
	if (!exporter_form(result, &form, &err)) {
		exporter_fail(e, STAGE_CONNECT, true, &err);
		return;
	}
	target_trace(e->target, "answer", true, "%zu bytes of %s", result->length,
		form == OPENMETRICS_STRICT ? "OpenMetrics" : "Prometheus text");
	if (!scrape_take(e->scrape, e->target, result->body, result->length, form, e->at, &err)) {
		error_prefix(&err, "query");
		exporter_fail(e, STAGE_CONNECT, true, &err);
		return;
	}
	target_trace(e->target, "values", true, "%zu series in it, %zu known",
		scrape_present(e->scrape), scrape_series(e->scrape));
	exporter_tell(e, STAGE_QUERY, "");
	struct target_result done = {.alive = true};
	target_done(e->target, &done);
}

static void exporter_answered(void *owner, const struct httpclient_result *result)
{
	struct exporter *e = owner;
	e->transfer = NULL;
	if (result->error.kind != ERR_NONE) {
		struct error err = result->error;
		int stage = failed_stage(e, result, &err);
		exporter_fail(e, stage, result->status != 0, &err);
		return;
	}
	exporter_take(e, result);
}

/* "Authorization: …" into `out` of LOGIN_MAX bytes, "" for none. */
static bool exporter_login(const struct exporter *e, char *out, struct error *err)
{
	const struct config_exporter *settings = e->settings;
	const char *path = settings->token_file ? settings->token_file : settings->password_file;
	out[0] = '\0';
	if (!path) {
		return true;
	}
	char *secret = secret_read(path, err);
	if (!secret) {
		return error_prefix(err, "authenticate");
	}
	if (settings->token_file) {
		snprintf(out, LOGIN_MAX, "Authorization: Bearer %s", secret);
	} else {
		g_autofree char *pair =
			g_strconcat(settings->user ? settings->user : "", ":", secret, NULL);
		g_autofree char *coded = g_base64_encode((const guchar *)pair, strlen(pair));
		snprintf(out, LOGIN_MAX, "Authorization: Basic %s", coded);
		explicit_bzero(pair, strlen(pair));
		explicit_bzero(coded, strlen(coded));
	}
	secret_free(secret);
	return true;
}

static void exporter_begin(void *state, struct wall at)
{
	struct exporter *e = state;
	struct error err = {.kind = ERR_NONE};
	char login[LOGIN_MAX];
	e->at = at;
	e->began = mono_now();
	if (!exporter_login(e, login, &err)) {
		exporter_fail(e, STAGE_NONE, false, &err);
		return;
	}
	const char *headers[] = {
		"Accept: application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.7",
		*login ? login : NULL, NULL};
	int64_t left_ms = target_left_ms(e->target);
	struct httpclient_request request = {.url = e->settings->url,
		.headers = headers,
		.response_max = RESPONSE_MAX,
		.unverified = !e->settings->verify,
		.ca_file = e->settings->identity.ca,
		.certificate = e->settings->identity.certificate,
		.key = e->settings->identity.key,
		.timeout_ms = left_ms - MIN(left_ms / 4, SPARE_MS)}; /* so that it is us who ends it */
	target_doing(e->target, "query");
	target_trace(e->target, "request", true, "GET %s", e->settings->url);
	e->transfer = httpclient_start(e->target->world->http, &request, exporter_answered, e, &err);
	explicit_bzero(login, sizeof(login));
	if (!e->transfer) {
		exporter_fail(e, STAGE_NONE, false, &err);
	}
}

static void exporter_cancel(void *state)
{
	struct exporter *e = state;
	if (e->transfer) {
		httpclient_cancel(e->transfer);
		e->transfer = NULL;
	}
}

/* -- life -- */

static void exporter_destroy(void *state)
{
	struct exporter *e = state;
	exporter_cancel(e);
	scrape_destroy(e->scrape);
	g_free(e);
}

static void *exporter_create(struct target *target, struct error *err)
{
	const struct config_exporter *settings = &target->settings->exporter;
	struct scrape *scrape = scrape_create(settings, target->settings->name, err);
	if (!scrape) {
		return NULL;
	}
	struct exporter *e = g_new0(struct exporter, 1);
	e->target = target;
	e->settings = settings;
	e->scrape = scrape;
	return e;
}

const struct target_kind target_exporter = {
	.create = exporter_create,
	.begin = exporter_begin,
	.cancel = exporter_cancel,
	.destroy = exporter_destroy,
	.speaks_for_host = true,
};
