#include "collector/services/apache_text.h"
#include "collector/services/elasticsearch_text.h"
#include "collector/services/fastcgi.h"
#include "collector/services/haproxy_text.h"
#include "collector/services/php_fpm_text.h"
#include "collector/services/varnish_cli.h"
#include "tests/support/test.h"

#include "base/banned.h"

/* What web servers and what stands before them say of themselves: pure readers. */

static void mod_status_is_read_with_and_without_totals(void **state)
{
	(void)state;
	static const char full[] =
		"localhost\nServerVersion: Apache/2.4.62 (Debian)\nTotal Accesses: 12\n"
		"Total kBytes: 34\nBusyWorkers: 2\nIdleWorkers: 48\nScoreboard: __W_..I..\n";
	struct apache_status s;
	assert_true(apache_status_parse(full, strlen(full), &s));
	assert_near(s.accesses, 12, 0);
	assert_near(s.kbytes, 34, 0);
	assert_near(s.busy, 2, 0);
	assert_near(s.idle, 48, 0);
	assert_near(s.free, 4, 0);
	static const char brief[] = "BusyServers: 1\r\nIdleServers: 5\r\nScoreboard: ...\r\n";
	assert_true(apache_status_parse(brief, strlen(brief), &s));
	assert_true(isnan(s.accesses));
	assert_near(s.busy, 1, 0);
	assert_near(s.free, 3, 0);
	/* hostile 18 */
	static const char *const wrong[] = {"", "<html>", "BusyWorkers: 1\n",
		"BusyWorkers: nan\nIdleWorkers: 0x10\n", "BusyWorkers: -1\nIdleWorkers: 1\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		assert_false(apache_status_parse(wrong[i], strlen(wrong[i]), &s));
	}
}

static void the_status_of_a_pool_is_read(void **state)
{
	(void)state;
	static const char page[] =
		"pool:                 www\nprocess manager:      dynamic\nstart since:          86\n"
		"accepted conn:        17\nlisten queue:         1\nmax listen queue:     2\n"
		"listen queue len:     511\nidle processes:       3\nactive processes:     4\n"
		"total processes:      7\nmax active processes: 5\nmax children reached: 6\nslow requests: "
		"       8\n";
	struct php_fpm_status s;
	assert_true(php_fpm_status_parse(page, strlen(page), &s));
	assert_near(s.accepted, 17, 0);
	assert_near(s.queue, 1, 0);
	assert_near(s.queue_max, 2, 0);
	assert_near(s.queue_length, 511, 0);
	assert_near(s.idle, 3, 0);
	assert_near(s.active, 4, 0);
	assert_near(s.total, 7, 0);
	assert_near(s.active_max, 5, 0);
	assert_near(s.children_reached, 6, 0);
	assert_near(s.slow, 8, 0);
	assert_false(php_fpm_status_parse("File not found.\n", 16, &s));
	assert_false(php_fpm_status_parse("idle processes: 1\n", 18, &s));
}

/* -- FastCGI -- */

#define RECORD(type, length, padding) "\x01" type "\x00\x01\x00" length padding "\x00"
static const char fastcgi_answer[] = RECORD("\x06", "\x29",
	"\x03") "Status: 404 Not Found\r\nA: b\r\n\r\nno page\n\n\n\0\0\0" RECORD("\x07", "\x05",
	"\x00") "words" RECORD("\x06", "\x00", "\x00")
	RECORD("\x03", "\x08", "\x00") "\0\0\0\0\0\0\0\0";

