#include "support.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rrd/rrdfile.h"

#include "base/banned.h"

/*
 * Files that were there before: of any structure, they go on as they are. BEGIN is where Magpie
 * begins; a day before it the other has written a row each 300 s.
 */
enum { BEGIN = 1700000100, DAY = 86400 };

struct foreign {
	uint32_t step_s, heartbeat_s;
	enum field_type type;
	const char *file; /* below example.com/ */
	mode_t mode;
};

static const struct foreign munin = {300, 600, FIELD_GAUGE, "a.example.com-test-value-g.rrd", 0640};

static void make(const struct bench_tree *t, const struct foreign *f)
{
	struct error err = {.kind = ERR_NONE};
	struct layout_plan plan;
	AUTO(tree) tree = tree_open(t->path, &err);
	assert_non_null(tree);
	layout_plan(layout_find("normal"), f->step_s, &plan);
	plan.step_s = f->step_s;
	plan.heartbeat_s = f->heartbeat_s;
	struct rrdfile_source source = {.type = f->type, .step_s = f->step_s, .min = NAN, .max = NAN};
	g_autofree char *path = g_strconcat("example.com/", f->file, NULL);
	if (!rrdfile_create(tree, path, &plan, &source, BEGIN - DAY - f->step_s, &err)) {
		fail_msg("%s", err.text);
	}
	for (int64_t at = BEGIN - DAY; at < BEGIN; at += f->step_s) {
		struct sample s = {.at = {.ms = at * 1000}, .value = (double)(at % 1000)};
		assert_true(rrdfile_update(tree, path, f->type, &s, 1, &err));
	}
	g_autofree char *full = g_build_filename(t->path, path, NULL);
	assert_int_equal(chmod(full, f->mode ? f->mode : 0644), 0);
}

static struct header header_of(const struct bench_tree *t, const char *file)
{
	struct error err = {.kind = ERR_NONE};
	struct header header;
	size_t length;
	g_autofree char *path = g_build_filename(t->path, "example.com", file, NULL);
	g_autofree char *bytes = support_read_file(path, &length);
	if (!header_read((unsigned char *)bytes, MIN(length, HEADER_BYTES_MAX), length, INT64_MAX,
			&header, &err)) {
		fail_msg("%s: %s", file, err.text);
	}
	return header;
}

static bool is_there(const struct bench_tree *t, const char *file)
{
	g_autofree char *path = g_build_filename(t->path, "example.com", file, NULL);
	return access(path, F_OK) == 0;
}

static struct fetch_rows rows_of(const struct bench_tree *t, const char *file)
{
	struct error err = {.kind = ERR_NONE};
	struct fetch_rows rows;
	g_autofree char *path = g_build_filename(t->path, "example.com", file, NULL);
	assert_true(fetch_rows(path, LAYOUT_AVERAGE, BEGIN - DAY + 600, BEGIN - 300, 300, &rows, &err));
	return rows;
}

static void go_on(struct bench_tree *t, uint32_t step_s, enum field_type type)
{
	support_series(t, 1, step_s, type, "default", "value");
	for (int64_t at = BEGIN; at < BEGIN + 1800; at += step_s) {
		support_sample(t, 1, at, (double)(at - BEGIN));
	}
	support_start(t);
	uint32_t id = 1;
	writer_flush(t->writer, &id, 1);
}

static void a_slow_file_goes_on_with_fast_samples(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	make(t, &munin);
	struct header before = header_of(t, munin.file);
	struct fetch_rows old = rows_of(t, munin.file);
	go_on(t, 10, FIELD_GAUGE);
	struct header after = header_of(t, munin.file);
	struct fetch_rows now = rows_of(t, munin.file);
	assert_int_equal(after.last_update_s, BEGIN + 1790);
	assert_int_equal(after.step_s, 300);
	assert_int_equal(after.heartbeat_s, 600);
	assert_int_equal(after.archive_count, before.archive_count);
	assert_int_equal(old.count, now.count);
	assert_true(old.count > 280);
	/* the last one was not over yet */
	assert_memory_equal(old.values, now.values, (old.count - 1) * sizeof(double));
	struct stat st;
	g_autofree char *path = g_build_filename(t->path, "example.com", munin.file, NULL);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	fetch_free(&old);
	fetch_free(&now);
	support_tree_destroy(t);
}

