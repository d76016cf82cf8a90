/*
 * Units. One table says which there are; numbers are read into the canonical unit of their
 * dimension by one multiplication with the factor of the table, so that a field in percent and the
 * literal `92%` come to the same double. `m` is minutes, never milli and never months.
 */
#include "base/quantity.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

#include "base/banned.h"

#define KI 1024.0

static const struct row {
	const char *name;
	enum dimension dimension;
	double factor, offset;
} rows[] = {
	{"k", DIMENSION_COUNT, 1e3, 0},
	{"M", DIMENSION_COUNT, 1e6, 0},
	{"G", DIMENSION_COUNT, 1e9, 0},
	{"Ki", DIMENSION_COUNT, KI, 0},
	{"Mi", DIMENSION_COUNT, KI *KI, 0},
	{"Gi", DIMENSION_COUNT, KI *KI *KI, 0},
	{"%", DIMENSION_RATIO, 0.01, 0},
	{"ms", DIMENSION_TIME, 0.001, 0},
	{"s", DIMENSION_TIME, 1, 0},
	{"m", DIMENSION_TIME, 60, 0},
	{"h", DIMENSION_TIME, 3600, 0},
	{"d", DIMENSION_TIME, 86400, 0},
	{"w", DIMENSION_TIME, 604800, 0},
	{"B", DIMENSION_INFORMATION, 1, 0},
	{"kB", DIMENSION_INFORMATION, 1e3, 0},
	{"MB", DIMENSION_INFORMATION, 1e6, 0},
	{"GB", DIMENSION_INFORMATION, 1e9, 0},
	{"TB", DIMENSION_INFORMATION, 1e12, 0},
	{"KiB", DIMENSION_INFORMATION, KI, 0},
	{"MiB", DIMENSION_INFORMATION, KI *KI, 0},
	{"GiB", DIMENSION_INFORMATION, KI *KI *KI, 0},
	{"TiB", DIMENSION_INFORMATION, KI *KI *KI *KI, 0},
	{"bit", DIMENSION_INFORMATION, 0.125, 0},
	{"kbit", DIMENSION_INFORMATION, 125, 0},
	{"Mbit", DIMENSION_INFORMATION, 125e3, 0},
	{"Gbit", DIMENSION_INFORMATION, 125e6, 0},
	{"C", DIMENSION_TEMPERATURE, 1, 0},
	{"F", DIMENSION_TEMPERATURE, 5.0 / 9, -160.0 / 9},
	{"rpm", DIMENSION_ROTATION, 1, 0},
	{"Hz", DIMENSION_FREQUENCY, 1, 0},
	{"kHz", DIMENSION_FREQUENCY, 1e3, 0},
	{"MHz", DIMENSION_FREQUENCY, 1e6, 0},
	{"GHz", DIMENSION_FREQUENCY, 1e9, 0},
	{"V", DIMENSION_VOLTAGE, 1, 0},
	{"mV", DIMENSION_VOLTAGE, 1e-3, 0},
	{"A", DIMENSION_CURRENT, 1, 0},
	{"mA", DIMENSION_CURRENT, 1e-3, 0},
	{"W", DIMENSION_POWER, 1, 0},
	{"kW", DIMENSION_POWER, 1e3, 0},
	{"J", DIMENSION_ENERGY, 1, 0},
	{"Wh", DIMENSION_ENERGY, 3600, 0},
	{"kWh", DIMENSION_ENERGY, 3.6e6, 0},
	{"deg", DIMENSION_ANGLE, 1, 0},
};