static void a_fastcgi_answer_reads_alike_in_every_cut(void **state)
{
	(void)state;
	size_t length = sizeof fastcgi_answer - 1;
	struct fastcgi f = {0};
	for (size_t cut = 0; cut <= length; cut++) {
		fastcgi_begin(&f);
		size_t used = fastcgi_feed(&f, (const uint8_t *)fastcgi_answer, cut);
		assert_true(used <= cut);
		used += fastcgi_feed(&f, (const uint8_t *)fastcgi_answer + used, length - used);
		assert_int_equal(used, length);
		assert_int_equal(f.state, FASTCGI_DONE);
		int code;
		const char *page;
		size_t size;
		assert_true(fastcgi_page(&f, &code, &page, &size));
		assert_int_equal(code, 404);
		assert_memory_equal(page, "no page\n\n\n", size);
	}
	fastcgi_finish(&f);
}

static void what_is_no_fastcgi_breaks(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"HTTP/1.1 400 Bad Request\r\n", 26}, {RECORD("\x03", "\x02", "\x00") "ab", 10},
		{RECORD("\x63", "\x00", "\x00"), 8},
		{"\x01\x06\x00\x02\x00\x00\x00\x00", 8}, /* of another request */
	};
	struct fastcgi f = {0};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		fastcgi_begin(&f);
		(void)fastcgi_feed(&f, (const uint8_t *)cases[i].bytes, cases[i].length);
		assert_int_equal(f.state, FASTCGI_BROKEN);
	}
	fastcgi_finish(&f);
}

static void fastcgi_answers_without_end_are_cut(void **state)
{
	(void)state;
	struct fastcgi f = {0};
	fastcgi_begin(&f);
	uint8_t record[8 + 1000] = {1, 6, 0, 1, 1000 >> 8, 1000 & 255, 0, 0};
	for (int i = 0; i < 200; i++) {
		assert_int_equal(fastcgi_feed(&f, record, sizeof record), sizeof record);
	}
	assert_int_equal(f.output->len, FASTCGI_OUTPUT_MAX);
	static const uint8_t empty[8] = {1, 6, 0, 1, 0, 0, 0, 0};
	size_t records = 0;
	while (f.state == FASTCGI_MORE && records < 1000000) {
		(void)fastcgi_feed(&f, empty, sizeof empty);
		records++;
	}
	assert_int_equal(f.state, FASTCGI_BROKEN);
	fastcgi_finish(&f);
}

