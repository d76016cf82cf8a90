/*
 * Reads a tree of blocks by a table. A statement that is wrong in itself is complained about and
 * leaves the member at its default; the rest is read on. Once a block is read, its check sees the
 * whole, unless a complaint was made inside of it: what follows from an error is not told again.
 */
#include "base/schema.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"
#include "base/quantity.h"
#include "base/text.h"

#include "base/banned.h"

enum { NAMES_MAX = 64 };

struct schema_reader {
	const struct schema *schema;
	struct schema_context context;
	void *target;
	GHashTable *seen; /* schema_key() -> the statement that was first */
};

static void *schema_member(void *target, const struct schema_row *row)
{
	return (char *)target + row->offset;
}

static void schema_set_text(void *target, const struct schema_row *row, const char *text)
{
	char **member = schema_member(target, row);
	g_free(*member);
	*member = g_strdup(text);
}

static void schema_set_number(void *target, const struct schema_row *row, uint32_t value)
{
	*(uint32_t *)schema_member(target, row) = value;
}

static bool schema_word_index(const struct schema_row *row, const char *text, uint32_t *index)
{
	for (uint32_t i = 0; row->words[i]; i++) {
		if (strcmp(row->words[i], text) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

/* -- defaults: as written in the table -- */

static uint32_t schema_fallback_number(const struct schema_row *row)
{
	long long number = 0;
	size_t digits = strspn(row->fallback, "0123456789");
	bool read = number_parse_int(row->fallback, digits, 0, UINT32_MAX, &number);
	g_assert(read && (!row->fallback[digits] || strcmp(row->fallback + digits, "s") == 0));
	return (uint32_t)number;
}

void schema_defaults(const struct schema *schema, void *target)
{
	for (size_t i = 0; i < schema->count; i++) {
		const struct schema_row *row = &schema->rows[i];
		uint32_t index = 0;
		if (row->type == SCHEMA_BLOCK && !row->add) {
			schema_defaults(row->body, schema_member(target, row));
		}
		if (!row->fallback) {
			continue;
		}
		switch (row->type) {
		case SCHEMA_TEXT:
		case SCHEMA_CHOICE: schema_set_text(target, row, row->fallback); break;
		case SCHEMA_FLAG:
			*(bool *)schema_member(target, row) = strcmp(row->fallback, "yes") == 0;
			break;
		case SCHEMA_COUNT:
		case SCHEMA_DURATION: schema_set_number(target, row, schema_fallback_number(row)); break;
		case SCHEMA_WORD:
			if (schema_word_index(row, row->fallback, &index)) {
				schema_set_number(target, row, index);
			}
			break;
		case SCHEMA_TEXTS:
		case SCHEMA_BLOCK: break;
		}
	}
}

/* -- complaints -- */

struct diag *schema_complain(const struct schema_context *context,
	const struct block_statement *statement, const char *code, const char *format, ...)
{
	static const struct diag_place begin = {1, 1, 1};
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	const struct block_statement *about = statement ? statement : context->statement;
	return diag_add(context->diags, context->source, about ? about->place : begin, DIAG_ERROR, code,
		"%s", text);
}

static struct diag *schema_complain_value(const struct schema_reader *r,
	const struct block_value *value, const char *code, const char *text)
{
	return diag_add(
		r->context.diags, r->context.source, value->token.place, DIAG_ERROR, code, "%s", text);
}

static void schema_unknown(const struct schema_reader *r, const struct block_statement *s)
{
	const char *names[NAMES_MAX];
	size_t count = 0;
	for (size_t i = 0; i < r->schema->count && count < NAMES_MAX; i++) {
		names[count++] = r->schema->rows[i].name;
	}
	g_autofree char *clean = text_clean(s->name, strlen(s->name), 60);
	struct diag *d = schema_complain(&r->context, s, "E101", "unknown setting \"%s\"", clean);
	const char *nearest = text_nearest(s->name, names, count);
	if (nearest) {
		diag_suggest(d, s->place, nearest);
	} else {
		GString *all = g_string_new(NULL);
		for (size_t i = 0; i < count; i++) {
			g_string_append_printf(all, "%s%s", i ? ", " : "", names[i]);
		}
		diag_note(d, "there are: %s", all->str);
		g_string_free(all, TRUE);
	}
}

/* -- one statement -- */

static void schema_read_text(
	struct schema_reader *r, const struct schema_row *row, const struct block_statement *s)
{
	const struct block_value *value = block_value(s, 0);
	GString *text = g_string_new(NULL);
	for (size_t i = 0; i < s->values->len; i++) { /* adjacent texts join */
		g_string_append(text, block_value(s, i)->text);
	}
	struct error err = {.kind = ERR_NONE};
	if (text->len == 0) {
		schema_complain_value(r, value, "E102", "the text is empty");
	} else if (row->check && !row->check(text->str, &err)) {
		schema_complain_value(r, value, "E102", err.text);
	} else {
		schema_set_text(r->target, row, text->str);
	}
	g_string_free(text, TRUE);
}

static void schema_read_texts(
	struct schema_reader *r, const struct schema_row *row, const struct block_statement *s)
{
	GPtrArray **member = schema_member(r->target, row);
	if (!*member) {
		*member = g_ptr_array_new_with_free_func(g_free);
	}
	g_ptr_array_set_size(*member, 0);
	for (size_t i = 0; i < s->values->len; i++) {
		const struct block_value *value = block_value(s, i);
		struct error err = {.kind = ERR_NONE};
		if (row->check && !row->check(value->text, &err)) {
			schema_complain_value(r, value, "E102", err.text);
		} else {
			g_ptr_array_add(*member, g_strdup(value->text));
		}
	}
}

static void schema_read_word(
	struct schema_reader *r, const struct schema_row *row, const struct block_statement *s)
{
	static const char *const yes_no[] = {"no", "yes", NULL};
	const struct schema_row flag = {.words = yes_no};
	const struct schema_row *from = row->type == SCHEMA_FLAG ? &flag : row;
	const struct block_value *value = block_value(s, 0);
	uint32_t index;
	if (schema_word_index(from, value->text, &index)) {
		if (row->type == SCHEMA_FLAG) {
			*(bool *)schema_member(r->target, row) = index == 1;
		} else if (row->type == SCHEMA_CHOICE) {
			schema_set_text(r->target, row, value->text);
		} else {
			schema_set_number(r->target, row, index);
		}
		return;
	}
	g_autofree char *all = g_strjoinv(", ", (char **)from->words);
	g_autofree char *text = g_strdup_printf("expected one of: %s", all);
	struct diag *d = schema_complain_value(r, value, "E104", text);
	const char *nearest =
		text_nearest(value->text, from->words, g_strv_length((char **)from->words));
	if (nearest) {
		diag_suggest(d, value->token.place, nearest);
	}
}

static void schema_read_number(
	struct schema_reader *r, const struct schema_row *row, const struct block_statement *s)
{
	const struct block_value *value = block_value(s, 0);
	long long number = 0;
	if (row->type == SCHEMA_DURATION) {
		int64_t ms;
		if (!quantity_read_duration(&value->token, r->context.source, r->context.diags, &ms)) {
			return;
		}
		if (ms % 1000) {
			schema_complain_value(r, value, "E407", "only whole seconds are possible here");
			return;
		}
		number = ms / 1000;
	} else if (!number_parse_int(value->text, strlen(value->text), 0, UINT32_MAX, &number)) {
		schema_complain_value(r, value, "E102", "expected a whole number");
		return;
	}
	if (number < row->least || number > row->most) {
		const char *unit = row->type == SCHEMA_DURATION ? "s" : "";
		g_autofree char *text =
			g_strdup_printf("has to be from %u%s to %u%s", row->least, unit, row->most, unit);
		schema_complain_value(r, value, "E407", text);
		return;
	}
	schema_set_number(r->target, row, (uint32_t)number);
}

static void schema_read_inner(
	const struct schema *schema, const struct schema_context *context, void *target);

static void schema_read_block(
	struct schema_reader *r, const struct schema_row *row, const struct block_statement *s)
{
	if (!s->body) {
		schema_complain(&r->context, s, "E102", "expected %s { ... }",
			row->add ? "a name and a block" : "a block");
		return;
	}
	if (s->values->len != (row->add ? 1 : 0)) {
		schema_complain(&r->context, s, "E102",
			row->add ? "expected one name before the block" : "no value stands before this block");
		return;
	}
	void *target = schema_member(r->target, row);
	if (row->add) {
		const struct block_value *name = block_value(s, 0);
		struct error err = {.kind = ERR_NONE};
		if (row->check && !row->check(name->text, &err)) {
			schema_complain_value(r, name, "E102", err.text);
			return;
		}
		if (!row->check && !text_is_plain(name->text, 64)) {
			schema_complain_value(r, name, "E102",
				"a name is made of letters, digits, \"_\", \"-\" and \".\", at most 64");
			return;
		}
		target = row->add(r->target, name->text);
		schema_defaults(row->body, target);
	}
	struct schema_context inner = r->context;
	inner.statement = s;
	inner.block = s->body;
	schema_read_inner(row->body, &inner, target);
}

static bool schema_has_values(
	struct schema_reader *r, const struct schema_row *row, const struct block_statement *s)
{
	if (s->body) {
		schema_complain(&r->context, s, "E102", "\"%s\" has no block", row->name);
		return false;
	}
	if (s->values->len == 0) {
		struct diag_place behind = s->place;
		behind.column = behind.end_column;
		diag_add(r->context.diags, r->context.source, behind, DIAG_ERROR, "E102",
			"expected a value for \"%s\"", row->name);
		return false;
	}
	for (size_t i = 1; row->type != SCHEMA_TEXTS && i < s->values->len; i++) {
		const struct block_value *value = block_value(s, i);
		bool joins = row->type == SCHEMA_TEXT && value->quoted && block_value(s, i - 1)->quoted;
		if (!joins) {
			schema_complain_value(r, value, "E102", "expected the end of the line");
			return false;
		}
	}
	return true;
}

static void schema_read_statement(
	struct schema_reader *r, const struct schema_row *row, const struct block_statement *s)
{
	if (row->type == SCHEMA_BLOCK) {
		schema_read_block(r, row, s);
		return;
	}
	if (!schema_has_values(r, row, s)) {
		return;
	}
	switch (row->type) {
	case SCHEMA_TEXT: schema_read_text(r, row, s); break;
	case SCHEMA_TEXTS: schema_read_texts(r, row, s); break;
	case SCHEMA_FLAG:
	case SCHEMA_CHOICE:
	case SCHEMA_WORD: schema_read_word(r, row, s); break;
	default: schema_read_number(r, row, s); break;
	}
}

/* -- one block -- */

/* The row of that name that fits the statement's form, else any of that name; NULL: none. */
static const struct schema_row *schema_row(
	const struct schema *schema, const struct block_statement *s)
{
	const struct schema_row *found = NULL;
	for (size_t i = 0; i < schema->count; i++) {
		const struct schema_row *row = &schema->rows[i];
		if (strcmp(row->name, s->name) == 0) {
			bool fits = (row->type == SCHEMA_BLOCK) == (s->body != NULL);
			if (fits) {
				return row;
			}
			found = row;
		}
	}
	return found;
}

/* What a statement may be there once as: its name, or a named block's name and that name. */
static char *schema_key(const struct schema_row *row, const struct block_statement *s)
{
	if (row->type != SCHEMA_BLOCK) {
		return g_strdup(s->name);
	}
	const char *name = row->add && s->values->len == 1 ? block_value(s, 0)->text : "";
	return row->add && s->values->len != 1 ? NULL : g_strdup_printf("%s {%s", s->name, name);
}

/* Whether the statement stands for the second time; then that was complained about. */
static bool schema_is_repeated(
	const struct schema_reader *r, const struct schema_row *row, const struct block_statement *s)
{
	char *key = schema_key(row, s);
	const struct block_statement *earlier = key ? g_hash_table_lookup(r->seen, key) : NULL;
	if (!key || !earlier) {
		if (key) {
			g_hash_table_insert(r->seen, key, (void *)s);
		}
		return false;
	}
	g_free(key);
	struct diag *d;
	if (row->type == SCHEMA_BLOCK && row->add) {
		g_autofree char *text = g_strdup_printf("a second %s of this name", row->name);
		d = schema_complain_value(r, block_value(s, 0), "E206", text);
	} else {
		d = schema_complain(&r->context, s, "E105", "\"%s\" is given twice", s->name);
	}
	diag_note(d, "the first one is on line %u", earlier->place.line);
	return true;
}

static void schema_read_inner(
	const struct schema *schema, const struct schema_context *context, void *target)
{
	struct schema_reader r = {.schema = schema,
		.context = *context,
		.target = target,
		.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	size_t before = diag_mark(context->diags);
	for (size_t i = 0; i < context->block->statements->len; i++) {
		const struct block_statement *s = g_ptr_array_index(context->block->statements, i);
		const struct schema_row *row = schema_row(schema, s);
		if (!row) {
			schema_unknown(&r, s);
		} else if (!schema_is_repeated(&r, row, s)) {
			schema_read_statement(&r, row, s);
		}
	}
	g_hash_table_destroy(r.seen);
	if (schema->check && diag_mark(context->diags) == before) {
		schema->check(context, target);
	}
}

void schema_read(const struct schema *schema, const struct block *block, void *target,
	const struct diag_source *source, struct diag_list *diags)
{
	struct schema_context context = {.source = source, .diags = diags, .block = block};
	schema_read_inner(schema, &context, target);
}

const struct block_statement *schema_find(const struct block *block, const char *name)
{
	const struct block_statement *found = NULL;
	for (size_t i = 0; i < block->statements->len; i++) {
		const struct block_statement *s = g_ptr_array_index(block->statements, i);
		if (strcmp(s->name, name) == 0) {
			found = s;
		}
	}
	return found;
}

/* -- the reference -- */

static void schema_append_form(const struct schema_row *row, GString *out)
{
	static const char *const forms[] = {
		[SCHEMA_TEXT] = "text",
		[SCHEMA_FLAG] = "`yes` or `no`",
		[SCHEMA_TEXTS] = "one or more texts",
	};
	switch (row->type) {
	case SCHEMA_COUNT: g_string_append_printf(out, "%u to %u", row->least, row->most); break;
	case SCHEMA_DURATION:
		g_string_append_printf(out, "time, %us to %us", row->least, row->most);
		break;
	case SCHEMA_CHOICE:
	case SCHEMA_WORD:
		for (size_t i = 0; row->words[i]; i++) {
			g_string_append_printf(out, "%s`%s`", i ? ", " : "", row->words[i]);
		}
		break;
	case SCHEMA_BLOCK: g_string_append(out, row->add ? "name and block" : "block"); break;
	default: g_string_append(out, forms[row->type]);
	}
}

static void schema_append_table(const struct schema *schema, GString *out)
{
	g_string_append_printf(
		out, "%s\n\n| setting | value | default | meaning |\n|---|---|---|---|\n", schema->about);
	for (size_t i = 0; i < schema->count; i++) {
		const struct schema_row *row = &schema->rows[i];
		g_string_append_printf(out, "| `%s` | ", row->name);
		schema_append_form(row, out);
		if (row->fallback) {
			g_string_append_printf(out, " | `%s` | %s |\n", row->fallback, row->help);
		} else {
			g_string_append_printf(
				out, " | %s | %s |\n", row->fallback_help ? row->fallback_help : "", row->help);
		}
	}
}

void schema_append_markdown(const struct schema *schema, GString *out)
{
	schema_append_table(schema, out);
	for (size_t i = 0; i < schema->count; i++) {
		const struct schema_row *row = &schema->rows[i];
		if (row->type == SCHEMA_BLOCK) {
			g_string_append_printf(
				out, "\n### `%s%s { … }`\n\n", row->name, row->add ? " NAME" : "");
			schema_append_markdown(row->body, out);
		}
	}
}
