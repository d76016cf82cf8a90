/*
 * Statements: a table of keywords, one function for each, and the body that joins them. After a
 * fault the parser goes on behind the line end or at the "}", so that every statement is judged.
 */
#include "rules/parser.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/* -- statements -- */

struct statement {
	const char *word;
	bool (*parse)(struct parser *p, struct body *body, unsigned which);
	unsigned which; /* argument of `parse` */
	int slot;       /* -1: none */
	bool once;
	bool in_defaults, in_override;
};

static bool parse_level(struct parser *p, struct body *b, unsigned which)
{
	if (parse_word(p, "off")) {
		b->off[which] = true;
		return true;
	}
	if (!parse_condition(p, &b->levels[which])) {
		return false;
	}
	if (!parse_op(p, ',')) {
		return true;
	}
	if (!parse_word(p, "clear")) {
		parse_expected(p, "\"clear\"");
		return false;
	}
	return parse_condition(p, &b->level_clears[which]);
}

static bool parse_clear(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	b->clear = (struct cond){.place = p->lexer.token.place};
	if (lexer_at_word(&p->lexer, "for") || lexer_at_word(&p->lexer, "during")) {
		return parse_modifiers(p, &b->clear);
	}
	return parse_condition(p, &b->clear);
}

/* One of a few words: its index, or E104. */
static bool parse_choice(
	struct parser *p, const char *const *words, size_t count, const char *what, size_t *index)
{
	for (size_t i = 0; i < count; i++) {
		if (parse_word(p, words[i])) {
			*index = i;
			return true;
		}
	}
	if (p->lexer.token.kind != TOKEN_NAME) {
		parse_expected(p, what);
		return false;
	}
	char *word = token_text(&p->lexer.token);
	const char *nearest = text_nearest(word, words, count);
	struct diag_place place = p->lexer.token.place;
	struct diag *d = parse_complain(p, "E104", "%s is expected here, not \"%s\"", what, word);
	if (nearest) {
		diag_suggest(d, place, nearest);
	}
	g_free(word);
	return false;
}

static bool parse_missing(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	static const char *const words[] = {
		"ok", "keep", "unknown", "warn", "crit", "warning", "critical"};
	size_t index = 0;
	if (!parse_choice(p, words, ARRAY_LENGTH(words),
			"\"ok\", \"keep\", \"unknown\", \"warn\" or \"crit\"", &index)) {
		return false;
	}
	b->missing = (enum missing_to)(index < 5 ? index : index - 2);
	b->missing_samples = 3;
	if (!parse_word(p, "after")) {
		return true;
	}
	if (token_is_word(&p->lexer.ahead, "samples") || token_is_word(&p->lexer.ahead, "sample")) {
		bool ok = parse_count(p, 10000, &b->missing_samples);
		lexer_advance(&p->lexer);
		return ok;
	}
	return parse_duration(p, &b->missing_ms);
}

static bool take_name(struct parser *p, const char *what, struct name *out)
{
	const struct token *t = &p->lexer.token;
	if (t->kind != TOKEN_NAME) {
		parse_expected(p, what);
		return false;
	}
	*out = (struct name){parse_keep(p, token_text(t)), t->place};
	lexer_advance(&p->lexer);
	return true;
}

static bool parse_unless(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	struct name name;
	if (!take_name(p, "the name of a rule", &name)) {
		return false;
	}
	struct parent parent = {name.text, name.place, 0};
	if (lexer_at_word(&p->lexer, "where")) {
		parse_unsupported(p, p->lexer.token.place, "\"unless … where\"");
		return false;
	}
	if (parse_word(p, "settle") && !parse_duration(p, &parent.settle_ms)) {
		return false;
	}
	g_array_append_val(b->parents, parent);
	return true;
}

/* One level for all contacts of a body: what another statement says must not change it. */
static bool set_notify_level(
	struct parser *p, struct body *b, enum level level, bool first, struct diag_place place)
{
	if (!first && b->notify_at != level) {
		parse_unsupported(p, place, "another level for other contacts");
		return false;
	}
	b->notify_at = level;
	return true;
}

