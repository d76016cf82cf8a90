#include "collector/checks/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "collector/checks/check_run.h"

#include "base/banned.h"

/*
 * What is alike for all checks: the service and its reason, the end of a round, the stream. A
 * round: target's begin -> the kind's begin -> check_succeed(), check_fail() or check_refuse(),
 * exactly one of them counts.
 *
 * C1. After the end of a round nothing of the check is touched: target_done() may do as it likes.
 * C2. A round that ends inside begin() is told when begin() is over. C3. The service is declared
 * again only when the reason changed.
 */
enum { CHECK_MARGIN_MS = 100 };

#define CHECK(number, object)        extern const struct check_kind object;
#define CHECK_TARGET(number, object) extern const struct target_kind object;
#include "collector/checks/checks.def"
#undef CHECK
#undef CHECK_TARGET

static const struct field_row check_first[] = {
	{"up", "up", FIELD_GAUGE, .min = "0", .max = "1", .unit = "1", .hidden = true,
		.info = "1: all of it went well in time"},
	{"stage", "stages done", FIELD_GAUGE, .min = "0", .max = "6", .unit = "1", .hidden = true,
		.info = "1 resolve, 2 connect, 3 greet, 4 authenticate, 5 query"},
	{"time", "time", FIELD_GAUGE, .min = "0", .unit = "s"},
};

const char *check_stage_name(enum check_stage stage)
{
	static const char *const names[] = {
		"resolve", "connect", "greet", "authenticate", "query", "done"};
	return names[stage];
}

/* -- the service -- */

static void check_declare_days(struct check *check, struct service *service)
{
	struct field *days = service_find_field(service, check->kind->days);
	char text[32];
	snprintf(text, sizeof(text), "%u:", (unsigned)check->settings->warn_days);
	graph_field_attribute(days, "warning", text);
	snprintf(text, sizeof(text), "%u:", (unsigned)check->settings->crit_days);
	graph_field_attribute(days, "critical", text);
}

static void check_declare(struct check_run *run)
{
	struct check *check = &run->check;
	struct target *target = check->target;
	struct graph_row row = {.args = "--base 1000 -l 0",
		.vlabel = "seconds",
		.category = "checks",
		.info = check->kind->info,
		.fields = check_first,
		.field_count = ARRAY_LENGTH(check_first)};
	g_autofree char *title = g_strdup_printf("%s %s", check->kind->title, target->settings->name);
	struct service *service =
		graph_service_named(&target->source, &row, target->source.step_s, run->service, title);
	for (size_t i = 0; i < check->kind->field_count; i++) {
		graph_field(service, &check->kind->fields[i]);
	}
	if (check->kind->days) {
		check_declare_days(check, service);
	}
	graph_field_attribute(
		service_field(service, CHECK_UP), "extinfo", run->reason[0] ? run->reason : NULL);
	run->feed = target_declare(target, run->service, service);
}

static void check_set_reason(struct check_run *run, const char *reason)
{
	if (strcmp(run->reason, reason) != 0) { /* see C3 */
		text_copy(run->reason, sizeof(run->reason), reason);
		check_declare(run);
	}
}

static void check_fill(struct check_run *run, bool up, double took_s)
{
	if (!run->feed) {
		return;
	}
	run->feed->values[CHECK_UP] = up;
	run->feed->values[CHECK_STAGE] = up ? CHECK_DONE : run->check.stage;
	run->feed->values[CHECK_TIME] = took_s;
	for (size_t i = 0; i < run->check.kind->field_count; i++) {
		run->feed->values[CHECK_OWN + i] = run->values[i];
	}
	run->feed->fresh = true;
}

/* -- stages and the end -- */

void check_reach(struct check *check, enum check_stage stage)
{
	if (stage <= check->stage) {
		return;
	}
	target_trace(check->target, check_stage_name(check->stage), true, "done after %.1f ms",
		check_age_s(check) * 1000);
	check->stage = stage;
	target_doing(check->target, check_stage_name(stage));
}

void check_value(struct check *check, size_t field, double value)
{
	check_run(check)->values[field] = value;
}

double check_age_s(const struct check *check)
{
	return (double)(g_get_monotonic_time() - check->began_us) / 1e6;
}

int64_t check_left_ms(const struct check *check)
{
	int64_t left = target_left_ms(check->target);
	return MAX(left - MIN((int64_t)CHECK_MARGIN_MS, left / 2), (int64_t)1);
}

static void check_let_go(struct check_run *run)
{
	run->over = true;
	stream_destroy(STEAL(run->check.stream));
	if (run->check.kind->cancel) {
		run->check.kind->cancel(&run->check);
	}
}

static void check_end(struct check_run *run, const struct target_result *result)
{
	check_let_go(run);
	if (run->beginning) {
		run->ended = *result; /* see C2 */
	} else {
		target_done(run->check.target, result); /* see C1 */
	}
}

