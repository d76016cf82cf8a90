#include "magpie/command.h"
#include "magpie/listing.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * `magpie annotate TEXT`: a line in graphs, from now or of any time; `magpie marks`: what graphs
 * are marked with.
 */

/* "HOST" or "HOST/SERVICE" into query or body; NULL: of all. */
static void split_place(const char *place, char **host, char **service)
{
	const char *slash = place ? strchr(place, '/') : NULL;
	*host = !place ? NULL : slash ? g_strndup(place, (gsize)(slash - place)) : g_strdup(place);
	*service = slash ? g_strdup(slash + 1) : NULL;
}

static void set_text(json_t *body, const char *name, const char *text)
{
	if (text) {
		json_object_set_new(body, name, json_string(text));
	}
}

struct annotation {
	struct client client;
	const char *place, *at, *to, *author, *remove;
};

static int annotation_add(const struct annotation *a, const char *text)
{
	struct error err = {.kind = ERR_NONE};
	g_autofree char *host = NULL;
	g_autofree char *service = NULL;
	split_place(a->place, &host, &service);
	json_t *body = json_object();
	set_text(body, "host", host);
	set_text(body, "service", service);
	set_text(body, "at", a->at);
	set_text(body, "to", a->to);
	set_text(body, "author", a->author ? a->author : g_get_user_name());
	set_text(body, "text", text);
	json_t *answer = client_post_json(&a->client, "/api/v1/annotations", body, &err);
	json_decref(body);
	if (!answer) {
		return client_failed("annotate", &err);
	}
	printf("%lld\n", (long long)json_integer_value(json_object_get(answer, "id")));
	json_decref(answer);
	return COMMAND_DONE;
}

static int annotation_remove(const struct annotation *a)
{
	struct error err = {.kind = ERR_NONE};
	g_autofree char *id = client_encode(a->remove, false);
	g_autofree char *path = g_strconcat("/api/v1/annotations/", id, NULL);
	return client_delete(&a->client, path, &err) ? COMMAND_DONE : client_failed("annotate", &err);
}

int cmd_annotate(int argc, char **argv)
{
	struct annotation a = {0};
	const struct option_row rows[] = {
		{"on", "HOST[/SERVICE]", "only in graphs of this host, or in this one", &a.place, NULL},
		{"at", "TIME", "when: -10m, 2026-11-20T03:00:00Z, epoch seconds (default: now)", &a.at,
			NULL},
		{"to", "TIME", "its end, if it took some time", &a.to, NULL},
		{"author", "NAME", "who says so (default: your user name)", &a.author, NULL},
		{"remove", "ID", "take an annotation away instead", &a.remove, NULL},
		CLIENT_OPTIONS(a.client), CLIENT_TOKEN_OPTION(a.client)};
	const struct options options = {.command = "annotate",
		.operands = "TEXT",
		.about =
			"Notes something in graphs, for example: magpie annotate 'deployed 1.2' --on web1. "
			"Prints the number by which --remove takes it away.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.most_operands = 1};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if ((operands == 1) == (a.remove != NULL)) {
		fprintf(stderr, "magpie annotate: either TEXT or --remove ID\n");
		return COMMAND_USAGE;
	}
	return a.remove ? annotation_remove(&a) : annotation_add(&a, argv[0]);
}

/* -- magpie marks -- */

static const struct table_column mark_columns[] = {{"id", "id", false}, {"kind", "kind", false},
	{"from", "from", false}, {"to", "to", false}, {"host", "host", false},
	{"service", "service", false}, {"field", "field", false}, {"level", "level", false},
	{"by", "rule or author", false}, {"text", "text", false}};

static void marks_print(const json_t *answer, enum table_form form)
{
	static const char *const keys[] = {"kind", "from", "to", "host", "service", "field", "level"};
	struct table table;
	size_t i;
	json_t *mark;
	table_init(&table, mark_columns, ARRAY_LENGTH(mark_columns));
	json_array_foreach(json_object_get(answer, "marks"), i, mark)
	{
		g_autofree char *id =
			g_strdup_printf("%lld", (long long)json_integer_value(json_object_get(mark, "id")));
		table_add(&table, id);
		for (size_t k = 0; k < ARRAY_LENGTH(keys); k++) {
			table_add(&table, client_text(mark, keys[k]));
		}
		const char *rule = client_text(mark, "rule");
		table_add(&table, *rule ? rule : client_text(mark, "author"));
		table_add(&table, client_text(mark, "text"));
	}
	if (form == TABLE_TEXT && !table.cells->len) {
		printf("Nothing is marked.\n");
	} else {
		table_print(&table, form);
	}
	table_finish(&table);
}

static char *marks_path(const char *place, const char *from, const char *to)
{
	g_autofree char *host = NULL;
	g_autofree char *service = NULL;
	split_place(place, &host, &service);
	GString *path = g_string_new("/api/v1/marks");
	client_add_query(path, "from", from);
	client_add_query(path, "to", to);
	client_add_query(path, "host", host);
	client_add_query(path, "service", service);
	return g_string_free(path, FALSE);
}

int cmd_marks(int argc, char **argv)
{
	struct client client = {0};
	const char *from = "-7d";
	const char *to = "now";
	const char *form_name = NULL;
	enum table_form form = TABLE_TEXT;
	const struct option_row rows[] = {
		{"from", "TIME", "begin: -1d, 2026-11-20T03:00:00Z, epoch seconds (default: -7d)", &from,
			NULL},
		{"to", "TIME", "end (default: now)", &to, NULL},
		{"o", TABLE_FORMS, "form of the output (default: table)", &form_name, NULL},
		CLIENT_OPTIONS(client)};
	const struct options options = {.command = "marks",
		.operands = "[HOST[/SERVICE]]",
		.about = "Lists when something was wrong and what was noted, as graphs are marked with it; "
				 "without HOST what was noted for all.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.most_operands = 1};
	int operands;
	struct error err = {.kind = ERR_NONE};
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (form_name && !table_form_parse(form_name, &form)) {
		fprintf(stderr, "magpie marks: -o takes " TABLE_FORMS ", not \"%s\"\n", form_name);
		return COMMAND_USAGE;
	}
	g_autofree char *path = marks_path(operands ? argv[0] : NULL, from, to);
	json_t *answer = client_get_json(&client, path, &err);
	if (!answer) {
		return client_failed("marks", &err);
	}
	marks_print(answer, form);
	json_decref(answer);
	return COMMAND_DONE;
}
