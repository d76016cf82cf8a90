#include "rrd/convert.h"
#include "rrd/history.h"
#include "rrd/rrdfile.h"
#include "support.h"

#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * Files made and written by librrd, converted, read by our own reader and written on by librrd.
 */
enum { BEGIN = 1700000100 };

struct bed {
	char *directory;
	struct tree *tree;
};

static struct bed bed_create(void)
{
	struct bed bed = {.directory = support_directory()};
	bed.tree = tree_open(bed.directory, NULL);
	assert_non_null(bed.tree);
	return bed;
}

static void bed_destroy(struct bed *bed)
{
	tree_destroy(bed->tree);
	support_remove(bed->directory);
	g_free(bed->directory);
}

static struct layout_plan plan_of(const char *text, uint32_t step_s)
{
	struct layout_plan plan;
	struct error err = {.kind = ERR_NONE};
	AUTO(layout) layout = layout_parse(text, &err);
	assert_non_null(layout);
	layout_plan(layout, step_s, &plan);
	return plan;
}

/* The source's value at a time: known but for some holes. */
static double truth(uint32_t seed, int64_t t_s, uint32_t step_s)
{
	uint32_t n = (uint32_t)(t_s / step_s) * 2654435761U + seed;
	n ^= n >> 13;
	n *= 2246822519U;
	bool hole = (n >> 16) % 11 == 0;
	return hole ? NAN : (double)(n % 1000) / 8;
}

static void write_samples(
	struct bed *bed, const char *path, uint32_t seed, uint32_t step_s, int64_t from_s, int64_t to_s)
{
	struct sample samples[RRDFILE_BATCH_MAX];
	size_t count = 0;
	for (int64_t t_s = from_s; t_s < to_s; t_s += step_s) {
		samples[count++] = (struct sample){wall_from_s(t_s), truth(seed, t_s, step_s)};
		if (count == RRDFILE_BATCH_MAX || t_s + step_s >= to_s) {
			assert_true(rrdfile_update(bed->tree, path, FIELD_GAUGE, samples, count, NULL));
			count = 0;
		}
	}
}

static void make(struct bed *bed, const char *path, const struct layout_plan *plan, int64_t start_s)
{
	struct error err = {.kind = ERR_NONE};
	struct rrdfile_source source = {FIELD_GAUGE, plan->step_s, NAN, NAN};
	if (!rrdfile_create(bed->tree, path, plan, &source, start_s, &err)) {
		fail_msg("%s", err.text);
	}
}

static unsigned char *content(struct bed *bed, const char *path, size_t *length)
{
	g_autofree char *full = g_build_filename(bed->directory, path, NULL);
	return (unsigned char *)support_read_file(full, length);
}

static void put(struct bed *bed, const char *path, const GByteArray *bytes)
{
	g_autofree char *full = g_build_filename(bed->directory, path, NULL);
	assert_true(g_file_set_contents(full, (const char *)bytes->data, (gssize)bytes->len, NULL));
}

static GByteArray *convert_one(
	const unsigned char *old, size_t length, const struct layout_plan *plan)
{
	struct error err = {.kind = ERR_NONE};
	GByteArray *out = g_byte_array_new();
	struct convert_input input = {old, length};
	if (!convert(&input, 1, plan, out, &err)) {
		fail_msg("%s", err.text);
	}
	return out;
}

static const char *const layouts[] = {"default", "compact", "normal", "huge",
	"custom 1d, 5m for 1w, 1h for 1y", "custom 50, 3 40, 7 300", "custom 2h",
	"custom 1h, 1m for 6h, 5m for 2d, 1h for 1t"};

/* Each known row of the old file: its time is known in the new one where that has an archive. */
static void check_known(const struct history *was, const struct history *is, unsigned *checked)
{
	for (size_t v = 0; v < was->count; v++) {
		const struct history_view *view = &was->views[v];
		for (uint64_t i = 0; i < view->rows; i++) {
			double value;
			double now;
			int64_t end_s = view->end_s - (int64_t)i * view->row_s;
			if (end_s <= view->row_s || !history_exact(was, view->cf, view->row_s, end_s, &value) ||
				isnan(value)) {
				continue;
			}
			bool room = false;
			for (size_t k = 0; k < is->count; k++) {
				const struct history_view *to = &is->views[k];
				int64_t first_s = to->end_s - (int64_t)to->rows * to->row_s;
				bool serves = to->cf == view->cf || to->steps_per_row == 1;
				room |= serves && first_s <= end_s - view->row_s && to->end_s >= end_s;
				if (room && view->cf == to->cf && view->row_s == to->row_s &&
					history_exact(is, view->cf, view->row_s, end_s, &now)) {
					assert_true(fabs(now - value) < 1e-9 * (1 + fabs(value)));
				}
			}
			struct history_sum sum = history_nothing;
			history_add(is, 1, view->cf, end_s - view->row_s, end_s, &sum);
			if (room) {
				assert_true(sum.known_s > 0);
				*checked += 1;
			}
		}
	}
}

