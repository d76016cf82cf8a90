/*
 * The parser of blocks. It recovers at the next line, or at the brace that closes the block, so
 * that one slip costs one complaint. Nothing here knows a word of the language.
 *
 * I1: every turn of a loop moves the lexer or ends. I2: a block is closed by its own brace only.
 */
#include "base/block.h"

#include <string.h>

#include "base/banned.h"

enum { BLOCK_VALUES_MAX = 1000, BLOCK_STATEMENTS_MAX = 100000 };

struct block_parser {
	struct lexer lexer;
	const struct diag_source *source;
	struct diag_list *diags;
	unsigned depth;
	size_t statements;
};

static void block_finish_value(void *p)
{
	g_free(((struct block_value *)p)->text);
}

static void block_destroy_statement(void *p)
{
	struct block_statement *s = p;
	g_free(s->name);
	g_array_free(s->values, TRUE);
	block_destroy(s->body);
	g_free(s);
}

static struct block *block_create(void)
{
	struct block *block = g_new0(struct block, 1);
	block->statements = g_ptr_array_new_with_free_func(block_destroy_statement);
	return block;
}

void block_destroy(struct block *block)
{
	if (block) {
		g_ptr_array_free(block->statements, TRUE);
		g_free(block);
	}
}

const struct block_value *block_value(const struct block_statement *statement, size_t index)
{
	return &g_array_index(statement->values, struct block_value, index);
}

struct diag_place block_value_place(const struct block_statement *statement, size_t index)
{
	return index < statement->values->len ? block_value(statement, index)->token.place
										  : statement->place;
}

static void block_expected(struct block_parser *p, const char *what)
{
	const struct token *token = &p->lexer.token;
	if (token->bad) {
		return;
	}
	g_autofree char *found = token_describe(token);
	bool missing = token->kind == TOKEN_EOL || token->kind == TOKEN_END;
	diag_add(p->diags, p->source, missing ? lexer_behind(&p->lexer) : token->place, DIAG_ERROR,
		"E102", "expected %s, found %s", what, found);
}

/* To the end of the line or the brace that ends the block; a block that opens on the way is skipped
 * whole. */
static void block_recover(struct block_parser *p)
{
	unsigned depth = 0;
	for (;;) {
		if (p->lexer.token.kind == TOKEN_END) {
			return;
		}
		if (p->lexer.token.kind == TOKEN_EOL && depth == 0) {
			return;
		}
		if (lexer_at_op(&p->lexer, '{')) {
			depth++;
		} else if (lexer_at_op(&p->lexer, '}')) {
			if (depth == 0) {
				return;
			}
			depth--;
		}
		lexer_advance(&p->lexer);
	}
}

static char *block_string(const struct token *token)
{
	GString *text = g_string_new(NULL);
	lexer_string(token, text);
	return g_string_free(text, FALSE);
}

static bool block_is_value(const struct token *token)
{
	switch (token->kind) {
	case TOKEN_STRING:
	case TOKEN_DATE:
	case TOKEN_SPAN:
	case TOKEN_SELECTOR:
	case TOKEN_NUMBER:
	case TOKEN_NAME:
	case TOKEN_HOSTPAT: return true;
	default: return false;
	}
}

/* Values up to the end of the statement or "{"; commas between them may stand or not. */
static bool block_parse_values(struct block_parser *p, struct block_statement *s)
{
	bool comma = false;
	while (p->lexer.token.kind != TOKEN_END && p->lexer.token.kind != TOKEN_EOL &&
		   !lexer_at_op(&p->lexer, '{') && !lexer_at_op(&p->lexer, '}')) {
		if (lexer_at_op(&p->lexer, ',') && s->values->len && !comma) {
			comma = true;
			lexer_advance(&p->lexer);
			continue;
		}
		if (!block_is_value(&p->lexer.token) || s->values->len >= BLOCK_VALUES_MAX) {
			block_expected(
				p, "a value (a text with other characters than letters and digits is quoted)");
			block_recover(p);
			return false;
		}
		if (p->lexer.token.bad && p->lexer.token.kind != TOKEN_STRING) {
			block_recover(p); /* the rest of the line follows from that */
			return false;
		}
		struct block_value value = {.token = p->lexer.token};
		value.quoted = value.token.kind == TOKEN_STRING;
		value.text = value.quoted ? block_string(&value.token) : token_text(&value.token);
		lexer_advance(&p->lexer);
		g_array_append_val(s->values, value);
		comma = false;
	}
	if (comma) {
		block_expected(p, "another value behind the comma");
	}
	return true;
}

static void block_parse_statements(struct block_parser *p, struct block *block, bool nested);

static void block_parse_body(struct block_parser *p, struct block_statement *s)
{
	struct diag_place open = p->lexer.token.place;
	if (p->depth >= LEXER_DEPTH_MAX) {
		diag_add(p->diags, p->source, open, DIAG_ERROR, "E010", "blocks are nested too deeply");
		block_recover(p);
		return;
	}
	s->body = block_create();
	lexer_advance(&p->lexer);
	p->depth++;
	block_parse_statements(p, s->body, true);
	p->depth--;
	if (lexer_at_op(&p->lexer, '}')) {
		lexer_advance(&p->lexer);
	} else {
		diag_add(p->diags, p->source, open, DIAG_ERROR, "E103", "this block has no closing \"}\"");
	}
}

static void block_parse_statement(struct block_parser *p, struct block *block)
{
	if (p->lexer.token.kind != TOKEN_NAME || p->statements >= BLOCK_STATEMENTS_MAX) {
		block_expected(p, "the name of a setting");
		block_recover(p);
		return;
	}
	p->statements++;
	struct block_statement *s = g_new0(struct block_statement, 1);
	s->name = token_text(&p->lexer.token);
	s->place = p->lexer.token.place;
	s->values = g_array_new(FALSE, TRUE, sizeof(struct block_value));
	g_array_set_clear_func(s->values, block_finish_value);
	lexer_advance(&p->lexer);
	bool good = block_parse_values(p, s);
	if (good && lexer_at_op(&p->lexer, '{')) {
		block_parse_body(p, s);
	}
	if (good) {
		g_ptr_array_add(block->statements, s);
	} else {
		block_destroy_statement(s);
	}
	if (p->lexer.token.kind != TOKEN_EOL && p->lexer.token.kind != TOKEN_END &&
		!lexer_at_op(&p->lexer, '}')) {
		block_expected(p, "the end of the line");
		block_recover(p);
	}
}

static void block_parse_statements(struct block_parser *p, struct block *block, bool nested)
{
	for (;;) {
		if (p->lexer.token.kind == TOKEN_END) {
			return;
		}
		if (p->lexer.token.kind == TOKEN_EOL) {
			lexer_advance(&p->lexer);
			continue;
		}
		if (lexer_at_op(&p->lexer, '}')) {
			if (nested) {
				return;
			}
			block_expected(p, "a setting");
			lexer_advance(&p->lexer);
			continue;
		}
		block_parse_statement(p, block);
	}
}

struct block *block_parse(const struct diag_source *source, struct diag_list *diags)
{
	struct block_parser p = {.source = source, .diags = diags};
	struct block *block = block_create();
	lexer_init(&p.lexer, source, diags);
	block_parse_statements(&p, block, false);
	return block;
}
