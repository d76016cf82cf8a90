#include "collector/services/mysql_innodb.h"
#include "collector/services/mysql_packet.h"
#include "tests/support/test.h"

#include "base/attr.h"

#define BYTES(text)                                                                                \
	{                                                                                              \
		(const uint8_t *)(text), sizeof(text) - 1, 0                                               \
	}

static void packets_are_cut_by_their_length(void **state)
{
	(void)state;
	struct mysql_packet packet;
	size_t used = 0;
	assert_int_equal(mysql_packet_parse("\x02\0\0\x05ok!", 7, &packet, &used), MYSQL_DONE);
	assert_int_equal(used, 6);
	assert_int_equal(packet.length, 2);
	assert_int_equal(packet.sequence, 5);
	assert_int_equal(mysql_packet_parse("\0\0\0\0", 4, &packet, &used), MYSQL_DONE);
	assert_int_equal(packet.length, 0);
	assert_int_equal(mysql_answer(&packet), MYSQL_EMPTY);
	assert_int_equal(mysql_packet_parse("\x02\0\0", 3, &packet, &used), MYSQL_MORE);
	assert_int_equal(mysql_packet_parse("\x02\0\0\0o", 5, &packet, &used), MYSQL_MORE);
	assert_int_equal(mysql_packet_parse("\xff\xff\xff\0o", 5, &packet, &used), MYSQL_BROKEN);
	assert_int_equal(mysql_packet_parse("HTTP/1.1 400", 12, &packet, &used), MYSQL_BROKEN);
}

/* version 10, "8.0.36", thread 7, 8 bytes of scramble, flags, 12 more, method */
#define GREETING                                                                                   \
	"\x0a"                                                                                         \
	"8.0.36\0"                                                                                     \
	"\x07\0\0\0"                                                                                   \
	"abcdefgh\0"                                                                                   \
	"\xff\xff\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0"                                           \
	"ijklmnopqrst\0"                                                                               \
	"caching_sha2_password\0"

static void a_greeting_says_version_scramble_and_method(void **state)
{
	(void)state;
	const struct mysql_packet packet = BYTES(GREETING);
	struct mysql_greeting greeting;
	assert_true(mysql_greeting_parse(&packet, &greeting));
	assert_string_equal(greeting.version, "8.0.36");
	assert_int_equal(greeting.thread, 7);
	assert_int_equal(greeting.capabilities, 0xdfffffff);
	assert_memory_equal(greeting.scramble, "abcdefghijklmnopqrst", MYSQL_SCRAMBLE_SIZE);
	assert_string_equal(greeting.plugin, "caching_sha2_password");
	struct mysql_packet cut = packet;
	for (cut.length = 0; cut.length < 40; cut.length++) {
		assert_false(mysql_greeting_parse(&cut, &greeting));
	}
	const struct mysql_packet old = BYTES("\x09"
										  "3.22\0");
	assert_false(mysql_greeting_parse(&old, &greeting));
}

