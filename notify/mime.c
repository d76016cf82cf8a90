#include "notify/mime.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/text.h"

#include "base/banned.h"

/*
 * Headers: text that is not plain ASCII, or too long for a line, becomes encoded words (RFC 2047),
 * which can hold neither CR nor LF. Bodies: plain ASCII with short lines stays as it is, so that it
 * can be read in any log; all else is quoted-printable (RFC 2045, section 6.7).
 */
enum { PLAIN_LINE_MAX = 900, QP_LINE_MAX = 76, WORD_BYTES = 39, HEADER_LINE_MAX = 200 };

static bool mime_is_plain(const char *text, size_t line_max)
{
	size_t column = 0;
	for (const char *p = text; *p; p++) {
		column = *p == '\n' ? 0 : column + 1;
		if (column > line_max || ((*p < ' ' || *p == 0x7f) && *p != '\n' && *p != '\t')) {
			return false; /* also bytes beyond ASCII: char is signed here or they are > 0x7f */
		}
		if ((unsigned char)*p > 0x7f) {
			return false;
		}
	}
	return true;
}

/* Encoded words of at most WORD_BYTES bytes of content each, cut between characters. */
static void mime_append_words(GString *out, const char *text)
{
	for (const char *at = text; *at;) {
		size_t length = 0;
		while (at[length]) {
			size_t n = text_utf8_length(at + length, strlen(at + length));
			n = n ? n : 1;
			if (length + n > WORD_BYTES) {
				break;
			}
			length += n;
		}
		g_autofree char *base64 = g_base64_encode((const unsigned char *)at, length);
		g_string_append_printf(out, "%s=?UTF-8?B?%s?=", at == text ? "" : "\r\n ", base64);
		at += length;
	}
}

static void mime_header(GString *out, const char *name, const char *text)
{
	g_string_append_printf(out, "%s: ", name);
	if (mime_is_plain(text, HEADER_LINE_MAX) && !strpbrk(text, "\r\n\t") && !strstr(text, "=?")) {
		g_string_append(out, text);
	} else {
		mime_append_words(out, text);
	}
	g_string_append(out, "\r\n");
}

static void mime_date(GString *out, struct wall at)
{
	static const char days[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	static const char months[12][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	GDateTime *t = g_date_time_new_from_unix_utc(wall_s(at));
	if (t) {
		g_string_append_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
			days[g_date_time_get_day_of_week(t) - 1], g_date_time_get_day_of_month(t),
			months[g_date_time_get_month(t) - 1], g_date_time_get_year(t), g_date_time_get_hour(t),
			g_date_time_get_minute(t), g_date_time_get_second(t));
		g_date_time_unref(t);
	}
}

/* "\n" becomes CRLF; there is no CR inside (mime_is_plain) */
static void mime_append_plain(GString *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '\n') {
			g_string_append_c(out, '\r');
		}
		g_string_append_c(out, *p);
	}
}

static void mime_append_quoted(GString *out, const char *text)
{
	size_t column = 0;
	for (const char *p = text; *p; p++) {
		if (*p == '\n' || (*p == '\r' && p[1] == '\n')) {
			g_string_append(out, "\r\n");
			p += *p == '\r';
			column = 0;
			continue;
		}
		bool ends_line = p[1] == '\n' || p[1] == '\r' || !p[1];
		bool literal = (*p > ' ' && *p < 0x7f && *p != '=') || (*p == ' ' && !ends_line);
		if (column + (literal ? 1 : 3) > QP_LINE_MAX - 1) {
			g_string_append(out, "=\r\n");
			column = 0;
		}
		if (literal) {
			g_string_append_c(out, *p);
		} else {
			g_string_append_printf(out, "=%02X", (unsigned)(unsigned char)*p);
		}
		column += literal ? 1 : 3;
	}
}

static void mime_part(GString *out, const char *boundary, const char *type, const char *body)
{
	bool plain = mime_is_plain(body, PLAIN_LINE_MAX);
	g_string_append_printf(out,
		"--%s\r\nContent-Type: %s; charset=utf-8\r\n"
		"Content-Transfer-Encoding: %s\r\n\r\n",
		boundary, type, plain ? "7bit" : "quoted-printable");
	if (plain) {
		mime_append_plain(out, body);
	} else {
		mime_append_quoted(out, body);
	}
	g_string_append(out, "\r\n");
}

char *mime_format(const struct mime_message *m, size_t *length)
{
	GString *out = g_string_new(NULL);
	mime_date(out, m->date);
	g_string_append_printf(out, "From: %s <%s>\r\nTo: <%s>\r\n", m->from_name, m->from, m->to);
	mime_header(out, "Subject", m->subject);
	g_string_append_printf(out, "Message-ID: <%s@%s>\r\n", m->id, m->domain);
	if (m->thread) {
		g_string_append_printf(out, "References: <%s@%s>\r\n", m->thread, m->domain);
	}
	if (m->urgent) {
		g_string_append(out, "Importance: high\r\nX-Priority: 1\r\n");
	}
	g_string_append(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
	g_autofree char *boundary = g_strconcat("magpie-", m->id, NULL);
	g_string_append_printf(
		out, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
	mime_part(out, boundary, "text/plain", m->text);
	mime_part(out, boundary, "text/html", m->html);
	g_string_append_printf(out, "--%s--\r\n", boundary);
	*length = out->len;
	return g_string_free(out, FALSE);
}
