#include "base/text.h"
#include "tests/support/test.h"

static void copies_are_cut_at_a_code_point(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t size;
		bool whole;
		const char *copy;
	} cases[] = {
		{"abc", 4, true, "abc"},
		{"abc", 3, false, "ab"},
		{"abc", 1, false, ""},
		{"", 1, true, ""},
		{"a\xc3\xa4", 3, false, "a"}, /* half an umlaut is no umlaut */
		{"a\xc3\xa4", 4, true, "a\xc3\xa4"},
		{"\xf0\x9f\x90\xa6z", 4, false, ""},
		{"\xf0\x9f\x90\xa6z", 5, false, "\xf0\x9f\x90\xa6"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char out[16];
		memset(out, '#', sizeof(out));
		assert_int_equal(text_copy(out, cases[i].size, cases[i].text), cases[i].whole);
		assert_string_equal(out, cases[i].copy);
		assert_int_equal(out[cases[i].size], '#');
	}
}

/* RFC 3629, section 4 */
static void utf8_is_told_from_other_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t given, length;
	} cases[] = {
		{"a", 1, 1},
		{"", 0, 0},
		{"\0", 1, 1},
		{"\xc3\xa4", 2, 2},
		{"\xc3\xa4", 1, 0},
		{"\xe2\x82\xac", 3, 3},
		{"\xf0\x9f\x90\xa6", 4, 4},
		{"\xf4\x8f\xbf\xbf", 4, 4}, /* U+10FFFF */
		{"\xf4\x90\x80\x80", 4, 0}, /* beyond it */
		{"\xed\xa0\x80", 3, 0},     /* a surrogate */
		{"\xed\x9f\xbf", 3, 3},
		{"\xc0\x80", 2, 0}, /* overlong forms */
		{"\xc1\xbf", 2, 0},
		{"\xe0\x80\x80", 3, 0},
		{"\xe0\x9f\xbf", 3, 0},
		{"\xf0\x80\x80\x80", 4, 0},
		{"\xf0\x8f\xbf\xbf", 4, 0},
		{"\x80", 1, 0},
		{"\xff\xff\xff\xff", 4, 0},
		{"\xf8\x88\x80\x80\x80", 5, 0},
		{"\xc3(", 2, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(text_utf8_length(cases[i].bytes, cases[i].given), cases[i].length);
	}
}

/* hostile 13 */
static void foreign_bytes_become_clean_text(void **state)
{
	(void)state;
#define BAD "\xef\xbf\xbd"
	static const struct {
		const char *bytes;
		size_t length, limit;
		const char *text;
	} cases[] = {
		{"plain", 5, 100, "plain"},
		{"a\0b", 3, 100, "a" BAD "b"},
		{"a\r\nb", 4, 100, "a" BAD BAD "b"},
		{"a\tb", 3, 100, "a\tb"},
		{"\x1b[31m", 5, 100, BAD "[31m"},
		{"\x7f", 1, 100, BAD},
		{"\xc2\x85", 2, 100, BAD}, /* a C1 control character */
		{"\xff\xfe", 2, 100, BAD BAD},
		{"\xc3\xa4", 2, 100, "\xc3\xa4"},
		{"abc", 3, 2, "ab"},
		{"a\xc3\xa4", 3, 2, "a"},
		{"a\xff", 2, 3, "a"},
		{"", 0, 10, ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char *text = text_clean(cases[i].bytes, cases[i].length, cases[i].limit);
		assert_string_equal(text, cases[i].text);
		g_free(text);
	}
#undef BAD
}

static void cleaned_text_is_always_clean(void **state)
{
	(void)state;
	uint64_t seed = 42;
	for (int round = 0; round < 3000; round++) {
		char bytes[40];
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth, MMIX */
			bytes[i] = (char)(seed >> 56);
		}
		size_t limit = (size_t)round % 50;
		char *text = text_clean(bytes, sizeof(bytes), limit);
		assert_true(strlen(text) <= limit);
		assert_true(g_utf8_validate(text, -1, NULL));
		for (const char *p = text; *p; p++) {
			assert_true((unsigned char)*p >= 0x20 || *p == '\t');
		}
		g_free(text);
	}
}

