#include "collector/checks/dns_message.h"
#include "collector/checks/icmp.h"

#include "tests/support/test.h"

#include <glib.h>

/* An answer to `q` with one record of the type `type` and these data. */
static GString *answer_to(
	const struct dns_question *q, unsigned flags, unsigned type, const void *data, size_t length)
{
	GString *out = g_string_new_len((const char *)q->bytes, (gssize)q->length);
	const unsigned char head[] = {0xc0, 12, (unsigned char)(type >> 8), (unsigned char)type, 0, 1,
		0, 0, 1, 44, (unsigned char)(length >> 8), (unsigned char)length};
	out->str[2] = (char)(0x80 | flags >> 8);
	out->str[3] = (char)flags;
	out->str[7] = 1;
	g_string_append_len(out, (const char *)head, sizeof(head));
	g_string_append_len(out, data, (gssize)length);
	return out;
}

static void questions_have_the_form_of_the_standard(void **state UNUSED)
{
	struct dns_question q;
	static const unsigned char expected[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
											"\x03WWW\x07"
											"example\x00\x00\x1c\x00\x01";
	assert_true(dns_ask(&q, 0x1234, "WWW.example.", dns_type("aaaa"), NULL));
	assert_int_equal(q.length, sizeof(expected) - 1);
	assert_memory_equal(q.bytes, expected, q.length);
	assert_string_equal(q.name, "www.example");
	assert_true(dns_ask(&q, 1, "192.0.2.7", dns_type("PTR"), NULL));
	assert_string_equal(q.name, "7.2.0.192.in-addr.arpa");
	assert_true(dns_ask(&q, 1, "2001:db8::1", dns_type("PTR"), NULL));
	assert_string_equal(
		q.name, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	char long_name[300];
	memset(long_name, 'a', sizeof(long_name));
	long_name[299] = '\0';
	const char *const bad[] = {"", ".", "a..b", long_name,
		"a123456789012345678901234567890123456789012345678901234567890123.example"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct error err = {0};
		assert_false(dns_ask(&q, 1, bad[i], 1, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
	}
}

static void values_of_all_types_are_read(void **state UNUSED)
{
	static const struct {
		const char *type;
		const char *data;
		size_t length;
		const char *value;
	} rows[] = {
		{"A", "\xc0\0\2\1", 4, "192.0.2.1"},
		{"AAAA", "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16, "2001:db8::1"},
		{"CNAME", "\4Mail\xc0\x0c", 7, "mail.www.example"},
		{"MX", "\0\12\2mx\7example\0", 14, "10 mx.example"},
		{"NS", "\2ns\xc0\x10", 5, "ns.example"},
		{"SRV", "\0\1\0\2\x14\x66\1x\0", 9, "1 2 5222 x"},
		{"TXT", "\2v=\5 spf1", 9, "v= spf1"},
		{"TXT", "\3a\0\n", 4, "a\xef\xbf\xbd\xef\xbf\xbd"},
		{"SOA", "\1a\0\1b\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 26, "a b 1 2 3 4 5"},
		{"PTR", "\6od.d\0x\0", 8, "od\\046d\\000x"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct dns_question q;
		struct dns_answer answer;
		assert_true(dns_ask(&q, 7, "www.example", dns_type(rows[i].type), NULL));
		GString *bytes = answer_to(&q, 0x180, q.type, rows[i].data, rows[i].length);
		assert_int_equal(dns_read(&q, bytes->str, bytes->len, &answer, NULL), DNS_GOOD);
		assert_int_equal(answer.count, 1);
		assert_string_equal(answer.records[0].value, rows[i].value);
		assert_int_equal(answer.records[0].ttl, 300);
		/* cut off anywhere: never good with a record, never read beyond */
		for (size_t length = 0; length < bytes->len; length++) {
			char *copy = g_memdup2(bytes->str, length + 1);
			assert_int_not_equal(dns_read(&q, copy, length, &answer, NULL), DNS_GOOD);
			g_free(copy);
		}
		g_string_free(bytes, TRUE);
	}
}

/* hostile 34 */
static void answers_to_other_questions_are_foreign(void **state UNUSED)
{
	struct dns_question q, other;
	struct dns_answer answer;
	assert_true(dns_ask(&q, 7, "www.example", 1, NULL));
	static const struct {
		uint16_t id;
		const char *name;
		uint16_t type;
	} rows[] = {{8, "www.example", 1}, {7, "www.examplf", 1}, {7, "www.example", 28}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_true(dns_ask(&other, rows[i].id, rows[i].name, rows[i].type, NULL));
		GString *bytes = answer_to(&other, 0x180, 1, "\xc0\0\2\1", 4);
		assert_int_equal(dns_read(&q, bytes->str, bytes->len, &answer, NULL), DNS_FOREIGN);
		g_string_free(bytes, TRUE);
	}
	/* our own question, sent back */
	assert_int_equal(dns_read(&q, q.bytes, q.length, &answer, NULL), DNS_FOREIGN);
}

/* hostile 34 */
static void pointers_in_circles_break_the_answer(void **state UNUSED)
{
	static const struct {
		const char *data;
		size_t length;
	} rows[] = {
		{"\xc0\x29", 2},         /* to itself */
		{"\xc0\x2b\xc0\x29", 4}, /* to the next, which points back */
		{"\xc3\xff", 2},         /* beyond the end */
		{"\1a\xc0\x29", 4},      /* to the begin of the same name */
		{"\x40"
		 "abc",
			4}, /* a kind of label that there is not */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct dns_question q;
		struct dns_answer answer;
		assert_true(dns_ask(&q, 7, "www.example", dns_type("CNAME"), NULL));
		GString *bytes = answer_to(&q, 0x180, q.type, rows[i].data, rows[i].length);
		struct error err = {0};
		assert_int_equal(dns_read(&q, bytes->str, bytes->len, &answer, &err), DNS_BROKEN);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		g_string_free(bytes, TRUE);
	}
}

static void codes_and_truncation_are_seen(void **state UNUSED)
{
	struct dns_question q;
	struct dns_answer answer;
	assert_true(dns_ask(&q, 7, "www.example", 1, NULL));
	GString *bytes = answer_to(&q, 0x183, 1, "\xc0\0\2\1", 4);
	assert_int_equal(dns_read(&q, bytes->str, bytes->len, &answer, NULL), DNS_GOOD);
	assert_int_equal(answer.code, 3);
	assert_non_null(strstr(dns_code_text(3), "no such name"));
	g_string_free(bytes, TRUE);
	bytes = answer_to(&q, 0x380, 1, "\xc0", 1);
	assert_int_equal(dns_read(&q, bytes->str, bytes->len, &answer, NULL), DNS_GOOD);
	assert_true(answer.truncated);
	g_string_free(bytes, TRUE);
}

static void values_are_compared_as_people_write_them(void **state UNUSED)
{
	static const struct {
		const char *value, *wanted;
		bool same;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.10", false},
		{"2001:db8::1", "2001:0DB8:0::1", true},
		{"mail.example", "MAIL.example.", true},
		{"10 mail.example", "10 mail.example", true},
		{"10 mail.example", "mail.example", true},
		{"10 mail.example", "example", false},
		{"v=spf1 -all", "-all", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_int_equal(dns_value_is(rows[i].value, rows[i].wanted), rows[i].same);
	}
}

/* hostile 34 */
static void only_replies_with_our_token_count(void **state UNUSED)
{
	struct icmp_echo echo = {.id = 77, .token = "0123456789abcde"};
	unsigned char bytes[ICMP_SIZE], whole[20 + ICMP_SIZE] = {0x45};
	uint16_t sequence = 0;
	icmp_request(&echo, 513, bytes);
	assert_false(icmp_is_reply(&echo, bytes, sizeof(bytes), &sequence)); /* our own request */
	bytes[0] = 0;
	assert_true(icmp_is_reply(&echo, bytes, sizeof(bytes), &sequence));
	assert_int_equal(sequence, 513);
	for (size_t length = 0; length < 24; length++) {
		assert_false(icmp_is_reply(&echo, bytes, length, &sequence));
	}
	echo.raw = true;
	memcpy(whole + 20, bytes, sizeof(bytes));
	assert_true(icmp_is_reply(&echo, whole, sizeof(whole), &sequence));
	whole[0] = 0x4f; /* a longer head than there are bytes of the message */
	assert_false(icmp_is_reply(&echo, whole, 30, &sequence));
	whole[0] = 0x45;
	whole[20 + 5]++;
	assert_false(icmp_is_reply(&echo, whole, sizeof(whole), &sequence)); /* another id */
	whole[20 + 5]--;
	whole[20 + 8]++;
	assert_false(icmp_is_reply(&echo, whole, sizeof(whole), &sequence)); /* another token */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_have_the_form_of_the_standard),
		cmocka_unit_test(values_of_all_types_are_read),
		cmocka_unit_test(answers_to_other_questions_are_foreign),
		cmocka_unit_test(pointers_in_circles_break_the_answer),
		cmocka_unit_test(codes_and_truncation_are_seen),
		cmocka_unit_test(values_are_compared_as_people_write_them),
		cmocka_unit_test(only_replies_with_our_token_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
