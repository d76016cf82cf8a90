#include "base/text.h"
#include "web/facades/graphite_write.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The picture of an answer: lines in a frame with a grid and a legend, as SVG. Only attributes, no
 * style and no script, so that it shows under the policy that every answer carries; names are
 * escaped (hostile 55). Computed series have no file that librrd could draw from, which is why
 * these are drawn here.
 */
enum { LEFT = 56, RIGHT = 12, TOP = 10, TITLE = 18, AXIS = 20, LEGEND_ROW = 14, LEGEND_MOST = 12 };

static const char *const colours[] = {"#3069c9", "#c9462c", "#2f9447", "#8a4fbf", "#b8860b",
	"#1d8f96", "#c2478c", "#6b7a1e", "#7a5236", "#5c6b7a"};

/* What is beyond it is drawn at the edge: differences of values stay numbers. */
static const double VALUE_MOST = 1e300;

struct canvas {
	double x0, y0, x1, y1; /* of the plot, in points; y1 is the bottom */
	double least, greatest, tick;
	int64_t from_s, to_s;
};

static const char *point(double value, char text[G_ASCII_DTOSTR_BUF_SIZE])
{
	return g_ascii_formatd(text, G_ASCII_DTOSTR_BUF_SIZE, "%.1f", value);
}

static double x_of(const struct canvas *f, int64_t t_s)
{
	return f->x0 +
		   (f->x1 - f->x0) * (double)(t_s - f->from_s) / (double)MAX(f->to_s - f->from_s, 1);
}

static double y_of(const struct canvas *f, double given)
{
	double value = CLAMP(given, f->least, f->greatest);
	return f->y1 - (f->y1 - f->y0) * (value - f->least) / (f->greatest - f->least);
}

/* The least of 1, 2, 5, 10 … that is not below `value`. */
static double nice_step(double value)
{
	double power = pow(10, floor(log10(value)));
	double rest = value / power;
	return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

/* Limits of the values as multiples of a nice step. */
static void scale(struct canvas *f, const GPtrArray *list)
{
	double least = HUGE_VAL;
	double greatest = -HUGE_VAL;
	for (guint i = 0; i < list->len; i++) {
		const struct graphite_series *s = list->pdata[i];
		for (size_t row = 0; row < s->rows; row++) {
			double value = CLAMP(s->values[row], -VALUE_MOST, VALUE_MOST);
			if (isfinite(s->values[row])) {
				least = fmin(least, value);
				greatest = fmax(greatest, value);
			}
		}
	}
	if (least > greatest) {
		least = 0;
		greatest = 1;
	}
	double span = fmax(greatest - least, fmax(fabs(greatest), 1e-12) * 1e-6);
	f->tick = nice_step(span / 4);
	f->least = floor(least / f->tick) * f->tick;
	f->greatest = fmax(ceil(greatest / f->tick) * f->tick, f->least + f->tick);
}

static void line(GString *out, const double at[4], const char *colour)
{
	char x[2][G_ASCII_DTOSTR_BUF_SIZE];
	char y[2][G_ASCII_DTOSTR_BUF_SIZE];
	g_string_append_printf(out, "<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" stroke=\"%s\"/>\n",
		point(at[0], x[0]), point(at[1], y[0]), point(at[2], x[1]), point(at[3], y[1]), colour);
}

static void words(GString *out, double x, double y, const char *anchor, const char *text)
{
	char at[2][G_ASCII_DTOSTR_BUF_SIZE];
	g_string_append_printf(out, "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\">", point(x, at[0]),
		point(y, at[1]), anchor);
	text_append_html(out, text);
	g_string_append(out, "</text>\n");
}

/* "1.5k", "200M". */
static void short_value(double value, char text[48])
{
	static const char prefixes[] = " kMGTPE";
	size_t index = 0;
	char digits[G_ASCII_DTOSTR_BUF_SIZE];
	while (fabs(value) >= 1000 && index + 1 < sizeof(prefixes) - 1) {
		value /= 1000;
		index++;
	}
	g_ascii_formatd(digits, sizeof(digits), "%.4g", value);
	g_snprintf(text, 48, "%s%.*s", digits, index ? 1 : 0, prefixes + index);
}

static void append_values_axis(GString *out, const struct canvas *f)
{
	int ticks = (int)lround((f->greatest - f->least) / f->tick);
	for (int i = 0; i <= ticks; i++) {
		char text[48];
		double value = f->least + i * f->tick;
		double y = y_of(f, value);
		line(out, (const double[]){f->x0, y, f->x1, y}, "#dddddd");
		short_value(fabs(value) < f->tick / 1000 ? 0 : value, text);
		words(out, f->x0 - 5, y + 4, "end", text);
	}
}

static int64_t time_tick(const struct canvas *f)
{
	static const int64_t steps[] = {10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600,
		86400, 2 * 86400, 7 * 86400, 30 * 86400, 90 * 86400, 365 * 86400};
	int64_t most = MAX((int64_t)((f->x1 - f->x0) / 70), 1);
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		if ((f->to_s - f->from_s) / steps[i] <= most) {
			return steps[i];
		}
	}
	return MAX(f->to_s - f->from_s, 1);
}