static bool parse_notify(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	static const char *const words[] = {"notice", "warn", "crit", "warning", "critical"};
	bool first = !b->notify->len;
	struct diag_place place = p->lexer.token.place;
	enum level level = LEVEL_CRIT;
	do {
		struct name name;
		if (!take_name(p, "the name of a contact", &name)) {
			return false;
		}
		g_array_append_val(b->notify, name);
	} while (parse_op(p, ','));
	if (lexer_at_word(&p->lexer, "via")) {
		parse_unsupported(p, p->lexer.token.place, "\"notify … via\"");
		return false;
	}
	if (parse_word(p, "at")) {
		size_t index = 0;
		if (!parse_choice(
				p, words, ARRAY_LENGTH(words), "\"notice\", \"warn\" or \"crit\"", &index)) {
			return false;
		}
		level = (enum level)(LEVEL_NOTICE + (index < 3 ? index : index - 2));
	}
	return set_notify_level(p, b, level, first, place);
}

static bool parse_only(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	if (!parse_word(p, "when")) {
		parse_expected(p, "\"when\"");
		return false;
	}
	b->only_when = parse_expression(p);
	return b->only_when != NULL;
}

static bool parse_texts(struct parser *p, struct body *b, unsigned which)
{
	struct text *texts[] = {&b->summary, &b->info, &b->runbook};
	return parse_text(p, texts[which]);
}

static bool parse_value(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	b->value_place = p->lexer.token.place;
	b->value = parse_expression(p);
	if (!b->value || !parse_word(p, "unit")) {
		return b->value != NULL;
	}
	const struct token *t = &p->lexer.token;
	if (t->kind != TOKEN_NAME && t->kind != TOKEN_STRING) {
		parse_expected(p, "the name of a unit");
		return false;
	}
	GString *name = g_string_new(NULL);
	if (t->kind == TOKEN_STRING) {
		lexer_string(t, name);
	} else {
		g_string_append_len(name, t->text, (gssize)t->length);
	}
	b->has_unit = unit_parse(name->str, name->len, &b->unit);
	if (!b->has_unit) {
		parse_complain(p, "E006", "unknown unit \"%s\"", name->str);
	}
	g_string_free(name, TRUE);
	lexer_advance(&p->lexer);
	return b->has_unit;
}

static bool parse_let(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	struct name name;
	if (!take_name(p, "a name", &name)) {
		return false;
	}
	if (strpbrk(name.text, "-*.")) {
		parse_complain_at(
			p, name.place, "E102", "the name of a \"let\" is made of letters, digits and \"_\"");
		return false;
	}
	for (guint i = 0; i < b->lets->len; i++) {
		if (!strcmp(g_array_index(b->lets, struct let, i).name, name.text)) {
			parse_complain_at(p, name.place, "E206", "\"%s\" is defined twice", name.text);
			return false;
		}
	}
	if (!parse_op(p, '=')) {
		parse_expected(p, "\"=\"");
		return false;
	}
	struct let let = {name.text, parse_expression(p), name.place, lexer_behind(&p->lexer)};
	g_array_append_val(b->lets, let); /* also without its node: the name is known */
	return let.node != NULL;
}

static bool parse_tag(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	struct name name;
	if (!take_name(p, "the name of a tag", &name)) {
		return false;
	}
	if (!parse_op(p, '=')) {
		parse_expected(p, "\"=\"");
		return false;
	}
	if (p->lexer.token.kind != TOKEN_STRING) {
		parse_expected(p, "a text");
		return false;
	}
	GString *text = g_string_new(name.text);
	g_string_append_c(text, '=');
	for (guint i = 0; i < b->tags->len; i++) {
		if (g_str_has_prefix(g_array_index(b->tags, struct name, i).text, text->str)) {
			parse_complain_at(p, name.place, "E105", "tag \"%s\" is given twice", name.text);
			g_string_free(text, TRUE);
			return false;
		}
	}
	lexer_string(&p->lexer.token, text);
	lexer_advance(&p->lexer);
	name.text = parse_keep(p, g_string_free(text, FALSE));
	g_array_append_val(b->tags, name);
	return true;
}

static bool parse_flag(struct parser *p, struct body *b, unsigned which)
{
	if (which) {
		b->optional = true;
		return true;
	}
	b->disabled = true;
	if (p->lexer.token.kind == TOKEN_STRING) {
		lexer_advance(&p->lexer); /* the reason, for people who read the file */
	}
	return true;
}

static bool parse_hosts_statement(struct parser *p, struct body *b, unsigned which)
{
	(void)which;
	return parse_hosts(p, b);
}

