#include "base/httpclient.h"

#include "base/clock.h"
#include "base/text.h"
#include "tests/support/peer.h"
#include "tests/support/test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
	struct loop *loop;
	unsigned calls, stop_after;
	struct error error;
	long status;
	bool truncated, handed_over;
	struct loop_timer *timer;
	unsigned ticks;
	char body[256];
};

struct fixture {
	struct loop *loop;
	struct httpclient *client;
	struct seen seen;
	char url[128];
};

static void on_done(void *owner, const struct httpclient_result *result)
{
	struct seen *seen = owner;
	seen->calls++;
	seen->error = result->error;
	seen->status = result->status;
	seen->truncated = result->truncated;
	seen->handed_over = result->handed_over;
	text_copy(seen->body, sizeof(seen->body), result->body);
	if (seen->calls >= seen->stop_after) {
		loop_stop(seen->loop);
	}
}

static struct fixture begin(void)
{
	struct fixture f = {.loop = loop_create()};
	f.client = httpclient_create(f.loop);
	f.seen.loop = f.loop;
	f.seen.stop_after = 1;
	return f;
}

static void finish(struct fixture *f, struct peer *peer)
{
	httpclient_destroy(f->client);
	peer_destroy(peer);
	loop_destroy(f->loop);
}

static const char *url_of(
	struct fixture *f, const char *scheme, const char *host, struct peer *peer)
{
	snprintf(f->url, sizeof(f->url), "%s://%s:%u", scheme, host, (unsigned)peer_port(peer));
	return f->url;
}

static void an_answer_comes_back_with_status_and_body(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *peer = peer_create(f.loop,
		&(struct peer_script){.answer = "HTTP/1.1 404 no\r\nContent-Length: 5\r\n\r\nhello"});
	const char *const headers[] = {"X-Test: yes", NULL};
	struct httpclient_request request = {.url = url_of(&f, "http", "127.0.0.1", peer),
		.headers = headers,
		.body = "abc",
		.body_length = 3,
		.response_max = 100};
	assert_non_null(httpclient_start(f.client, &request, on_done, &f.seen, NULL));
	loop_run(f.loop);
	assert_int_equal(f.seen.error.kind, ERR_NONE);
	assert_int_equal(f.seen.status, 404);
	assert_string_equal(f.seen.body, "hello");
	assert_non_null(strstr(peer_received(peer), "POST / HTTP/1.1\r\n"));
	assert_non_null(strstr(peer_received(peer), "X-Test: yes\r\n"));
	assert_non_null(strstr(peer_received(peer), "\r\n\r\nabc"));
	finish(&f, peer);
}

/* hostile 70 */
static void a_huge_answer_is_cut_and_not_read_on(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *peer = peer_create(f.loop,
		&(struct peer_script){.answer = "HTTP/1.1 200 ok\r\nContent-Length: 10000000000\r\n\r\n",
			.flood_bytes = (size_t)10 << 30});
	struct httpclient_request request = {
		.url = url_of(&f, "http", "127.0.0.1", peer), .response_max = 100};
	assert_non_null(httpclient_start(f.client, &request, on_done, &f.seen, NULL));
	loop_run(f.loop);
	assert_int_equal(f.seen.status, 200);
	assert_int_equal(f.seen.error.kind, ERR_NONE);
	assert_true(f.seen.truncated);
	assert_int_equal(strlen(f.seen.body), 100);
	finish(&f, peer);
}

static void a_silent_server_ends_at_the_deadline(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *peer = peer_create(f.loop, &(struct peer_script){.answer = NULL});
	struct httpclient_request request = {
		.url = url_of(&f, "http", "127.0.0.1", peer), .response_max = 100, .timeout_ms = 100};
	assert_non_null(httpclient_start(f.client, &request, on_done, &f.seen, NULL));
	loop_run(f.loop);
	assert_int_equal(f.seen.error.kind, ERR_TIMEOUT);
	finish(&f, peer);
}

