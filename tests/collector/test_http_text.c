#include "collector/services/http_text.h"
#include "tests/support/test.h"

#include "base/banned.h"

/* What an HTTP peer may say to a probe, whole and in every cut. */

struct http_case {
	const char *name, *text;
	bool closes; /* the peer closes behind it */
	enum http_text_state state;
	int status;
	const char *body;
	bool keep;
};

static const struct http_case http_cases[] = {
	{"counted", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, HTTP_TEXT_DONE, 200,
		"hello", true},
	{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false, HTTP_TEXT_DONE, 200, "ok", true},
	{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, HTTP_TEXT_DONE, 200, "",
		true},
	{"1.0 up to the end", "HTTP/1.0 404 Not Found\r\n\r\ngone", true, HTTP_TEXT_DONE, 404, "gone",
		false},
	{"1.0 kept", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", false,
		HTTP_TEXT_DONE, 200, "x", true},
	{"closing", "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false,
		HTTP_TEXT_DONE, 503, "", false},
	{"chunked",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		"chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n"
		"Trailer: x\r\n\r\n",
		false, HTTP_TEXT_DONE, 200, "abc0123456789", true},
	{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false,
		HTTP_TEXT_DONE, 204, "", true},
	{"not modified has no body", "HTTP/1.1 304 N\r\nContent-Length: 10\r\n\r\n", false,
		HTTP_TEXT_DONE, 304, "", true},
	{"waits", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false, HTTP_TEXT_MORE, 200, "hel",
		true},
	{"breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true, HTTP_TEXT_BROKEN, 200,
		"hel", false},
	{"silent close", "", true, HTTP_TEXT_BROKEN, 0, "", false},
	{"another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", false, HTTP_TEXT_BROKEN, 0, "", false},
	{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", false, HTTP_TEXT_BROKEN, 0, "", false},
	{"odd status", "HTTP/1.1 9999 OK\r\n\r\n", false, HTTP_TEXT_BROKEN, 0, "", false},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", false,
		HTTP_TEXT_BROKEN, 200, "", false},
	{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", false, HTTP_TEXT_BROKEN,
		200, "", false},
	{"huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", false,
		HTTP_TEXT_BROKEN, 200, "", false},
	{"gzip transfer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false, HTTP_TEXT_BROKEN,
		200, "", false},
	{"chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false,
		HTTP_TEXT_BROKEN, 200, "", false},
	{"huge chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		false, HTTP_TEXT_BROKEN, 200, "", false},
	{"long chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", false,
		HTTP_TEXT_BROKEN, 200, "a", false},
	{"switching", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false, HTTP_TEXT_BROKEN, 101, "",
		false},
	/* hostile 33: a stalled "100-continue" without end */
	{"interim for ever",
		"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
		"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n",
		false, HTTP_TEXT_BROKEN, 100, "", false},
};

/* Gives `text` in pieces of `cut` bytes as a stream would: what was not used comes again. */
static void feed_in_pieces(struct http_text *t, const char *text, size_t cut)
{
	GString *waiting = g_string_new(NULL);
	for (size_t at = 0; text[at]; at += cut) {
		size_t rest = strlen(text + at);
		g_string_append_len(waiting, text + at, (gssize)MIN(cut, rest));
		g_string_erase(waiting, 0, (gssize)http_text_feed(t, waiting->str, waiting->len));
		if (rest <= cut) {
			break;
		}
	}
	g_string_free(waiting, TRUE);
}

static void an_answer_reads_alike_in_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(http_cases); i++) {
		const struct http_case *c = &http_cases[i];
		struct http_text t = {0};
		for (size_t cut = 1; cut < strlen(c->text) + 2; cut++) {
			http_text_begin(&t, 1000, false);
			feed_in_pieces(&t, c->text, cut);
			if (c->closes) {
				http_text_end(&t);
			}
			if (t.state != c->state || t.status != c->status || strcmp(t.body->str, c->body) != 0 ||
				(c->state != HTTP_TEXT_MORE && t.keep != c->keep)) {
				fail_msg("%s, cut %zu: state %d status %d keep %d body \"%s\" (%s)", c->name, cut,
					t.state, t.status, t.keep, t.body->str, t.broken);
			}
		}
		http_text_finish(&t);
	}
}

static void what_a_server_calls_itself_is_kept_without_control_characters(void **state)
{
	(void)state;
	struct http_text t = {0};
	http_text_begin(&t, 10, false);
	feed_in_pieces(
		&t, "HTTP/1.1 404 Not\033Found\r\nserver:\t ng\001inx \r\nContent-Length: 0\r\n\r\n", 999);
	assert_string_equal(t.reason, "Not Found");
	assert_string_equal(t.server, "ng inx");
	http_text_finish(&t);
}

/* hostile 33: an endless body, a head of 1 MB */
static void bodies_and_heads_without_end_are_cut(void **state)
{
	(void)state;
	char block[5000];
	memset(block, 'x', sizeof block);
	struct http_text t = {0};
	http_text_begin(&t, 12000, false);
	feed_in_pieces(&t, "HTTP/1.1 200 OK\r\n\r\n", 999);
	for (int i = 0; i < 3; i++) {
		(void)http_text_feed(&t, block, sizeof block);
	}
	assert_int_equal(t.state, HTTP_TEXT_DONE);
	assert_true(t.cut);
	assert_false(t.keep);
	assert_int_equal(t.body->len, 12000);

	http_text_begin(&t, 1000, false);
	char line[9000];
	memset(line, 'h', sizeof line);
	assert_int_equal(http_text_feed(&t, line, sizeof line), 0);
	assert_int_equal(t.state, HTTP_TEXT_BROKEN);

	http_text_begin(&t, 1000, false);
	feed_in_pieces(&t, "HTTP/1.1 200 OK\r\n", 999);
	size_t lines = 0;
	while (t.state == HTTP_TEXT_MORE && lines < 100000) {
		feed_in_pieces(&t, "X-Header: 0123456789\r\n", 999);
		lines++;
	}
	assert_int_equal(t.state, HTTP_TEXT_BROKEN);
	assert_in_range(lines, 2900, 3000);
	http_text_finish(&t);
}

static void the_answer_to_head_ends_with_its_head(void **state)
{
	(void)state;
	struct http_text t = {0};
	http_text_begin(&t, 1000, true);
	feed_in_pieces(&t, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 999);
	assert_int_equal(t.state, HTTP_TEXT_DONE);
	http_text_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_reads_alike_in_every_cut),
		cmocka_unit_test(what_a_server_calls_itself_is_kept_without_control_characters),
		cmocka_unit_test(bodies_and_heads_without_end_are_cut),
		cmocka_unit_test(the_answer_to_head_ends_with_its_head),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
