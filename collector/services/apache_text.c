#include "collector/services/apache_text.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Lines "Key: value", the older names of Apache 1.3 as well. A page of another kind has neither
 * busy nor idle workers.
 */

static double apache_number(const char *value, size_t length)
{
	double read = NAN;
	return number_parse(value, length, &read) && read >= 0 ? read : NAN;
}

static double apache_free(const char *value, size_t length)
{
	double free = 0;
	for (size_t i = 0; i < length; i++) {
		free += value[i] == '.';
	}
	return free;
}

static void apache_line(
	struct apache_status *s, const char *key, size_t key_length, const char *value, size_t length)
{
	const struct {
		const char *key;
		double *value;
	} keys[] = {
		{"Total Accesses", &s->accesses},
		{"Total kBytes", &s->kbytes},
		{"BusyWorkers", &s->busy},
		{"BusyServers", &s->busy},
		{"IdleWorkers", &s->idle},
		{"IdleServers", &s->idle},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		if (strlen(keys[i].key) == key_length && !memcmp(keys[i].key, key, key_length)) {
			*keys[i].value = apache_number(value, length);
		}
	}
	if (key_length == 10 && !memcmp(key, "Scoreboard", 10)) {
		s->free = apache_free(value, length);
	}
}

bool apache_status_parse(const char *text, size_t length, struct apache_status *status)
{
	struct apache_status s = {NAN, NAN, NAN, NAN, NAN};
	const char *end = text + length;
	for (const char *at = text; at < end;) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		line_end = line_end ? line_end : end;
		const char *colon = memchr(at, ':', (size_t)(line_end - at));
		if (colon) {
			size_t rest = (size_t)(line_end - colon) - 1;
			rest -= rest && line_end[-1] == '\r';
			apache_line(&s, at, (size_t)(colon - at), colon + 1, rest);
		}
		at = line_end + 1;
	}
	if (isnan(s.busy) || isnan(s.idle)) {
		return false;
	}
	*status = s;
	return true;
}
