#include "collector/nagios_text.h"
#include "base/auto.h"
#include "tests/support/test.h"

static const char *const reserved[] = {"state", "time", NULL};

static void parse(struct nagios_text *text, const char *output)
{
	nagios_text_parse(text, output, strlen(output), reserved);
}

/* All fields as one line: "name=value(type unit)". */
static char *told(const struct nagios_text *text)
{
	GString *out = g_string_new(NULL);
	for (size_t i = 0; i < text->fields->len; i++) {
		const struct nagios_field *f = g_ptr_array_index(text->fields, i);
		g_string_append_printf(out, "%s%s=%.10g", i ? " " : "", f->name, f->value);
		if (f->type != FIELD_GAUGE) {
			g_string_append_printf(out, "(%s)", field_type_name(f->type));
		}
		g_string_append_printf(out, "%s%s", f->unit, f->foreign_unit ? f->foreign_unit : "");
	}
	return g_string_free(out, FALSE);
}

static void performance_data_become_fields(void **state UNUSED)
{
	static const struct {
		const char *output, *summary, *fields;
		unsigned refused;
	} cases[] = {
		{"", "", "", 0},
		{"OK", "OK", "", 0},
		{"\n\nOK - fine\n", "OK - fine", "", 0},
		{"OK|", "OK", "", 0},
		{"OK | a=1", "OK", "a=1", 0},
		{"PING OK - x | rta=0.5ms;100;500;0 pl=20%;20;60;0;100\n", "PING OK - x",
			"rta=0.0005s pl=20%", 0},
		{"DISK OK|/=12MB;;;0;99 /boot=2GB '/my disk'=1KB", "DISK OK",
			"_=12582912B _boot=2147483648B _my_disk=1024B", 0},
		{"x|'it''s'=1 '='=2 ''''=3", "x", "it_s=1 _=2 __0002b5cc=3", 0},
		{"x|a=U b=-1.5 c=+2 d=1e3 e=1E-2s f=.5 g=5.", "x",
			"a=nan b=-1.5 c=2 d=1000 e=0.01s f=0.5 g=5", 0},
		{"x|a=7c b=7.9c c=3us d=4ns", "x", "a=7(DERIVE) b=7(DERIVE) c=3e-06s d=4e-09s", 0},
		{"x|temp=21C speed=3rpm b=1KiB", "x", "temp=21C speed=3rpm b=1024B", 0},
		/* our own names are kept free, and never twice the same */
		{"HTTP|time=0.1s;;;0 state=3", "HTTP", "plugin_time=0.1s plugin_state=3", 0},
		{"x|a/b=1 a_b=2 a.b=3", "x", "a_b=1 a_b_0b885c27=2 a_b_0b8855d6=3", 0},
		/* more lines */
		{"one|a=1\ntwo\nthree|b=2 \nc=3\n'd e'=4", "one", "a=1 b=2 c=3 d_e=4", 0},
		{"one\ntwo|b=2", "one", "b=2", 0},
		{"one\r\ntwo", "one", "", 0},
		/* hostile 18: what is no number */
		{"x|a=1,5 b=1.5e c=0x10 d=inf e=nan f= g=1e400 h=١ ok=1", "x", "ok=1", 8},
		{"x|a=1e400KB b=1.7e308TB c=--1 d=1.2.3", "x", "", 4},
		/* pieces that are none */
		{"x|word =1 a = 1 'open=1 b=2", "x", "b=2", 6},
		{"x|word a=1;2;3;4;5;6;7 ;; b=2", "x", "a=1 b=2", 2},
		{"x|=5 ''=6 a=1", "x", "a=1", 2},
		{"x|a=1|b=2", "x", "", 1},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct nagios_text text;
		parse(&text, cases[i].output);
		g_autofree char *fields = told(&text);
		if (strcmp(fields, cases[i].fields) != 0 || text.refused != cases[i].refused ||
			strcmp(text.summary, cases[i].summary) != 0) {
			fail_msg("case %zu: \"%s\" \"%s\" refused %u (%s)", i, text.summary, fields,
				text.refused, text.note);
		}
		nagios_text_finish(&text);
	}
}

static void limits_come_in_the_units_of_the_value(void **state UNUSED)
{
	struct nagios_text text;
	char limit[NAGIOS_LIMIT_TEXT];
	parse(&text, "x|rta=50ms;100;@200:300;0;1000 l=1;~:5;5:;U;x n=1;abc;;; m=1KB;2KB;~:;0B;8KB");
	assert_int_equal(text.fields->len, 4);
	const struct nagios_field *f = g_ptr_array_index(text.fields, 0);
	assert_true(f->has_warning && f->has_critical);
	assert_true(nagios_range_limit(&f->warning, f->factor, limit));
	assert_string_equal(limit, "0:0.1");
	assert_false(nagios_range_limit(&f->critical, f->factor, limit)); /* inside: not in Munin */
	assert_string_equal(limit, "");
	assert_near(f->least, 0, 0);
	assert_near(f->most, 1, 1e-12);
	f = g_ptr_array_index(text.fields, 1);
	assert_true(nagios_range_limit(&f->warning, f->factor, limit));
	assert_string_equal(limit, ":5");
	assert_true(nagios_range_limit(&f->critical, f->factor, limit));
	assert_string_equal(limit, "5:");
	assert_near(f->least, NAN, 0);
	assert_near(f->most, NAN, 0);
	f = g_ptr_array_index(text.fields, 2);
	assert_false(f->has_warning || f->has_critical);
	f = g_ptr_array_index(text.fields, 3);
	assert_false(f->has_warning); /* a unit in a range is none */
	assert_true(f->has_critical);
	assert_false(nagios_range_limit(&f->critical, f->factor, limit)); /* never alerts */
	assert_near(f->most, 8192, 0);
	nagios_text_finish(&text);
}

/* hostile 13, 23 */
static void bytes_may_be_anything_and_any_number(void **state UNUSED)
{
	static const char odd[] = "bad \xff\x01 text\0more|'l\xfe\0b'=1 \0=2 x\x1b=3";
	struct nagios_text text;
	nagios_text_parse(&text, odd, sizeof(odd) - 1, reserved);
	assert_string_equal(text.summary, "bad \xef\xbf\xbd\xef\xbf\xbd text\xef\xbf\xbdmore");
	for (size_t i = 0; i < text.fields->len; i++) {
		assert_true(
			ident_is_field(((struct nagios_field *)g_ptr_array_index(text.fields, i))->name));
	}
	nagios_text_finish(&text);
	GString *many = g_string_new("x|");
	for (int i = 0; i < 10000; i++) {
		g_string_append_printf(many, "f%d=%d ", i, i);
	}
	parse(&text, many->str);
	assert_int_equal(text.fields->len, NAGIOS_FIELDS_MAX);
	assert_int_equal(text.refused, 10000 - NAGIOS_FIELDS_MAX);
	assert_non_null(strstr(text.note, "too many"));
	nagios_text_finish(&text);
	g_string_free(many, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(performance_data_become_fields),
		cmocka_unit_test(limits_come_in_the_units_of_the_value),
		cmocka_unit_test(bytes_may_be_anything_and_any_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
