#include "base/clock.h"
#include "magpie/command.h"
#include "magpie/listing.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * `magpie sources`: where samples come from and how each source is, what does not answer first.
 * Exit code 0 also if some fail: the question was answered.
 */

static const struct table_column source_columns[] = {{"state", "state", false},
	{"id", "source", false}, {"host", "host", false}, {"where", "where", false},
	{"since", "since", false}, {"last", "last answer", false}, {"next", "next", false},
	{"took_s", "took s", true}, {"every_s", "every s", true}, {"services", "services", true},
	{"series", "series", true}, {"failures", "failures", true}, {"version", "version", false},
	{"error", "error", false}};

static int source_rank(json_t *source)
{
	static const char *const order[] = {"failing", "stale", "complaining", "waiting"};
	const char *state = client_text(source, "state");
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		if (!strcmp(state, order[i])) {
			return (int)i;
		}
	}
	return ARRAY_LENGTH(order);
}

/* Its own error, else the first complaint of its plugins and how many more there are. */
static void source_error(json_t *source, char *text, size_t size)
{
	json_t *complaints = json_object_get(source, "complaints");
	size_t count = json_array_size(complaints);
	const char *error = client_text(source, "error");
	if (*error || !count) {
		snprintf(text, size, "%s", error);
		return;
	}
	json_t *first = json_array_get(complaints, 0);
	int length =
		snprintf(text, size, "%s: %s", client_text(first, "plugin"), client_text(first, "error"));
	if (count > 1 && length >= 0 && (size_t)length < size) {
		snprintf(text + length, size - (size_t)length, " (and %zu more)", count - 1);
	}
}

static void source_add(struct table *table, json_t *source)
{
	char error[512];
	source_error(source, error, sizeof(error));
	for (size_t i = 0; i < ARRAY_LENGTH(source_columns) - 1; i++) {
		const char *key = source_columns[i].key;
		if (source_columns[i].number) {
			table_add_number(table, json_number_value(json_object_get(source, key)));
		} else {
			table_add(table, client_text(source, key));
		}
	}
	table_add(table, error);
}

static void sources_print(json_t *answer, enum table_form form, bool failing)
{
	struct table table;
	size_t i;
	json_t *source;
	json_t *sources = json_object_get(answer, "sources");
	table_init(&table, source_columns, ARRAY_LENGTH(source_columns));
	for (int rank = 0; rank <= (failing ? 2 : 4); rank++) {
		json_array_foreach(sources, i, source)
		{
			if (source_rank(source) == rank) {
				source_add(&table, source);
			}
		}
	}
	if (form == TABLE_TEXT && !table.cells->len) {
		printf(failing ? "All sources answer.\n" : "No sources.\n");
	} else {
		table_print(&table, form);
	}
	table_finish(&table);
}

int cmd_sources(int argc, char **argv)
{
	struct listing listing = {.path = "/api/v1/sources"};
	bool failing = false;
	const struct option_row rows[] = {LISTING_OPTIONS(listing),
		{"failing", NULL, "only those that fail, complain or were not heard of", NULL, &failing}};
	const struct options options = {.command = "sources",
		.operands = "",
		.about = "Lists where samples come from: nodes, services, checks, plugins and exporters,\n"
				 "with the state, the last error and the next round of each.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int result = listing_ask(&listing, &options, argc, argv);
	if (result != LISTING_GO) {
		return result;
	}
	sources_print(listing.answer, listing.form, failing);
	json_decref(listing.answer);
	return COMMAND_DONE;
}
