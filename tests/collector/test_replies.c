#include "collector/services/memcached_reply.h"
#include "collector/services/redis_graphs.h"
#include "collector/services/resp.h"
#include "collector/services/stats.h"
#include "tests/support/test.h"

#include "base/attr.h"

static void replies_of_redis_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		enum resp_result result;
		enum resp_kind kind;
		const char *text;
		size_t used;
	} cases[] = {
		{"+PONG\r\n", RESP_DONE, RESP_STATUS, "PONG", 7},
		{"-OOM command not allowed\r\n+", RESP_DONE, RESP_ERROR, "OOM command not allowed", 26},
		{":12\r\n", RESP_DONE, RESP_NUMBER, "12", 5},
		{"$5\r\nhe\r\no\r\n+x", RESP_DONE, RESP_BULK, "he\r\no", 11},
		{"$0\r\n\r\n", RESP_DONE, RESP_BULK, "", 6},
		{"$-1\r\n", RESP_DONE, RESP_NULL, "", 5},
		{"", RESP_MORE, 0, "", 0},
		{"+PON", RESP_MORE, 0, "", 0},
		{"+PONG\r", RESP_MORE, 0, "", 0},
		{"$5\r\nhel", RESP_MORE, 0, "", 0},
		{"$5\r\nhello\r", RESP_MORE, 0, "", 0},
		{"$5\r\nhelloxy", RESP_BROKEN, 0, "", 0},
		{"$99999999999\r\n", RESP_BROKEN, 0, "", 0},
		{"$-2\r\n", RESP_BROKEN, 0, "", 0},
		{"$\r\n", RESP_BROKEN, 0, "", 0},
		{"$5 \r\n", RESP_BROKEN, 0, "", 0},
		{"+OK\n", RESP_BROKEN, 0, "", 0}, /* LF alone */
		{"*2\r\n", RESP_BROKEN, 0, "", 0},
		{"HTTP/1.1 400 Bad Request\r\n", RESP_BROKEN, 0, "", 0},
		{"\r\n", RESP_BROKEN, 0, "", 0},
		{"\n", RESP_BROKEN, 0, "", 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct resp_value value = {0};
		size_t used = 0;
		enum resp_result result = resp_parse(cases[i].bytes, strlen(cases[i].bytes), &value, &used);
		assert_int_equal(result, cases[i].result);
		if (result == RESP_DONE) {
			assert_int_equal(value.kind, cases[i].kind);
			assert_int_equal(value.length, strlen(cases[i].text));
			assert_memory_equal(value.text, cases[i].text, value.length);
			assert_int_equal(used, cases[i].used);
		}
	}
}

/* hostile 33 in the protocol of Redis: a line that never ends, an announced size beyond all bounds
 */
static void a_line_without_end_is_no_reply(void **state)
{
	(void)state;
	char bytes[2048];
	struct resp_value value;
	size_t used = 0;
	memset(bytes, 'x', sizeof(bytes));
	bytes[0] = '+';
	assert_int_equal(resp_parse(bytes, sizeof(bytes), &value, &used), RESP_BROKEN);
	struct memcached_reply reply;
	memcached_parse(bytes, sizeof(bytes), &reply);
	assert_int_equal(reply.kind, MEMCACHED_BROKEN);
}

static void requests_carry_their_lengths(void **state)
{
	(void)state;
	GString *out = g_string_new(NULL);
	const char *const words[] = {"SET", "a b", ""};
	resp_append(out, words, 3);
	assert_string_equal(out->str, "*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$0\r\n\r\n");
	g_string_free(out, TRUE);
}

static void an_error_is_known_by_its_first_word(void **state)
{
	(void)state;
	struct resp_value value = {RESP_ERROR, "OOM command", 11};
	assert_true(resp_is_error(&value, "OOM"));
	assert_false(resp_is_error(&value, "OO"));
	assert_false(resp_is_error(&value, "OOM command not"));
	value.length = 3;
	assert_true(resp_is_error(&value, "OOM"));
	value.kind = RESP_STATUS;
	assert_false(resp_is_error(&value, "OOM"));
}

