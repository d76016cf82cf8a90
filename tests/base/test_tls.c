#include "base/tls.h"

#include <pthread.h>

#include "base/text.h"
#include "base/tls_own.h"
#include "tests/support/certs.h"
#include "tests/support/talk.h"

/* Two streams on one loop: `a` is the client, `b` the server. */
struct pair {
	struct talk a, b;
	int fds[2];
};

static void pair_begin(struct pair *p)
{
	talk_begin(&p->a);
	p->b = p->a;
	p->b.got = g_string_new(NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->fds), 0);
}

static struct stream *adopt(struct talk *t, int fd, const struct tls_settings *tls)
{
	struct stream_target target = {.tls = tls, .deadline_ms = 8000, .input_max = 100000};
	struct error err = {0};
	struct stream *s = stream_adopt(t->loop, fd, &target, &talk_handlers, t, &err);
	if (!s) {
		fail_msg("%s", err.text);
	}
	return s;
}

static void pair_finish(struct pair *p)
{
	stream_destroy(p->b.stream);
	g_string_free(p->b.got, TRUE);
	talk_finish(&p->a);
}

/* Client with these settings against a server that shows `file`; runs until both know. */
static void shake(struct pair *p, struct certs *c, const char *file, struct tls_settings client)
{
	struct tls_credentials *ours = certs_credentials(c, NULL);
	struct tls_credentials *theirs = certs_credentials(c, file);
	struct tls_settings server = {.credentials = theirs, .server = true, .legacy = client.legacy};
	pair_begin(p);
	client.credentials = ours;
	p->a.stream = adopt(&p->a, p->fds[0], &client);
	p->b.stream = adopt(&p->b, p->fds[1], &server);
	tls_credentials_unref(ours);
	tls_credentials_unref(theirs);
	talk_until(&p->a, p->a.opened || p->a.closed);
}

static const struct tls_settings strict = {.peer = "good.example", .verify = true};

static void both_sides_talk_after_the_handshake(void **state)
{
	struct pair p;
	shake(&p, *state, "good.pem", strict);
	assert_int_equal(p.a.opened, 1);
	talk_until(&p.a, p.b.opened);
	stream_send_text(p.a.stream, "question");
	talk_until(&p.a, p.b.got->len == 8);
	static char block[200000];
	memset(block, 'z', sizeof(block));
	stream_send(p.b.stream, block, sizeof(block)); /* many records, more than the buffer */
	talk_until(&p.a, p.a.got->len == sizeof(block));
	assert_int_equal(stream_received(p.a.stream), sizeof(block));
	stream_finish(p.b.stream);
	talk_until(&p.a, p.a.closed);
	assert_int_equal(p.a.error.kind, ERR_NONE);
	pair_finish(&p);
}

/* The end is not told before the last byte, however small the buffer and rude the end. */
static void what_came_before_a_rude_end_is_not_lost(void **state)
{
	struct pair p;
	struct tls_credentials *both = certs_credentials(*state, "good.pem");
	struct tls_settings client = {.credentials = both};
	struct tls_settings server = {.credentials = both, .server = true};
	struct stream_target target = {.tls = &client, .deadline_ms = 8000, .input_max = 700};
	static char block[100000];
	pair_begin(&p);
	p.a.stream = stream_adopt(p.a.loop, p.fds[0], &target, &talk_handlers, &p.a, NULL);
	p.b.stream = adopt(&p.b, p.fds[1], &server);
	stream_send(p.b.stream, block, sizeof(block));
	talk_until(&p.a, p.b.opened && !stream_unsent(p.b.stream));
	stream_destroy(p.b.stream);
	p.b.stream = NULL;
	talk_until(&p.a, p.a.closed);
	assert_int_equal(p.a.error.kind, ERR_NONE);
	assert_int_equal(p.a.got->len, sizeof(block));
	tls_credentials_unref(both);
	pair_finish(&p);
}