/* hostile 70 */
static void a_redirect_is_an_answer_and_not_followed(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *inner =
		peer_create(f.loop, &(struct peer_script){.answer = "HTTP/1.1 200 ok\r\n\r\n"});
	char answer[200];
	snprintf(answer, sizeof(answer),
		"HTTP/1.1 301 moved\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
		(unsigned)peer_port(inner));
	struct peer *peer = peer_create(f.loop, &(struct peer_script){.answer = answer});
	struct httpclient_request request = {
		.url = url_of(&f, "http", "127.0.0.1", peer), .response_max = 100};
	assert_non_null(httpclient_start(f.client, &request, on_done, &f.seen, NULL));
	loop_run(f.loop);
	assert_int_equal(f.seen.status, 301);
	assert_int_equal(peer_connections(inner), 0);
	peer_destroy(inner);
	finish(&f, peer);
}

/* hostile 70 */
static void a_name_that_leads_inside_reaches_nothing(void **state UNUSED)
{
	/* other writings of 127.0.0.1: the host is not named as loopback, the address is */
	static const char *const hosts[] = {"2130706433", "127.1", "0x7f000001"};
	for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
		struct fixture f = begin();
		struct peer *peer =
			peer_create(f.loop, &(struct peer_script){.answer = "HTTP/1.1 200 ok\r\n\r\n"});
		struct httpclient_request request = {
			.url = url_of(&f, "http", hosts[i], peer), .response_max = 100, .timeout_ms = 2000};
		assert_non_null(httpclient_start(f.client, &request, on_done, &f.seen, NULL));
		loop_run(f.loop);
		assert_int_equal(f.seen.error.kind, ERR_DENIED);
		assert_int_equal(peer_connections(peer), 0);
		finish(&f, peer);
	}
}

static void many_requests_go_side_by_side_and_each_ends_once(void **state UNUSED)
{
	enum { MANY = 100 };
	struct fixture f = begin();
	f.seen.stop_after = MANY;
	struct peer *peer = peer_create(
		f.loop, &(struct peer_script){.answer = "HTTP/1.1 200 ok\r\nContent-Length: 0\r\n\r\n"});
	struct httpclient_request request = {
		.url = url_of(&f, "http", "127.0.0.1", peer), .response_max = 100};
	for (int i = 0; i < MANY; i++) {
		assert_non_null(httpclient_start(f.client, &request, on_done, &f.seen, NULL));
	}
	loop_run(f.loop);
	assert_int_equal(f.seen.calls, MANY);
	finish(&f, peer);
}

struct ending {
	struct fixture *f;
	bool called;
};

static void destroy_inside(void *owner, const struct httpclient_result *result UNUSED)
{
	struct ending *ending = owner;
	assert_false(ending->called);
	ending->called = true;
	httpclient_destroy(ending->f->client);
	ending->f->client = NULL;
	loop_stop(ending->f->loop);
}

static void the_client_may_be_destroyed_inside_a_callback(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *peer = peer_create(
		f.loop, &(struct peer_script){.answer = "HTTP/1.1 200 ok\r\nContent-Length: 0\r\n\r\n"});
	struct httpclient_request request = {
		.url = url_of(&f, "http", "127.0.0.1", peer), .response_max = 100};
	struct ending ending = {.f = &f};
	for (int i = 0; i < 8; i++) {
		assert_non_null(httpclient_start(f.client, &request, destroy_inside, &ending, NULL));
	}
	loop_run(f.loop);
	assert_true(ending.called);
	finish(&f, peer);
}

