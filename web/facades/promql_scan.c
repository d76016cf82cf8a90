#include "web/facades/promql_scan.h"
#include "base/number.h"
#include "web/facades/promql_parse.h"

#include <string.h>

#include "base/banned.h"

/*
 * The words of a query: blanks and comments, names, texts in three kinds of quotes, durations.
 */
static void *refuse_as(const struct promql_scanner *p, enum error_kind kind, const char *what)
{
	error_set(p->err, kind, "character %zu: %s", (size_t)(p->at - p->text) + 1, what);
	return NULL;
}

void *promql_refuse(const struct promql_scanner *p, const char *what)
{
	return refuse_as(p, ERR_CONFIG, what);
}

/* PromQL, but not answered here. */
void *promql_outside(const struct promql_scanner *p, const char *what)
{
	return refuse_as(p, ERR_NOT_FOUND, what);
}

/* -- words -- */

void promql_skip(struct promql_scanner *p)
{
	for (;;) {
		p->at += strspn(p->at, " \n\t\r");
		if (*p->at != '#') {
			return;
		}
		p->at += strcspn(p->at, "\n");
	}
}

bool promql_in_word(char c)
{
	return g_ascii_isalnum(c) || c == '_' || c == ':';
}

size_t promql_word_length(const char *at)
{
	size_t n = 0;
	while (promql_in_word(at[n]) && (n || !g_ascii_isdigit(at[n]))) {
		n++;
	}
	return n;
}

bool promql_peek(struct promql_scanner *p, const char *token)
{
	promql_skip(p);
	size_t n = strlen(token);
	return !g_ascii_strncasecmp(p->at, token, n) &&
		   (!g_ascii_isalpha(*token) || !promql_in_word(p->at[n]));
}

bool promql_accept(struct promql_scanner *p, const char *token)
{
	bool there = promql_peek(p, token);
	p->at += there ? strlen(token) : 0;
	return there;
}

bool promql_expect(struct promql_scanner *p, const char *token)
{
	if (!promql_accept(p, token)) {
		g_autofree char *what = g_strdup_printf("\"%s\" is missing", token);
		promql_refuse(p, what);
		return false;
	}
	return true;
}

size_t promql_read_duration(const char *text, int64_t *duration_ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
		{"w", 604800000}, {"y", 31536000000}};
	static const int64_t most_ms = 200LL * 31536000000;
	size_t at = 0;
	*duration_ms = 0;
	while (g_ascii_isdigit(text[at])) {
		size_t digits = strspn(text + at, "0123456789");
		long long count = 0;
		size_t unit = 0;
		while (
			unit < ARRAY_LENGTH(units) && !g_str_has_prefix(text + at + digits, units[unit].name)) {
			unit++;
		}
		if (unit == ARRAY_LENGTH(units) ||
			!number_parse_int(text + at, digits, 0, most_ms / units[unit].ms, &count)) {
			return 0;
		}
		*duration_ms += count * units[unit].ms;
		at += digits + strlen(units[unit].name);
		if (*duration_ms > most_ms) {
			return 0;
		}
	}
	return *duration_ms > 0 && !g_ascii_isalnum(text[at]) ? at : 0;
}

bool promql_scan_duration(struct promql_scanner *p, int64_t *duration_s)
{
	int64_t ms = 0;
	promql_skip(p);
	size_t n = promql_read_duration(p->at, &ms);
	if (!n || ms < 1000) {
		promql_refuse(p, "a duration as 5m, of at least a second, is missing");
		return false;
	}
	p->at += n;
	*duration_s = ms / 1000;
	return true;
}

/* One character behind a backslash. */
static bool append_escaped(GString *out, char c)
{
	static const char names[] = "abfnrtv\\\"'";
	static const char values[] = "\a\b\f\n\r\t\v\\\"'";
	const char *at = c ? strchr(names, c) : NULL;
	if (at) {
		g_string_append_c(out, values[at - names]);
	}
	return at;
}

char *promql_scan_text(struct promql_scanner *p)
{
	promql_skip(p);
	char quote = *p->at;
	if (quote != '"' && quote != '\'' && quote != '`') {
		return promql_refuse(p, "a text in quotes is missing");
	}
	g_autoptr(GString) out = g_string_new(NULL);
	for (p->at++; *p->at && *p->at != quote; p->at++) {
		if (*p->at != '\\' || quote == '`') {
			g_string_append_c(out, *p->at);
		} else if (!append_escaped(out, *++p->at)) {
			return promql_refuse(p, "an escape that is not known");
		}
	}
	if (!*p->at) {
		return promql_refuse(p, "a text that is not closed");
	}
	p->at++;
	return g_strdup(out->str);
}
