#include "model/attributes.h"
#include "tests/support/test.h"

static void set(struct attributes *a, const char *key, const char *value)
{
	assert_true(attributes_set(a, ATTRIBUTES_GRAPH, key, value));
}

static void what_is_set_is_there(void **state)
{
	(void)state;
	struct attributes a = {0};
	assert_null(attributes_get(&a, "graph_title"));
	assert_string_equal(attributes_or(&a, "graph_title", "none"), "none");
	set(&a, "graph_title", "CPU usage");
	set(&a, "graph_info", "");
	set(&a, "graph_vlabel", "%");
	assert_string_equal(attributes_get(&a, "graph_title"), "CPU usage");
	assert_string_equal(attributes_get(&a, "graph_info"), "");
	assert_string_equal(attributes_or(&a, "graph_vlabel", "none"), "%");
	set(&a, "graph_title", "a longer title than before");
	assert_string_equal(attributes_get(&a, "graph_title"), "a longer title than before");
	assert_string_equal(attributes_get(&a, "graph_vlabel"), "%");
	set(&a, "graph_title", "");
	assert_string_equal(attributes_get(&a, "graph_title"), "");
	attributes_finish(&a);
	assert_null(a.packed);
}

static void a_value_is_not_taken_for_a_key(void **state)
{
	(void)state;
	struct attributes a = {0};
	set(&a, "graph_info", "graph_title");
	assert_null(attributes_get(&a, "graph_title"));
	attributes_finish(&a);
}

