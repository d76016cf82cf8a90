#include "collector/checks/check.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>

#include "tests/collector/check_bed.h"
#include "tests/support/certs.h"

/* Checks of ports, certificates, names and hosts against fake peers on the test's loop. */

static void finish(struct rig *rig)
{
	g_free(rig->source.check.target);
	bed_finish(rig);
}

static void begin(struct rig *rig, struct config_check check, rig_answer_fn answer)
{
	bed_begin(rig, check, answer);
	rig->source.check.target = g_strdup_printf("127.0.0.1:%u", (unsigned)rig->port);
	rig->source.check.warn_days = 21;
	rig->source.check.crit_days = 7;
}

/* -- tcp -- */

static bool answer_ping(struct rig *rig, GString *in, GString *out)
{
	if (strstr(in->str, "PING\r\n")) {
		g_string_append(out, rig->own ? rig->own : "+PONG\r\n");
		g_string_truncate(in, 0);
	}
	return true;
}

static void ports_are_judged_by_what_they_answer(void **state UNUSED)
{
	static const struct {
		const char *send, *match, *answer, *greeting;
		double up, stage;
		const char *reason;
	} rows[] = {
		{NULL, NULL, NULL, NULL, 1, 5, ""},
		{"PING\\r\\n", NULL, NULL, NULL, 1, 5, ""},
		{"PING\\r\\n", "PONG", NULL, NULL, 1, 5, ""},
		{NULL, "^SSH-2", NULL, "SSH-2.0-x\r\n", 1, 5, ""},
		{"PING\\r\\n", "PONG", "-NOAUTH \x1b[1m\r\n", NULL, 0, 4, "query: 127.0.0.1:"},
		{NULL, "^SSH-2", NULL, NULL, 0, 4, "query: 127.0.0.1:"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct rig rig;
		begin(&rig,
			(struct config_check){
				.kind = CONFIG_CHECK_TCP, .send = TEXT(rows[i].send), .match = TEXT(rows[i].match)},
			answer_ping);
		rig.own = TEXT(rows[i].answer);
		rig.greeting = rows[i].greeting;
		rig_round_within(&rig, rows[i].up == 1 ? 5000 : 250);
		assert_check(&rig, rows[i].up, rows[i].stage, rows[i].reason);
		assert_true(rig_value(&rig, "check_it:connect") >= 0);
		assert_null(strchr(rig.extinfo, '\x1b'));
		finish(&rig);
	}
}

static void a_refused_port_fails_at_connect_and_recovers(void **state UNUSED)
{
	struct rig rig;
	begin(&rig, (struct config_check){.kind = CONFIG_CHECK_TCP}, answer_ping);
	rig_unlisten(&rig);
	rig_round(&rig);
	assert_check(&rig, 0, 1, "connect: 127.0.0.1:");
	assert_non_null(strstr(rig.extinfo, "Connection refused"));
	rig_listen(&rig);
	rig_round(&rig);
	assert_check(&rig, 1, 5, "");
	finish(&rig);
}

static bool answer_then_close(struct rig *rig UNUSED, GString *in UNUSED, GString *out)
{
	g_string_append(out, "sorry, full\r\n");
	return false;
}

static void what_came_instead_is_told(void **state UNUSED)
{
	struct rig rig;
	begin(&rig,
		(struct config_check){
			.kind = CONFIG_CHECK_TCP, .send = TEXT("PING\\r\\n"), .match = TEXT("PONG")},
		answer_then_close);
	rig_round(&rig);
	assert_check(&rig, 0, 4, "query: 127.0.0.1:");
	assert_non_null(strstr(rig.extinfo, "\"sorry, full"));
	finish(&rig);
}

static void starttls_that_is_not_offered_fails_at_greet(void **state UNUSED)
{
	struct rig rig;
	begin(&rig, (struct config_check){.kind = CONFIG_CHECK_TLS, .starttls = 3}, NULL);
	rig.greeting = "-ERR no mail today\r\n";
	rig_round(&rig);
	assert_check(&rig, 0, 2, "greet: 127.0.0.1:");
	assert_non_null(strstr(rig.extinfo, "no TLS by pop3: it answers: \"-ERR no mail today\""));
	finish(&rig);
}

/* -- tls -- */

struct tls_server {
	struct rig *rig;
	struct stream *stream;
	struct tls_credentials *credentials;
};

static void server_nothing(void *owner UNUSED)
{
}

static void server_closed(void *owner UNUSED, const struct error *why UNUSED)
{
}

static void server_accept(void *owner, int fd, unsigned events UNUSED)
{
	static const struct stream_handlers handlers = {server_nothing, server_nothing, server_closed};
	struct tls_server *s = owner;
	struct tls_settings tls = {.credentials = s->credentials, .server = true};
	struct stream_target target = {.tls = &tls, .deadline_ms = 5000, .input_max = 1000};
	stream_destroy(s->stream);
	s->stream = stream_adopt(s->rig->loop, accept(fd, NULL, NULL), &target, &handlers, s, NULL);
	assert_non_null(s->stream);
}

static void certificates_are_dated_and_judged(void **state UNUSED)
{
	struct certs certs;
	char ca[512];
	certs_begin(&certs);
	snprintf(ca, sizeof(ca), "%s/ca.pem", certs.dir);
	int64_t at = 1700000000; /* as the rig says */
	certs_make(&certs, &(struct certs_wish){
						   .file = "valid.pem", .name = "good.example", .not_before = at - 864000});
	certs_make(&certs, &(struct certs_wish){.file = "old.pem",
						   .name = "good.example",
						   .not_before = at - 864000,
						   .not_after = at - 3 * 86400});
	static const struct {
		const char *file, *peer;
		bool verify;
		double up, stage;
		const char *why;
	} rows[] = {
		{"valid.pem", "good.example", true, 1, 5, ""},
		{"valid.pem", "other.example", true, 0, 2, "not made out to other.example"},
		{"valid.pem", "other.example", false, 1, 5, "not made out to other.example"},
		{"old.pem", "good.example", true, 0, 2, "ended 3.0 days ago, on 2023-11-11"},
		{"old.pem", "good.example", false, 1, 5, "ended 3.0 days ago, on 2023-11-11"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct rig rig;
		struct tls_server server = {
			.rig = &rig, .credentials = certs_credentials(&certs, rows[i].file)};
		begin(&rig,
			(struct config_check){.kind = CONFIG_CHECK_TLS,
				.peer = TEXT(rows[i].peer),
				.verify = rows[i].verify,
				.identity = {.ca = ca}},
			NULL);
		loop_watch_remove(rig.accepting);
		rig.accepting =
			loop_watch_add(rig.loop, rig.listener, LOOP_READABLE, server_accept, &server, NULL);
		rig_round(&rig);
		if (rig_value(&rig, "check_it:up") != rows[i].up ||
			rig_value(&rig, "check_it:stage") != rows[i].stage ||
			!strstr(rig.extinfo, rows[i].why)) {
			fail_msg("%zu: up %g \"%s\"", i, rig_value(&rig, "check_it:up"), rig.extinfo);
		}
		assert_near(rig_value(&rig, "check_it:certificates"), 1, 0);
		assert_near(rig_value(&rig, "check_it:version"), 1.3, 1e-9);
		bool old = rows[i].file[0] == 'o';
		if (old) {
			assert_near(rig_value(&rig, "check_it:days_left"), -3, 1e-6);
		} else {
			assert_true(rig_value(&rig, "check_it:days_left") > 300);
		}
		assert_near(
			rig_value(&rig, "check_it:chain_days_left"), rig_value(&rig, "check_it:days_left"), 0);
		stream_destroy(server.stream);
		tls_credentials_unref(server.credentials);
		finish(&rig);
	}
	certs_finish(&certs);
}

/* hostile 35 */
static void days_do_not_overflow(void **state UNUSED)
{
	struct tls_certificate never = {.not_after = 253402300799LL};
	struct tls_certificate long_ago = {.not_after = -62167219200LL};
	struct wall now = {1700000000000};
	assert_near(check_days_left(&never, now), 2913221, 1);
	assert_near(check_days_left(&long_ago, now), -739204, 2);
	char text[CHECK_REASON_MAX];
	struct tls_report report = {.count = 1};
	report.chain[0] = long_ago;
	check_certificate_text(&report, now, text, sizeof(text));
	assert_non_null(strstr(text, "days ago"));
}

/* -- dns -- */

struct name_server {
	int fd, mode;
	uint16_t port;
	struct loop_watch *watch;
	unsigned asked;
};
enum { NAME_GOOD, NAME_SPOOFED, NAME_ABSENT, NAME_SILENT, NAME_BROKEN, NAME_TRUNCATED };

static void name_on_question(void *owner, int fd, unsigned events UNUSED)
{
	struct name_server *s = owner;
	static const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
	unsigned char bytes[600];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, bytes, 500, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
	if (n < 12 || ++s->asked == 0 || s->mode == NAME_SILENT) {
		return;
	}
	bytes[2] = s->mode == NAME_TRUNCATED ? 0x83 : 0x81;
	bytes[3] = s->mode == NAME_ABSENT ? 0x83 : 0x80;
	if (s->mode != NAME_ABSENT) {
		bytes[7] = 1;
		memcpy(bytes + n, record, sizeof(record));
		n += (ssize_t)sizeof(record) - (s->mode == NAME_BROKEN);
	}
	if (s->mode == NAME_SPOOFED) { /* a guess comes before the answer */
		bytes[0] ^= 0x55;
		bytes[n - 1] = 66;
		sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, size);
		bytes[0] ^= 0x55;
		bytes[n - 1] = 1;
	}
	sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, size);
}

