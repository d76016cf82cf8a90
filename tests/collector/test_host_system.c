#include "collector/host/entropy.h"
#include "collector/host/filetable.h"
#include "collector/host/loadavg.h"
#include "collector/host/meminfo.h"
#include "collector/host/pressure.h"
#include "collector/host/stat.h"
#include "collector/host/uptime.h"
#include "collector/host/users.h"
#include "collector/host/vmstat.h"
#include "tests/collector/cut.h"

#include <utmp.h>

#include "base/banned.h"

/* Texts are made up in the kernel's formats; NAN is unknown. */
static void parse_stat(const char *text, size_t length, double *v)
{
	struct stat_reading r;
	stat_parse(text, length, &r);
	memcpy(v, r.cpu, sizeof(r.cpu));
	v[9] = r.interrupts;
	v[10] = r.switches;
	v[11] = r.forks;
	v[12] = r.running;
	v[13] = r.blocked;
}

static void stat_gives_ticks_in_the_order_of_the_graph(void **state)
{
	(void)state;
	static const struct cut_case cases[] = {
		{"cpu  11 22 33 44 55 66 77 88 99 1000\ncpu0 1 2 3 4 5 6 7 8 9 0\ncpu1 1 2 3 4 5 6 7 8 9 "
		 "0\n"
		 "intr 123456 0 9 0 0 4\nctxt 777\nbtime 1700000000\nprocesses 4242\nprocs_running "
		 "3\nprocs_blocked 1\n"
		 "softirq 5 1 1 1 1 1\n",
			{33, 11, 22, 44, 55, 66, 77, 88, 99, 123456, 777, 4242, 3, 1}},
		/* a kernel that knows neither steal nor guest; words and too large numbers are unknown,
		   their column stays */
		{"cpu  11 nan 33 44 18446744073709551616 66 77\nintr -5\nctxt 18446744073709551615\n",
			{33, 11, NAN, 44, NAN, 66, 77, NAN, NAN, NAN, 18446744073709551615.0, NAN, NAN, NAN}},
		{"", {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}},
		{"cpu\ncpu \nintr\nctxt \n\n\n",
			{NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}},
	};
	assert_cases(parse_stat, cases, ARRAY_LENGTH(cases), 14);
	struct stat_reading r;
	stat_parse(cases[0].text, strlen(cases[0].text), &r);
	assert_int_equal(r.cpus, 2);
}

static void parse_loadavg(const char *text, size_t length, double *v)
{
	v[0] = loadavg_parse(text, length);
}

static void parse_uptime(const char *text, size_t length, double *v)
{
	v[0] = uptime_parse(text, length) * 86400;
}

static void parse_entropy(const char *text, size_t length, double *v)
{
	v[0] = entropy_parse(text, length);
}

static void one_line_files_give_one_number_or_nothing(void **state)
{
	(void)state;
	static const struct cut_case load[] = {
		{"0.05 1.25 0.01 1/108 4711\n", {1.25}},
		{"0.05 1,25 0.01 1/108 4711\n", {NAN}},
		{"0.05\n", {NAN}},
		{"\n", {NAN}},
	};
	static const struct cut_case uptime[] = {{"172800.00 300000.00\n", {172800}}, {"U 1\n", {NAN}},
		{"1e400 1\n", {NAN}}, {"0x10 1\n", {NAN}}};
	static const struct cut_case entropy[] = {
		{"256\n", {256}}, {"-1\n", {NAN}}, {"99999999999999999999\n", {NAN}}, {"\n256\n", {NAN}}};
	assert_cases(parse_loadavg, load, ARRAY_LENGTH(load), 1);
	assert_cases(parse_uptime, uptime, ARRAY_LENGTH(uptime), 1);
	assert_cases(parse_entropy, entropy, ARRAY_LENGTH(entropy), 1);
}

static void parse_filetable(const char *text, size_t length, double *v)
{
	struct filetable_reading r;
	filetable_parse(text, length, &r);
	v[0] = r.allocated;
	v[1] = r.unused;
	v[2] = r.most;
}

static void file_tables_may_lack_their_maximum(void **state)
{
	(void)state;
	static const struct cut_case cases[] = {
		{"1504\t0\t9223372036854775807\n", {1504, 0, 9223372036854775807.0}},
		{"44579\t120\n", {44579, 120, NAN}},
		{"junk\n", {NAN, NAN, NAN}},
	};
	assert_cases(parse_filetable, cases, ARRAY_LENGTH(cases), 3);
}

static void parse_vmstat(const char *text, size_t length, double *v)
{
	struct vmstat_reading r;
	vmstat_parse(text, length, &r);
	v[0] = r.in;
	v[1] = r.out;
}

static void vmstat_finds_its_two_lines(void **state)
{
	(void)state;
	static const struct cut_case cases[] = {
		{"nr_free_pages 5\npgpgin 7\npswpin 12\npswpout 34\npgalloc 9\n", {12, 34}},
		{"nr_free_pages 5\nzpswpin 1\npswpinx 2\npswpin \npswpout x\n", {NAN, NAN}},
		{"a 1\npswpout 34\n", {NAN, 34}},
	};
	assert_cases(parse_vmstat, cases, ARRAY_LENGTH(cases), 2);
}

