#include "web/facades/graphite_parse.h"
#include "base/number.h"
#include "base/text.h"
#include "web/facades/graphite_path.h"

#include <string.h>

#include "base/banned.h"

/*
 * Recursive descent with a limit on depth and on nodes. A word is what stands between blanks,
 * parentheses, quotes and commas outside of braces: a number, a flag, the name of a function if "("
 * follows, a keyword if "=" follows, else a path.
 */
struct parser {
	const char *text, *at;
	unsigned depth;
	size_t nodes;
	struct error *err;
};

void graphite_expression_destroy(struct graphite_expression *e)
{
	if (e) {
		g_free(e->text);
		g_free(e->keyword);
		g_clear_pointer(&e->arguments, g_ptr_array_unref);
		g_clear_pointer(&e->leaves, g_ptr_array_unref);
		graphite_pattern_destroy(e->pattern);
		g_free(e);
	}
}

static void destroy_any(gpointer e)
{
	graphite_expression_destroy(e);
}

static void *refuse(const struct parser *p, const char *what)
{
	error_set(p->err, ERR_CONFIG, "target, character %zu: %s", (size_t)(p->at - p->text) + 1, what);
	return NULL;
}

static void skip_blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\n') {
		p->at++;
	}
}

static size_t word_length(const char *at)
{
	bool inside = false;
	size_t n = 0;
	for (; at[n] && !strchr(" \n()'\"=", at[n]) && (inside || at[n] != ','); n++) {
		inside = at[n] == '{' || (inside && at[n] != '}');
	}
	return n;
}

static struct graphite_expression *create(struct parser *p, enum graphite_kind kind)
{
	if (++p->nodes > GRAPHITE_NODES_MAX) {
		return refuse(p, "too many parts");
	}
	struct graphite_expression *e = g_new0(struct graphite_expression, 1);
	e->kind = kind;
	return e;
}

static struct graphite_expression *parse_quoted(struct parser *p)
{
	char quote = *p->at;
	const char *end = strchr(p->at + 1, quote);
	if (!end) {
		return refuse(p, "a text that is not closed");
	}
	struct graphite_expression *e = create(p, GRAPHITE_TEXT);
	if (e) {
		e->text = text_clean(p->at + 1, (size_t)(end - p->at - 1), GRAPHITE_TARGET_MAX);
		p->at = end + 1;
	}
	return e;
}

static struct graphite_expression *parse_any(struct parser *p);

static bool parse_arguments(struct parser *p, struct graphite_expression *call)
{
	p->at++;
	skip_blanks(p);
	for (bool more = *p->at != ')'; more;) {
		struct graphite_expression *argument = parse_any(p);
		if (!argument) {
			return false;
		}
		g_ptr_array_add(call->arguments, argument);
		skip_blanks(p);
		more = *p->at == ',';
		p->at += more;
	}
	if (*p->at != ')') {
		refuse(p, *p->at ? "\",\" or \")\" is missing" : "\")\" is missing at the end");
		return false;
	}
	p->at++;
	return true;
}

static struct graphite_expression *parse_call(struct parser *p, size_t length)
{
	AUTO(graphite_expression) call = create(p, GRAPHITE_CALL);
	if (!call) {
		return NULL;
	}
	if (++p->depth > GRAPHITE_DEPTH_MAX) {
		return refuse(p, "too deep");
	}
	call->text = g_strndup(p->at, length);
	call->arguments = g_ptr_array_new_with_free_func(destroy_any);
	p->at += length;
	skip_blanks(p);
	bool good = parse_arguments(p, call);
	p->depth--;
	return good ? STEAL(call) : NULL;
}

/* "name=value". */
static struct graphite_expression *parse_keyword(struct parser *p, size_t length)
{
	g_autofree char *keyword = g_strndup(p->at, length);
	p->at += length;
	skip_blanks(p);
	p->at++;
	if (++p->depth > GRAPHITE_DEPTH_MAX) {
		return refuse(p, "too deep");
	}
	struct graphite_expression *e = parse_any(p);
	p->depth--;
	if (e) {
		g_free(e->keyword);
		e->keyword = STEAL(keyword);
	}
	return e;
}

static bool same_word(const char *word, size_t length, const char *other)
{
	return strlen(other) == length && !g_ascii_strncasecmp(word, other, length);
}

static struct graphite_expression *parse_word(struct parser *p, size_t length)
{
	const char *word = p->at;
	double number = 0;
	enum graphite_kind kind = GRAPHITE_PATH;
	if (number_parse(word, length, &number) && !same_word(word, length, "U")) {
		kind = GRAPHITE_NUMBER;
	} else if (same_word(word, length, "true") || same_word(word, length, "false")) {
		kind = GRAPHITE_FLAG;
		number = *word == 't' || *word == 'T';
	} else if (same_word(word, length, "none")) {
		kind = GRAPHITE_NONE;
	}
	struct graphite_expression *e = create(p, kind);
	if (e) {
		e->number = number;
		e->text = g_strndup(word, length);
		p->at += length;
	}
	return e;
}

static struct graphite_expression *parse_any(struct parser *p)
{
	skip_blanks(p);
	if (*p->at == '"' || *p->at == '\'') {
		return parse_quoted(p);
	}
	size_t length = word_length(p->at);
	const char *behind = p->at + length;
	behind += strspn(behind, " \n");
	if (!length) {
		return refuse(p, "a path, a number, a text or a function is missing");
	}
	if (*behind == '(') {
		return parse_call(p, length);
	}
	return *behind == '=' ? parse_keyword(p, length) : parse_word(p, length);
}

struct graphite_expression *graphite_parse(const char *text, struct error *err)
{
	struct parser p = {.text = text, .at = text, .err = err};
	if (strlen(text) > GRAPHITE_TARGET_MAX) {
		error_set(err, ERR_CONFIG, "a target has more than %d bytes", GRAPHITE_TARGET_MAX);
		return NULL;
	}
	AUTO(graphite_expression) e = parse_any(&p);
	if (!e) {
		return NULL;
	}
	skip_blanks(&p);
	if (*p.at) {
		return refuse(&p, "something stands behind the end");
	}
	return STEAL(e);
}
