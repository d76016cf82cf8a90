#include "collector/checks/starttls.h"

#include "base/attr.h"
#include "tests/support/test.h"

#include <glib.h>

enum { SMTP = 1, IMAP, POP3, FTP, XMPP, LDAP, POSTGRES, MYSQL };

/* A whole dialogue: what the peer says in pieces; ends in `state`, having sent `said`. */
static void run(unsigned word, const char *peer, size_t length, size_t piece,
	enum starttls_state state, const char *said, const char *why)
{
	struct starttls s;
	GString *sent = g_string_new(NULL), *in = g_string_new(NULL);
	starttls_begin(&s, word, "host.example");
	enum starttls_state now = STARTTLS_MORE;
	for (size_t at = 0; at <= length && (now == STARTTLS_MORE || now == STARTTLS_SEND);) {
		size_t n = MIN(piece, length - at), used;
		g_string_append_len(in, peer + at, (gssize)n);
		at += n;
		do {
			now = starttls_step(&s, in->str, in->len, &used);
			assert_true(used <= in->len);
			g_string_erase(in, 0, (gssize)used);
			g_string_append_len(sent, s.out, (gssize)s.out_length);
		} while (now == STARTTLS_SEND);
		if (at == length) {
			break;
		}
	}
	if (now != state || (said && strcmp(sent->str, said) != 0) || (why && !strstr(s.why, why))) {
		fail_msg("word %u: state %d, said \"%s\", why \"%s\"", word, (int)now, sent->str, s.why);
	}
	g_string_free(sent, TRUE);
	g_string_free(in, TRUE);
}

static void dialogues_of_lines_lead_to_the_handshake(void **state UNUSED)
{
	static const struct {
		unsigned word;
		const char *peer;
		enum starttls_state state;
		const char *said, *why;
	} rows[] = {
		{SMTP, "220 mx ESMTP\r\n250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n220 go\r\n",
			STARTTLS_GO, "EHLO localhost\r\nSTARTTLS\r\n", NULL},
		{SMTP, "220-a\r\n220 b\r\n250 mx\r\n", STARTTLS_REFUSED, "EHLO localhost\r\n",
			"does not offer"},
		{SMTP, "554 go away\r\n", STARTTLS_REFUSED, "", "\"554 go away\""},
		{SMTP, "220 mx\r\n250 STARTTLS\r\n454 not now\r\n", STARTTLS_REFUSED, NULL, "454 not now"},
		{SMTP, "220 mx\r\n", STARTTLS_MORE, "EHLO localhost\r\n", NULL},
		{IMAP, "* OK ready\r\n* CAPABILITY x\r\na OK begin\r\n", STARTTLS_GO, "a STARTTLS\r\n",
			NULL},
		{IMAP, "* OK ready\r\na BAD what\r\n", STARTTLS_REFUSED, NULL, "a BAD what"},
		{IMAP, "* BYE full\r\n", STARTTLS_REFUSED, "", "BYE full"},
		{POP3, "+OK\r\n+OK begin\r\n", STARTTLS_GO, "STLS\r\n", NULL},
		{POP3, "+OK\r\n-ERR no\r\n", STARTTLS_REFUSED, "STLS\r\n", "-ERR no"},
		{FTP, "220-hello\r\n free text\r\n220 x\r\n234 go\r\n", STARTTLS_GO, "AUTH TLS\r\n", NULL},
		{FTP, "220 x\r\n502 no such command\r\n", STARTTLS_REFUSED, NULL, "502 no such"},
		{SMTP, "HTTP/1.1 400 Bad\r\n", STARTTLS_REFUSED, "", "HTTP/1.1 400"},
		{SMTP, "220 \x1b[31m\x01red\r\n250 STARTTLS\r\n500 \x1b[0m\r\n", STARTTLS_REFUSED, NULL,
			"500 \xef\xbf\xbd[0m"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		size_t length = strlen(rows[i].peer);
		for (size_t piece = 1; piece <= length; piece += length - 1) {
			run(rows[i].word, rows[i].peer, length, piece, rows[i].state, rows[i].said,
				rows[i].why);
		}
	}
}

static void a_line_without_end_is_refused(void **state UNUSED)
{
	static char flood[5000];
	memset(flood, '2', sizeof(flood));
	for (unsigned word = SMTP; word <= FTP; word++) {
		run(word, flood, sizeof(flood), sizeof(flood), STARTTLS_REFUSED, "", "too long");
	}
}

static void binary_protocols_lead_to_the_handshake(void **state UNUSED)
{
	static const char good_ldap[] = "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
	static const char long_ldap[] =
		"\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
	static const char bad_ldap[] = "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00";
	static const char mysql[] = "\x1c\x00\x00\x00\x0a"
								"8.0\0"
								"\1\2\3\4\1\2\3\4\5\6\7\x08\0\x00\x08\x2d\0\0\0\0";
	static const char mysql_plain[] = "\x1c\x00\x00\x00\x0a"
									  "8.0\0"
									  "\1\2\3\4\1\2\3\4\5\6\7\x08\0\x00\x00\x2d\0\0\0\0";
	static const char mysql_full[] = "\x12\x00\x00\x00\xff\x10\x04Too many conn..";
	static const struct {
		unsigned word;
		const char *peer;
		size_t length;
		enum starttls_state state;
		const char *why;
	} rows[] = {
		{LDAP, good_ldap, sizeof(good_ldap) - 1, STARTTLS_GO, NULL},
		{LDAP, long_ldap, sizeof(long_ldap) - 1, STARTTLS_GO, NULL},
		{LDAP, bad_ldap, sizeof(bad_ldap) - 1, STARTTLS_REFUSED, "result 2"},
		{LDAP, "\x30\x84\xff\xff\xff\xff", 6, STARTTLS_REFUSED, "too long"},
		{LDAP, "SSH-2.0", 7, STARTTLS_REFUSED, "does not speak LDAP"},
		{POSTGRES, "S", 1, STARTTLS_GO, NULL},
		{POSTGRES, "N", 1, STARTTLS_REFUSED, "has no TLS"},
		{POSTGRES, "E", 1, STARTTLS_REFUSED, "it answers"},
		{MYSQL, mysql, 32, STARTTLS_GO, NULL},
		{MYSQL, mysql_plain, 32, STARTTLS_REFUSED, "has no TLS"},
		{MYSQL, mysql_full, 22, STARTTLS_REFUSED, "Too many conn"},
		{MYSQL, "\xff\xff\xff\x00\x0a", 5, STARTTLS_REFUSED, "does not speak"},
		{XMPP, "<stream:stream><stream:features><starttls/></stream:features><proceed xmlns='x'/>",
			81, STARTTLS_GO, NULL},
		{XMPP, "<stream:stream><stream:features><sasl/></stream:features>", 57, STARTTLS_REFUSED,
			"does not offer"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		run(rows[i].word, rows[i].peer, rows[i].length, 1, rows[i].state, NULL, rows[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_of_lines_lead_to_the_handshake),
		cmocka_unit_test(a_line_without_end_is_refused),
		cmocka_unit_test(binary_protocols_lead_to_the_handshake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
