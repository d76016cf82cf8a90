/*
 * The forms of tokens that take more than a character's look: dates, spans of time, selectors. Pure
 * functions over bytes; where a token ends and what is wrong with it is decided here, what is said
 * about it in the lexer.
 */
#include "base/lexer_form.h"

#include <string.h>

#include "base/lexer.h"

#include "base/banned.h"

/* Whether the text has the shape of `form`, where 0 stands for any digit. */
bool form_shaped(const char *text, size_t length, const char *form)
{
	size_t n = strlen(form);
	if (length < n) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (form[i] == '0' ? !form_is_digit(text[i]) : text[i] != form[i]) {
			return false;
		}
	}
	return true;
}

static int two(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

bool form_time_possible(const char *p, bool midnight)
{
	return (two(p) < 24 && two(p + 3) < 60) || (midnight && two(p) == 24 && !two(p + 3));
}

/* Length of a date at `text`, 0: none; `*possible`: whether there is such a day and time. */
size_t form_date_length(const char *text, size_t length, bool *possible)
{
	if (!form_shaped(text, length, "0000-00-00")) {
		return 0;
	}
	int year = two(text) * 100 + two(text + 2);
	*possible = year && g_date_valid_dmy(
							(GDateDay)two(text + 8), (GDateMonth)two(text + 5), (GDateYear)year);
	if (!form_shaped(text, length, "0000-00-00T00:00")) {
		return 10;
	}
	*possible = *possible && form_time_possible(text + 11, false);
	return 16;
}

/* `(a|b)`: length with its parentheses, 0 if that is not what stands here. */
static size_t alternatives_length(const char *text, size_t length)
{
	for (size_t i = 1; i < length; i++) {
		if (text[i] == ')') {
			return i > 1 ? i + 1 : 0;
		}
		if (!form_is_part_char(text[i]) && text[i] != '|') {
			return 0;
		}
	}
	return 0;
}

/* `{name}`: length with its braces, 0 if that is not what stands here. */
static size_t capture_length(const char *text, size_t length)
{
	if (length < 3 || !form_is_name_start(text[1])) {
		return 0;
	}
	for (size_t i = 2; i < length; i++) {
		if (text[i] == '}') {
			return i + 1;
		}
		if (!g_ascii_isalnum(text[i]) && text[i] != '_') {
			return 0;
		}
	}
	return 0;
}

static size_t quoted_length(const char *text, size_t length)
{
	for (size_t i = 1; i < length && text[i] != '\n'; i++) {
		if (text[i] == '"') {
			return i + 1;
		}
		i += text[i] == '\\';
	}
	return 0;
}

/* One part of a selector, without colons. */
static size_t part_length(const char *text, size_t length)
{
	if (length && text[0] == '"') {
		return quoted_length(text, length);
	}
	size_t n = 0;
	while (n < length) {
		size_t add = form_is_part_char(text[n]) ? 1
					 : text[n] == '('           ? alternatives_length(text + n, length - n)
					 : text[n] == '{'           ? capture_length(text + n, length - n)
												: 0;
		if (!add) {
			break;
		}
		n += add;
	}
	return n;
}

size_t lexer_selector_length(const char *text, size_t length)
{
	if (!length || text[0] == '-' || text[0] == '.') {
		return 0;
	}
	size_t n = part_length(text, length);
	if (!n || n >= length || text[n] != ':') {
		return 0;
	}
	while (n < length && text[n] == ':') {
		n++;
		n += part_length(text + n, length - n);
	}
	return n;
}

/* What is wrong with the parts of a selector, as a sentence, or NULL. */
const char *form_selector_fault(const char *text, size_t length)
{
	unsigned parts = 0;
	for (size_t at = 0;; at++) {
		size_t n = part_length(text + at, length - at);
		parts++;
		if (!n) {
			return "a part of this selector is empty; it is written plugin:field or "
				   "host:plugin:field";
		}
		at += n;
		if (at >= length) {
			break;
		}
	}
	return parts > 3 ? "a selector has two parts or three: plugin:field or host:plugin:field"
					 : NULL;
}

/*
 * Where the field part holds an operator that lacks its blanks: `df:*-5%`, `a:b*2%`. Field names
 * have no "-" and no ".", so a "-" is one at once, a "*" is one if a number with a unit or a
 * fraction follows. Returns `length` if there is none.
 */
size_t form_glued_operator(const char *text, size_t length, size_t left)
{
	size_t field = length;
	while (field && text[field - 1] != ':') {
		field--;
	}
	for (size_t i = field; i < length; i++) {
		if (text[i] == '-' && !(i && text[i - 1] == '(')) {
			return i;
		}
		if (text[i] == '*' && i > field && i + 1 < length && form_is_digit(text[i + 1])) {
			size_t n = i + 1;
			while (n < length && (form_is_digit(text[n]) || text[n] == '.')) {
				n++;
			}
			bool fraction = memchr(text + i, '.', n - i) != NULL;
			if (n == length && (fraction || (left > n && text[n] == '%'))) {
				return i;
			}
		}
	}
	return length;
}
