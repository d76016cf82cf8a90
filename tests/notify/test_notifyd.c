#include "notify/notifyd.h"
#include "base/auto.h"
#include "model/message.h"
#include "tests/support/peer.h"
#include "tests/support/role.h"
#include "tests/support/test.h"

#include <signal.h>

/*
 * The notify role in a process of its own, ordered by frames as the engine does it, against servers
 * in the test's process.
 */
struct fixture {
	struct test_role role;
	unsigned answers, wanted;
	uint64_t delivery;
	unsigned outcome, code;
	char detail[240];
};

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct fixture *f = owner;
	assert_int_equal(fd, -1);
	assert_int_equal(frame->type, MESSAGE_DELIVERED);
	struct frame_reader r = frame_read(frame);
	f->delivery = frame_get_u64(&r);
	f->outcome = frame_get_u8(&r);
	f->code = frame_get_u16(&r);
	frame_get_text_into(&r, f->detail, sizeof(f->detail));
	assert_true(frame_read_done(&r));
	if (++f->answers >= f->wanted) {
		loop_stop(f->role.loop);
	}
}

static void on_closed(void *owner UNUSED, const struct error *why)
{
	fail_msg("the role closed its channel: %s", why->text);
}

static const struct channel_handlers handlers = {.frame = on_frame, .closed = on_closed};

struct order {
	uint64_t delivery;
	uint32_t attempt;
	const char *channel, *key;
	unsigned kind;
	const char *summary;
};

static void order(struct fixture *f, const struct order *o)
{
	struct frame_writer *w = f->role.writer;
	message_start(w, MESSAGE_DELIVER);
	frame_put_u64(w, o->delivery);
	frame_put_i64(w, 1795000000000);
	frame_put_u32(w, o->attempt);
	frame_put_text(w, o->channel);
	frame_put_text(w, o->key);
	frame_put_u8(w, (uint8_t)o->kind);
	frame_put_u8(w, 3);
	const char *const texts[] = {"disk_full", "db1", "df", "_var", "97.5 %", "> 92 % for 10 m",
		o->summary, "clean up", "https://wiki.example/disk"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		frame_put_text(w, texts[i]);
	}
	frame_put_i64(w, 1795000000000);
	frame_put_i64(w, o->kind == 2 ? 1795000720000 : 0);
	frame_put_text(w, "http://127.0.0.1:8080/h/db1");
	assert_true(channel_send(f->role.peer, w, NULL));
}

static void wait_for(struct fixture *f, unsigned answers)
{
	f->wanted = answers;
	if (f->answers < answers) {
		loop_run(f->role.loop);
	}
	assert_true(f->answers >= answers);
}

static char *config_for(const struct peer_script *http, const struct peer_script *smtp,
	struct loop *loop, struct peer *peers[2])
{
	peers[0] = peer_create(loop, http);
	peers[1] = peer_create(loop, smtp);
	return g_strdup_printf("host db1\nsmtp {\n server \"smtp://127.0.0.1:%u\"\n tls none\n"
						   " from \"magpie@example.org\"\n}\n"
						   "channel hook { webhook \"http://127.0.0.1:%u/in\" }\n"
						   "channel mail { email \"ops@example.org\" }\n",
		(unsigned)peer_port(peers[1]), (unsigned)peer_port(peers[0]));
}