static void a_fastcgi_request_holds_path_and_query(void **state)
{
	(void)state;
	GString *request = fastcgi_request("/status?full");
	assert_non_null(memmem(request->str, request->len, "SCRIPT_NAME/status", 18));
	assert_non_null(memmem(request->str, request->len, "QUERY_STRINGfull", 16));
	assert_memory_equal(request->str, "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16);
	g_string_free(request, TRUE);
	char path[300];
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	request = fastcgi_request(path); /* a length of four bytes */
	assert_non_null(memmem(request->str, request->len, "\x0b\x80\x00\x01\x2bSCRIPT_NAME/a", 18));
	g_string_free(request, TRUE);
}

/* -- HAProxy -- */

static const char haproxy_text[] =
	"Name: HAProxy\nVersion: 2.6.12-1\nUptime: 1\n\n"
	"# "
	"pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,"
	"status,weight,act,check_desc,hrsp_2xx,\n"
	"web,FRONTEND,,,2,5,100,7,800,900,1,2,3,,,,,OPEN,,,,70,\n"
	"app,s1,0,0,0,1,,5,1,2,,0,,0,0,0,0,UP,1,1,\"says \"\"ok\"\", well\",5,\n"
	"app,BACKEND,4,4,1,3,20,6,70,80,0,0,,8,9,10,11,UP,1,12,\"a,b\",60,\n"
	"app,BACKEND,9,9,9,9,9,9,9,9,9,9,,9,9,9,9,UP,9,9,,9,\n"
	"bad\x1bname,BACKEND,x,1,nan,1,1e400,1,1,1,1,1,,1,1,1,1,UP,1,0x10,,1,\n"
	"\nafter,BACKEND,1\n";

static void show_stat_is_read_by_the_names_of_its_columns(void **state)
{
	(void)state;
	struct haproxy_stat stat;
	assert_true(haproxy_stat_parse(haproxy_text, strlen(haproxy_text), &stat));
	assert_string_equal(stat.version, "2.6.12-1");
	assert_int_equal(stat.frontends->len, 1);
	assert_int_equal(stat.backends->len, 2);
	const struct haproxy_proxy *web = stat.frontends->pdata[0];
	assert_string_equal(web->name, "web");
	assert_near(web->values[HAPROXY_SCUR], 2, 0);
	assert_near(web->values[HAPROXY_SLIM], 100, 0);
	assert_near(web->values[HAPROXY_BOUT], 900, 0);
	assert_near(web->values[HAPROXY_EREQ], 3, 0);
	assert_near(web->values[HAPROXY_2XX], 70, 0);
	assert_true(isnan(web->values[HAPROXY_QCUR]));
	assert_true(isnan(web->values[HAPROXY_5XX])); /* no such column */
	const struct haproxy_proxy *app = stat.backends->pdata[0];
	assert_near(app->values[HAPROXY_ACT], 12, 0);
	assert_near(app->values[HAPROXY_WREDIS], 11, 0);
	assert_near(app->values[HAPROXY_2XX], 60, 0);
	const struct haproxy_proxy *bad = stat.backends->pdata[1];
	assert_string_equal(bad->name, "bad\xef\xbf\xbdname"); /* hostile 13 */
	assert_true(isnan(bad->values[HAPROXY_QCUR]));
	assert_true(isnan(bad->values[HAPROXY_SCUR])); /* hostile 18 */
	assert_true(isnan(bad->values[HAPROXY_SLIM]));
	assert_true(isnan(bad->values[HAPROXY_ACT]));
	haproxy_stat_finish(&stat);
	static const char *const wrong[] = {
		"", "Unknown command", "pxname,svname,", "x# pxname,svname,"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		assert_false(haproxy_stat_parse(wrong[i], strlen(wrong[i]), &stat));
		haproxy_stat_finish(&stat);
	}
}

static void too_many_proxies_are_left_out(void **state)
{
	(void)state;
	GString *text = g_string_new("# pxname,svname,scur\n");
	for (int i = 0; i < 1000; i++) {
		g_string_append_printf(text, "p%d,FRONTEND,1\n", i);
	}
	struct haproxy_stat stat;
	assert_true(haproxy_stat_parse(text->str, text->len, &stat));
	assert_int_equal(stat.frontends->len, HAPROXY_PROXIES_MAX);
	haproxy_stat_finish(&stat);
	g_string_free(text, TRUE);
}

/* -- Varnish -- */

static void the_managers_answers_are_read(void **state)
{
	(void)state;
	static const char text[] = "200 22      \nChild in state running\n";
	struct varnish_answer a;
	size_t used = 0;
	for (size_t cut = 0; cut < strlen(text); cut++) {
		assert_int_equal(varnish_cli_read(text, cut, &a, &used), VARNISH_CLI_MORE);
	}
	assert_int_equal(varnish_cli_read(text, strlen(text), &a, &used), VARNISH_CLI_WHOLE);
	assert_int_equal(used, strlen(text));
	assert_int_equal(a.status, 200);
	char child[8];
	assert_true(varnish_cli_state(&a, child, sizeof child));
	assert_string_equal(child, "running");
	static const char *const wrong[] = {"HTTP/1.1 400 Bad", "200 -1      \nx\n",
		"200 99999999\nx\n", "200 1       \nxy", "2x0 1       \nx\n", "200 1       Xx\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		assert_int_equal(
			varnish_cli_read(wrong[i], strlen(wrong[i]), &a, &used), VARNISH_CLI_BROKEN);
	}
}

