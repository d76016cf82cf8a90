#include "web/request.h"
#include "base/auto.h"
#include "base/number.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

#include "base/banned.h"

/*
 * The target came through web/head, so it is printable ASCII that begins with a slash. Decoding is
 * done once, here, and strictly: whatever two programs could read in two ways is refused and not
 * repaired.
 */
enum { SECONDS_MAX_DIGITS = 12 };

/* Texts of other query languages: a line break in them is a blank that ends a comment. */
static const char *const expressions[] = {"query", "match[]", "target"};

static bool is_expression(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(expressions); i++) {
		if (!strcmp(expressions[i], name)) {
			return true;
		}
	}
	return false;
}

/* Where a list of them is one request in those languages. */
static bool may_repeat(const char *name)
{
	return is_expression(name) && strcmp(name, "query");
}

enum decoding { DECODE_PATH, DECODE_QUERY, DECODE_EXPRESSION };

static bool append_decoded(GString *out, const char *text, size_t length, enum decoding how)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (c == '%') {
			if (i + 2 >= length || !g_ascii_isxdigit(text[i + 1]) ||
				!g_ascii_isxdigit(text[i + 2])) {
				return false;
			}
			c = (char)(g_ascii_xdigit_value(text[i + 1]) * 16 + g_ascii_xdigit_value(text[i + 2]));
			i += 2;
		} else if (c == '+' && how != DECODE_PATH) {
			c = ' ';
		}
		if (how == DECODE_EXPRESSION && (c == '\t' || c == '\r')) {
			c = ' ';
		} else if (how == DECODE_EXPRESSION && c == '\n') {
			g_string_append_c(out, c);
			continue;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f) {
			return false;
		}
		g_string_append_c(out, c);
	}
	return true;
}

/* Decoded copy (g_malloc), or NULL. */
static char *decode(const char *text, size_t length, enum decoding how)
{
	GString *out = g_string_sized_new(length);
	bool good =
		append_decoded(out, text, length, how) && g_utf8_validate(out->str, (gssize)out->len, NULL);
	return g_string_free(out, !good);
}

static bool segment_is_safe(const char *segment)
{
	return *segment && strcmp(segment, ".") && strcmp(segment, "..") && !strpbrk(segment, "/\\;");
}

static bool parse_path(struct request *request, const char *path, size_t length, struct error *err)
{
	size_t at = 1;
	while (at < length) {
		const char *slash = memchr(path + at, '/', length - at);
		size_t n = slash ? (size_t)(slash - path) - at : length - at;
		g_autofree char *segment = decode(path + at, n, DECODE_PATH);
		if (!segment || !segment_is_safe(segment)) {
			return error_set(err, ERR_CONFIG,
				"a part of the path is empty, \".\", \"..\", not UTF-8, or holds \"/\", \"\\\" or "
				"\";\"");
		}
		if (request->segment_count == REQUEST_SEGMENTS_MAX) {
			return error_set(err, ERR_CONFIG, "the path has too many parts");
		}
		request->segments[request->segment_count++] = STEAL(segment);
		at += n + 1;
	}
	if (length > 1 && path[length - 1] == '/') {
		return error_set(err, ERR_CONFIG, "the path ends with a slash; leave that out");
	}
	return true;
}

static bool parse_parameter(
	struct request *request, const char *text, size_t length, struct error *err)
{
	const char *equals = memchr(text, '=', length);
	size_t n = equals ? (size_t)(equals - text) : length;
	g_autofree char *name = decode(text, n, DECODE_QUERY);
	enum decoding how = name && is_expression(name) ? DECODE_EXPRESSION : DECODE_QUERY;
	g_autofree char *value = equals ? decode(equals + 1, length - n - 1, how) : g_strdup("");
	if (!name || !value || !*name) {
		return error_set(err, ERR_CONFIG, "a parameter that is not UTF-8, or has no name");
	}
	if (request_text(request, name) && !may_repeat(name)) {
		return error_set(err, ERR_CONFIG, "the parameter \"%.60s\" is given twice", name);
	}
	if (request->parameter_count == REQUEST_PARAMETERS_MAX) {
		return error_set(err, ERR_CONFIG, "more than %d parameters", REQUEST_PARAMETERS_MAX);
	}
	struct request_parameter *p = &request->parameters[request->parameter_count++];
	p->name = STEAL(name);
	p->value = STEAL(value);
	return true;
}

