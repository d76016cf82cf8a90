#include "base/diag.h"
#include "base/text.h"
#include "base/worker.h"
#include "model/config.h"
#include "rules/ruleset.h"
#include "web/api.h"
#include "web/jsonout.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/web.h"

#include <string.h>

#include <jansson.h>

#include "base/banned.h"

/*
 * Rules as texts: those in force, and a check of texts that somebody is writing. Checking is pure:
 * nothing is loaded, nothing is kept. A megabyte of text can take a second to check, so it is done
 * in a thread of its own, on copies; the exchange is held meanwhile.
 */
enum { FILES_MAX = 64, NAME_MAX_BYTES = 200, CHECKS_MAX = 8 };

struct check {
	struct web *web;
	struct exchange *x;
	struct bundle *configuration; /* whose magpie.conf gives the names */
	struct bundle *texts;
	GString *answer;
};

static void check_free(gpointer data)
{
	struct check *check = data;
	bundle_destroy(check->configuration);
	bundle_destroy(check->texts);
	if (check->answer) {
		g_string_free(check->answer, TRUE);
	}
	g_free(check);
}

GPtrArray *api_rules_checks(void)
{
	return g_ptr_array_new_with_free_func(check_free);
}

struct ruleset *api_rules_load(
	const struct config *config, const struct bundle *bundle, struct diag_list *diags)
{
	GPtrArray *contacts = g_ptr_array_new();
	for (guint i = 0; i < config->channels->len; i++) {
		g_ptr_array_add(contacts, ((struct config_channel *)config->channels->pdata[i])->name);
	}
	struct ruleset_names names = {
		.contacts = (const char *const *)contacts->pdata, .contact_count = contacts->len};
	struct ruleset *rules = ruleset_load(bundle, config->default_rules, &names, diags);
	g_ptr_array_unref(contacts);
	return rules;
}

void api_rules(struct web *web, struct exchange *x)
{
	const struct replica_status *status = replica_status(web->replica);
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	jsonout_moment(&j, "loaded", status->rules_loaded_ms);
	jsonout_text(&j, "error", *status->complaint ? status->complaint : NULL);
	jsonout_open(&j, "rules", '[');
	for (size_t i = 0; web->rules && i < ruleset_rule_count(web->rules); i++) {
		struct ruleset_rule rule = ruleset_rule(web->rules, i);
		jsonout_open(&j, NULL, '{');
		jsonout_text(&j, "name", rule.name);
		jsonout_text(&j, "file", rule.file);
		jsonout_int(&j, "line", rule.line);
		jsonout_text(&j, "source", rule.source);
		jsonout_close(&j);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

/* -- POST /api/v1/rules:check -- */

static bool add_file(struct bundle *bundle, json_t *file, struct error *err)
{
	json_t *text = json_object_get(file, "text");
	const char *name = json_string_value(json_object_get(file, "name"));
	if (!name || !json_is_string(text)) {
		return error_set(err, ERR_CONFIG, "each file has a text \"name\" and a text \"text\"");
	}
	if (strlen(name) > NAME_MAX_BYTES || !ruleset_is_rule_file(name) || bundle_find(bundle, name)) {
		return error_set(err, ERR_CONFIG,
			"names of files end in .magpie, are different, and have at most %d bytes",
			NAME_MAX_BYTES);
	}
	bundle_add(bundle, name, json_string_value(text), json_string_length(text));
	return true;
}

static bool read_json(const GByteArray *body, struct bundle *bundle, struct error *err)
{
	json_error_t why;
	json_t *root = json_loadb((const char *)body->data, body->len, JSON_REJECT_DUPLICATES, &why);
	json_t *files = json_object_get(root, "files");
	bool good = true;
	if (!root) {
		g_autofree char *clean = text_clean(why.text, strlen(why.text), 150);
		return error_set(err, ERR_CONFIG, "line %d, column %d: %s", why.line, why.column, clean);
	}
	if (!json_is_array(files) || json_array_size(files) > FILES_MAX) {
		good = error_set(err, ERR_CONFIG,
			"{\"files\":[{\"name\":…,\"text\":…}]} with at most %d files is wanted", FILES_MAX);
	}
	for (size_t i = 0; good && i < json_array_size(files); i++) {
		good = add_file(bundle, json_array_get(files, i), err);
	}
	json_decref(root);
	return good;
}

static struct bundle *copy_configuration(const struct bundle *from)
{
	struct bundle *copy = bundle_create();
	const struct bundle_file *file = bundle_find(from, CONFIG_MAIN_FILE);
	if (file) {
		bundle_add(copy, file->name, file->text, file->length);
	}
	return copy;
}

/* In the worker's thread. */
static void run_check(void *job)
{
	struct check *check = job;
	AUTO(diag_list) unused = diag_list_create();
	AUTO(diag_list) diags = diag_list_create();
	AUTO(config) config = config_parse(check->configuration, unused);
	AUTO(ruleset) rules = config ? api_rules_load(config, check->texts, diags) : NULL;
	diag_print(diags, DIAG_JSON, check->answer);
}

static void end_check(void *job)
{
	struct check *check = job;
	struct exchange *x = check->x;
	g_string_free(reply_text(&x->reply, 200, "application/json"), TRUE);
	x->reply.body = STEAL(check->answer);
	g_ptr_array_remove_fast(check->web->checks, check);
	exchange_answer(x);
}

/* Takes `texts`. */
static void start_check(struct web *web, struct exchange *x, struct bundle *texts)
{
	if (web->checks->len == CHECKS_MAX) {
		bundle_destroy(texts);
		reply_problem(&x->reply, 503, "too many texts are being checked at once");
		return;
	}
	struct check *check = g_new0(struct check, 1);
	check->web = web;
	check->x = x;
	check->configuration = copy_configuration(web->role->bundle);
	check->texts = texts;
	check->answer = g_string_new(NULL);
	g_ptr_array_add(web->checks, check);
	exchange_hold(x);
	worker_submit(web->worker, run_check, end_check, check);
}

void api_rules_check(struct web *web, struct exchange *x)
{
	AUTO(bundle) bundle = bundle_create();
	struct error err = {0};
	const GByteArray *body = x->request.body;
	if (!body) {
		reply_problem(&x->reply, 400, "the texts to be checked are missing");
	} else if (request_has_type(&x->request, "text/plain")) {
		bundle_add(bundle, "rules.magpie", (const char *)body->data, body->len);
		start_check(web, x, STEAL(bundle));
	} else if (!request_has_type(&x->request, "application/json")) {
		reply_problem(&x->reply, 415, "application/json or text/plain is wanted");
	} else if (read_json(body, bundle, &err)) {
		start_check(web, x, STEAL(bundle));
	} else {
		reply_error(&x->reply, &err);
	}
}
