/*
 * `magpie doctor archive`: looks at everything that is kept and says what is wrong and what to do.
 * Files of a running server are looked at by the server itself, between its writes; of one that
 * does not run, here. Nothing is changed either way.
 */
#include "base/auto.h"
#include "magpie/archive_task.h"
#include "magpie/at_rest.h"
#include "magpie/command.h"
#include "magpie/options.h"
#include "magpie/table.h"
#include "model/config.h"
#include "model/config_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/banned.h"

struct doctor_archive {
	struct client client;
	const char *config_path, *form_name;
	bool deep, quiet;
	enum table_form form;
	char *data, *tree;
	json_t *findings;
	json_int_t wrong, notes, files, missing, orphans;
};

static const struct table_column columns[] = {{"state", "state", false}, {"path", "path", false},
	{"what", "what", false}, {"advice", "what to do", false}};

static bool runs(const char *data)
{
	g_autofree char *path = g_build_filename(data, "lock", NULL);
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
}

static void take_result(struct doctor_archive *d, const json_t *result)
{
	json_array_extend(d->findings, json_object_get(result, "findings"));
	d->wrong += json_integer_value(json_object_get(result, "wrong"));
	d->notes += json_integer_value(json_object_get(result, "notes"));
	d->files += json_integer_value(json_object_get(result, "files"));
	d->missing += json_integer_value(json_object_get(result, "missing"));
	d->orphans += json_integer_value(json_object_get(result, "orphans"));
}

static bool ask_server(struct doctor_archive *d, struct error *err)
{
	const struct archive_task order = {.client = &d->client, .verb = "verify", .quiet = d->quiet};
	json_t *task = archive_task_run(&order, json_pack("{s:b}", "deep", d->deep), err);
	size_t i;
	json_t *part;
	if (!task) {
		return false;
	}
	json_array_foreach(json_object_get(task, "parts"), i, part)
	{
		take_result(d, json_object_get(part, "result"));
	}
	json_decref(task);
	return true;
}

/* What can be seen from here. `*rest` is what at_rest_finish() gives. */
static json_t *look_here(struct doctor_archive *d, bool in_use)
{
	struct at_rest rest;
	g_autofree char *journal = g_build_filename(d->data, "journal", NULL);
	g_autofree char *state = g_build_filename(d->data, "state.db", NULL);
	at_rest_init(&rest, d->deep);
	rest.in_use = in_use;
	at_rest_journal(&rest, journal);
	if (!in_use) { /* the engine has the state to itself, and looked at it at its start */
		at_rest_state(&rest, state);
		at_rest_tree(&rest, d->tree, true);
	}
	json_t *result = at_rest_finish(&rest);
	take_result(d, result);
	return result;
}

/* -- telling -- */

static void print_findings(const struct doctor_archive *d)
{
	struct table table;
	size_t i;
	json_t *row;
	table_init(&table, columns, ARRAY_LENGTH(columns));
	for (int wrong = 1; wrong >= 0; wrong--) {
		json_array_foreach(d->findings, i, row)
		{
			if (json_is_true(json_object_get(row, "wrong")) != wrong) {
				continue;
			}
			table_add(&table, wrong ? "WRONG" : "note");
			table_add(&table, client_text(row, "path"));
			table_add(&table, client_text(row, "what"));
			table_add(&table, client_text(row, "advice"));
		}
	}
	if (d->form != TABLE_TEXT || table.cells->len) {
		table_print(&table, d->form);
	}
	table_finish(&table);
}

static void print_journal(const json_t *here)
{
	char when[32];
	const json_t *journal = json_object_get(here, "journal");
	struct wall oldest = {json_integer_value(json_object_get(journal, "oldest_ms"))};
	if (!oldest.ms) {
		printf("journal: none\n");
		return;
	}
	printf("journal: %lld records in %lld segments, from %s on\n",
		(long long)json_integer_value(json_object_get(journal, "records")),
		(long long)json_integer_value(json_object_get(journal, "segments")),
		wall_format(oldest, when));
}

