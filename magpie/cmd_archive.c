#include "magpie/archive_task.h"
#include "magpie/command.h"
#include "magpie/listing.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * `magpie archive tasks` and `magpie archive layouts`: what is done with the archive, and how it is
 * laid out.
 */

static const struct table_column task_columns[] = {{"id", "task", true}, {"verb", "what", false},
	{"state", "state", false}, {"began", "began", false}, {"ended", "ended", false},
	{"done", "done", true}, {"total", "of", true}, {"detail", "at", false}};

static void add_row(
	struct table *table, const struct table_column *columns, size_t count, json_t *row)
{
	for (size_t i = 0; i < count; i++) {
		json_t *cell = json_object_get(row, columns[i].key);
		if (columns[i].number) {
			table_add_number(table, json_number_value(cell));
		} else {
			table_add(table, json_string_value(cell));
		}
	}
}

static void print_rows(
	json_t *rows, const struct table_column *columns, size_t count, enum table_form form)
{
	struct table table;
	size_t i;
	json_t *row;
	table_init(&table, columns, count);
	json_array_foreach(rows, i, row)
	{
		add_row(&table, columns, count, row);
	}
	table_print(&table, form);
	table_finish(&table);
}

int cmd_archive_tasks(int argc, char **argv)
{
	struct listing listing = {.path = "/api/v1/archive/tasks"};
	const struct option_row rows[] = {LISTING_OPTIONS(listing)};
	const struct options options = {.command = "archive tasks",
		.operands = "",
		.about = "Lists long work on the archive, newest first: conversions, renames, checks, "
				 "backups.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int result = listing_ask(&listing, &options, argc, argv);
	if (result != LISTING_GO) {
		return result;
	}
	json_t *tasks = json_object_get(listing.answer, "tasks");
	if (listing.form == TABLE_TEXT && !json_array_size(tasks)) {
		printf("Nothing was done yet.\n");
	} else {
		print_rows(tasks, task_columns, ARRAY_LENGTH(task_columns), listing.form);
	}
	json_decref(listing.answer);
	return COMMAND_DONE;
}

static const struct table_column layout_columns[] = {{"layout", "layout of the files", false},
	{"files", "files", true}, {"bytes", "bytes", true},
	{"wanted_bytes", "bytes as configured", true}};

int cmd_archive_layouts(int argc, char **argv)
{
	struct client client = {0};
	const char *form_name = "table";
	enum table_form form;
	const struct option_row rows[] = {CLIENT_OPTIONS(client), CLIENT_TOKEN_OPTION(client),
		{"o", TABLE_FORMS, "form of the output (default: table)", &form_name, NULL}};
	const struct options options = {.command = "archive layouts",
		.operands = "",
		.about = "Shows how files are laid out, how many bytes they take, and how many they would\n"
				 "take as the configuration has it.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!table_form_parse(form_name, &form)) {
		fprintf(
			stderr, "magpie archive layouts: -o takes " TABLE_FORMS ", not \"%s\"\n", form_name);
		return COMMAND_USAGE;
	}
	struct error err = {.kind = ERR_NONE};
	struct archive_task order = {.client = &client, .verb = "survey"};
	json_t *task = archive_task_run(&order, json_object(), &err);
	if (!task) {
		return client_failed("archive layouts", &err);
	}
	json_t *layouts = archive_task_rows(task, "layouts");
	print_rows(layouts, layout_columns, ARRAY_LENGTH(layout_columns), form);
	json_decref(layouts);
	json_decref(task);
	return COMMAND_DONE;
}
