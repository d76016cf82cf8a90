#include "collector/munin/node_line.h"
#include "base/number.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * One line is looked at with memchr and a few comparisons: a fleet sends millions of them an hour.
 * What a line is follows munin-update, except that a comment counts as the node's word of failure
 * only if that is all it says.
 */
static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct node_part part_trim(const char *text, const char *end)
{
	while (text < end && is_blank(*text)) {
		text++;
	}
	while (end > text && is_blank(end[-1])) {
		end--;
	}
	return (struct node_part){text, (size_t)(end - text)};
}

bool node_part_is(struct node_part part, const char *word)
{
	return part.length == strlen(word) && !memcmp(part.text, word, part.length);
}

static bool says(struct node_part part, const char *words)
{
	size_t length = strlen(words);
	return part.length >= length && !g_ascii_strncasecmp(part.text, words, length) &&
		   (part.length == length || strchr(":.!", part.text[length]));
}

static enum node_trouble comment_trouble(struct node_part line)
{
	struct node_part words = part_trim(line.text + 1, line.text + line.length);
	if (says(words, "timed out") || says(words, "timeout")) {
		return NODE_TROUBLE_TIMED_OUT;
	}
	if (says(words, "bad exit")) {
		return NODE_TROUBLE_BAD_EXIT;
	}
	return says(words, "unknown service") ? NODE_TROUBLE_UNKNOWN_SERVICE : NODE_TROUBLE_NONE;
}

const char *node_trouble_text(enum node_trouble trouble)
{
	static const char *const texts[] = {
		[NODE_TROUBLE_NONE] = "",
		[NODE_TROUBLE_TIMED_OUT] = "the node says that it timed out",
		[NODE_TROUBLE_BAD_EXIT] = "the node says that it ended with an error",
		[NODE_TROUBLE_UNKNOWN_SERVICE] = "the node says that it does not know it",
	};
	return texts[trouble];
}

/* "FIELD.KEY VALUE" or "KEY VALUE": the first word decides. */
static void line_split(struct node_part text, struct node_line *line)
{
	const char *end = text.text + text.length;
	const char *word = text.text;
	const char *dot = NULL;
	while (word < end && !is_blank(*word)) {
		if (*word == '.' && !dot) {
			dot = word;
		}
		word++;
	}
	line->value = part_trim(word, end);
	line->field = (struct node_part){text.text, dot ? (size_t)(dot - text.text) : 0};
	const char *key = dot ? dot + 1 : text.text;
	line->key = (struct node_part){key, (size_t)(word - key)};
	if (dot && (!line->field.length || !line->key.length)) {
		line->kind = NODE_LINE_OTHER;
	} else if (dot) {
		line->kind = !line->value.length                ? NODE_LINE_EMPTY
					 : node_part_is(line->key, "value") ? NODE_LINE_VALUE
														: NODE_LINE_FIELD;
	} else if (!line->value.length) {
		line->kind = NODE_LINE_OTHER;
	} else {
		line->kind = node_part_is(line->key, "multigraph") ? NODE_LINE_GRAPH : NODE_LINE_ATTRIBUTE;
	}
	if (line->kind == NODE_LINE_OTHER) {
		line->value = text;
	}
}

enum node_line_kind node_line_next(struct node_lines *lines, struct node_line *line)
{
	while (lines->at < lines->end) {
		const char *begin = lines->at;
		const char *end = memchr(begin, '\n', (size_t)(lines->end - begin));
		end = end ? end : lines->end;
		lines->at = end < lines->end ? end + 1 : end;
		struct node_part text = part_trim(begin, end);
		line->trouble = NODE_TROUBLE_NONE;
		if (!text.length) {
			continue;
		}
		if (*text.text == '#') {
			line->trouble = comment_trouble(text);
			if (line->trouble != NODE_TROUBLE_NONE) {
				line->value = text;
				line->field = line->key = (struct node_part){end, 0};
				return line->kind = NODE_LINE_TROUBLE;
			}
			continue;
		}
		line_split(text, line);
		return line->kind;
	}
	return line->kind = NODE_LINE_END;
}

static size_t count_digits(const char *text, size_t length)
{
	size_t n = 0;
	while (n < length && text[n] >= '0' && text[n] <= '9') {
		n++;
	}
	return n;
}

bool node_value_parse(struct node_part part, int64_t *at_s, double *value)
{
	struct node_part word = {part.text, 0};
	while (word.length < part.length && !is_blank(part.text[word.length])) {
		word.length++;
	}
	long long at = 0;
	bool stamped = false;
	if (word.length > 2 && word.text[0] == 'N' && word.text[1] == ':') {
		word = (struct node_part){word.text + 2, word.length - 2};
	} else {
		size_t digits = count_digits(word.text, word.length);
		if (digits && digits < word.length && word.text[digits] == ':') {
			if (!number_parse_int(word.text, digits, 0, INT64_MAX / 1000, &at)) {
				return false;
			}
			stamped = true;
			word = (struct node_part){word.text + digits + 1, word.length - digits - 1};
		}
	}
	if (!number_parse(word.text, word.length, value)) {
		return false;
	}
	*at_s = stamped ? at : NODE_NO_TIME;
	return true;
}

static uint32_t unit_seconds(char unit)
{
	switch (unit) {
	case 's': return 1;
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	case 'w': return 7 * 86400;
	case 't': return 31 * 86400;
	case 'y': return 365 * 86400;
	default: return 0;
	}
}

bool node_rate_parse(struct node_part part, uint32_t *seconds, bool *aligned)
{
	size_t digits = count_digits(part.text, part.length);
	long long count;
	uint32_t unit = 1;
	size_t at = digits;
	if (!number_parse_int(part.text, digits, 1, 366 * 86400, &count)) {
		return false;
	}
	if (at < part.length && !is_blank(part.text[at])) {
		unit = unit_seconds(g_ascii_tolower(part.text[at++]));
	}
	if (!unit || count * unit > 366 * 86400 || (at < part.length && !is_blank(part.text[at]))) {
		return false;
	}
	struct node_part rest = part_trim(part.text + at, part.text + part.length);
	*aligned = node_part_is(rest, "aligned");
	*seconds = (uint32_t)count * unit;
	return true;
}

static bool part_is_utf8(struct node_part part)
{
	for (size_t at = 0; at < part.length;) {
		size_t n = text_utf8_length(part.text + at, part.length - at);
		if (!n) {
			return false;
		}
		at += n;
	}
	return true;
}

char *node_part_text(struct node_part part, size_t limit)
{
	if (part_is_utf8(part)) {
		return text_clean(part.text, part.length, limit);
	}
	GString *wide = g_string_sized_new(part.length * 2);
	for (size_t i = 0; i < part.length && wide->len < limit; i++) {
		unsigned char c = (unsigned char)part.text[i];
		g_string_append_unichar(wide, c);
	}
	char *clean = text_clean(wide->str, wide->len, limit);
	g_string_free(wide, TRUE);
	return clean;
}

void node_note(struct node_notes *notes, const char *format, ...)
{
	if (notes->count++) {
		return;
	}
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	text_copy(notes->text, sizeof(notes->text), text);
}

void node_note_part(struct node_notes *notes, const char *what, struct node_part piece)
{
	if (notes->count++) {
		return;
	}
	g_autofree char *text = node_part_text(piece, 60);
	g_autofree char *whole = g_strdup_printf("%s: \"%s\"", what, text);
	text_copy(notes->text, sizeof(notes->text), whole);
}