static void what_was_known_is_known_wherever_there_is_room(void **state UNUSED)
{
	static const uint32_t steps[] = {10, 60, 300};
	srand48(7);
	unsigned checked = 0;
	for (unsigned run = 0; run < 60; run++) {
		struct bed bed = bed_create();
		uint32_t step_s = steps[lrand48() % 3];
		struct layout_plan from = plan_of(layouts[lrand48() % 8], step_s);
		struct layout_plan to = plan_of(layouts[lrand48() % 8], step_s);
		int64_t samples = 1 + lrand48() % 3000;
		int64_t begin_s = BEGIN + lrand48() % 1000;
		make(&bed, "a.rrd", &from, begin_s - step_s);
		write_samples(&bed, "a.rrd", run, step_s, begin_s, begin_s + samples * step_s);
		size_t length;
		g_autofree unsigned char *old = content(&bed, "a.rrd", &length);
		g_autoptr(GByteArray) made = convert_one(old, length, &to);
		assert_int_equal(made->len, layout_bytes(&to));
		struct history was;
		struct history is;
		assert_true(history_open(&was, old, length, NULL));
		assert_true(history_open(&is, made->data, made->len, NULL));
		assert_true(convert_is_as_planned(&is.header, &to));
		assert_int_equal(is.header.last_update_s, was.header.last_update_s);
		check_known(&was, &is, &checked);
		bed_destroy(&bed);
	}
	assert_true(checked > 10000);
}