static void a_header_with_a_line_end_is_refused(void **state UNUSED)
{
	struct fixture f = begin();
	const char *const headers[] = {"X: a\r\nY: b", NULL};
	struct httpclient_request request = {.url = "http://127.0.0.1:1/", .headers = headers};
	struct error err;
	assert_null(httpclient_start(f.client, &request, on_done, &f.seen, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	finish(&f, NULL);
}

/* -- mail -- */

static struct httpclient_mail mail_to(struct fixture *f, struct peer *peer)
{
	return (struct httpclient_mail){.url = url_of(f, "smtp", "127.0.0.1", peer),
		.helo = "db1",
		.from = "magpie@example.org",
		.recipient = "ops@example.org",
		.message = "Subject: x\r\n\r\n.hidden dot\r\n..two\r\nend\r\n",
		.message_length = strlen("Subject: x\r\n\r\n.hidden dot\r\n..two\r\nend\r\n"),
		.tls = HTTPCLIENT_TLS_NONE};
}

static void a_message_is_handed_to_the_mail_server_dot_stuffed(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *peer = peer_create(f.loop, &(struct peer_script){.smtp = true});
	struct httpclient_mail mail = mail_to(&f, peer);
	mail.timeout_ms = 1000;
	assert_non_null(httpclient_send_mail(f.client, &mail, on_done, &f.seen, NULL));
	loop_run(f.loop);
	assert_int_equal(f.seen.error.kind, ERR_NONE);
	assert_string_equal(peer_message(peer), "Subject: x\r\n\r\n..hidden dot\r\n...two\r\nend\r\n");
	assert_non_null(strstr(peer_received(peer), "EHLO db1\r\n"));
	assert_non_null(strstr(peer_received(peer), "MAIL FROM:<magpie@example.org>"));
	assert_non_null(strstr(peer_received(peer), "RCPT TO:<ops@example.org>\r\n"));
	finish(&f, peer);
}

static void the_servers_word_is_told(void **state UNUSED)
{
	static const struct {
		const char *command, *reply;
		long status;
		bool handed_over;
	} cases[] = {
		{"MAIL", "421 later\r\n", 421, false},
		{"RCPT", "550 nobody\r\n", 550, false},
		{"DATA", "452 full\r\n", 452, false},
		{".", "554 no\r\n", 554, true},
		{".", "451 later\r\n", 451, true},
		{".", "", 354, true},
		{".", NULL, 354, true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fixture f = begin();
		struct peer_reply replies[] = {{cases[i].command, cases[i].reply}, {NULL, NULL}};
		struct peer *peer =
			peer_create(f.loop, &(struct peer_script){.smtp = true, .replies = replies});
		struct httpclient_mail mail = mail_to(&f, peer);
		mail.timeout_ms = 300;
		assert_non_null(httpclient_send_mail(f.client, &mail, on_done, &f.seen, NULL));
		loop_run(f.loop);
		assert_int_not_equal(f.seen.error.kind, ERR_NONE);
		if (f.seen.status != cases[i].status || f.seen.handed_over != cases[i].handed_over) {
			fail_msg("case %zu: status %ld handed over %d (%s)", i, f.seen.status,
				f.seen.handed_over, f.seen.error.text);
		}
		finish(&f, peer);
	}
}

static void count_tick(void *owner)
{
	struct seen *seen = owner;
	seen->ticks++;
	loop_timer_after(seen->timer, 10);
}

static void a_silent_mail_server_holds_up_nobody_else(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer_reply replies[] = {{".", NULL}, {NULL, NULL}};
	struct peer *peer =
		peer_create(f.loop, &(struct peer_script){.smtp = true, .replies = replies});
	struct httpclient_mail mail = mail_to(&f, peer);
	mail.timeout_ms = 500;
	f.seen.timer = loop_timer_create(f.loop, count_tick, &f.seen);
	loop_timer_after(f.seen.timer, 0);
	assert_non_null(httpclient_send_mail(f.client, &mail, on_done, &f.seen, NULL));
	loop_run(f.loop);
	assert_int_equal(f.seen.error.kind, ERR_TIMEOUT);
	assert_true(f.seen.ticks >= 10);
	loop_timer_destroy(f.seen.timer);
	finish(&f, peer);
}

static void an_accepted_message_is_told_though_the_server_ignores_quit(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer_reply replies[] = {{"QUIT", NULL}, {NULL, NULL}};
	struct peer *peer =
		peer_create(f.loop, &(struct peer_script){.smtp = true, .replies = replies});
	struct httpclient_mail mail = mail_to(&f, peer);
	assert_non_null(httpclient_send_mail(f.client, &mail, on_done, &f.seen, NULL));
	int64_t begun_ms = mono_now().ms;
	loop_run(f.loop);
	assert_int_equal(f.seen.error.kind, ERR_NONE);
	assert_true(mono_now().ms - begun_ms < 10000);
	finish(&f, peer);
}

static void a_cancelled_message_ends_without_a_callback(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *peer = peer_create(f.loop, &(struct peer_script){.smtp = true, .greeting = ""});
	struct httpclient_mail mail = mail_to(&f, peer);
	struct httpclient_transfer *t = httpclient_send_mail(f.client, &mail, on_done, &f.seen, NULL);
	assert_non_null(t);
	httpclient_cancel(t);
	assert_non_null(httpclient_send_mail(f.client, &mail, on_done, &f.seen, NULL));
	finish(&f, peer); /* the second one is cancelled by the client's end */
	assert_int_equal(f.seen.calls, 0);
}

/* hostile 69: STARTTLS stripped */
static void without_starttls_nothing_is_sent_when_tls_is_required(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *peer = peer_create(f.loop, &(struct peer_script){.smtp = true});
	struct httpclient_mail mail = mail_to(&f, peer);
	mail.tls = HTTPCLIENT_TLS_REQUIRED;
	assert_non_null(httpclient_send_mail(f.client, &mail, on_done, &f.seen, NULL));
	loop_run(f.loop);
	assert_int_equal(f.seen.error.kind, ERR_PROTOCOL);
	assert_null(strstr(peer_received(peer), "MAIL"));
	finish(&f, peer);
}

/* hostile 69: silence, endless banner */
static void a_mail_server_that_misbehaves_ends_at_the_deadline(void **state UNUSED)
{
	static const struct peer_script scripts[] = {
		{.smtp = true, .greeting = ""},
		{.smtp = true, .greeting = "220-x\r\n", .flood_bytes = (size_t)1 << 30},
		{.smtp = true, .greeting = "", .flood_bytes = (size_t)1 << 30},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
		struct fixture f = begin();
		struct peer *peer = peer_create(f.loop, &scripts[i]);
		struct httpclient_mail mail = mail_to(&f, peer);
		mail.timeout_ms = 300;
		assert_non_null(httpclient_send_mail(f.client, &mail, on_done, &f.seen, NULL));
		loop_run(f.loop);
		assert_int_not_equal(f.seen.error.kind, ERR_NONE);
		assert_false(f.seen.handed_over);
		finish(&f, peer);
	}
}

/* hostile 66 */
static void an_address_with_a_line_end_never_reaches_the_wire(void **state UNUSED)
{
	struct fixture f = begin();
	struct peer *peer = peer_create(f.loop, &(struct peer_script){.smtp = true});
	struct httpclient_mail mail = mail_to(&f, peer);
	mail.recipient = "c@d>\r\nRCPT TO:<evil@x";
	struct error err;
	assert_null(httpclient_send_mail(f.client, &mail, on_done, &f.seen, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(peer_connections(peer), 0);
	finish(&f, peer);
}

static void fetch_tells_that_nobody_listens(void **state UNUSED)
{
	struct httpclient_request request = {.url = "http://127.0.0.1:1/", .response_max = 10};
	struct httpclient_answer answer;
	struct error err;
	assert_false(httpclient_fetch(&request, &answer, &err));
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_null(answer.body);
}

/* -- answers that are handed on -- */

/* A child that answers one request with `answer` and ends; its port. */
static uint16_t serve_once(const char *answer, pid_t *child)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
	*child = fork();
	if (!*child) {
		char request[4096];
		int fd = accept(listening, NULL, NULL);
		bool asked = read(fd, request, sizeof(request)) > 0;
		_exit(asked && write(fd, answer, strlen(answer)) > 0 ? 0 : 1);
	}
	close(listening);
	return ntohs(address.sin_port);
}

struct taken {
	GString *bytes;
	uint64_t expected;
	size_t most;
};

static bool take(void *owner, const char *bytes, size_t length, uint64_t expected)
{
	struct taken *taken = owner;
	g_string_append_len(taken->bytes, bytes, (gssize)length);
	taken->expected = expected;
	return taken->bytes->len <= taken->most;
}

static void an_answer_is_handed_on_and_a_broken_one_told(void **state UNUSED)
{
	static const struct {
		const char *answer;
		size_t most;
		enum error_kind kind;
		long status;
		uint64_t expected;
		const char *taken, *body;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 100, ERR_NONE, 200, 5, "hello", ""},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMagpie-Expected-Bytes: 99\r\n\r\n"
		 "5\r\nhello\r\n0\r\n\r\n",
			100, ERR_NONE, 200, 99, "hello", ""},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 100,
			ERR_UNREACHABLE, 0, 0, "hello", NULL},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 100, ERR_NONE, 404, 0, "", "no"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 2, ERR_CONFLICT, 0, 5, "hello", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t child;
		struct taken taken = {.bytes = g_string_new(NULL), .most = cases[i].most};
		struct httpclient_sink sink = {.take = take, .owner = &taken};
		uint16_t port = serve_once(cases[i].answer, &child);
		g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/", port);
		struct httpclient_request request = {.url = url, .response_max = 100};
		struct httpclient_answer answer;
		struct error err = {.kind = ERR_NONE};
		bool good = httpclient_fetch_into(&request, &sink, &answer, &err);
		assert_int_equal(good, cases[i].kind == ERR_NONE);
		assert_int_equal(err.kind, cases[i].kind);
		assert_int_equal(answer.status, cases[i].status);
		assert_int_equal(taken.expected, cases[i].expected);
		assert_string_equal(taken.bytes->str, cases[i].taken);
		if (cases[i].body) {
			assert_string_equal(answer.body, cases[i].body);
		}
		g_free(answer.body);
		g_string_free(taken.bytes, TRUE);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_back_with_status_and_body),
		cmocka_unit_test(a_huge_answer_is_cut_and_not_read_on),
		cmocka_unit_test(a_silent_server_ends_at_the_deadline),
		cmocka_unit_test(a_redirect_is_an_answer_and_not_followed),
		cmocka_unit_test(a_name_that_leads_inside_reaches_nothing),
		cmocka_unit_test(many_requests_go_side_by_side_and_each_ends_once),
		cmocka_unit_test(the_client_may_be_destroyed_inside_a_callback),
		cmocka_unit_test(a_header_with_a_line_end_is_refused),
		cmocka_unit_test(a_message_is_handed_to_the_mail_server_dot_stuffed),
		cmocka_unit_test(the_servers_word_is_told),
		cmocka_unit_test(a_silent_mail_server_holds_up_nobody_else),
		cmocka_unit_test(an_accepted_message_is_told_though_the_server_ignores_quit),
		cmocka_unit_test(a_cancelled_message_ends_without_a_callback),
		cmocka_unit_test(without_starttls_nothing_is_sent_when_tls_is_required),
		cmocka_unit_test(a_mail_server_that_misbehaves_ends_at_the_deadline),
		cmocka_unit_test(an_address_with_a_line_end_never_reaches_the_wire),
		cmocka_unit_test(fetch_tells_that_nobody_listens),
		cmocka_unit_test(an_answer_is_handed_on_and_a_broken_one_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
