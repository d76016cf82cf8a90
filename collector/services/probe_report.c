#include "base/secret.h"
#include "base/text.h"
#include "collector/services/probe_run.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

/*
 * What a probe tells: the service "probe_NAME" with its reason, the stages as they are done, the
 * canary, complaints, graphs, and the end of a round.
 *
 * P1. After probe_end() nothing of the probe is touched: target_done() may do as it likes.
 * P3. A round that ends inside begin() is told when begin() is over: the target may go away then.
 * P2. The service is declared again only when the reason changed: a healthy round costs no text.
 * P4. The password of the service is in no text, whoever wrote it there.
 */
enum { PROBE_CANARY_MS = 300 * 1000, PROBE_SECRET_LEAST = 4 };

static const char *const probe_stage_names[] = {
	"resolve", "connect", "greet", "authenticate", "query", "write"};

static const struct field_row probe_fields[] = {
	{"up", "up", FIELD_GAUGE, .min = "0", .max = "1", .hidden = true,
		.info = "1: the whole exchange went well in time"},
	{"stage", "stages done", FIELD_GAUGE, .min = "0", .max = "6", .hidden = true,
		.info = "1 resolve, 2 connect, 3 greet, 4 authenticate, 5 query, 6 write"},
	{"time", "time", FIELD_GAUGE, .min = "0", .unit = "s",
		.info = "From the first step to the last answer"},
	{"canary", "write canary", FIELD_GAUGE, .min = "0", .max = "1", .hidden = true,
		.info = "1: what was written could be read back"},
};
enum { PROBE_UP, PROBE_STAGE, PROBE_TIME, PROBE_CANARY };

static const struct graph_row probe_row = {
	.name = "probe",
	.title = "Probe",
	.args = "--base 1000 -l 0",
	.vlabel = "seconds",
	.category = "probes",
	.info =
		"How long the exchange in the service's own protocol took. Where nothing is drawn it did "
		"not come to its end; whether it did, and how far it came, are values of their own.",
	.fields = probe_fields,
	.field_count = ARRAY_LENGTH(probe_fields),
};

const char *probe_stage_name(enum probe_stage stage)
{
	return probe_stage_names[stage];
}

int64_t probe_clock_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* -- what is told -- */

void probe_declare(struct probe_run *run)
{
	struct target *target = run->probe.target;
	char *title = g_strdup_printf("Probe of %s", run->probe.name);
	struct service *service = graph_service_named(
		&target->source, &probe_row, target->source.step_s, run->service, title);
	g_free(title);
	struct field *up = service_find_field(service, "up");
	graph_field_attribute(up, "extinfo", run->reason[0] ? run->reason : NULL);
	run->feed = target_declare(target, run->service, service);
}

static void probe_set_reason(struct probe_run *run, const char *reason)
{
	if (strcmp(run->reason, reason) != 0) {
		(void)text_copy(run->reason, sizeof run->reason, reason);
		probe_declare(run);
	}
}

/* P1. */
static void probe_end(struct probe_run *run, const struct target_result *result)
{
	struct target *target = run->probe.target;
	run->over = true;
	stream_destroy(STEAL(run->probe.stream));
	secret_free(STEAL(run->probe.password));
	if (run->beginning) {
		run->ended = *result;
		return;
	}
	target_done(target, result);
}

static void probe_fill(struct probe_run *run, bool up, double took_s)
{
	if (!run->feed) {
		return;
	}
	const struct probe *probe = &run->probe;
	bool wrote = up && run->canary > 0;
	bool counts = up || run->canary_tried;
	run->feed->values[PROBE_UP] = up;
	run->feed->values[PROBE_STAGE] = !up ? probe->stage : wrote ? PROBE_STAGES : PROBE_WRITE;
	run->feed->values[PROBE_TIME] = took_s;
	run->feed->values[PROBE_CANARY] = counts ? run->canary : NAN;
	run->feed->fresh = true;
}

static void probe_succeed_as(struct probe_run *run, const char *reason)
{
	if (run->over) {
		return;
	}
	double took_s = (double)(probe_clock_us() - run->began_us) / 1e6;
	struct target *target = run->probe.target;
	if (target_traced(target)) {
		target_trace(target, probe_stage_name(run->probe.stage), true, "done after %.1f ms%s%s",
			took_s * 1000, reason[0] ? ": " : "", reason);
	}
	probe_set_reason(run, reason);
	if (reason[0]) {
		run->noted = true;
		target_complain(target, run->service, "%s", reason);
	} else if (run->noted) {
		run->noted = false;
		target_content(target, run->service);
	}
	probe_fill(run, true, took_s);
	struct target_result result = {.alive = true, .version = run->version[0] ? run->version : NULL};
	probe_end(run, &result);
}

void probe_succeed(struct probe *probe)
{
	probe_succeed_as(probe_run(probe), "");
}

/* Services quote what they were sent, the password in it: it is told to nobody (P4). */
static char *probe_withhold(const struct probe *probe, char *text)
{
	if (!probe->password || strlen(probe->password) < PROBE_SECRET_LEAST ||
		!strstr(text, probe->password)) {
		return text;
	}
	char **parts = g_strsplit(text, probe->password, -1);
	char *clean = g_strjoinv("***", parts);
	g_strfreev(parts);
	explicit_bzero(text, strlen(text));
	g_free(text);
	return clean;
}