static const struct peer_script http_ok = {
	.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
static const struct peer_script smtp_ok = {.smtp = true};

/* The peers live on the role's loop, which exists only after the start: begin with an empty
 * configuration. */
static void begin(struct fixture *f, const struct peer_script *http, const struct peer_script *smtp,
	struct peer *peers[2])
{
	memset(f, 0, sizeof(*f));
	test_role_start(&f->role, notify_role_main, ROLE_NOTIFY, NULL);
	g_autofree char *config = config_for(http, smtp, f->role.loop, peers);
	test_role_apply(&f->role, config);
	test_role_join(&f->role, ROLE_ENGINE, &handlers, f);
}

static void end(struct fixture *f, struct peer *peers[2])
{
	peer_destroy(peers[0]);
	peer_destroy(peers[1]);
	assert_int_equal(test_role_end(&f->role), 0);
}

static void a_webhook_gets_the_alert_and_the_engine_the_result(void **state UNUSED)
{
	struct fixture f;
	struct peer *peers[2];
	begin(&f, &http_ok, &smtp_ok, peers);
	order(&f, &(struct order){7, 1, "hook", "i1/s1/c1", 1, "db1 /var: 97.5 % used"});
	wait_for(&f, 1);
	assert_int_equal(f.delivery, 7);
	assert_int_equal(f.outcome, 0);
	assert_int_equal(f.code, 200);
	const char *got = peer_received(peers[0]);
	assert_non_null(strstr(got, "POST /in HTTP/1.1\r\n"));
	assert_non_null(strstr(got, "Idempotency-Key: "));
	assert_non_null(strstr(got, "\"status\":\"firing\""));
	assert_non_null(strstr(got, "\"alertname\":\"disk_full\""));
	end(&f, peers);
}

static void a_mail_gets_out_and_its_recovery_names_the_duration(void **state UNUSED)
{
	struct fixture f;
	struct peer *peers[2];
	begin(&f, &http_ok, &smtp_ok, peers);
	order(&f, &(struct order){1, 1, "mail", "i1/s1/c2", 1, "db1 /var: 97.5 % used"});
	wait_for(&f, 1);
	assert_int_equal(f.outcome, 0);
	assert_non_null(
		strstr(peer_message(peers[1]), "Subject: [CRITICAL] db1: /var: 97.5 % used\r\n"));
	order(&f, &(struct order){2, 1, "mail", "i1/r/c2", 2, "db1 /var: 60 % used"});
	wait_for(&f, 2);
	assert_int_equal(f.outcome, 0);
	assert_non_null(strstr(peer_message(peers[1]), "[OK] db1: /var: 60 % used (after 12 min)"));
	end(&f, peers);
}

/* hostile 70: 429 with Retry-After, redirects */
static void the_answer_decides_whether_it_is_tried_again(void **state UNUSED)
{
	static const struct {
		const char *answer;
		unsigned outcome, code;
	} cases[] = {
		{"HTTP/1.1 204 x\r\n\r\n", 0, 204},
		{"HTTP/1.1 301 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 2, 301},
		{"HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n", 2, 400},
		{"HTTP/1.1 408 x\r\nContent-Length: 0\r\n\r\n", 1, 408},
		{"HTTP/1.1 429 x\r\nRetry-After: 1000000000\r\nContent-Length: 0\r\n\r\n", 1, 429},
		{"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", 1, 503},
		{"garbage\r\n\r\n", 1, 0},
		{"", 1, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fixture f;
		struct peer *peers[2];
		begin(&f, &(struct peer_script){.answer = cases[i].answer}, &smtp_ok, peers);
		order(&f, &(struct order){i + 1, 1, "hook", "key", 1, "x"});
		wait_for(&f, 1);
		if (f.outcome != cases[i].outcome || f.code != cases[i].code) {
			fail_msg("case %zu: outcome %u code %u %s", i, f.outcome, f.code, f.detail);
		}
		end(&f, peers);
	}
}

/* hostile 69 */
static void a_mail_servers_word_decides_too(void **state UNUSED)
{
	static const struct {
		struct peer_reply reply;
		uint32_t attempt;
		unsigned outcome;
	} cases[] = {
		{{"RCPT", "550 no\r\n"}, 1, 2}, {{"RCPT", "450 later\r\n"}, 1, 1},
		{{"MAIL", "421 busy\r\n"}, 1, 1}, {{".", "554 spam\r\n"}, 1, 2},
		{{".", ""}, 1, 1}, /* it may have arrived: once more ... */
		{{".", ""}, 2, 0}, /* ... and not for ever */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fixture f;
		struct peer *peers[2];
		struct peer_reply replies[] = {cases[i].reply, {NULL, NULL}};
		begin(&f, &http_ok, &(struct peer_script){.smtp = true, .replies = replies}, peers);
		order(&f, &(struct order){1, cases[i].attempt, "mail", "key", 1, "x"});
		wait_for(&f, 1);
		if (f.outcome != cases[i].outcome) {
			fail_msg("case %zu: outcome %u code %u %s", i, f.outcome, f.code, f.detail);
		}
		end(&f, peers);
	}
}

static void an_order_repeated_after_success_is_answered_and_not_sent_again(void **state UNUSED)
{
	struct fixture f;
	struct peer *peers[2];
	begin(&f, &http_ok, &smtp_ok, peers);
	order(&f, &(struct order){7, 1, "hook", "i1", 1, "x"});
	wait_for(&f, 1);
	test_role_join(&f.role, ROLE_ENGINE, &handlers, &f); /* the engine came back */
	order(&f, &(struct order){7, 1, "hook", "i1", 1, "x"});
	wait_for(&f, 2);
	assert_int_equal(f.outcome, 0);
	assert_int_equal(peer_connections(peers[0]), 1);
	order(&f, &(struct order){7, 1, "hook", "another", 1, "x"}); /* numbers began anew */
	wait_for(&f, 3);
	assert_int_equal(peer_connections(peers[0]), 2);
	end(&f, peers);
}

static void an_order_repeated_under_way_is_sent_once(void **state UNUSED)
{
	struct fixture f;
	struct peer *peers[2];
	begin(&f, &http_ok, &smtp_ok, peers);
	for (int i = 0; i < 20; i++) {
		order(&f, &(struct order){7, 1, "hook", "i1", 1, "x"});
	}
	order(&f, &(struct order){8, 1, "mail", "i2", 1, "x"});
	wait_for(&f, 2); /* at least both were answered; repeats may be answered from memory */
	while (f.delivery != 8) {
		wait_for(&f, f.answers + 1);
	}
	assert_int_equal(peer_connections(peers[0]), 1);
	end(&f, peers);
}

static void a_silent_receiver_holds_up_no_other_channel(void **state UNUSED)
{
	struct fixture f;
	struct peer *peers[2];
	begin(&f, &(struct peer_script){.answer = NULL}, &smtp_ok, peers);
	for (uint64_t i = 1; i <= 100; i++) {
		g_autofree char *key = g_strdup_printf("i%u", (unsigned)i);
		order(&f, &(struct order){i, 1, "hook", key, 1, "x"});
	}
	order(&f, &(struct order){200, 1, "mail", "i200", 1, "x"});
	wait_for(&f, 1);
	assert_int_equal(f.delivery, 200);
	assert_int_equal(f.outcome, 0);
	assert_true(peer_connections(peers[0]) <= 4);
	kill(f.role.pid, SIGKILL); /* nobody waits for the silent ones */
	peer_destroy(peers[0]);
	peer_destroy(peers[1]);
	assert_int_equal(test_role_end(&f.role), -1);
}

static void an_unknown_channel_never_works(void **state UNUSED)
{
	struct fixture f;
	struct peer *peers[2];
	begin(&f, &http_ok, &smtp_ok, peers);
	order(&f, &(struct order){1, 1, "nobody", "k", 1, "x"});
	wait_for(&f, 1);
	assert_int_equal(f.outcome, 2);
	end(&f, peers);
}

/* hostile 43 */
static void a_secret_that_others_may_read_is_not_used(void **state UNUSED)
{
	struct fixture f;
	char *dir = test_directory();
	g_autofree char *secret = g_strconcat(dir, "/secret", NULL);
	memset(&f, 0, sizeof(f));
	test_role_start(&f.role, notify_role_main, ROLE_NOTIFY, NULL);
	struct peer *peer = peer_create(f.role.loop, &http_ok);
	g_autofree char *config =
		g_strdup_printf("channel hook { webhook \"http://127.0.0.1:%u/\"; secret_file \"%s\" }\n",
			(unsigned)peer_port(peer), secret);
	assert_true(g_file_set_contents(secret, "key\n", -1, NULL));
	assert_int_equal(chmod(secret, 0644), 0);
	test_role_apply(&f.role, config);
	test_role_join(&f.role, ROLE_ENGINE, &handlers, &f);
	order(&f, &(struct order){1, 1, "hook", "k", 1, "x"});
	wait_for(&f, 1);
	assert_int_equal(f.outcome, 1);
	assert_non_null(strstr(f.detail, "0644"));
	assert_int_equal(peer_connections(peer), 0);
	assert_int_equal(chmod(secret, 0600), 0);
	order(&f, &(struct order){1, 2, "hook", "k", 1, "x"});
	wait_for(&f, 2);
	assert_int_equal(f.outcome, 0);
	const char *got = peer_received(peer);
	const char *body = strstr(got, "\r\n\r\n") + 4;
	g_autofree char *mac =
		g_compute_hmac_for_string(G_CHECKSUM_SHA256, (const unsigned char *)"key", 3, body, -1);
	g_autofree char *header = g_strdup_printf("X-Magpie-Signature: sha256=%s\r\n", mac);
	assert_non_null(strstr(got, header));
	peer_destroy(peer);
	assert_int_equal(test_role_end(&f.role), 0);
	test_directory_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_webhook_gets_the_alert_and_the_engine_the_result),
		cmocka_unit_test(a_mail_gets_out_and_its_recovery_names_the_duration),
		cmocka_unit_test(the_answer_decides_whether_it_is_tried_again),
		cmocka_unit_test(a_mail_servers_word_decides_too),
		cmocka_unit_test(an_order_repeated_after_success_is_answered_and_not_sent_again),
		cmocka_unit_test(an_order_repeated_under_way_is_sent_once),
		cmocka_unit_test(a_silent_receiver_holds_up_no_other_channel),
		cmocka_unit_test(an_unknown_channel_never_works),
		cmocka_unit_test(a_secret_that_others_may_read_is_not_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