static bool parse_query(
	struct request *request, const char *query, size_t length, struct error *err)
{
	const char *end = query + length;
	while (query < end) {
		const char *and = memchr(query, '&', (size_t)(end - query));
		size_t n = (size_t)((and? and : end) - query);
		if (n && !parse_parameter(request, query, n, err)) {
			return false;
		}
		query += n + (and? 1 : 0);
	}
	return true;
}

bool request_has_type(const struct request *request, const char *type)
{
	const char *given = request->content_type ? request->content_type : "";
	size_t length = strcspn(given, "; ");
	return length == strlen(type) && !g_ascii_strncasecmp(given, type, length);
}

bool request_read_form(struct request *request, struct error *err)
{
	if (!request->body) {
		return true;
	}
	if (!request_has_type(request, "application/x-www-form-urlencoded")) {
		return error_set(err, ERR_CONFIG, "the body is to be application/x-www-form-urlencoded");
	}
	return parse_query(request, (const char *)request->body->data, request->body->len, err);
}

bool request_parse_target(struct request *request, const char *target, struct error *err)
{
	request->target = g_strdup(target);
	size_t path = strcspn(target, "?");
	if (target[0] != '/') {
		return error_set(err, ERR_CONFIG, "the address does not begin with a slash");
	}
	if (!parse_path(request, target, path, err)) {
		return false;
	}
	return !target[path] || parse_query(request, target + path + 1, strlen(target + path + 1), err);
}

void request_finish(struct request *request)
{
	for (size_t i = 0; i < request->segment_count; i++) {
		g_free(request->segments[i]);
	}
	for (size_t i = 0; i < request->parameter_count; i++) {
		g_free(request->parameters[i].name);
		g_free(request->parameters[i].value);
	}
	if (request->body) {
		g_byte_array_unref(request->body);
	}
	g_free(request->target);
	g_free(request->content_type);
	g_free(request->accept);
	g_free(request->if_none_match);
	g_free(request->last_event_id);
	g_free(request->host);
	g_free(request->origin);
	g_free(request->fetch_site);
	g_free(request->authorization);
	*request = (struct request){0};
}

const char *request_text(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->parameter_count; i++) {
		if (!strcmp(request->parameters[i].name, name)) {
			return request->parameters[i].value;
		}
	}
	return NULL;
}

size_t request_list(
	const struct request *request, const char *name, const char **values, size_t most)
{
	size_t count = 0;
	for (size_t i = 0; i < request->parameter_count; i++) {
		if (!strcmp(request->parameters[i].name, name)) {
			if (count < most) {
				values[count] = request->parameters[i].value;
			}
			count++;
		}
	}
	return count;
}

/* Whether `word` stands in the blank-separated `list`. */
static bool list_holds(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; *at;) {
		size_t n = strcspn(at, " ");
		if (n == length && !memcmp(at, word, n)) {
			return true;
		}
		at += n + (at[n] == ' ');
	}
	return false;
}

bool request_only(const struct request *request, const char *known, struct error *err)
{
	for (size_t i = 0; i < request->parameter_count && strcmp(known, "*"); i++) {
		const char *name = request->parameters[i].name;
		if (strchr(name, ' ') || !list_holds(known, name)) {
			return error_set(err, ERR_CONFIG, "unknown parameter \"%.60s\"; known here: %.100s",
				name, *known ? known : "none");
		}
	}
	return true;
}

