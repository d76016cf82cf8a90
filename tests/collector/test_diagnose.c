#include "collector/diagnose.h"
#include "model/config_hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static void advice_follows_what_was_said(void **state)
{
	(void)state;
	static const struct {
		enum config_source_kind source;
		enum error_kind kind;
		const char *text, *advice;
	} cases[] = {
		{CONFIG_SOURCE_NODE, ERR_PROTOCOL,
			"greet: no greeting of a munin-node: \"SSH-2.0-OpenSSH_9.2\"", "SSH server"},
		{CONFIG_SOURCE_NODE, ERR_PROTOCOL, "greet: no greeting of a munin-node: \"HTTP/1.1 400\"",
			"web server"},
		{CONFIG_SOURCE_NODE, ERR_PROTOCOL, "greet: no greeting: \"220 mail.example.org ESMTP\"",
			"mail or FTP"},
		{CONFIG_SOURCE_NODE, ERR_PROTOCOL, "greet: no greeting: \"* OK IMAP4 ready\"", "IMAP"},
		{CONFIG_SOURCE_NODE, ERR_DENIED,
			"greet: the node closed the connection without a word, as it does if this server is "
			"not in "
			"its allow list",
			"munin-node.conf"},
		{CONFIG_SOURCE_NODE, ERR_DENIED, "greet: the node does not offer TLS: \"# Unknown\"",
			"tls_certificate"},
		{CONFIG_SOURCE_NODE, ERR_TIMEOUT, "connect: no answer within 5 s", "firewall"},
		{CONFIG_SOURCE_NODE, ERR_TIMEOUT, "greet: no answer within 5 s", "hangs"},
		{CONFIG_SOURCE_NODE, ERR_TIMEOUT, "fetch df: no answer within 10 s", "munin-run"},
		{CONFIG_SOURCE_NODE, ERR_NOT_FOUND, "resolve: x has no address", "getent"},
		{CONFIG_SOURCE_NODE, ERR_NONE, "df: # Bad exit", "munin-run"},
		{CONFIG_SOURCE_PUSH, ERR_UNREACHABLE, "connect: the node has not connected to us",
			"--connect"},
		{CONFIG_SOURCE_SERVICE, ERR_UNREACHABLE, "connect: 127.0.0.1:80: Connection refused",
			"nothing listens"},
		{CONFIG_SOURCE_SERVICE, ERR_UNREACHABLE, "connect: /run/x.sock: No such file or directory",
			"no such socket"},
		{CONFIG_SOURCE_SERVICE, ERR_DENIED, "authenticate: Access denied for user",
			"password_file"},
		{CONFIG_SOURCE_SERVICE, ERR_UNREACHABLE, "greet: too many connections (error 1040)",
			"full"},
		{CONFIG_SOURCE_SERVICE, ERR_DENIED,
			"secret file /x: mode 0644 lets others in; it has to be 0600 or 0640", "mode 0600"},
		{CONFIG_SOURCE_CHECK, ERR_DENIED, "TLS: certificate refused: is expired", "renew"},
		{CONFIG_SOURCE_CHECK, ERR_PROTOCOL, "greet: TLS: a packet of unknown form",
			"openssl s_client"},
		{CONFIG_SOURCE_EXPORTER, ERR_PROTOCOL, "query: this is a web page, not a list of metrics",
			"/metrics"},
		{CONFIG_SOURCE_EXPORTER, ERR_PROTOCOL, "query: the answer is 404, not 200", "/metrics"},
		{CONFIG_SOURCE_EXPORTER, ERR_DENIED, "query: the answer is 401, not 200", "token_file"},
		{CONFIG_SOURCE_EXPORTER, ERR_CONFIG, "map \"x\" is not of the form", "magpie.conf"},
		{CONFIG_SOURCE_PLUGIN, ERR_TIMEOUT, "timed out after 10 s", "timeout"},
		{CONFIG_SOURCE_SERVICE, ERR_NONE, "something nobody thought of", "log"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct config_source settings = {.kind = cases[i].source};
		struct error error = {.kind = cases[i].kind};
		error_set(&error, cases[i].kind, "%s", cases[i].text);
		const char *advice = diagnose_hint(&settings, &error);
		if (!strstr(advice, cases[i].advice)) {
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, advice, cases[i].advice);
		}
	}
}

struct heard {
	unsigned steps, bad;
};

static void on_step(void *owner, const char *source, const char *step, bool good, const char *text)
{
	struct heard *heard = owner;
	assert_string_equal(source, "h/exporter/e");
	assert_true(*step && *text);
	heard->steps++;
	heard->bad += !good;
}

/* Nothing listens at port 1; what cannot work at all says so too, and one after the other may be
 * asked in one loop. */
static void a_source_is_asked_once_and_every_step_told(void **state)
{
	(void)state;
	struct heard heard = {0};
	struct world world = {.loop = loop_create(), .trace = on_step, .trace_owner = &heard};
	struct config_host host = {.name = (char *)"h", .group = (char *)"g"};
	struct config_source settings = {.kind = CONFIG_SOURCE_EXPORTER,
		.name = (char *)"e",
		.id = (char *)"h/exporter/e",
		.host = &host,
		.interval_s = 5,
		.timeout_s = 2,
		.exporter = {.url = (char *)"http://127.0.0.1:1/", .token_file = (char *)"/nowhere"}};
	struct diagnosis diagnosis;
	world.http = httpclient_create(world.loop);
	diagnose_source(&world, &settings, &diagnosis);
	assert_int_equal(diagnosis.error.kind, ERR_NOT_FOUND);
	assert_int_equal(heard.bad, 1);
	diagnosis_finish(&diagnosis);
	settings.exporter.token_file = NULL;
	diagnose_source(&world, &settings, &diagnosis);
	assert_int_equal(diagnosis.error.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(diagnosis.error.text, "connect: "));
	assert_int_equal(heard.bad, 2);
	assert_int_equal(diagnosis.services, 1); /* exporter_e, whose field up is 0 */
	assert_false(diagnosis.alive);
	diagnosis_finish(&diagnosis);
	httpclient_destroy(world.http);
	loop_destroy(world.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advice_follows_what_was_said),
		cmocka_unit_test(a_source_is_asked_once_and_every_step_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
