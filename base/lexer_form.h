#pragma once
#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * Inside of base/lexer: which characters make a token, and the forms of dates and selectors.
 */
static inline bool form_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool form_is_name_start(char c)
{
	return g_ascii_isalpha(c) || c == '_';
}

static inline bool form_is_name_char(char c)
{
	return g_ascii_isalnum(c) || c == '_' || c == '-';
}

static inline bool form_is_part_char(char c)
{
	return form_is_name_char(c) || c == '.' || c == '*' || c == '?';
}

/* Whether the text begins in the shape of `form`, where 0 stands for any digit. */
bool form_shaped(const char *text, size_t length, const char *form);

/* Whether "00:00" can be a time of day; 24:00 only if `midnight`. */
bool form_time_possible(const char *p, bool midnight);

/* Length of a date at `text`, 0: none; `*possible`: whether there is such a day and time. */
size_t form_date_length(const char *text, size_t length, bool *possible);

/* What is wrong with the parts of a selector, as a sentence, or NULL. */
const char *form_selector_fault(const char *text, size_t length);

/*
 * Where the field part holds an operator that lacks its blanks: `df:*-5%`, `a:b*2%`. Field names
 * have no "-" and no ".", so a "-" is one at once, a "*" is one if a number with a unit or a
 * fraction follows. Returns `length` if there is none; `left` bytes of text follow in all.
 */
size_t form_glued_operator(const char *text, size_t length, size_t left);