/* What people write elsewhere, and what it is called here. */
static const struct {
	const char *wrong, *right;
} aliases[] = {
	{"sec", "s"},
	{"secs", "s"},
	{"second", "s"},
	{"seconds", "s"},
	{"S", "s"},
	{"min", "m"},
	{"mins", "m"},
	{"minute", "m"},
	{"minutes", "m"},
	{"hr", "h"},
	{"hrs", "h"},
	{"hour", "h"},
	{"hours", "h"},
	{"H", "h"},
	{"day", "d"},
	{"days", "d"},
	{"D", "d"},
	{"week", "w"},
	{"weeks", "w"},
	{"msec", "ms"},
	{"millis", "ms"},
	{"percent", "%"},
	{"pct", "%"},
	{"byte", "B"},
	{"bytes", "B"},
	{"b", "B"},
	{"KB", "kB"},
	{"Kb", "kB"},
	{"kb", "kB"},
	{"mb", "MB"},
	{"Mb", "MB"},
	{"gb", "GB"},
	{"Gb", "GB"},
	{"tb", "TB"},
	{"T", "TB"},
	{"bits", "bit"},
	{"bps", "bit/s"},
	{"mbps", "Mbit/s"},
	{"Mbps", "Mbit/s"},
	{"Gbps", "Gbit/s"},
	{"hz", "Hz"},
	{"degrees", "deg"},
	{"g", "G"},
};

static const struct row *find_row(const char *text, size_t length)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (strlen(rows[i].name) == length && !memcmp(rows[i].name, text, length)) {
			return &rows[i];
		}
	}
	return NULL;
}

/* Removes "/s", "/m", "/h", "/d" from the end; returns what to multiply with. */
static double strip_rates(const char *text, size_t *length, int *per_time)
{
	double factor = 1;
	while (*length >= 2 && text[*length - 2] == '/') {
		const struct row *row = find_row(text + *length - 1, 1);
		if (!row || row->dimension != DIMENSION_TIME) {
			break;
		}
		factor /= row->factor;
		*length -= 2;
		(*per_time)++;
	}
	return factor;
}

/* Time per time is a share: 0.5s/s is 50 %. */
static struct unit normal_unit(enum dimension dimension, int per_time)
{
	if (dimension == DIMENSION_TIME && per_time > 0) {
		return (struct unit){DIMENSION_RATIO, per_time - 1};
	}
	return (struct unit){dimension, per_time};
}

bool unit_parse(const char *text, size_t length, struct unit_scale *out)
{
	int per_time = 0;
	double rate = strip_rates(text, &length, &per_time);
	enum dimension dimension = DIMENSION_COUNT;
	double factor = 1;
	double offset = 0;
	if (length == 5 && !memcmp(text, "epoch", 5)) {
		dimension = DIMENSION_INSTANT;
	} else if (length && !(length == 1 && *text == '1')) {
		const struct row *row = find_row(text, length);
		if (!row) {
			return false;
		}
		dimension = row->dimension;
		factor = row->factor;
		offset = per_time ? 0 : row->offset;
	} else if (!length && !per_time) {
		return false;
	}
	*out = (struct unit_scale){normal_unit(dimension, per_time), factor * rate, offset};
	return true;
}

/* -- reading -- */

static void propose(struct diag *d, const struct token *token, size_t number, const char *unit)
{
	char *text = g_strdup_printf("%.*s%s", (int)number, token->text, unit);
	diag_suggest(d, token->place, text);
	g_free(text);
}

static void complain_unit(const struct token *token, const struct diag_source *source,
	struct diag_list *diags, size_t number, size_t end)
{
	char *unit = g_strndup(token->text + number, end - number);
	if (!strcmp(unit, "K")) {
		struct diag *d = diag_add(diags, source, token->place, DIAG_ERROR, "E007",
			"\"K\" may mean 1000 (k) or 1024 (Ki)");
		propose(d, token, number, "k");
		propose(d, token, number, "Ki");
		g_free(unit);
		return;
	}
	struct diag *d =
		diag_add(diags, source, token->place, DIAG_ERROR, "E006", "unknown unit \"%s\"", unit);
	const char *nearest = NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(aliases) && !nearest; i++) {
		nearest = strcmp(unit, aliases[i].wrong) ? NULL : aliases[i].right;
	}
	const char *names[ARRAY_LENGTH(rows)];
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		names[i] = rows[i].name;
		if (!nearest && !g_ascii_strcasecmp(unit, rows[i].name)) {
			nearest = rows[i].name;
		}
	}
	nearest = nearest ? nearest : text_nearest(unit, names, ARRAY_LENGTH(names));
	if (nearest) {
		propose(d, token, number, nearest);
	}
	g_free(unit);
}

