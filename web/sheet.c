#include "web/sheet.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/text.h"
#include "web/jsonout.h"

#include <string.h>

#include "base/banned.h"

/*
 * A row stands at the end of its interval, as in rrdtool's exports: the value at t is that of
 * (t - step, t]. XML has the shape of `rrdtool xport --showtime`.
 */
static void free_column(gpointer data)
{
	struct sheet_column *column = data;
	g_free(column->id);
	g_free(column->label);
	g_free(column->consolidated);
	g_free(column);
}

void sheet_init(struct sheet *sheet, enum sheet_format format, enum sheet_layout layout)
{
	*sheet = (struct sheet){.format = format, .layout = layout, .step_s = 1};
	sheet->columns = g_ptr_array_new_with_free_func(free_column);
}

void sheet_finish(struct sheet *sheet)
{
	g_ptr_array_unref(sheet->columns);
}

void sheet_clear_columns(struct sheet *sheet)
{
	g_ptr_array_set_size(sheet->columns, 0);
}

void sheet_add_column(
	struct sheet *sheet, const char *id, const char *consolidated, const char *label)
{
	struct sheet_column *column = g_new0(struct sheet_column, 1);
	column->id = g_strdup(id);
	column->consolidated = g_strdup(consolidated);
	column->label = g_strdup(label);
	g_ptr_array_add(sheet->columns, column);
}

const char *sheet_type(enum sheet_format format)
{
	static const char *const types[] = {[SHEET_CSV] = "text/csv; charset=utf-8",
		[SHEET_TSV] = "text/tab-separated-values; charset=utf-8",
		[SHEET_JSON] = "application/json",
		[SHEET_XML] = "application/xml"};
	return types[format];
}

const char *sheet_ending(enum sheet_format format)
{
	static const char *const endings[] = {
		[SHEET_CSV] = "csv", [SHEET_TSV] = "tsv", [SHEET_JSON] = "json", [SHEET_XML] = "xml"};
	return endings[format];
}

static const struct sheet_column *column_at(const struct sheet *sheet, size_t index)
{
	return sheet->columns->pdata[index];
}

/* -- cells -- */

static bool looks_like_formula(const char *text)
{
	return *text && strchr("=+-@\t\r", *text);
}

void sheet_append_cell(GString *out, const char *text)
{
	g_string_append_c(out, '"');
	if (looks_like_formula(text)) {
		g_string_append_c(out, '\'');
	}
	for (const char *c = text; *c; c++) {
		if (*c == '"') {
			g_string_append_c(out, '"');
		}
		g_string_append_c(out, *c);
	}
	g_string_append_c(out, '"');
}

void sheet_append_tab_cell(GString *out, const char *text)
{
	if (looks_like_formula(text)) {
		g_string_append_c(out, '\'');
	}
	for (const char *c = text; *c; c++) {
		g_string_append_c(out, strchr("\t\r\n", *c) ? ' ' : *c);
	}
}

static void append_text(const struct sheet *sheet, const char *text, GString *out)
{
	if (sheet->format == SHEET_TSV) {
		sheet_append_tab_cell(out, text);
	} else {
		sheet_append_cell(out, text);
	}
}

static void append_number(GString *out, double value, const char *unknown)
{
	char text[JSONOUT_VALUE];
	size_t length = jsonout_format(value, text);
	g_string_append_len(out, length ? text : unknown, length ? (gssize)length : -1);
}

static char separator(const struct sheet *sheet)
{
	return sheet->format == SHEET_TSV ? '\t' : ',';
}

static void end_line(const struct sheet *sheet, GString *out)
{
	g_string_append(out, sheet->format == SHEET_TSV ? "\n" : "\r\n");
}

/* "host:service:field", or with several consolidations "host:service:field:max". */
static char *column_name(const struct sheet *sheet, const struct sheet_column *column)
{
	return sheet->named_by_cf ? g_strdup_printf("%s:%s", column->id, column->consolidated)
							  : g_strdup(column->id);
}

/* -- CSV and TSV -- */

static void begin_wide(const struct sheet *sheet, GString *out)
{
	append_text(sheet, "time", out);
	g_string_append_c(out, separator(sheet));
	append_text(sheet, "epoch", out);
	for (guint i = 0; i < sheet->columns->len; i++) {
		g_autofree char *name = column_name(sheet, column_at(sheet, i));
		g_string_append_c(out, separator(sheet));
		append_text(sheet, name, out);
	}
	end_line(sheet, out);
}

static void begin_long(const struct sheet *sheet, GString *out)
{
	static const char *const names[] = {"time", "epoch", "host", "service", "field"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		append_text(sheet, names[i], out);
		g_string_append_c(out, separator(sheet));
	}
	if (!sheet->named_by_cf) {
		append_text(sheet, "value", out);
	}
	for (size_t i = 0; sheet->named_by_cf && i < 3; i++) {
		if (i) {
			g_string_append_c(out, separator(sheet));
		}
		append_text(sheet, column_at(sheet, i)->consolidated, out);
	}
	end_line(sheet, out);
}

/* "2026-11-20T02:14:20Z,1795400060" */
static void append_moment(const struct sheet *sheet, int64_t t_s, GString *out)
{
	char text[32];
	g_string_append(out, wall_format(wall_from_s(t_s), text));
	g_string_append_c(out, separator(sheet));
	g_string_append_printf(out, "%lld", (long long)t_s);
}

