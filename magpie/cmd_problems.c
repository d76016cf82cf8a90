#include "base/clock.h"
#include "magpie/command.h"
#include "magpie/listing.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * `magpie problems`: what is out of bounds now, the worst first, with value, threshold and since
 * when. Exit code 0 also if there are some: the question was answered.
 */

static const struct table_column problem_columns[] = {{"level", "level", false},
	{"state", "state", false}, {"since", "since", false}, {"host", "host", false},
	{"service", "service", false}, {"field", "field", false}, {"value", "value", false},
	{"threshold", "threshold", false}, {"summary", "what", false}, {"rule", "rule", false}};

static int problem_rank(json_t *alert)
{
	static const char *const order[] = {"critical", "unknown", "warning", "notice"};
	const char *level = client_text(alert, "level");
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		if (!strcmp(level, order[i])) {
			return (int)i;
		}
	}
	return ARRAY_LENGTH(order);
}

/* Moments come as RFC 3339 text or as epoch seconds. */
static void problem_since(json_t *alert, char text[64])
{
	json_t *since = json_object_get(alert, "since");
	if (json_is_number(since)) {
		wall_format(wall_from_s((int64_t)json_number_value(since)), text);
	} else {
		snprintf(text, 64, "%s", json_string_value(since) ? json_string_value(since) : "");
	}
}

static void problem_add(struct table *table, json_t *alert)
{
	char since[64];
	problem_since(alert, since);
	table_add(table, client_text(alert, "level"));
	table_add(table, client_text(alert, "state"));
	table_add(table, since);
	table_add(table, client_text(alert, "host"));
	table_add(table, client_text(alert, "service"));
	table_add(table, client_text(alert, "field"));
	table_add(table, client_text(alert, "value_text"));
	table_add(table, client_text(alert, "threshold_text"));
	table_add(table, client_text(alert, "summary"));
	table_add(table, client_text(alert, "rule"));
}

static bool problem_shown(json_t *alert, bool pending)
{
	return pending || strcmp(client_text(alert, "state"), "pending") != 0;
}

static void problems_print(json_t *answer, enum table_form form, bool pending)
{
	struct table table;
	size_t i;
	json_t *alert;
	json_t *alerts = json_object_get(answer, "alerts");
	table_init(&table, problem_columns, ARRAY_LENGTH(problem_columns));
	for (int rank = 0; rank <= 4; rank++) {
		json_array_foreach(alerts, i, alert)
		{
			if (problem_rank(alert) == rank && problem_shown(alert, pending)) {
				problem_add(&table, alert);
			}
		}
	}
	if (form == TABLE_TEXT && !table.cells->len) {
		printf("No problems.\n");
	} else {
		table_print(&table, form);
	}
	table_finish(&table);
}

int cmd_problems(int argc, char **argv)
{
	struct listing listing = {.path = "/api/v1/alerts"};
	bool pending = false;
	const struct option_row rows[] = {LISTING_OPTIONS(listing),
		{"pending", NULL, "also what is out of bounds but not for long enough yet", NULL,
			&pending}};
	const struct options options = {.command = "problems",
		.operands = "",
		.about = "Lists what is out of bounds now: the worst first, with value, threshold and "
				 "since when.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int result = listing_ask(&listing, &options, argc, argv);
	if (result != LISTING_GO) {
		return result;
	}
	problems_print(listing.answer, listing.form, pending);
	json_decref(listing.answer);
	return COMMAND_DONE;
}
