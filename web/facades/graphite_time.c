#include "web/facades/graphite_time.h"
#include "base/number.h"
#include "web/request.h"

#include <string.h>

#include "base/banned.h"

/*
 * A time is a reference and an offset, either of which may be missing: the offset begins with the
 * first sign. A reference is an hour and a day in either order, joined by "_" or a blank; without
 * an hour it is midnight (documentation of Graphite's render API, "from / until").
 */
enum { TEXT_MAX = 64, DAY_S = 86400 };

struct reference {
	int hour, minute;
	int days;             /* from today */
	int year, month, day; /* 0: by `days` */
};

static const struct unit {
	const char *name; /* and whatever longer begins the same, as in "hours" */
	int64_t seconds;
} units[] = {
	{"mon", 30 * DAY_S},
	{"min", 60},
	{"s", 1},
	{"h", 3600},
	{"d", DAY_S},
	{"w", 7 * DAY_S},
	{"y", 365 * DAY_S},
};

/* GLib takes the name for that of a file, also with ".." and from the root, and opens it. */
static bool is_zone_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
								 "_+-/:");
	return *name != '/' && !name[length] && length < TEXT_MAX;
}

GTimeZone *graphite_zone(const char *name)
{
	if (!*name) {
		return g_time_zone_new_local();
	}
	return is_zone_name(name) ? g_time_zone_new_identifier(name) : NULL;
}

static int64_t unit_seconds(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		if (length >= strlen(units[i].name) && g_str_has_prefix(name, units[i].name)) {
			return units[i].seconds;
		}
	}
	return length == 1 && *name == 'm' ? 60 : 0;
}

bool graphite_span_parse(const char *text, int64_t *span_s)
{
	static const int64_t most_s = 200LL * 365 * DAY_S;
	int64_t sign = *text == '-' ? -1 : 1;
	int64_t total = 0;
	text += *text == '-' || *text == '+';
	if (!*text || strlen(text) > TEXT_MAX) {
		return false;
	}
	while (*text) {
		size_t digits = strspn(text, "0123456789");
		size_t letters = strspn(text + digits, "abcdefghijklmnopqrstuvwxyz");
		long long count = 0;
		int64_t unit = unit_seconds(text + digits, letters);
		if (!digits || !unit || !number_parse_int(text, digits, 0, most_s / unit, &count)) {
			return false;
		}
		total += count * unit;
		text += digits + letters;
	}
	*span_s = sign * total;
	return total <= most_s;
}

static bool number_in(const char *text, size_t length, int least, int greatest, int *value)
{
	long long number = 0;
	if (!length || !number_parse_int(text, length, least, greatest, &number)) {
		return false;
	}
	*value = (int)number;
	return true;
}

/* "17:04", "6pm", "6:30am", "noon" … */
static bool read_hour(const char *word, struct reference *r)
{
	static const struct {
		const char *name;
		int hour;
	} names[] = {{"midnight", 0}, {"noon", 12}, {"teatime", 16}};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (!strcmp(word, names[i].name)) {
			r->hour = names[i].hour;
			return true;
		}
	}
	size_t length = strlen(word);
	bool afternoon = length > 2 && !strcmp(word + length - 2, "pm");
	bool forenoon = length > 2 && !strcmp(word + length - 2, "am");
	length -= afternoon || forenoon ? 2 : 0;
	const char *colon = memchr(word, ':', length);
	if ((!colon && !afternoon && !forenoon) ||
		!number_in(word, colon ? (size_t)(colon - word) : length, 0, 23, &r->hour) ||
		(colon && !number_in(colon + 1, length - (size_t)(colon + 1 - word), 0, 59, &r->minute))) {
		return false;
	}
	if (afternoon || forenoon) {
		r->hour = r->hour % 12 + (afternoon ? 12 : 0);
	}
	return true;
}

/* "today", "20261120", "11/20/26". */
static bool read_day(const char *word, struct reference *r)
{
	static const char *const names[] = {"yesterday", "today", "tomorrow"};
	for (int i = 0; i < 3; i++) {
		if (!strcmp(word, names[i])) {
			r->days = i - 1;
			return true;
		}
	}
	if (strlen(word) == 8 && strspn(word, "0123456789") == 8) {
		return number_in(word, 4, 1971, 2199, &r->year) &&
			   number_in(word + 4, 2, 1, 12, &r->month) && number_in(word + 6, 2, 1, 31, &r->day);
	}
	g_auto(GStrv) parts = g_strsplit(word, "/", 4);
	if (g_strv_length(parts) != 3 || !number_in(parts[0], strlen(parts[0]), 1, 12, &r->month) ||
		!number_in(parts[1], strlen(parts[1]), 1, 31, &r->day) ||
		!number_in(parts[2], strlen(parts[2]), 0, 2199, &r->year)) {
		return false;
	}
	r->year += r->year < 100 ? 2000 : 0;
	return r->year >= 1971;
}

static bool reference_s(const struct reference *r, int64_t now_s, GTimeZone *zone, int64_t *value_s)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now_s);
	g_autoptr(GDateTime) now = utc ? g_date_time_to_timezone(utc, zone) : NULL;
	g_autoptr(GDateTime) day = now ? g_date_time_add_days(now, r->days) : NULL;
	if (!day) {
		return false;
	}
	bool given = r->year;
	g_autoptr(GDateTime) moment = g_date_time_new(zone, given ? r->year : g_date_time_get_year(day),
		given ? r->month : g_date_time_get_month(day),
		given ? r->day : g_date_time_get_day_of_month(day), r->hour, r->minute, 0);
	if (!moment) {
		return false; /* the 31st of a short month */
	}
	*value_s = g_date_time_to_unix(moment);
	return true;
}

static bool read_reference(const char *text, int64_t now_s, GTimeZone *zone, int64_t *value_s)
{
	struct reference r = {0};
	bool hour = false;
	bool day = false;
	long long epoch = 0;
	if (!*text || !strcmp(text, "now")) {
		*value_s = now_s;
		return true;
	}
	if (strspn(text, "0123456789") == strlen(text) && !(strlen(text) == 8 && read_day(text, &r))) {
		bool good = number_parse_int(text, strlen(text), 0, 7258118400, &epoch);
		*value_s = epoch;
		return good;
	}
	r = (struct reference){0};
	g_auto(GStrv) words = g_strsplit_set(text, "_ ", 3);
	for (size_t i = 0; words[i]; i++) {
		if (!hour && read_hour(words[i], &r)) {
			hour = true;
		} else if (!day && read_day(words[i], &r)) {
			day = true;
		} else {
			return false;
		}
	}
	return reference_s(&r, now_s, zone, value_s);
}

bool graphite_time_parse(const char *text, int64_t now_s, GTimeZone *zone, int64_t *value_s)
{
	int64_t span_s = 0;
	if (strlen(text) > TEXT_MAX) {
		return false;
	}
	if (strchr(text, 'T') && request_parse_time(text, now_s, value_s)) {
		return true;
	}
	size_t length = strcspn(text, "+-");
	g_autofree char *reference = g_ascii_strdown(text, (gssize)length);
	g_autofree char *offset = g_ascii_strdown(text + length, -1);
	if (!*text || !read_reference(reference, now_s, zone, value_s) ||
		(*offset && !graphite_span_parse(offset, &span_s))) {
		return false;
	}
	*value_s += span_s;
	return *value_s >= 0;
}
