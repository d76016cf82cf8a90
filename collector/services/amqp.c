#include "collector/services/amqp.h"

#include <string.h>

#include "base/banned.h"

/*
 * A frame is a type, a channel, a size, the payload and one byte 0xCE; a method's payload begins
 * with its two numbers. Numbers are big endian; short texts have a length of one byte, long ones
 * and tables of four. Tables hold values of a dozen types; of them only texts are of use here, the
 * rest is stepped over.
 */
enum { AMQP_HEAD = 7, AMQP_END = 0xce };

struct amqp_reader {
	const uint8_t *at;
	size_t left;
};

static bool amqp_bytes(struct amqp_reader *r, size_t count, const uint8_t **bytes)
{
	if (r->left < count) {
		return false;
	}
	*bytes = r->at;
	r->at += count;
	r->left -= count;
	return true;
}

static bool amqp_number(struct amqp_reader *r, size_t count, uint32_t *value)
{
	const uint8_t *bytes = NULL;
	if (!amqp_bytes(r, count, &bytes)) {
		return false;
	}
	*value = 0;
	for (size_t i = 0; i < count; i++) {
		*value = *value << 8 | bytes[i];
	}
	return true;
}

/* A text or table whose length stands in so many bytes. */
static bool amqp_block(struct amqp_reader *r, size_t size, struct amqp_reader *block)
{
	uint32_t length = 0;
	if (!amqp_number(r, size, &length) || !amqp_bytes(r, length, &block->at)) {
		return false;
	}
	block->left = length;
	return true;
}

static void amqp_copy(const struct amqp_reader *block, char *out, size_t size)
{
	size_t kept = MIN(block->left, size - 1);
	memcpy(out, block->at, kept);
	out[kept] = '\0';
}

enum amqp_parsed amqp_frame_parse(
	const void *bytes, size_t length, struct amqp_frame *frame, size_t *used)
{
	const uint8_t *b = bytes;
	if (length && b[0] == 'A') {
		return length < 8 ? AMQP_MORE : !memcmp(b, "AMQP", 4) ? AMQP_VERSION : AMQP_BROKEN;
	}
	if (length && b[0] != AMQP_METHOD && b[0] != AMQP_HEADER && b[0] != AMQP_BODY &&
		b[0] != AMQP_HEARTBEAT) {
		return AMQP_BROKEN;
	}
	if (length < AMQP_HEAD) {
		return AMQP_MORE;
	}
	struct amqp_reader r = {b + 3, 4};
	uint32_t size = 0;
	if (!amqp_number(&r, 4, &size) || size > AMQP_FRAME_MAX) {
		return AMQP_BROKEN;
	}
	if (length - AMQP_HEAD < (size_t)size + 1) {
		return AMQP_MORE;
	}
	if (b[AMQP_HEAD + size] != AMQP_END) {
		return AMQP_BROKEN;
	}
	*frame = (struct amqp_frame){b[0], (uint16_t)(b[1] << 8 | b[2]), b + AMQP_HEAD, size, 0};
	*used = AMQP_HEAD + (size_t)size + 1;
	if (frame->type == AMQP_METHOD) {
		r = (struct amqp_reader){frame->payload, frame->length};
		if (!amqp_number(&r, 4, &frame->method)) {
			return AMQP_BROKEN;
		}
		frame->payload = r.at;
		frame->length = r.left;
	}
	return AMQP_DONE;
}

static struct amqp_reader amqp_reader(const struct amqp_frame *frame)
{
	return (struct amqp_reader){frame->payload, frame->length};
}

/* Bytes of a value of a table, by its type; 0: it says its length itself; -1: no such type. */
static int amqp_value_size(char type)
{
	switch (type) {
	case 't':
	case 'b':
	case 'B': return 1;
	case 's':
	case 'u': return 2;
	case 'I':
	case 'i':
	case 'f': return 4;
	case 'D': return 5;
	case 'l':
	case 'L':
	case 'd':
	case 'T': return 8;
	case 'S':
	case 'A':
	case 'F':
	case 'x': return 0;
	default: return -1;
	}
}

/* The text of that name in a table; "" if there is none. */
static bool amqp_table_text(struct amqp_reader table, const char *name, char *out, size_t size)
{
	out[0] = '\0';
	while (table.left) {
		struct amqp_reader key = {0};
		struct amqp_reader value = {0};
		uint32_t type = 0;
		if (!amqp_block(&table, 1, &key) || !amqp_number(&table, 1, &type)) {
			return false;
		}
		if (type == 'V') {
			continue; /* nothing */
		}
		int bytes = amqp_value_size((char)type);
		if (bytes < 0 || (bytes ? !amqp_bytes(&table, (size_t)bytes, &value.at)
								: !amqp_block(&table, 4, &value))) {
			return false;
		}
		if (type == 'S' && key.left == strlen(name) && !memcmp(key.at, name, key.left)) {
			amqp_copy(&value, out, size);
		}
	}
	return true;
}

