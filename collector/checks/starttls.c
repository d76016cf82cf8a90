#include "collector/checks/starttls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <glib.h>

#include "base/text.h"

#include "base/banned.h"

/*
 * smtp (RFC 3207), imap (RFC 9051), pop3 (RFC 2595), ftp (RFC 4217) by lines; xmpp (RFC 6120) by
 * looking for two elements; ldap (RFC 4511), postgres and mysql by their first messages. Each
 * protocol is a function from (step, what came) to what is to be done.
 */
enum { STARTTLS_LINE_MAX = 2048, MYSQL_SSL = 0x800, MYSQL_GREETING_MAX = 1024 };

static enum starttls_state starttls_say(struct starttls *s, const void *bytes, size_t length)
{
	memcpy(s->out, bytes, length);
	s->out_length = length;
	s->step++;
	return STARTTLS_SEND;
}

static enum starttls_state starttls_say_text(struct starttls *s, const char *text)
{
	return starttls_say(s, text, strlen(text));
}

static enum starttls_state starttls_refuse(
	struct starttls *s, const char *what, const char *bytes, size_t length)
{
	g_autofree char *clean = text_clean(bytes, MIN(length, (size_t)100), 100);
	snprintf(s->why, sizeof(s->why), "%s%s%s%s", what, length ? ": \"" : "", g_strstrip(clean),
		length ? "\"" : "");
	return STARTTLS_REFUSED;
}

static bool starttls_has(const char *bytes, size_t length, const char *what)
{
	return memmem(bytes, length, what, strlen(what)) != NULL;
}

/* -- protocols of lines -- */

static bool starttls_starts(const char *line, size_t length, const char *with)
{
	size_t n = strlen(with);
	return length >= n && strncasecmp(line, with, n) == 0;
}

/* "250-more" goes on, "250 last" and "250" end an answer (RFC 5321, RFC 959). */
static enum starttls_state starttls_codes(struct starttls *s, const char *line, size_t length)
{
	static const struct {
		const char *code, *say;
	} smtp[] = {{"220", "EHLO localhost\r\n"}, {"250", "STARTTLS\r\n"}, {"220", NULL}},
	  ftp[] = {{"220", "AUTH TLS\r\n"}, {"234", NULL}};
	bool is_smtp = s->word == 1;
	const char *code = is_smtp ? smtp[s->step].code : ftp[s->step].code;
	const char *say = is_smtp ? smtp[s->step].say : ftp[s->step].say;
	bool numbered = length >= 3 && g_ascii_isdigit(line[0]) && g_ascii_isdigit(line[1]) &&
					g_ascii_isdigit(line[2]);
	if (is_smtp && s->step == 1 && length >= 12 &&
		starttls_starts(line + 4, length - 4, "STARTTLS")) {
		s->offered = true;
	}
	if ((length >= 4 && line[3] == '-' && numbered) || (!numbered && !is_smtp)) {
		return STARTTLS_MORE; /* ftp has free lines in between */
	}
	if (!numbered || !starttls_starts(line, length, code)) {
		return starttls_refuse(s, "it answers", line, length);
	}
	if (is_smtp && s->step == 1 && !s->offered) {
		return starttls_refuse(s, "it does not offer STARTTLS", "", 0);
	}
	return say ? starttls_say_text(s, say) : STARTTLS_GO;
}

static enum starttls_state starttls_imap(struct starttls *s, const char *line, size_t length)
{
	if (s->step == 0) {
		return starttls_starts(line, length, "* OK")
				   ? starttls_say_text(s, "a STARTTLS\r\n")
				   : starttls_refuse(s, "it answers", line, length);
	}
	if (starttls_starts(line, length, "* ")) {
		return STARTTLS_MORE;
	}
	return starttls_starts(line, length, "a OK") ? STARTTLS_GO
												 : starttls_refuse(s, "it answers", line, length);
}

static enum starttls_state starttls_pop3(struct starttls *s, const char *line, size_t length)
{
	if (!starttls_starts(line, length, "+OK")) {
		return starttls_refuse(s, "it answers", line, length);
	}
	return s->step == 0 ? starttls_say_text(s, "STLS\r\n") : STARTTLS_GO;
}

static enum starttls_state starttls_lines(struct starttls *s, const char *bytes, size_t length,
	size_t *used,
	enum starttls_state (*line_fn)(struct starttls *s, const char *line, size_t length))
{
	enum starttls_state state = STARTTLS_MORE;
	while (state == STARTTLS_MORE && *used < length) {
		const char *line = bytes + *used;
		const char *end = memchr(line, '\n', length - *used);
		if (!end) {
			return length - *used > STARTTLS_LINE_MAX
					   ? starttls_refuse(s, "it sends a line that is too long", line, 40)
					   : STARTTLS_MORE;
		}
		size_t n = (size_t)(end - line);
		*used += n + 1;
		state = line_fn(s, line, n && line[n - 1] == '\r' ? n - 1 : n);
	}
	return state;
}

/* -- the others -- */

