#include "base/text.h"

#include <stdint.h>
#include <string.h>

#include "base/banned.h"

/*
 * Text from outside and the few things done with it. No regular expressions: matching by
 * text_glob() is bounded by length of pattern times length of text (hostile 40).
 */

bool text_copy(char *out, size_t size, const char *text)
{
	size_t length = strlen(text);
	bool whole = length < size;
	if (!whole) {
		length = size - 1;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80) {
			length--;
		}
	}
	memcpy(out, text, length);
	out[length] = '\0';
	return whole;
}

size_t text_utf8_length(const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *)text;
	if (!length) {
		return 0;
	}
	if (p[0] < 0x80) {
		return 1;
	}
	size_t want = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || length < want) {
		return 0;
	}
	for (size_t i = 1; i < want; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	/* overlong forms, surrogates, beyond U+10FFFF (RFC 3629, section 4) */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
		return 0;
	}
	return want;
}

char *text_clean(const char *bytes, size_t length, size_t limit)
{
	static const char replacement[] = "\xef\xbf\xbd";
	GString *out = g_string_sized_new(length < limit ? length : limit);
	for (size_t at = 0; at < length;) {
		size_t n = text_utf8_length(bytes + at, length - at);
		unsigned char c = (unsigned char)bytes[at];
		bool c1 = n == 2 && c == 0xc2 && (unsigned char)bytes[at + 1] < 0xa0;
		bool bad = !n || (c < 0x20 && c != '\t') || c == 0x7f || c1;
		size_t add = bad ? 3 : n;
		if (out->len + add > limit) {
			break;
		}
		g_string_append_len(out, bad ? replacement : bytes + at, (gssize)add);
		at += n ? n : 1;
	}
	return g_string_free(out, FALSE);
}

char *text_clean_lines(const char *bytes, size_t length, size_t limit)
{
	GString *out = g_string_new(NULL);
	for (size_t at = 0; at < length && out->len < limit;) {
		size_t line = 0;
		while (at + line < length && bytes[at + line] != '\n' && bytes[at + line] != '\r') {
			line++;
		}
		g_autofree char *clean = text_clean(bytes + at, line, limit - out->len);
		g_string_append(out, clean);
		at += line;
		if (at < length && out->len < limit) {
			g_string_append_c(out, '\n');
			at += bytes[at] == '\r' && at + 1 < length && bytes[at + 1] == '\n' ? 2 : 1;
		}
	}
	while (out->len && out->str[out->len - 1] == '\n') {
		g_string_truncate(out, out->len - 1);
	}
	return g_string_free(out, FALSE);
}

bool text_glob(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *resume = NULL;
	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern == *text || *pattern == '?') {
			pattern++;
			text++;
			while (pattern[-1] == '?' && ((unsigned char)*text & 0xc0) == 0x80) {
				text++;
			}
		} else if (star) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*') {
		pattern++;
	}
	return !*pattern;
}

bool text_is_plain(const char *text, size_t limit)
{
	size_t n = 0;
	for (; text[n]; n++) {
		if (n >= limit ||
			!(g_ascii_isalnum(text[n]) || text[n] == '_' || text[n] == '.' || text[n] == '-')) {
			return false;
		}
	}
	return n > 0;
}

unsigned text_distance(const char *a, const char *b)
{
	enum { MOST = 63 };
	size_t la = strlen(a);
	size_t lb = strlen(b);
	if (la > MOST || lb > MOST) {
		return 99;
	}
	/* Optimal string alignment: three rows of the table are enough. */
	uint8_t rows[3][MOST + 1];
	uint8_t *before = rows[0];
	uint8_t *last = rows[1];
	uint8_t *now = rows[2];
	for (size_t j = 0; j <= lb; j++) {
		last[j] = (uint8_t)j;
	}
	for (size_t i = 1; i <= la; i++) {
		now[0] = (uint8_t)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
			best = MIN(best, last[j] + 1U);
			best = MIN(best, now[j - 1] + 1U);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
				best = MIN(best, before[j - 2] + 1U);
			}
			now[j] = (uint8_t)best;
		}
		uint8_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[lb];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	unsigned least = 3;
	size_t length = strlen(word);
	for (size_t i = 0; i < count; i++) {
		unsigned d = text_distance(word, candidates[i]);
		if (d < least && d * 2 < length + 1) {
			least = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

void text_append_html(GString *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&': g_string_append(out, "&amp;"); break;
		case '<': g_string_append(out, "&lt;"); break;
		case '>': g_string_append(out, "&gt;"); break;
		case '"': g_string_append(out, "&quot;"); break;
		case '\'': g_string_append(out, "&#39;"); break;
		default: g_string_append_c(out, *text);
		}
	}
}
