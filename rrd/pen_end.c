#include "rrd/pen.h"
#include "base/number.h"

#include <string.h>
#include <time.h>

#include "base/banned.h"

/*
 * What comes last: the instant of the last update, trends and predictions (Munin's `trend yes` and
 * `predict PATTERN,SMOOTHING`, rrdgraph_rpn(3)), and which curves are missing, and why.
 */
enum { MISSING_MAX = 5, PATTERN_LEAST_S = 60, PATTERN_MOST_S = 366 * 86400, SHIFTS_MAX = 64 };

static void add_trend(struct pen *pen, const struct drawing_line *line, const char *label)
{
	const char *name = line->value;
	if (strcmp(attributes_or(line->curve->attributes, "trend", ""), "yes") != 0) {
		return;
	}
	pen_add(pen->end, "CDEF:t%s=c%s,%lld,TRENDNAN", name, name, (long long)pen_future(pen));
	pen_add(pen->end, "LINE1:t%s#%s66:%s trend\\l", name, line->colour, label);
}

/* "PATTERN,SMOOTHING": seconds after which the past repeats, rows that are averaged. */
static void add_prediction(struct pen *pen, const struct drawing_line *line, const char *label)
{
	enum { SMOOTH_MAX = 100 };
	long long pattern_s = 0;
	long long smooth = 0;
	const char *name = line->value;
	g_auto(GStrv) parts = g_strsplit(attributes_or(line->curve->attributes, "predict", ""), ",", 2);
	if (!parts[0] || !parts[1] ||
		!number_parse_int(
			parts[0], strlen(parts[0]), PATTERN_LEAST_S, PATTERN_MOST_S, &pattern_s) ||
		!number_parse_int(parts[1], strlen(parts[1]), 0, SMOOTH_MAX, &smooth)) {
		return;
	}
	long long shifts = MIN((long long)pen_future(pen) / pattern_s + 2, SHIFTS_MAX);
	pen_add(pen->end, "CDEF:p%s=%lld,-%lld,%lld,c%s,PREDICT", name, pattern_s, shifts,
		smooth * (long long)pen_resolution(pen), name);
	pen_add(pen->end, "LINE1:p%s#%s66:%s prediction\\l", name, line->colour, label);
}

static void add_futures(struct pen *pen)
{
	for (size_t i = 0; i < pen->lines->count; i++) {
		const struct drawing_line *line = &pen->lines->line[i];
		g_autofree char *label = drawing_escape(line->curve->label);
		g_autofree char *named = g_strconcat(strchr(label, '=') ? "legend=" : "", label, NULL);
		if (line->drawn && !pen_sum_name(pen)) {
			add_trend(pen, line, named);
			add_prediction(pen, line, named);
		}
	}
}

static void add_last_update(struct pen *pen)
{
	time_t at = (time_t)pen->last_update_s;
	struct tm local;
	char text[64] = "";
	if (at <= 0 || !localtime_r(&at, &local)) {
		return;
	}
	if (pen->drawing->theme == DRAWING_MUNIN) {
		strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &local);
	} else {
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	}
	g_autofree char *escaped = drawing_escape(text);
	pen_add(pen->end, "COMMENT:Last update\\: %s\\r", escaped);
}

/* A graph that leaves a curve out says so. */
static void add_missing(struct pen *pen)
{
	const GArray *missing = pen->lines->missing;
	for (guint i = 0; i < missing->len && i < MISSING_MAX; i++) {
		const struct drawing_missing *m = &g_array_index(missing, struct drawing_missing, i);
		g_autofree char *label = drawing_escape(m->curve->label);
		g_autofree char *why = drawing_escape(m->why);
		pen_add(pen->end, "COMMENT:%s\\: %s\\l", label, why);
	}
	if (missing->len > MISSING_MAX) {
		pen_add(pen->end, "COMMENT:and %u more without data\\l", missing->len - MISSING_MAX);
	}
}

void pen_write_end(struct pen *pen)
{
	int64_t last_s = pen->last_update_s;
	add_missing(pen);
	if (last_s > 0 && last_s < pen->drawing->now_s + pen_future(pen)) {
		pen_add(pen->end, "VRULE:%lld#%s", (long long)last_s, pen->palette->update);
	}
	add_futures(pen);
	add_last_update(pen);
}
