#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static const char text[] = "rule disk {\n\twar   > 92% for 10m\n  name \"Zürich\" x\n}\n";
static const struct diag_source source = {"rules.d/disk.magpie", text, sizeof(text) - 1};

static char *printed(struct diag_list *list, enum diag_format format)
{
	GString *out = g_string_new(NULL);
	diag_print(list, format, out);
	return g_string_free(out, FALSE);
}

static void human_shows_line_caret_and_notes(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	struct diag_place place = {3, 17, 18};
	struct diag *d = diag_add(list, &source, place, DIAG_ERROR, "E102", "%s", "unexpected");
	diag_note(d, "first");
	diag_note(d, "help: second");
	place = (struct diag_place){2, 2, 5};
	d = diag_add(list, &source, place, DIAG_WARNING, "E101", "unknown statement \"%s\"", "war");
	diag_suggest(d, place, "warn");
	char *out = printed(list, DIAG_HUMAN);
	assert_string_equal(out, "rules.d/disk.magpie:2:2: warning[E101]: unknown statement \"war\"\n"
							 "  2 | \twar   > 92% for 10m\n"
							 "    | \t^^^ did you mean \"warn\"?\n"
							 "rules.d/disk.magpie:3:17: error[E102]: unexpected\n"
							 "  3 |   name \"Zürich\" x\n"
							 "    |                 ^ first\n"
							 "    |                 help: second\n");
	g_free(out);
}

static void gcc_form_is_one_line_each(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	struct diag_place place = {2, 2, 5};
	struct diag *d = diag_add(list, &source, place, DIAG_ERROR, "E101", "no");
	diag_suggest(d, place, "warn");
	char *out = printed(list, DIAG_GCC);
	assert_string_equal(out, "rules.d/disk.magpie:2:2: error: no [E101]\n"
							 "rules.d/disk.magpie:2:2: note: did you mean \"warn\"?\n");
	g_free(out);
}

static void a_long_line_is_kept_and_shown_around_the_place(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	enum { LENGTH = 1 << 20, PLACE = 700000 };
	char *bytes = g_malloc(LENGTH + 1);
	memset(bytes, 'a', LENGTH);
	bytes[LENGTH] = '\0';
	memcpy(bytes + PLACE - 1, "wrong", 5);
	bytes[PLACE - 50] = (char)0xff; /* counts as one character, as the lexer counts it */
	struct diag_source one = {"one", bytes, LENGTH};
	struct diag_place place = {1, PLACE, PLACE + 5};
	const struct diag *d = diag_add(list, &one, place, DIAG_ERROR, "E101", "no");
	assert_true(strlen(d->line) < 2000);
	char *out = printed(list, DIAG_HUMAN);
	char **lines = g_strsplit(out, "\n", -1);
	assert_true(strlen(lines[1]) < 400);
	const char *caret = strchr(lines[2], '^');
	const char *word = strstr(lines[1], "wrong");
	assert_non_null(caret);
	assert_non_null(word);
	assert_int_equal(
		g_utf8_strlen(lines[1], word - lines[1]), g_utf8_strlen(lines[2], caret - lines[2]));
	assert_true(g_str_has_prefix(caret, "^^^^^"));
	assert_true(g_str_has_suffix(lines[1], "…"));
	g_strfreev(lines);
	g_free(out);
	g_free(bytes);
}

static void json_escapes_what_it_must(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	struct diag_source odd = {"a\"\\\x01.magpie", NULL, 0};
	struct diag_place place = {1, 1, 2};
	struct diag *d = diag_add(list, &odd, place, DIAG_ERROR, "E001", "tab\there\nline");
	diag_fix(d, place, "\"");
	char *out = printed(list, DIAG_JSON);
	assert_string_equal(out,
		"{\"diagnostics\":[{\"file\":\"a\\\"\\\\\xef\xbf\xbd.magpie\",\"line\":1,\"column\":1,"
		"\"end_column\":2,\"severity\":\"error\",\"code\":\"E001\","
		"\"message\":\"tab\\u0009here\xef\xbf\xbdline\",\"notes\":[],"
		"\"fixes\":[{\"line\":1,\"column\":1,\"end_column\":2,\"text\":\"\\\"\"}]}]}\n");
	g_free(out);
}

