#pragma once
#include "base/auto.h"
#include "base/lexer.h"

#include <glib.h>

/*
 * The common form of configuration: statements `NAME value…`, each with a block `{ … }` behind it
 * if it has parts, one per line or parted by ";". This is the text as a tree; which names and
 * values make sense says base/schema.h.
 */
struct block_value {
	struct token token;
	char *text; /* of a text in quotes the content, escapes resolved; else as it stands */
	bool quoted;
};

struct block_statement {
	char *name;
	struct diag_place place; /* of the name */
	GArray *values;          /* struct block_value */
	struct block *body;      /* NULL: no braces */
};

struct block {
	GPtrArray *statements; /* struct block_statement *, owned */
};

/*
 * Parses a whole file; every complaint goes to `diags` and parsing goes on at the next statement.
 * Never NULL: what could be read is there. `source` and its text must outlive the tree.
 */
struct block *block_parse(const struct diag_source *source, struct diag_list *diags);
void block_destroy(struct block *block);
DEFINE_AUTO(block)

const struct block_value *block_value(const struct block_statement *statement, size_t index);

/* From the statement's name to the end of its last value. */
struct diag_place block_value_place(const struct block_statement *statement, size_t index);
