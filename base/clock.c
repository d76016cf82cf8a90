#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/banned.h"

/*
 * The two clocks. Everything that keeps time in Magpie gets it from here or as a parameter;
 * milliseconds in 64 bits reach far beyond 2106 (hostile 87).
 */

static int64_t clock_ms(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct wall wall_now(void)
{
	return (struct wall){clock_ms(CLOCK_REALTIME)};
}

struct mono mono_now(void)
{
	return (struct mono){clock_ms(CLOCK_BOOTTIME)};
}

struct wall wall_next(struct wall now, int64_t step_ms)
{
	int64_t slot = now.ms / step_ms;
	if (now.ms < 0 && now.ms % step_ms) {
		slot--;
	}
	return (struct wall){(slot + 1) * step_ms};
}

char *wall_format(struct wall t, char *text)
{
	time_t s = (time_t)wall_s(t);
	struct tm tm;
	if (!gmtime_r(&s, &tm) || tm.tm_year > 8099 || tm.tm_year < -1899) {
		snprintf(text, 32, "0000-00-00T00:00:00Z");
		return text;
	}
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}