PRINTF_LIKE(2, 0)
static char *probe_text(const struct probe *probe, const char *format, va_list values)
{
	char *raw = probe_withhold(probe, g_strdup_vprintf(format, values));
	char *clean = text_clean(raw, strlen(raw), PROBE_REASON_MAX);
	g_free(raw);
	return g_strstrip(clean);
}

void probe_succeed_but(struct probe *probe, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	char *text = probe_text(probe, format, values);
	va_end(values);
	probe_succeed_as(probe_run(probe), text);
	g_free(text);
}

void probe_fail_as(struct probe_run *run, enum error_kind kind, const char *text)
{
	if (run->over) {
		return;
	}
	struct target_result result = {.alive = run->probe.stage > PROBE_CONNECT};
	const char *stage = probe_stage_name(run->probe.stage);
	char reason[PROBE_REASON_MAX + 1];
	char *whole = g_strdup_printf("%s: %s", stage, text);
	(void)text_copy(reason, sizeof reason, whole);
	g_free(whole);
	target_trace(run->probe.target, stage, false, "%s", text);
	(void)error_set(&result.error, kind, "%s", reason);
	probe_set_reason(run, reason);
	probe_fill(run, false, NAN);
	probe_end(run, &result);
}

void probe_fail(struct probe *probe, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	char *text = probe_text(probe, format, values);
	va_end(values);
	probe_fail_as(probe_run(probe), ERR_PROTOCOL, text);
	g_free(text);
}

void probe_refuse(struct probe_run *run, const struct error *err)
{
	struct target_result result = {.error = *err};
	probe_end(run, &result);
}

void probe_misconfigured(struct probe *probe, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	char *text = probe_text(probe, format, values);
	va_end(values);
	struct error err = {0};
	(void)error_set(&err, ERR_CONFIG, "%s", text);
	g_free(text);
	if (!probe_run(probe)->over) {
		probe_refuse(probe_run(probe), &err);
	}
}

void probe_complain(struct probe *probe, const char *what, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	char *text = probe_text(probe, format, values);
	va_end(values);
	probe_run(probe)->complained = true;
	target_complain(probe->target, what, "%s", text);
	g_free(text);
}

void probe_content(struct probe *probe, const char *what)
{
	if (probe_run(probe)->complained) {
		target_content(probe->target, what);
	}
}

void probe_version(struct probe *probe, const char *format, ...)
{
	struct probe_run *run = probe_run(probe);
	va_list values;
	va_start(values, format);
	char raw[sizeof run->version];
	g_vsnprintf(raw, sizeof raw, format, values);
	va_end(values);
	if (strcmp(raw, run->version) != 0) {
		char *clean = text_clean(raw, strlen(raw), sizeof run->version - 1);
		(void)text_copy(run->version, sizeof run->version, g_strstrip(clean));
		g_free(clean);
	}
}

/* -- stages and the canary -- */

void probe_reach(struct probe *probe, enum probe_stage stage)
{
	if (stage <= probe->stage) {
		return;
	}
	if (target_traced(probe->target)) {
		target_trace(probe->target, probe_stage_name(probe->stage), true, "done after %.1f ms",
			(double)(probe_clock_us() - probe_run(probe)->began_us) / 1000);
	}
	probe->stage = stage;
	target_doing(probe->target, probe_stage_name(stage));
}

bool probe_writes(const struct probe *probe)
{
	const struct probe_run *run = (const struct probe_run *)probe;
	return probe->settings->write &&
		   (!(run->canary > 0) || mono_now().ms - run->canary_at.ms >= PROBE_CANARY_MS);
}

void probe_canary(struct probe *probe, bool written)
{
	struct probe_run *run = probe_run(probe);
	run->canary = written;
	run->canary_at = mono_now();
	run->canary_tried = true;
}

void probe_canary_forget(struct probe *probe)
{
	struct probe_run *run = probe_run(probe);
	run->canary = NAN;
	run->canary_tried = false;
}

/* -- graphs -- */

struct service *probe_graph_begin(
	struct probe *probe, const struct graph_row *row, const char *name)
{
	struct target *target = probe->target;
	const char *base = name ? name : row->name;
	const char *dot = strchrnul(base, '.');
	char *whole = g_strdup_printf("%.*s%s%s", (int)(dot - base), base, probe->suffix, dot);
	char *title = probe->suffix[0] ? g_strdup_printf("%s (%s)", row->title, probe->name)
								   : g_strdup(row->title);
	struct service *service =
		graph_service_named(&target->source, row, target->source.step_s, whole, title);
	g_free(whole);
	g_free(title);
	return service;
}

struct feed *probe_graph_declare(struct probe *probe, struct service *service)
{
	if (!probe->settings->metrics) {
		service_destroy(service);
		return NULL;
	}
	return target_declare(probe->target, probe_run(probe)->service, service);
}

struct feed *probe_graph(struct probe *probe, const struct graph_row *row)
{
	return probe_graph_declare(probe, probe_graph_begin(probe, row, NULL));
}

void probe_value(struct feed *feed, const char *field, double value)
{
	const struct field *found = feed ? service_find_field(feed->declaration->service, field) : NULL;
	if (found) {
		feed->values[found->index] = value;
		feed->fresh = true;
	}
}
