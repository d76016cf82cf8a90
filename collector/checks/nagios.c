/*
 * A Nagios plugin as a check, run by the executor. The service "check_NAME" has the fields state (0
 * ok, 1 warning, 2 critical, 3 unknown), time (seconds it ran) and one per label of its performance
 * data, in base units; the first line is the extinfo of state while that is not 0 (an "OK - load
 * 0.42" that changes each round is no change of the service).
 *
 * I1: a field that was there once stays declared, unknown while the plugin does not tell it. I2:
 * what we could not execute says nothing about what is checked: state is unknown, the source fails.
 * What ran and gave no answer that counts is state 3, as Nagios has it.
 *
 * The plugin's own maximum is no limit of the field: a disk that grows would lose its values.
 */
#include "collector/nagios_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "collector/graph.h"
#include "collector/target.h"

#include "base/banned.h"

enum { MARGIN_MS = 700, FIRST_OWN = 2, REASON_MAX = 300 };

struct nagios_check {
	struct target *target;
	struct execution *execution; /* under way; NULL: none */
	struct feed *feed;
	GPtrArray *known; /* struct nagios_field *, owned: see I1 */
	bool complained;
	char service[IDENT_SERVICE_MAX + 1];
};

static const char *const own_names[] = {"state", "time", NULL};

static const struct field_row own_fields[] = {
	{"state", "state", FIELD_GAUGE, .min = "0", .max = "3", .unit = "1",
		.info = "0 ok, 1 warning, 2 critical, 3 unknown"},
	{"time", "time", FIELD_GAUGE, .min = "0", .unit = "s", .hidden = true,
		.info = "how long the plugin ran"},
};

/* -- the service -- */

static void nagios_field_add(struct service *service, const struct nagios_field *known)
{
	char warning[NAGIOS_LIMIT_TEXT] = "", critical[NAGIOS_LIMIT_TEXT] = "";
	char label[NAGIOS_LABEL_MAX + 32];
	bool rate = known->type == FIELD_DERIVE; /* limits are about the counter, not its rate */
	if (known->has_warning && !rate) {
		nagios_range_limit(&known->warning, known->factor, warning);
	}
	if (known->has_critical && !rate) {
		nagios_range_limit(&known->critical, known->factor, critical);
	}
	snprintf(label, sizeof(label), "%s%s%s%s", known->label, known->foreign_unit ? " (" : "",
		known->foreign_unit ? known->foreign_unit : "", known->foreign_unit ? ")" : "");
	struct field_row row = {.name = known->name,
		.label = label,
		.type = known->type,
		.min = rate || known->least >= 0 ? "0" : NULL,
		.unit = known->unit[0] ? known->unit : NULL,
		.warning = warning[0] ? warning : NULL,
		.critical = critical[0] ? critical : NULL};
	(void)graph_field(service, &row); /* names are good, and fewer than a service may have */
}

/* The same declaration again is no news (source_redeclare). */
static void nagios_declare(struct nagios_check *check, const char *reason)
{
	struct target *target = check->target;
	const char *program = g_ptr_array_index(target->settings->check.command, 0);
	g_autofree char *base = g_path_get_basename(program);
	g_autofree char *title = g_strdup_printf("%s (%s)", target->settings->name, base);
	struct graph_row row = {.args = "--base 1000 -l 0",
		.vlabel = "as the plugin tells them",
		.category = "checks",
		.info = "state and performance data of a Nagios plugin",
		.fields = own_fields,
		.field_count = ARRAY_LENGTH(own_fields)};
	struct service *service =
		graph_service_named(&target->source, &row, target->source.step_s, check->service, title);
	for (size_t i = 0; i < check->known->len; i++) {
		nagios_field_add(service, g_ptr_array_index(check->known, i));
	}
	graph_field_attribute(service_field(service, 0), "extinfo", reason[0] ? reason : NULL);
	check->feed = target_declare(target, check->service, service);
}

/* -- a round -- */

/* Puts what the plugin told now in place of what it told before; takes the fields out of `text`. */
static void nagios_learn(struct nagios_check *check, struct nagios_text *text)
{
	while (text->fields->len) {
		struct nagios_field *field = g_ptr_array_steal_index(text->fields, 0);
		guint at = 0;
		while (at < check->known->len &&
			   strcmp(((struct nagios_field *)check->known->pdata[at])->name, field->name) != 0) {
			at++;
		}
		if (at < check->known->len) {
			nagios_field_destroy(check->known->pdata[at]);
			check->known->pdata[at] = field;
		} else if (check->known->len < NAGIOS_FIELDS_MAX) {
			g_ptr_array_add(check->known, field);
		} else {
			nagios_field_destroy(field);
		}
	}
}

static void nagios_forget_values(struct nagios_check *check)
{
	for (size_t i = 0; i < check->known->len; i++) {
		((struct nagios_field *)g_ptr_array_index(check->known, i))->value = NAN;
	}
}

static void nagios_fill(struct nagios_check *check, double state, double time_s)
{
	struct feed *feed = check->feed;
	if (!feed) {
		return; /* another source has a service of that name: told as complaint */
	}
	feed->values[0] = state;
	feed->values[1] = time_s;
	for (size_t i = 0; i < check->known->len && FIRST_OWN + i < feed_count(feed); i++) {
		const struct nagios_field *field = g_ptr_array_index(check->known, i);
		feed->values[FIRST_OWN + i] = field->value;
	}
	feed->fresh = true;
}

static void nagios_done(struct nagios_check *check, const struct target_result *result)
{
	target_done(check->target, result);
}

