#include "base/auto.h"
#include "magpie/command.h"
#include "magpie/listing.h"

#include <stdio.h>

#include "base/banned.h"

/* `magpie status`: is it running, what does it hold, how are its roles. */

static void status_facts(json_t *status)
{
	const char *complaint = json_string_value(json_object_get(status, "rules_error"));
	long long hosts = (long long)json_number_value(json_object_get(status, "hosts"));
	printf("magpie %s, up %lld s%s\n%lld host%s, %lld series, %.3g samples/s\n\n",
		json_string_value(json_object_get(status, "version")),
		(long long)json_number_value(json_object_get(status, "uptime_s")),
		json_is_true(json_object_get(status, "stale")) ? ", STALE: the engine does not answer" : "",
		hosts, hosts == 1 ? "" : "s",
		(long long)json_number_value(json_object_get(status, "series")),
		json_number_value(json_object_get(status, "samples_per_s")));
	if (complaint && *complaint) {
		printf("The last configuration was refused, the one before is in force:\n%s\n", complaint);
	}
}

static void status_roles(json_t *status, enum table_form form)
{
	static const struct table_column columns[] = {{"name", "role", false}, {"pid", "pid", true},
		{"restarts", "restarts", true}, {"uptime_s", "up (s)", true}};
	struct table table;
	table_init(&table, columns, ARRAY_LENGTH(columns));
	size_t i;
	json_t *role;
	json_array_foreach(json_object_get(status, "roles"), i, role)
	{
		char name[64];
		long long instance = json_integer_value(json_object_get(role, "instance"));
		const char *plain = json_string_value(json_object_get(role, "name"));
		snprintf(name, sizeof(name), "%.40s-%lld", plain ? plain : "", instance);
		table_add(&table, instance ? name : plain);
		table_add_number(&table, json_number_value(json_object_get(role, "pid")));
		table_add_number(&table, json_number_value(json_object_get(role, "restarts")));
		table_add_number(&table, json_number_value(json_object_get(role, "uptime_s")));
	}
	table_print(&table, form);
	table_finish(&table);
}

int cmd_status(int argc, char **argv)
{
	struct listing listing = {.path = "/api/v1/status"};
	const struct option_row rows[] = {LISTING_OPTIONS(listing)};
	const struct options options = {.command = "status",
		.operands = "",
		.about = "Says whether the server runs, what it holds and how its roles are.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int result = listing_ask(&listing, &options, argc, argv);
	if (result != LISTING_GO) {
		return result;
	}
	if (listing.form == TABLE_JSON) {
		json_dumpf(listing.answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
		putchar('\n');
	} else {
		if (listing.form == TABLE_TEXT) {
			status_facts(listing.answer);
		}
		status_roles(listing.answer, listing.form);
	}
	json_decref(listing.answer);
	return COMMAND_DONE;
}
