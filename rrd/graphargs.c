#include "rrd/graphargs.h"
#include "base/attr.h"
#include "base/number.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/banned.h"

/*
 * Words are parted by blanks; quotes around a word or in it are dropped as a shell would. An option
 * is "-l 0", "-l0", "--lower-limit 0" or "--lower-limit=0". Of an option that is not known, a word
 * behind it that does not look like an option is taken for its value and left out as well.
 */
enum { WORD_MAX = 64, WORDS_MAX = 64 };

enum option {
	OPTION_BASE,
	OPTION_LOWER,
	OPTION_UPPER,
	OPTION_EXPONENT,
	OPTION_UNITS,
	OPTION_FLAGS, /* those below have no value */
	OPTION_RIGID = OPTION_FLAGS,
	OPTION_LOGARITHMIC,
	OPTION_ALT_AUTOSCALE,
	OPTION_ALT_AUTOSCALE_MIN,
	OPTION_ALT_AUTOSCALE_MAX,
	OPTION_ALT_Y_GRID,
	OPTION_IGNORED,
};

static const struct option_row {
	const char *name;
	char letter;
	enum option option;
} option_rows[] = {
	{"base", 'b', OPTION_BASE}, {"lower-limit", 'l', OPTION_LOWER},
	{"upper-limit", 'u', OPTION_UPPER}, {"units-exponent", 'X', OPTION_EXPONENT},
	{"units", '\0', OPTION_UNITS}, {"rigid", 'r', OPTION_RIGID},
	{"logarithmic", 'o', OPTION_LOGARITHMIC}, {"alt-autoscale", 'A', OPTION_ALT_AUTOSCALE},
	{"alt-autoscale-min", 'J', OPTION_ALT_AUTOSCALE_MIN},
	{"alt-autoscale-max", 'M', OPTION_ALT_AUTOSCALE_MAX}, {"alt-y-grid", 'Y', OPTION_ALT_Y_GRID},
	{"slope-mode", 'E', OPTION_IGNORED}, /* always set */
};

struct words {
	size_t count;
	char word[WORDS_MAX][WORD_MAX];
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
			} else if (n + 1 < WORD_MAX) {
				out[n++] = *text;
			}
		}
		out[n] = '\0';
	}
}

static void set_flag(struct graphargs *args, enum option option)
{
	switch (option) {
	case OPTION_RIGID: args->rigid = true; break;
	case OPTION_LOGARITHMIC: args->logarithmic = true; break;
	case OPTION_ALT_AUTOSCALE: args->alt_autoscale = true; break;
	case OPTION_ALT_AUTOSCALE_MIN: args->alt_autoscale_min = true; break;
	case OPTION_ALT_AUTOSCALE_MAX: args->alt_autoscale_max = true; break;
	case OPTION_ALT_Y_GRID: args->alt_y_grid = true; break;
	default: break;
	}
}

static bool set_value(struct graphargs *args, enum option option, const char *value)
{
	double number = NAN;
	long long whole = 0;
	bool is_number = number_parse(value, strlen(value), &number) && !isnan(number);
	switch (option) {
	case OPTION_BASE:
		if (!is_number || (number != 1000 && number != 1024)) {
			return false;
		}
		args->base = (unsigned)number;
		return true;
	case OPTION_LOWER: args->lower = is_number ? number : args->lower; return is_number;
	case OPTION_UPPER: args->upper = is_number ? number : args->upper; return is_number;
	case OPTION_EXPONENT:
		if (!number_parse_int(value, strlen(value), -18, 18, &whole) || whole % 3) {
			return false;
		}
		args->has_units_exponent = true;
		args->units_exponent = (int)whole;
		return true;
	case OPTION_UNITS: args->units_si = !strcmp(value, "si"); return args->units_si;
	default: return false;
	}
}

/* The row that `word` names; `*value` is what is written in the same word, or NULL. */
static const struct option_row *find_option(const char *word, const char **value)
{
	*value = NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(option_rows); i++) {
		const struct option_row *row = &option_rows[i];
		size_t length = strlen(row->name);
		if (word[1] == '-' && !strncmp(word + 2, row->name, length) &&
			(word[2 + length] == '\0' || word[2 + length] == '=')) {
			*value = word[2 + length] ? word + 3 + length : NULL;
			return row;
		}
		if (row->letter && word[1] == row->letter) {
			*value = word[2] ? word + 2 : NULL;
			return row;
		}
	}
	return NULL;
}

static bool looks_like_option(const char *word)
{
	return word[0] == '-' && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
}

unsigned graphargs_read(const char *text, struct graphargs *args)
{
	struct words words = {0};
	unsigned left_out = 0;
	*args = (struct graphargs){.base = 1000, .lower = NAN, .upper = NAN};
	split(text ? text : "", &words);
	for (size_t i = 0; i < words.count; i++) {
		const char *value = NULL;
		const struct option_row *row =
			looks_like_option(words.word[i]) ? find_option(words.word[i], &value) : NULL;
		bool has_next = i + 1 < words.count && !looks_like_option(words.word[i + 1]);
		if (!row) {
			left_out++;
			continue;
		}
		if (row->option >= OPTION_FLAGS) {
			set_flag(args, row->option);
			continue;
		}
		if (!value && has_next) {
			value = words.word[++i];
		}
		left_out += !value || !set_value(args, row->option, value);
	}
	if (args->logarithmic && args->lower <= 0) {
		args->lower = NAN; /* librrd refuses the whole graph */
		left_out++;
	}
	return left_out;
}
