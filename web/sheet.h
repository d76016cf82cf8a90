#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Values as a table of text, written piece by piece: pure. A sheet is begun, has one or several
 * passes, each with rows from the oldest to the newest, and is ended.
 *
 * wide  CSV, TSV, XML: one pass; a row is an instant, a column a series. JSON: a pass per column.
 * long  CSV, TSV: a pass per series, a row is one instant of it. JSON: a pass per column; each
 *       series has a step of its own.
 */
enum sheet_format { SHEET_CSV, SHEET_TSV, SHEET_JSON, SHEET_XML, SHEET_FORMATS };
enum sheet_layout { SHEET_WIDE, SHEET_LONG };

struct sheet_column {
	char *id;           /* "host:service:field"; all of it owned by the sheet's list */
	char *consolidated; /* "average", "min", "max" */
	char *label;
};

struct sheet {
	enum sheet_format format;
	enum sheet_layout layout;
	bool named_by_cf; /* several consolidations: names of columns say which */
	/* of the pass */
	GPtrArray *columns; /* struct sheet_column *, owned */
	size_t pass;
	int64_t t0_s, step_s;
	size_t rows;
	/* of the rows at hand: value of column c in row r is cells[c * stride + r] */
	const double *cells;
	size_t stride;
	int64_t cells_t0_s; /* row r ends at cells_t0_s + (r + 1) * step_s */
};

void sheet_init(struct sheet *sheet, enum sheet_format format, enum sheet_layout layout);
void sheet_finish(struct sheet *sheet);

void sheet_add_column(
	struct sheet *sheet, const char *id, const char *consolidated, const char *label);
void sheet_clear_columns(struct sheet *sheet);

const char *sheet_type(enum sheet_format format);
const char *sheet_ending(enum sheet_format format); /* "csv" */

void sheet_begin(const struct sheet *sheet, GString *out); /* XML and wide JSON: t0, step are set */
void sheet_begin_pass(const struct sheet *sheet, GString *out);
void sheet_append_row(const struct sheet *sheet, size_t row, GString *out);
void sheet_end_pass(const struct sheet *sheet, GString *out);
void sheet_end(const struct sheet *sheet, GString *out);

/*
 * A cell of CSV (RFC 4180), quoted; text that a spreadsheet would take for a formula (it begins
 * with = + - @ TAB or CR) gets an apostrophe in front.
 */
void sheet_append_cell(GString *out, const char *text);

/* A cell of TSV: the same apostrophe; TAB, CR and LF become blanks, since nothing can quote them.
 */
void sheet_append_tab_cell(GString *out, const char *text);
