#include "collector/services/pg_message.h"
#include "collector/services/scram.h"
#include "tests/support/test.h"

#include "base/attr.h"

#define PROOF     "lGBAl6xR8/KpCaSG91CbiQeA4y04qHBli41a+OJaae8="
#define SIGNATURE "ksbVnxzVgLdlEZEeA87VzhrkMkeicXrguIT8HEVpYak="

static struct pg_message message(const char *bytes, size_t length)
{
	struct pg_message m = {0};
	size_t used = 0;
	assert_int_equal(pg_message_parse(bytes, length, &m, &used), PG_DONE);
	assert_int_equal(used, length);
	return m;
}

#define MESSAGE(bytes) message(bytes, sizeof(bytes) - 1)

static void messages_are_cut_by_their_length(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		enum pg_parsed parsed;
	} cases[] = {
		{"Z\0\0\0\x05I", 6, PG_DONE},
		{"Z\0\0\0\x05It", 7, PG_DONE},
		{"1\0\0\0\x04", 5, PG_BROKEN},
		{"", 0, PG_MORE},
		{"Z", 1, PG_MORE},
		{"Z\0\0\0\x05", 5, PG_MORE},
		{"Z\0\0\0\x03", 5, PG_BROKEN},
		{"Z\xff\xff\xff\xff", 5, PG_BROKEN},
		{"HTTP/1.1 400", 12, PG_BROKEN},
		{"\xff\x10\x04Too", 6, PG_BROKEN},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct pg_message m;
		size_t used = 0;
		assert_int_equal(
			pg_message_parse(cases[i].bytes, cases[i].length, &m, &used), cases[i].parsed);
	}
}

static void errors_have_a_code_and_a_text(void **state)
{
	(void)state;
	struct pg_error error;
	struct pg_message m = MESSAGE("E\0\0\0\x1dSFATAL\0C57P03\0Mstarting\0\0");
	assert_true(pg_error_parse(&m, &error));
	assert_string_equal(error.code, "57P03");
	assert_int_equal(error.length, 8);
	assert_memory_equal(error.text, "starting", 8);
	m = MESSAGE("E\0\0\0\x0cMstartin"); /* no end */
	assert_false(pg_error_parse(&m, &error));
	m = MESSAGE("E\0\0\0\x04");
	assert_false(pg_error_parse(&m, &error));
	m = MESSAGE("N\0\0\0\x0c"
				"C57P03\0\0");
	assert_false(pg_error_parse(&m, &error));
}

static void what_the_server_wants_for_a_login_is_read(void **state)
{
	(void)state;
	struct pg_login_request request;
	struct pg_message m = MESSAGE("R\0\0\0\x0c\0\0\0\x05salt");
	assert_true(pg_login_parse(&m, &request));
	assert_int_equal(request.kind, PG_LOGIN_MD5);
	assert_int_equal(request.length, 4);
	m = MESSAGE("R\0\0\0\x25\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-S\0\0\0");
	assert_true(pg_login_parse(&m, &request));
	assert_true(pg_list_has(&request, "SCRAM-SHA-256-PLUS"));
	assert_false(pg_list_has(&request, "SCRAM-SHA-256"));
	m = MESSAGE("R\0\0\0\x07\0\0\0");
	assert_false(pg_login_parse(&m, &request));
	const char *name = NULL;
	const char *value = NULL;
	m = MESSAGE("S\0\0\0\x08"
				"a\0b\0");
	assert_true(pg_setting_parse(&m, &name, &value));
	assert_string_equal(value, "b");
	m = MESSAGE("S\0\0\0\x07"
				"a\0b");
	assert_false(pg_setting_parse(&m, &name, &value));
}