static void replies_of_memcached_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		enum memcached_kind kind;
		const char *name, *text;
		size_t used;
	} cases[] = {
		{"MN\r\n", MEMCACHED_MN, "", "MN", 4},
		{"STORED\r\nEND", MEMCACHED_STORED, "", "STORED", 8},
		{"ERROR\r\n", MEMCACHED_REFUSED, "", "ERROR", 7},
		{"SERVER_ERROR out of memory storing object\r\n", MEMCACHED_REFUSED, "",
			"SERVER_ERROR out of memory storing object", 43},
		{"STAT curr_items 3\r\n", MEMCACHED_STAT, "curr_items", "3", 19},
		{"STAT version 1.6 x\r\n", MEMCACHED_STAT, "version", "1.6 x", 20},
		{"STAT libevent\r\n", MEMCACHED_STAT, "libevent", "", 15},
		{"VALUE k 0 3\r\na\r\n\r\nEND\r\n", MEMCACHED_VALUE, "k", "a\r\n", 18},
		{"VALUE k 0 0\r\n\r\n", MEMCACHED_VALUE, "k", "", 15},
		{"END\r\n", MEMCACHED_END, "", "END", 5},
		{"DELETED\n", MEMCACHED_OTHER, "", "DELETED", 8},
		{"", MEMCACHED_MORE, "", "", 0},
		{"MN\r", MEMCACHED_MORE, "", "", 0},
		{"VALUE k 0 3\r\na", MEMCACHED_MORE, "", "", 0},
		{"VALUE k 0 3\r\nabcde", MEMCACHED_BROKEN, "", "", 0},
		{"VALUE k 0 -1\r\n", MEMCACHED_BROKEN, "", "", 0},
		{"VALUE k 0 99999\r\n", MEMCACHED_BROKEN, "", "", 0},
		{"VALUE\r\n", MEMCACHED_BROKEN, "", "", 0},
		{"STAT\r\n", MEMCACHED_BROKEN, "", "", 0},
		{"STATS\r\n", MEMCACHED_BROKEN, "", "", 0},
		{"ENDE\r\n", MEMCACHED_BROKEN, "", "", 0},
		{"\n", MEMCACHED_BROKEN, "", "", 0},
		{"\r\n", MEMCACHED_BROKEN, "", "", 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct memcached_reply reply;
		memcached_parse(cases[i].bytes, strlen(cases[i].bytes), &reply);
		assert_int_equal(reply.kind, cases[i].kind);
		if (cases[i].used) {
			assert_int_equal(reply.length, strlen(cases[i].text));
			assert_memory_equal(reply.text, cases[i].text, reply.length);
			assert_int_equal(reply.name_length, strlen(cases[i].name));
			assert_int_equal(reply.used, cases[i].used);
		}
	}
}

static void figures_are_found_by_name_in_any_case(void **state)
{
	(void)state;
	static const char text[] = "# Server\r\nredis_version:7.0.15\r\nused_memory:1024\r\nloading:0\n"
							   "aof:ON\nused_memory:5\nbad:1,5\nlong_value:";
	struct stats stats;
	stats_init(&stats);
	stats_read_lines(&stats, text, sizeof(text) - 1, ':');
	assert_string_equal(stats_text(&stats, "redis_version"), "7.0.15");
	assert_near(stats_number(&stats, "Used_Memory"), 1024, 0); /* the first counts */
	assert_near(stats_number(&stats, "loading"), 0, 0);
	assert_near(stats_number(&stats, "AOF"), 1, 0);
	assert_near(stats_number(&stats, "bad"), NAN, 0); /* hostile 18 */
	assert_near(stats_number(&stats, "redis_version"), NAN, 0);
	assert_near(stats_number(&stats, "not_there"), NAN, 0);
	assert_string_equal(stats_text(&stats, "long_value"), "");
	stats_clear(&stats);
	assert_null(stats_text(&stats, "loading"));
	stats_finish(&stats);
	stats_finish(&stats);
}

static void figures_without_end_are_bounded(void **state)
{
	(void)state;
	struct stats stats;
	char name[STATS_VALUE_MAX + 2];
	stats_init(&stats);
	memset(name, 'n', sizeof(name));
	stats_set(&stats, name, STATS_NAME_MAX + 1, "1", 1);
	stats_set(&stats, "", 0, "1", 1);
	stats_set(&stats, "a\0b", 3, "1", 1);
	stats_set(&stats, "v", 1, name, STATS_VALUE_MAX + 1);
	assert_int_equal(g_hash_table_size(stats.values), 0);
	for (int i = 0; i < STATS_MAX + 100; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		stats_set(&stats, name, strlen(name), "1", 1);
	}
	assert_int_equal(g_hash_table_size(stats.values), STATS_MAX);
	stats_finish(&stats);
}

static void databases_and_replicas_of_redis_are_read(void **state)
{
	(void)state;
	double keys = -1;
	double expires = -1;
	assert_true(redis_database_parse("keys=12,expires=3,avg_ttl=0", &keys, &expires));
	assert_near(keys, 12, 0);
	assert_near(expires, 3, 0);
	assert_false(redis_database_parse("keys=x,expires=3", &keys, &expires));
	assert_false(redis_database_parse("keys=1", &keys, &expires));
	assert_false(redis_database_parse("", &keys, &expires));
	assert_false(redis_database_parse(NULL, &keys, &expires));
	assert_near(redis_lag_parse("ip=::1,port=1,state=online,offset=28,lag=2"), 2, 0);
	assert_near(redis_lag_parse("ip=::1,lagging=2"), NAN, 0);
	assert_near(redis_lag_parse(NULL), NAN, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_of_redis_are_told_apart),
		cmocka_unit_test(a_line_without_end_is_no_reply),
		cmocka_unit_test(requests_carry_their_lengths),
		cmocka_unit_test(an_error_is_known_by_its_first_word),
		cmocka_unit_test(replies_of_memcached_are_told_apart),
		cmocka_unit_test(figures_are_found_by_name_in_any_case),
		cmocka_unit_test(figures_without_end_are_bounded),
		cmocka_unit_test(databases_and_replicas_of_redis_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
