#include "base/attr.h"
#include "base/frame.h"
#include "web/choice.h"
#include "web/manifest.h"
#include "web/tarball.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/banned.h"

/* What exports are put together from: which series, what lies on disk, the tar file. */

/* -- choice -- */

static void declare(struct catalog *catalog, const char *group, const char *host, uint32_t id)
{
	struct service *service = service_create(group, host, "if_eth0", 60);
	service_add_field(service, "up", "up", FIELD_DERIVE)->series_id = id;
	service_add_field(service, "down", "down", FIELD_DERIVE)->series_id = id + 1;
	service_add_field(service, "new", "new", FIELD_GAUGE); /* not numbered yet */
	catalog_declare(catalog, service, NULL);
}

static bool count_field(void *owner, const struct field *field)
{
	unsigned *count = owner;
	assert_true(field->series_id);
	return ++*count < 100;
}

static void series_are_chosen_by_selector_and_group(void **state UNUSED)
{
	static const struct {
		const char *match, *group;
		unsigned count;
	} cases[] = {{NULL, NULL, 6}, {"*", NULL, 6}, {"a1", NULL, 2}, {"a*:if_*:up", NULL, 2},
		{"a1,b1:*:down", NULL, 3}, {"*:if_eth0:new", NULL, 0}, {NULL, "Shop", 4},
		{NULL, "Shop/Front/", 2}, {NULL, "Sho", 0}, {NULL, "", 6}, {"*:*:up", "Shop", 2},
		{"b1", "Shop", 0}};
	AUTO(catalog) catalog = catalog_create();
	declare(catalog, "Shop", "a1", 1);
	declare(catalog, "Shop/Front", "a2", 3);
	declare(catalog, "Shopping", "b1", 5);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		unsigned count = 0;
		AUTO(choice) choice = choice_create(cases[i].match, cases[i].group, NULL);
		assert_non_null(choice);
		assert_true(choice_each(choice, catalog, count_field, &count));
		assert_int_equal(count, cases[i].count);
	}
}

