#pragma once
#include "base/lexer.h"
#include "rules/syntax.h"

/*
 * Inside of the parser (parse_*.c): its state, and what its parts call of each other.
 */
enum { PARSE_OPERANDS_MAX = 500 };

struct parser {
	struct lexer lexer;
	struct syntax *syntax;
	struct file *file;
	struct diag_list *diags;
	unsigned depth, operands;
	struct diag_list *unheard; /* for what is not told */
	bool silent; /* a fault of this statement was told already: what follows from it is not */
};

struct node *parse_expression(struct parser *p); /* NULL: told */
struct node *parse_sum(struct parser *p);        /* one operand of a comparison; NULL: told */
bool parse_condition(struct parser *p, struct cond *cond);
bool parse_modifiers(struct parser *p, struct cond *cond);
bool parse_text(struct parser *p, struct text *text);           /* STRING { STRING } */
struct body *parse_body(struct parser *p, enum item_kind kind); /* from "{" to "}" */
struct selector *parse_selector(struct parser *p);
bool parse_hosts(struct parser *p, struct body *body);

/* A complaint at the current token, unless the statement is silent; makes it silent. The result is
 * never NULL. */
struct diag *parse_complain(struct parser *p, const char *code, const char *format, ...)
	PRINTF_LIKE(3, 4);
struct diag *parse_complain_at(struct parser *p, struct diag_place place, const char *code,
	const char *format, ...) PRINTF_LIKE(4, 5);

/* E102: `what` is expected; at the end of a line the place is behind the last token. */
void parse_expected(struct parser *p, const char *what);

/* The form is part of the language and not of this version: E112. */
void parse_unsupported(struct parser *p, struct diag_place place, const char *what);

bool parse_op(struct parser *p, int op);             /* takes it if it is there */
bool parse_word(struct parser *p, const char *word); /* takes it if it is there */
bool parse_duration(struct parser *p, int64_t *ms);
char *parse_keep(struct parser *p, char *text); /* the tree's from now on */

/* A whole number without a unit from 1 to `most`; false: told. */
bool parse_count(struct parser *p, unsigned most, unsigned *out);
