#include "magpie/progress.h"
#include "base/file.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * The rate is an exponential mean over about RATE_S seconds, so that "left" neither jumps with
 * every step nor remembers how slowly it all began. Parts of the line go, from the right, where the
 * terminal is narrow: detail, bar, time left.
 */
enum { BAR_MOST = 30, BAR_LEAST = 10, LINE_DEFAULT = 80 };

static const double rate_s = 4;

struct progress {
	char *what, *unit;
	int fd; /* -1: silent */
	struct mono began, shown, measured;
	uint64_t measured_done;
	double rate;
	bool visible;
};

/* -- the line -- */

void progress_append_amount(GString *out, double amount, bool bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	size_t unit = 0;
	if (!bytes) {
		g_string_append_printf(out, "%.0f", amount);
		return;
	}
	while (amount >= 999.5 && unit + 1 < ARRAY_LENGTH(units)) {
		amount /= 1000;
		unit++;
	}
	g_string_append_printf(out, unit && amount < 99.5 ? "%.1f %s" : "%.0f %s", amount, units[unit]);
}

void progress_append_time(GString *out, double seconds)
{
	if (!(seconds < 100.0 * 86400)) {
		g_string_append(out, "long");
		return;
	}
	unsigned s = seconds > 0 ? (unsigned)ceil(seconds) : 0;
	if (s < 60) {
		g_string_append_printf(out, "%us", s);
	} else if (s < 3600) {
		g_string_append_printf(out, "%um%02us", s / 60, s % 60);
	} else if (s < 86400) {
		g_string_append_printf(out, "%uh%02um", s / 3600, s / 60 % 60);
	} else {
		g_string_append_printf(out, "%ud%02uh", s / 86400, s / 3600 % 24);
	}
}

static size_t columns(const char *text)
{
	return (size_t)g_utf8_strlen(text, -1);
}

static void append_amounts(GString *out, const struct progress_state *s)
{
	bool bytes = !s->unit;
	progress_append_amount(out, (double)s->done, bytes);
	if (s->unit && s->total) {
		g_string_append_printf(out, "/%llu", (unsigned long long)s->total);
	}
	if (s->unit) {
		g_string_append_printf(out, " %s", s->unit);
	}
	if (s->rate > 0) {
		g_string_append(out, "  ");
		progress_append_amount(out, s->rate, bytes);
		g_string_append(out, "/s");
	}
}

static void append_left(GString *out, const struct progress_state *s)
{
	if (s->total > s->done && s->rate > 0) {
		g_string_append(out, "  ");
		progress_append_time(out, (double)(s->total - s->done) / s->rate);
		g_string_append(out, " left");
	}
}

static void append_bar(GString *out, double part, size_t room)
{
	size_t full = (size_t)(part * (double)room);
	g_string_append(out, " [");
	for (size_t i = 0; i < room; i++) {
		g_string_append_c(out, i < full ? '=' : i == full ? '>' : ' ');
	}
	g_string_append_c(out, ']');
}

static void append_detail(GString *out, const char *detail, size_t most)
{
	size_t used = columns(out->str);
	g_autofree char *clean =
		detail ? text_clean(detail, strlen(detail), PROGRESS_WIDTH_MAX) : g_strdup("");
	if (*clean && used + 2 + columns(clean) <= most) {
		g_string_append_printf(out, "  %s", clean);
	}
}

void progress_format(const struct progress_state *s, GString *out)
{
	size_t most = MIN(s->width, (size_t)PROGRESS_WIDTH_MAX);
	most = most > 1 ? most - 1 : 1;
	GString *line = g_string_new(s->what);
	GString *amounts = g_string_new(NULL);
	GString *left = g_string_new(NULL);
	append_amounts(amounts, s);
	append_left(left, s);
	if (s->total) {
		double part = s->done < s->total ? (double)s->done / (double)s->total : 1;
		g_string_append_printf(line, " %3.0f %%", floor(part * 100));
		size_t used = line->len + 2 + amounts->len + left->len + 3;
		if (used + BAR_LEAST <= most) {
			append_bar(line, part, MIN(most - used, (size_t)BAR_MOST));
		}
	}
	g_string_append_printf(line, "  %s", amounts->str);
	if (columns(line->str) + left->len <= most) {
		g_string_append(line, left->str);
	}
	append_detail(line, s->detail, most);
	if (columns(line->str) > most) {
		g_string_truncate(
			line, (gsize)(g_utf8_offset_to_pointer(line->str, (glong)most) - line->str));
	}
	g_string_append_len(out, line->str, (gssize)line->len);
	g_string_free(line, TRUE);
	g_string_free(amounts, TRUE);
	g_string_free(left, TRUE);
}

/* -- the terminal -- */

static int choose_fd(const struct progress_options *options)
{
	const char *terminal = getenv("TERM");
	bool dumb = terminal && !strcmp(terminal, "dumb");
	if (options->quiet) {
		return -1;
	}
	return options->fd ? options->fd : isatty(STDERR_FILENO) && !dumb ? STDERR_FILENO : -1;
}

struct progress *progress_create(const struct progress_options *options)
{
	struct progress *progress = g_new0(struct progress, 1);
	progress->what = g_strdup(options->what);
	progress->unit = g_strdup(options->unit);
	progress->fd = choose_fd(options);
	progress->began = progress->measured = mono_now();
	progress->shown = (struct mono){progress->began.ms + PROGRESS_QUIET_MS - PROGRESS_EVERY_MS};
	return progress;
}

static void measure(struct progress *progress, uint64_t done, struct mono now)
{
	double passed = (double)(now.ms - progress->measured.ms) / 1000;
	if (passed < 0.1 || done < progress->measured_done) {
		progress->measured_done = MIN(done, progress->measured_done);
		return;
	}
	double rate = (double)(done - progress->measured_done) / passed;
	double weight = progress->rate > 0 ? 1 - exp(-passed / rate_s) : 1;
	progress->rate += (rate - progress->rate) * weight;
	progress->measured = now;
	progress->measured_done = done;
}

static size_t terminal_width(int fd)
{
	struct winsize size = {0};
	return !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : LINE_DEFAULT;
}

void progress_step(struct progress *progress, uint64_t done, uint64_t total, const char *detail)
{
	struct mono now = mono_now();
	if (progress->fd < 0 || now.ms - progress->shown.ms < PROGRESS_EVERY_MS) {
		return;
	}
	measure(progress, done, now);
	progress->shown = now;
	struct progress_state state = {.what = progress->what,
		.unit = progress->unit,
		.detail = detail,
		.done = done,
		.total = total,
		.rate = progress->rate,
		.width = terminal_width(progress->fd)};
	GString *line = g_string_new("\r");
	progress_format(&state, line);
	g_string_append(line, "\033[K");
	progress->visible = file_write_all(progress->fd, line->str, line->len, NULL);
	g_string_free(line, TRUE);
}

void progress_destroy(struct progress *progress)
{
	if (!progress) {
		return;
	}
	if (progress->visible) {
		(void)!file_write_all(progress->fd, "\r\033[K", 4, NULL);
	}
	g_free(progress->what);
	g_free(progress->unit);
	g_free(progress);
}
