#include "base/text.h"
#include "base/tls.h"
#include "collector/diagnose.h"
#include "collector/services/discover.h"
#include "magpie/client.h"
#include "magpie/command.h"
#include "magpie/local_executor.h"
#include "magpie/options.h"
#include "model/hint.h"
#include "model/config.h"
#include "model/config_files.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * `magpie doctor HOST[/SOURCE]`: asks the sources of a host from this process, by the same code as
 * the collector, one after the other, and tells each step; then what to do, and what the running
 * server thinks of the same source. Nothing is stored and the server is not disturbed, but for what
 * asking itself does (a write canary, a plugin's state).
 */
struct doctor {
	const struct config *config;
	struct world world;
	struct mono began; /* of the source under way */
	json_t *server;    /* /api/v1/sources, or NULL */
	size_t asked, wrong;
};

static const char default_path[] = "/etc/magpie/magpie.conf";

/* -- what is told -- */

static void doctor_step(
	void *owner, const char *source UNUSED, const char *step, bool good, const char *text)
{
	const struct doctor *d = owner;
	printf("  %7.3f s  %s  %-12s %s\n", (double)(mono_now().ms - d->began.ms) / 1000,
		good ? "ok  " : "FAIL", step, text);
	fflush(stdout);
}

static const char *source_where(const struct config_source *s)
{
	switch ((enum config_source_kind)s->kind) {
	case CONFIG_SOURCE_NODE: return s->node.address;
	case CONFIG_SOURCE_SERVICE: return s->service.address ? s->service.address : s->host->address;
	case CONFIG_SOURCE_CHECK:
		return s->check.target ? s->check.target : g_ptr_array_index(s->check.command, 0);
	case CONFIG_SOURCE_EXPORTER: return s->exporter.url;
	case CONFIG_SOURCE_PLUGIN: return g_ptr_array_index(s->plugin.command, 0);
	default: return "";
	}
}

static void print_head(const struct config_source *s)
{
	const char *where = source_where(s);
	printf("%s%s%s: every %u s, at most %u s a round\n", s->id, *where ? " at " : "", where,
		s->interval_s, s->timeout_s);
}

/* Complaints of a source are many and alike: each advice is given once. */
static void print_complaints(const struct config_source *s, const struct diagnosis *diagnosis)
{
	g_autoptr(GHashTable) given = g_hash_table_new(NULL, NULL);
	for (size_t i = 0; i < diagnosis->complaints->len; i++) {
		struct error error = {.kind = ERR_NONE};
		text_copy(error.text, sizeof(error.text), diagnosis->complaints->pdata[i]);
		printf("  WRONG  %s\n", error.text);
		const char *advice = hint_for(s->kind, &error);
		if (g_hash_table_add(given, (gpointer)advice)) {
			printf("         %s\n", advice);
		}
	}
}

static bool print_verdict(const struct config_source *s, const struct diagnosis *diagnosis)
{
	bool good = diagnosis->error.kind == ERR_NONE;
	if (!good) {
		printf("  WRONG  %s\n         %s\n", diagnosis->error.text,
			hint_for(s->kind, &diagnosis->error));
	}
	print_complaints(s, diagnosis);
	if (good) {
		printf("  %s  %zu services, %zu series, %zu of them with a value, in %.3f s%s%s\n",
			diagnosis->complaints->len ? "so far" : "well ", diagnosis->services, diagnosis->series,
			diagnosis->values, (double)diagnosis->took_ms / 1000,
			*diagnosis->version ? ", from " : "", diagnosis->version);
	}
	return good && !diagnosis->complaints->len;
}

/* -- what the server says -- */

static json_t *server_source(const struct doctor *d, const char *id)
{
	size_t i;
	json_t *source;
	json_array_foreach(json_object_get(d->server, "sources"), i, source)
	{
		const char *text = json_string_value(json_object_get(source, "id"));
		if (text && !strcmp(text, id)) {
			return source;
		}
	}
	return NULL;
}

/* False: the server finds something wrong. */
static bool print_server(const struct doctor *d, const struct config_source *s, bool good_here)
{
	if (!d->server) {
		return true;
	}
	json_t *source = server_source(d, s->id);
	if (!source) {
		printf("  server: does not know this source; it runs with another configuration\n");
		return false;
	}
	const char *state = client_text(source, "state");
	const char *error = client_text(source, "error");
	printf("  server: %s since %s%s%s\n", state, client_text(source, "since"), *error ? ": " : "",
		error);
	bool bad = !strcmp(state, "failing") || !strcmp(state, "complaining");
	if (good_here && !strcmp(state, "failing")) {
		printf("          It works from here. Either it came back a moment ago (the server asks "
			   "again at %s), or the\n          server may do less than you: another user, "
			   "another network, files it may not read.\n",
			client_text(source, "next"));
	}
	return !bad;
}

/* -- the examination -- */

static void doctor_examine(struct doctor *d, const struct config_source *s)
{
	struct diagnosis diagnosis;
	bool good = true;
	print_head(s);
	d->asked++;
	if (s->kind == CONFIG_SOURCE_PUSH) {
		printf("  The node connects to the server; it cannot be asked from here.\n");
		if (!d->server) {
			printf("  WRONG  the server does not run, and only it knows\n");
			good = false;
		}
	} else {
		d->began = mono_now();
		diagnose_source(&d->world, s, &diagnosis);
		good = print_verdict(s, &diagnosis);
		diagnosis_finish(&diagnosis);
	}
	good &= print_server(d, s, good);
	d->wrong += !good;
	printf("\n");
}

static bool source_is_called(const struct config_source *s, const char *name)
{
	size_t host = strlen(s->host->name) + 1;
	return !name || !strcmp(s->name, name) || !strcmp(s->id + host, name);
}

static void add_found(struct config_host *host)
{
	struct discovery *discovery = host->local && host->discover ? discovery_create("/") : NULL;
	if (!discovery) {
		return;
	}
	(void)discovery_scan(discovery, mono_now());
	const GPtrArray *found = discovery_list(discovery);
	for (size_t i = 0; i < found->len; i++) {
		(void)discovery_adopt(found->pdata[i], host);
	}
	discovery_destroy(discovery);
}

static int doctor_host(struct doctor *d, struct config_host *host, const char *source)
{
	for (size_t i = 0; i < host->sources->len; i++) {
		const struct config_source *s = host->sources->pdata[i];
		if (source_is_called(s, source)) {
			doctor_examine(d, s);
		}
	}
	if (!d->asked && source) {
		fprintf(stderr, "magpie doctor: %s has no source \"%s\". It has:\n", host->name, source);
		for (size_t i = 0; i < host->sources->len; i++) {
			const struct config_source *s = host->sources->pdata[i];
			fprintf(stderr, "  %s\n", s->id);
		}
		return COMMAND_USAGE;
	}
	if (!d->asked) {
		printf(
			"%s has no source: give it `munin`, a service, a check or an exporter\n", host->name);
		return COMMAND_FAILED;
	}
	printf("%zu source%s asked, %zu with something wrong\n", d->asked, d->asked == 1 ? "" : "s",
		d->wrong);
	return d->wrong ? COMMAND_FAILED : COMMAND_DONE;
}

static int unknown_host(const struct config *config, const char *name)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (size_t i = 0; i < config->hosts->len; i++) {
		g_ptr_array_add(names, ((struct config_host *)config->hosts->pdata[i])->name);
	}
	const char *near = text_nearest(name, (const char *const *)names->pdata, names->len);
	fprintf(stderr, "magpie doctor: the configuration has no host \"%s\"%s%s%s\n", name,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return COMMAND_USAGE;
}

/* -- surroundings -- */

/* Where plugins may keep something: with the server's, or in a directory of our own that nobody
 * else can have prepared (`*own`). */
static char *doctor_state_dir(const char *data, bool *own)
{
	static const char usual[] = "/var/lib/magpie";
	*own = false;
	if (data || access(usual, W_OK) == 0) {
		return g_build_filename(data ? data : usual, "plugin-state", NULL);
	}
	char *dir = g_dir_make_tmp("magpie-doctor-XXXXXX", NULL);
	*own = dir && chmod(dir, 0711) == 0; /* plugins of other users pass through */
	return dir;
}

static int doctor_ask(
	struct doctor *d, struct config_host *host, const char *source, const char *state_dir)
{
	struct world *world = &d->world;
	signal(SIGPIPE, SIG_IGN);
	world->loop = loop_create();
	world->resolver = resolver_create(world->loop);
	world->http = httpclient_create(world->loop);
	world->executor = local_executor_create(world->loop, d->config, state_dir);
	world->trace = doctor_step;
	world->trace_owner = d;
	add_found(host);
	int code = doctor_host(d, host, source);
	local_executor_destroy(world->executor);
	httpclient_destroy(world->http);
	resolver_destroy(world->resolver);
	loop_destroy(world->loop);
	return code;
}

static int doctor_run(struct doctor *d, const char *operand, const char *data)
{
	g_auto(GStrv) parts = g_strsplit(operand, "/", 2);
	struct config_host *host = config_find_host(d->config, parts[0]);
	bool own;
	if (!host) {
		return unknown_host(d->config, parts[0]);
	}
	g_autofree char *state_dir = doctor_state_dir(data, &own);
	if (!state_dir) {
		fprintf(stderr, "magpie doctor: no directory can be made in %s\n", g_get_tmp_dir());
		return COMMAND_FAILED;
	}
	int code = doctor_ask(d, host, parts[1] && *parts[1] ? parts[1] : NULL, state_dir);
	if (own) {
		(void)rmdir(state_dir); /* stays if a plugin kept something */
	}
	return code;
}

static struct config *doctor_config(const char *path, struct error *err)
{
	if (!path && access(default_path, F_OK) == 0) {
		path = default_path;
	}
	AUTO(bundle) bundle = config_files_read(path, err);
	return bundle ? config_read(bundle, err) : NULL;
}

static void ask_server(struct doctor *d, const struct client *client)
{
	struct error err = {.kind = ERR_NONE};
	d->server = client_get_json(client, "/api/v1/sources", &err);
	if (!d->server) {
		printf("The server was not asked what it thinks: %s\n\n", err.text);
	}
}

int cmd_doctor(int argc, char **argv)
{
	struct client client = {0};
	const char *path = NULL;
	const struct option_row rows[] = {
		{"config", "FILE", "the configuration (default: /etc/magpie/magpie.conf if it is there)",
			&path, NULL},
		CLIENT_OPTIONS(client)};
	const struct options options = {.command = "doctor",
		.operands = "HOST[/SOURCE]",
		.about = "Asks the sources of a host from here, step by step, says what is wrong and what "
				 "to do, and\nwhat the running server says of them. SOURCE is a name (nginx) or "
				 "kind and name\n(exporter/node). Exit code: 0 all well, 1 something is wrong, 2 "
				 "wrong usage.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.least_operands = 1,
		.most_operands = 1};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	struct error err = {.kind = ERR_NONE};
	AUTO(config) config = doctor_config(path, &err);
	if (!config) {
		fprintf(stderr, "magpie doctor: %s; see magpie config check\n", err.text);
		return COMMAND_FAILED;
	}
	struct doctor d = {.config = config};
	ask_server(&d, &client);
	int code = doctor_run(&d, argv[0], client.data);
	json_decref(d.server);
	return code;
}
