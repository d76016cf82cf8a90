#include "base/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static const char *const kinds[] = {
	"end", "eol", "string", "date", "span", "selector", "number", "name", "group", "op"};

/* All tokens as "kind(text) kind(text) …", without the end. */
static char *tokens(const char *text, size_t length, struct diag_list *list)
{
	struct diag_source source = {"t", text, length};
	struct lexer lexer;
	lexer_init(&lexer, &source, list);
	GString *out = g_string_new(NULL);
	for (; lexer.token.kind != TOKEN_END; lexer_advance(&lexer)) {
		const struct token *t = &lexer.token;
		if (t->kind == TOKEN_EOL) {
			g_string_append(out, out->len ? " ;" : ";");
			continue;
		}
		g_string_append_printf(
			out, "%s%s(%.*s)", out->len ? " " : "", kinds[t->kind], (int)t->length, t->text);
	}
	return g_string_free(out, FALSE);
}

static void forms_are_cut_as_the_language_says(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", ""},
		{"# only a comment", ""},
		{"value df:*  # x\n", "name(value) selector(df:*) ;"},
		{"rule host_down { value node:age; warn > 10m }",
			"name(rule) name(host_down) op({) name(value) selector(node:age) ; name(warn) op(>) "
			"number(10m) op(})"},
		{"avg(df:*, 5m)", "name(avg) op(() selector(df:*) op(,) number(5m) op())"},
		{"(df:a + 1)", "op(() selector(df:a) op(+) number(1) op())"},
		{"http_{site}:up http_(a|b):up (a|b):c",
			"selector(http_{site}:up) selector(http_(a|b):up) selector((a|b):c)"},
		{"\"web 1\":df:* \"x\" y", "selector(\"web 1\":df:*) string(\"x\") name(y)"},
		{"df:*[mount != \"/tmp\", t ~ ext]", "selector(df:*) op([) name(mount) op(!=) "
											 "string(\"/tmp\") op(,) name(t) op(~) name(ext) "
											 "op(])"},
		{"10/s 100Mbit/s 0/s/s 1h30m 92% 1.5", "number(10/s) number(100Mbit/s) number(0/s/s) "
											   "number(1h30m) number(92%) number(1.5)"},
		{"15C..48C 1 .. 2", "number(15C) op(..) number(48C) number(1) op(..) number(2)"},
		{"a/s 5/step", "name(a) op(/) name(s) number(5) op(/) name(step)"},
		{"memory:a/memory:b", "selector(memory:a) op(/) selector(memory:b)"},
		{"from 2026-09-01T22:00 to 2026-09-02", "name(from) date(2026-09-01T22:00) name(to) "
												"date(2026-09-02)"},
		{"mon-fri 08:00-18:00, 22:00-06:00",
			"name(mon-fri) span(08:00-18:00) op(,) span(22:00-06:00)"},
		{"hosts @prod/web !web-canary web*",
			"name(hosts) group(@prod/web) op(!) name(web-canary) name(web*)"},
		{"listen 127.0.0.1:8080", "name(listen) selector(127.0.0.1:8080)"},
		{"listen *:8080", "name(listen) selector(*:8080)"},
		{"net 10.0.0.1", "name(net) number(10.0.0.1)"},
		{"from ops@example.org", "name(from) name(ops) group(@example.org)"},
		{"tag.rack web1.example.org a-", "name(tag.rack) name(web1.example.org) name(a-)"},
		{"a !~ b >= c <= d == e", "name(a) op(!~) name(b) op(>=) name(c) op(<=) name(d) op(==) "
								  "name(e)"},
		{"-5m - 3", "op(-) number(5m) op(-) number(3)"},
		{"\xef\xbb\xbf"
		 "a\r\nb\r\n",
			"name(a) ; name(b) ;"},
		{"\"a\\\"b\" \"c\"", "string(\"a\\\"b\") string(\"c\")"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(diag_list) list = diag_list_create();
		char *out = tokens(cases[i].text, strlen(cases[i].text), list);
		assert_string_equal(out, cases[i].expected);
		assert_int_equal(diag_errors(list), 0);
		g_free(out);
	}
}