static void a_heartbeat_is_made_longer_never_shorter(void **state UNUSED)
{
	static const struct {
		uint32_t file_s, heartbeat_s, series_s, expected_s;
		enum field_type type;
	} cases[] = {
		{10, 20, 60, 120, FIELD_GAUGE},
		{300, 600, 60, 600, FIELD_DERIVE}, /* is tuned, for its type */
		{300, 600, 600, 1200, FIELD_GAUGE},
		{300, 3000, 300, 3000, FIELD_DERIVE},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct bench_tree *t = support_tree_create();
		struct foreign file = munin;
		file.step_s = cases[i].file_s;
		file.heartbeat_s = cases[i].heartbeat_s;
		make(t, &file);
		go_on(t, cases[i].series_s, cases[i].type);
		bool derive = cases[i].type == FIELD_DERIVE;
		struct header h = header_of(
			t, derive ? "a.example.com-test-value-d.rrd" : "a.example.com-test-value-g.rrd");
		assert_int_equal(h.heartbeat_s, cases[i].expected_s);
		assert_int_equal(h.type, cases[i].type);
		assert_int_equal(is_there(t, munin.file), !derive);
		support_tree_destroy(t);
	}
}

static void with_a_file_of_each_type_the_other_stays_as_it_is(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	struct foreign derive = munin;
	derive.file = "a.example.com-test-value-d.rrd";
	derive.type = FIELD_DERIVE;
	make(t, &munin);
	make(t, &derive);
	size_t before_length;
	size_t after_length;
	g_autofree char *path = g_build_filename(t->path, "example.com", munin.file, NULL);
	g_autofree char *before = support_read_file(path, &before_length);
	go_on(t, 300, FIELD_DERIVE);
	g_autofree char *after = support_read_file(path, &after_length);
	assert_int_equal(before_length, after_length);
	assert_memory_equal(before, after, before_length);
	assert_int_equal(header_of(t, derive.file).last_update_s, BEGIN + 1500);
	support_tree_destroy(t);
}

/* Declared as the engine does: what is gone stays in the declaration. */
static void declare(struct bench_tree *t, bool old_known, bool old_gone)
{
	struct service *s = service_create("example.com", "a.example.com", "test", 300);
	if (old_known) {
		struct field *before = service_add_field(s, "before", "before", FIELD_GAUGE);
		before->series_id = 2;
		before->gone = old_gone;
	}
	struct field *field = service_add_field(s, "value", "value", FIELD_GAUGE);
	field->series_id = 1;
	assert_true(attributes_set(&field->attributes, ATTRIBUTES_FIELD, "oldname", "before"));
	writer_declare(t->writer, s);
	service_destroy(s);
}

static void a_field_of_another_name_goes_on_in_the_file_it_had(void **state UNUSED)
{
	static const struct {
		bool known, gone, taken;
	} cases[] = {{false, false, true}, {true, true, true}, {true, false, false}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct bench_tree *t = support_tree_create();
		struct foreign file = munin;
		file.file = "a.example.com-test-before-g.rrd";
		make(t, &file);
		support_start(t);
		declare(t, cases[i].known, cases[i].gone);
		support_series(t, 1, 300, FIELD_GAUGE, "default", "value");
		for (int64_t at = BEGIN; at < BEGIN + 1800; at += 300) {
			support_sample(t, 1, at, 1);
		}
		support_feed(t);
		uint32_t id = 1;
		writer_flush(t->writer, &id, 1);
		assert_int_equal(is_there(t, file.file), !cases[i].taken);
		assert_int_equal(header_of(t, munin.file).archive_count == 12, cases[i].taken);
		support_crash(t); /* after which all is the same again */
		support_start(t);
		declare(t, cases[i].known, cases[i].gone);
		writer_flush(t->writer, &id, 1);
		assert_int_equal(is_there(t, file.file), !cases[i].taken);
		support_tree_destroy(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_file_goes_on_with_fast_samples),
		cmocka_unit_test(a_heartbeat_is_made_longer_never_shorter),
		cmocka_unit_test(with_a_file_of_each_type_the_other_stays_as_it_is),
		cmocka_unit_test(a_field_of_another_name_goes_on_in_the_file_it_had),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
