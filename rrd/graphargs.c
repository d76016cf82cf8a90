#include "rrd/graphargs.h"
#include "base/attr.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Words are parted by blanks; quotes around a word or in it are dropped as a shell would. An option
 * is "-l 0", "-l0", "--lower-limit 0", "--lower-limit=0", or shortened as far as it stays the only
 * one ("--loga", as the C library's getopt_long reads it). Of an option that is not known, a word
 * behind it that does not look like an option is taken for its value and left out as well.
 *
 * The table holds what the plugins of Munin and of its contrib collection use, and what is harmless
 * beside it. Not in it on purpose: files and addresses (--daemon, --font with a file, --imginfo),
 * markup in texts (--pango-markup), the span (--start, --end, --step), and what the picture's own
 * address says (--width, --height, --imgformat; IGNORED: plugins write them, Munin overrides them).
 */
enum { WORD_MAX = GRAPHARGS_TEXT_MAX, WORDS_MAX = 64 };

enum kind {
	KIND_FLAG,    /* no value */
	KIND_DROPPED, /* no value, and is always set or never */
	KIND_IGNORED, /* a value that the picture's address overrides */
	KIND_BASE,
	KIND_NUMBER,
	KIND_LOWER,
	KIND_UPPER,
	KIND_EXPONENT,
	KIND_UNITS,
	KIND_LENGTH, /* 1 to 40 */
	KIND_PAIR,   /* number:number */
	KIND_GRID,   /* number:number or "none" */
	KIND_WHERE,  /* north south east west */
	KIND_ORDER,  /* topdown bottomup bottomup2 */
	KIND_COLOUR, /* TAG#RRGGBB[AA] */
	KIND_FORMAT,
	KIND_TEXT,
};

static const struct option_row {
	const char *name;
	char letter;
	enum kind kind;
} option_rows[] = {
	{"base", 'b', KIND_BASE},
	{"lower-limit", 'l', KIND_LOWER},
	{"upper-limit", 'u', KIND_UPPER},
	{"units-exponent", 'X', KIND_EXPONENT},
	{"units-length", 'L', KIND_LENGTH},
	{"units", '\0', KIND_UNITS},
	{"rigid", 'r', KIND_FLAG},
	{"logarithmic", 'o', KIND_FLAG},
	{"alt-autoscale", 'A', KIND_FLAG},
	{"alt-autoscale-min", 'J', KIND_FLAG},
	{"alt-autoscale-max", 'M', KIND_FLAG},
	{"alt-y-grid", 'Y', KIND_FLAG},
	{"no-gridfit", 'N', KIND_FLAG},
	{"no-minor", 'I', KIND_FLAG},
	{"no-legend", 'g', KIND_FLAG},
	{"force-rules-legend", 'F', KIND_FLAG},
	{"allow-shrink", '\0', KIND_FLAG},
	{"dynamic-labels", '\0', KIND_FLAG},
	{"disable-rrdtool-tag", '\0', KIND_FLAG},
	{"slope-mode", 'E', KIND_DROPPED},
	{"lazy", 'z', KIND_DROPPED},
	{"interlaced", 'i', KIND_DROPPED},
	{"width", 'w', KIND_IGNORED},
	{"height", 'h', KIND_IGNORED},
	{"imgformat", 'a', KIND_IGNORED},
	{"y-grid", 'y', KIND_GRID},
	{"x-grid", 'x', KIND_GRID},
	{"right-axis", '\0', KIND_PAIR},
	{"grid-dash", '\0', KIND_PAIR},
	{"tabwidth", 'T', KIND_NUMBER},
	{"legend-position", '\0', KIND_WHERE},
	{"legend-direction", '\0', KIND_ORDER},
	{"color", 'c', KIND_COLOUR},
	{"right-axis-format", '\0', KIND_FORMAT},
	{"left-axis-format", '\0', KIND_FORMAT},
	{"right-axis-label", '\0', KIND_TEXT},
	{"vertical-label", 'v', KIND_TEXT},
	{"title", 't', KIND_TEXT},
};

struct words {
	size_t count;
	char word[WORDS_MAX][WORD_MAX + 1];
};

static void split(const char *text, struct words *words)
{
	words->count = 0;
	while (words->count < WORDS_MAX) {
		text += strspn(text, " \t");
		if (!*text) {
			return;
		}
		char *out = words->word[words->count++];
		size_t n = 0;
		char quote = '\0';
		for (; *text && (quote || (*text != ' ' && *text != '\t')); text++) {
			if (*text == quote) {
				quote = '\0';
			} else if (!quote && (*text == '"' || *text == '\'')) {
				quote = *text;
			} else if (n < WORD_MAX) {
				out[n++] = *text;
			}
		}
		out[n] = '\0';
	}
}

/* -- values -- */

static bool is_number(const char *text, size_t length, double *number)
{
	return number_parse(text, length, number) && isfinite(*number);
}

static bool read_pair(const char *value, char *out, bool second_positive)
{
	char first[NUMBER_TEXT];
	char second[NUMBER_TEXT];
	const char *colon = strchr(value, ':');
	double a = 0;
	double b = 0;
	if (!colon || !is_number(value, (size_t)(colon - value), &a) ||
		!is_number(colon + 1, strlen(colon + 1), &b) || (second_positive && b < 1)) {
		return false;
	}
	number_format(a, first);
	number_format(b, second);
	snprintf(out, GRAPHARGS_TEXT_MAX + 1, "%s:%s", first, second);
	return true;
}

static bool is_word_of(const char *value, const char *const *words)
{
	for (; *words; words++) {
		if (!strcmp(value, *words)) {
			return true;
		}
	}
	return false;
}

static bool is_colour(const char *value)
{
	static const char *const tags[] = {"BACK", "CANVAS", "SHADEA", "SHADEB", "GRID", "MGRID",
		"FONT", "AXIS", "FRAME", "ARROW", NULL};
	g_auto(GStrv) parts = g_strsplit(value, "#", 2);
	size_t n = parts[0] && parts[1] ? strlen(parts[1]) : 0;
	return (n == 6 || n == 8) && strspn(parts[1], "0123456789abcdefABCDEF") == n &&
		   is_word_of(parts[0], tags);
}

bool graphargs_is_format(const char *text)
{
	return strlen(text) <= GRAPHARGS_TEXT_MAX &&
		   g_regex_match_simple(
			   "\\A[^%\\\\]*%[ +-]?[0-9]{0,2}(\\.[0-9]{1,2})?l[efg](%s|%S)?([^%\\\\]|%%)*\\z", text,
			   0, 0);
}

static bool read_limit(struct graphargs_option *o, const char *value, double *limit)
{
	if (!is_number(value, strlen(value), &o->number)) {
		return false;
	}
	*limit = o->number;
	number_format(o->number, o->value);
	return true;
}

static bool read_whole(struct graphargs_option *o, const char *value, int least, int most, int of)
{
	long long whole = 0;
	if (!number_parse_int(value, strlen(value), least, most, &whole) || whole % of) {
		return false;
	}
	snprintf(o->value, sizeof(o->value), "%lld", whole);
	return true;
}

/* The value of the other kinds is checked, and passed on as it is. */
static bool is_value(enum kind kind, const char *value)
{
	static const char *const places[] = {"north", "south", "east", "west", NULL};
	static const char *const orders[] = {"topdown", "bottomup", "bottomup2", NULL};
	switch (kind) {
	case KIND_UNITS: return !strcmp(value, "si");
	case KIND_WHERE: return is_word_of(value, places);
	case KIND_ORDER: return is_word_of(value, orders);
	case KIND_COLOUR: return is_colour(value);
	case KIND_FORMAT: return graphargs_is_format(value);
	default: return g_utf8_validate(value, -1, NULL); /* KIND_TEXT */
	}
}

static bool read_value(
	struct graphargs *args, struct graphargs_option *o, enum kind kind, const char *value)
{
	double number;
	switch (kind) {
	case KIND_BASE:
		if (!is_number(value, strlen(value), &number) || (number != 1000 && number != 1024)) {
			return false;
		}
		args->base = (unsigned)number;
		snprintf(o->value, sizeof(o->value), "%u", args->base);
		return true;
	case KIND_LOWER: o->is_lower = true; return read_limit(o, value, &args->lower);
	case KIND_UPPER: o->is_upper = true; return read_limit(o, value, &args->upper);
	case KIND_EXPONENT: return read_whole(o, value, -18, 18, 3);
	case KIND_LENGTH: return read_whole(o, value, 1, 40, 1);
	case KIND_NUMBER: return read_whole(o, value, 1, 1000, 1);
	case KIND_PAIR: return read_pair(value, o->value, false);
	case KIND_GRID:
		snprintf(o->value, sizeof(o->value), "none");
		return !strcmp(value, "none") || read_pair(value, o->value, true);
	default: g_strlcpy(o->value, value, sizeof(o->value)); return is_value(kind, value);
	}
}

/* -- options -- */

static bool is_short(const char *word)
{
	return word[1] != '-';
}

/* An option written in full, or the only one that begins so. */
static const struct option_row *find_long(const char *name, size_t length)
{
	const struct option_row *found = NULL;
	unsigned count = 0;
	for (size_t i = 0; length && i < ARRAY_LENGTH(option_rows); i++) {
		const struct option_row *row = &option_rows[i];
		if (strncmp(row->name, name, length) == 0) {
			if (row->name[length] == '\0') {
				return row;
			}
			found = row;
			count++;
		}
	}
	return count == 1 ? found : NULL;
}

/* The row that `word` names; `*value` is what is written in the same word, or NULL. */
static const struct option_row *find_option(const char *word, const char **value)
{
	*value = NULL;
	if (!is_short(word)) {
		size_t length = strcspn(word + 2, "=");
		*value = word[2 + length] ? word + 3 + length : NULL;
		return find_long(word + 2, length);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(option_rows); i++) {
		const struct option_row *row = &option_rows[i];
		if (row->letter && word[1] == row->letter) {
			*value = word[2] ? word + 2 : NULL;
			return row;
		}
	}
	return NULL;
}

static bool looks_like_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9') &&
		   word[1] != '.';
}

