#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading what the kernel prints: lines of blank-separated words and whole decimal numbers, in
 * memory that need not end with NUL. Only complete lines count: a text that was cut short never
 * yields half a number.
 */
struct scan {
	const char *at, *end;
};

static inline struct scan scan_text(const char *text, size_t length)
{
	return (struct scan){text, length ? text + length : text}; /* NULL + 0 is undefined in C */
}

/* Takes the next line (without its '\n') out of `text`. False: no complete line is left. */
MUST_USE bool scan_line(struct scan *text, struct scan *line);

/* Whether blanks (or the end) stand where the line goes on now; skips them. */
void scan_blanks(struct scan *line);

/* Takes `word` if the line goes on with exactly these bytes; else nothing is taken. */
MUST_USE bool scan_take(struct scan *line, const char *word);

/* Takes the next run of non-blanks into `word`. False: the line is at its end. */
MUST_USE bool scan_word(struct scan *line, struct scan *word);

/* Takes everything up to and with the first `stop`. False: there is none, nothing is taken. */
MUST_USE bool scan_until(struct scan *line, char stop, struct scan *part);

/*
 * Takes blanks and a whole number. False and `*value` untouched: no digit there, or more than 64
 * bits (then the number is taken nevertheless, so that the columns behind it keep their places).
 */
MUST_USE bool scan_u64(struct scan *line, uint64_t *value);

/* As scan_u64; what cannot be read is NaN, a '-' or other word in place of a number is skipped. */
double scan_number(struct scan *line);

/* Leaves out `count` words. */
void scan_skip(struct scan *line, unsigned count);

static inline size_t scan_length(const struct scan *s)
{
	return (size_t)(s->end - s->at);
}

bool scan_equal(const struct scan *s, const char *word);