static void append_time_axis(GString *out, const struct canvas *f, GTimeZone *zone)
{
	int64_t tick = time_tick(f);
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(f->from_s);
	g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
	int64_t offset_s = g_date_time_get_utc_offset(local) / G_TIME_SPAN_SECOND;
	int64_t t = f->from_s + offset_s;
	for (t += tick - 1 - (t + tick - 1) % tick; t - offset_s <= f->to_s; t += tick) {
		double x = x_of(f, t - offset_s);
		g_autoptr(GDateTime) moment = g_date_time_new_from_unix_utc(t);
		g_autofree char *text = g_date_time_format(moment, tick < 60      ? "%H:%M:%S"
														   : tick < 86400 ? "%H:%M"
																		  : "%Y-%m-%d");
		line(out, (const double[]){x, f->y0, x, f->y1}, "#eeeeee");
		words(out, x, f->y1 + 14, "middle", text);
	}
}

static void append_curve(
	GString *out, const struct canvas *f, const struct graphite_answer *a, guint index)
{
	const struct graphite_series *s = a->series->pdata[index];
	char x[G_ASCII_DTOSTR_BUF_SIZE];
	char y[G_ASCII_DTOSTR_BUF_SIZE];
	bool drawing = false;
	g_string_append_printf(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.3\" d=\"",
		colours[index % ARRAY_LENGTH(colours)]);
	for (size_t row = 0; row < s->rows; row++) {
		if (!isfinite(s->values[row])) {
			drawing = false;
			continue;
		}
		int64_t t_s = s->t0_s + (int64_t)(row + 1) * a->step_s;
		g_string_append_printf(out, "%c%s %s", drawing ? 'L' : 'M', point(x_of(f, t_s), x),
			point(y_of(f, s->values[row]), y));
		drawing = true;
	}
	g_string_append(out, "\"/>\n");
}

static void append_legend(GString *out, const struct canvas *f, const struct graphite_answer *a)
{
	for (guint i = 0; i < a->series->len && i < LEGEND_MOST; i++) {
		const struct graphite_series *s = a->series->pdata[i];
		double y = f->y1 + AXIS + (i + 1) * LEGEND_ROW;
		double x = f->x0;
		line(out, (const double[]){x, y - 4, x + 14, y - 4}, colours[i % ARRAY_LENGTH(colours)]);
		words(out, x + 20, y, "start", s->name);
	}
	if (a->series->len > LEGEND_MOST) {
		g_autofree char *more = g_strdup_printf("and %u more", a->series->len - LEGEND_MOST);
		words(out, f->x0 + 20, f->y1 + AXIS + (LEGEND_MOST + 1) * LEGEND_ROW, "start", more);
	}
}

static struct canvas canvas_of(const struct graphite_answer *a)
{
	struct canvas f = {.x0 = LEFT, .x1 = a->width - RIGHT, .y0 = TOP + (*a->title ? TITLE : 0)};
	unsigned rows = MIN(a->series->len, (guint)LEGEND_MOST + 1);
	f.y1 = fmax((double)a->height - AXIS - rows * LEGEND_ROW - 6, f.y0 + 40);
	f.from_s = INT64_MAX;
	for (guint i = 0; i < a->series->len; i++) {
		const struct graphite_series *s = a->series->pdata[i];
		f.from_s = MIN(f.from_s, s->t0_s + a->step_s);
		f.to_s = MAX(f.to_s, s->t0_s + (int64_t)s->rows * a->step_s);
	}
	f.from_s = MIN(f.from_s, f.to_s);
	scale(&f, a->series);
	return f;
}

void graphite_write_svg(const struct graphite_answer *a, GString *out)
{
	struct canvas f = canvas_of(a);
	g_string_append_printf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u "
		"%u\" "
		"font-family=\"sans-serif\" font-size=\"11\" fill=\"#222222\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		a->width, a->height, a->width, a->height);
	if (*a->title) {
		words(out, a->width / 2.0, TOP + 8, "middle", a->title);
	}
	append_values_axis(out, &f);
	if (a->series->len) {
		append_time_axis(out, &f, a->zone);
	}
	for (guint i = 0; i < a->series->len; i++) {
		append_curve(out, &f, a, i);
	}
	append_legend(out, &f, a);
	g_string_append(out, "</svg>\n");
}
