/*
 * Items: what stands at the top of a rule file; and the life of the tree. Blocks that belong to the
 * language but not to this version are named as such and passed over whole.
 */
#include "rules/parser.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/* -- the tree -- */

struct kept {
	void *memory;
	GDestroyNotify destroy;
};

static void kept_destroy(void *p)
{
	struct kept *k = p;
	k->destroy(k->memory);
	g_free(k);
}

static void file_destroy(void *p)
{
	struct file *f = p;
	g_free(f->name);
	g_free(f->text);
	g_free(f);
}

static void item_destroy(void *p)
{
	struct item *item = p;
	pattern_finish(&item->pattern);
	for (guint i = 0; item->scopes && i < item->scopes->len; i++) {
		struct scope *scope = &g_array_index(item->scopes, struct scope, i);
		pattern_finish(&scope->pattern);
		g_free(scope->text);
	}
	if (item->scopes) {
		g_array_unref(item->scopes);
	}
	g_free(item->name);
	g_free(item->source);
	g_free(item);
}

struct syntax *syntax_create(void)
{
	struct syntax *s = g_new0(struct syntax, 1);
	s->files = g_ptr_array_new_with_free_func(file_destroy);
	s->items = g_ptr_array_new_with_free_func(item_destroy);
	s->includes = g_array_new(FALSE, TRUE, sizeof(struct include));
	s->garbage = g_ptr_array_new_with_free_func(kept_destroy);
	return s;
}

void syntax_destroy(struct syntax *s)
{
	if (!s) {
		return;
	}
	g_ptr_array_unref(s->items);
	g_ptr_array_unref(s->garbage);
	g_array_unref(s->includes);
	g_ptr_array_unref(s->files);
	g_free(s);
}

void *syntax_keep(struct syntax *syntax, void *memory, GDestroyNotify destroy)
{
	struct kept *k = g_new(struct kept, 1);
	*k = (struct kept){memory, destroy};
	g_ptr_array_add(syntax->garbage, k);
	return memory;
}

char *parse_keep(struct parser *p, char *text)
{
	return syntax_keep(p->syntax, text, g_free);
}

/* -- complaining and taking -- */

