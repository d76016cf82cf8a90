/*
 * Parse, check, and only then swap: until everything is good nothing of the old state is touched.
 * The accepted bundle is kept beside the data, so that a start with broken files goes on with the
 * rules that were in force.
 */
#include "engine/reload.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/evaluate.h"
#include "rules/configuration.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"

enum { COMPLAINT_MAX = 16000 };

#define ACCEPTED_FILE "accepted.bundle"

static void append_report(struct diag_list *diags, GString *report)
{
	if (diag_count(diags)) {
		diag_print(diags, DIAG_HUMAN, report);
	}
}

/* What rules say only of the series there are (overrides that tie, units that do not fit) counts as
 * well. */
static bool try_bundle(const struct engine *engine, const struct bundle *bundle,
	struct configuration *proposal, GString *report)
{
	AUTO(diag_list) diags = diag_list_create();
	bool good = configuration_load(bundle, proposal, diags);
	append_report(diags, report);
	if (!good) {
		return false;
	}
	ruleset_bind(proposal->ruleset, engine->catalog);
	append_report(ruleset_complaints(proposal->ruleset), report);
	if (diag_errors(ruleset_complaints(proposal->ruleset))) {
		configuration_finish(proposal);
		return false;
	}
	return true;
}

/* `*report`: all complaints (g_malloc), NULL if there are none. */
static bool check(const struct engine *engine, const struct bundle *bundle,
	struct configuration *proposal, char **report)
{
	GString *text = g_string_new("");
	bool good = try_bundle(engine, bundle, proposal, text);
	bool silent = !text->len;
	*report = g_string_free(text, silent);
	return good;
}

static void take(struct engine *engine, struct configuration proposal)
{
	struct config *before = engine->config;
	engine->config = proposal.config;
	evaluate_swap(engine, proposal.ruleset);
	fleet_configure(engine); /* the one before is still there to be compared with */
	if (engine->intake) {
		graphs_configure(engine);
	}
	config_destroy(before);
	engine->rules_loaded = wall_now();
}

static void complain(struct engine *engine, const char *text)
{
	g_free(engine->complaint);
	engine->complaint = g_strndup(text, COMPLAINT_MAX);
	if (!g_utf8_validate(engine->complaint, -1, NULL)) {
		char *valid = g_utf8_make_valid(engine->complaint, -1); /* cut inside a character */
		g_free(engine->complaint);
		engine->complaint = valid;
	}
	publish_status(engine->publish);
}

static void keep_accepted(struct engine *engine, const struct bundle *bundle)
{
	size_t length;
	struct error err;
	g_autofree char *bytes = bundle_pack(bundle, &length);
	g_autofree char *path = g_build_filename(engine->role->data_dir, ACCEPTED_FILE, NULL);
	if (!file_replace(AT_FDCWD, path, bytes, length, 0600, &err)) {
		engine_event(engine, "config.not_kept", ACCEPTED_FILE, err.text);
	}
}

bool reload_propose(struct engine *engine, const struct bundle *bundle, char **report)
{
	struct configuration proposal;
	if (!check(engine, bundle, &proposal, report)) {
		complain(engine, *report ? *report : "the configuration cannot be used");
		engine_event(engine, "config.refused", "configuration",
			"the new configuration has errors; the old one stays in force");
		return false;
	}
	take(engine, proposal);
	complain(engine, "");
	keep_accepted(engine, bundle);
	engine_event(engine, "config.accepted", "configuration", "a new configuration is in force");
	return true;
}

/* -- the start -- */

static struct bundle *read_accepted(const struct engine *engine)
{
	g_autofree char *path = g_build_filename(engine->role->data_dir, ACCEPTED_FILE, NULL);
	size_t length;
	AUTO_FREE char *bytes = file_read(AT_FDCWD, path, BUNDLE_MAX, &length, NULL);
	return bytes ? bundle_unpack(bytes, length, NULL) : NULL;
}

static bool try_accepted(struct engine *engine, struct configuration *proposal)
{
	AUTO(bundle) accepted = read_accepted(engine);
	g_autofree char *report = NULL;
	return accepted && check(engine, accepted, proposal, &report);
}

static void start_without(struct engine *engine, struct configuration *proposal)
{
	AUTO(bundle) nothing = bundle_create();
	g_autofree char *report = NULL;
	bool good = check(engine, nothing, proposal, &report);
	if (!good) {
		log_error("config.defaults", "report=\"%s\"", log_safe(report));
	}
	g_assert(good); /* the defaults are part of this program */
}

void reload_start(struct engine *engine)
{
	struct configuration proposal;
	g_autofree char *report = NULL;
	if (check(engine, engine->role->bundle, &proposal, &report)) {
		take(engine, proposal);
		keep_accepted(engine, engine->role->bundle);
		return;
	}
	complain(engine, report ? report : "the configuration cannot be used");
	bool accepted = try_accepted(engine, &proposal);
	if (!accepted) {
		start_without(engine, &proposal);
	}
	take(engine, proposal);
	engine_event(engine, "config.refused", "configuration",
		accepted ? "the configuration has errors; the last accepted one is in force"
				 : "the configuration has errors; the built-in one is in force");
}
