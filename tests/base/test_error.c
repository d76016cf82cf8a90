#include "base/error.h"
#include "tests/support/test.h"

static void failing_is_one_statement(void **state)
{
	(void)state;
	struct error err = {.kind = ERR_NONE};
	assert_false(error_set(&err, ERR_TIMEOUT, "node %s after %d s", "web1", 10));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(err.text, "node web1 after 10 s");
}

static void nobody_has_to_want_the_error(void **state)
{
	(void)state;
	assert_false(error_set(NULL, ERR_CONFIG, "x"));
	assert_false(error_errno(NULL, ERR_CONFIG, 2, "x"));
	assert_false(error_prefix(NULL, "x"));
}

static void errno_is_told_in_words(void **state)
{
	(void)state;
	struct error err;
	assert_false(error_errno(&err, ERR_STORAGE, 2, "%s", "a.rrd"));
	assert_string_equal(err.text, "a.rrd: No such file or directory");
	assert_false(error_errno(&err, ERR_STORAGE, 99999, "a.rrd"));
	assert_string_equal(err.text, "a.rrd: unknown error");
}

static void each_level_up_puts_its_word_before(void **state)
{
	(void)state;
	struct error err;
	error_set(&err, ERR_NOT_FOUND, "field a");
	assert_false(error_prefix(&err, "service %s", "cpu"));
	assert_false(error_prefix(&err, "host %s", "web1"));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err.text, "host web1: service cpu: field a");
}

static void long_texts_are_cut_not_overrun(void **state)
{
	(void)state;
	struct {
		struct error err;
		char canary[8];
	} guarded = {.canary = "canary"};
	char text[1000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&guarded.err, ERR_CONFIG, "%s", text);
	assert_int_equal(strlen(guarded.err.text), sizeof(guarded.err.text) - 1);
	error_prefix(&guarded.err, "%s", "here");
	assert_int_equal(strlen(guarded.err.text), sizeof(guarded.err.text) - 1);
	assert_memory_equal(guarded.err.text, "here: xxx", 9);
	error_prefix(&guarded.err, "%s", text);
	error_errno(&guarded.err, ERR_CONFIG, 2, "%s", text);
	assert_int_equal(strlen(guarded.err.text), sizeof(guarded.err.text) - 1);
	assert_string_equal(guarded.canary, "canary");
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
	for (int kind = ERR_NONE; kind <= ERR_STORAGE; kind++) {
		assert_true(strlen(error_kind_name((enum error_kind)kind)) > 2);
	}
	assert_string_equal(error_kind_name(ERR_NOT_FOUND), "not_found");
	assert_string_equal(error_kind_name((enum error_kind)999), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_is_one_statement),
		cmocka_unit_test(nobody_has_to_want_the_error),
		cmocka_unit_test(errno_is_told_in_words),
		cmocka_unit_test(each_level_up_puts_its_word_before),
		cmocka_unit_test(long_texts_are_cut_not_overrun),
		cmocka_unit_test(every_kind_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