static void globs_match_the_whole_text(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything", true},
		{"a*", "abc", true},
		{"a*", "ba", false},
		{"*c", "abc", true},
		{"*c", "abcd", false},
		{"a*c", "abcabc", true},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxcyyb", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"a?c",
			"a\xc3\xa4"
			"c",
			true}, /* one character, not one byte */
		{"a??c",
			"a\xc3\xa4"
			"c",
			false},
		{"?", "\xf0\x9f\x90\xa6", true},
		{"?", "", false},
		{"?*", "", false},
		{"**", "x", true},
		{"if_eth*", "if_eth0", true},
		{"df:_var", "df:_var", true},
		{"[a]", "a", false}, /* nothing else is special */
		{"[a]", "[a]", true},
		{"a\\*", "a\\x", true},
		{"*?", "\xc3\xa4", true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		if (text_glob(cases[i].pattern, cases[i].text) != cases[i].match) {
			fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].text);
		}
	}
}

/* hostile 40: no pattern may cost more than pattern x text */
static void no_pattern_runs_for_ever(void **state)
{
	(void)state;
	enum { LENGTH = 20000 };
	char *text = malloc(LENGTH + 1);
	memset(text, 'a', LENGTH);
	text[LENGTH] = '\0';
	assert_false(text_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
	free(text);
}

static void plain_names_are_plain(void **state)
{
	(void)state;
	assert_true(text_is_plain("Web-1.example_x", 64));
	static const char *const bad[] = {"", "a b", "a/b", "a\n", "\xc3\xa4", "a:b", "$x"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_false(text_is_plain(bad[i], 64));
	}
	assert_true(text_is_plain("abc", 3));
	assert_false(text_is_plain("abcd", 3));
}

static void distance_counts_swaps_as_one(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{"", "", 0}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"warn", "wran", 1},
		{"sitting", "kitten", 3}, {"ab", "ba", 1},
		{"ca", "abc", 3}, /* optimal string alignment, not the unrestricted one */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(text_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(text_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
	char longer[65];
	memset(longer, 'x', 64);
	longer[64] = '\0';
	assert_int_equal(text_distance(longer, "x"), 99);
	longer[63] = '\0';
	assert_int_equal(text_distance(longer, longer), 0);
}

static void the_nearest_word_is_suggested_or_none(void **state)
{
	(void)state;
	static const char *const words[] = {"warn", "crit", "clear", "summary"};
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{"wran", "warn"},
		{"warning", NULL},
		{"critt", "crit"},
		{"sumary", "summary"},
		{"x", NULL},
		{"", NULL},
		{"cleer", "clear"},
		{"banana", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *nearest = text_nearest(cases[i].word, words, ARRAY_LENGTH(words));
		if (!cases[i].nearest) {
			assert_null(nearest);
		} else {
			assert_non_null(nearest);
			assert_string_equal(nearest, cases[i].nearest);
		}
	}
}

static void markup_is_escaped(void **state)
{
	(void)state;
	GString *out = g_string_new("");
	text_append_html(out, "<a href=\"x\" id='y'>&amp;</a>");
	assert_string_equal(out->str, "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
	g_string_free(out, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_are_cut_at_a_code_point),
		cmocka_unit_test(utf8_is_told_from_other_bytes),
		cmocka_unit_test(foreign_bytes_become_clean_text),
		cmocka_unit_test(cleaned_text_is_always_clean),
		cmocka_unit_test(globs_match_the_whole_text),
		cmocka_unit_test(no_pattern_runs_for_ever),
		cmocka_unit_test(plain_names_are_plain),
		cmocka_unit_test(distance_counts_swaps_as_one),
		cmocka_unit_test(the_nearest_word_is_suggested_or_none),
		cmocka_unit_test(markup_is_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