/* Length of the digits at `text`: "12", "1.5". */
static size_t digits(const char *text, size_t length)
{
	size_t n = 0;
	while (n < length && (g_ascii_isdigit(text[n]) || text[n] == '.')) {
		n++;
	}
	return n;
}

/* Where the unit that begins at `from` ends: at the next digit, or at the end. */
static size_t unit_end(const struct token *token, size_t from)
{
	size_t n = from;
	while (n < token->length && !g_ascii_isdigit(token->text[n]) && token->text[n] != '.') {
		n++;
	}
	return n;
}

static bool malformed(
	const struct token *token, const struct diag_source *source, struct diag_list *diags)
{
	char *text = token_describe(token);
	(void)diag_add(diags, source, token->place, DIAG_ERROR, "E005", "%s is no number", text);
	g_free(text);
	return false;
}

/* `1h30m`: the parts behind the first one; all are times. */
static bool read_joined(const struct token *token, const struct diag_source *source,
	struct diag_list *diags, size_t at, struct quantity *out)
{
	while (at < token->length) {
		double value = 0;
		size_t n = digits(token->text + at, token->length - at);
		size_t end = unit_end(token, at + n);
		struct unit_scale scale;
		if (out->unit.dimension != DIMENSION_TIME || end == at + n ||
			!number_parse(token->text + at, n, &value)) {
			return malformed(token, source, diags);
		}
		if (!unit_parse(token->text + at + n, end - at - n, &scale) ||
			scale.unit.dimension != DIMENSION_TIME || scale.unit.per_time) {
			complain_unit(token, source, diags, at + n, end);
			return false;
		}
		out->value += value * scale.factor;
		at = end;
	}
	return true;
}

bool quantity_read(const struct token *token, const struct diag_source *source,
	struct diag_list *diags, struct quantity *out)
{
	if (token->kind != TOKEN_NUMBER) {
		if (!token->bad) {
			char *text = token_describe(token);
			(void)diag_add(diags, source, token->place, DIAG_ERROR, "E102",
				"a number is expected here, not %s", text);
			g_free(text);
		}
		return false;
	}
	double value = 0;
	size_t n = digits(token->text, token->length);
	if (token->text[n - 1] == '.' || !number_parse(token->text, n, &value)) {
		return malformed(token, source, diags);
	}
	*out = (struct quantity){value, {DIMENSION_COUNT, 0}, true};
	if (n == token->length) {
		return true;
	}
	size_t end = unit_end(token, n);
	struct unit_scale scale;
	if (end < token->length && (token->text[n] == 'e' || token->text[n] == 'E' ||
								   token->text[n] == 'x' || token->text[n] == '_')) {
		return malformed(token, source, diags);
	}
	if (!unit_parse(token->text + n, end - n, &scale)) {
		complain_unit(token, source, diags, n, end);
		return false;
	}
	*out = (struct quantity){value * scale.factor + scale.offset, scale.unit, false};
	return read_joined(token, source, diags, end, out);
}

bool quantity_read_duration(const struct token *token, const struct diag_source *source,
	struct diag_list *diags, int64_t *ms)
{
	struct quantity q;
	if (!quantity_read(token, source, diags, &q)) {
		return false;
	}
	if (q.bare || q.unit.dimension != DIMENSION_TIME || q.unit.per_time) {
		struct diag *d = diag_add(
			diags, source, token->place, DIAG_ERROR, "E406", "a duration needs a unit of time");
		if (q.bare) {
			propose(d, token, token->length, "m");
			propose(d, token, token->length, "s");
		}
		return false;
	}
	if (q.value * 1000 < 1 || q.value > 10 * 366 * 86400.0) {
		(void)diag_add(diags, source, token->place, DIAG_ERROR, "E407", "%s",
			q.value * 1000 < 1 ? "a duration is longer than nothing"
							   : "a duration is at most ten years");
		return false;
	}
	*ms = (int64_t)llround(q.value * 1000);
	return true;
}

/* -- writing -- */

bool unit_same(struct unit a, struct unit b)
{
	return a.dimension == b.dimension && a.per_time == b.per_time;
}