static void append_names(const struct sheet *sheet, GString *out)
{
	g_auto(GStrv) parts = g_strsplit(column_at(sheet, 0)->id, ":", 3);
	for (size_t i = 0; i < 3 && parts[i]; i++) {
		g_string_append_c(out, separator(sheet));
		append_text(sheet, parts[i], out);
	}
}

static void row_of_text(const struct sheet *sheet, size_t row, GString *out)
{
	append_moment(sheet, sheet->cells_t0_s + ((int64_t)row + 1) * sheet->step_s, out);
	if (sheet->layout == SHEET_LONG) {
		append_names(sheet, out);
	}
	for (guint c = 0; c < sheet->columns->len; c++) {
		g_string_append_c(out, separator(sheet));
		append_number(out, sheet->cells[c * sheet->stride + row], "");
	}
	end_line(sheet, out);
}

/* -- JSON -- */

static void append_json_text(GString *out, const char *text)
{
	struct jsonout j = jsonout_begin(out);
	jsonout_text(&j, NULL, text);
}

static void begin_json(const struct sheet *sheet, GString *out)
{
	if (sheet->layout == SHEET_WIDE) {
		g_string_append_printf(out, "{\"t0\":%lld,\"step\":%lld,\"series\":{",
			(long long)sheet->t0_s, (long long)sheet->step_s);
	} else {
		g_string_append(out, "{\"series\":[");
	}
}

static void begin_json_pass(const struct sheet *sheet, GString *out)
{
	const struct sheet_column *column = column_at(sheet, 0);
	if (sheet->pass) {
		g_string_append(out, ",\n");
	}
	if (sheet->layout == SHEET_WIDE) {
		g_autofree char *name = column_name(sheet, column);
		append_json_text(out, name);
		g_string_append(out, ":[");
		return;
	}
	g_string_append(out, "{\"id\":");
	append_json_text(out, column->id);
	g_string_append(out, ",\"label\":");
	append_json_text(out, column->label);
	g_string_append_printf(out, ",\"cf\":\"%s\",\"t0\":%lld,\"step\":%lld,\"values\":[",
		column->consolidated, (long long)sheet->t0_s, (long long)sheet->step_s);
}

static void row_of_json(const struct sheet *sheet, size_t row, GString *out)
{
	int64_t begin_s = sheet->cells_t0_s + (int64_t)row * sheet->step_s;
	if (begin_s > sheet->t0_s) {
		g_string_append_c(out, ',');
	}
	append_number(out, sheet->cells[row], "null");
}

/* -- XML -- */

static void begin_xml(const struct sheet *sheet, GString *out)
{
	int64_t rows = (int64_t)sheet->rows;
	g_string_append_printf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xport>\n<meta><start>%lld</start>"
		"<end>%lld</end><step>%lld</step><rows>%lld</rows><columns>%u</columns>\n<legend>",
		(long long)(sheet->t0_s + sheet->step_s), (long long)(sheet->t0_s + rows * sheet->step_s),
		(long long)sheet->step_s, (long long)rows, sheet->columns->len);
	for (guint i = 0; i < sheet->columns->len; i++) {
		g_autofree char *name = column_name(sheet, column_at(sheet, i));
		g_string_append(out, "<entry>");
		text_append_html(out, name);
		g_string_append(out, "</entry>");
	}
	g_string_append(out, "</legend></meta>\n<data>\n");
}

static void row_of_xml(const struct sheet *sheet, size_t row, GString *out)
{
	int64_t t_s = sheet->cells_t0_s + ((int64_t)row + 1) * sheet->step_s;
	g_string_append_printf(out, "<row><t>%lld</t>", (long long)t_s);
	for (guint c = 0; c < sheet->columns->len; c++) {
		g_string_append(out, "<v>");
		append_number(out, sheet->cells[c * sheet->stride + row], "NaN");
		g_string_append(out, "</v>");
	}
	g_string_append(out, "</row>\n");
}

/* -- any -- */

void sheet_begin(const struct sheet *sheet, GString *out)
{
	switch (sheet->format) {
	case SHEET_JSON: begin_json(sheet, out); break;
	case SHEET_XML: begin_xml(sheet, out); break;
	default: (sheet->layout == SHEET_LONG ? begin_long : begin_wide)(sheet, out); break;
	}
}

void sheet_begin_pass(const struct sheet *sheet, GString *out)
{
	if (sheet->format == SHEET_JSON) {
		begin_json_pass(sheet, out);
	}
}

void sheet_append_row(const struct sheet *sheet, size_t row, GString *out)
{
	switch (sheet->format) {
	case SHEET_JSON: row_of_json(sheet, row, out); break;
	case SHEET_XML: row_of_xml(sheet, row, out); break;
	default: row_of_text(sheet, row, out); break;
	}
}

void sheet_end_pass(const struct sheet *sheet, GString *out)
{
	if (sheet->format == SHEET_JSON) {
		g_string_append(out, sheet->layout == SHEET_LONG ? "]}" : "]");
	}
}

void sheet_end(const struct sheet *sheet, GString *out)
{
	if (sheet->format == SHEET_JSON) {
		g_string_append(out, sheet->layout == SHEET_LONG ? "]}\n" : "}}\n");
	} else if (sheet->format == SHEET_XML) {
		g_string_append(out, "</data>\n</xport>\n");
	}
}
