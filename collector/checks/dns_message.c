#include "collector/checks/dns_message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <glib.h>

#include "base/text.h"

#include "base/banned.h"

/*
 * A message is read from front to end by one cursor that knows where the bytes end; what goes
 * beyond breaks it. A name follows pointers to earlier bytes only, each further back than the last
 * one, so there is no loop.
 */
enum {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_IN = 1,
	HEAD = 12,
	LABEL_MAX = 63,
	NAME_MAX_BYTES = 255,
};

struct cursor {
	const unsigned char *bytes;
	size_t length, at;
	bool broken;
};

uint16_t dns_type(const char *name)
{
	static const struct {
		const char *name;
		uint16_t type;
	} rows[] = {{"A", DNS_A}, {"AAAA", DNS_AAAA}, {"CNAME", DNS_CNAME}, {"MX", DNS_MX},
		{"NS", DNS_NS}, {"PTR", DNS_PTR}, {"SOA", DNS_SOA}, {"SRV", DNS_SRV}, {"TXT", DNS_TXT}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (strcasecmp(name, rows[i].name) == 0) {
			return rows[i].type;
		}
	}
	return 0;
}

const char *dns_code_text(unsigned code)
{
	static const char *const texts[] = {"NOERROR", "FORMERR (it does not understand the question)",
		"SERVFAIL (it cannot answer now)", "NXDOMAIN (there is no such name)",
		"NOTIMP (it does not do that)", "REFUSED (it does not answer us)"};
	return code < ARRAY_LENGTH(texts) ? texts[code] : "an unknown code";
}

/* -- asking -- */

