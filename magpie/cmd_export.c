#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "magpie/client.h"
#include "magpie/command.h"
#include "magpie/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * `magpie export SELECTOR`: the values of any series over any span. Series are asked for in
 * portions, so that the request stays short; the step of the first answer is asked for in the
 * others, so that all rows line up.
 */

enum { PORTION = 50 };

struct export
{
	const struct client *client;
	const char *from, *to, *step, *cf;
	GPtrArray *ids;    /* char * */
	GPtrArray *values; /* json_t * array per id, borrowed from `answers` */
	GPtrArray *answers;
	int64_t t0, step_s;
	size_t rows;
};

static void export_decref(gpointer json)
{
	json_decref(json);
}

static bool export_find_series(struct export *export, const char *selector, struct error *err)
{
	g_autofree char *encoded = client_encode(selector, false);
	g_autofree char *path = g_strconcat("/api/v1/series?match=", encoded, NULL);
	json_t *answer = client_get_json(export->client, path, err);
	size_t i;
	json_t *series;
	if (!answer) {
		return false;
	}
	json_array_foreach(json_object_get(answer, "series"), i, series)
	{
		const char *id = json_string_value(json_object_get(series, "id"));
		if (id) {
			g_ptr_array_add(export->ids, g_strdup(id));
		}
	}
	bool truncated = json_is_true(json_object_get(answer, "truncated"));
	json_decref(answer);
	if (truncated) { /* a part that looks like the whole would be worse than nothing */
		return error_set(err, ERR_CONFIG,
			"more than %u series match \"%.100s\"; ask for fewer at a time", export->ids->len,
			selector);
	}
	return export->ids->len ||
		   error_set(err, ERR_NOT_FOUND, "no series matches \"%.100s\"", selector);
}

static char *export_path(const struct export *export, size_t first)
{
	GString *path = g_string_new("/api/v1/data?series=");
	for (size_t i = first; i < export->ids->len && i < first + PORTION; i++) {
		g_autofree char *id = client_encode(export->ids->pdata[i], false);
		g_string_append_printf(path, "%s%s", i > first ? "," : "", id);
	}
	g_autofree char *from = client_encode(export->from, false);
	g_autofree char *to = client_encode(export->to, false);
	g_autofree char *cf = client_encode(export->cf, false);
	g_autofree char *step = client_encode(export->step ? export->step : "", false);
	g_string_append_printf(path, "&from=%s&to=%s&cf=%s", from, to, cf);
	if (first) {
		g_string_append_printf(path, "&step=%lld", (long long)export->step_s);
	} else if (export->step) {
		g_string_append_printf(path, "&step=%s", step);
	}
	return g_string_free(path, FALSE);
}

static bool export_take(struct export *export, json_t *answer, size_t first, struct error *err)
{
	int64_t t0 = (int64_t)json_number_value(json_object_get(answer, "t0"));
	int64_t step_s = (int64_t)json_number_value(json_object_get(answer, "step"));
	json_t *series = json_object_get(answer, "series");
	if (!first) {
		export->t0 = t0;
		export->step_s = step_s;
	}
	if (t0 != export->t0 || step_s != export->step_s || step_s <= 0) {
		return error_set(
			err, ERR_CONFLICT, "the spans of the series do not line up; name a --step");
	}
	for (size_t i = first; i < export->ids->len && i < first + PORTION; i++) {
		json_t *values = json_object_get(series, export->ids->pdata[i]);
		g_ptr_array_add(export->values, values);
		export->rows = MAX(export->rows, json_array_size(values));
	}
	return true;
}

static bool export_fetch(struct export *export, struct error *err)
{
	for (size_t first = 0; first < export->ids->len; first += PORTION) {
		g_autofree char *path = export_path(export, first);
		json_t *answer = client_get_json(export->client, path, err);
		if (!answer) {
			return false;
		}
		g_ptr_array_add(export->answers, answer);
		if (!export_take(export, answer, first, err)) {
			return false;
		}
	}
	return true;
}

/* Value `row` of series `i` as text; "" if unknown. */
static const char *export_value(
	const struct export *export, size_t i, size_t row, char text[NUMBER_TEXT])
{
	json_t *value = json_array_get(export->values->pdata[i], row);
	number_format(json_is_number(value) ? json_number_value(value) : NAN, text);
	return strcmp(text, "U") ? text : "";
}