static void parse_meminfo(const char *text, size_t length, double *v)
{
	struct meminfo_reading r;
	meminfo_parse(text, length, &r);
	memcpy(v, r.bytes, sizeof(r.bytes));
}

static void meminfo_counts_in_bytes_and_leaves_out_what_is_not_printed(void **state)
{
	(void)state;
	static const char text[] = "MemTotal:       24684092 kB\nMemFree:        100 kB\nCached: 3 "
							   "kB\nBuffers: 2\nSlab: 4 MB\n"
							   "SwapTotal: 18446744073709551616 kB\nMapped 5 kB\nActive(anon): 6 "
							   "kB\nActive:   7 kB\nPercpu: -8 kB\n"
							   "Hugepagesize:       2048 kB\n";
	double v[CUT_VALUES];
	cut_parse(parse_meminfo, text, strlen(text), v);
	for (size_t i = 0; i < MEMINFO_KEYS; i++) {
		double expected = i == MEMINFO_TOTAL    ? 24684092.0 * 1024
						  : i == MEMINFO_FREE   ? 102400
						  : i == MEMINFO_CACHED ? 3072
						  : i == MEMINFO_ACTIVE ? 7168
												: NAN;
		assert_true(isnan(expected) ? isnan(v[i]) : v[i] == expected);
	}
	cut_everywhere(parse_meminfo, text, MEMINFO_KEYS);
}

static void parse_pressure(const char *text, size_t length, double *v)
{
	struct pressure_reading r;
	pressure_parse(text, length, &r);
	v[0] = r.some;
	v[1] = r.full;
}

static void pressure_reads_totals_not_averages(void **state)
{
	(void)state;
	static const struct cut_case cases[] = {
		{"some avg10=1.00 avg60=2.00 avg300=3.00 total=444\nfull avg10=0.10 avg60=0.20 avg300=0.30 "
		 "total=55\n",
			{444, 55}},
		{"some avg10=1.00 avg60=2.00 avg300=3.00 total=444\n", {444, NAN}},
		{"some total=\nfull =5 tota=6 xtotal=7\n", {NAN, 7}},
		{"some =\nfull tl=1\n", {NAN, NAN}},
	};
	assert_cases(parse_pressure, cases, ARRAY_LENGTH(cases), 2);
}

static int only_even_live(int pid)
{
	return pid % 2 == 0;
}

static void logins_count_by_their_line_while_they_live(void **state)
{
	(void)state;
	static const struct {
		short type;
		int pid;
		const char *user, *line;
	} logins[] = {
		{USER_PROCESS, 2, "ann", "pts/0"}, {USER_PROCESS, 4, "bob", "pts/17"},
		{USER_PROCESS, 5, "eve", "pts/3"}, /* dead */
		{USER_PROCESS, 6, "ann", "tty1"}, {USER_PROCESS, 8, "ann", ":0"},
		{USER_PROCESS, 10, "ann", "ptyp4"}, {USER_PROCESS, 12, "ann", "console"},
		{USER_PROCESS, 14, "", "pts/9"}, /* nobody */
		{DEAD_PROCESS, 16, "ann", "pts/9"}, {BOOT_TIME, 0, "reboot", "~"},
		{USER_PROCESS, 18, "ann", "pts/0123456789012345678901234567"}, /* fills the field: no NUL */
	};
	char text[sizeof(struct utmp) * ARRAY_LENGTH(logins) + 100];
	memset(text, 0xff, sizeof(text));
	for (size_t i = 0; i < ARRAY_LENGTH(logins); i++) {
		struct utmp record = {.ut_type = logins[i].type, .ut_pid = logins[i].pid};
		memcpy(record.ut_user, logins[i].user, strlen(logins[i].user));
		memcpy(record.ut_line, logins[i].line, strnlen(logins[i].line, sizeof(record.ut_line)));
		memcpy(text + 1 + i * sizeof(record), &record, sizeof(record)); /* not aligned */
	}
	struct users_reading r;
	users_parse(text + 1, sizeof(text) - 1, only_even_live, &r);
	assert_int_equal(r.pts, 3);
	assert_int_equal(r.tty, 1);
	assert_int_equal(r.x, 1);
	assert_int_equal(r.pty, 1);
	assert_int_equal(r.other, 1);
	users_parse(text + 1, sizeof(struct utmp) * 2 - 1, NULL, &r);
	assert_int_equal(r.pts, 1); /* a record cut short does not count */
	users_parse(NULL, 0, NULL, &r);
	assert_int_equal(r.pts + r.tty + r.x + r.pty + r.other, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_gives_ticks_in_the_order_of_the_graph),
		cmocka_unit_test(one_line_files_give_one_number_or_nothing),
		cmocka_unit_test(file_tables_may_lack_their_maximum),
		cmocka_unit_test(vmstat_finds_its_two_lines),
		cmocka_unit_test(meminfo_counts_in_bytes_and_leaves_out_what_is_not_printed),
		cmocka_unit_test(pressure_reads_totals_not_averages),
		cmocka_unit_test(logins_count_by_their_line_while_they_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