/* As librrd takes it: by the name in the table. */
static struct graphargs_option start_option(const struct option_row *row, bool by_letter)
{
	struct graphargs_option o = {.is_flag = row->kind <= KIND_DROPPED};
	if (by_letter) {
		snprintf(o.option, sizeof(o.option), "-%c", row->letter);
	} else {
		snprintf(o.option, sizeof(o.option), "--%s", row->name);
	}
	return o;
}

static void take_flag(struct graphargs *args, const struct option_row *row, bool by_letter)
{
	args->rigid = args->rigid || row->letter == 'r';
	args->logarithmic = args->logarithmic || row->letter == 'o';
	if (row->kind == KIND_FLAG) {
		args->options[args->count++] = start_option(row, by_letter);
	}
}

static bool take_option(
	struct graphargs *args, const struct option_row *row, bool by_letter, const char *value)
{
	struct graphargs_option o = start_option(row, by_letter);
	if (!value || !read_value(args, &o, row->kind, value)) {
		return false;
	}
	if (row->kind != KIND_IGNORED) {
		args->options[args->count++] = o;
	}
	return true;
}

/* A logarithmic axis cannot begin at zero or below: librrd refuses the whole graph. */
static unsigned drop_lower(struct graphargs *args)
{
	unsigned dropped = 0;
	size_t kept = 0;
	for (size_t i = 0; i < args->count; i++) {
		if (args->options[i].is_lower && args->options[i].number <= 0) {
			dropped++;
		} else {
			args->options[kept++] = args->options[i];
		}
	}
	args->count = kept;
	args->lower = args->lower <= 0 ? NAN : args->lower;
	return dropped;
}

unsigned graphargs_read(const char *text, struct graphargs *args)
{
	struct words words = {0};
	unsigned left_out = 0;
	*args = (struct graphargs){.base = 1000, .lower = NAN, .upper = NAN};
	split(text ? text : "", &words);
	for (size_t i = 0; i < words.count; i++) {
		const char *word = words.word[i];
		const char *value = NULL;
		const struct option_row *row = looks_like_option(word) ? find_option(word, &value) : NULL;
		bool has_next = i + 1 < words.count && !looks_like_option(words.word[i + 1]);
		if (!row || args->count == GRAPHARGS_MAX) {
			left_out++;
		} else if (row->kind <= KIND_DROPPED) {
			take_flag(args, row, is_short(word));
		} else {
			if (!value && has_next) {
				value = words.word[++i];
			}
			left_out += !take_option(args, row, is_short(word), value);
		}
	}
	return left_out + (args->logarithmic ? drop_lower(args) : 0);
}
