#include "model/entry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/service.h"

static void samples_come_back_as_written(void **state)
{
	static struct entry_writer w;
	entry_samples_start(&w, (struct wall){5000});
	assert_true(entry_samples_add(&w, (struct wall){1000}, 7, 1.5));
	assert_true(entry_samples_add(&w, (struct wall){1000}, 8, NAN));
	assert_true(entry_samples_add(&w, (struct wall){2000}, 7, -3));
	assert_int_equal(w.count, 3);

	struct entry_samples samples;
	struct entry_section section;
	assert_true(entry_samples_read(&samples, w.payload, w.length));
	assert_int_equal(samples.arrived.ms, 5000);
	assert_true(entry_samples_next(&samples, &section));
	assert_int_equal(section.at.ms, 1000);
	assert_int_equal(section.count, 2);
	assert_int_equal(entry_section_series(&section, 0), 7);
	assert_true(entry_section_value(&section, 0) == 1.5);
	assert_true(isnan(entry_section_value(&section, 1)));
	assert_true(entry_samples_next(&samples, &section));
	assert_int_equal(section.at.ms, 2000);
	assert_int_equal(section.count, 1);
	assert_false(entry_samples_next(&samples, &section));
}

static void a_full_batch_refuses_and_stays_whole(void **state)
{
	static struct entry_writer w;
	entry_samples_start(&w, (struct wall){0});
	uint32_t n = 0;
	while (entry_samples_add(&w, (struct wall){1000}, n + 1, n)) {
		n++;
	}
	assert_true(n > 5000);
	assert_true(w.length <= ENTRY_PAYLOAD_MAX);
	assert_int_equal(w.count, n);
	struct entry_samples samples;
	struct entry_section section;
	assert_true(entry_samples_read(&samples, w.payload, w.length));
	assert_true(entry_samples_next(&samples, &section));
	assert_int_equal(section.count, n);
	assert_int_equal(entry_section_series(&section, n - 1), n);
}

static void samples_cut_anywhere_inside_are_refused(void **state)
{
	static struct entry_writer w;
	entry_samples_start(&w, (struct wall){0});
	assert_true(entry_samples_add(&w, (struct wall){1000}, 1, 1));
	assert_true(entry_samples_add(&w, (struct wall){2000}, 1, 1));
	struct entry_samples samples;
	for (size_t cut = 0; cut < w.length; cut++) {
		bool whole = cut == 8 || cut == 32; /* no section, one section */
		assert_int_equal(entry_samples_read(&samples, w.payload, cut), whole);
	}
}

static struct entry_series some_series(void)
{
	return (struct entry_series){.series_id = 9,
		.step_s = 10,
		.type = FIELD_DERIVE,
		.min = 0,
		.max = NAN,
		.layout = "default",
		.group = "example.com/web",
		.host = "web1.example.com",
		.service = "diskstats_iops.vda",
		.field = "rdio"};
}

static void a_series_comes_back_as_written(void **state)
{
	struct entry_series in = some_series();
	struct entry_series out;
	unsigned char bytes[ENTRY_SERIES_MAX];
	size_t length = entry_series_write(&in, bytes);
	assert_true(entry_series_read(&out, bytes, length));
	assert_int_equal(out.series_id, 9);
	assert_int_equal(out.step_s, 10);
	assert_int_equal(out.type, FIELD_DERIVE);
	assert_true(out.min == 0.0 && isnan(out.max));
	assert_string_equal(out.layout, "default");
	assert_string_equal(out.group, "example.com/web");
	assert_string_equal(out.host, "web1.example.com");
	assert_string_equal(out.service, "diskstats_iops.vda");
	assert_string_equal(out.field, "rdio");
	for (size_t cut = 0; cut < length; cut++) {
		assert_false(entry_series_read(&out, bytes, cut));
	}
}

static void a_series_with_unsafe_names_is_refused(void **state)
{
	/* hostile 7: names that would leave the tree */
	static const char *const hosts[] = {"..", "a/b", "", "-o", "a b"};
	unsigned char bytes[ENTRY_SERIES_MAX];
	for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
		struct entry_series s = some_series();
		strncpy(s.host, hosts[i], sizeof(s.host) - 1);
		memset(s.host + strlen(hosts[i]), 0, sizeof(s.host) - strlen(hosts[i]));
		assert_false(entry_series_read(&s, bytes, entry_series_write(&s, bytes)));
	}
	struct entry_series s = some_series();
	s.type = FIELD_TYPES;
	assert_false(entry_series_read(&s, bytes, entry_series_write(&s, bytes)));
	s = some_series();
	s.step_s = 0;
	assert_false(entry_series_read(&s, bytes, entry_series_write(&s, bytes)));
}

static void a_tick_comes_back_as_written(void **state)
{
	unsigned char bytes[ENTRY_TICK_LENGTH];
	struct wall now;
	entry_tick_write(bytes, (struct wall){-12345});
	assert_true(entry_tick_read(&now, bytes, sizeof(bytes)));
	assert_int_equal(now.ms, -12345);
	assert_false(entry_tick_read(&now, bytes, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_come_back_as_written),
		cmocka_unit_test(a_full_batch_refuses_and_stays_whole),
		cmocka_unit_test(samples_cut_anywhere_inside_are_refused),
		cmocka_unit_test(a_series_comes_back_as_written),
		cmocka_unit_test(a_series_with_unsafe_names_is_refused),
		cmocka_unit_test(a_tick_comes_back_as_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
