#include "rrd/pen.h"
#include "base/number.h"

#include <string.h>

#include "base/banned.h"

/*
 * What the parts of a drawing share. Munin draws four spans, each from the archive whose rows are a
 * pixel wide; graph_future and trends count in such rows, so any other span is taken for the
 * nearest of those four.
 */
void pen_add(GPtrArray *to, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	g_ptr_array_add(to, g_strdup_vprintf(format, values));
	va_end(values);
}

char *pen_with_period(const struct pen *pen, const char *text, const char *period)
{
	const char *own = attributes_or(&pen->service->attributes, "graph_period", "second");
	g_auto(GStrv) parts = g_strsplit(text, "${graph_period}", -1);
	return g_strjoinv(period ? period : own, parts);
}

const char *pen_sum_name(const struct pen *pen)
{
	static const char *const names[DRAWING_SUMS] = {NULL, "hour", "day"};
	return names[pen->drawing->sum];
}

unsigned pen_sum_seconds(const struct pen *pen)
{
	static const unsigned seconds[DRAWING_SUMS] = {1, 3600, 86400};
	return seconds[pen->drawing->sum];
}

int64_t pen_resolution(const struct pen *pen)
{
	static const struct {
		int64_t days, rows_s;
	} spans[] = {{2, 300}, {9, 1500}, {45, 7200}};
	int64_t span_s = pen->drawing->to_s - pen->drawing->from_s;
	for (size_t i = 0; i < ARRAY_LENGTH(spans); i++) {
		if (span_s <= spans[i].days * 86400) {
			return spans[i].rows_s;
		}
	}
	return 86400;
}

int64_t pen_future(const struct pen *pen)
{
	enum { ROWS_MAX = 4000 };
	long long rows = 0;
	const char *text = attributes_or(&pen->service->attributes, "graph_future", "0");
	return number_parse_int(text, strlen(text), 0, ROWS_MAX, &rows) ? rows * pen_resolution(pen)
																	: 0;
}
