/*
 * A ring of letters that is moved on when somebody looks at it or writes to it: the hour of its
 * last letter is stored with it, so that hours in which nothing ran show as no data.
 */
#include "engine/strip.h"

#include <string.h>

#include "base/banned.h"

enum { HOUR_S = 3600 };

/* Which letter is worse: unknown is less than a warning. */
static const char by_weight[] = "-onuwc";

void strip_clear(char strip[STORE_STRIP + 1])
{
	memset(strip, '-', STORE_STRIP);
	strip[STORE_STRIP] = '\0';
}

void strip_restore(char strip[STORE_STRIP + 1], const char *stored)
{
	strip_clear(strip);
	for (size_t i = 0; i < STORE_STRIP && stored[i]; i++) {
		strip[i] = strchr(by_weight, stored[i]) ? stored[i] : '-';
	}
}

void strip_read(const char *strip, int64_t hour, struct wall now, char shown[STORE_STRIP + 1])
{
	int64_t passed = wall_s(now) / HOUR_S - hour;
	size_t shift = passed < 0 ? 0 : passed > STORE_STRIP ? STORE_STRIP : (size_t)passed;
	strip_clear(shown);
	memcpy(shown, strip + shift, STORE_STRIP - shift);
}

bool strip_note(char strip[STORE_STRIP + 1], int64_t *hour, char letter, struct wall now)
{
	char moved[STORE_STRIP + 1];
	strip_read(strip, *hour, now, moved);
	char *last = &moved[STORE_STRIP - 1];
	if (strchr(by_weight, letter) > strchr(by_weight, *last)) {
		*last = letter;
	}
	bool changed = memcmp(moved, strip, STORE_STRIP) != 0;
	memcpy(strip, moved, sizeof(moved));
	int64_t hour_now = wall_s(now) / HOUR_S;
	*hour = *hour > hour_now ? *hour : hour_now;
	return changed;
}