static void the_report_says_what_the_peer_showed(void **state)
{
	struct pair p;
	shake(&p, *state, "good.pem", strict);
	const struct tls_report *report = stream_tls_report(p.a.stream);
	assert_non_null(report);
	assert_true(report->trusted);
	assert_string_equal(report->version, "TLS1.3");
	assert_int_equal(report->count, 1);
	assert_non_null(strstr(report->chain[0].subject, "good.example"));
	assert_non_null(strstr(report->chain[0].issuer, "authority.example"));
	assert_string_equal(report->chain[0].names, "good.example");
	assert_int_equal(strlen(report->chain[0].fingerprint), 64);
	int64_t days = (report->chain[0].not_after - (int64_t)time(NULL)) / 86400;
	assert_in_range(days, 363, 365);
	pair_finish(&p);
}

/* hostile 26 */
static void bad_certificates_are_refused_with_the_reason(void **state)
{
	struct certs *c = *state;
	int64_t now = time(NULL);
	certs_make(c, &(struct certs_wish){
					  .file = "expired.pem", .name = "good.example", .not_after = now - 3600});
	certs_make(c, &(struct certs_wish){
					  .file = "future.pem", .name = "good.example", .not_before = now + 3600});
	certs_make(
		c, &(struct certs_wish){.file = "self.pem", .name = "good.example", .self_signed = true});
	certs_make(c, &(struct certs_wish){.file = "other.pem", .name = "other.example"});
	static const struct {
		const char *file, *why;
	} rows[] = {
		{"expired.pem", "it has expired"},
		{"future.pem", "it is not yet valid"},
		{"self.pem", "it is self-signed"},
		{"other.pem", "it is not made out to good.example"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		for (unsigned verify = 0; verify < 2; verify++) {
			struct pair p;
			shake(&p, c, rows[i].file,
				(struct tls_settings){.peer = "good.example", .verify = verify});
			assert_int_equal(p.a.opened, !verify);
			assert_int_equal(p.a.closed, verify);
			const struct tls_report *report = stream_tls_report(p.a.stream);
			assert_non_null(report);
			assert_false(report->trusted);
			assert_string_equal(report->why, rows[i].why);
			if (verify) {
				assert_int_equal(p.a.error.kind, ERR_DENIED);
				assert_int_equal(stream_stage(p.a.stream), STREAM_HANDSHAKE);
				assert_non_null(strstr(p.a.error.text, rows[i].why));
			}
			pair_finish(&p);
		}
	}
}

static void a_server_that_verifies_wants_a_certificate(void **state)
{
	for (unsigned have = 0; have < 2; have++) {
		struct pair p;
		pair_begin(&p);
		struct tls_credentials *ours = certs_credentials(*state, have ? "good.pem" : NULL);
		struct tls_credentials *theirs = certs_credentials(*state, "good.pem");
		struct tls_settings client = {.credentials = ours};
		struct tls_settings server = {.credentials = theirs, .server = true, .verify = true};
		assert_int_equal(tls_credentials_have_key(ours), have);
		p.a.stream = adopt(&p.a, p.fds[0], &client);
		p.b.stream = adopt(&p.b, p.fds[1], &server);
		talk_until(&p.a, p.b.opened || p.b.closed);
		assert_int_equal(p.b.opened, have);
		if (!have) {
			assert_int_equal(p.b.error.kind, ERR_DENIED);
			assert_non_null(strstr(p.b.error.text, "showed no certificate"));
		}
		tls_credentials_unref(ours);
		tls_credentials_unref(theirs);
		pair_finish(&p);
	}
}

/* Who speaks first in TLS is the peer's choice with munin-nodes: it must not be a way around. */
static void a_server_that_verifies_a_name_wants_that_name(void **state)
{
	static const char *const names[] = {"good.example", "other.example"};
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_begin(&p);
		struct tls_credentials *both = certs_credentials(*state, "good.pem");
		struct tls_settings client = {.credentials = both};
		struct tls_settings server = {
			.credentials = both, .server = true, .verify = true, .peer = names[i]};
		p.a.stream = adopt(&p.a, p.fds[0], &client);
		p.b.stream = adopt(&p.b, p.fds[1], &server);
		talk_until(&p.a, p.b.opened || p.b.closed);
		assert_int_equal(p.b.opened, i == 0);
		if (i > 0) {
			assert_int_equal(p.b.error.kind, ERR_DENIED);
			assert_non_null(strstr(p.b.error.text, "not made out to other.example"));
		}
		tls_credentials_unref(both);
		pair_finish(&p);
	}
}