/* Whether a list of words has this one. */
static bool amqp_has_word(const struct amqp_reader *list, const char *word)
{
	size_t length = strlen(word);
	for (size_t i = 0; i + length <= list->left; i++) {
		bool begins = i == 0 || list->at[i - 1] == ' ';
		bool ends = i + length == list->left || list->at[i + length] == ' ';
		if (begins && ends && !memcmp(list->at + i, word, length)) {
			return true;
		}
	}
	return false;
}

bool amqp_start_parse(const struct amqp_frame *frame, struct amqp_start *start)
{
	struct amqp_reader r = amqp_reader(frame);
	struct amqp_reader table = {0};
	struct amqp_reader mechanisms = {0};
	uint32_t version = 0;
	*start = (struct amqp_start){0};
	if (frame->method != AMQP_CONNECTION_START || !amqp_number(&r, 2, &version) ||
		!amqp_block(&r, 4, &table) || !amqp_block(&r, 4, &mechanisms) ||
		!amqp_table_text(table, "product", start->product, sizeof(start->product)) ||
		!amqp_table_text(table, "version", start->version, sizeof(start->version))) {
		return false;
	}
	start->plain = amqp_has_word(&mechanisms, "PLAIN");
	return true;
}

bool amqp_tune_parse(const struct amqp_frame *frame, struct amqp_tune *tune)
{
	struct amqp_reader r = amqp_reader(frame);
	uint32_t channels = 0;
	if (frame->method != AMQP_CONNECTION_TUNE || !amqp_number(&r, 2, &channels) ||
		!amqp_number(&r, 4, &tune->frame_bytes)) {
		return false;
	}
	tune->channels = (uint16_t)channels;
	return true;
}

bool amqp_close_parse(const struct amqp_frame *frame, struct amqp_close *close)
{
	struct amqp_reader r = amqp_reader(frame);
	struct amqp_reader text = {0};
	uint32_t code = 0;
	if ((frame->method != AMQP_CONNECTION_CLOSE && frame->method != AMQP_CHANNEL_CLOSE) ||
		!amqp_number(&r, 2, &code) || !amqp_block(&r, 1, &text)) {
		return false;
	}
	close->code = code;
	amqp_copy(&text, close->text, sizeof(close->text));
	return true;
}

bool amqp_text_parse(const struct amqp_frame *frame, char out[AMQP_NAME_MAX + 1])
{
	struct amqp_reader r = amqp_reader(frame);
	struct amqp_reader text = {0};
	if (!amqp_block(&r, 1, &text)) {
		return false;
	}
	amqp_copy(&text, out, AMQP_NAME_MAX + 1);
	return true;
}

/* -- what we send -- */

static void amqp_put(GString *out, uint64_t value, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		g_string_append_c(out, (char)(value >> 8 * i & 0xff));
	}
}

static void amqp_put_short(GString *out, const char *text)
{
	size_t length = MIN(strlen(text), (size_t)AMQP_NAME_MAX);
	amqp_put(out, length, 1);
	g_string_append_len(out, text, (gssize)length);
}

static void amqp_put_long(GString *out, const GString *bytes)
{
	amqp_put(out, bytes->len, 4);
	g_string_append_len(out, bytes->str, (gssize)bytes->len);
}

static void amqp_put_frame(GString *out, enum amqp_type type, unsigned channel, GString *payload)
{
	amqp_put(out, type, 1);
	amqp_put(out, channel, 2);
	amqp_put_long(out, payload);
	amqp_put(out, AMQP_END, 1);
	explicit_bzero(payload->str, payload->len); /* there may be a password in it */
	g_string_free(payload, TRUE);
}

static GString *amqp_payload(enum amqp_method method)
{
	GString *payload = g_string_new(NULL);
	amqp_put(payload, method, 4);
	return payload;
}

void amqp_append_protocol(GString *out)
{
	g_string_append_len(out, "AMQP\0\0\x09\x01", 8);
}

/* What we are and can do: without authentication_failure_close a refused login is a mere close. */
static GString *amqp_properties(void)
{
	static const char *const abilities[] = {"authentication_failure_close", "connection.blocked"};
	GString *can = g_string_new(NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(abilities); i++) {
		amqp_put_short(can, abilities[i]);
		g_string_append_len(can, "t\x01", 2);
	}
	GString *table = g_string_new(NULL);
	amqp_put_short(table, "product");
	g_string_append_len(table, "S\0\0\0\x06magpie", 11);
	amqp_put_short(table, "capabilities");
	g_string_append_c(table, 'F');
	amqp_put_long(table, can);
	g_string_free(can, TRUE);
	return table;
}