static void files_come_in_their_order_then_places(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	struct diag_source b = {"b", "", 0};
	struct diag_source a = {"a", "", 0};
	diag_list_file(list, "b");
	(void)diag_add(list, &a, (struct diag_place){1, 1, 1}, DIAG_ERROR, "E1", "x");
	(void)diag_add(list, &b, (struct diag_place){9, 1, 1}, DIAG_ERROR, "E1", "x");
	(void)diag_add(list, &b, (struct diag_place){2, 7, 7}, DIAG_ERROR, "E1", "x");
	(void)diag_add(list, &b, (struct diag_place){2, 7, 7}, DIAG_ERROR, "E1", "repeat");
	assert_int_equal(diag_count(list), 3);
	assert_int_equal(diag_at(list, 0)->place.line, 2);
	assert_int_equal(diag_at(list, 1)->place.line, 9);
	assert_string_equal(diag_at(list, 2)->file, "a");
	assert_int_equal(diag_errors(list), 3);
}

static void warnings_never_hide_an_error(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	for (unsigned i = 1; i <= 150; i++) {
		(void)diag_add(
			list, &source, (struct diag_place){i, 1, 1}, DIAG_WARNING, "W501", "nothing");
	}
	(void)diag_add(list, &source, (struct diag_place){900, 1, 1}, DIAG_ERROR, "E103", "missing");
	assert_int_equal(diag_count(list), DIAG_MOST);
	assert_int_equal(diag_at(list, DIAG_MOST - 1)->severity, DIAG_ERROR);
	assert_int_equal(diag_warnings(list), 150);
	char *out = printed(list, DIAG_HUMAN);
	assert_non_null(strstr(out, "\nand 51 more\n"));
	g_free(out);
}

static void exit_code_follows_severity(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	assert_int_equal(diag_exit_code(list, true), 0);
	(void)diag_add(list, &source, (struct diag_place){1, 1, 1}, DIAG_WARNING, "W1", "x");
	assert_int_equal(diag_exit_code(list, false), 0);
	assert_int_equal(diag_exit_code(list, true), 2);
	(void)diag_add(list, &source, (struct diag_place){1, 1, 1}, DIAG_ERROR, "E1", "x");
	assert_int_equal(diag_exit_code(list, false), 1);
	assert_int_equal(diag_exit_code(list, true), 1);
}

static void long_lines_are_cut_around_the_caret(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	char *line = g_strnfill(5000, 'a');
	line[3000] = 'X';
	struct diag_source wide = {"wide", line, 5000};
	(void)diag_add(list, &wide, (struct diag_place){1, 3001, 3002}, DIAG_ERROR, "E1", "x");
	char *out = printed(list, DIAG_HUMAN);
	char **lines = g_strsplit(out, "\n", -1);
	assert_true(strlen(lines[1]) < 200);
	glong caret = g_utf8_strlen(lines[2], -1);
	const char *marked = g_utf8_offset_to_pointer(lines[1], caret - 1);
	assert_int_equal(*marked, 'X');
	g_strfreev(lines);
	g_free(out);
	g_free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(human_shows_line_caret_and_notes),
		cmocka_unit_test(gcc_form_is_one_line_each),
		cmocka_unit_test(a_long_line_is_kept_and_shown_around_the_place),
		cmocka_unit_test(json_escapes_what_it_must),
		cmocka_unit_test(files_come_in_their_order_then_places),
		cmocka_unit_test(warnings_never_hide_an_error),
		cmocka_unit_test(exit_code_follows_severity),
		cmocka_unit_test(long_lines_are_cut_around_the_caret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