static bool parse_later(struct parser *p, struct body *b, unsigned which)
{
	(void)b;
	static const char *const words[] = {"\"where\"", "\"repeat\"", "\"every\"", "\"rescue\""};
	struct diag_place place = lexer_behind(&p->lexer);
	place.end_column = place.column;
	place.column -= (unsigned)strlen(words[which]) - 2;
	parse_unsupported(p, place, words[which]);
	return false;
}

static const struct statement statements[] = {
	{"value", parse_value, 0, -1, true, false, false},
	{"let", parse_let, 0, -1, false, false, false},
	{"hosts", parse_hosts_statement, 0, -1, false, false, false},
	{"where", parse_later, 0, -1, true, false, false},
	{"only", parse_only, 0, SLOT_ONLY_WHEN, true, false, true},
	{"notice", parse_level, 0, SLOT_NOTICE, false, false, true},
	{"warn", parse_level, 1, SLOT_WARN, false, false, true},
	{"crit", parse_level, 2, SLOT_CRIT, false, false, true},
	{"warning", parse_level, 1, SLOT_WARN, false, false, true},
	{"critical", parse_level, 2, SLOT_CRIT, false, false, true},
	{"clear", parse_clear, 0, SLOT_CLEAR, true, true, true},
	{"missing", parse_missing, 0, SLOT_MISSING, true, true, true},
	{"unless", parse_unless, 0, SLOT_UNLESS, false, false, true},
	{"notify", parse_notify, 0, SLOT_NOTIFY, false, true, true},
	{"repeat", parse_later, 1, -1, true, true, true},
	{"every", parse_later, 2, -1, true, false, false},
	{"rescue", parse_later, 3, -1, false, false, true},
	{"summary", parse_texts, 0, SLOT_SUMMARY, true, false, true},
	{"info", parse_texts, 1, SLOT_INFO, true, false, true},
	{"runbook", parse_texts, 2, SLOT_RUNBOOK, true, false, true},
	{"tag", parse_tag, 0, -1, false, true, true},
	{"optional", parse_flag, 1, SLOT_OPTIONAL, true, false, true},
	{"disabled", parse_flag, 0, SLOT_DISABLED, true, false, true},
};

static const struct statement *find_statement(const struct token *t)
{
	for (size_t i = 0; i < ARRAY_LENGTH(statements); i++) {
		if (token_is_word(t, statements[i].word)) {
			return &statements[i];
		}
	}
	return NULL;
}

/* E101, and the keyword that was meant if there is exactly one near. */
static const struct statement *guess_statement(struct parser *p)
{
	const struct token *t = &p->lexer.token;
	if (t->kind != TOKEN_NAME) {
		parse_expected(p, "a statement or \"}\"");
		return NULL;
	}
	const char *words[ARRAY_LENGTH(statements)];
	for (size_t i = 0; i < ARRAY_LENGTH(statements); i++) {
		words[i] = statements[i].word;
	}
	char *word = token_text(t);
	const char *nearest = text_nearest(word, words, ARRAY_LENGTH(words));
	struct diag *d = diag_add(
		p->diags, &p->file->source, t->place, DIAG_ERROR, "E101", "unknown statement \"%s\"", word);
	const struct statement *s = NULL;
	if (nearest) {
		diag_suggest(d, t->place, nearest);
		struct token meant = {.kind = TOKEN_NAME, .text = nearest, .length = strlen(nearest)};
		s = find_statement(&meant);
	}
	p->silent = !s;
	g_free(word);
	return s;
}

static bool allowed(struct parser *p, const struct statement *s, enum item_kind kind)
{
	if (kind == ITEM_OVERRIDE && s->parse == parse_tag) {
		parse_unsupported(p, p->lexer.token.place, "\"tag\" in an override");
		return false;
	}
	bool ok = kind == ITEM_RULE || (kind == ITEM_DEFAULTS ? s->in_defaults : s->in_override);
	if (!ok) {
		parse_complain(p, "E106", "\"%s\" is not allowed in %s", s->word,
			kind == ITEM_DEFAULTS ? "\"defaults\"" : "an override");
	}
	return ok;
}

/* A second one of its kind: told, and read into the same place. */
static bool repeated(struct parser *p, const struct statement *s, struct body *b, GHashTable *seen)
{
	bool again = g_hash_table_contains(seen, s->word);
	g_hash_table_add(seen, (char *)s->word);
	bool level = s->slot >= SLOT_NOTICE && s->slot <= SLOT_CRIT;
	if (again && s->once) {
		parse_complain(p, "E105", "\"%s\" is given twice", s->word);
		return true;
	}
	if (level && b->set[s->slot]) {
		parse_unsupported(p, p->lexer.token.place, "more than one threshold of the same level");
		return true;
	}
	return false;
}