void amqp_append_start_ok(GString *out, const char *user, const char *password)
{
	GString *payload = amqp_payload(AMQP_CONNECTION_START_OK);
	GString *table = amqp_properties();
	amqp_put_long(payload, table);
	amqp_put_short(payload, "PLAIN");
	amqp_put(payload, strlen(user) + strlen(password) + 2, 4);
	amqp_put(payload, 0, 1);
	g_string_append(payload, user);
	amqp_put(payload, 0, 1);
	g_string_append(payload, password);
	amqp_put_short(payload, "en_US");
	amqp_put_frame(out, AMQP_METHOD, 0, payload);
	g_string_free(table, TRUE);
}

void amqp_append_tune_ok(GString *out, const struct amqp_tune *tune)
{
	uint32_t size = tune->frame_bytes ? MIN(tune->frame_bytes, AMQP_FRAME_MAX) : AMQP_FRAME_MAX;
	GString *payload = amqp_payload(AMQP_CONNECTION_TUNE_OK);
	amqp_put(payload, tune->channels, 2);
	amqp_put(payload, size, 4);
	amqp_put(payload, 0, 2); /* no heartbeats: the probe has a deadline of its own */
	amqp_put_frame(out, AMQP_METHOD, 0, payload);
}

void amqp_append_open(GString *out, const char *vhost)
{
	GString *payload = amqp_payload(AMQP_CONNECTION_OPEN);
	amqp_put_short(payload, vhost);
	amqp_put(payload, 0, 2);
	amqp_put_frame(out, AMQP_METHOD, 0, payload);
}

void amqp_append_channel_open(GString *out)
{
	GString *payload = amqp_payload(AMQP_CHANNEL_OPEN);
	amqp_put(payload, 0, 1);
	amqp_put_frame(out, AMQP_METHOD, AMQP_CHANNEL, payload);
}

void amqp_append_declare(GString *out)
{
	enum { AMQP_EXCLUSIVE = 4, AMQP_AUTO_DELETE = 8 };
	GString *payload = amqp_payload(AMQP_QUEUE_DECLARE);
	amqp_put(payload, 0, 2);
	amqp_put_short(payload, "");
	amqp_put(payload, AMQP_EXCLUSIVE | AMQP_AUTO_DELETE, 1);
	amqp_put(payload, 0, 4); /* no arguments */
	amqp_put_frame(out, AMQP_METHOD, AMQP_CHANNEL, payload);
}

void amqp_append_confirm(GString *out)
{
	GString *payload = amqp_payload(AMQP_CONFIRM_SELECT);
	amqp_put(payload, 0, 1);
	amqp_put_frame(out, AMQP_METHOD, AMQP_CHANNEL, payload);
}

void amqp_append_publish(GString *out, const char *queue, const char *body)
{
	GString *payload = amqp_payload(AMQP_BASIC_PUBLISH);
	amqp_put(payload, 0, 2);
	amqp_put_short(payload, ""); /* the default exchange: routes by the name of the queue */
	amqp_put_short(payload, queue);
	amqp_put(payload, 0, 1);
	amqp_put_frame(out, AMQP_METHOD, AMQP_CHANNEL, payload);
	GString *header = g_string_new(NULL);
	amqp_put(header, 60, 2); /* of class basic */
	amqp_put(header, 0, 2);
	amqp_put(header, strlen(body), 8);
	amqp_put(header, 0, 2); /* no properties: not kept on disk */
	amqp_put_frame(out, AMQP_HEADER, AMQP_CHANNEL, header);
	amqp_put_frame(out, AMQP_BODY, AMQP_CHANNEL, g_string_new(body));
}

void amqp_append_get(GString *out, const char *queue)
{
	GString *payload = amqp_payload(AMQP_BASIC_GET);
	amqp_put(payload, 0, 2);
	amqp_put_short(payload, queue);
	amqp_put(payload, 1, 1); /* needs no acknowledgement */
	amqp_put_frame(out, AMQP_METHOD, AMQP_CHANNEL, payload);
}

void amqp_append_close(GString *out)
{
	GString *payload = amqp_payload(AMQP_CONNECTION_CLOSE);
	amqp_put(payload, 200, 2);
	amqp_put_short(payload, "");
	amqp_put(payload, 0, 4); /* no method was at fault */
	amqp_put_frame(out, AMQP_METHOD, 0, payload);
}