static void name_begin(struct name_server *s, struct rig *rig)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_port = htons(rig->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->port = rig->port; /* the rig listens for TCP there */
	assert_int_equal(bind(s->fd, (struct sockaddr *)&here, sizeof(here)), 0);
	s->watch = loop_watch_add(rig->loop, s->fd, LOOP_READABLE, name_on_question, s, NULL);
}

/* The same by TCP, with the length before it. */
static bool name_by_tcp(struct rig *rig UNUSED, GString *in, GString *out)
{
	static const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
	if (in->len < 2 || in->len < 2 + (size_t)(unsigned char)in->str[1]) {
		return true;
	}
	g_string_append_len(out, in->str, (gssize)in->len);
	out->str[1] = (char)(out->str[1] + (char)sizeof(record));
	out->str[4] = (char)0x81;
	out->str[5] = (char)0x80;
	out->str[9] = 1;
	g_string_append_len(out, (const char *)record, sizeof(record));
	return true;
}

/* hostile 34 */
static void names_are_judged_by_the_answer_to_our_own_question(void **state UNUSED)
{
	char *other[] = {TEXT("192.0.2.99"), TEXT("192.0.2.98")}, *right[] = {TEXT("192.0.2.1")};
	GPtrArray unexpected = {(void **)other, 2}, expected = {(void **)right, 1};
	const struct {
		int mode;
		GPtrArray *expect;
		double up, stage;
		const char *why;
	} rows[] = {
		{NAME_GOOD, NULL, 1, 5, ""},
		{NAME_GOOD, &expected, 1, 5, ""},
		{NAME_GOOD, &unexpected, 0, 4, "www.example is 192.0.2.1, which is not expected"},
		{NAME_SPOOFED, &expected, 1, 5, ""},
		{NAME_ABSENT, NULL, 0, 4, "answers NXDOMAIN (there is no such name) for www.example"},
		{NAME_SILENT, NULL, 0, 4, "no answer to 1 questions in"},
		{NAME_BROKEN, NULL, 0, 4, "cut off"},
		{NAME_TRUNCATED, &expected, 1, 5, ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct rig rig;
		struct name_server server = {.mode = rows[i].mode};
		char address[64];
		bed_begin(&rig, (struct config_check){.kind = CONFIG_CHECK_DNS, .expect = rows[i].expect},
			name_by_tcp);
		snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)rig.port);
		rig.source.check.target = g_strdup("www.example");
		rig.source.check.server = address;
		name_begin(&server, &rig);
		rig_round_within(&rig, rows[i].mode == NAME_SILENT ? 250 : 5000);
		if (rig_value(&rig, "check_it:up") != rows[i].up ||
			rig_value(&rig, "check_it:stage") != rows[i].stage ||
			!strstr(rig.extinfo, rows[i].why)) {
			fail_msg("%zu: up %g stage %g \"%s\"", i, rig_value(&rig, "check_it:up"),
				rig_value(&rig, "check_it:stage"), rig.extinfo);
		}
		if (rows[i].up == 1) {
			assert_near(rig_value(&rig, "check_it:ttl"), 60, 0);
			assert_near(rig_value(&rig, "check_it:answers"), 1, 0);
			assert_true(rig_value(&rig, "check_it:latency") >= 0);
		}
		loop_watch_remove(server.watch);
		close(server.fd);
		finish(&rig);
	}
}

