#include "magpie/archive_task.h"
#include "magpie/command.h"
#include "magpie/options.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

#include "base/banned.h"

/*
 * The commands that change the archive: each begins one task at the running server and follows it.
 * With --dry-run nothing is changed and what would be is told.
 */

struct change {
	struct client client;
	bool dry_run, quiet;
};

#define CHANGE_OPTIONS(change)                                                                     \
	CLIENT_OPTIONS((change).client), CLIENT_TOKEN_OPTION((change).client),                         \
		{"dry-run", NULL, "change nothing, tell what would be done", NULL, &(change).dry_run},     \
	{                                                                                              \
		"q", NULL, "do not show how far it is", NULL, &(change).quiet                              \
	}

/* Takes `argument`; NULL: told. */
static json_t *run(
	const struct change *change, const char *command, const char *verb, json_t *argument)
{
	struct error err = {.kind = ERR_NONE};
	struct archive_task order = {.client = &change->client, .verb = verb, .quiet = change->quiet};
	json_object_set_new(argument, "dry_run", json_boolean(change->dry_run));
	json_t *task = archive_task_run(&order, argument, &err);
	if (!task) {
		(void)client_failed(command, &err);
	}
	return task;
}

static void print_files(const json_t *task, const char *member)
{
	size_t i;
	json_t *row;
	json_t *rows = archive_task_rows(task, member);
	json_array_foreach(rows, i, row)
	{
		if (json_is_string(row)) {
			printf("%s\n", json_string_value(row));
		} else {
			printf("%s: %s\n", client_text(row, "file"), client_text(row, "error"));
		}
	}
	json_decref(rows);
}

static long long sum(const json_t *task, const char *member)
{
	return (long long)archive_task_sum(task, member);
}

int cmd_archive_convert(int argc, char **argv)
{
	struct change change = {0};
	const struct option_row rows[] = {CHANGE_OPTIONS(change)};
	const struct options options = {.command = "archive convert",
		.operands = "[SELECTOR]",
		.about =
			"Gives the files of all series, or those of HOST[:SERVICE[:FIELD]], the layout that\n"
			"the configuration wants. What the files hold is kept.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.most_operands = 1};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	json_t *argument = json_pack("{s:s}", "selector", operands ? argv[0] : "*");
	json_t *task = run(&change, "archive convert", "convert", argument);
	if (!task) {
		return COMMAND_FAILED;
	}
	if (operands && !sum(task, "files")) {
		fprintf(stderr, "magpie archive convert: no file of a series matches \"%s\"\n", argv[0]);
		json_decref(task);
		return COMMAND_FAILED;
	}
	printf("%lld of %lld files %s: %lld bytes %s %lld\n", sum(task, "converted"),
		sum(task, "files"), change.dry_run ? "would be converted" : "converted", sum(task, "bytes"),
		change.dry_run ? "would become" : "became", sum(task, "new_bytes"));
	json_t *failed = archive_task_rows(task, "failed");
	int code = json_array_size(failed) ? COMMAND_FAILED : COMMAND_DONE;
	json_decref(failed);
	print_files(task, "failed");
	json_decref(task);
	return code;
}

int cmd_archive_cancel(int argc, char **argv)
{
	struct client client = {0};
	const struct option_row rows[] = {CLIENT_OPTIONS(client), CLIENT_TOKEN_OPTION(client)};
	const struct options options = {.command = "archive cancel",
		.operands = "TASK",
		.about = "Ends a task where it is. What it has done stays done.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.least_operands = 1,
		.most_operands = 1};
	int operands;
	long long id;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!number_parse_int(argv[0], strlen(argv[0]), 1, INT64_MAX, &id)) {
		fprintf(stderr, "magpie archive cancel: tasks have numbers\n");
		return COMMAND_USAGE;
	}
	struct error err = {.kind = ERR_NONE};
	json_t *body = json_pack("{s:s, s:{s:I}}", "verb", "cancel", "argument", "id", (json_int_t)id);
	json_t *answer = client_post_json(&client, "/api/v1/archive/tasks", body, &err);
	json_decref(body);
	json_decref(answer);
	return answer ? COMMAND_DONE : client_failed("archive cancel", &err);
}