static enum starttls_state starttls_xmpp(
	struct starttls *s, const char *bytes, size_t length, size_t *used)
{
	if (s->step == 0) {
		char text[sizeof(s->out)];
		g_autofree char *host = g_markup_escape_text(s->host, -1);
		snprintf(text, sizeof(text),
			"<?xml version='1.0'?><stream:stream to='%.250s' xmlns='jabber:client' "
			"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
			host);
		return starttls_say_text(s, text);
	}
	if (s->step == 1) {
		if (starttls_has(bytes, length, "<starttls")) {
			*used = length;
			return starttls_say_text(s, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
		}
		bool all = starttls_has(bytes, length, "</stream:features>") ||
				   starttls_has(bytes, length, "<stream:error");
		return all ? starttls_refuse(s, "it does not offer STARTTLS", "", 0) : STARTTLS_MORE;
	}
	const char *yes = memmem(bytes, length, "<proceed", 8);
	const char *end = yes ? memchr(yes, '>', length - (size_t)(yes - bytes)) : NULL;
	if (end) {
		*used = (size_t)(end - bytes) + 1;
		return STARTTLS_GO;
	}
	return starttls_has(bytes, length, "<failure") ? starttls_refuse(s, "it refuses TLS", "", 0)
												   : STARTTLS_MORE;
}

static enum starttls_state starttls_ldap(
	struct starttls *s, const char *bytes, size_t length, size_t *used)
{
	static const char ask[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
							  "1.3.6.1.4.1.1466.20037";
	const unsigned char *b = (const unsigned char *)bytes;
	if (s->step == 0) {
		return starttls_say(s, ask, sizeof(ask) - 1);
	}
	if (length < 2) {
		return STARTTLS_MORE;
	}
	if (b[0] != 0x30 || (b[1] & 0x80 && b[1] != 0x81 && b[1] != 0x84)) {
		return starttls_refuse(s, "it does not speak LDAP", "", 0);
	}
	size_t more =
		b[1] & 0x80 ? b[1] & 0x7fU : 0; /* bytes of a long length; a length itself may be 84 */
	if (length < 2 + more) {
		return STARTTLS_MORE;
	}
	size_t size = b[1];
	for (size_t i = 0; more && i < more; i++) {
		size = (i ? size << 8 : 0) | b[2 + i];
	}
	if (size > STARTTLS_LINE_MAX) {
		return starttls_refuse(s, "its answer is too long", "", 0);
	}
	if (length < 2 + more + size) {
		return STARTTLS_MORE;
	}
	*used = 2 + more + size;
	const unsigned char *code = memmem(b + 2 + more, size, "\x0a\x01", 2); /* resultCode */
	if (!code || code + 2 >= b + *used) {
		return starttls_refuse(s, "its answer is not understood", "", 0);
	}
	if (code[2] != 0) {
		char what[60];
		snprintf(what, sizeof(what), "it refuses TLS (result %u)", code[2]);
		return starttls_refuse(s, what, "", 0);
	}
	return STARTTLS_GO;
}

static enum starttls_state starttls_postgres(
	struct starttls *s, const char *bytes, size_t length, size_t *used)
{
	static const char ask[8] = {0, 0, 0, 8, 4, (char)0xd2, 0x16, 0x2f};
	if (s->step == 0) {
		return starttls_say(s, ask, sizeof(ask));
	}
	if (!length) {
		return STARTTLS_MORE;
	}
	*used = 1;
	return bytes[0] == 'S'   ? STARTTLS_GO
		   : bytes[0] == 'N' ? starttls_refuse(s, "it has no TLS", "", 0)
							 : starttls_refuse(s, "it answers", bytes, length);
}

/* Greeting: 10, version NUL, thread 4, salt 8, 0, low half of the capabilities 2. */
static enum starttls_state starttls_mysql(
	struct starttls *s, const char *bytes, size_t length, size_t *used)
{
	static const unsigned char ask[36] = {32, 0, 0, 1, 0x00, 0x8a, 0, 0, 0, 0, 0, 1, 45};
	const unsigned char *b = (const unsigned char *)bytes;
	if (length < 5) {
		return STARTTLS_MORE;
	}
	size_t size = b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16;
	if (size > MYSQL_GREETING_MAX) {
		return starttls_refuse(s, "it does not speak the protocol of MySQL", "", 0);
	}
	if (length < 4 + size) {
		return STARTTLS_MORE;
	}
	*used = 4 + size;
	if (b[4] == 0xff) {
		size_t skip = MIN(size, (size_t)3);
		return starttls_refuse(s, "it answers", bytes + 4 + skip, size - skip);
	}
	const unsigned char *end = size > 1 ? memchr(b + 5, '\0', size - 1) : NULL;
	if (b[4] != 10 || !end || end + 1 + 4 + 8 + 1 + 2 > b + *used) {
		return starttls_refuse(s, "it does not speak the protocol of MySQL", "", 0);
	}
	const unsigned char *low = end + 1 + 4 + 8 + 1;
	if (!((low[0] | low[1] << 8) & MYSQL_SSL)) {
		return starttls_refuse(s, "it has no TLS", "", 0);
	}
	if (s->step == 0) {
		memcpy(s->out, ask, sizeof(ask));
		s->out_length = sizeof(ask);
		s->step++;
	}
	return STARTTLS_SEND;
}

/* -- the table -- */

void starttls_begin(struct starttls *s, unsigned word, const char *host)
{
	memset(s, 0, sizeof(*s));
	s->word = word;
	text_copy(s->host, sizeof(s->host), host);
}

enum starttls_state starttls_step(
	struct starttls *s, const char *bytes, size_t length, size_t *used)
{
	*used = 0;
	s->out_length = 0;
	switch (s->word) {
	case 1:
	case 4: return starttls_lines(s, bytes, length, used, starttls_codes);
	case 2: return starttls_lines(s, bytes, length, used, starttls_imap);
	case 3: return starttls_lines(s, bytes, length, used, starttls_pop3);
	case 5: return starttls_xmpp(s, bytes, length, used);
	case 6: return starttls_ldap(s, bytes, length, used);
	case 7: return starttls_postgres(s, bytes, length, used);
	case 8:
		/* MySQL says nothing between its greeting and the handshake */
		return s->step ? STARTTLS_GO : starttls_mysql(s, bytes, length, used);
	default: return STARTTLS_GO;
	}
}