static void selectors_that_are_none_are_refused(void **state UNUSED)
{
	struct error err;
	GString *many = g_string_new("a");
	for (unsigned i = 0; i < CHOICE_MAX; i++) {
		g_string_append(many, ",a");
	}
	const char *const cases[] = {"", ",", "a,", "a:b:c:d", many->str};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_null(choice_create(cases[i], NULL, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
	}
	g_string_free(many, TRUE);
}

/* -- what lies on disk -- */

/* An answer to FILE; `archives` times {cf i, i + 1 steps per row, 100 rows}. */
static GByteArray *make_answer(uint32_t step_s, unsigned archives, const char *behind)
{
	static struct frame_writer w;
	frame_start(&w, 1, 1);
	frame_put_u32(&w, step_s);
	frame_put_u32(&w, 600);
	frame_put_u8(&w, FIELD_GAUGE);
	frame_put_f64(&w, 0);
	frame_put_f64(&w, 100);
	frame_put_i64(&w, 100010);
	frame_put_text(&w, "g/h-s-f-g.rrd");
	frame_put_u16(&w, (uint16_t)archives);
	for (unsigned i = 0; i < archives; i++) {
		frame_put_u8(&w, (uint8_t)i);
		frame_put_u32(&w, i + 1);
		frame_put_u32(&w, 100);
	}
	frame_put_bytes(&w, behind, strlen(behind));
	GByteArray *answer = g_byte_array_new();
	g_byte_array_append(answer, w.packet + FRAME_HEADER, (guint)(w.length - FRAME_HEADER));
	return answer;
}

static void a_file_is_described_and_its_bytes_are_behind(void **state UNUSED)
{
	size_t content = 0;
	int64_t from_s = 0;
	int64_t to_s = 0;
	struct error err;
	GByteArray *answer = make_answer(60, 4, "RRD");
	struct manifest_file *file = manifest_file_create(7);
	assert_true(manifest_file_read(file, answer, &content, &err));
	assert_memory_equal(answer->data + content, "RRD", 3);
	assert_int_equal(answer->len - content, 3);
	assert_string_equal(file->path, "g/h-s-f-g.rrd");
	assert_int_equal(file->archive_count, 4);
	assert_true(manifest_covers(file, 1, 120, &from_s, &to_s));
	assert_int_equal(to_s, 99960); /* the last whole row before 100010 */
	assert_int_equal(from_s, 99960 - 100 * 120);
	assert_false(manifest_covers(file, 0, 120, &from_s, &to_s));
	GPtrArray *files = g_ptr_array_new();
	g_ptr_array_add(files, file);
	g_ptr_array_add(files, file);
	GPtrArray *tables = manifest_tables(files);
	assert_int_equal(tables->len, 3); /* the fourth is of another consolidation */
	const struct manifest_table *first = tables->pdata[0];
	assert_int_equal(first->step_s, 60);
	assert_string_equal(manifest_cf_name(first->cf), "average");
	g_ptr_array_unref(tables);
	g_ptr_array_unref(files);
	manifest_file_destroy(file);
	g_byte_array_unref(answer);
}

static void a_description_that_is_cut_or_absurd_is_refused(void **state UNUSED)
{
	struct error err;
	size_t content;
	GByteArray *answer = make_answer(60, 3, "");
	for (guint length = 0; length < answer->len; length++) {
		GByteArray *cut = g_byte_array_new();
		g_byte_array_append(cut, answer->data, length);
		struct manifest_file *file = manifest_file_create(1);
		assert_false(manifest_file_read(file, cut, &content, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		manifest_file_destroy(file);
		g_byte_array_unref(cut);
	}
	g_byte_array_unref(answer);
	static const struct {
		uint32_t step_s;
		unsigned archives;
	} cases[] = {{0, 1}, {UINT32_MAX, 2}, {60, MANIFEST_ARCHIVES_MAX + 1}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GByteArray *odd = make_answer(cases[i].step_s, cases[i].archives, "");
		struct manifest_file *file = manifest_file_create(1);
		assert_false(manifest_file_read(file, odd, &content, &err));
		manifest_file_destroy(file);
		g_byte_array_unref(odd);
	}
}

/* -- tar -- */

static void a_tarball_holds_its_files_and_ends(void **state UNUSED)
{
	struct error err;
	GString *out = g_string_new(NULL);
	char plain[16384];
	AUTO(tarball) tarball = tarball_create(&err);
	g_autofree char *longest = g_strnfill(250, 'n');
	assert_true(tarball_begin(tarball, "h/a.csv", 6, 1700000000, &err));
	assert_true(tarball_add(tarball, "one", 3, &err));
	assert_true(tarball_add(tarball, "two", 3, &err));
	assert_true(tarball_begin(tarball, longest, 0, 1700000000, &err));
	assert_true(tarball_close(tarball, &err));
	tarball_take(tarball, out);
	z_stream z = {.next_in = (Bytef *)out->str,
		.avail_in = (uInt)out->len,
		.next_out = (Bytef *)plain,
		.avail_out = sizeof(plain)};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out % 512, 0);
	assert_string_equal(plain, "h/a.csv");
	assert_memory_equal(plain + 257, "ustar", 5);
	assert_memory_equal(plain + 512, "onetwo", 6);
	inflateEnd(&z);
	g_string_free(out, TRUE);
}

static void more_than_was_announced_is_refused(void **state UNUSED)
{
	struct error err;
	AUTO(tarball) tarball = tarball_create(&err);
	assert_true(tarball_begin(tarball, "a", 2, 0, &err));
	assert_false(tarball_add(tarball, "long", 4, &err));
	tarball_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(series_are_chosen_by_selector_and_group),
		cmocka_unit_test(selectors_that_are_none_are_refused),
		cmocka_unit_test(a_file_is_described_and_its_bytes_are_behind),
		cmocka_unit_test(a_description_that_is_cut_or_absurd_is_refused),
		cmocka_unit_test(a_tarball_holds_its_files_and_ends),
		cmocka_unit_test(more_than_was_announced_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