static int move(int argc, char **argv, const char *verb, const struct options *about)
{
	struct change change = {0};
	const struct option_row rows[] = {CHANGE_OPTIONS(change)};
	struct options options = *about;
	options.rows = rows;
	options.row_count = ARRAY_LENGTH(rows);
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	json_t *argument = json_pack("{s:s, s:s}", "host", argv[0], "into", argv[operands - 1]);
	json_t *task = run(&change, options.command, verb, argument);
	if (!task) {
		return COMMAND_FAILED;
	}
	printf("%lld files %s, %lld %s\n", sum(task, "moved"),
		change.dry_run ? "would be renamed" : "renamed", sum(task, "merged"),
		change.dry_run ? "would be put into others" : "put into others");
	print_files(task, "files");
	json_decref(task);
	return COMMAND_DONE;
}

int cmd_archive_rename(int argc, char **argv)
{
	static const struct options options = {.command = "archive rename",
		.operands = "HOST NEW",
		.about =
			"Gives a host another name, with all its history. Rename it in magpie.conf as well;\n"
			"if NEW is known already, use `magpie archive merge HOST NEW`.",
		.least_operands = 2,
		.most_operands = 2};
	return move(argc, argv, "rename", &options);
}

int cmd_archive_merge(int argc, char **argv)
{
	static const struct options options = {.command = "archive merge",
		.operands = "HOST OTHER",
		.about =
			"Puts the history of HOST into OTHER, and forgets HOST. Where both know something,\n"
			"OTHER counts.",
		.least_operands = 2,
		.most_operands = 2};
	return move(argc, argv, "merge", &options);
}

/* "90d" in seconds; false: told. */
static bool read_older(const char *command, const char *text, json_int_t *seconds)
{
	static const char units[] = "smhdw";
	static const int unit_s[] = {1, 60, 3600, 86400, 7 * 86400};
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
	long long count;
	if (!unit || text[digits + 1] || !number_parse_int(text, digits, 0, 100000, &count)) {
		fprintf(
			stderr, "magpie %s: --older takes a duration such as 90d, not \"%s\"\n", command, text);
		return false;
	}
	*seconds = (json_int_t)(count * unit_s[unit - units]);
	return true;
}

static int put_away(int argc, char **argv, const char *verb, struct options options)
{
	struct change change = {0};
	const char *older = "90d";
	bool delete = false;
	bool silent = false;
	json_int_t older_s;
	const struct option_row rows[] = {CHANGE_OPTIONS(change),
		{"older", "DURATION", "only what has been gone for so long (default: 90d)", &older, NULL},
		{"delete", NULL, "delete the files; else they go to .magpie/retired in the tree", NULL,
			&delete},
		{"silent", NULL, "also what is still declared but has had no value for so long", NULL,
			&silent}};
	bool retire = !strcmp(verb, "retire");
	options.rows = rows;
	options.row_count = ARRAY_LENGTH(rows) - !retire;
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!read_older(options.command, older, &older_s)) {
		return COMMAND_USAGE;
	}
	json_t *argument = json_pack("{s:I, s:b, s:b, s:s}", "older_s", older_s, "delete", delete,
		"silent", silent, "selector", operands ? argv[0] : "*");
	json_t *task = run(&change, options.command, verb, argument);
	if (!task) {
		return COMMAND_FAILED;
	}
	print_files(task, "names");
	printf("%lld files, %lld bytes %s\n", sum(task, "files"), sum(task, "bytes"),
		change.dry_run ? "would go"
		: delete       ? "deleted"
					   : "put into .magpie/retired");
	json_decref(task);
	return COMMAND_DONE;
}

int cmd_archive_retire(int argc, char **argv)
{
	return put_away(argc, argv, "retire",
		(struct options){.command = "archive retire",
			.operands = "[SELECTOR]",
			.about =
				"Takes away series that nobody declares any more and that have had no value for\n"
				"long: their files, and what is known of them.",
			.most_operands = 1});
}

int cmd_archive_clean(int argc, char **argv)
{
	return put_away(argc, argv, "clean",
		(struct options){.command = "archive clean",
			.operands = "",
			.about =
				"Finds RRD files in the tree that no series owns and that were not written for\n"
				"long, files set aside included, and puts them away.",
			.most_operands = 0});
}
