/*
 * The grammar: the first line is "TEXT" or "TEXT | DATA"; then lines of TEXT until one has a "|",
 * from where on all is DATA. DATA is pieces between blanks, LABEL=VALUE[UNIT];WARN;CRIT;MIN;MAX,
 * where LABEL may be quoted by ' (doubled inside) and everything behind VALUE may be missing.
 *
 * A piece that makes no sense is refused by itself; what follows the next blank is read on. Numbers
 * with a comma are refused, not guessed at: they are the sign of a plugin that runs in a locale.
 */
#include "collector/nagios_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

#include "base/banned.h"

enum { UNIT_MAX = 16, WARN = 0, CRIT, MIN_AT, MAX_AT, LIMITS };

const char *nagios_state_name(enum nagios_state state)
{
	static const char *const names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	return state <= NAGIOS_UNKNOWN ? names[state] : "UNKNOWN";
}

/* A piece of the text, not terminated. */
struct part {
	const char *text;
	size_t length;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static const struct unit_row {
	const char *name, *unit;
	double factor;
} units[] = {
	{"", "", 1},
	{"s", "s", 1},
	{"ms", "s", 1e-3},
	{"us", "s", 1e-6},
	{"ns", "s", 1e-9},
	{"%", "%", 1},
	{"c", "", 1},
	{"B", "B", 1},
	{"KB", "B", 1024.0},
	{"kB", "B", 1024.0},
	{"MB", "B", 1048576.0},
	{"GB", "B", 1073741824.0},
	{"TB", "B", 1099511627776.0},
	{"PB", "B", 1125899906842624.0},
	{"KiB", "B", 1024.0},
	{"MiB", "B", 1048576.0},
	{"GiB", "B", 1073741824.0},
	{"TiB", "B", 1099511627776.0},
	{"PiB", "B", 1125899906842624.0},
};

/* -- one piece -- */

static void nagios_refuse(struct nagios_text *out, const char *why, struct part piece)
{
	if (out->refused++ == 0) {
		enum { PIECE_MAX = 60 };
		g_autofree char *clean = text_clean(piece.text, piece.length, PIECE_MAX);
		snprintf(out->note, sizeof(out->note), "performance data: %s: \"%s\"", why, clean);
	}
}

void nagios_field_destroy(void *p)
{
	struct nagios_field *field = p;
	g_free(field->label);
	g_free(field->foreign_unit);
	g_free(field);
}

/* How many bytes of the text are a number: digits, point, exponent. */
static size_t number_span(const char *text, size_t length)
{
	size_t i = 0;
	i += i < length && (text[i] == '-' || text[i] == '+');
	while (i < length && (g_ascii_isdigit(text[i]) || text[i] == '.')) {
		i++;
	}
	if (i < length && (text[i] == 'e' || text[i] == 'E')) {
		size_t k = i + 1;
		k += k < length && (text[k] == '-' || text[k] == '+');
		if (k < length && g_ascii_isdigit(text[k])) {
			while (k < length && g_ascii_isdigit(text[k])) {
				k++;
			}
			i = k;
		}
	}
	return i;
}

/* Whether what stands behind a number is no unit but more of it ("1,5", "0x10", "1.5e") or of the
 * data. */
static bool unit_is_wrong(const char *text, size_t length)
{
	char next = length > 1 ? text[1] : '\0';
	for (size_t i = 0; i < length; i++) {
		if (strchr(",|='\"", text[i])) { /* a NUL too */
			return true;
		}
	}
	return text[0] == '.' || g_ascii_isdigit(text[0]) ||
		   ((text[0] | 0x20) == 'x' && g_ascii_isxdigit(next)) ||
		   ((text[0] | 0x20) == 'e' && (!next || next == '-' || next == '+'));
}

static bool field_set_unit(struct nagios_field *field, const char *text, size_t length)
{
	field->type = length == 1 && text[0] == 'c' ? FIELD_DERIVE : FIELD_GAUGE;
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		if (strlen(units[i].name) == length && memcmp(units[i].name, text, length) == 0) {
			field->unit = units[i].unit;
			field->factor = units[i].factor;
			return true;
		}
	}
	bool bad = length > UNIT_MAX || unit_is_wrong(text, length);
	field->unit = "";
	field->factor = 1;
	field->foreign_unit = bad ? NULL : text_clean(text, length, (size_t)UNIT_MAX * 3);
	return !bad;
}

