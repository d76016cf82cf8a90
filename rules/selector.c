/*
 * Selectors: text to elements, and the matcher. A capture takes at least one character and as few
 * as it can; globs take any run. Element and position that failed once are remembered, so that a
 * match costs at most elements x characters, however many globs there are.
 */
#include "rules/selector.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/* -- reading -- */

static void element_clear(void *p)
{
	struct element *e = p;
	g_free(e->text);
	if (e->texts) {
		g_ptr_array_unref(e->texts);
	}
}

static void pattern_begin(struct pattern *p)
{
	*p = (struct pattern){.literal = true};
	p->elements = g_array_new(FALSE, TRUE, sizeof(struct element));
	g_array_set_clear_func(p->elements, element_clear);
}

static void pattern_add(struct pattern *p, struct element e)
{
	p->literal = p->literal && e.kind == ELEMENT_TEXT;
	p->wild = p->wild || (e.kind != ELEMENT_TEXT && e.kind != ELEMENT_CAPTURE);
	g_array_append_val(p->elements, e);
}

void pattern_finish(struct pattern *p)
{
	g_free(p->source);
	if (p->elements) {
		g_array_unref(p->elements);
	}
	*p = (struct pattern){0};
}

static void flush(struct pattern *p, GString *text)
{
	if (text->len) {
		p->literals += (unsigned)text->len;
		pattern_add(p, (struct element){ELEMENT_TEXT, g_strdup(text->str), NULL});
		g_string_truncate(text, 0);
	}
}

void pattern_init_glob(struct pattern *p, const char *text)
{
	pattern_begin(p);
	p->source = g_strdup(text);
	GString *run = g_string_new(NULL);
	for (; *text; text++) {
		if (*text == '*' || *text == '?') {
			flush(p, run);
			pattern_add(p, (struct element){*text == '*' ? ELEMENT_ANY : ELEMENT_ONE, NULL, NULL});
		} else {
			g_string_append_c(run, *text);
		}
	}
	flush(p, run);
	g_string_free(run, TRUE);
}

static struct element choice(const char *text, size_t length)
{
	struct element e = {ELEMENT_CHOICE, NULL, g_ptr_array_new_with_free_func(g_free)};
	char *inner = g_strndup(text + 1, length - 2);
	char **parts = g_strsplit(inner, "|", -1);
	for (char **p = parts; *p; p++) {
		g_ptr_array_add(e.texts, g_strdup(*p));
	}
	g_strfreev(parts);
	g_free(inner);
	return e;
}

static const char *add_capture(struct selector *s, const char *name)
{
	for (unsigned i = 0; i < s->capture_count; i++) {
		if (!strcmp(s->captures[i], name)) {
			return NULL;
		}
	}
	static const char *const taken[] = {"host", "group", "service", "field", "label", "value",
		"threshold", "level", "since", "extinfo", "tag"};
	for (size_t i = 0; i < G_N_ELEMENTS(taken); i++) {
		if (!strcmp(taken[i], name)) {
			return "this capture has the name of something that exists already";
		}
	}
	if (s->capture_count == SELECTOR_CAPTURES) {
		return "a selector has at most four captures";
	}
	s->captures[s->capture_count++] = g_strdup(name);
	return NULL;
}

static bool holds_capture(const struct pattern *p, const char *name)
{
	for (unsigned i = 0; i < p->elements->len; i++) {
		const struct element *e = &g_array_index(p->elements, struct element, i);
		if (e->kind == ELEMENT_CAPTURE && !strcmp(e->text, name)) {
			return true;
		}
	}
	return false;
}

/* A part in quotes is taken as it stands. */
static void quoted_part(struct pattern *p, const char *text, size_t length)
{
	GString *plain = g_string_new(NULL);
	for (size_t i = 1; i + 1 < length; i++) {
		i += text[i] == '\\' && i + 2 < length;
		g_string_append_c(plain, text[i]);
	}
	p->source = g_strdup(plain->str);
	flush(p, plain);
	g_string_free(plain, TRUE);
}

static const char *read_part(struct selector *s, struct pattern *p, const char *text, size_t length)
{
	const char *why = NULL;
	pattern_begin(p);
	if (text[0] == '"') {
		quoted_part(p, text, length);
		return p->elements->len ? NULL : "a part of this selector is empty";
	}
	p->source = g_strndup(text, length);
	GString *run = g_string_new(NULL);
	for (size_t i = 0; i < length && !why; i++) {
		const char *close;
		switch (text[i]) {
		case '*':
		case '?':
			flush(p, run);
			pattern_add(
				p, (struct element){text[i] == '*' ? ELEMENT_ANY : ELEMENT_ONE, NULL, NULL});
			break;
		case '{':
		case '(':
			flush(p, run);
			close = memchr(text + i, text[i] == '{' ? '}' : ')', length - i);
			if (text[i] == '(') {
				pattern_add(p, choice(text + i, (size_t)(close - text) - i + 1));
			} else {
				char *name = g_strndup(text + i + 1, (size_t)(close - text) - i - 1);
				why = holds_capture(p, name) ? "a capture can stand once in a part"
											 : add_capture(s, name);
				pattern_add(p, (struct element){ELEMENT_CAPTURE, name, NULL});
			}
			i = (size_t)(close - text);
			break;
		default: g_string_append_c(run, text[i]);
		}
	}
	flush(p, run);
	g_string_free(run, TRUE);
	if (p->elements->len > SELECTOR_ELEMENTS) {
		why = "this selector has too many parts";
	}
	return why;
}

/* Where the part at `text` ends: at a colon outside of quotes and parentheses, or at the end. */
static size_t part_end(const char *text, size_t length)
{
	bool quoted = false;
	for (size_t i = 0; i < length; i++) {
		if (quoted && text[i] == '\\') {
			i++;
		} else if (text[i] == '"') {
			quoted = !quoted;
		} else if (text[i] == ':' && !quoted) {
			return i;
		}
	}
	return length;
}

