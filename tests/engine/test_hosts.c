#include "engine/hosts.h"

#include "tests/support/test.h"

static const int64_t hour_ms = 3600 * 1000;

static struct wall at_hour(int64_t hour)
{
	return (struct wall){hour * hour_ms + 5};
}

static void a_host_changes_when_it_stops_or_begins_to_answer(void **state)
{
	struct hosts *hosts = hosts_create();
	struct hosts_round up = {{1000}, true, 10, ""};
	struct hosts_round down = {{2000}, false, 10, "refused"};
	assert_null(hosts_find(hosts, "web1"));
	assert_true(hosts_seen(hosts, "web1", &up));
	assert_false(hosts_seen(hosts, "web1", &up));
	assert_true(hosts_seen(hosts, "web1", &down));
	assert_false(hosts_seen(hosts, "web1", &down));
	const struct store_host *host = hosts_find(hosts, "web1");
	assert_int_equal(host->seen.ms, 1000); /* it answered last then */
	assert_string_equal(host->error, "refused");
	hosts_destroy(hosts);
}

static void the_strip_keeps_the_worst_of_each_hour(void **state)
{
	struct hosts *hosts = hosts_create();
	char strip[STORE_STRIP + 1];
	assert_true(hosts_level(hosts, "web1", 0, at_hour(100)));
	assert_false(hosts_level(hosts, "web1", 0, at_hour(100)));
	assert_true(hosts_level(hosts, "web1", 3, at_hour(100)));
	assert_false(hosts_level(hosts, "web1", 1, at_hour(100)));
	assert_true(hosts_level(hosts, "web1", 4, at_hour(102)));
	assert_true(hosts_level(hosts, "web1", 2, at_hour(102))); /* worse than unknown */
	hosts_strip(hosts_find(hosts, "web1"), at_hour(103), strip);
	assert_string_equal(strip, "--------------------c-w-");
	hosts_strip(hosts_find(hosts, "web1"), at_hour(500), strip);
	assert_string_equal(strip, "------------------------");
	hosts_destroy(hosts);
}

static void a_clock_that_steps_back_does_no_harm(void **state)
{
	struct hosts *hosts = hosts_create();
	char strip[STORE_STRIP + 1];
	(void)hosts_level(hosts, "web1", 3, at_hour(100));
	(void)hosts_level(hosts, "web1", 1, at_hour(90));
	hosts_strip(hosts_find(hosts, "web1"), at_hour(100), strip);
	assert_string_equal(strip, "-----------------------c");
	hosts_destroy(hosts);
}

static void what_was_stored_comes_back(void **state)
{
	struct hosts *hosts = hosts_create();
	struct store_host stored = {.name = (char *)"web1",
		.error = (char *)"late",
		.seen = {77},
		.up = true,
		.step_s = 60,
		.strip_hour = 100,
		.strip = "-----------------xxx-wco"};
	hosts_restore(hosts, &stored);
	struct hosts_round round = {{78}, true, 60, "late"};
	assert_false(hosts_seen(hosts, "web1", &round));
	char strip[STORE_STRIP + 1];
	hosts_strip(hosts_find(hosts, "web1"), at_hour(101), strip);
	assert_string_equal(strip, "--------------------wco-"); /* letters that are none are not kept */
	hosts_destroy(hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_changes_when_it_stops_or_begins_to_answer),
		cmocka_unit_test(the_strip_keeps_the_worst_of_each_hour),
		cmocka_unit_test(a_clock_that_steps_back_does_no_harm),
		cmocka_unit_test(what_was_stored_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
