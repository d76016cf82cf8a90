#include "base/log.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * The log is the one place that may keep file-local state: every role is one thread, and a line is
 * one write(2), so lines of several processes on one pipe do not mix (PIPE_BUF). Throttling is a
 * small table keyed by the event's address: event names are literals.
 */
enum { THROTTLE_SLOTS = 256, LINES_PER_MINUTE = 20 };

struct log_throttle {
	const char *event;
	int64_t minute;
	unsigned lines, suppressed;
};

static struct {
	char name[32];
	enum log_level least;
	uint64_t lost;
	struct log_throttle throttle[THROTTLE_SLOTS];
} log_state = {.name = "magpie", .least = LOG_INFO_};

void log_name(const char *name)
{
	snprintf(log_state.name, sizeof(log_state.name), "%s", name);
}

void log_least(enum log_level level)
{
	log_state.least = level;
}

/*
 * The slot of an event: its own, a free one, one that was silent this minute. When more events
 * speak in one minute than there are slots, the rest share those of others, limit included.
 */
static struct log_throttle *log_slot(const char *event, int64_t minute)
{
	size_t home = ((uintptr_t)event >> 3) % THROTTLE_SLOTS;
	struct log_throttle *idle = NULL;
	for (size_t i = 0; i < THROTTLE_SLOTS; i++) {
		struct log_throttle *t = &log_state.throttle[(home + i) % THROTTLE_SLOTS];
		if (t->event == event) {
			return t;
		}
		if (!t->event) {
			idle = idle ? idle : t;
			break;
		}
		if (t->minute != minute && !idle) {
			idle = t;
		}
	}
	if (!idle) {
		return &log_state.throttle[home];
	}
	*idle = (struct log_throttle){.event = event, .minute = minute};
	return idle;
}

/* Whether this event may speak now; *suppressed is what was held back in the minute before. */
static bool log_admit(const char *event, unsigned *suppressed)
{
	int64_t minute = mono_now().ms / 60000;
	struct log_throttle *t = log_slot(event, minute);
	*suppressed = 0;
	if (t->minute != minute) {
		*suppressed = t->suppressed;
		t->minute = minute;
		t->lines = 0;
		t->suppressed = 0;
	}
	if (t->lines >= LINES_PER_MINUTE) {
		t->suppressed++;
		return false;
	}
	t->lines++;
	return true;
}

static void log_emit(const char *line, size_t length)
{
	if (write(STDERR_FILENO, line, length) != (ssize_t)length) {
		log_state.lost++;
	}
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	unsigned suppressed;
	if (level < log_state.least || !log_admit(event, &suppressed)) {
		return;
	}
	int saved = errno;
	char line[2048];
	char when[32];
	int used = snprintf(line, sizeof(line), "%s %s %s %s ", wall_format(wall_now(), when),
		levels[level], log_state.name, event);
	va_list args;
	va_start(args, format);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used, format, args);
	va_end(args);
	if (used > (int)sizeof(line) - 64) {
		used = (int)sizeof(line) - 64;
	}
	if (suppressed) {
		used += snprintf(line + used, 40, " suppressed=%u", suppressed);
	}
	line[used++] = '\n';
	log_emit(line, (size_t)used);
	errno = saved;
}

const char *log_safe(const char *text)
{
	enum { BUFFERS = 4, KEEP = 200 };
	static char buffers[BUFFERS][KEEP + 8];
	static unsigned turn;
	static const char hex[] = "0123456789abcdef";
	if (!text) {
		return "-";
	}
	char *out = buffers[turn++ % BUFFERS];
	size_t n = 0;
	for (const unsigned char *p = (const unsigned char *)text; *p && n < KEEP; p++) {
		if (*p >= 0x20 && *p < 0x7f && *p != '\\') {
			out[n++] = (char)*p;
		} else {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[*p >> 4];
			out[n++] = hex[*p & 15];
		}
	}
	out[n] = '\0';
	return out;
}