static void dns_reverse(const char *name, char *out, size_t size)
{
	unsigned char b[16];
	if (inet_pton(AF_INET, name, b) == 1) {
		snprintf(out, size, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
	} else if (inet_pton(AF_INET6, name, b) == 1) {
		size_t n = 0;
		for (size_t i = 16; i-- > 0;) {
			n += (size_t)snprintf(out + n, size - n, "%x.%x.", b[i] & 15U, (unsigned)b[i] >> 4);
		}
		snprintf(out + n, size - n, "ip6.arpa");
	} else {
		text_copy(out, size, name);
	}
}

static bool dns_put_name(struct dns_question *q, const char *name)
{
	size_t length = strlen(name);
	if (length && name[length - 1] == '.') {
		length--;
	}
	if (!length || length > NAME_MAX_BYTES - 2) {
		return false;
	}
	for (size_t at = 0; at < length;) {
		size_t label = strcspn(name + at, ".");
		label = MIN(label, length - at);
		if (!label || label > LABEL_MAX) {
			return false;
		}
		q->bytes[q->length++] = (unsigned char)label;
		memcpy(q->bytes + q->length, name + at, label);
		q->length += label;
		at += label + 1;
	}
	q->bytes[q->length++] = 0;
	g_autofree char *lower = g_ascii_strdown(name, (gssize)length);
	text_copy(q->name, sizeof(q->name), lower);
	return true;
}

bool dns_ask(
	struct dns_question *question, uint16_t id, const char *name, uint16_t type, struct error *err)
{
	static const unsigned char rest[] = {
		1, 0, 0, 1, 0, 0, 0, 0, 0, 0}; /* recursion; one question */
	char whole[NAME_MAX_BYTES + 1];
	memset(question, 0, sizeof(*question));
	question->id = id;
	question->type = type;
	question->bytes[0] = (unsigned char)(id >> 8);
	question->bytes[1] = (unsigned char)id;
	memcpy(question->bytes + 2, rest, sizeof(rest));
	question->length = HEAD;
	if (type == DNS_PTR) {
		dns_reverse(name, whole, sizeof(whole));
	} else {
		text_copy(whole, sizeof(whole), name);
	}
	if (strlen(name) > NAME_MAX_BYTES || !dns_put_name(question, whole)) {
		return error_set(err, ERR_CONFIG, "\"%.100s\" is no name of DNS", name);
	}
	const unsigned char tail[] = {(unsigned char)(type >> 8), (unsigned char)type, 0, DNS_IN};
	memcpy(question->bytes + question->length, tail, sizeof(tail));
	question->length += sizeof(tail);
	return true;
}

/* -- reading -- */

static unsigned cursor_u8(struct cursor *c)
{
	if (c->at >= c->length) {
		c->broken = true;
		return 0;
	}
	return c->bytes[c->at++];
}

static unsigned cursor_u16(struct cursor *c)
{
	unsigned high = cursor_u8(c);
	return high << 8 | cursor_u8(c);
}

static uint32_t cursor_u32(struct cursor *c)
{
	uint32_t high = cursor_u16(c);
	return high << 16 | cursor_u16(c);
}

static void cursor_skip(struct cursor *c, size_t n)
{
	if (n > c->length - c->at) {
		c->broken = true;
	} else {
		c->at += n;
	}
}

static void dns_put_label(GString *out, const unsigned char *label, size_t length)
{
	if (out->len) {
		g_string_append_c(out, '.');
	}
	for (size_t i = 0; i < length; i++) {
		if (label[i] > ' ' && label[i] < 0x7f && label[i] != '.' && label[i] != '\\') {
			g_string_append_c(out, g_ascii_tolower((char)label[i]));
		} else {
			g_string_append_printf(out, "\\%03u", label[i]);
		}
	}
}

/* A name as text, with the cursor behind it; false: broken. */
static bool cursor_name(struct cursor *c, GString *out)
{
	struct cursor here = *c;
	size_t total = 0, furthest = c->at;
	bool jumped = false;
	g_string_truncate(out, 0);
	for (;;) {
		unsigned length = cursor_u8(&here);
		if (here.broken) {
			break;
		}
		if ((length & 0xc0) == 0xc0) {
			size_t to = (length & 0x3fU) << 8 | cursor_u8(&here);
			if (!jumped) {
				c->at = here.at;
			}
			if (here.broken || to >= furthest) {
				break; /* forward, or in a circle */
			}
			jumped = true;
			furthest = to;
			here.at = to;
			continue;
		}
		total += length + 1;
		if (length > LABEL_MAX || total > NAME_MAX_BYTES || length > here.length - here.at) {
			break;
		}
		if (!length) {
			c->at = jumped ? c->at : here.at;
			return true;
		}
		dns_put_label(out, here.bytes + here.at, length);
		here.at += length;
	}
	c->broken = true;
	return false;
}

static void dns_read_text(struct cursor *c, size_t end, GString *out)
{
	g_autoptr(GString) raw = g_string_new(NULL);
	while (c->at < end && !c->broken) {
		size_t length = cursor_u8(c);
		if (length > end - c->at) {
			c->broken = true;
			return;
		}
		g_string_append_len(raw, (const char *)c->bytes + c->at, (gssize)length);
		c->at += length;
	}
	g_autofree char *clean = text_clean(raw->str, raw->len, DNS_VALUE_MAX - 1);
	g_string_assign(out, clean);
}

static void dns_read_address(struct cursor *c, size_t size, GString *out)
{
	char text[INET6_ADDRSTRLEN];
	if (c->length - c->at < size) {
		c->broken = true;
		return;
	}
	inet_ntop(size == 4 ? AF_INET : AF_INET6, c->bytes + c->at, text, sizeof(text));
	c->at += size;
	g_string_assign(out, text);
}

/* The value of a record whose data ends at `end`. */
static void dns_read_value(struct cursor *c, unsigned type, size_t end, GString *out)
{
	g_autoptr(GString) name = g_string_new(NULL);
	unsigned numbers = type == DNS_MX ? 1 : type == DNS_SRV ? 3 : 0;
	g_string_truncate(out, 0);
	switch (type) {
	case DNS_A: dns_read_address(c, 4, out); return;
	case DNS_AAAA: dns_read_address(c, 16, out); return;
	case DNS_TXT: dns_read_text(c, end, out); return;
	default: break;
	}
	for (unsigned i = 0; i < numbers; i++) {
		g_string_append_printf(out, "%u ", cursor_u16(c));
	}
	if (cursor_name(c, name)) {
		g_string_append(out, name->len ? name->str : ".");
	}
	if (type == DNS_SOA && cursor_name(c, name)) {
		g_string_append_printf(out, " %s", name->str);
		for (unsigned i = 0; i < 5; i++) {
			g_string_append_printf(out, " %u", cursor_u32(c));
		}
	}
}

static void dns_read_record(
	struct cursor *c, const struct dns_question *q, struct dns_answer *answer, GString *text)
{
	if (!cursor_name(c, text)) {
		return;
	}
	unsigned type = cursor_u16(c), class = cursor_u16(c);
	uint32_t ttl = cursor_u32(c);
	size_t length = cursor_u16(c);
	if (c->broken || length > c->length - c->at) {
		c->broken = true;
		return;
	}
	size_t end = c->at + length;
	if (type == q->type && class == DNS_IN) {
		dns_read_value(c, type, end, text);
		if (c->at != end) {
			c->broken = true;
			return;
		}
		if (answer->count < DNS_RECORDS_MAX) {
			answer->records[answer->count].ttl = ttl;
			text_copy(answer->records[answer->count].value, DNS_VALUE_MAX, text->str);
		}
		answer->count += answer->count < DNS_RECORDS_MAX;
	}
	c->at = end;
}

enum dns_verdict dns_read(const struct dns_question *question, const void *bytes, size_t length,
	struct dns_answer *answer, struct error *err)
{
	struct cursor c = {.bytes = bytes, .length = length};
	g_autoptr(GString) text = g_string_new(NULL);
	unsigned id = cursor_u16(&c), flags = cursor_u16(&c), questions = cursor_u16(&c);
	unsigned records = cursor_u16(&c);
	memset(answer, 0, sizeof(*answer));
	cursor_skip(&c, 4);
	if (c.broken || id != question->id || !(flags & 0x8000) || questions != 1 ||
		!cursor_name(&c, text) || strcmp(text->str, question->name) != 0 ||
		cursor_u16(&c) != question->type || cursor_u16(&c) != DNS_IN || c.broken) {
		return DNS_FOREIGN;
	}
	answer->code = flags & 15;
	answer->truncated = flags & 0x200;
	if (answer->truncated) {
		return DNS_GOOD;
	}
	for (unsigned i = 0; i < records && !c.broken; i++) {
		dns_read_record(&c, question, answer, text);
	}
	if (c.broken) {
		error_set(err, ERR_PROTOCOL, "the answer is cut off or makes no sense");
		return DNS_BROKEN;
	}
	return DNS_GOOD;
}

/* -- comparing -- */

static bool dns_same(const char *value, const char *wanted)
{
	size_t length = strlen(wanted);
	unsigned char a[16], b[16];
	if (inet_pton(AF_INET6, value, a) == 1 && inet_pton(AF_INET6, wanted, b) == 1) {
		return memcmp(a, b, sizeof(a)) == 0;
	}
	if (length > 1 && wanted[length - 1] == '.') {
		length--;
	}
	return strlen(value) == length && strncasecmp(value, wanted, length) == 0;
}

bool dns_value_is(const char *value, const char *wanted)
{
	const char *last = strrchr(value, ' ');
	return dns_same(value, wanted) || (last && g_ascii_isdigit(value[0]) && !strchr(wanted, ' ') &&
										  dns_same(last + 1, wanted));
}
