#pragma once
#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * A listing as people and programs want it: `-o table|json|csv`. Cells are texts; numbers stay
 * numbers in JSON.
 */
enum table_form { TABLE_TEXT, TABLE_JSON, TABLE_CSV };

struct table_column {
	const char *key;   /* in JSON and as CSV heading: "since" */
	const char *title; /* in the table: "Since" */
	bool number;       /* aligned right; a JSON number or null */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	GPtrArray *cells; /* char *, row by row */
};

void table_init(struct table *table, const struct table_column *columns, size_t column_count);
void table_finish(struct table *table);

/* Adds the next cell of the current row; NULL is an empty one. Copied. */
void table_add(struct table *table, const char *cell);
void table_add_number(struct table *table, double value); /* NaN: empty */

void table_print(const struct table *table, enum table_form form);

/* "table", "json", "csv"; false: none of them. */
bool table_form_parse(const char *name, enum table_form *form);

/* For rows of options: `{"o", TABLE_FORMS, "…", &form_name, NULL}`. */
#define TABLE_FORMS "table|json|csv"