/* A row stands at the end of its interval, as rrdtool prints it. */
static char *export_time(const struct export *export, size_t row, char when[32])
{
	return wall_format(wall_from_s(export->t0 + ((int64_t)row + 1) * export->step_s), when);
}

static void export_csv(const struct export *export)
{
	char when[32];
	char number[NUMBER_TEXT];
	printf("time");
	for (size_t i = 0; i < export->ids->len; i++) {
		printf(",%s", (const char *)export->ids->pdata[i]);
	}
	putchar('\n');
	for (size_t row = 0; row < export->rows; row++) {
		printf("%s", export_time(export, row, when));
		for (size_t i = 0; i < export->ids->len; i++) {
			printf(",%s", export_value(export, i, row, number));
		}
		putchar('\n');
	}
}

static void export_json(const struct export *export)
{
	json_t *series = json_object();
	for (size_t i = 0; i < export->ids->len; i++) {
		json_object_set(series, export->ids->pdata[i], export->values->pdata[i]);
	}
	json_t *whole = json_pack("{s:I, s:I, s:o}", "t0", (json_int_t) export->t0, "step",
		(json_int_t) export->step_s, "series", series);
	json_dumpf(whole, stdout, JSON_REAL_PRECISION(17));
	putchar('\n');
	json_decref(whole);
}

static void export_xml(const struct export *export)
{
	char when[32];
	char number[NUMBER_TEXT];
	printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<export>\n <step>%lld</step>\n <series>\n",
		(long long)export->step_s);
	for (size_t i = 0; i < export->ids->len; i++) {
		GString *id = g_string_new(NULL);
		text_append_html(id, export->ids->pdata[i]);
		printf("  <id>%s</id>\n", id->str);
		g_string_free(id, TRUE);
	}
	printf(" </series>\n <data>\n");
	for (size_t row = 0; row < export->rows; row++) {
		printf("  <row><t>%s</t>", export_time(export, row, when));
		for (size_t i = 0; i < export->ids->len; i++) {
			printf("<v>%s</v>", export_value(export, i, row, number));
		}
		printf("</row>\n");
	}
	printf(" </data>\n</export>\n");
}

static const struct export_format {
	const char *name;
	void (*print)(const struct export *export);
} export_formats[] = {{"csv", export_csv}, {"json", export_json}, {"xml", export_xml}};

static const struct export_format *export_format(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(export_formats); i++) {
		if (!strcmp(export_formats[i].name, name)) {
			return &export_formats[i];
		}
	}
	fprintf(stderr, "magpie export: --format takes csv|json|xml, not \"%s\"\n", name);
	return NULL;
}

static int export_run(
	struct export *export, const char *selector, const struct export_format *format)
{
	struct error err;
	export->ids = g_ptr_array_new_with_free_func(g_free);
	export->values = g_ptr_array_new();
	export->answers = g_ptr_array_new_with_free_func(export_decref);
	int code = COMMAND_DONE;
	if (export_find_series(export, selector, &err) && export_fetch(export, &err)) {
		format->print(export);
	} else {
		code = client_failed("export", &err);
	}
	g_ptr_array_unref(export->values);
	g_ptr_array_unref(export->answers);
	g_ptr_array_unref(export->ids);
	return code;
}

int cmd_export(int argc, char **argv)
{
	struct client client = {0};
	const char *format_name = "csv";
	struct export export = {.client = &client, .from = "-1d", .to = "now", .cf = "average"};
	const struct option_row rows[] = {
		{"format", "csv|json|xml", "form of the output (default: csv)", &format_name, NULL},
		{"from", "TIME", "begin: -1d, 2026-11-20T03:00:00Z, epoch seconds (default: -1d)",
			&export.from, NULL},
		{"to", "TIME", "end (default: now)", &export.to, NULL},
		{"step", "SECONDS", "seconds per row (default: the finest kept for that span)",
			&export.step, NULL},
		{"cf", "average|min|max", "how rows are consolidated (default: average)", &export.cf, NULL},
		CLIENT_OPTIONS(client)};
	const struct options options = {.command = "export",
		.operands = "SELECTOR",
		.about = "Prints the values of all series that match, for example: magpie export "
				 "'web*:cpu:*' --from -1w",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.least_operands = 1,
		.most_operands = 1};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	const struct export_format *format = export_format(format_name);
	return format ? export_run(&export, argv[0], format) : COMMAND_USAGE;
}