static void a_port_without_name_server_fails_at_connect(void **state UNUSED)
{
	struct rig rig;
	char address[64];
	bed_begin(&rig, (struct config_check){.kind = CONFIG_CHECK_DNS}, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)rig.port);
	rig.source.check.target = g_strdup("www.example");
	rig.source.check.server = address;
	rig_round(&rig);
	assert_check(&rig, 0, 1, "connect: 127.0.0.1:");
	finish(&rig);
}

/* -- ping -- */

static void this_machine_replies_to_pings(void **state UNUSED)
{
	struct rig rig;
	bed_begin(&rig, (struct config_check){.kind = CONFIG_CHECK_PING, .count = 3}, NULL);
	rig.source.check.target = g_strdup("127.0.0.1");
	rig_round_within(&rig, 1000);
	if (rig.result.error.kind == ERR_DENIED) { /* neither way is allowed here: and it says so */
		assert_non_null(strstr(rig.result.error.text, "net.ipv4.ping_group_range"));
		assert_false(rig_has(&rig, "check_it:up"));
	} else {
		assert_check(&rig, 1, 5, "");
		assert_near(rig_value(&rig, "check_it:loss"), 0, 0);
		assert_true(rig_value(&rig, "check_it:min") > 0);
		assert_true(rig_value(&rig, "check_it:min") <= rig_value(&rig, "check_it:avg"));
		assert_true(rig_value(&rig, "check_it:avg") <= rig_value(&rig, "check_it:max"));
		assert_near(rig_value(&rig, "check_it:time"), rig_value(&rig, "check_it:avg"), 1e-12);
	}
	finish(&rig);
}

