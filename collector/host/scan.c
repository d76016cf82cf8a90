#include "collector/host/scan.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Hand-made because it is the hot path of every round: no locale, no copy, no allocation, and a
 * bound on every step.
 */

static bool scan_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool scan_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool scan_line(struct scan *text, struct scan *line)
{
	size_t left = scan_length(text);
	const char *newline = left ? memchr(text->at, '\n', left) : NULL;
	if (!newline) {
		return false;
	}
	*line = (struct scan){text->at, newline};
	text->at = newline + 1;
	return true;
}

void scan_blanks(struct scan *line)
{
	while (line->at < line->end && scan_is_blank(*line->at)) {
		line->at++;
	}
}

bool scan_take(struct scan *line, const char *word)
{
	size_t length = strlen(word);
	if (scan_length(line) < length || memcmp(line->at, word, length) != 0) {
		return false;
	}
	line->at += length;
	return true;
}

bool scan_word(struct scan *line, struct scan *word)
{
	scan_blanks(line);
	word->at = line->at;
	while (line->at < line->end && !scan_is_blank(*line->at)) {
		line->at++;
	}
	word->end = line->at;
	return word->end > word->at;
}

bool scan_until(struct scan *line, char stop, struct scan *part)
{
	size_t left = scan_length(line);
	const char *found = left ? memchr(line->at, stop, left) : NULL;
	if (!found) {
		return false;
	}
	*part = (struct scan){line->at, found};
	line->at = found + 1;
	return true;
}

bool scan_u64(struct scan *line, uint64_t *value)
{
	scan_blanks(line);
	uint64_t sum = 0;
	bool fits = line->at < line->end && scan_is_digit(*line->at);
	for (; line->at < line->end && scan_is_digit(*line->at); line->at++) {
		uint64_t digit = (uint64_t)(*line->at - '0');
		if (sum > (UINT64_MAX - digit) / 10) {
			fits = false;
		}
		sum = sum * 10 + digit;
	}
	if (fits) {
		*value = sum;
	}
	return fits;
}

double scan_number(struct scan *line)
{
	uint64_t value;
	scan_blanks(line);
	if (line->at < line->end && !scan_is_digit(*line->at)) {
		scan_skip(line, 1);
		return NAN;
	}
	return scan_u64(line, &value) ? (double)value : NAN;
}

void scan_skip(struct scan *line, unsigned count)
{
	struct scan word;
	for (unsigned i = 0; i < count && scan_word(line, &word); i++) {
	}
}

bool scan_equal(const struct scan *s, const char *word)
{
	size_t length = strlen(word);
	return scan_length(s) == length && memcmp(s->at, word, length) == 0;
}