/* The example of varnish-cli(7). */
static void the_proof_of_the_secret_is_that_of_the_manual(void **state)
{
	(void)state;
	static const char text[] = "107 59      \nixslvvxrgkjptxmcgnnsdxsvdmvfympg\n\n"
							   "Authentication required.\n\n";
	struct varnish_answer a;
	size_t used;
	char digest[VARNISH_DIGEST];
	assert_int_equal(varnish_cli_read(text, strlen(text), &a, &used), VARNISH_CLI_WHOLE);
	assert_true(varnish_cli_prove(&a, "foo\n", digest));
	assert_string_equal(digest, "455ce847f0073c7ab3b1465f74507b75d3dc064c1e7de3b71e00de9092fdc89a");
	a.length = 20;
	assert_false(varnish_cli_prove(&a, "foo\n", digest));
}

/* -- Elasticsearch -- */

static void the_health_of_a_cluster_is_read(void **state)
{
	(void)state;
	static const char text[] =
		"{\"cluster_name\":\"x\",\"status\":\"yellow\",\"timed_out\":false,\"number_of_nodes\":3,"
		"\"active_shards\":10,\"a b\":1,\"active_shards_percent_as_number\":50.5}";
	struct elasticsearch_health h;
	assert_true(elasticsearch_health_parse(text, strlen(text), &h));
	assert_string_equal(h.status, "yellow");
	assert_int_equal(h.values->len, 3);
	assert_near(g_array_index(h.values, struct elasticsearch_value, 2).value, 50.5, 0);
	elasticsearch_health_finish(&h);
	static const char *const wrong[] = {"", "{", "[]", "{\"status\":5}", "{\"status\":\"<b>\"}",
		"{\"status\":\"\"}", "{\"status\":\"green\",\"status\":\"red\"}", "\"green\""};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		assert_false(elasticsearch_health_parse(wrong[i], strlen(wrong[i]), &h));
		elasticsearch_health_finish(&h);
	}
}

static void a_locked_index_and_the_memory_are_read(void **state)
{
	(void)state;
	char *index;
	static const char locked[] =
		"{\"blocks\":{\"indices\":{\"a\":{\"4\":{}},\"logs\":{\"12\":{}}}}}";
	assert_true(elasticsearch_blocks_parse(locked, strlen(locked), &index));
	assert_string_equal(index, "logs");
	g_free(index);
	assert_true(elasticsearch_blocks_parse("{}", 2, &index));
	assert_null(index);
	assert_false(elasticsearch_blocks_parse("oops", 4, &index));
	static const char memory[] = "{\"nodes\":{\"x\":{\"jvm\":{\"mem\":{\"heap_used_in_bytes\":5,"
								 "\"heap_max_in_bytes\":9}}}}}";
	struct elasticsearch_memory m;
	assert_true(elasticsearch_memory_parse(memory, strlen(memory), &m));
	assert_near(m.heap_used, 5, 0);
	assert_near(m.heap_max, 9, 0);
	assert_true(isnan(m.non_heap_used));
	assert_false(elasticsearch_memory_parse("{\"nodes\":{}}", 12, &m));
	assert_false(elasticsearch_memory_parse("{\"nodes\":[]}", 12, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mod_status_is_read_with_and_without_totals),
		cmocka_unit_test(the_status_of_a_pool_is_read),
		cmocka_unit_test(a_fastcgi_answer_reads_alike_in_every_cut),
		cmocka_unit_test(what_is_no_fastcgi_breaks),
		cmocka_unit_test(fastcgi_answers_without_end_are_cut),
		cmocka_unit_test(a_fastcgi_request_holds_path_and_query),
		cmocka_unit_test(show_stat_is_read_by_the_names_of_its_columns),
		cmocka_unit_test(too_many_proxies_are_left_out),
		cmocka_unit_test(the_managers_answers_are_read),
		cmocka_unit_test(the_proof_of_the_secret_is_that_of_the_manual),
		cmocka_unit_test(the_health_of_a_cluster_is_read),
		cmocka_unit_test(a_locked_index_and_the_memory_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
