/*
 * A Munin plugin on this machine, run by the executor: what a munin-node would answer for it is
 * what it says, so what is known of it is kept as that of a node with one plugin.
 *
 * A round: `config` if it is due (first, then every few minutes; each round if values come with it)
 * -> its values, unless they came already -> done. A plugin that fails keeps its services, which
 * are unknown; the source says why.
 */
#include "collector/munin/node_state.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

enum { MARGIN_MS = 700 };

struct plugin_run {
	struct target *target;
	struct execution *execution; /* under way; NULL: none */
	struct node_state state;
	struct remote_plugin *plugin;
	struct wall at;
};

/* `why` NULL: all went well. Nothing of the run is touched afterwards. */
static void plugin_done(struct plugin_run *run, const struct error *why)
{
	struct target_result result = {.alive = !why};
	if (why) {
		result.error = *why;
		node_state_fail(&run->state, run->plugin, why->text);
		target_trace(run->target, "plugin", false, "%s", why->text);
	}
	node_state_end(&run->state, run->at);
	target_done(run->target, &result);
}

/* Why an answer does not count; false: it does. */
static bool plugin_trouble(
	const struct execution_result *result, const char *stage, struct error *why)
{
	g_autofree char *line = g_strndup(result->errors, strcspn(result->errors, "\n"));
	const char *before = line[0] ? ": " : "";
	if (result->error.kind != ERR_NONE) {
		*why = result->error;
		error_prefix(why, "%s", stage);
	} else if (result->timed_out) {
		error_set(why, ERR_TIMEOUT, "%s: no answer within %.1f s%s%s", stage,
			result->took_ms / 1000.0, before, line);
	} else if (result->too_many) {
		error_set(why, ERR_PROTOCOL, "%s: ended, it started too many processes", stage);
	} else if (result->signal) {
		error_set(
			why, ERR_PROTOCOL, "%s: ended by signal %d%s%s", stage, result->signal, before, line);
	} else if (result->exit_code) {
		error_set(
			why, ERR_PROTOCOL, "%s: exit code %d%s%s", stage, result->exit_code, before, line);
	} else if (result->truncated) {
		error_set(why, ERR_PROTOCOL, "%s: the answer is longer than %d bytes", stage,
			EXECUTION_OUTPUT_MAX);
	} else {
		return false;
	}
	return true;
}

static void plugin_start(struct plugin_run *run, enum execution_what what, execution_fn done)
{
	struct target *target = run->target;
	const char *stage = what == EXECUTION_PLUGIN_CONFIG ? "config" : "fetch";
	struct error err = {.kind = ERR_NONE};
	int64_t left_ms = target_left_ms(target);
	struct execution_request request = {.what = what,
		.host = target->settings->host->name,
		.name = target->settings->name,
		.timeout_ms = (uint32_t)MAX(left_ms - MIN(left_ms / 2, MARGIN_MS), 1)};
	target_doing(target, stage);
	if (!target->world->executor) {
		error_set(&err, ERR_UNREACHABLE, "nothing is executed here");
	} else {
		run->execution = executor_start(target->world->executor, &request, done, run, &err);
	}
	if (!run->execution) {
		error_prefix(&err, "%s", stage);
		plugin_done(run, &err);
	}
}

static void plugin_fetched(void *owner, const struct execution_result *result)
{
	struct plugin_run *run = owner;
	struct error why = {.kind = ERR_NONE};
	run->execution = NULL;
	if (plugin_trouble(result, "fetch", &why)) {
		plugin_done(run, &why);
		return;
	}
	target_trace(run->target, "fetch", true, "%zu bytes after %u ms", result->length,
		(unsigned)result->took_ms);
	struct node_part text = {result->output, result->length};
	if (!node_state_fetch(&run->state, run->plugin, text, run->at)) {
		error_set(&why, ERR_PROTOCOL, "fetch: it says that it failed");
	}
	plugin_done(run, why.kind ? &why : NULL);
}

static void plugin_configured(void *owner, const struct execution_result *result)
{
	struct plugin_run *run = owner;
	struct error why = {.kind = ERR_NONE};
	run->execution = NULL;
	if (plugin_trouble(result, "config", &why)) {
		plugin_done(run, &why);
		return;
	}
	target_trace(run->target, "config", true, "%zu bytes after %u ms", result->length,
		(unsigned)result->took_ms);
	struct node_part text = {result->output, result->length};
	if (!node_state_config(&run->state, run->plugin, text, run->at)) {
		error_set(&why, ERR_PROTOCOL, "config: declares no graph with fields");
		plugin_done(run, &why);
		return;
	}
	if (run->plugin->dirty) {
		plugin_done(run, NULL);
		return;
	}
	plugin_start(run, EXECUTION_PLUGIN_FETCH, plugin_fetched);
}

/* -- as a target -- */

static void plugin_begin(void *state, struct wall at)
{
	struct plugin_run *run = state;
	run->at = at;
	if (!remote_plugin_due(run->plugin, &run->state, at)) {
		plugin_done(run, NULL);
	} else if (remote_plugin_wants_config(run->plugin)) {
		plugin_start(run, EXECUTION_PLUGIN_CONFIG, plugin_configured);
	} else {
		plugin_start(run, EXECUTION_PLUGIN_FETCH, plugin_fetched);
	}
}

static void plugin_cancel(void *state)
{
	struct plugin_run *run = state;
	if (run->execution) {
		executor_cancel(run->target->world->executor, run->execution);
		run->execution = NULL;
	}
	node_state_drop(&run->state);
}

static void plugin_destroy(void *state)
{
	struct plugin_run *run = state;
	plugin_cancel(run);
	node_state_finish(&run->state);
	g_free(run);
}

static void *plugin_create(struct target *target, struct error *err)
{
	struct plugin_run *run = g_new0(struct plugin_run, 1);
	run->target = target;
	node_state_init(&run->state, target, target->source.step_s);
	run->plugin = node_state_plugin(&run->state, target->settings->name);
	if (!run->plugin) {
		error_set(err, ERR_CONFIG, "\"%s\" is no name for a plugin", target->settings->name);
		plugin_destroy(run);
		return NULL;
	}
	run->plugin->listed = true;
	return run;
}

const struct target_kind target_plugin = {.create = plugin_create,
	.begin = plugin_begin,
	.cancel = plugin_cancel,
	.destroy = plugin_destroy};
