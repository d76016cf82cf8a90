#pragma once
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Text into tokens, for magpie.conf and rule files alike. What a word means depends on where it
 * stands, so the lexer knows no keyword: it cuts at the longest form, and the parser reads a token
 * as number, duration or name when it needs one (base/quantity.h, lexer_string). Complaints E001 to
 * E004, E008, E009, E010 and E012 are the lexer's own and are added to the list as they are met.
 */
enum token_kind {
	TOKEN_END,      /* of the file; stays */
	TOKEN_EOL,      /* line end or ";" */
	TOKEN_STRING,   /* "…", with its quotes */
	TOKEN_DATE,     /* 2026-09-01, 2026-09-01T22:00 */
	TOKEN_SPAN,     /* 08:00-18:00 */
	TOKEN_SELECTOR, /* a:b, a:b:c with globs, {captures}, (alternatives|…), "quoted":parts. Also
					   127.0.0.1:8080 */
	TOKEN_NUMBER,  /* begins with a digit: 92% 1h30m 10/s 100Mbit/s; also 10.0.0.1 and 1x, which are
					  no numbers when read as one */
	TOKEN_NAME,    /* a, a-b, a.b, a* */
	TOKEN_HOSTPAT, /* @group/sub, "@" included */
	TOKEN_OP,      /* == != >= <= !~ .. > < ~ = + - * / ( ) [ ] { } , ! */
};

/* Operators of one character are that character. */
enum token_op { OP_EQ = 256, OP_NE, OP_GE, OP_LE, OP_NOT_MATCH, OP_RANGE };

struct token {
	enum token_kind kind;
	int op;         /* TOKEN_OP: a character or enum token_op; else 0 */
	const char *at; /* where it begins in the source */
	const char
		*text; /* what it says: the same, but for `&&`, which is read as `and`; not terminated */
	size_t length;
	struct diag_place place;
	bool glued; /* nothing between it and the token before */
	bool bad;   /* a complaint about it was already made: do not add another */
};

enum {
	LEXER_FILE_MAX = 8 << 20,
	LEXER_LINE_MAX = 16 << 10, /* bytes */
	LEXER_DEPTH_MAX = 64,      /* nesting that parsers accept (blocks, parentheses): see E010 */
};

/* Storage is the caller's; nothing to free. */
struct lexer {
	const struct diag_source *source;
	struct diag_list *diags;
	const char *at, *end;
	unsigned line, column;
	const char *line_start;
	bool line_too_long;
	struct token token, ahead;
	unsigned ends_line, ends_column; /* place behind the last token on its line, for "missing" */
};

/* Begins at the first token. `source` and `diags` must outlive the lexer. A file beyond
 * LEXER_FILE_MAX is a complaint (E010) and has no tokens. */
void lexer_init(struct lexer *lexer, const struct diag_source *source, struct diag_list *diags);

/* The same over a piece of the source that lies within one line, beginning at `place`. */
void lexer_init_part(struct lexer *lexer, const struct diag_source *source, struct diag_list *diags,
	const char *from, size_t length, struct diag_place place);

/* The current token is `lexer->token`, the one behind it `lexer->ahead`. */
void lexer_advance(struct lexer *lexer);

/* Whether the current token is this operator, or the name `word` (exactly, whole token). */
bool lexer_at_op(const struct lexer *lexer, int op);
bool lexer_at_word(const struct lexer *lexer, const char *word);
bool token_is_word(const struct token *token, const char *word);

/* Copy of the token's source text (g_free); "" for END, the text of line ends too. */
char *token_text(const struct token *token);

/* How people call it in a message: `"foo"`, `the end of the line`, `the end of the file` (g_free).
 */
char *token_describe(const struct token *token);

/*
 * Content of a STRING token with \" \\ \n \t resolved ("$" is left as it is), appended to `out`.
 * Complaints about escapes were made when the token was cut; an unknown escape is taken as it
 * stands.
 */
void lexer_string(const struct token *token, GString *out);

/* The place behind the token before the current one (an empty span): where something is missing. */
struct diag_place lexer_behind(const struct lexer *lexer);

/* Length in bytes of a selector at `text`, 0 if there is none; for names inside of texts. */
size_t lexer_selector_length(const char *text, size_t length);
