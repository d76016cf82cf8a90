#include "magpie/options.h"
#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/* A command with one option of each kind, run on words as a shell would hand them over. */

struct run {
	const char *words[8];
	enum options_result result;
	const char *from, *o;
	bool strict;
	int operands;
	const char *first;
};

static void run_case(const struct run *expected)
{
	const char *from = NULL;
	const char *o = NULL;
	bool strict = false;
	const struct option_row rows[] = {{"from", "TIME", "begin", &from, NULL},
		{"o", "FILE", "output", &o, NULL}, {"strict", NULL, "warnings count", NULL, &strict}};
	const struct options options = {.command = "test",
		.operands = "FILE…",
		.about = "tests",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.least_operands = 1,
		.most_operands = 2};
	char name[] = "test";
	char *argv[9] = {name};
	int argc = 1;
	for (; expected->words[argc - 1]; argc++) {
		argv[argc] = (char *)expected->words[argc - 1];
	}
	int operands = 0;
	assert_int_equal(options_parse(&options, argc, argv, &operands), expected->result);
	if (expected->result == OPTIONS_GO) {
		assert_int_equal(operands, expected->operands);
		assert_string_equal(argv[0], expected->first);
		assert_string_equal(from ? from : "-", expected->from ? expected->from : "-");
		assert_string_equal(o ? o : "-", expected->o ? expected->o : "-");
		assert_int_equal(strict, expected->strict);
	}
}

static void options_take_values_flags_and_operands_in_any_order(void **state UNUSED)
{
	static const struct run cases[] = {
		{{"a"}, OPTIONS_GO, NULL, NULL, false, 1, "a"},
		{{"--from", "-1d", "a"}, OPTIONS_GO, "-1d", NULL, false, 1, "a"},
		{{"a", "--from=-1d", "b"}, OPTIONS_GO, "-1d", NULL, false, 2, "a"},
		{{"-o", "x.png", "--strict", "a"}, OPTIONS_GO, NULL, "x.png", true, 1, "a"},
		{{"--", "--strict"}, OPTIONS_GO, NULL, NULL, false, 1, "--strict"},
		{{"-"}, OPTIONS_GO, NULL, NULL, false, 1, "-"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		run_case(&cases[i]);
	}
}

static void wrong_use_is_refused(void **state UNUSED)
{
	static const struct run cases[] = {
		{{NULL}, OPTIONS_WRONG},
		{{"a", "b", "c"}, OPTIONS_WRONG},
		{{"a", "--frm", "x"}, OPTIONS_WRONG},
		{{"a", "--from"}, OPTIONS_WRONG},
		{{"a", "--strict=yes"}, OPTIONS_WRONG},
		{{"a", "-from", "x"}, OPTIONS_WRONG},
		{{"a", "--o", "x"}, OPTIONS_WRONG},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		run_case(&cases[i]);
	}
}

static void help_wins_over_missing_operands(void **state UNUSED)
{
	static const struct run help = {{"--help"}, OPTIONS_HELP};
	run_case(&help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_take_values_flags_and_operands_in_any_order),
		cmocka_unit_test(wrong_use_is_refused),
		cmocka_unit_test(help_wins_over_missing_operands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