/* A detour over a layout with room for all of it changes nothing of what librrd does later. */
static void the_next_samples_go_on_exactly(void **state UNUSED)
{
	static const struct {
		const char *from, *over;
	} cases[] = {{"custom 400, 6 300, 24 200", "custom 500, 6 400, 24 300"},
		{"custom 400, 6 300", "custom 400, 6 300"},
		{"compact", "custom 1080, 5 2016, 60 1080, 1440 450"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		for (unsigned seed = 1; seed < 20; seed++) {
			struct bed bed = bed_create();
			struct layout_plan from = plan_of(cases[i].from, 60);
			struct layout_plan over = plan_of(cases[i].over, 60);
			int64_t middle_s = BEGIN + 60 * (300 + seed * 7) + seed;
			make(&bed, "a.rrd", &from, BEGIN - 60);
			write_samples(&bed, "a.rrd", seed, 60, BEGIN, middle_s);
			size_t length;
			g_autofree unsigned char *old = content(&bed, "a.rrd", &length);
			g_autoptr(GByteArray) made = convert_one(old, length, &over);
			put(&bed, "b.rrd", made);
			int64_t next_s = BEGIN + (middle_s - BEGIN + 59) / 60 * 60;
			write_samples(&bed, "a.rrd", seed, 60, next_s, next_s + 6000);
			write_samples(&bed, "b.rrd", seed, 60, next_s, next_s + 6000);
			size_t b_length;
			g_autofree unsigned char *a = content(&bed, "a.rrd", &length);
			g_autofree unsigned char *b = content(&bed, "b.rrd", &b_length);
			struct history x;
			struct history y;
			assert_true(history_open(&x, a, length, NULL));
			assert_true(history_open(&y, b, b_length, NULL));
			for (size_t v = 0; v < x.count; v++) {
				for (uint64_t r = 0; r < x.views[v].rows; r++) {
					double one;
					double other;
					int64_t end_s = x.views[v].end_s - (int64_t)r * x.views[v].row_s;
					if (history_exact(&x, x.views[v].cf, x.views[v].row_s, end_s, &one) &&
						history_exact(&y, x.views[v].cf, x.views[v].row_s, end_s, &other)) {
						/* a row of the past, too little of it known, may have what is nowhere else
						 */
						bool past = end_s - x.views[v].row_s < middle_s - 60 * 400;
						assert_true(
							(isnan(one) && (isnan(other) || past)) || fabs(one - other) < 1e-9);
					}
				}
			}
			bed_destroy(&bed);
		}
	}
}

static void a_conversion_to_the_same_layout_keeps_every_bit_of_every_row(void **state UNUSED)
{
	struct bed bed = bed_create();
	struct layout_plan plan = plan_of("normal", 300);
	make(&bed, "a.rrd", &plan, BEGIN - 300);
	write_samples(&bed, "a.rrd", 3, 300, BEGIN, BEGIN + 300 * 2000);
	size_t length;
	g_autofree unsigned char *old = content(&bed, "a.rrd", &length);
	g_autoptr(GByteArray) made = convert_one(old, length, &plan);
	struct history was;
	struct history is;
	assert_true(history_open(&was, old, length, NULL));
	assert_true(history_open(&is, made->data, made->len, NULL));
	for (size_t v = 0; v < was.count; v++) {
		const struct history_view *view = &was.views[v];
		for (uint64_t r = 0; r < view->rows; r++) {
			double one;
			double other;
			int64_t end_s = view->end_s - (int64_t)r * view->row_s;
			assert_true(history_exact(&was, view->cf, view->row_s, end_s, &one));
			assert_true(history_exact(&is, view->cf, view->row_s, end_s, &other));
			assert_true(!memcmp(&one, &other, sizeof(one)) || (isnan(one) && isnan(other)));
		}
	}
	bed_destroy(&bed);
}

/* The first file counts where both know something, the other one where it does not. */
static void two_files_become_one(void **state UNUSED)
{
	struct bed bed = bed_create();
	struct layout_plan plan = plan_of("custom 2000", 60);
	struct layout_plan fine = plan_of("custom 12000", 10);
	make(&bed, "a.rrd", &plan, BEGIN - 60);
	write_samples(&bed, "a.rrd", 1, 60, BEGIN, BEGIN + 60 * 300);
	make(&bed, "b.rrd", &fine, BEGIN + 60 * 200 - 10);
	write_samples(&bed, "b.rrd", 2, 10, BEGIN + 60 * 200, BEGIN + 60 * 600);
	size_t length[2];
	g_autofree unsigned char *a = content(&bed, "a.rrd", &length[0]);
	g_autofree unsigned char *b = content(&bed, "b.rrd", &length[1]);
	struct convert_input inputs[] = {{a, length[0]}, {b, length[1]}};
	g_autoptr(GByteArray) made = g_byte_array_new();
	assert_true(convert(inputs, 2, &plan, made, NULL));
	struct history one;
	struct history two;
	struct history both;
	assert_true(history_open(&one, a, length[0], NULL));
	assert_true(history_open(&two, b, length[1], NULL));
	assert_true(history_open(&both, made->data, made->len, NULL));
	assert_int_equal(both.header.last_update_s, two.header.last_update_s);
	unsigned of_one = 0;
	unsigned of_two = 0;
	for (int64_t end_s = BEGIN - BEGIN % 60 + 120; end_s <= both.step_end_s; end_s += 60) {
		double value;
		double first = NAN;
		assert_true(history_exact(&both, LAYOUT_AVERAGE, 60, end_s, &value));
		bool has = history_exact(&one, LAYOUT_AVERAGE, 60, end_s, &first) && !isnan(first);
		struct history_sum sum = history_nothing;
		history_add(&two, 1, LAYOUT_AVERAGE, end_s - 60, end_s, &sum);
		if (has) {
			assert_true(fabs(value - first) < 1e-9);
			of_one++;
		} else if (sum.known_s >= 30) {
			assert_true(fabs(value - history_value(&sum, LAYOUT_AVERAGE)) < 1e-9);
			of_two++;
		}
	}
	assert_true(of_one > 200);
	assert_true(of_two > 200);
	bed_destroy(&bed);
}

static void what_is_no_file_is_refused(void **state UNUSED)
{
	unsigned char zeros[4096] = {0};
	struct layout_plan plan = plan_of("normal", 300);
	struct convert_input inputs[3] = {{zeros, sizeof(zeros)}};
	g_autoptr(GByteArray) made = g_byte_array_new();
	struct error err = {.kind = ERR_NONE};
	assert_false(convert(inputs, 1, &plan, made, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
	assert_false(convert(inputs, 0, &plan, made, &err));
	assert_false(convert(inputs, 3, &plan, made, &err));
	assert_int_equal(made->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_known_is_known_wherever_there_is_room),
		cmocka_unit_test(the_next_samples_go_on_exactly),
		cmocka_unit_test(a_conversion_to_the_same_layout_keeps_every_bit_of_every_row),
		cmocka_unit_test(two_files_become_one),
		cmocka_unit_test(what_is_no_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
