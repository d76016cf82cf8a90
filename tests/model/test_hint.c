#include "model/hint.h"
#include "tests/support/test.h"

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
		struct error error = {.kind = cases[i].kind};
		error_set(&error, cases[i].kind, "%s", cases[i].text);
		const char *advice = hint_for(cases[i].source, &error);
		if (!strstr(advice, cases[i].advice)) {
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, advice, cases[i].advice);
		}
	}
}

/* Pages have the text alone: the kind of the error is heard from its words. */
static void the_text_alone_leads_to_advice_too(void **state UNUSED)
{
	static const struct {
		const char *kind, *text, *advice;
	} cases[] = {
		{"munin", "connect: 192.0.2.1:4949: Connection refused", "nothing listens"},
		{"munin", "greet: no answer within 5 s", "accepts connections and says nothing"},
		{"munin", "fetch df: no answer within 20 s", "munin-run"},
		{"service", "connect: no answer within 5 s", "firewall"},
		{"check", "resolve: there is no host named shop", "getent"},
		{"exporter", "query: this is a web page, not a list of metrics", "/metrics"},
		{"service", "something nobody thought of", "log"},
		{"no kind", "something", ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *advice = hint_for_text(cases[i].kind, cases[i].text);
		if (!strstr(advice, cases[i].advice)) {
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, advice, cases[i].advice);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advice_follows_what_was_said),
		cmocka_unit_test(the_text_alone_leads_to_advice_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