/* It could not be executed: see I2. */
static void nagios_not_run(struct nagios_check *check, const struct error *why)
{
	struct target_result ended = {.error = *why};
	error_prefix(&ended.error, "execute");
	target_trace(check->target, "execute", false, "%s", why->text);
	nagios_forget_values(check);
	nagios_declare(check, "");
	nagios_fill(check, NAN, NAN);
	nagios_done(check, &ended);
}

/* Why what ran gave no answer that counts; "": it did. */
static void nagios_trouble(const struct execution_result *result, char out[REASON_MAX])
{
	out[0] = '\0';
	if (result->timed_out) {
		snprintf(out, REASON_MAX, "no answer within %.1f s", result->took_ms / 1000.0);
	} else if (result->too_many) {
		snprintf(out, REASON_MAX, "ended: it started too many processes");
	} else if (result->signal) {
		snprintf(out, REASON_MAX, "ended by signal %d", result->signal);
	}
}

static void nagios_complain(
	struct nagios_check *check, const struct execution_result *result, const char *note)
{
	bool strange = result->exit_code > NAGIOS_UNKNOWN;
	bool wrong = note[0] || result->truncated || strange;
	if (strange) {
		target_complain(check->target, check->service, "exit code %d is none of a plugin: %s",
			result->exit_code, result->errors);
	} else if (wrong) {
		target_complain(check->target, check->service, "%s",
			note[0] ? note : "its output is too long and was cut");
	} else if (check->complained) {
		target_content(check->target, check->service);
	}
	check->complained = wrong;
}

/* The state and, where it is not ok, the reason in words. */
static enum nagios_state nagios_judge(const struct execution_result *result,
	const struct nagios_text *text, const char *trouble, char reason[REASON_MAX])
{
	enum nagios_state state = NAGIOS_UNKNOWN;
	if (!trouble[0] && result->exit_code <= NAGIOS_UNKNOWN) {
		state = (enum nagios_state)result->exit_code;
	}
	const char *said = text->summary[0] ? text->summary : result->errors;
	g_autofree char *line = g_strndup(said, strcspn(said, "\n"));
	reason[0] = '\0';
	if (state != NAGIOS_OK) {
		g_autofree char *whole = g_strdup_printf("%s%s%s", trouble,
			trouble[0] && line[0] ? ": " : "", line[0] || trouble[0] ? line : "it says nothing");
		text_copy(reason, REASON_MAX, whole);
	}
	return state;
}

static void nagios_executed(void *owner, const struct execution_result *result)
{
	struct nagios_check *check = owner;
	struct target_result ended = {.alive = true};
	char trouble[REASON_MAX], reason[REASON_MAX];
	struct nagios_text text;
	check->execution = NULL;
	if (result->error.kind != ERR_NONE) {
		nagios_not_run(check, &result->error);
		return;
	}
	nagios_trouble(result, trouble);
	nagios_text_parse(&text, result->output, result->length, own_names);
	enum nagios_state state = nagios_judge(result, &text, trouble, reason);
	nagios_complain(check, result, text.note);
	target_trace(check->target, "execute", !trouble[0], "%s after %u ms: %s",
		nagios_state_name(state), (unsigned)result->took_ms, reason[0] ? reason : text.summary);
	nagios_forget_values(check);
	nagios_learn(check, &text);
	nagios_declare(check, reason);
	nagios_fill(check, state, result->took_ms / 1000.0);
	nagios_text_finish(&text);
	if (trouble[0]) {
		error_set(
			&ended.error, result->timed_out ? ERR_TIMEOUT : ERR_PROTOCOL, "query: %s", reason);
	}
	nagios_done(check, &ended);
}

static void nagios_begin(void *state, struct wall at UNUSED)
{
	struct nagios_check *check = state;
	struct target *target = check->target;
	struct error err = {.kind = ERR_NONE};
	int64_t left_ms = target_left_ms(target);
	struct execution_request request = {.what = EXECUTION_CHECK,
		.host = target->settings->host->name,
		.name = target->settings->name,
		.timeout_ms = (uint32_t)MAX(left_ms - MIN(left_ms / 2, MARGIN_MS), 1)};
	target_doing(target, "execute");
	if (!target->world->executor) {
		error_set(&err, ERR_UNREACHABLE, "nothing is executed here");
	} else {
		check->execution =
			executor_start(target->world->executor, &request, nagios_executed, check, &err);
	}
	if (!check->execution) {
		nagios_not_run(check, &err);
	}
}

static void nagios_cancel(void *state)
{
	struct nagios_check *check = state;
	if (check->execution) {
		executor_cancel(check->target->world->executor, check->execution);
		check->execution = NULL;
	}
}

static void nagios_destroy(void *state)
{
	struct nagios_check *check = state;
	nagios_cancel(check);
	g_ptr_array_free(check->known, TRUE);
	g_free(check);
}

static void *nagios_create(struct target *target, struct error *err)
{
	char raw[IDENT_SERVICE_MAX + 1];
	struct nagios_check *check = g_new0(struct nagios_check, 1);
	check->target = target;
	check->known = g_ptr_array_new_with_free_func(nagios_field_destroy);
	snprintf(raw, sizeof(raw), "check_%s", target->settings->name);
	if (!ident_clean_service(raw, check->service)) {
		error_set(err, ERR_CONFIG, "no name of a service can be made of it");
		nagios_destroy(check);
		return NULL;
	}
	return check;
}

extern const struct target_kind check_nagios;
const struct target_kind check_nagios = {.create = nagios_create,
	.begin = nagios_begin,
	.cancel = nagios_cancel,
	.destroy = nagios_destroy};
