#include "collector/nagios_range.h"
#include "base/auto.h"
#include "tests/support/test.h"

#include <glib.h>

#include <sys/wait.h>

static void ranges_alert_as_the_guidelines_say(void **state UNUSED)
{
	static const struct {
		const char *range;
		double quiet[3], loud[3];
	} cases[] = {
		{"10", {0, 5, 10}, {-0.001, 10.001, 1e9}},
		{"10:", {10, 11, 1e300}, {9.999, 0, -1e300}},
		{"~:10", {10, -1e300, 0}, {10.001, 11, 1e300}},
		{"10:20", {10, 15, 20}, {9.999, 20.001, -15}},
		{"@10:20", {9.999, 20.001, -1e9}, {10, 15, 20}},
		{"@10", {-0.001, 10.001, 100}, {0, 5, 10}},
		{"@~:0", {0.001, 1, 1e9}, {0, -1, -1e9}},
		{":10", {0, 5, 10}, {-1, 11, 12}},
		{"-10:-5", {-10, -7, -5}, {-11, -4.9, 0}},
		{"0.1:0.3", {0.1, 0.2, 0.3}, {0.0999, 0.3001, 0}},
		{"0", {0, 0, -0.0}, {1e-300, -1e-300, 1}},
		{" 1 : 2 ", {1, 1.5, 2}, {0, 3, 4}},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct nagios_range range;
		assert_true(nagios_range_parse(cases[i].range, strlen(cases[i].range), &range));
		for (size_t k = 0; k < 3; k++) {
			if (nagios_range_alerts(&range, cases[i].quiet[k]) ||
				!nagios_range_alerts(&range, cases[i].loud[k])) {
				fail_msg("%s, value %zu", cases[i].range, k);
			}
		}
		assert_false(nagios_range_alerts(&range, NAN));
	}
}

static void what_is_no_range_is_refused(void **state UNUSED)
{
	static const char *const bad[] = {"", ":", "@", "@:", "~", "@~", "10:5", "-1", "~10", "1:~",
		"a", "1:b", "1,5", "0x1:2", "nan", "inf:", "1:2:3", "1-2", "U", "1:U",
		"111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
		"1"
		"11111111111111111111111111111111111111111111111111111111111111111111"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct nagios_range range = {.low = 42};
		if (nagios_range_parse(bad[i], strlen(bad[i]), &range)) {
			fail_msg("\"%s\" was taken", bad[i]);
		}
		assert_near(range.low, 42, 0);
	}
}

/* -- beside the library that plugins in Perl use -- */

enum { CASES = 20000 };

static uint32_t seed = 20240607;

static uint32_t next_random(uint32_t below)
{
	seed = seed * 1664525U + 1013904223U;
	return (seed >> 8) % below;
}

/* A small number, so that ends and values often meet. */
static void random_number(char *out, size_t size)
{
	static const char *const fractions[] = {"", "", ".5", ".1", ".25", ".001"};
	snprintf(out, size, "%s%u%s", next_random(3) ? "" : "-", (unsigned)next_random(6),
		fractions[next_random(ARRAY_LENGTH(fractions))]);
}

static void random_range(char *out, size_t size)
{
	char low[32] = "", high[32] = "";
	if (next_random(5)) {
		random_number(low, sizeof(low));
	} else if (next_random(2)) {
		strcpy(low, "~");
	}
	if (next_random(4)) {
		random_number(high, sizeof(high));
	}
	const char *at = next_random(4) ? "" : "@";
	if (next_random(4)) {
		snprintf(out, size, "%s%s:%s", at, low, high);
	} else {
		snprintf(out, size, "%s%s", at, next_random(2) ? low : high);
	}
}

static const char script[] =
	"use Monitoring::Plugin::Range; $SIG{__WARN__} = sub {};\n"
	"while (<STDIN>) { chomp; my ($text, $value) = split /\\|/;\n"
	"  my $range = $text eq '' ? undef : eval { "
	"Monitoring::Plugin::Range->parse_range_string($text) };\n"
	"  print defined $range ? ($range->check_range($value) ? 1 : 0) : '-', \"\\n\"; }\n";