static void errors_come_with_and_without_a_state(void **state)
{
	(void)state;
	static const struct {
		struct mysql_packet packet;
		bool good;
		unsigned code;
		const char *text;
	} cases[] = {
		{BYTES("\xff\x10\x04Too many connections"), true, 1040, "Too many connections"},
		{BYTES("\xff\x15\x04#28000Access denied"), true, 1045, "Access denied"},
		{BYTES("\xff\x15\x04"), true, 1045, ""},
		{BYTES("\xff\x15\x04#2800"), true, 1045, "#2800"},
		{BYTES("\xff\x15"), false, 0, ""},
		{BYTES("\x00\x15\x04"), false, 0, ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct mysql_error error = {0};
		assert_int_equal(mysql_error_parse(&cases[i].packet, &error), cases[i].good);
		assert_int_equal(error.code, cases[i].code);
		assert_int_equal(error.length, strlen(cases[i].text));
		if (error.length) {
			assert_memory_equal(error.text, cases[i].text, error.length);
		}
	}
}

static void another_method_of_login_is_named(void **state)
{
	(void)state;
	struct mysql_switch request;
	const struct mysql_packet named = BYTES("\xfe"
											"mysql_native_password\0"
											"abcdefghijklmnopqrst\0");
	const struct mysql_packet bare = BYTES("\xfe"
										   "auth_socket\0");
	const struct mysql_packet ancient = BYTES("\xfe");
	assert_true(mysql_switch_parse(&named, &request));
	assert_string_equal(request.plugin, "mysql_native_password");
	assert_memory_equal(request.scramble, "abcdefghijklmnopqrst", MYSQL_SCRAMBLE_SIZE);
	assert_true(mysql_switch_parse(&bare, &request));
	assert_string_equal(request.plugin, "auth_socket");
	assert_false(mysql_switch_parse(&ancient, &request));
}

static void hex(const uint8_t *bytes, size_t length, char *out)
{
	for (size_t i = 0; i < length; i++) {
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	}
}

/* Expected values computed beside, by Python's hashlib from the formulas of the documentation. */
static void answers_to_scrambles_are_those_of_the_documentation(void **state)
{
	(void)state;
	const uint8_t *scramble = (const uint8_t *)"abcdefghijklmnopqrst";
	uint8_t out[32];
	char text[65];
	assert_int_equal(mysql_native_response("geheim", scramble, out), 20);
	hex(out, 20, text);
	assert_string_equal(text, "bbcdd98c2cc26e66e1163072def02efa6672b012");
	assert_int_equal(mysql_sha2_response("geheim", scramble, out), 32);
	hex(out, 32, text);
	assert_string_equal(text, "9d5463db7402d7b2a6024117cc0517debae53b09d2425fb4d80386ef286c8beb");
	assert_int_equal(mysql_native_response("", scramble, out), 0);
	assert_int_equal(mysql_sha2_response("", scramble, out), 0);
}

static void a_login_carries_what_the_server_can_read(void **state)
{
	(void)state;
	GString *out = g_string_new(NULL);
	const uint8_t response[] = {1, 2, 3};
	const struct mysql_login login = {.user = "magpie",
		.plugin = "mysql_native_password",
		.response = response,
		.response_length = sizeof(response),
		.capabilities = 0xffffffff & ~(uint32_t)MYSQL_SSL};
	mysql_append_login(out, 1, &login);
	struct mysql_packet packet;
	size_t used = 0;
	assert_int_equal(mysql_packet_parse(out->str, out->len, &packet, &used), MYSQL_DONE);
	assert_int_equal(used, out->len);
	assert_int_equal(packet.sequence, 1);
	assert_int_equal(packet.payload[0] | packet.payload[1] << 8 | packet.payload[2] << 16,
		MYSQL_PROTOCOL_41 | MYSQL_SECURE_CONNECTION | MYSQL_PLUGIN_AUTH | MYSQL_TRANSACTIONS);
	assert_memory_equal(
		packet.payload + 32, "magpie\0\3\1\2\3mysql_native_password", packet.length - 32);
	g_string_free(out, TRUE);
}

static void tables_are_taken_packet_by_packet(void **state)
{
	(void)state;
	static const struct {
		struct mysql_packet packet;
		enum mysql_step step;
	} packets[] = {
		{BYTES("\x02"), MYSQL_STEP_ON},
		{BYTES("\x03"
			   "def\0\0\0\x01"
			   "a\0\x0c\x3f\0\0\0\0\0\0\0\0\0\0\0"),
			MYSQL_STEP_ON},
		{BYTES("\x03"
			   "def\0\0\0\x02"
			   "bc\0\x0c\x3f\0\0\0\0\0\0\0\0\0\0\0"),
			MYSQL_STEP_ON},
		{BYTES("\xfe\0\0\2\0"), MYSQL_STEP_ON},
		{BYTES("\x03one\xfb"), MYSQL_STEP_ROW},
		{BYTES("\xfe\0\0\2\0"), MYSQL_STEP_END},
	};
	struct mysql_table table = {0};
	for (size_t i = 0; i < ARRAY_LENGTH(packets); i++) {
		assert_int_equal(mysql_table_take(&table, &packets[i].packet), packets[i].step);
	}
	assert_string_equal(table.names->pdata[0], "a");
	assert_string_equal(table.names->pdata[1], "bc");
	struct mysql_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	assert_true(mysql_row_next(&row, &packets[4].packet, &text, &length));
	assert_int_equal(length, 3);
	assert_memory_equal(text, "one", 3);
	assert_true(mysql_row_next(&row, &packets[4].packet, &text, &length));
	assert_null(text);
	assert_false(mysql_row_next(&row, &packets[4].packet, &text, &length));
	mysql_table_finish(&table);
}

static void what_may_not_come_in_a_table_is_broken(void **state)
{
	(void)state;
	static const struct mysql_packet first[] = {
		BYTES("\xfb/etc/passwd"), /* the server asks for a file of ours */
		BYTES("\xfc\xff\xff"), BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff"), BYTES("\x02x"),
		BYTES("\xfc\x01"), BYTES("")};
	for (size_t i = 0; i < ARRAY_LENGTH(first); i++) {
		struct mysql_table table = {0};
		assert_int_equal(mysql_table_take(&table, &first[i]), MYSQL_STEP_BROKEN);
		mysql_table_finish(&table);
	}
	struct mysql_table table = {0};
	const struct mysql_packet one = BYTES("\x01");
	const struct mysql_packet column = BYTES("\xfd\xff\xff");
	assert_int_equal(mysql_table_take(&table, &one), MYSQL_STEP_ON);
	assert_int_equal(mysql_table_take(&table, &column), MYSQL_STEP_BROKEN);
	mysql_table_finish(&table);
	struct mysql_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	const struct mysql_packet lie = BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xffx");
	assert_false(mysql_row_next(&row, &lie, &text, &length));
}

static double innodb(const char *text, const char *name)
{
	struct stats stats;
	stats_init(&stats);
	mysql_innodb_parse(&stats, text, strlen(text));
	double value = stats_number(&stats, name);
	stats_finish(&stats);
	return value;
}

#define SECTION(name, text) "---\n" name "\n---\n" text "\n"
#define INSERTS(text)       SECTION("INSERT BUFFER AND ADAPTIVE HASH INDEX", text)

static void figures_of_innodb_are_found_in_all_wordings(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name;
		double value;
	} cases[] = {
		{SECTION("BUFFER POOL AND MEMORY", "Buffer pool size   8112"), "ib_bpool_size", 8112},
		{SECTION("BUFFER POOL AND MEMORY", "Pages read 165, created 131, written 9"),
			"ib_bpool_written", 9},
		{SECTION("LOG", "Log sequence number 44864"), "ib_log_written", 44864},
		{SECTION("LOG", "Log sequence number          44864\r"), "ib_log_written", 44864},
		{SECTION("LOG", "Log sequence number 1 5"), "ib_log_written", 4294967301.0},
		{SECTION("LOG", "Log flushed up to   44863"), "ib_log_flush", 44863},
		{SECTION("LOG", "12 log i/o's done, 0.00 log i/o's/second"), "ib_io_log", 12},
		{SECTION("TRANSACTIONS", "Trx id counter 1A2B"), "ib_tnx", 0x1a2b},
		{SECTION("TRANSACTIONS", "Trx id counter 15"), "ib_tnx", 15},
		{SECTION("TRANSACTIONS", "Log sequence number 99"), "ib_log_written", NAN},
		{SECTION("FILE I/O", "Pending normal aio reads: 1 [0, 1] , aio writes: 2 [2, 0] ,"),
			"ib_iop_aiowrite", 2},
		{SECTION("FILE I/O", "Pending normal aio reads: 1, aio writes: 2,"), "ib_iop_aioread", 1},
		{SECTION("FILE I/O", " ibuf aio reads: 3, log i/o's: 4, sync i/o's: 5"), "ib_iop_sync", 5},
		{SECTION("FILE I/O", " ibuf aio reads:, log i/o's:, sync i/o's:"), "ib_iop_sync", NAN},
		{SECTION("FILE I/O", "Pending flushes (fsync) log: 6; buffer pool: 7"),
			"ib_iop_flush_bpool", 7},
		{SECTION("FILE I/O", "174 OS file reads, 8 OS file writes, 1 OS fsyncs"), "ib_io_write", 8},
		{SECTION("SEMAPHORES", "Mutex spin waits 1, rounds 30, OS waits 2"), "ib_spin_rounds", 30},
		{INSERTS("7 inserts, 8 merged recs, 9 merges"), "ib_ibuf_merged_rec", 8},
		{INSERTS("Ibuf: size 1, free list len 0, seg size 2, 5 merges"), "ib_ibuf_merges", 5},
		{INSERTS("merged operations:\n insert 3, delete mark 1, delete 0\n"
				 "discarded operations:\n insert 4, delete mark 0, delete 0"),
			"ib_ibuf_merged_rec", 7},
		{"Log sequence number 99\n", "ib_log_written", NAN}, /* in no section */
		{SECTION("LOG", "Log sequence number 99999999999999999999999"), "ib_log_written", NAN},
		{SECTION("LOG", "Log sequence number"), "ib_log_written", NAN},
		{"", "ib_log_written", NAN},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_near(innodb(cases[i].text, cases[i].name), cases[i].value, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_cut_by_their_length),
		cmocka_unit_test(a_greeting_says_version_scramble_and_method),
		cmocka_unit_test(errors_come_with_and_without_a_state),
		cmocka_unit_test(another_method_of_login_is_named),
		cmocka_unit_test(answers_to_scrambles_are_those_of_the_documentation),
		cmocka_unit_test(a_login_carries_what_the_server_can_read),
		cmocka_unit_test(tables_are_taken_packet_by_packet),
		cmocka_unit_test(what_may_not_come_in_a_table_is_broken),
		cmocka_unit_test(figures_of_innodb_are_found_in_all_wordings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