static void print_space(const struct doctor_archive *d)
{
	struct at_rest_space space;
	if (!at_rest_space(d->tree, &space)) {
		return;
	}
	printf("disk: %.1f GB free", (double)space.free_bytes / 1e9);
	if (space.growth_per_day >= 1e6) {
		printf(", the archive grows by %.1f MB a day: enough for %.0f days",
			space.growth_per_day / 1e6, (double)space.free_bytes / space.growth_per_day);
	}
	printf("\n");
}

static void print_summary(const struct doctor_archive *d, const json_t *here, bool running)
{
	size_t shown = json_array_size(d->findings);
	if (shown < (size_t)(d->wrong + d->notes)) {
		printf("%lld further ones are not shown\n",
			(long long)(d->wrong + d->notes) - (long long)shown);
	}
	printf("archive: %lld files%s, %lld series without one, %lld files of no series\n",
		(long long)d->files, d->deep ? ", read whole" : "", (long long)d->missing,
		(long long)d->orphans);
	print_journal(here);
	if (!running) {
		printf("state: %lld services\n",
			(long long)json_integer_value(json_object_get(here, "services")));
	}
	print_space(d);
	printf("%lld things wrong, %lld notes\n", (long long)d->wrong, (long long)d->notes);
}

/* -- where -- */

static char *data_of(const struct client *client)
{
	if (client->data) {
		return g_strdup(client->data);
	}
	return g_strdup(access("var/journal", F_OK) ? "/var/lib/magpie" : "var");
}

static char *tree_of(const struct doctor_archive *d, struct error *err)
{
	static const char usual[] = "/etc/magpie/magpie.conf";
	const char *path = d->config_path ? d->config_path : access(usual, F_OK) ? NULL : usual;
	AUTO(bundle) bundle = config_files_read(path, err);
	AUTO(config) config = bundle ? config_read(bundle, err) : NULL;
	if (!config) {
		return NULL;
	}
	return config->archive.directory ? g_strdup(config->archive.directory)
									 : g_build_filename(d->data, "rrd", NULL);
}

static int examine(struct doctor_archive *d)
{
	struct error err = {.kind = ERR_NONE};
	d->data = data_of(&d->client);
	d->tree = tree_of(d, &err);
	if (!d->tree) {
		return client_failed("doctor archive", &err);
	}
	if (access(d->data, R_OK | X_OK)) {
		fprintf(stderr, "magpie doctor archive: %s cannot be read; name it with --data\n", d->data);
		return COMMAND_FAILED;
	}
	bool running = d->client.url || runs(d->data);
	if (running && !ask_server(d, &err)) {
		return client_failed("doctor archive", &err);
	}
	json_t *here = look_here(d, running);
	print_findings(d);
	if (d->form == TABLE_TEXT) {
		print_summary(d, here, running);
	}
	json_decref(here);
	return d->wrong ? COMMAND_FAILED : COMMAND_DONE;
}

int cmd_doctor_archive(int argc, char **argv)
{
	struct doctor_archive d = {.form_name = "table"};
	const struct option_row rows[] = {CLIENT_OPTIONS(d.client), CLIENT_TOKEN_OPTION(d.client),
		{"config", "FILE", "the configuration (default: /etc/magpie/magpie.conf if it is there)",
			&d.config_path, NULL},
		{"deep", NULL, "read every row of every file too", NULL, &d.deep},
		{"q", NULL, "nothing of how it goes", NULL, &d.quiet},
		{"o", TABLE_FORMS, "form of the output (default: table)", &d.form_name, NULL}};
	const struct options options = {.command = "doctor archive",
		.operands = "",
		.about = "Looks at every file of the archive, at the journal, the state and the disk, and "
				 "says what is\nwrong and what to do. Changes nothing. Exit code: 0 all well, 1 "
				 "something is wrong, 2 wrong usage.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!table_form_parse(d.form_name, &d.form)) {
		fprintf(
			stderr, "magpie doctor archive: -o takes " TABLE_FORMS ", not \"%s\"\n", d.form_name);
		return COMMAND_USAGE;
	}
	d.findings = json_array();
	int code = examine(&d);
	json_decref(d.findings);
	g_free(d.data);
	g_free(d.tree);
	return code;
}