/* What Perl says to each line of `input`; NULL: the library is not here. */
static char *ask_perl(const char *input)
{
	char *dir = test_directory();
	g_autofree char *in = g_strconcat(dir, "/in", NULL);
	g_autofree char *program = g_strconcat(dir, "/program", NULL);
	g_autofree char *command = g_strdup_printf("perl '%s' < '%s'", program, in);
	char *argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, command, NULL};
	char *output = NULL;
	int status = 1;
	assert_true(g_file_set_contents(in, input, -1, NULL));
	assert_true(g_file_set_contents(program, script, -1, NULL));
	bool ran = g_spawn_sync(
		NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output, NULL, &status, NULL);
	test_directory_remove(dir);
	if (!ran || status) {
		g_free(output);
		return NULL;
	}
	return output;
}

static void ranges_alert_as_the_plugins_own_library(void **state UNUSED)
{
	GString *input = g_string_new(NULL);
	char range[80], value[32];
	for (int i = 0; i < CASES; i++) {
		random_range(range, sizeof(range));
		random_number(value, sizeof(value));
		g_string_append_printf(input, "%s|%s\n", range, value);
	}
	g_autofree char *output = ask_perl(input->str);
	if (!output) {
		g_string_free(input, TRUE);
		skip();
	}
	g_auto(GStrv) lines = g_strsplit(input->str, "\n", -1);
	g_auto(GStrv) answers = g_strsplit(output, "\n", -1);
	unsigned refused = 0, alerts = 0;
	for (int i = 0; i < CASES; i++) {
		struct nagios_range parsed;
		char *bar = strchr(lines[i], '|');
		bool valid = nagios_range_parse(lines[i], (size_t)(bar - lines[i]), &parsed);
		bool alert = valid && nagios_range_alerts(&parsed, strtod(bar + 1, NULL));
		const char *ours = !valid ? "-" : alert ? "1" : "0";
		if (strcmp(ours, answers[i]) != 0) {
			fail_msg("%s: %s here, %s there", lines[i], ours, answers[i]);
		}
		refused += !valid;
		alerts += alert;
	}
	assert_true(refused > CASES / 20 && alerts > CASES / 10 && alerts < CASES * 9 / 10);
	g_string_free(input, TRUE);
}

/* -- beside a plugin in C: it counts processes, here none -- */

#define CHECK_PROCS "/usr/lib/nagios/plugins/check_procs"

static void ranges_alert_as_a_plugin_in_c(void **state UNUSED)
{
	static const char *const ranges[] = {"0", "1", "0:", "1:", "~:0", "~:1", ":0", "0:0", "0:1",
		"1:2", "@0", "@1", "@0:0", "@1:2", "@0:", "@1:", "@~:0", "~:", "-1:1", "-2:-1", "@-2:-1",
		"0.5:", "~:-0.5", "~:-1", "@~:-1"};
	if (access(CHECK_PROCS, X_OK)) {
		skip();
	}
	for (size_t i = 0; i < ARRAY_LENGTH(ranges); i++) {
		g_autofree char *option = g_strconcat("--critical=", ranges[i], NULL);
		char *argv[] = {
			(char[]){CHECK_PROCS}, option, (char[]){"-C"}, (char[]){"no-such-program"}, NULL};
		struct nagios_range range;
		int status = 0;
		assert_true(
			g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
				NULL, NULL, NULL, NULL, &status, NULL));
		assert_true(WIFEXITED(status));
		assert_true(nagios_range_parse(ranges[i], strlen(ranges[i]), &range));
		if ((WEXITSTATUS(status) == 2) != nagios_range_alerts(&range, 0)) {
			fail_msg("%s: it ends with %d", ranges[i], WEXITSTATUS(status));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_alert_as_the_guidelines_say),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(ranges_alert_as_the_plugins_own_library),
		cmocka_unit_test(ranges_alert_as_a_plugin_in_c),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
