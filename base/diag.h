#pragma once
#include "base/attr.h"
#include "base/auto.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * What is wrong with a text that a person wrote: every complaint with its place, what to do about
 * it, and the line it is about. Parsers add to one list for all files of a run; the list sorts,
 * bounds and prints. Errors keep a configuration from being loaded, warnings do not.
 */
enum diag_severity { DIAG_ERROR, DIAG_WARNING };

/* A file under examination; the caller's, must live while complaints about it are added. */
struct diag_source {
	const char *name; /* as people know it, copied into each complaint */
	const char *text;
	size_t length;
};

/* Characters `column` to before `end_column` of a line; all count from 1, a tab is one. */
struct diag_place {
	unsigned line, column, end_column;
};

struct diag_fix {
	struct diag_place place; /* what `text` replaces; empty span: inserted */
	char *text;
};

struct diag {
	char *file;
	struct diag_place place;
	enum diag_severity severity;
	char code[8]; /* "E101" */
	char *message;
	GPtrArray *notes; /* char * */
	GPtrArray *fixes; /* struct diag_fix * */
	char *
		line; /* of the source line, clean, what is around the place; NULL: there is none to show */
	unsigned line_from; /* characters of the line before that */
	unsigned order;     /* of its file, by first complaint or diag_list_file() */
};

struct diag_list;

enum { DIAG_MOST = 100 }; /* complaints kept and shown; the others are counted */

struct diag_list *diag_list_create(void);
void diag_list_destroy(struct diag_list *list);
DEFINE_AUTO(diag_list)

/* Fixes the place of a file in the order of printing; files are else ordered by their first
 * complaint. */
void diag_list_file(struct diag_list *list, const char *name);

/*
 * Adds a complaint; a second one with the same file, place and code is not added. The result may be
 * given to diag_note and the like until the next diag_add; it is never NULL (what is beyond the
 * bound lands in a scratch entry). `source` may hold a name only (text NULL): then there is no
 * line.
 */
struct diag *diag_add(struct diag_list *list, const struct diag_source *source,
	struct diag_place place, enum diag_severity severity, const char *code, const char *format, ...)
	PRINTF_LIKE(6, 7);

/* Evidence or advice, shown below the line in the order given. */
void diag_note(struct diag *diag, const char *format, ...) PRINTF_LIKE(2, 3);

/* An exact replacement that a tool can apply; and the same with the note `did you mean "TEXT"?`. */
void diag_fix(struct diag *diag, struct diag_place place, const char *text);
void diag_suggest(struct diag *diag, struct diag_place place, const char *text);

/* All complaints ever added, also those beyond the bound. */
size_t diag_errors(const struct diag_list *list);
size_t diag_warnings(const struct diag_list *list);

/* Grows with every error, also with one that is dropped as a repeat: compared before and after, it
 * says whether a step found one. */
size_t diag_mark(const struct diag_list *list);

/* The kept ones, sorted by file and place; valid until the next diag_add. */
size_t diag_count(struct diag_list *list);
const struct diag *diag_at(struct diag_list *list, size_t index);

/* Appends everything: for people (source line, caret, notes; a last line if some are not shown),
 * in gcc's form, or as {"diagnostics":[…]}. */
enum diag_format { DIAG_HUMAN, DIAG_GCC, DIAG_JSON };
void diag_print(struct diag_list *list, enum diag_format format, GString *out);

/* "human", "gcc", "json"; false: none of them. */
MUST_USE bool diag_format_parse(const char *name, enum diag_format *format);

/* Exit code of a checking command: 1 errors, 2 warnings when `strict`, else 0. */
int diag_exit_code(const struct diag_list *list, bool strict);