static void complaints_point_at_the_exact_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *code, *fix;
		unsigned line, column, end;
	} cases[] = {
		{"a\n  b \"open\nc", "E002", NULL, 2, 5, 10},
		{"s \"share \\q on\"", "E003", "\\\\", 1, 10, 12},
		{"a > 50% && b", "E004", "and", 1, 9, 11},
		{"a || b", "E004", "or", 1, 3, 5},
		{"s “x", "E004", "\"", 1, 3, 4},
		{"from 2026-13-01T22:00", "E008", NULL, 1, 6, 22},
		{"from 2026-02-29", "E008", NULL, 1, 6, 16},
		{"mon 08:00-25:00", "E008", NULL, 1, 5, 16},
		{"value df:*-5%", "E012", "df:* - 5%", 1, 11, 12},
		{"value a:b*2.5", "E012", "a:b * 2.5", 1, 10, 11},
		{"value x*2", "E012", "x * 2", 1, 8, 9},
		{"value df: x", "E009", NULL, 1, 7, 10},
		{"value a:b:c:d", "E009", NULL, 1, 7, 14},
		{"ü\n # Zürich\n \"ü\" \xff\xfe x", "E004", NULL, 1, 1, 2},
		{"\"ü\" \xff\xfe x", "E001", NULL, 1, 5, 7},
		{"a \x01 b", "E001", NULL, 1, 3, 4},
		{"a\rb", "E001", NULL, 1, 2, 3},
		{"# \x07", "E001", NULL, 1, 3, 4},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(diag_list) list = diag_list_create();
		g_free(tokens(cases[i].text, strlen(cases[i].text), list));
		assert_true(diag_count(list) > 0);
		const struct diag *d = diag_at(list, 0);
		assert_string_equal(d->code, cases[i].code);
		assert_int_equal(d->place.line, cases[i].line);
		assert_int_equal(d->place.column, cases[i].column);
		assert_int_equal(d->place.end_column, cases[i].end);
		if (cases[i].fix) {
			assert_int_equal(d->fixes->len, 1);
			const struct diag_fix *fix = g_ptr_array_index(d->fixes, 0);
			assert_string_equal(fix->text, cases[i].fix);
		}
	}
}

static void one_fault_is_one_complaint(void **state)
{
	(void)state;
	static const char *const cases[] = {"\"open \\q", "\"open \\", "a \xff\xff\xff\xff b",
		"value df:*-5%", "value x*2", "a:b:c:d:e", "s \"\x01\x02\""};
	static const unsigned expected[] = {2, 1, 1, 1, 1, 1, 1};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(diag_list) list = diag_list_create();
		g_free(tokens(cases[i], strlen(cases[i]), list));
		assert_int_equal(diag_errors(list), expected[i]);
	}
}

static void strings_lose_quotes_and_escapes(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	static const char text[] = "\"a\\\"b\\\\c\\r\\n\\t${x} $${y}\"";
	struct diag_source source = {"t", text, sizeof(text) - 1};
	struct lexer lexer;
	lexer_init(&lexer, &source, list);
	GString *out = g_string_new(NULL);
	lexer_string(&lexer.token, out);
	assert_string_equal(out->str, "a\"b\\c\r\n\t${x} $${y}");
	g_string_free(out, TRUE);
}

static void nul_is_a_complaint_and_not_the_end(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	char *out = tokens("a \0 b", 5, list);
	assert_string_equal(out, "name(a) name(b)");
	assert_string_equal(diag_at(list, 0)->code, "E001");
	g_free(out);
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	size_t length = (size_t)LEXER_FILE_MAX + 1;
	char *big = g_strnfill(length, '\n');
	char *out = tokens(big, length, list);
	assert_string_equal(out, "");
	assert_string_equal(diag_at(list, 0)->code, "E010");
	g_free(out);
	g_free(big);

	AUTO(diag_list) lines = diag_list_create();
	big = g_strnfill(LEXER_LINE_MAX * 2, 'x');
	for (size_t i = 0; i < LEXER_LINE_MAX * 2; i += 2) {
		big[i] = ' ';
	}
	g_free(tokens(big, strlen(big), lines));
	assert_int_equal(diag_errors(lines), 1);
	assert_string_equal(diag_at(lines, 0)->code, "E010");
	g_free(big);
}

static void place_behind_is_where_something_is_missing(void **state)
{
	(void)state;
	AUTO(diag_list) list = diag_list_create();
	static const char text[] = "value a:b /   # nothing\nwarn";
	struct diag_source source = {"t", text, sizeof(text) - 1};
	struct lexer lexer;
	lexer_init(&lexer, &source, list);
	while (lexer.token.kind != TOKEN_EOL) {
		lexer_advance(&lexer);
	}
	assert_int_equal(lexer_behind(&lexer).line, 1);
	assert_int_equal(lexer_behind(&lexer).column, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_cut_as_the_language_says),
		cmocka_unit_test(complaints_point_at_the_exact_place),
		cmocka_unit_test(one_fault_is_one_complaint),
		cmocka_unit_test(strings_lose_quotes_and_escapes),
		cmocka_unit_test(nul_is_a_complaint_and_not_the_end),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(place_behind_is_where_something_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
