#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "web/head.h"

#include "base/banned.h"

#define H "Host: a\r\n"

/* hostile 46, 47, 48, 50, 65: bytes and the status that refuses them; 0: accepted, 1: incomplete */
static const struct {
	const char *bytes;
	unsigned status;
	size_t length; /* if it holds a NUL, else 0 */
} heads[] = {
	{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0},
	{"GET /a?b=%20c HTTP/1.1\r\n" H "Accept: */*\r\nX:\r\n\r\n", 0, 0},
	{"HEAD / HTTP/1.0\r\n\r\n", 0, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 0, 0},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 0, 0},
	{"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 0, 0},
	{"", 1, 0},
	{"G", 1, 0},
	{"GET / HTTP/1.1\r", 1, 0},
	{"GET / HTTP/1.1\r\n", 1, 0},
	{"GET / HTTP/1.1\r\nHost: a\r\n\r", 1, 0},
	/* lengths that contradict each other */
	{"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", 400, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", 400, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", 400, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", 400, 0},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 1048577\r\n\r\n", 413, 0},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		400, 0},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, 0},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 501, 0},
	{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0},
	/* lines */
	{"GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\n" H "X : a\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\n" H ": a\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\n" H "nonsense\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\n" H "\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: a\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n", 400, 35},
	{"\r\nGET / HTTP/1.1\r\n" H "\r\n", 400, 0},
	/* addresses */
	{"GET /a\0b HTTP/1.1\r\n" H "\r\n", 400, 30},
	{"GET /\x80 HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"GET /a\\b HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"GET /a#b HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"GET a HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"GET http://a/ HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"GET  / HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"GET / HTTP/1.1 \r\n" H "\r\n", 400, 0},
	{"GET\t/ HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"GET /\r\n\r\n", 400, 0},
	/* hosts */
	{"GET / HTTP/1.1\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, 0},
	/* methods and versions */
	{"G\x01T / HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"TRACE / HTTP/1.1\r\n" H "\r\n", 405, 0},
	{"CONNECT a:1 HTTP/1.1\r\n" H "\r\n", 405, 0},
	{"get / HTTP/1.1\r\n" H "\r\n", 501, 0},
	{"BREW / HTTP/1.1\r\n" H "\r\n", 501, 0},
	{" / HTTP/1.1\r\n" H "\r\n", 400, 0},
	{"GET / HTTP/9.9\r\n" H "\r\n", 505, 0},
	{"GET / HTTP/2.0\r\n" H "\r\n", 505, 0},
	{"GET / http/1.1\r\n" H "\r\n", 400, 0},
	{"GET / HTTP/1.1x\r\n" H "\r\n", 400, 0},
	/* other protocols: TLS hello, HTTP/2 preface, WebSocket */
	{"\x16\x03\x01\x02\x00\x01", 400, 6},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400, 0},
	/* bodies */
	{"POST / HTTP/1.1\r\n" H "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", 415, 0},
	{"POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\nContent-Length: 5\r\n\r\n", 417, 0},
	{"GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", 417, 0},
	{"POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", 0, 0},
};

static unsigned judge(const char *bytes, size_t length, struct head *head)
{
	switch (head_check(bytes, length, head)) {
	case HEAD_WHOLE: return 0;
	case HEAD_PARTIAL: return 1;
	default: return head->status;
	}
}

static void judges_every_head_of_the_table(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
		struct head head;
		size_t length = heads[i].length ? heads[i].length : strlen(heads[i].bytes);
		unsigned got = judge(heads[i].bytes, length, &head);
		if (got != heads[i].status) {
			fail_msg("%s: %u instead of %u", heads[i].bytes, got, heads[i].status);
		}
	}
}

/* However the bytes are split: never accepted early, never a different end. */
static void judges_the_same_byte_by_byte(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
		size_t length = heads[i].length ? heads[i].length : strlen(heads[i].bytes);
		for (size_t n = 0; n < length; n++) {
			struct head head;
			unsigned got = judge(heads[i].bytes, n, &head);
			if (got == 0 && heads[i].status == 0) {
				fail_msg("accepted %zu of %zu bytes: %s", n, length, heads[i].bytes);
			}
			if (got > 1 && heads[i].status <= 1) {
				fail_msg("refused %zu of %zu bytes: %s", n, length, heads[i].bytes);
			}
		}
	}
}

static void tells_where_the_head_ends(void **state)
{
	struct head head;
	static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET";
	assert_int_equal(head_check(text, strlen(text), &head), HEAD_WHOLE);
	assert_int_equal(head.length, strlen(text) - 6);
	assert_true(head.has_body);
	static const char none[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
	assert_int_equal(head_check(none, strlen(none), &head), HEAD_WHOLE);
	assert_false(head.has_body);
}

static void limits_sizes(void **state)
{
	struct head head;
	GString *text = g_string_new("GET /");
	for (size_t i = 0; i < 65536; i++) {
		g_string_append_c(text, 'a');
	}
	assert_int_equal(judge(text->str, HEAD_MAX_BYTES, &head), 414);
	g_string_append(text, " HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(judge(text->str, text->len, &head), 414);

	g_string_assign(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	while (text->len < HEAD_MAX_BYTES) {
		g_string_append_c(text, 'a');
	}
	assert_int_equal(judge(text->str, HEAD_MAX_BYTES, &head), 431);

	g_string_assign(text, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (size_t i = 0; i < HEAD_FIELDS_MAX; i++) {
		g_string_append(text, "X: a\r\n");
	}
	g_string_append(text, "\r\n");
	assert_int_equal(judge(text->str, text->len, &head), 431);
	g_string_free(text, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_every_head_of_the_table),
		cmocka_unit_test(judges_the_same_byte_by_byte),
		cmocka_unit_test(tells_where_the_head_ends),
		cmocka_unit_test(limits_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