static struct diag *complain(struct parser *p, struct diag_place place, const char *code,
	const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static struct diag *complain(
	struct parser *p, struct diag_place place, const char *code, const char *format, va_list args)
{
	/* What follows from a fault that was told goes to a list that nobody reads. */
	static const struct diag_source nowhere = {"", NULL, 0};
	bool silent = p->silent || p->lexer.token.bad;
	char *message = g_strdup_vprintf(format, args);
	if (silent && !p->unheard) {
		p->unheard = diag_list_create();
		syntax_keep(p->syntax, p->unheard, (GDestroyNotify)diag_list_destroy);
	}
	struct diag *d = diag_add(silent ? p->unheard : p->diags, silent ? &nowhere : &p->file->source,
		place, DIAG_ERROR, code, "%s", message);
	g_free(message);
	p->silent = true;
	return d;
}

struct diag *parse_complain(struct parser *p, const char *code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct diag *d = complain(p, p->lexer.token.place, code, format, args);
	va_end(args);
	return d;
}

struct diag *parse_complain_at(
	struct parser *p, struct diag_place place, const char *code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct diag *d = complain(p, place, code, format, args);
	va_end(args);
	return d;
}

void parse_expected(struct parser *p, const char *what)
{
	const struct token *t = &p->lexer.token;
	char *found = token_describe(t);
	bool end = t->kind == TOKEN_EOL || t->kind == TOKEN_END;
	parse_complain_at(p, end ? lexer_behind(&p->lexer) : t->place, "E102",
		"%s is expected here, not %s", what, found);
	g_free(found);
}

void parse_unsupported(struct parser *p, struct diag_place place, const char *what)
{
	parse_complain_at(p, place, "E112", "%s is not supported in this version", what);
}

bool parse_op(struct parser *p, int op)
{
	if (!lexer_at_op(&p->lexer, op)) {
		return false;
	}
	lexer_advance(&p->lexer);
	return true;
}

bool parse_word(struct parser *p, const char *word)
{
	if (!lexer_at_word(&p->lexer, word)) {
		return false;
	}
	lexer_advance(&p->lexer);
	return true;
}

/* A NAME or STRING as text (the tree's), or NULL after E102. */
static char *take_text(struct parser *p, const char *what)
{
	const struct token *t = &p->lexer.token;
	char *text = NULL;
	if (t->kind == TOKEN_NAME) {
		text = token_text(t);
	} else if (t->kind == TOKEN_STRING) {
		GString *s = g_string_new(NULL);
		lexer_string(t, s);
		text = g_string_free(s, FALSE);
	}
	if (!text || !*text) {
		g_free(text);
		parse_expected(p, what);
		return NULL;
	}
	lexer_advance(&p->lexer);
	return parse_keep(p, text);
}

/* -- hosts and scopes -- */

/* A group is named, never matched: it has all below it anyway. */
static bool check_group(struct parser *p, struct diag_place place, const struct pattern *pattern)
{
	if (!pattern->literal) {
		parse_complain_at(p, place, "E102", "the name of a group holds no \"*\" and no \"?\"");
	}
	return pattern->literal;
}

bool parse_hosts(struct parser *p, struct body *body)
{
	if (!body->hosts) {
		body->hosts = g_array_new(FALSE, TRUE, sizeof(struct host_pattern));
	}
	do {
		struct host_pattern h = {.place = p->lexer.token.place};
		if (lexer_at_word(&p->lexer, "tag") && p->lexer.ahead.kind == TOKEN_NAME) {
			parse_unsupported(p, h.place, "choosing hosts by a tag");
			return false;
		}
		if (p->lexer.token.kind == TOKEN_HOSTPAT) {
			char *group = token_text(&p->lexer.token);
			h.group = true;
			pattern_init_glob(&h.pattern, group + 1);
			g_free(group);
			lexer_advance(&p->lexer);
		} else {
			h.exclude = parse_op(p, '!');
			const char *name = take_text(p, "a host");
			if (!name) {
				return false;
			}
			pattern_init_glob(&h.pattern, name);
		}
		g_array_append_val(body->hosts, h);
		if (h.group && !check_group(p, h.place, &h.pattern)) {
			return false;
		}
	} while (p->lexer.token.kind != TOKEN_EOL && p->lexer.token.kind != TOKEN_END &&
			 !lexer_at_op(&p->lexer, '}'));
	return true;
}

static bool parse_scope(struct parser *p, struct item *item)
{
	struct scope scope = {.place = p->lexer.token.place};
	const char *from = p->lexer.token.at;
	if (p->lexer.token.kind == TOKEN_SELECTOR) {
		scope.kind = SCOPE_SERIES;
		scope.selector = parse_selector(p);
		if (!scope.selector) {
			return false;
		}
	} else if (lexer_at_word(&p->lexer, "tag")) {
		parse_unsupported(p, scope.place, "a scope by a tag");
		return false;
	} else if (lexer_at_word(&p->lexer, "host") || lexer_at_word(&p->lexer, "group")) {
		scope.kind = lexer_at_word(&p->lexer, "host") ? SCOPE_HOST : SCOPE_GROUP;
		lexer_advance(&p->lexer);
		struct diag_place place = p->lexer.token.place;
		const char *name = take_text(p, scope.kind == SCOPE_HOST ? "a host" : "a group");
		if (!name) {
			return false;
		}
		pattern_init_glob(&scope.pattern, name);
		if (scope.kind == SCOPE_GROUP && !check_group(p, place, &scope.pattern)) {
			pattern_finish(&scope.pattern);
			return false;
		}
	} else {
		parse_expected(p, "\"host\", \"group\", \"tag\" or plugin:field");
		return false;
	}
	scope.text = g_strchomp(g_strndup(from, (size_t)(p->lexer.token.at - from)));
	g_array_append_val(item->scopes, scope);
	return true;
}

/* -- items -- */

/* Behind the matching "}", or to the line end if no block begins on this line. */
static void skip_item(struct parser *p)
{
	unsigned depth = 0;
	while (p->lexer.token.kind != TOKEN_END) {
		bool close = lexer_at_op(&p->lexer, '}');
		if (lexer_at_op(&p->lexer, '{')) {
			depth++;
		} else if (p->lexer.token.kind == TOKEN_EOL && !depth) {
			return;
		}
		lexer_advance(&p->lexer);
		if (close && depth <= 1) {
			return;
		}
		depth -= close;
	}
}

static struct item *make_item(struct parser *p, enum item_kind kind, struct diag_place place)
{
	struct item *item = g_new0(struct item, 1);
	item->kind = kind;
	item->file = p->file;
	item->place = place;
	return item;
}

static bool parse_item_name(struct parser *p, struct item *item)
{
	if (p->lexer.token.kind != TOKEN_NAME) {
		parse_expected(p, "the name of a rule");
		return false;
	}
	item->name_place = p->lexer.token.place;
	item->name = token_text(&p->lexer.token);
	if (item->kind == ITEM_RULE && strchr(item->name, '*')) {
		parse_complain(p, "E102", "the name of a rule holds no \"*\"");
		return false;
	}
	lexer_advance(&p->lexer);
	return true;
}

static bool has_when(const struct body *b)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (b->levels[i].kind == COND_WHEN) {
			return true;
		}
	}
	return false;
}

static bool parse_rule(struct parser *p, struct item *item)
{
	if (!parse_item_name(p, item)) {
		return false;
	}
	if (lexer_at_word(&p->lexer, "is")) {
		parse_unsupported(p, p->lexer.token.place, "a rule made of a template");
		return false;
	}
	item->body = parse_body(p, ITEM_RULE);
	if (item->body && !item->body->value && !item->body->value_place.line &&
		!has_when(item->body)) {
		p->silent = false;
		parse_complain_at(p, item->name_place, "E108", "rule \"%s\" has no \"value\"", item->name);
	}
	return item->body != NULL;
}

