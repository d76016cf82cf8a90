#include "web/export.h"
#include "base/text.h"
#include "web/jsonout.h"
#include "web/sheet.h"

#include <string.h>

#include "base/banned.h"

/*
 * Each row stands at the end of its interval, as rrdtool's export has it: the value at t is that of
 * (t - step, t]. All columns are computed first, then written row by row.
 */
static double *compute_all(const struct export_graph *g)
{
	size_t rows = g->data->rows;
	double *all = g_new(double, curves_count(g->curves) * rows + 1);
	for (size_t i = 0; i < curves_count(g->curves); i++) {
		curves_compute(g->curves, i, g->data, g->now_s, all + i * rows);
	}
	return all;
}

static int64_t row_time(const struct export_graph *g, size_t row)
{
	return g->data->t0_s + ((int64_t)row + 1) * g->data->step_s;
}

static void append_number(GString *out, double value, const char *unknown)
{
	char text[JSONOUT_VALUE];
	size_t length = jsonout_format(value, text);
	g_string_append_len(out, length ? text : unknown, length ? (gssize)length : -1);
}

static void append_sheet(const struct export_graph *g, enum sheet_format format, GString *out)
{
	double *all = compute_all(g);
	struct sheet sheet;
	sheet_init(&sheet, format, SHEET_WIDE);
	for (size_t i = 0; i < curves_count(g->curves); i++) {
		sheet_add_column(&sheet, curves_label(g->curves, i), "", "");
	}
	sheet.cells = all;
	sheet.stride = g->data->rows;
	sheet.cells_t0_s = g->data->t0_s;
	sheet.step_s = g->data->step_s;
	sheet_begin(&sheet, out);
	for (size_t row = 0; row < g->data->rows; row++) {
		sheet_append_row(&sheet, row, out);
	}
	sheet_finish(&sheet);
	g_free(all);
}

void export_csv(const struct export_graph *g, GString *out)
{
	append_sheet(g, SHEET_CSV, out);
}

void export_tsv(const struct export_graph *g, GString *out)
{
	append_sheet(g, SHEET_TSV, out);
}

void export_json(const struct export_graph *g, GString *out)
{
	double *all = compute_all(g);
	struct jsonout j = jsonout_begin(out);
	jsonout_open(&j, NULL, '{');
	jsonout_text(&j, "host", g->host);
	jsonout_text(&j, "service", g->service);
	jsonout_text(&j, "title", g->title);
	jsonout_text(&j, "vlabel", g->vlabel);
	jsonout_int(&j, "t0", g->data->t0_s);
	jsonout_int(&j, "step", g->data->step_s);
	jsonout_open(&j, "fields", '[');
	for (size_t i = 0; i < curves_count(g->curves); i++) {
		jsonout_open(&j, NULL, '{');
		jsonout_text(&j, "field", curves_field(g->curves, i));
		jsonout_text(&j, "id", curves_id(g->curves, i));
		jsonout_text(&j, "label", curves_label(g->curves, i));
		jsonout_close(&j);
	}
	jsonout_close(&j);
	jsonout_open(&j, "series", '{');
	for (size_t i = 0; i < curves_count(g->curves); i++) {
		jsonout_open(&j, curves_id(g->curves, i), '[');
		for (size_t row = 0; row < g->data->rows; row++) {
			jsonout_value(&j, all[i * g->data->rows + row]);
		}
		jsonout_close(&j);
	}
	jsonout_close(&j);
	jsonout_close(&j);
	g_free(all);
}

static void append_element(GString *out, const char *name, const char *text)
{
	g_string_append_printf(out, "<%s>", name);
	text_append_html(out, text);
	g_string_append_printf(out, "</%s>", name);
}

static void append_meta(const struct export_graph *g, GString *out)
{
	g_string_append(out, "<meta>");
	append_element(out, "host", g->host);
	append_element(out, "service", g->service);
	append_element(out, "title", g->title);
	g_string_append_printf(out,
		"<start>%lld</start><end>%lld</end><step>%lld</step><rows>%zu</rows><columns>%zu</columns>",
		(long long)g->data->t0_s,
		(long long)(g->data->t0_s + (int64_t)g->data->rows * g->data->step_s),
		(long long)g->data->step_s, g->data->rows, curves_count(g->curves));
	g_string_append(out, "<legend>");
	for (size_t i = 0; i < curves_count(g->curves); i++) {
		append_element(out, "entry", curves_label(g->curves, i));
	}
	g_string_append(out, "</legend></meta>\n");
}

/* The shape of `rrdtool xport`. */
void export_xml(const struct export_graph *g, GString *out)
{
	double *all = compute_all(g);
	g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xport>\n");
	append_meta(g, out);
	g_string_append(out, "<data>\n");
	for (size_t row = 0; row < g->data->rows; row++) {
		g_string_append_printf(out, "<row><t>%lld</t>", (long long)row_time(g, row));
		for (size_t i = 0; i < curves_count(g->curves); i++) {
			g_string_append(out, "<v>");
			append_number(out, all[i * g->data->rows + row], "NaN");
			g_string_append(out, "</v>");
		}
		g_string_append(out, "</row>\n");
	}
	g_string_append(out, "</data>\n</xport>\n");
	g_free(all);
}