/* A thousand nodes without anything of their own must not read the system's authorities each. */
static void credentials_of_nothing_are_shared_and_nobody_can_be_trusted(void **state)
{
	struct error err;
	const struct tls_identity nothing = {0};
	struct tls_credentials *one = tls_credentials_create(&nothing, &err);
	struct tls_credentials *two = tls_credentials_create(&nothing, &err);
	assert_non_null(one);
	assert_ptr_equal(one, two);
	tls_credentials_unref(two);
	struct tls_credentials *blind =
		tls_credentials_create(&(struct tls_identity){.trustless = true}, &err);
	assert_ptr_not_equal(blind, one);
	struct tls_credentials *theirs = certs_credentials(*state, "good.pem");
	struct pair p;
	pair_begin(&p);
	p.a.stream = adopt(&p.a, p.fds[0], &(struct tls_settings){.credentials = blind});
	p.b.stream =
		adopt(&p.b, p.fds[1], &(struct tls_settings){.credentials = theirs, .server = true});
	talk_until(&p.a, p.a.opened || p.a.closed);
	assert_true(p.a.opened);
	assert_false(stream_tls_report(p.a.stream)->trusted);
	tls_credentials_unref(theirs);
	tls_credentials_unref(blind);
	tls_credentials_unref(one);
	pair_finish(&p);
}

