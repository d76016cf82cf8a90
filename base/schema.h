#pragma once
#include "base/block.h"
#include "base/diag.h"
#include "base/error.h"

#include <stdint.h>

/*
 * What may stand in a block, as rows of a table: name, type, default, range, help. From the rows
 * come the reading into a struct, all complaints, and the reference in docs/. A row says where in
 * the struct its value goes and what it must be; whatever no row allows is an error with the
 * nearest name as proposal. Two rows may have one name if one of them is a block: the braces
 * decide.
 */
enum schema_type {
	SCHEMA_TEXT,     /* char *: one text, quoted or a plain word */
	SCHEMA_FLAG,     /* bool: yes, no */
	SCHEMA_COUNT,    /* uint32_t in [least, most] */
	SCHEMA_DURATION, /* uint32_t, whole seconds in [least, most] */
	SCHEMA_WORD,     /* uint32_t: index in `words` */
	SCHEMA_CHOICE,   /* char *: one of `words` */
	SCHEMA_TEXTS,    /* GPtrArray * of char *: one or more texts; NULL if not given */
	SCHEMA_BLOCK,    /* a block of its own, described by `body` */
};

struct schema;

/* Whether a text is fit, `err` says why not. */
typedef bool (*schema_check_fn)(const char *text, struct error *err);

struct schema_row {
	const char *name;
	enum schema_type type;
	size_t offset; /* of the member in the target; of a struct inside it for a block that is there
					  once */
	const char *fallback;      /* the default, as it would be written; NULL: none */
	const char *fallback_help; /* what holds then, in words, where that cannot be written */
	uint32_t least, most;
	const char *const *words; /* NULL-terminated */
	schema_check_fn check;    /* TEXT, each of TEXTS, and the name of a BLOCK; may be NULL */
	const struct schema *body;
	/*
	 * BLOCK with a name, `KEYWORD NAME { … }`, any number of times, names unique: gives a new
	 * zeroed struct to fill, owned by `target`. NULL: the block is there at most once and has no
	 * name.
	 */
	void *(*add)(void *target, const char *name);
	const char *help;
};

/* What a check gets to judge a block as a whole, once all of it was read without a complaint. */
struct schema_context {
	const struct diag_source *source;
	struct diag_list *diags;
	const struct block_statement *statement; /* NULL: the file itself */
	const struct block *block;
};

struct schema {
	const char *about; /* a sentence for the reference */
	const struct schema_row *rows;
	size_t count;
	void (*check)(const struct schema_context *context, void *target); /* may be NULL */
};

/* Fills the defaults in (target must be zeroed before). */
void schema_defaults(const struct schema *schema, void *target);

/* Reads a file's tree into `target`, which has its defaults. All complaints go to `diags`. */
void schema_read(const struct schema *schema, const struct block *block, void *target,
	const struct diag_source *source, struct diag_list *diags);

/* The statement of that name, the last one if there are several; NULL if it is not there. */
const struct block_statement *schema_find(const struct block *block, const char *name);

/* Adds a complaint about a statement of the block (NULL: about the block itself). */
struct diag *schema_complain(const struct schema_context *context,
	const struct block_statement *statement, const char *code, const char *format, ...)
	PRINTF_LIKE(4, 5);

/* Appends the reference of all rows, those of inner blocks behind, as Markdown tables. */
void schema_append_markdown(const struct schema *schema, GString *out);