static void rows_have_the_values_of_their_columns(void **state)
{
	(void)state;
	struct pg_message m = MESSAGE("T\0\0\0\x30\0\x02"
								  "a\0abcdefghijklmnopqr"
								  "bc\0abcdefghijklmnopqr\0");
	GPtrArray *names = pg_columns_parse(&m);
	assert_non_null(names);
	assert_string_equal(names->pdata[0], "a");
	assert_string_equal(names->pdata[1], "bc");
	g_ptr_array_unref(names);
	m = MESSAGE("T\0\0\0\x08\0\x02"
				"a\0");
	assert_null(pg_columns_parse(&m));
	m = MESSAGE("T\0\0\0\x06\xff\xff");
	assert_null(pg_columns_parse(&m));
	struct pg_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	m = MESSAGE("D\0\0\0\x10\0\x02\0\0\0\x02hi\xff\xff\xff\xff");
	assert_true(pg_row_next(&row, &m, &text, &length));
	assert_int_equal(length, 2);
	assert_memory_equal(text, "hi", 2);
	assert_true(pg_row_next(&row, &m, &text, &length));
	assert_null(text);
	assert_false(pg_row_next(&row, &m, &text, &length));
	row = (struct pg_row){0};
	m = MESSAGE("D\0\0\0\x0c\xff\xff\0\0\0\x7fhi");
	assert_false(pg_row_next(&row, &m, &text, &length));
	assert_false(pg_row_next(&row, &m, &text, &length));
}

static void md5_answers_are_those_of_the_manual(void **state)
{
	(void)state;
	char out[PG_MD5_TEXT];
	pg_md5_answer("magpie", "geheim", "salt", out);
	assert_string_equal(
		out, "md54cc2f6096c102d8f8fc269429d64a0ea"); /* by Python's hashlib, beside */
}

#define NONCE "0123456789abcdef0123456789abcdef"
#define FIRST "r=" NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

/* The example of RFC 7677 with a nonce of our length, computed beside by Python's hmac. */
static void scram_proves_and_is_proven(void **state)
{
	(void)state;
	struct scram scram = {0};
	for (int round = 0; round < 2; round++) { /* the second time with the key that was kept */
		GString *out = g_string_new(NULL);
		struct error err = {0};
		scram_begin(&scram, NONCE, out);
		assert_string_equal(out->str, "n,,n=,r=" NONCE);
		g_string_truncate(out, 0);
		assert_true(scram_answer(
			&scram, "pencil", (struct hash_part){FIRST, sizeof(FIRST) - 1}, out, &err));
		assert_string_equal(out->str, "c=biws,r=" NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF,p=" PROOF);
		assert_true(scram_verify(&scram, "v=" SIGNATURE, sizeof("v=" SIGNATURE) - 1));
		assert_false(scram_verify(&scram, "v=" SIGNATURE, sizeof("v=" SIGNATURE) - 2));
		assert_false(scram_verify(&scram, "e=other-error", 13));
		g_string_free(out, TRUE);
	}
}

static void a_server_that_asks_for_too_much_is_refused(void **state)
{
	(void)state;
	static const char *const messages[] = {
		"r=" NONCE "x,s=c2FsdA==,i=4000000000", /* an hour of our time */
		"r=" NONCE "x,s=c2FsdA==,i=0",
		"r=" NONCE "x,s=c2FsdA==",
		"r=" NONCE ",s=c2FsdA==,i=4096", /* it added nothing of its own */
		"r=another,s=c2FsdA==,i=4096",
		"r=" NONCE "x,s=,i=4096",
		"s=c2FsdA==,i=4096",
		"",
		"r",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
		struct scram scram = {0};
		struct error err = {0};
		GString *out = g_string_new(NULL);
		scram_begin(&scram, NONCE, out);
		const struct hash_part part = {messages[i], strlen(messages[i])};
		assert_false(scram_answer(&scram, "pencil", part, out, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		g_string_free(out, TRUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_cut_by_their_length),
		cmocka_unit_test(errors_have_a_code_and_a_text),
		cmocka_unit_test(what_the_server_wants_for_a_login_is_read),
		cmocka_unit_test(rows_have_the_values_of_their_columns),
		cmocka_unit_test(md5_answers_are_those_of_the_manual),
		cmocka_unit_test(scram_proves_and_is_proven),
		cmocka_unit_test(a_server_that_asks_for_too_much_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