static void anonymous_peers_agree_only_where_old_ways_are_allowed(void **state)
{
	struct pair p;
	shake(&p, *state, NULL, (struct tls_settings){.legacy = true});
	assert_int_equal(p.a.opened, 1);
	assert_int_equal(stream_tls_report(p.a.stream)->count, 0);
	assert_false(stream_tls_report(p.a.stream)->trusted);
	pair_finish(&p);
	struct tls_credentials *none = certs_credentials(*state, NULL);
	struct tls_settings server = {.credentials = none, .server = true};
	struct stream_target target = {.tls = &server, .deadline_ms = 1000, .input_max = 100};
	struct error err = {0};
	struct talk t;
	talk_begin(&t);
	assert_null(stream_adopt(t.loop, dup(1), &target, &talk_handlers, &t, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	talk_finish(&t);
	tls_credentials_unref(none);
}

/* STARTTLS: clear text, then TLS with either side as its client. */
static void tls_begins_in_the_middle_with_either_side_first(void **state)
{
	for (unsigned reversed = 0; reversed < 2; reversed++) {
		struct pair p;
		pair_begin(&p);
		p.a.stream = adopt(&p.a, p.fds[0], NULL);
		p.b.stream = adopt(&p.b, p.fds[1], NULL);
		p.a.take = false; /* what comes behind the line may belong to the handshake */
		stream_send_text(p.a.stream, "STARTTLS\n");
		talk_until(&p.a, p.b.got->len == 9);
		struct tls_credentials *ours = certs_credentials(*state, "good.pem");
		struct tls_settings one = {.credentials = ours, .server = reversed};
		struct tls_settings other = {.credentials = ours, .server = !reversed};
		stream_send_text(p.b.stream, "TLS OK\n");
		assert_true(stream_start_tls(p.b.stream, &other, NULL));
		size_t length;
		talk_until(&p.a, p.a.data);
		assert_string_equal(stream_line(p.a.stream, &length, NULL), "TLS OK");
		assert_true(stream_start_tls(p.a.stream, &one, NULL));
		stream_send_text(p.a.stream, "early"); /* waits for the handshake */
		talk_until(&p.a, p.a.opened == 2 && p.b.opened == 2 && p.b.got->len == 14);
		assert_string_equal(p.b.got->str, "STARTTLS\nearly");
		tls_credentials_unref(ours);
		pair_finish(&p);
	}
}

static void bytes_in_clear_before_the_handshake_break_it(void **state UNUSED)
{
	struct talk t;
	int fds[2];
	talk_begin(&t);
	t.take = false;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	t.stream = adopt(&t, fds[0], NULL);
	assert_int_equal(send(fds[1], "220 ready\r\nEVIL", 15, 0), 15);
	talk_until(&t, t.data);
	size_t length;
	assert_non_null(stream_line(t.stream, &length, NULL));
	struct tls_settings settings = {.verify = false};
	struct error err = {0};
	assert_false(stream_start_tls(t.stream, &settings, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	close(fds[1]);
	talk_finish(&t);
}

/* hostile 27 */
static void records_of_one_byte_arrive(void **state)
{
	struct pair p;
	shake(&p, *state, "good.pem", strict);
	for (unsigned i = 0; i < 3000; i++) {
		stream_send(p.a.stream, "x", 1);
	}
	talk_until(&p.a, p.b.got->len == 3000);
	pair_finish(&p);
}

/* More than one record: the handshake goes on where the last one ended. */
static void a_large_certificate_within_the_cap_is_taken(void **state)
{
	struct certs *c = *state;
	struct pair p;
	certs_make(
		c, &(struct certs_wish){.file = "large.pem", .name = "good.example", .many_names = 400});
	shake(&p, c, "large.pem", strict);
	assert_int_equal(p.a.opened, 1);
	const char *names = stream_tls_report(p.a.stream)->chain[0].names;
	assert_in_range(strlen(names), 400, 511);
	pair_finish(&p);
}

/* hostile 35 */
static void odd_certificates_are_shown_clean_and_cut(void **state)
{
	struct certs *c = *state;
	struct pair p;
	static const char raw[] = "evil\0.example\n\xff<script>";
	certs_make(c, &(struct certs_wish){.file = "odd.pem",
					  .name = "good.example",
					  .raw_name = raw,
					  .raw_length = sizeof(raw) - 1,
					  .not_before = -86400 * 400,
					  .not_after = 253402300799 /* 9999-12-31T23:59:59Z */});
	shake(&p, c, "odd.pem", (struct tls_settings){.peer = "evil"});
	if (!p.a.opened) {
		fail_msg("%s / %s", p.a.error.text, p.b.error.text);
	}
	const struct tls_certificate *shown = &stream_tls_report(p.a.stream)->chain[0];
	assert_non_null(strstr(shown->names, "evil"));
	assert_non_null(strstr(shown->names, "<script>"));
	assert_true(text_utf8_length(shown->names, 1) == 1);
	for (const char *s = shown->names; *s; s++) {
		assert_true((unsigned char)*s >= ' ');
	}
	assert_true(shown->not_before >= -62167219200LL);
	assert_in_range(shown->not_after, 253402214400, 253402300799);
	assert_false(stream_tls_report(p.a.stream)->trusted);
	pair_finish(&p);
}

/* -- peers that do what GnuTLS is told, in a thread of their own -- */

struct rogue {
	int fd;
	const char *priority, *file;
	const char *dir;
	bool renegotiate;
};

static void *rogue_serve(void *owner)
{
	struct rogue *r = owner;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", r->dir, r->file);
	gnutls_certificate_allocate_credentials(&credentials);
	gnutls_certificate_set_x509_key_file(credentials, path, path, GNUTLS_X509_FMT_PEM);
	gnutls_init(&session, GNUTLS_SERVER);
	gnutls_priority_set_direct(session, r->priority, NULL);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(session, r->fd);
	gnutls_handshake_set_timeout(session, 5000);
	if (gnutls_handshake(session) == 0 && r->renegotiate) {
		gnutls_rehandshake(session);
	}
	char bytes[100];
	while (recv(r->fd, bytes, sizeof(bytes), 0) > 0) {
	}
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	close(r->fd);
	return NULL;
}

static void against_rogue(struct certs *c, struct rogue rogue, struct tls_settings settings,
	enum error_kind kind, const char *why)
{
	struct talk t;
	pthread_t thread;
	int fds[2];
	talk_begin(&t);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	rogue.fd = fds[1];
	rogue.dir = c->dir;
	assert_int_equal(pthread_create(&thread, NULL, rogue_serve, &rogue), 0);
	settings.credentials = certs_credentials(c, NULL);
	t.stream = adopt(&t, fds[0], &settings);
	talk_until(&t, kind == ERR_NONE ? t.opened : t.closed);
	assert_int_equal(t.error.kind, kind);
	if (why && !strstr(t.error.text, why)) {
		fail_msg("not \"%s\" but \"%s\"", why, t.error.text);
	}
	tls_credentials_unref(settings.credentials);
	talk_finish(&t);
	pthread_join(thread, NULL);
}

/* hostile 26 */
static void an_old_version_is_refused_unless_old_ways_are_allowed(void **state)
{
	static const struct rogue old = {.file = "good.pem",
		.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.0:%VERIFY_ALLOW_SIGN_WITH_SHA1"};
	against_rogue(*state, old, (struct tls_settings){.legacy = false}, ERR_PROTOCOL, "TLS");
	against_rogue(*state, old, (struct tls_settings){.legacy = true}, ERR_NONE, NULL);
}

/* hostile 27 */
static void negotiating_anew_ends_the_dialogue(void **state)
{
	static const struct rogue restless = {
		.file = "good.pem", .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2", .renegotiate = true};
	against_rogue(
		*state, restless, (struct tls_settings){.verify = false}, ERR_PROTOCOL, "negotiate anew");
}

/* hostile 27, 35: one certificate of more than 64 KiB of names */
static void a_huge_chain_ends_the_handshake(void **state)
{
	struct certs *c = *state;
	static const struct rogue huge = {.file = "huge.pem", .priority = "NORMAL"};
	static char name[66000];
	memset(name, 'n', sizeof(name));
	certs_make(c, &(struct certs_wish){.file = "huge.pem",
					  .name = "good.example",
					  .raw_name = name,
					  .raw_length = sizeof(name)});
	against_rogue(c, huge, strict, ERR_PROTOCOL, "longer than 64 KiB");
}

/* hostile 27 */
static void a_silent_peer_ends_the_handshake_at_the_deadline(void **state UNUSED)
{
	static const char *const answers[] = {"", "HTTP/1.0 400 Bad Request\r\n\r\n", "\x16\x03\x03"};
	for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
		struct talk t;
		int fds[2];
		struct tls_settings settings = {.verify = false};
		talk_begin(&t);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		t.stream = adopt(&t, fds[0], &settings);
		stream_deadline(t.stream, 150);
		assert_true(send(fds[1], answers[i], strlen(answers[i]), 0) >= 0);
		talk_until(&t, t.closed);
		assert_int_equal(t.error.kind, i == 1 ? ERR_PROTOCOL : ERR_TIMEOUT);
		assert_int_equal(stream_stage(t.stream), STREAM_HANDSHAKE);
		assert_int_equal(t.opened, 0);
		close(fds[1]);
		talk_finish(&t);
	}
}

static void a_peer_that_leaves_in_the_handshake_is_a_failure(void **state UNUSED)
{
	struct talk t;
	int fds[2];
	struct tls_settings settings = {.verify = false};
	talk_begin(&t);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	t.stream = adopt(&t, fds[0], &settings);
	shutdown(fds[1], SHUT_WR);
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_PROTOCOL);
	assert_null(stream_tls_report(t.stream));
	close(fds[1]);
	talk_finish(&t);
}

static void a_stream_with_tls_may_be_destroyed_in_each_handler(void **state)
{
	for (int where = TALK_IN_OPEN; where <= TALK_IN_CLOSED; where++) {
		struct pair p;
		struct tls_credentials *both = certs_credentials(*state, "good.pem");
		struct tls_settings client = {.credentials = both},
							server = {.credentials = both, .server = true};
		pair_begin(&p);
		p.a.destroy_in = where;
		p.a.stream = adopt(&p.a, p.fds[0], &client);
		p.b.stream = adopt(&p.b, p.fds[1], &server);
		stream_send_text(p.b.stream, "bytes");
		stream_finish(p.b.stream);
		talk_until(&p.a, !p.a.stream);
		tls_credentials_unref(both);
		pair_finish(&p);
	}
}

static void credentials_name_the_file_that_is_wrong(void **state)
{
	struct certs *c = *state;
	char good[512], ca[512], junk[512];
	snprintf(good, sizeof(good), "%s/good.pem", c->dir);
	snprintf(ca, sizeof(ca), "%s/ca.pem", c->dir);
	snprintf(junk, sizeof(junk), "%s/junk.pem", c->dir);
	FILE *out = fopen(junk, "w");
	fputs("no certificate", out);
	fclose(out);
	const struct {
		struct tls_identity identity;
		const char *named;
	} rows[] = {
		{{.ca_file = junk}, "junk.pem"},
		{{.ca_file = "/nowhere.pem"}, "/nowhere.pem"},
		{{.certificate = good, .key = ca}, "ca.pem"},
		{{.certificate = junk, .key = good}, "junk.pem"},
		{{.certificate = good}, "needs its key"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct error err = {0};
		assert_null(tls_credentials_create(&rows[i].identity, &err));
		if (!strstr(err.text, rows[i].named)) {
			fail_msg("%zu: %s", i, err.text);
		}
	}
}

static int group_begin(void **state)
{
	struct certs *c = calloc(1, sizeof(*c));
	certs_begin(c);
	*state = c;
	return 0;
}

static int group_end(void **state)
{
	certs_finish(*state);
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_talk_after_the_handshake),
		cmocka_unit_test(what_came_before_a_rude_end_is_not_lost),
		cmocka_unit_test(the_report_says_what_the_peer_showed),
		cmocka_unit_test(bad_certificates_are_refused_with_the_reason),
		cmocka_unit_test(a_server_that_verifies_wants_a_certificate),
		cmocka_unit_test(a_server_that_verifies_a_name_wants_that_name),
		cmocka_unit_test(credentials_of_nothing_are_shared_and_nobody_can_be_trusted),
		cmocka_unit_test(anonymous_peers_agree_only_where_old_ways_are_allowed),
		cmocka_unit_test(tls_begins_in_the_middle_with_either_side_first),
		cmocka_unit_test(bytes_in_clear_before_the_handshake_break_it),
		cmocka_unit_test(records_of_one_byte_arrive),
		cmocka_unit_test(a_huge_chain_ends_the_handshake),
		cmocka_unit_test(a_large_certificate_within_the_cap_is_taken),
		cmocka_unit_test(odd_certificates_are_shown_clean_and_cut),
		cmocka_unit_test(an_old_version_is_refused_unless_old_ways_are_allowed),
		cmocka_unit_test(negotiating_anew_ends_the_dialogue),
		cmocka_unit_test(a_silent_peer_ends_the_handshake_at_the_deadline),
		cmocka_unit_test(a_peer_that_leaves_in_the_handshake_is_a_failure),
		cmocka_unit_test(a_stream_with_tls_may_be_destroyed_in_each_handler),
		cmocka_unit_test(credentials_name_the_file_that_is_wrong),
	};
	return cmocka_run_group_tests(tests, group_begin, group_end);
}