/* hostile 15: only known keys; a node must not name files */
static void unknown_keys_are_refused(void **state)
{
	(void)state;
	static const struct {
		enum attributes_level level;
		const char *key;
		bool known;
	} cases[] = {
		{ATTRIBUTES_GRAPH, "graph_args", true},
		{ATTRIBUTES_FIELD, "graph_args", false},
		{ATTRIBUTES_FIELD, "cdef", true},
		{ATTRIBUTES_GRAPH, "cdef", false},
		{ATTRIBUTES_FIELD, "filename", false},
		{ATTRIBUTES_GRAPH, "host_name", false},
		{ATTRIBUTES_GRAPH, "", false},
		{ATTRIBUTES_GRAPH, "Graph_title", false},
		{ATTRIBUTES_GRAPH, "graph", true},
		{ATTRIBUTES_FIELD, "graph", true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct attributes a = {0};
		assert_int_equal(attributes_set(&a, cases[i].level, cases[i].key, "x"), cases[i].known);
		assert_int_equal(a.length > 0, cases[i].known);
		attributes_finish(&a);
	}
}

static void long_values_are_refused_and_change_nothing(void **state)
{
	(void)state;
	char value[ATTRIBUTES_VALUE_MAX + 2];
	memset(value, 'x', sizeof(value));
	value[ATTRIBUTES_VALUE_MAX + 1] = '\0';
	struct attributes a = {0};
	set(&a, "graph_title", "kept");
	assert_false(attributes_set(&a, ATTRIBUTES_GRAPH, "graph_title", value));
	assert_string_equal(attributes_get(&a, "graph_title"), "kept");
	value[ATTRIBUTES_VALUE_MAX] = '\0';
	set(&a, "graph_title", value);
	assert_string_equal(attributes_get(&a, "graph_title"), value);
	attributes_finish(&a);
}

static void flags_are_read_as_munin_reads_them(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		bool yes, otherwise;
	} cases[] = {
		{"yes", true, false},
		{"YES", true, false},
		{"1", true, false},
		{"on", true, false},
		{"no", false, true},
		{"No", false, true},
		{"0", false, true},
		{"off", false, true},
		{"maybe", true, true},
		{"maybe", false, false},
		{"", true, true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct attributes a = {0};
		set(&a, "graph", cases[i].value);
		assert_int_equal(attributes_flag(&a, "graph", cases[i].otherwise), cases[i].yes);
		assert_true(attributes_flag(&a, "graph_scale", true));
		attributes_finish(&a);
	}
}

static void copies_are_equal_and_their_own(void **state)
{
	(void)state;
	struct attributes a = {0};
	struct attributes b;
	attributes_copy(&b, &a);
	assert_true(attributes_equal(&a, &b));
	set(&a, "graph_title", "x");
	assert_false(attributes_equal(&a, &b));
	attributes_copy(&b, &a);
	assert_true(attributes_equal(&a, &b));
	assert_ptr_not_equal(a.packed, b.packed);
	attributes_finish(&a);
	assert_string_equal(attributes_get(&b, "graph_title"), "x");
	attributes_finish(&b);
}

static void one_key_can_be_left_out_of_a_comparison(void **state)
{
	static const struct {
		const char *a[4], *b[4];
		bool same;
	} cases[] = {
		{{"graph_title", "x", "graph_info", "1"}, {"graph_title", "x", "graph_info", "2"}, true},
		{{"graph_info", "1", "graph_title", "x"}, {"graph_title", "x"}, true},
		{{"graph_title", "x", "graph_info", "1"}, {"graph_title", "y", "graph_info", "1"}, false},
		{{"graph_title", "x", "graph_info", "1"}, {"graph_info", "1"}, false},
		{{"graph_info", "1"}, {NULL}, true},
		{{NULL}, {NULL}, true},
		{{"graph_title", "x"}, {NULL}, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct attributes a = {0};
		struct attributes b = {0};
		for (size_t k = 0; k < 4 && cases[i].a[k]; k += 2) {
			set(&a, cases[i].a[k], cases[i].a[k + 1]);
		}
		for (size_t k = 0; k < 4 && cases[i].b[k]; k += 2) {
			set(&b, cases[i].b[k], cases[i].b[k + 1]);
		}
		assert_int_equal(attributes_equal_but(&a, &b, "graph_info"), cases[i].same);
		assert_int_equal(attributes_equal_but(&b, &a, "graph_info"), cases[i].same);
		assert_int_equal(attributes_equal_but(&a, &b, NULL), attributes_equal(&a, &b));
		attributes_finish(&a);
		attributes_finish(&b);
	}
}

static void packed_bytes_are_checked_one_by_one(void **state)
{
	(void)state;
#define BYTES(text) text, sizeof(text) - 1
	static const struct {
		const char *bytes;
		size_t length;
		bool good;
	} cases[] = {
		{BYTES(""), true}, {BYTES("graph_title\0x\0"), true},
		{BYTES("graph_title\0x\0graph_info\0\0"), true},
		{BYTES("graph_title\0x"), false},                      /* no end */
		{BYTES("graph_title\0"), false},                       /* no value */
		{BYTES("graph_title"), false}, {BYTES("\0\0"), false}, /* an empty key */
		{BYTES("\0"), false}, {BYTES("evil\0x\0"), false},
		{BYTES("graph_title\0x\0evil\0x\0"), false},
		{BYTES("graph_title\0\xff\0"), false}, /* not UTF-8 */
		{BYTES("cdef\0x\0"), false},           /* of a field */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char *exact = malloc(cases[i].length + 1); /* so that a sanitizer sees a byte too far */
		memcpy(exact, cases[i].bytes, cases[i].length);
		struct attributes a;
		bool good = attributes_unpack(&a, ATTRIBUTES_GRAPH, exact, cases[i].length);
		if (good != cases[i].good) {
			fail_msg("case %zu", i);
		}
		if (!good) {
			assert_null(a.packed);
			assert_int_equal(a.length, 0);
		}
		attributes_finish(&a);
		free(exact);
	}
	char *huge = calloc(1, ATTRIBUTES_PACKED_MAX + 1);
	struct attributes a;
	assert_false(attributes_unpack(&a, ATTRIBUTES_GRAPH, huge, ATTRIBUTES_PACKED_MAX + 1));
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_is_there),
		cmocka_unit_test(a_value_is_not_taken_for_a_key),
		cmocka_unit_test(unknown_keys_are_refused),
		cmocka_unit_test(long_values_are_refused_and_change_nothing),
		cmocka_unit_test(flags_are_read_as_munin_reads_them),
		cmocka_unit_test(copies_are_equal_and_their_own),
		cmocka_unit_test(one_key_can_be_left_out_of_a_comparison),
		cmocka_unit_test(packed_bytes_are_checked_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
