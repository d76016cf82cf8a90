#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "web/export.h"
#include "web/html.h"
#include "web/httpdate.h"
#include "web/jsonout.h"
#include "web/picture.h"
#include "web/reply.h"
#include "web/sheet.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

/* The writers: whatever text goes in, what comes out keeps its form (hostile 9, 13, 14, 55). */

static void json_text_is_inert(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{"plain", "[\"plain\"]"},
		{"a\"b\\c", "[\"a\\\"b\\\\c\"]"},
		{"</script>&", "[\"\\u003c/script\\u003e\\u0026\"]"},
		{"\n\t\x01\x7f", "[\"\\n\\u0009\\u0001\\u007f\"]"},
		{"\xc3\xa4\xf0\x9f\x90\xa6", "[\"\xc3\xa4\xf0\x9f\x90\xa6\"]"},
		{"\xff\xc3", "[\"\\ufffd\\ufffd\"]"},
		{"\xe2\x80\xa8\xe2\x80\xa9", "[\"\\u2028\\u2029\"]"},
		{"\xed\xa0\x80", "[\"\\ufffd\\ufffd\\ufffd\"]"},
		{NULL, "[null]"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *out = g_string_new(NULL);
		struct jsonout j = jsonout_begin(out);
		jsonout_open(&j, NULL, '[');
		jsonout_text(&j, NULL, cases[i].text);
		jsonout_close(&j);
		assert_string_equal(out->str, cases[i].json);
		g_string_free(out, TRUE);
	}
}

static void json_members_get_their_commas(void **state)
{
	GString *out = g_string_new(NULL);
	struct jsonout j = jsonout_begin(out);
	jsonout_open(&j, NULL, '{');
	jsonout_int(&j, "__proto__", -1);
	jsonout_open(&j, "a", '[');
	jsonout_close(&j);
	jsonout_open(&j, "b", '[');
	jsonout_bool(&j, NULL, true);
	jsonout_null(&j, NULL);
	jsonout_close(&j);
	jsonout_number(&j, "c", NAN);
	jsonout_moment(&j, "t", 1000);
	jsonout_moment(&j, "u", 0);
	jsonout_close(&j);
	assert_string_equal(out->str, "{\"__proto__\":-1,\"a\":[],\"b\":[true,null],\"c\":null,"
								  "\"t\":\"1970-01-01T00:00:01Z\",\"u\":null}");
	g_string_free(out, TRUE);
}

/* The fast writer against the exact one: 12 significant digits. */
static void json_values_are_precise(void **state)
{
	static const double fixed[] = {0, -0.0, 1, -1, 0.5, 1.5, 100, 0.1, 1e-6, 9.99999999999e-7, 1e-7,
		123456789.123, 999999999999.5, 1e14, 999999999999999, 1e15, 1e300, -2.5e-300,
		0.999999999999999, 9.9999999999999, 99.99999999999999, 1.0 / 3, 2e9 / 3, NAN, INFINITY};
	unsigned seed = 1;
	for (size_t i = 0; i < 20000; i++) {
		double value = i < ARRAY_LENGTH(fixed)
						   ? fixed[i]
						   : ldexp((double)rand_r(&seed) / 7 - 1e8, (int)(rand_r(&seed) % 80) - 60);
		GString *out = g_string_new(NULL);
		struct jsonout j = jsonout_begin(out);
		jsonout_value(&j, value);
		if (!isfinite(value)) {
			assert_string_equal(out->str, "null");
		} else {
			double back = g_ascii_strtod(out->str, NULL);
			if (fabs(back - value) > 1e-11 * fabs(value) || strchr(out->str, 'U')) {
				fail_msg("%.17g became %s", value, out->str);
			}
		}
		g_string_free(out, TRUE);
	}
}

static void html_cannot_be_broken(void **state)
{
	GString *out = g_string_new(NULL);
	struct html h = html_begin(out, "</title><script>");
	html_open(&h, "p", "class", "\"><script>", "title", NULL, NULL);
	html_text(&h, "<script>alert('x')</script>&");
	html_link(&h, "go", "/hosts/", "../../\"x?#<");
	html_end(&h);
	assert_null(strstr(out->str, "<script"));
	assert_non_null(strstr(out->str, "<p class=\"&quot;&gt;&lt;script&gt;\">"));
	assert_non_null(strstr(out->str, "href=\"/hosts/..%2F..%2F%22x%3F%23%3C\""));
	assert_non_null(strstr(out->str, "</p></main></body></html>"));
	g_string_free(out, TRUE);
}