bool request_int(const struct request *request, const char *name, int64_t least, int64_t greatest,
	int64_t *value, struct error *err)
{
	const char *text = request_text(request, name);
	long long number = 0;
	if (!text) {
		return true;
	}
	if (!number_parse_int(text, strlen(text), least, greatest, &number)) {
		return error_set(err, ERR_CONFIG, "%s must be a whole number from %lld to %lld", name,
			(long long)least, (long long)greatest);
	}
	*value = number;
	return true;
}

bool request_flag(const struct request *request, const char *name, bool *value, struct error *err)
{
	static const char *const words[] = {"0", "1", "no", "yes", "false", "true", NULL};
	size_t index = *value;
	if (!request_choice(request, name, words, &index, err)) {
		return false;
	}
	*value = index % 2;
	return true;
}

bool request_choice(const struct request *request, const char *name, const char *const *choices,
	size_t *value, struct error *err)
{
	const char *text = request_text(request, name);
	if (!text) {
		return true;
	}
	for (size_t i = 0; choices[i]; i++) {
		if (!strcmp(choices[i], text)) {
			*value = i;
			return true;
		}
	}
	g_autofree char *all = g_strjoinv(", ", (char **)choices);
	return error_set(err, ERR_CONFIG, "%s must be one of: %.150s", name, all);
}

/* -- times -- */

static int64_t unit_seconds(char unit)
{
	switch (unit) {
	case 's': return 1;
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	case 'w': return 7 * 86400;
	case 'y': return 365 * 86400;
	default: return 0;
	}
}

/* "1h30m": one or more of number and unit. */
static bool parse_span(const char *text, int64_t *span_s)
{
	*span_s = 0;
	if (!*text) {
		return false;
	}
	while (*text) {
		int64_t number = 0;
		size_t digits = 0;
		for (; g_ascii_isdigit(text[digits]) && digits < 9; digits++) {
			number = number * 10 + (text[digits] - '0');
		}
		int64_t unit = digits ? unit_seconds(text[digits]) : 0;
		if (!unit || number * unit > 100 * 365 * (int64_t)86400) {
			return false;
		}
		*span_s += number * unit;
		text += digits + 1;
	}
	return *span_s <= 100 * 365 * (int64_t)86400;
}

static bool parse_epoch(const char *text, int64_t *value_s)
{
	long long number = 0;
	if (strlen(text) > SECONDS_MAX_DIGITS ||
		!number_parse_int(text, strlen(text), 0, INT64_MAX, &number)) {
		return false;
	}
	*value_s = number;
	return true;
}

/* RFC 3339 with a zone; "2026-11-20T02:14:20Z". A "+" of the zone may have become a blank. */
static bool parse_rfc3339(const char *text, int64_t *value_s)
{
	g_autofree char *copy = g_strdup(text);
	char *blank = strlen(copy) > 19 ? strchr(copy + 19, ' ') : NULL;
	if (blank) {
		*blank = '+';
	}
	if (strlen(copy) < 20 || copy[4] != '-' || copy[7] != '-' || copy[10] != 'T') {
		return false;
	}
	g_autoptr(GDateTime) moment = g_date_time_new_from_iso8601(copy, NULL);
	if (!moment) {
		return false;
	}
	*value_s = g_date_time_to_unix(moment);
	return *value_s >= 0;
}

bool request_parse_time(const char *text, int64_t now_s, int64_t *value_s)
{
	int64_t span = 0;
	if (!strncmp(text, "now", 3)) {
		text += 3;
		if (!*text) {
			*value_s = now_s;
			return true;
		}
		if (*text != '-') {
			return false;
		}
	}
	if (*text == '-') {
		if (!parse_span(text + 1, &span) || span > now_s) {
			return false;
		}
		*value_s = now_s - span;
		return true;
	}
	return parse_epoch(text, value_s) || parse_rfc3339(text, value_s);
}

bool request_time(
	const struct request *request, const char *name, int64_t *value_s, struct error *err)
{
	const char *text = request_text(request, name);
	if (text && !request_parse_time(text, wall_s(request->now), value_s)) {
		return error_set(err, ERR_CONFIG,
			"%s must be a time: RFC 3339, epoch seconds, now, or relative as -1d", name);
	}
	return true;
}
