/*
 * Texts with `${…}`: cut from the source itself, so that every variable keeps its exact place. A
 * plain name is a variable, anything else an expression.
 */
#include "rules/parser.h"

#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/* A position inside of a quoted text of the source. */
struct cursor {
	const char *at, *end;
	struct diag_place place;
};

static void step(struct cursor *c)
{
	size_t n = text_utf8_length(c->at, (size_t)(c->end - c->at));
	c->at += n ? n : 1;
	c->place.column++;
	c->place.end_column++;
}

static void piece_clear(void *p)
{
	struct piece *piece = p;
	g_free(piece->text);
}

static void flush(struct text *text, GString *run)
{
	if (run->len) {
		struct piece piece = {.text = g_strdup(run->str)};
		g_array_append_val(text->pieces, piece);
		g_string_truncate(run, 0);
	}
}

/* The place of the "}" that ends what began at `from`, or NULL; inner braces count. */
static const char *closing(const char *from, const char *end)
{
	unsigned depth = 0;
	for (; from < end; from++) {
		if (*from == '{') {
			depth++;
		} else if (*from == '}') {
			if (!depth) {
				return from;
			}
			depth--;
		}
	}
	return NULL;
}

static bool is_variable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool first = g_ascii_isalpha(text[i]) || text[i] == '_';
		if (!first && !(i && (g_ascii_isdigit(text[i]) || text[i] == '.'))) {
			return false;
		}
	}
	return length > 0;
}

static struct node *parse_inner(struct parser *p, const struct cursor *c, size_t length)
{
	struct parser inner = {.syntax = p->syntax, .file = p->file, .diags = p->diags};
	lexer_init_part(&inner.lexer, &p->file->source, p->diags, c->at, length, c->place);
	struct node *n = parse_expression(&inner);
	if (n && inner.lexer.token.kind != TOKEN_END) {
		parse_expected(&inner, "\"}\"");
		n = NULL;
	}
	p->silent = p->silent || inner.silent;
	return n;
}

/* At "${": the variable or expression. */
static bool parse_variable(struct parser *p, struct cursor *c, struct text *text)
{
	struct diag_place place = c->place;
	place.end_column = place.column + 2;
	step(c);
	step(c);
	const char *close = closing(c->at, c->end);
	if (!close || close == c->at) {
		parse_complain_at(
			p, place, "E102", close ? "\"${}\" names nothing" : "this \"${\" has no \"}\"");
		return false;
	}
	size_t length = (size_t)(close - c->at);
	struct piece piece = {.place = c->place};
	piece.place.end_column = piece.place.column + (unsigned)length;
	if (is_variable(c->at, length)) {
		piece.variable = true;
		piece.text = g_strndup(c->at, length);
	} else {
		piece.node = parse_inner(p, c, length);
		if (!piece.node) {
			return false;
		}
	}
	g_array_append_val(text->pieces, piece);
	while (c->at <= close) {
		step(c);
	}
	return true;
}

static void append_escaped(struct cursor *c, GString *run)
{
	char e = c->at + 1 < c->end ? c->at[1] : '\0';
	if (e == 'n' || e == 'r' || e == 't') {
		g_string_append_c(run, e == 'n' ? '\n' : e == 'r' ? '\r' : '\t');
	} else if (e == '"' || e == '\\') {
		g_string_append_c(run, e);
	} else {
		g_string_append_c(run, '\\');
		step(c);
		return;
	}
	step(c);
	step(c);
}

static bool parse_quoted(struct parser *p, struct text *text, GString *run)
{
	const struct token *t = &p->lexer.token;
	struct cursor c = {t->text + 1, t->text + t->length, t->place};
	c.place.column++;
	c.place.end_column = c.place.column + 1;
	if (c.end > c.at && c.end[-1] == '"') {
		c.end--;
	}
	while (c.at < c.end) {
		size_t left = (size_t)(c.end - c.at);
		if (left >= 3 && !memcmp(c.at, "$${", 3)) {
			g_string_append(run, "${");
			step(&c);
			step(&c);
			step(&c);
		} else if (left >= 2 && !memcmp(c.at, "${", 2)) {
			flush(text, run);
			if (!parse_variable(p, &c, text)) {
				return false;
			}
		} else if (*c.at == '\\') {
			append_escaped(&c, run);
		} else {
			const char *from = c.at;
			step(&c);
			g_string_append_len(run, from, c.at - from);
		}
	}
	return true;
}

bool parse_text(struct parser *p, struct text *text)
{
	if (p->lexer.token.kind != TOKEN_STRING) {
		parse_expected(p, "a text in quotes");
		return false;
	}
	if (!text->pieces) {
		text->pieces = g_array_new(FALSE, TRUE, sizeof(struct piece));
		g_array_set_clear_func(text->pieces, piece_clear);
	}
	GString *run = g_string_new(NULL);
	bool ok = true;
	while (p->lexer.token.kind == TOKEN_STRING && ok) {
		ok = p->lexer.token.bad || parse_quoted(p, text, run);
		lexer_advance(&p->lexer);
	}
	flush(text, run);
	g_string_free(run, TRUE);
	return ok;
}
