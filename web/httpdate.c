#include "web/httpdate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Reading is writing backwards: a text is a date if the date it seems to be is written so.
 */
static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void httpdate_format(int64_t at_s, char out[HTTPDATE_TEXT])
{
	time_t t = (time_t)at_s;
	struct tm utc = {0};
	gmtime_r(&t, &utc);
	snprintf(out, HTTPDATE_TEXT, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday % 7],
		utc.tm_mday % 100, months[utc.tm_mon % 12], (utc.tm_year + 1900) % 10000, utc.tm_hour % 100,
		utc.tm_min % 100, utc.tm_sec % 100);
}

/* Decimal digits at a fixed place. */
static int digits(const char *text, size_t count)
{
	int value = 0;
	for (size_t i = 0; i < count; i++) {
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

bool httpdate_parse(const char *text, int64_t *at_s)
{
	static const char shape[] = "aaa, 00 aaa 0000 00:00:00 GMT";
	char again[HTTPDATE_TEXT];
	struct tm utc = {.tm_mon = -1};
	if (strlen(text) != sizeof(shape) - 1) {
		return false;
	}
	for (size_t i = 0; shape[i]; i++) {
		if (shape[i] == '0' && !g_ascii_isdigit(text[i])) {
			return false;
		}
	}
	for (int i = 0; i < 12; i++) {
		utc.tm_mon = !strncmp(text + 8, months[i], 3) ? i : utc.tm_mon;
	}
	if (utc.tm_mon < 0) {
		return false;
	}
	utc.tm_mday = digits(text + 5, 2);
	utc.tm_year = digits(text + 12, 4) - 1900;
	utc.tm_hour = digits(text + 17, 2);
	utc.tm_min = digits(text + 20, 2);
	utc.tm_sec = digits(text + 23, 2);
	int64_t t = timegm(&utc);
	httpdate_format(t, again);
	if (strcmp(again, text) != 0) {
		return false;
	}
	*at_s = t;
	return true;
}