static void check_succeed_as(struct check *check, double took_s, const char *note)
{
	struct check_run *run = check_run(check);
	struct target_result result = {.alive = true};
	if (run->over) {
		return;
	}
	double seconds = isnan(took_s) ? check_age_s(check) : took_s;
	target_trace(check->target, check_stage_name(check->stage), true, "done after %.1f ms%s%s",
		check_age_s(check) * 1000, note[0] ? ": " : "", note);
	check_set_reason(run, note);
	if (note[0]) {
		target_complain(check->target, run->service, "%s", note);
	} else if (run->noted) {
		target_content(check->target, run->service);
	}
	run->noted = note[0] != '\0';
	check_fill(run, true, seconds);
	check_end(run, &result);
}

void check_succeed(struct check *check, double took_s)
{
	check_succeed_as(check, took_s, "");
}

PRINTF_LIKE(3, 0)
static void check_clean(char *out, size_t size, const char *format, va_list list)
{
	char raw[1024];
	vsnprintf(raw, sizeof(raw), format, list);
	g_autofree char *clean = text_clean(raw, strlen(raw), size - 1);
	text_copy(out, size, g_strstrip(clean));
}

void check_succeed_but(struct check *check, double took_s, const char *format, ...)
{
	char note[CHECK_REASON_MAX];
	va_list list;
	va_start(list, format);
	check_clean(note, sizeof(note), format, list);
	va_end(list);
	check_succeed_as(check, took_s, note);
}

void check_fail(struct check *check, enum error_kind kind, const char *format, ...)
{
	struct check_run *run = check_run(check);
	char why[CHECK_REASON_MAX - 16], reason[CHECK_REASON_MAX];
	struct target_result result = {.alive = check->stage > CHECK_CONNECT};
	va_list list;
	if (run->over) {
		return;
	}
	va_start(list, format);
	check_clean(why, sizeof(why), format, list);
	va_end(list);
	snprintf(reason, sizeof(reason), "%s: %s", check_stage_name(check->stage), why);
	target_trace(check->target, check_stage_name(check->stage), false, "%s", why);
	error_set(&result.error, kind, "%s", reason);
	check_set_reason(run, reason);
	check_fill(run, false, NAN);
	check_end(run, &result);
}

void check_refuse(struct check *check, const struct error *err)
{
	struct check_run *run = check_run(check);
	if (!run->over) {
		struct target_result result = {.error = *err};
		check_end(run, &result);
	}
}

/* -- as a target -- */

static const struct check_kind *check_kind_of(const struct target *target)
{
	static const struct check_kind *const kinds[] = {
		[CONFIG_CHECK_NAGIOS] = NULL,
#define CHECK(number, object) [number] = &(object),
#define CHECK_TARGET(number, object)
#include "collector/checks/checks.def"
#undef CHECK
#undef CHECK_TARGET
	};
	uint32_t kind = target->settings->check.kind;
	return kind < ARRAY_LENGTH(kinds) ? kinds[kind] : NULL;
}

void *check_create(struct target *target, struct error *err)
{
	const struct check_kind *kind = check_kind_of(target);
	if (!kind) {
		error_set(err, ERR_CONFIG, "there is no such kind of check");
		return NULL;
	}
	struct check_run *run = g_new0(struct check_run, 1);
	run->check = (struct check){.kind = kind,
		.settings = &target->settings->check,
		.target = target,
		.state = g_malloc0(kind->state_size)};
	run->over = true;
	char raw[IDENT_SERVICE_MAX + 1];
	snprintf(raw, sizeof(raw), "check_%s", target->settings->name);
	if (!ident_clean_service(raw, run->service) ||
		(kind->start && !kind->start(&run->check, err))) {
		check_destroy(run);
		return NULL;
	}
	check_declare(run);
	return run;
}

void check_begin(void *state, struct wall at)
{
	struct check_run *run = state;
	run->check.at = at;
	run->check.stage = CHECK_RESOLVE;
	run->check.began_us = g_get_monotonic_time();
	run->over = false;
	for (size_t i = 0; i < CHECK_FIELDS_MAX; i++) {
		run->values[i] = NAN;
	}
	target_doing(run->check.target, check_stage_name(CHECK_RESOLVE));
	run->beginning = true;
	run->check.kind->begin(&run->check);
	run->beginning = false;
	if (run->over) {
		target_done(run->check.target, &run->ended);
	}
}

void check_cancel(void *state)
{
	check_let_go(state);
}

void check_destroy(void *state)
{
	struct check_run *run = state;
	check_let_go(run);
	if (run->check.kind->stop) {
		run->check.kind->stop(&run->check);
	}
	tls_credentials_unref(run->credentials);
	g_free(run->check.state);
	g_free(run);
}