static void parse_statement(struct parser *p, struct body *b, enum item_kind kind, GHashTable *seen)
{
	const struct token start = p->lexer.token;
	const struct statement *s = find_statement(&start);
	s = s ? s : guess_statement(p);
	if (!s || !allowed(p, s, kind) || repeated(p, s, b, seen)) {
		return;
	}
	lexer_advance(&p->lexer);
	bool ok = s->parse(p, b, s->which);
	if (s->slot >= 0) {
		b->set[s->slot] = true;
		b->places[s->slot] = start.place;
		if (ok) {
			const char *end = p->lexer.token.at;
			char *source = g_strndup(start.at, (size_t)(end - start.at));
			b->sources[s->slot] = parse_keep(p, g_strstrip(source));
		}
	}
	const struct token *t = &p->lexer.token;
	if (ok && t->kind != TOKEN_EOL && t->kind != TOKEN_END && !lexer_at_op(&p->lexer, '}')) {
		parse_expected(p, "the end of the line");
	}
}

/* To the line end or to the "}" of this block. */
static void skip_statement(struct parser *p)
{
	unsigned depth = 0;
	while (p->lexer.token.kind != TOKEN_END) {
		if (p->lexer.token.kind == TOKEN_EOL && !depth) {
			return;
		}
		if (lexer_at_op(&p->lexer, '{')) {
			depth++;
		} else if (lexer_at_op(&p->lexer, '}')) {
			if (!depth) {
				return;
			}
			depth--;
		}
		lexer_advance(&p->lexer);
	}
}

/* Whether an item begins here: then the "}" of this block was forgotten. */
static bool at_item(const struct parser *p)
{
	static const char *const words[] = {"rule", "override", "schedule", "template"};
	const struct token *ahead = &p->lexer.ahead;
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (lexer_at_word(&p->lexer, words[i]) && ahead->kind == TOKEN_NAME) {
			return true;
		}
	}
	return (lexer_at_word(&p->lexer, "defaults") && ahead->kind == TOKEN_OP && ahead->op == '{') ||
		   ((lexer_at_word(&p->lexer, "maintenance") || lexer_at_word(&p->lexer, "test") ||
				lexer_at_word(&p->lexer, "include")) &&
			   ahead->kind == TOKEN_STRING);
}

static void body_destroy(void *p)
{
	struct body *b = p;
	struct text *texts[] = {&b->summary, &b->info, &b->runbook};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		if (texts[i]->pieces) {
			g_array_unref(texts[i]->pieces);
		}
	}
	for (guint i = 0; b->hosts && i < b->hosts->len; i++) {
		pattern_finish(&g_array_index(b->hosts, struct host_pattern, i).pattern);
	}
	if (b->hosts) {
		g_array_unref(b->hosts);
	}
	g_array_unref(b->parents);
	g_array_unref(b->notify);
	g_array_unref(b->lets);
	g_array_unref(b->tags);
	g_free(b);
}

static struct body *make_body(struct parser *p)
{
	struct body *b = g_new0(struct body, 1);
	b->parents = g_array_new(FALSE, TRUE, sizeof(struct parent));
	b->notify = g_array_new(FALSE, TRUE, sizeof(struct name));
	b->lets = g_array_new(FALSE, TRUE, sizeof(struct let));
	b->tags = g_array_new(FALSE, TRUE, sizeof(struct name));
	return syntax_keep(p->syntax, b, body_destroy);
}

struct body *parse_body(struct parser *p, enum item_kind kind)
{
	struct diag_place brace = p->lexer.token.place;
	struct body *b = make_body(p);
	if (!parse_op(p, '{')) {
		parse_expected(p, "\"{\"");
		return NULL;
	}
	GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (;;) {
		p->silent = false;
		p->depth = 0;
		p->operands = 0;
		if (p->lexer.token.kind == TOKEN_EOL) {
			lexer_advance(&p->lexer);
			continue;
		}
		if (parse_op(p, '}')) {
			break;
		}
		if (p->lexer.token.kind == TOKEN_END || at_item(p)) {
			parse_complain_at(p, brace, "E103", "this \"{\" has no \"}\"");
			break;
		}
		parse_statement(p, b, kind, seen);
		skip_statement(p);
	}
	g_hash_table_unref(seen);
	return b;
}