static void csv_cells_hold_no_formula(void **state)
{
	static const struct {
		const char *text, *cell;
	} cases[] = {
		{"plain", "\"plain\""},
		{"", "\"\""},
		{"a\"b,c\nd", "\"a\"\"b,c\nd\""},
		{"=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""},
		{"+1", "\"'+1\""},
		{"-1", "\"'-1\""},
		{"@SUM(A1)", "\"'@SUM(A1)\""},
		{"\t=1", "\"'\t=1\""},
		{"\r=1", "\"'\r=1\""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *out = g_string_new(NULL);
		sheet_append_cell(out, cases[i].text);
		assert_string_equal(out->str, cases[i].cell);
		g_string_free(out, TRUE);
	}
}

/* One service with hostile texts and a cdef over two fields. */
static struct service *make_service(void)
{
	struct service *s = service_create("g", "h", "s", 10);
	struct field *a = service_add_field(s, "a", "=a</entry>", FIELD_DERIVE);
	struct field *b = service_add_field(s, "b", "b", FIELD_GAUGE);
	a->series_id = 4;
	b->series_id = 9;
	assert_true(attributes_set(&s->attributes, ATTRIBUTES_GRAPH, "graph_period", "minute"));
	assert_true(attributes_set(&b->attributes, ATTRIBUTES_FIELD, "cdef", "b,a,+"));
	return s;
}

static void exports_have_all_columns(void **state)
{
	AUTO(catalog) catalog = catalog_create();
	const struct service *s = catalog_declare(catalog, make_service(), NULL);
	AUTO(curves) curves = curves_create(catalog, ARCHIVE_SERIES_MAX);
	double first[] = {1, NAN};
	double second[] = {10, 20};
	double *columns[] = {first, second};
	struct archive_data data = {.t0_s = 0, .step_s = 10, .rows = 2, .count = 2, .columns = columns};
	assert_true(curves_add(curves, service_field(s, 0), true, NULL));
	assert_true(curves_add(curves, service_field(s, 1), true, NULL));
	size_t count = 0;
	const uint32_t *series = curves_series(curves, &count);
	assert_int_equal(count, 2);
	assert_int_equal(series[0], 4);
	assert_int_equal(series[1], 9);
	struct export_graph graph = {.host = "h",
		.service = "s",
		.title = "<t>",
		.vlabel = "v",
		.curves = curves,
		.data = &data};
	GString *out = g_string_new(NULL);
	export_csv(&graph, out);
	assert_string_equal(out->str, "\"time\",\"epoch\",\"'=a</entry>\",\"b\"\r\n"
								  "1970-01-01T00:00:10Z,10,60,70\r\n"
								  "1970-01-01T00:00:20Z,20,,\r\n");
	g_string_truncate(out, 0);
	export_tsv(&graph, out);
	assert_string_equal(out->str, "time\tepoch\t'=a</entry>\tb\n"
								  "1970-01-01T00:00:10Z\t10\t60\t70\n"
								  "1970-01-01T00:00:20Z\t20\t\t\n");
	g_string_truncate(out, 0);
	export_json(&graph, out);
	assert_non_null(strstr(out->str, "\"series\":{\"h:s:a\":[60,null],\"h:s:b\":[70,null]}}"));
	g_string_truncate(out, 0);
	export_xml(&graph, out);
	assert_non_null(strstr(out->str, "<entry>=a&lt;/entry&gt;</entry><entry>b</entry>"));
	assert_non_null(strstr(out->str, "<row><t>10</t><v>60</v><v>70</v></row>"));
	assert_non_null(strstr(out->str, "<row><t>20</t><v>NaN</v><v>NaN</v></row>"));
	g_string_free(out, TRUE);
}

static void dates_of_http_are_read_as_they_are_written(void **state)
{
	char text[HTTPDATE_TEXT];
	int64_t at_s = 0;
	httpdate_format(784111777, text);
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_true(httpdate_parse(text, &at_s));
	assert_int_equal(at_s, 784111777);
	static const char *const wrong[] = {"", "Sun, 06 Nov 1994 08:49:37 CET",
		"Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 28:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Xyz 1994 08:49:37 GMT",
		"Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 0x Nov 1994 08:49:37 GMT"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		assert_false(httpdate_parse(wrong[i], &at_s));
	}
}

static void pictures_are_kept_until_their_time_and_bounded(void **state)
{
	struct picture_cache *cache = picture_cache_create(2, 4000);
	GByteArray *bytes = g_byte_array_new();
	g_byte_array_append(bytes, (const guint8 *)"PNG", 3);
	picture_cache_add(cache, "a", bytes, (struct mono){100});
	picture_cache_add(cache, "b", bytes, (struct mono){100});
	assert_non_null(picture_cache_find(cache, "a", (struct mono){99}));
	picture_cache_add(cache, "c", bytes, (struct mono){100}); /* b was used least recently */
	assert_null(picture_cache_find(cache, "b", (struct mono){99}));
	assert_non_null(picture_cache_find(cache, "c", (struct mono){99}));
	assert_null(picture_cache_find(cache, "a", (struct mono){100}));
	g_byte_array_set_size(bytes, 2000);
	picture_cache_add(cache, "big", bytes, (struct mono){100});
	assert_null(picture_cache_find(cache, "big", (struct mono){1}));
	picture_cache_clear(cache);
	assert_null(picture_cache_find(cache, "c", (struct mono){1}));
	picture_cache_destroy(cache);
	g_byte_array_unref(bytes);
}

static void etags_name_the_content(void **state)
{
	char etag[REPLY_ETAG];
	reply_etag("abc", 3, etag);
	assert_string_equal(etag, "\"ba7816bf8f01cfea\""); /* FIPS 180-2, appendix B.1 */
	assert_true(reply_etag_matches("\"x\", W/\"ba7816bf8f01cfea\"", etag));
	assert_true(reply_etag_matches("*", etag));
	assert_false(reply_etag_matches("\"x\"", etag));
	assert_false(reply_etag_matches(NULL, etag));
}

static void problems_carry_their_status(void **state)
{
	static const struct {
		enum error_kind kind;
		unsigned status;
	} cases[] = {{ERR_CONFIG, 400}, {ERR_UNREACHABLE, 503}, {ERR_TIMEOUT, 504}, {ERR_PROTOCOL, 502},
		{ERR_NOT_FOUND, 404}, {ERR_CONFLICT, 409}, {ERR_DENIED, 403}, {ERR_STORAGE, 500}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err = {.kind = cases[i].kind, .text = "what <b>"};
		struct reply reply = {0};
		reply_error(&reply, &err);
		assert_int_equal(reply.status, cases[i].status);
		assert_non_null(strstr(reply.body->str, "\"detail\":\"what \\u003cb\\u003e\""));
		assert_int_equal(reply.retry_after_s != 0, reply.status == 503);
		reply_finish(&reply);
	}
}

/* -- sheets: t0 60, step 60, two series, one unknown value -- */

static void append_sheet(enum sheet_format format, enum sheet_layout layout, bool all, GString *out)
{
	static const double cells[] = {1, NAN, 2.5, -3, 4, 5};
	static const char *const cfs[] = {"average", "min", "max"};
	struct sheet sheet;
	sheet_init(&sheet, format, layout);
	sheet.named_by_cf = all;
	sheet.t0_s = sheet.cells_t0_s = 60;
	sheet.step_s = 60;
	sheet.rows = sheet.stride = all ? 1 : 2;
	sheet.cells = cells;
	size_t total = all ? 3 : 2;
	size_t per_pass = format == SHEET_JSON ? 1 : all || layout == SHEET_WIDE ? total : 1;
	for (size_t first = 0; first < total; first += per_pass) {
		sheet_clear_columns(&sheet);
		for (size_t i = first; i < first + per_pass; i++) {
			sheet_add_column(&sheet, all || !i ? "a:b:c" : "h:s.t:f", cfs[all ? i : 0], "=l&");
		}
		if (!first) {
			sheet_begin(&sheet, out);
		}
		sheet_begin_pass(&sheet, out);
		for (size_t row = 0; row < sheet.rows; row++) {
			sheet_append_row(&sheet, row, out);
		}
		sheet_end_pass(&sheet, out);
		sheet.cells += sheet.stride * per_pass;
		sheet.pass++;
	}
	sheet_end(&sheet, out);
	sheet_finish(&sheet);
}

static void sheets_are_written_in_every_format_and_layout(void **state UNUSED)
{
	static const struct {
		enum sheet_format format;
		enum sheet_layout layout;
		bool all;
		const char *text;
	} cases[] = {
		{SHEET_CSV, SHEET_WIDE, false,
			"\"time\",\"epoch\",\"a:b:c\",\"h:s.t:f\"\r\n"
			"1970-01-01T00:02:00Z,120,1,2.5\r\n1970-01-01T00:03:00Z,180,,-3\r\n"},
		{SHEET_TSV, SHEET_WIDE, false,
			"time\tepoch\ta:b:c\th:s.t:f\n"
			"1970-01-01T00:02:00Z\t120\t1\t2.5\n1970-01-01T00:03:00Z\t180\t\t-3\n"},
		{SHEET_CSV, SHEET_WIDE, true,
			"\"time\",\"epoch\",\"a:b:c:average\",\"a:b:c:min\",\"a:b:c:max\"\r\n"
			"1970-01-01T00:02:00Z,120,1,,2.5\r\n"},
		{SHEET_CSV, SHEET_LONG, false,
			"\"time\",\"epoch\",\"host\",\"service\",\"field\",\"value\"\r\n"
			"1970-01-01T00:02:00Z,120,\"a\",\"b\",\"c\",1\r\n"
			"1970-01-01T00:03:00Z,180,\"a\",\"b\",\"c\",\r\n"
			"1970-01-01T00:02:00Z,120,\"h\",\"s.t\",\"f\",2.5\r\n"
			"1970-01-01T00:03:00Z,180,\"h\",\"s.t\",\"f\",-3\r\n"},
		{SHEET_TSV, SHEET_LONG, true,
			"time\tepoch\thost\tservice\tfield\taverage\tmin\tmax\n"
			"1970-01-01T00:02:00Z\t120\ta\tb\tc\t1\t\t2.5\n"},
		{SHEET_JSON, SHEET_WIDE, false,
			"{\"t0\":60,\"step\":60,\"series\":{\"a:b:c\":[1,null],\n\"h:s.t:f\":[2.5,-3]}}\n"},
		{SHEET_JSON, SHEET_LONG, true,
			"{\"series\":[{\"id\":\"a:b:c\",\"label\":\"=l\\u0026\",\"cf\":\"average\",\"t0\":60,"
			"\"step\":60,\"values\":[1]},\n{\"id\":\"a:b:c\",\"label\":\"=l\\u0026\",\"cf\":"
			"\"min\","
			"\"t0\":60,\"step\":60,\"values\":[null]},\n{\"id\":\"a:b:c\",\"label\":\"=l\\u0026\","
			"\"cf\":\"max\",\"t0\":60,\"step\":60,\"values\":[2.5]}]}\n"},
		{SHEET_XML, SHEET_WIDE, false,
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xport>\n<meta><start>120</start>"
			"<end>180</end><step>60</step><rows>2</rows><columns>2</columns>\n<legend>"
			"<entry>a:b:c</entry><entry>h:s.t:f</entry></legend></meta>\n<data>\n"
			"<row><t>120</t><v>1</v><v>2.5</v></row>\n<row><t>180</t><v>NaN</v><v>-3</v></row>\n"
			"</data>\n</xport>\n"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *out = g_string_new(NULL);
		append_sheet(cases[i].format, cases[i].layout, cases[i].all, out);
		assert_string_equal(out->str, cases[i].text);
		g_string_free(out, TRUE);
	}
}

/* hostile 55 */
static void cells_of_tab_separated_text_are_no_formulas_and_stay_cells(void **state UNUSED)
{
	static const struct {
		const char *text, *cell;
	} cases[] = {{"plain", "plain"}, {"=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"}, {"", ""},
		{"+1", "'+1"}, {"-1", "'-1"}, {"@x", "'@x"}, {"a\tb\r\nc", "a b  c"}, {"\t=1", "' =1"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *out = g_string_new(NULL);
		sheet_append_tab_cell(out, cases[i].text);
		assert_string_equal(out->str, cases[i].cell);
		g_string_free(out, TRUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_text_is_inert),
		cmocka_unit_test(json_members_get_their_commas),
		cmocka_unit_test(json_values_are_precise),
		cmocka_unit_test(html_cannot_be_broken),
		cmocka_unit_test(csv_cells_hold_no_formula),
		cmocka_unit_test(exports_have_all_columns),
		cmocka_unit_test(dates_of_http_are_read_as_they_are_written),
		cmocka_unit_test(pictures_are_kept_until_their_time_and_bounded),
		cmocka_unit_test(etags_name_the_content),
		cmocka_unit_test(problems_carry_their_status),
		cmocka_unit_test(sheets_are_written_in_every_format_and_layout),
		cmocka_unit_test(cells_of_tab_separated_text_are_no_formulas_and_stay_cells),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