struct selector *selector_parse(const char *text, size_t length, const char **why)
{
	struct selector *s = g_new0(struct selector, 1);
	s->source = g_strndup(text, length);
	size_t ends[3] = {0};
	unsigned parts = 0;
	for (size_t at = 0; at <= length && parts < 3; at = ends[parts++] + 1) {
		ends[parts] = at + part_end(text + at, length - at);
	}
	struct pattern *to[] = {&s->host, &s->plugin, &s->field};
	s->has_host = parts == 3;
	*why = parts < 2 ? "a selector is written plugin:field or host:plugin:field" : NULL;
	size_t at = 0;
	for (unsigned i = 0; i < parts && !*why; i++) {
		size_t n = ends[i] - at;
		*why =
			n ? read_part(s, to[3 - parts + i], text + at, n) : "a part of this selector is empty";
		at = ends[i] + 1;
	}
	if (*why) {
		selector_destroy(s);
		return NULL;
	}
	return s;
}

void selector_destroy(struct selector *s)
{
	if (!s) {
		return;
	}
	pattern_finish(&s->host);
	pattern_finish(&s->plugin);
	pattern_finish(&s->field);
	for (unsigned i = 0; i < s->capture_count; i++) {
		g_free(s->captures[i]);
	}
	g_free(s->source);
	g_free(s);
}

/* -- matching -- */

struct matcher {
	const struct pattern *pattern;
	const struct selector *selector;
	struct selector_match *match;
	const char *name;
	size_t length;
	uint64_t failed[SELECTOR_ELEMENTS + 1][SELECTOR_NAME_MAX / 64 + 1];
};

static bool match_from(struct matcher *m, unsigned e, size_t at);

static char *capture_slot(const struct matcher *m, const char *name)
{
	for (unsigned i = 0; m->selector && m->match && i < m->selector->capture_count; i++) {
		if (!strcmp(m->selector->captures[i], name)) {
			return m->match->capture[i];
		}
	}
	return NULL;
}

static bool match_capture(struct matcher *m, unsigned e, size_t at)
{
	char *slot = capture_slot(m, g_array_index(m->pattern->elements, struct element, e).text);
	if (slot && *slot) {
		size_t n = strlen(slot);
		return m->length - at >= n && !memcmp(m->name + at, slot, n) &&
			   match_from(m, e + 1, at + n);
	}
	for (size_t n = 1; n <= m->length - at; n++) {
		if (slot) {
			memcpy(slot, m->name + at, n);
			slot[n] = '\0';
		}
		if (match_from(m, e + 1, at + n)) {
			return true;
		}
	}
	if (slot) {
		*slot = '\0';
	}
	return false;
}

static bool match_choice(struct matcher *m, const struct element *element, unsigned e, size_t at)
{
	char part[SELECTOR_NAME_MAX + 1];
	for (unsigned i = 0; i < element->texts->len; i++) {
		const char *text = g_ptr_array_index(element->texts, i);
		for (size_t n = 0; n <= m->length - at; n++) {
			memcpy(part, m->name + at, n);
			part[n] = '\0';
			if (text_glob(text, part) && match_from(m, e + 1, at + n)) {
				return true;
			}
		}
	}
	return false;
}

static bool match_element(struct matcher *m, unsigned e, size_t at)
{
	const struct element *element = &g_array_index(m->pattern->elements, struct element, e);
	size_t left = m->length - at;
	size_t n;
	switch (element->kind) {
	case ELEMENT_TEXT:
		n = strlen(element->text);
		return left >= n && !memcmp(m->name + at, element->text, n) && match_from(m, e + 1, at + n);
	case ELEMENT_ONE: return left && match_from(m, e + 1, at + 1);
	case ELEMENT_ANY:
		for (n = 0; n <= left; n++) {
			if (match_from(m, e + 1, at + n)) {
				return true;
			}
		}
		return false;
	case ELEMENT_CAPTURE: return match_capture(m, e, at);
	case ELEMENT_CHOICE: return match_choice(m, element, e, at);
	}
	return false;
}

/* A capture stands once in a part, so what follows an element depends on the position alone: a
 * failure there is one for good. */
static bool match_from(struct matcher *m, unsigned e, size_t at)
{
	if (e == m->pattern->elements->len) {
		return at == m->length;
	}
	uint64_t *word = &m->failed[e][at / 64];
	uint64_t bit = UINT64_C(1) << (at % 64);
	if (*word & bit) {
		return false;
	}
	if (match_element(m, e, at)) {
		return true;
	}
	*word |= bit;
	return false;
}

bool pattern_match(const struct pattern *pattern, const char *name, const struct selector *selector,
	struct selector_match *match)
{
	if (!pattern->elements) {
		return true;
	}
	if (pattern->literal) {
		return !strcmp(pattern->source, name);
	}
	size_t length = strlen(name);
	if (length > SELECTOR_NAME_MAX) {
		return false;
	}
	struct matcher m = {
		.pattern = pattern, .selector = selector, .match = match, .name = name, .length = length};
	return match_from(&m, 0, 0);
}

bool selector_match(const struct selector *selector, const char *host, const char *plugin,
	const char *field, struct selector_match *match)
{
	for (size_t i = 0; i < MIN(selector->capture_count, ARRAY_LENGTH(match->capture)); i++) {
		match->capture[i][0] = '\0';
	}
	return pattern_match(&selector->plugin, plugin, selector, match) &&
		   pattern_match(&selector->field, field, selector, match) &&
		   pattern_match(&selector->host, host, selector, match);
}