static bool parse_override(struct parser *p, struct item *item)
{
	item->scopes = g_array_new(FALSE, TRUE, sizeof(struct scope));
	if (!parse_item_name(p, item)) {
		return false;
	}
	pattern_init_glob(&item->pattern, item->name);
	if (!parse_word(p, "for")) {
		parse_expected(p, "\"for\"");
		return false;
	}
	do {
		if (!parse_scope(p, item)) {
			return false;
		}
	} while (parse_op(p, ','));
	item->body = parse_body(p, ITEM_OVERRIDE);
	return item->body != NULL;
}

static bool parse_defaults(struct parser *p, struct item *item)
{
	item->body = parse_body(p, ITEM_DEFAULTS);
	if (item->body && p->file->defaults) {
		parse_complain_at(p, item->place, "E206", "\"defaults\" is given twice in this file");
		return false;
	}
	p->file->defaults = item->body;
	return item->body != NULL;
}

static void parse_block(struct parser *p, enum item_kind kind)
{
	struct item *item = make_item(p, kind, p->lexer.token.place);
	const char *from = p->lexer.token.at;
	lexer_advance(&p->lexer);
	bool ok = kind == ITEM_RULE       ? parse_rule(p, item)
			  : kind == ITEM_OVERRIDE ? parse_override(p, item)
									  : parse_defaults(p, item);
	if (!ok && !item->body) {
		skip_item(p);
	}
	item->source = g_strchomp(g_strndup(from, (size_t)(p->lexer.token.at - from)));
	if (ok && kind != ITEM_DEFAULTS) {
		g_ptr_array_add(p->syntax->items, item);
	} else {
		item_destroy(item);
	}
}

static void parse_language(struct parser *p, bool first)
{
	lexer_advance(&p->lexer);
	const struct token *t = &p->lexer.token;
	if (t->kind != TOKEN_NUMBER) {
		parse_expected(p, "the version of the language");
	} else if (t->length != 1 || t->text[0] != '1') {
		parse_complain(p, "E111", "this Magpie knows version 1 of the language");
	} else if (!first) {
		parse_complain(p, "E106", "\"language\" comes first in a file");
	} else {
		lexer_advance(&p->lexer);
		return;
	}
	skip_item(p);
}

static void parse_include(struct parser *p)
{
	lexer_advance(&p->lexer);
	struct include include = {p->file, NULL, p->lexer.token.place};
	if (p->lexer.token.kind != TOKEN_STRING) {
		parse_expected(p, "a file name in quotes");
		skip_item(p);
		return;
	}
	include.path = take_text(p, "a file name in quotes");
	if (include.path) {
		g_array_append_val(p->syntax->includes, include);
	}
}

static const char *const item_words[] = {"rule", "override", "defaults", "include", "language",
	"schedule", "template", "maintenance", "test"};

/* The keyword an item begins with: an index of item_words, or -1 after E101. */
static int item_word(struct parser *p)
{
	for (size_t i = 0; i < ARRAY_LENGTH(item_words); i++) {
		if (lexer_at_word(&p->lexer, item_words[i])) {
			return (int)i;
		}
	}
	const struct token *t = &p->lexer.token;
	char *word = token_describe(t);
	char *plain = token_text(t);
	const char *nearest =
		t->kind == TOKEN_NAME ? text_nearest(plain, item_words, ARRAY_LENGTH(item_words)) : NULL;
	struct diag_place place = t->place;
	struct diag *d = parse_complain(p, "E101", "unknown item %s", word);
	if (nearest) {
		diag_suggest(d, place, nearest);
	}
	g_free(word);
	g_free(plain);
	for (size_t i = 0; nearest && i < 3; i++) {
		if (nearest == item_words[i]) {
			p->silent = false;
			return (int)i;
		}
	}
	return -1;
}

static void parse_item(struct parser *p, bool first)
{
	p->silent = false;
	int word = item_word(p);
	struct diag_place place = p->lexer.token.place;
	switch (word) {
	case 0: parse_block(p, ITEM_RULE); return;
	case 1: parse_block(p, ITEM_OVERRIDE); return;
	case 2: parse_block(p, ITEM_DEFAULTS); return;
	case 3: parse_include(p); return;
	case 4: parse_language(p, first); return;
	default: break;
	}
	if (word > 0) {
		char *what = g_strdup_printf("\"%s\"", item_words[word]);
		parse_unsupported(p, place, what);
		g_free(what);
	}
	skip_item(p);
}

void syntax_read(struct syntax *syntax, const char *name, const char *text, size_t length,
	bool shipped, struct diag_list *diags)
{
	struct file *f = g_new0(struct file, 1);
	f->name = g_strdup(name);
	f->text = g_malloc(length + 1);
	memcpy(f->text, text, length);
	f->text[length] = '\0';
	f->source = (struct diag_source){f->name, f->text, length};
	f->shipped = shipped;
	g_ptr_array_add(syntax->files, f);

	struct parser p = {.syntax = syntax, .file = f, .diags = diags};
	lexer_init(&p.lexer, &f->source, diags);
	bool first = true;
	while (p.lexer.token.kind != TOKEN_END) {
		if (p.lexer.token.kind == TOKEN_EOL) {
			lexer_advance(&p.lexer);
			continue;
		}
		parse_item(&p, first);
		first = false;
	}
}