void unit_describe(struct unit unit, GString *out)
{
	static const char *const names[] = {"something without a unit", "a count", "a percentage",
		"a time", "bytes", "a temperature", "a rotation", "a frequency", "a voltage", "a current",
		"a power", "an energy", "an angle", "a point in time"};
	G_STATIC_ASSERT(ARRAY_LENGTH(names) == DIMENSION_COUNT_OF_ALL);
	g_string_append(out, names[unit.dimension]);
	for (int i = 0; i < unit.per_time; i++) {
		g_string_append(out, " per second");
	}
}

static void append_number(double value, GString *out)
{
	double size = fabs(value);
	if (size && (size < 1e-3 || size >= 1e15)) {
		g_string_append_printf(out, "%.3g", value);
		return;
	}
	int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
	g_string_append_printf(out, "%.*f", decimals, value);
	if (decimals) {
		while (out->str[out->len - 1] == '0') {
			g_string_truncate(out, out->len - 1);
		}
		if (out->str[out->len - 1] == '.') {
			g_string_truncate(out, out->len - 1);
		}
	}
}

static void append_sized(
	double value, double base, const char *const *prefixes, const char *unit, GString *out)
{
	size_t i = 0;
	while (fabs(value) >= base * 0.9995 && prefixes[i + 1]) {
		value /= base;
		i++;
	}
	append_number(value, out);
	if (prefixes[i][0] || unit[0]) {
		g_string_append_printf(out, " %s%s", prefixes[i], unit);
	}
}

void duration_format(int64_t ms, GString *out)
{
	static const struct {
		int64_t ms;
		const char *name;
	} parts[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	if (ms < 0) {
		g_string_append_c(out, '-');
		ms = -ms;
	}
	size_t from = out->len;
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (ms >= parts[i].ms) {
			g_string_append_printf(out, "%lld%s", (long long)(ms / parts[i].ms), parts[i].name);
			ms %= parts[i].ms;
		}
	}
	if (out->len == from) {
		g_string_append(out, "0s");
	}
}

/* A time for people: two parts are exact enough. */
static void append_time(double seconds, GString *out)
{
	double size = fabs(seconds);
	if (size > 1e11) {
		g_string_append(out, "never");
	} else if (size && size < 1) {
		append_number(seconds * 1000, out);
		g_string_append(out, " ms");
	} else if (size < 60) {
		append_number(seconds, out);
		g_string_append(out, " s");
	} else {
		double step = size >= 86400 ? 3600 : size >= 3600 ? 60 : 1;
		duration_format((int64_t)llround(seconds / step) * (int64_t)step * 1000, out);
	}
}

void quantity_format(double value, struct unit unit, GString *out)
{
	static const char *const decimal[] = {"", "k", "M", "G", "T", "P", NULL};
	static const char *const binary[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", NULL};
	static const char *const suffix[] = {[DIMENSION_TEMPERATURE] = "°C",
		[DIMENSION_ROTATION] = "rpm",
		[DIMENSION_FREQUENCY] = "Hz",
		[DIMENSION_VOLTAGE] = "V",
		[DIMENSION_CURRENT] = "A",
		[DIMENSION_POWER] = "W",
		[DIMENSION_ENERGY] = "J",
		[DIMENSION_ANGLE] = "°",
		[DIMENSION_INSTANT] = ""};
	static const char *const plain[] = {"", NULL};
	if (!isfinite(value)) {
		g_string_append(out, "unknown");
		return;
	}
	switch (unit.dimension) {
	case DIMENSION_UNKNOWN:
	case DIMENSION_COUNT:
		append_sized(value, 1000, fabs(value) < 1e4 ? plain : decimal, "", out);
		break;
	case DIMENSION_RATIO:
		append_number(value * 100, out);
		g_string_append(out, " %");
		break;
	case DIMENSION_TIME: append_time(value, out); break;
	case DIMENSION_INFORMATION:
		append_sized(
			value, unit.per_time ? 1000 : 1024, unit.per_time ? decimal : binary, "B", out);
		break;
	default:
		append_sized(value, 1000,
			unit.dimension == DIMENSION_FREQUENCY || unit.dimension == DIMENSION_POWER ? decimal
																					   : plain,
			suffix[unit.dimension], out);
	}
	for (int i = 0; i < unit.per_time; i++) {
		g_string_append(out, "/s");
	}
}
