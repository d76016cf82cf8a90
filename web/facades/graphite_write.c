#include "web/facades/graphite_write.h"
#include "web/sheet.h"
#include "web/jsonout.h"

#include <string.h>

#include "base/banned.h"

/*
 * JSON, CSV and raw as graphite-web writes them (its documentation, "The Render URL API"). Names
 * come from paths and from what somebody asked for: as text of JSON they are inert, in CSV they are
 * cells that no spreadsheet takes for a formula, in raw the separators in them become "_".
 */
static int64_t row_time(
	const struct graphite_answer *a, const struct graphite_series *s, size_t row)
{
	return s->t0_s + (int64_t)(row + 1) * a->step_s;
}

static void write_tags(struct jsonout *j, const struct graphite_series *s)
{
	static const char *const names[] = {"field", "group", "host", "service"};
	jsonout_open(j, "tags", '{');
	jsonout_text(j, "name", s->path);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (s->tags[i]) {
			jsonout_text(j, names[i], s->tags[i]);
		}
	}
	jsonout_close(j);
}

/* [[value,time],…], in one go: it is nearly all of an answer. */
static void append_points(
	const struct graphite_answer *a, const struct graphite_series *s, GString *out)
{
	char text[JSONOUT_VALUE];
	for (size_t row = 0; row < s->rows; row++) {
		size_t length = jsonout_format(s->values[row], text);
		g_string_append(out, row ? ",[" : "[");
		g_string_append_len(out, length ? text : "null", length ? (gssize)length : 4);
		g_string_append_printf(out, ",%lld]", (long long)row_time(a, s, row));
	}
}

void graphite_write_json(const struct graphite_answer *a, GString *out)
{
	struct jsonout j = jsonout_begin(out);
	jsonout_open(&j, NULL, '[');
	for (guint i = 0; i < a->series->len; i++) {
		const struct graphite_series *s = a->series->pdata[i];
		jsonout_open(&j, NULL, '{');
		jsonout_text(&j, "target", s->name);
		write_tags(&j, s);
		jsonout_open(&j, "datapoints", '[');
		append_points(a, s, out);
		jsonout_close(&j);
		jsonout_close(&j);
	}
	jsonout_close(&j);
}

static void append_value(GString *out, double value, const char *unknown)
{
	char text[JSONOUT_VALUE];
	size_t length = jsonout_format(value, text);
	g_string_append_len(out, length ? text : unknown, length ? (gssize)length : -1);
}

/* "2026-11-20 02:14:20" of each row: written once for all series, which have the same rows. */
static GPtrArray *row_times(const struct graphite_answer *a, const struct graphite_series *s)
{
	GPtrArray *times = g_ptr_array_new_with_free_func(g_free);
	for (size_t row = 0; row < s->rows; row++) {
		g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(row_time(a, s, row));
		g_autoptr(GDateTime) moment = g_date_time_to_timezone(utc, a->zone);
		g_ptr_array_add(times, g_date_time_format(moment, "%Y-%m-%d %H:%M:%S"));
	}
	return times;
}

static void append_rows(const struct graphite_series *s, const GPtrArray *times, GString *out)
{
	g_autoptr(GString) name = g_string_new(NULL);
	sheet_append_cell(name, s->name);
	g_string_append_c(name, ',');
	for (size_t row = 0; row < s->rows; row++) {
		g_string_append_len(out, name->str, (gssize)name->len);
		g_string_append(out, times->pdata[row]);
		g_string_append_c(out, ',');
		append_value(out, s->values[row], "");
		g_string_append(out, "\r\n");
	}
}

void graphite_write_csv(const struct graphite_answer *a, GString *out)
{
	const struct graphite_series *written = NULL;
	GPtrArray *times = NULL;
	for (guint i = 0; i < a->series->len; i++) {
		const struct graphite_series *s = a->series->pdata[i];
		if (!written || s->t0_s != written->t0_s || s->rows != written->rows) {
			g_clear_pointer(&times, g_ptr_array_unref);
			times = row_times(a, s);
			written = s;
		}
		append_rows(s, times, out);
	}
	g_clear_pointer(&times, g_ptr_array_unref);
}

/* NAME,START,END,STEP|VALUE,… with one line each. */
void graphite_write_raw(const struct graphite_answer *a, GString *out)
{
	for (guint i = 0; i < a->series->len; i++) {
		const struct graphite_series *s = a->series->pdata[i];
		g_autofree char *name = g_strdup(s->name);
		g_strdelimit(name, "|\n", '_');
		g_string_append_printf(out, "%s,%lld,%lld,%lld|", name, (long long)row_time(a, s, 0),
			(long long)row_time(a, s, s->rows), (long long)a->step_s);
		for (size_t row = 0; row < s->rows; row++) {
			if (row) {
				g_string_append_c(out, ',');
			}
			append_value(out, s->values[row], "None");
		}
		g_string_append_c(out, '\n');
	}
}
