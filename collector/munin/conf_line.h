#pragma once
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Lines of a munin-node's configuration files: "#" begins a comment ("\#" is the character), blanks
 * around are nothing, empty lines are left out.
 */
enum { CONF_LINE_MAX = 4096 };

struct conf_lines {
	const struct diag_source *source;
	struct diag_list *diags;
	size_t at;
	unsigned number;              /* of the line at hand, from 1 */
	unsigned column;              /* where its text begins, from 1 */
	char text[CONF_LINE_MAX + 1]; /* without comment and blanks around */
};

/* Begins at the first line; both stay the caller's. */
void conf_lines_init(
	struct conf_lines *lines, const struct diag_source *source, struct diag_list *diags);

/* The next line that says something. False: there is none. Lines that are too long or hold a NUL
 * are complained about and left out. */
MUST_USE bool conf_lines_next(struct conf_lines *lines);

/* A complaint about the line at hand. */
void conf_lines_error(const struct conf_lines *lines, const char *code, const char *format, ...)
	PRINTF_LIKE(3, 4);
void conf_lines_warning(const struct conf_lines *lines, const char *code, const char *format, ...)
	PRINTF_LIKE(3, 4);

/*
 * Splits the line into its first word ([A-Za-z0-9_.]+) and the rest behind blanks, in place. False:
 * it has not that form; then it is untouched.
 */
MUST_USE bool conf_lines_split(struct conf_lines *lines, char **word, char **value);
