#include "collector/services/php_fpm_text.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/* Lines "key:   value" of the plain text form (no "?json", no "?full"). */

bool php_fpm_status_parse(const char *text, size_t length, struct php_fpm_status *status)
{
	struct php_fpm_status s = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	const struct {
		const char *key;
		double *value;
	} keys[] = {
		{"accepted conn:", &s.accepted},
		{"slow requests:", &s.slow},
		{"listen queue:", &s.queue},
		{"max listen queue:", &s.queue_max},
		{"listen queue len:", &s.queue_length},
		{"idle processes:", &s.idle},
		{"active processes:", &s.active},
		{"total processes:", &s.total},
		{"max active processes:", &s.active_max},
		{"max children reached:", &s.children_reached},
	};
	const char *end = text + length;
	for (const char *at = text; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		newline = newline ? newline : end;
		size_t line = (size_t)(newline - at);
		line -= line && at[line - 1] == '\r';
		for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
			size_t key = strlen(keys[i].key);
			if (line > key && !memcmp(at, keys[i].key, key)) {
				(void)!number_parse(at + key, line - key, keys[i].value);
			}
		}
		at = newline + 1;
	}
	if (isnan(s.idle) || isnan(s.active)) {
		return false;
	}
	*status = s;
	return true;
}
