#include "base/httpclient.h"

#include "tests/support/certs.h"
#include "tests/support/talk.h"

/* What a request over TLS takes and shows. The server is a stream of ours on the same loop. */
struct bed {
	struct talk server; /* of the connection accepted last */
	struct certs certs;
	struct httpclient *client;
	struct loop_watch *watch;
	struct tls_credentials *credentials;
	bool ask_certificate;
	int listener;
	uint16_t port;
	unsigned answers;
	struct error error;
	long status;
};

static void on_request(void *owner)
{
	struct talk *t = owner;
	size_t length;
	const char *bytes = stream_peek(t->stream, &length);
	if (g_strstr_len(bytes, (gssize)length, "\r\n\r\n")) {
		stream_take(t->stream, length);
		stream_send_text(t->stream, "HTTP/1.1 204 good\r\nConnection: close\r\n\r\n");
	}
}

static void on_nothing(void *owner UNUSED)
{
}

static void on_end(void *owner UNUSED, const struct error *why UNUSED)
{
}

static void on_connection(void *owner, int fd, unsigned events UNUSED)
{
	static const struct stream_handlers handlers = {on_nothing, on_request, on_end};
	struct bed *b = owner;
	struct tls_settings tls = {
		.credentials = b->credentials, .server = true, .verify = b->ask_certificate};
	struct stream_target target = {.tls = &tls, .deadline_ms = 5000, .input_max = 10000};
	stream_destroy(b->server.stream);
	b->server.stream =
		stream_adopt(b->server.loop, accept(fd, NULL, NULL), &target, &handlers, &b->server, NULL);
	assert_non_null(b->server.stream);
}

static void on_answer(void *owner, const struct httpclient_result *result)
{
	struct bed *b = owner;
	b->answers++;
	b->error = result->error;
	b->status = result->status;
	loop_stop(b->server.loop);
}

static void ask(struct bed *b, struct httpclient_request request)
{
	char url[64];
	unsigned before = b->answers;
	snprintf(url, sizeof(url), "https://localhost:%u/", (unsigned)b->port);
	request.url = url;
	request.response_max = 100;
	assert_non_null(httpclient_start(b->client, &request, on_answer, b, NULL));
	talk_until(&b->server, b->answers > before);
}

static void certificates_of_servers_are_verified_as_told(void **state UNUSED)
{
	struct bed b = {.port = 0};
	char ca[512], own[512];
	talk_begin(&b.server);
	certs_begin(&b.certs);
	certs_make(&b.certs, &(struct certs_wish){.file = "here.pem", .name = "localhost"});
	snprintf(ca, sizeof(ca), "%s/ca.pem", b.certs.dir);
	snprintf(own, sizeof(own), "%s/good.pem", b.certs.dir);
	b.credentials = certs_credentials(&b.certs, "here.pem");
	b.listener = talk_listen(&b.port, 5);
	b.watch = loop_watch_add(b.server.loop, b.listener, LOOP_READABLE, on_connection, &b, NULL);
	b.client = httpclient_create(b.server.loop);

	ask(&b, (struct httpclient_request){.ca_file = ca});
	assert_int_equal(b.status, 204);
	ask(&b, (struct httpclient_request){.ca_file = NULL});
	assert_int_equal(b.error.kind, ERR_PROTOCOL);
	ask(&b, (struct httpclient_request){.unverified = true});
	assert_int_equal(b.status, 204);
	b.ask_certificate = true;
	ask(&b, (struct httpclient_request){.ca_file = ca});
	assert_int_not_equal(b.error.kind, ERR_NONE);
	ask(&b, (struct httpclient_request){.ca_file = ca, .certificate = own, .key = own});
	assert_int_equal(b.status, 204);

	httpclient_destroy(b.client);
	loop_watch_remove(b.watch);
	close(b.listener);
	tls_credentials_unref(b.credentials);
	certs_finish(&b.certs);
	talk_finish(&b.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_of_servers_are_verified_as_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
