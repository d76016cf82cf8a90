#include "collector/services/nginx_text.h"
#include "base/number.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * stub_status in the order in which nginx writes it; what stands around it (a page somebody made of
 * it) does not matter, a missing or odd number does.
 */

/* The next number at or behind `*at`; false: there is none on the way to the next letter. */
static bool nginx_number(const char **at, const char *end, double *value)
{
	while (*at < end && (g_ascii_isspace(**at))) {
		(*at)++;
	}
	const char *from = *at;
	while (*at < end && g_ascii_isdigit(**at)) {
		(*at)++;
	}
	return *at > from && number_parse(from, (size_t)(*at - from), value);
}

static bool nginx_word(const char **at, const char *end, const char *word)
{
	const char *found = memmem(*at, (size_t)(end - *at), word, strlen(word));
	if (found) {
		*at = found + strlen(word);
	}
	return found;
}

bool nginx_status_parse(const char *text, size_t length, struct nginx_status *status)
{
	const char *at = text, *end = text + length;
	struct nginx_status s;
	bool good = nginx_word(&at, end, "Active connections:") && nginx_number(&at, end, &s.active) &&
				nginx_word(&at, end, "requests") && nginx_number(&at, end, &s.accepted) &&
				nginx_number(&at, end, &s.handled) && nginx_number(&at, end, &s.requests) &&
				nginx_word(&at, end, "Reading:") && nginx_number(&at, end, &s.reading) &&
				nginx_word(&at, end, "Writing:") && nginx_number(&at, end, &s.writing) &&
				nginx_word(&at, end, "Waiting:") && nginx_number(&at, end, &s.waiting);
	if (good) {
		*status = s;
	}
	return good;
}
