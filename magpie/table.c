#include "magpie/table.h"
#include "base/attr.h"
#include "base/number.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/banned.h"

/*
 * Widths are counted in characters, not bytes. A cell from outside that begins like a formula gets
 * a quote in front in CSV, as spreadsheets execute such cells. Control characters do not reach the
 * terminal, which would obey them: names and texts in cells came from nodes.
 */
enum { CELL_MAX = 4096 };

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
	table->columns = columns;
	table->column_count = column_count;
	table->cells = g_ptr_array_new_with_free_func(g_free);
}

void table_finish(struct table *table)
{
	g_ptr_array_unref(table->cells);
}

void table_add(struct table *table, const char *cell)
{
	g_ptr_array_add(table->cells, text_clean(cell ? cell : "", cell ? strlen(cell) : 0, CELL_MAX));
}

void table_add_number(struct table *table, double value)
{
	char text[NUMBER_TEXT];
	number_format(value, text);
	table_add(table, strcmp(text, "U") ? text : "");
}

static const char *table_cell(const struct table *table, size_t row, size_t column)
{
	return table->cells->pdata[row * table->column_count + column];
}

static size_t table_rows(const struct table *table)
{
	return table->cells->len / table->column_count;
}

static size_t table_width(const struct table *table, size_t column)
{
	size_t width = (size_t)g_utf8_strlen(table->columns[column].title, -1);
	for (size_t row = 0; row < table_rows(table); row++) {
		width = MAX(width, (size_t)g_utf8_strlen(table_cell(table, row, column), -1));
	}
	return width;
}

static void table_pad(const char *cell, size_t width, bool right, bool last)
{
	int gap = (int)(width - (size_t)g_utf8_strlen(cell, -1));
	printf("%*s%s%*s", right ? gap : 0, "", cell, right || last ? 0 : gap, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void table_print_text(const struct table *table)
{
	for (size_t column = 0; column < table->column_count; column++) {
		table_pad(table->columns[column].title, table_width(table, column),
			table->columns[column].number, column + 1 == table->column_count);
	}
	for (size_t row = 0; row < table_rows(table); row++) {
		for (size_t column = 0; column < table->column_count; column++) {
			table_pad(table_cell(table, row, column), table_width(table, column),
				table->columns[column].number, column + 1 == table->column_count);
		}
	}
}

static json_t *table_json_cell(const char *cell, bool number)
{
	double value;
	if (!number) {
		return json_string(cell);
	}
	if (!*cell || !number_parse(cell, strlen(cell), &value)) {
		return json_null();
	}
	return json_real(value);
}

static void table_print_json(const struct table *table)
{
	json_t *rows = json_array();
	for (size_t row = 0; row < table_rows(table); row++) {
		json_t *object = json_object();
		for (size_t column = 0; column < table->column_count; column++) {
			json_object_set_new(object, table->columns[column].key,
				table_json_cell(table_cell(table, row, column), table->columns[column].number));
		}
		json_array_append_new(rows, object);
	}
	json_dumpf(rows, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(rows);
}

static void table_csv_cell(const char *cell, bool number)
{
	bool formula = !number && *cell && strchr("=+-@\t\r", *cell);
	if (!formula && !strpbrk(cell, ",\"\r\n")) {
		fputs(cell, stdout);
		return;
	}
	fputs(formula ? "\"'" : "\"", stdout);
	for (; *cell; cell++) {
		fputs(*cell == '"' ? "\"\"" : (char[]){*cell, '\0'}, stdout);
	}
	putchar('"');
}

static void table_print_csv(const struct table *table)
{
	for (size_t column = 0; column < table->column_count; column++) {
		printf("%s%s", column ? "," : "", table->columns[column].key);
	}
	putchar('\n');
	for (size_t row = 0; row < table_rows(table); row++) {
		for (size_t column = 0; column < table->column_count; column++) {
			fputs(column ? "," : "", stdout);
			table_csv_cell(table_cell(table, row, column), table->columns[column].number);
		}
		putchar('\n');
	}
}

void table_print(const struct table *table, enum table_form form)
{
	static void (*const printers[])(const struct table *) = {
		[TABLE_TEXT] = table_print_text,
		[TABLE_JSON] = table_print_json,
		[TABLE_CSV] = table_print_csv,
	};
	printers[form](table);
}

bool table_form_parse(const char *name, enum table_form *form)
{
	static const char *const names[] = {"table", "json", "csv"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (!strcmp(name, names[i])) {
			*form = (enum table_form)i;
			return true;
		}
	}
	return false;
}