static bool field_set_value(struct nagios_field *field, struct part value)
{
	if (value.length == 1 && value.text[0] == 'U') {
		field->value = NAN;
		return field_set_unit(field, "", 0);
	}
	size_t span = number_span(value.text, value.length);
	if (!span || !number_parse(value.text, span, &field->value) ||
		!field_set_unit(field, value.text + span, value.length - span)) {
		return false;
	}
	field->value *= field->factor;
	if (field->type == FIELD_DERIVE) {
		field->value = floor(field->value); /* counters are whole in an archive */
	}
	return isfinite(field->value);
}

/* A limit of the value; some plugins repeat the unit behind it. Not said, or no number: NaN. */
static double field_limit(const struct nagios_field *field, struct part limit)
{
	double number = NAN;
	size_t span = number_span(limit.text, limit.length);
	if (!span || !number_parse(limit.text, span, &number)) {
		return NAN;
	}
	return isfinite(number * field->factor) ? number * field->factor : NAN;
}

/* A range; false is "none": plugins leave them empty, or write words. */
static bool field_range(struct part text, struct nagios_range *range)
{
	return text.length > 0 && nagios_range_parse(text.text, text.length, range);
}

static bool name_is_reserved(const char *const *reserved, const char *name)
{
	for (size_t i = 0; reserved && reserved[i]; i++) {
		if (strcmp(reserved[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static bool name_is_taken(const struct nagios_text *out, const char *name)
{
	for (size_t i = 0; i < out->fields->len; i++) {
		if (strcmp(((struct nagios_field *)g_ptr_array_index(out->fields, i))->name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* A safe name of its own: labels that become the same are told apart by a hash of the label, which
 * does not depend on their order but for the first (hostile 8); ours keep their names. */
static bool field_set_name(struct nagios_field *field, const struct nagios_text *out,
	const char *const *reserved, struct part label)
{
	g_autofree char *raw = g_strndup(label.text, label.length);
	char clean[IDENT_FIELD_MAX + 1];
	if (!ident_clean_field(raw, clean)) {
		return false;
	}
	field->label = text_clean(label.text, label.length, NAGIOS_LABEL_MAX);
	snprintf(field->name, sizeof(field->name), "%s%.*s",
		name_is_reserved(reserved, clean) ? "plugin_" : "", IDENT_FIELD_MAX - 7, clean);
	if (name_is_taken(out, field->name)) {
		guint hash = g_str_hash(raw);
		snprintf(field->name, sizeof(field->name), "%.*s_%08x", IDENT_FIELD_MAX - 9, clean, hash);
	}
	return !name_is_taken(out, field->name) && !name_is_reserved(reserved, field->name);
}

static void nagios_add(struct nagios_text *out, const char *const *reserved, struct part label,
	const struct part values[1 + LIMITS], struct part piece)
{
	struct nagios_field *field = g_new0(struct nagios_field, 1);
	const char *why = NULL;
	if (out->fields->len >= NAGIOS_FIELDS_MAX) {
		why = "too many";
	} else if (!field_set_value(field, values[0])) {
		why = "no number";
	} else if (!field_set_name(field, out, reserved, label)) {
		why = "no name of its own";
	}
	if (why) {
		nagios_refuse(out, why, piece);
		nagios_field_destroy(field);
		return;
	}
	field->has_warning = field_range(values[1 + WARN], &field->warning);
	field->has_critical = field_range(values[1 + CRIT], &field->critical);
	field->least = field_limit(field, values[1 + MIN_AT]);
	field->most = field_limit(field, values[1 + MAX_AT]);
	g_ptr_array_add(out->fields, field);
}

/* -- performance data -- */

/* Takes a label off the front, unquoted into `room`. False: there is none. */
static bool take_label(struct part *data, GString *room, struct part *label)
{
	const char *at = data->text;
	const char *end = at + data->length;
	g_string_truncate(room, 0);
	if (*at == '\'') {
		for (at++; at < end; at++) {
			if (*at == '\'' && (at + 1 == end || at[1] != '\'')) {
				break;
			}
			at += *at == '\'';
			g_string_append_c(room, *at);
		}
		at++;
	} else {
		for (; at < end && *at != '='; at++) {
			if (is_blank(*at)) {
				return false;
			}
			g_string_append_c(room, *at);
		}
	}
	if (at >= end || *at != '=') {
		return false;
	}
	at++;
	*data = (struct part){at, (size_t)(end - at)};
	*label = (struct part){room->str, room->len};
	return room->len > 0;
}

/* The rest of the piece, split at ";". */
static void take_values(struct part *data, struct part values[1 + LIMITS])
{
	const char *at = data->text;
	const char *end = at + data->length;
	size_t i = 0;
	for (size_t k = 0; k <= LIMITS; k++) {
		values[k] = (struct part){at, 0};
	}
	values[0].text = at;
	for (; at < end && !is_blank(*at); at++) {
		if (*at == ';') {
			i++;
			if (i <= LIMITS) {
				values[i].text = at + 1;
			}
		} else if (i <= LIMITS) {
			values[i].length++;
		}
	}
	*data = (struct part){at, (size_t)(end - at)};
}

static void nagios_read_data(struct nagios_text *out, const char *const *reserved, struct part data)
{
	GString *room = g_string_new(NULL);
	for (;;) {
		struct part label, values[1 + LIMITS];
		while (data.length && is_blank(*data.text)) {
			data.text++;
			data.length--;
		}
		if (!data.length) {
			break;
		}
		struct part piece = data;
		if (take_label(&data, room, &label)) {
			take_values(&data, values);
			piece.length = (size_t)(data.text - piece.text);
			nagios_add(out, reserved, label, values, piece);
			continue;
		}
		while (data.length && !is_blank(*data.text)) { /* to the next blank, and on */
			data.text++;
			data.length--;
		}
		piece.length = (size_t)(data.text - piece.text);
		nagios_refuse(out, "neither a label nor \"=\"", piece);
	}
	g_string_free(room, TRUE);
}

/* -- the whole -- */

/* Where in the text performance data stands: behind the "|" of the first line, and behind the first
 * "|" of the following ones up to the end. */
void nagios_text_parse(
	struct nagios_text *out, const char *bytes, size_t length, const char *const *reserved)
{
	*out = (struct nagios_text){.fields = g_ptr_array_new_with_free_func(nagios_field_destroy)};
	while (length && is_blank(*bytes)) {
		bytes++;
		length--;
	}
	const char *end = bytes + length;
	const char *line_end = length ? memchr(bytes, '\n', length) : NULL;
	line_end = line_end ? line_end : end;
	size_t line = (size_t)(line_end - bytes);
	const char *bar = line ? memchr(bytes, '|', line) : NULL;
	size_t text = bar ? (size_t)(bar - bytes) : line;
	while (text && is_blank(bytes[text - 1])) {
		text--;
	}
	out->summary = text_clean(bytes, text, NAGIOS_SUMMARY_MAX);
	if (bar) {
		nagios_read_data(out, reserved, (struct part){bar + 1, (size_t)(line_end - bar - 1)});
	}
	bar = line_end < end ? memchr(line_end, '|', (size_t)(end - line_end)) : NULL;
	if (bar) {
		nagios_read_data(out, reserved, (struct part){bar + 1, (size_t)(end - bar - 1)});
	}
}

void nagios_text_finish(struct nagios_text *text)
{
	g_free(text->summary);
	g_ptr_array_free(text->fields, TRUE);
	*text = (struct nagios_text){.summary = NULL};
}