static void addresses_may_stand_in_brackets(void **state UNUSED)
{
	static const char *const targets[] = {"[::1]", "::1", "127.0.0.1:80"};
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
		struct rig rig;
		bed_begin(&rig, (struct config_check){.kind = CONFIG_CHECK_PING, .count = 1}, NULL);
		rig.source.check.target = g_strdup(targets[i]);
		rig_round_within(&rig, 400);
		assert_int_not_equal(rig.result.error.kind, ERR_CONFIG);
		finish(&rig);
	}
}

static void targets_that_are_no_hosts_are_refused(void **state UNUSED)
{
	struct rig rig;
	bed_begin(&rig, (struct config_check){.kind = CONFIG_CHECK_PING, .count = 2}, NULL);
	rig.source.check.target = g_strdup("224.0.0.1");
	rig_round_within(&rig, 400);
	assert_check(&rig, 0, 0, "resolve: 224.0.0.1 leads to");
	finish(&rig);
}

/* In a network of its own, without any interface; comes last, as there is no way back. */
static void a_host_that_cannot_be_reached_fails_and_says_so(void **state UNUSED)
{
	struct rig rig;
	if (unshare(CLONE_NEWNET) != 0) {
		skip();
	}
	bed_begin(&rig, (struct config_check){.kind = CONFIG_CHECK_PING, .count = 2}, NULL);
	rig.source.check.target = g_strdup("192.0.2.1"); /* for documents (RFC 5737) */
	rig_round_within(&rig, 400);
	assert_near(rig_value(&rig, "check_it:up"), 0, 0);
	assert_non_null(strstr(rig.extinfo, "192.0.2.1: Network is unreachable"));
	finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_judged_by_what_they_answer),
		cmocka_unit_test(a_refused_port_fails_at_connect_and_recovers),
		cmocka_unit_test(what_came_instead_is_told),
		cmocka_unit_test(starttls_that_is_not_offered_fails_at_greet),
		cmocka_unit_test(certificates_are_dated_and_judged),
		cmocka_unit_test(days_do_not_overflow),
		cmocka_unit_test(names_are_judged_by_the_answer_to_our_own_question),
		cmocka_unit_test(a_port_without_name_server_fails_at_connect),
		cmocka_unit_test(this_machine_replies_to_pings),
		cmocka_unit_test(addresses_may_stand_in_brackets),
		cmocka_unit_test(targets_that_are_no_hosts_are_refused),
		cmocka_unit_test(a_host_that_cannot_be_reached_fails_and_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
