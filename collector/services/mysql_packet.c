#include "collector/services/mysql_packet.h"
#include "base/hash.h"

#include <string.h>

#include "base/banned.h"

/*
 * A packet is a length of three bytes, a sequence number and the payload; numbers are little
 * endian, texts end with NUL or say their length ("lenenc"). Every reader here is a cursor that can
 * only fail, never run over.
 */
enum { MYSQL_HEAD = 4, MYSQL_CHARSET = 45 /* utf8mb4_general_ci */, MYSQL_NATIVE = 20 };

struct mysql_reader {
	const uint8_t *at;
	size_t left;
};

static struct mysql_reader mysql_reader(const struct mysql_packet *packet, size_t skip)
{
	skip = MIN(skip, packet->length);
	return (struct mysql_reader){packet->payload + skip, packet->length - skip};
}

static bool mysql_bytes(struct mysql_reader *r, size_t count, const uint8_t **bytes)
{
	if (r->left < count) {
		return false;
	}
	*bytes = r->at;
	r->at += count;
	r->left -= count;
	return true;
}

static bool mysql_number(struct mysql_reader *r, size_t count, uint64_t *value)
{
	const uint8_t *bytes = NULL;
	if (!mysql_bytes(r, count, &bytes)) {
		return false;
	}
	*value = 0;
	for (size_t i = count; i-- > 0;) {
		*value = *value << 8 | bytes[i];
	}
	return true;
}

/* A text up to NUL, or to the end where `open` allows it; cut to `size`. */
static bool mysql_string(struct mysql_reader *r, bool open, char *out, size_t size)
{
	const uint8_t *end = r->left ? memchr(r->at, 0, r->left) : NULL;
	if (!end && !open) {
		return false;
	}
	size_t length = end ? (size_t)(end - r->at) : r->left;
	size_t kept = MIN(length, size - 1);
	memcpy(out, r->at, kept);
	out[kept] = '\0';
	length += end != NULL;
	r->at += length;
	r->left -= length;
	return true;
}

/* "lenenc" number; 0xfb (NULL) and 0xff are none. */
static bool mysql_lenenc(struct mysql_reader *r, uint64_t *value)
{
	if (!mysql_number(r, 1, value)) {
		return false;
	}
	switch (*value) {
	case 0xfb:
	case 0xff: return false;
	case 0xfc: return mysql_number(r, 2, value);
	case 0xfd: return mysql_number(r, 3, value);
	case 0xfe: return mysql_number(r, 8, value);
	default: return true;
	}
}

static bool mysql_text(struct mysql_reader *r, const uint8_t **text, size_t *length)
{
	uint64_t announced = 0;
	if (!mysql_lenenc(r, &announced) || announced > r->left) {
		return false;
	}
	*length = (size_t)announced;
	return mysql_bytes(r, *length, text);
}

enum mysql_parsed mysql_packet_parse(
	const void *bytes, size_t length, struct mysql_packet *packet, size_t *used)
{
	const uint8_t *b = bytes;
	if (length < MYSQL_HEAD) {
		return MYSQL_MORE;
	}
	size_t size = (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16;
	if (size > MYSQL_PACKET_MAX) {
		return MYSQL_BROKEN;
	}
	if (length - MYSQL_HEAD < size) {
		return MYSQL_MORE;
	}
	*packet = (struct mysql_packet){b + MYSQL_HEAD, size, b[3]};
	*used = MYSQL_HEAD + size;
	return MYSQL_DONE;
}

enum mysql_answer mysql_answer(const struct mysql_packet *packet)
{
	if (!packet->length) {
		return MYSQL_EMPTY;
	}
	switch (packet->payload[0]) {
	case 0x00: return MYSQL_OK;
	case 0x01: return MYSQL_MORE_DATA;
	case 0xfb: return MYSQL_WANTS_FILE;
	case 0xfe: return MYSQL_EOF;
	case 0xff: return MYSQL_ERROR;
	default: return MYSQL_OTHER;
	}
}

bool mysql_error_parse(const struct mysql_packet *packet, struct mysql_error *error)
{
	struct mysql_reader r = mysql_reader(packet, 1);
	uint64_t code = 0;
	if (mysql_answer(packet) != MYSQL_ERROR || !mysql_number(&r, 2, &code)) {
		return false;
	}
	const uint8_t *state = NULL;
	if (r.left >= 6 && r.at[0] == '#') { /* not before the greeting */
		(void)mysql_bytes(&r, 6, &state);
	}
	*error = (struct mysql_error){(unsigned)code, (const char *)r.at, r.left};
	return true;
}

bool mysql_greeting_parse(const struct mysql_packet *packet, struct mysql_greeting *greeting)
{
	struct mysql_reader r = mysql_reader(packet, 0);
	uint64_t version = 0;
	uint64_t thread = 0;
	uint64_t low = 0;
	uint64_t high = 0;
	const uint8_t *bytes = NULL;
	*greeting = (struct mysql_greeting){0};
	if (!mysql_number(&r, 1, &version) || version != 10 ||
		!mysql_string(&r, false, greeting->version, sizeof(greeting->version)) ||
		!mysql_number(&r, 4, &thread) || !mysql_bytes(&r, 8, &bytes)) {
		return false;
	}
	memcpy(greeting->scramble, bytes, 8);
	/* filler, low half; charset, status, high half, length of the scramble, reserved */
	if (!mysql_bytes(&r, 1, &bytes) || !mysql_number(&r, 2, &low) || !mysql_bytes(&r, 3, &bytes) ||
		!mysql_number(&r, 2, &high) || !mysql_bytes(&r, 11, &bytes) ||
		!mysql_bytes(&r, MYSQL_SCRAMBLE_SIZE - 8, &bytes)) {
		return false;
	}
	memcpy(greeting->scramble + 8, bytes, MYSQL_SCRAMBLE_SIZE - 8);
	greeting->thread = (uint32_t)thread;
	greeting->capabilities = (uint32_t)(low | high << 16);
	(void)mysql_bytes(&r, 1, &bytes); /* the scramble's NUL */
	return mysql_string(&r, true, greeting->plugin, sizeof(greeting->plugin)) &&
		   (greeting->capabilities & MYSQL_PROTOCOL_41);
}

bool mysql_switch_parse(const struct mysql_packet *packet, struct mysql_switch *request)
{
	struct mysql_reader r = mysql_reader(packet, 1);
	const uint8_t *bytes = NULL;
	*request = (struct mysql_switch){0};
	if (mysql_answer(packet) != MYSQL_EOF || !r.left || /* without a name: passwords of 1998 */
		!mysql_string(&r, true, request->plugin, sizeof(request->plugin))) {
		return false;
	}
	if (mysql_bytes(&r, MYSQL_SCRAMBLE_SIZE, &bytes)) {
		memcpy(request->scramble, bytes, MYSQL_SCRAMBLE_SIZE);
	}
	return true;
}

/* -- what we send -- */

static void mysql_put(GString *out, uint64_t value, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		g_string_append_c(out, (char)(value >> 8 * i & 0xff));
	}
}

void mysql_append(GString *out, uint8_t sequence, const void *payload, size_t length)
{
	mysql_put(out, length, 3);
	mysql_put(out, sequence, 1);
	g_string_append_len(out, payload, (gssize)length);
}

static void mysql_append_flags(GString *out, uint32_t flags)
{
	mysql_put(out, flags, 4);
	mysql_put(out, MYSQL_PACKET_MAX, 4);
	mysql_put(out, MYSQL_CHARSET, 1);
	for (size_t i = 0; i < 23; i++) {
		g_string_append_c(out, '\0');
	}
}

static uint32_t mysql_flags(uint32_t capabilities)
{
	return (capabilities & (MYSQL_PLUGIN_AUTH | MYSQL_TRANSACTIONS)) | MYSQL_PROTOCOL_41 |
		   MYSQL_SECURE_CONNECTION;
}

void mysql_append_tls(GString *out, uint8_t sequence, uint32_t capabilities)
{
	GString *payload = g_string_new(NULL);
	mysql_append_flags(payload, mysql_flags(capabilities) | MYSQL_SSL);
	mysql_append(out, sequence, payload->str, payload->len);
	g_string_free(payload, TRUE);
}

void mysql_append_login(GString *out, uint8_t sequence, const struct mysql_login *login)
{
	GString *payload = g_string_new(NULL);
	uint32_t flags = mysql_flags(login->capabilities);
	/* over TLS the server compares with what it was told before the handshake */
	flags |= login->capabilities & MYSQL_SSL;
	flags |= login->database ? MYSQL_CONNECT_WITH_DB : 0;
	mysql_append_flags(payload, flags);
	g_string_append_len(payload, login->user, (gssize)strlen(login->user) + 1);
	mysql_put(payload, login->response_length, 1);
	g_string_append_len(payload, (const char *)login->response, (gssize)login->response_length);
	if (login->database) {
		g_string_append_len(payload, login->database, (gssize)strlen(login->database) + 1);
	}
	if (flags & MYSQL_PLUGIN_AUTH) {
		g_string_append_len(payload, login->plugin, (gssize)strlen(login->plugin) + 1);
	}
	mysql_append(out, sequence, payload->str, payload->len);
	g_string_free(payload, TRUE);
}

void mysql_append_query(GString *out, const char *sql)
{
	GString *payload = g_string_new("\x03"); /* COM_QUERY */
	g_string_append(payload, sql);
	mysql_append(out, 0, payload->str, payload->len);
	g_string_free(payload, TRUE);
}

void mysql_append_ping(GString *out)
{
	mysql_append(out, 0, "\x0e", 1); /* COM_PING */
}

/* SHA1(password) XOR SHA1(scramble + SHA1(SHA1(password))) */
size_t mysql_native_response(const char *password, const uint8_t *scramble, uint8_t *out)
{
	uint8_t once[HASH_SHA1_SIZE];
	uint8_t twice[HASH_SHA1_SIZE];
	if (!*password) {
		return 0;
	}
	hash_sha1(&(struct hash_part){password, strlen(password)}, 1, once);
	hash_sha1(&(struct hash_part){once, sizeof(once)}, 1, twice);
	const struct hash_part parts[] = {{scramble, MYSQL_SCRAMBLE_SIZE}, {twice, sizeof(twice)}};
	hash_sha1(parts, 2, out);
	for (size_t i = 0; i < sizeof(once); i++) {
		out[i] ^= once[i];
	}
	return sizeof(once);
}

/* SHA256(password) XOR SHA256(SHA256(SHA256(password)) + scramble) */
size_t mysql_sha2_response(const char *password, const uint8_t *scramble, uint8_t *out)
{
	uint8_t once[HASH_SHA256_SIZE];
	uint8_t twice[HASH_SHA256_SIZE];
	if (!*password) {
		return 0;
	}
	hash_sha256(&(struct hash_part){password, strlen(password)}, 1, once);
	hash_sha256(&(struct hash_part){once, sizeof(once)}, 1, twice);
	const struct hash_part parts[] = {{twice, sizeof(twice)}, {scramble, MYSQL_SCRAMBLE_SIZE}};
	hash_sha256(parts, 2, out);
	for (size_t i = 0; i < sizeof(once); i++) {
		out[i] ^= once[i];
	}
	return sizeof(once);
}

/* -- tables -- */

/* A column's definition: catalog, schema, table, its own name, name, its own name … */
static bool mysql_column_name(const struct mysql_packet *packet, char **name)
{
	struct mysql_reader r = mysql_reader(packet, 0);
	const uint8_t *text = NULL;
	size_t length = 0;
	for (int i = 0; i < 5; i++) {
		if (!mysql_text(&r, &text, &length)) {
			return false;
		}
	}
	*name = g_strndup((const char *)text, length);
	return true;
}

static enum mysql_step mysql_table_begin(
	struct mysql_table *table, const struct mysql_packet *packet)
{
	struct mysql_reader r = mysql_reader(packet, 0);
	uint64_t columns = 0;
	if (mysql_answer(packet) == MYSQL_OK) {
		return MYSQL_STEP_END;
	}
	if (!mysql_lenenc(&r, &columns) || r.left || !columns || columns > MYSQL_COLUMNS_MAX) {
		return MYSQL_STEP_BROKEN;
	}
	table->columns = (unsigned)columns;
	table->names = g_ptr_array_new_with_free_func(g_free);
	return MYSQL_STEP_ON;
}

static enum mysql_step mysql_table_column(
	struct mysql_table *table, const struct mysql_packet *packet)
{
	char *name = NULL;
	if (table->columns_seen == table->columns) { /* the end of the columns */
		table->in_rows = true;
		return mysql_answer(packet) == MYSQL_EOF ? MYSQL_STEP_ON : MYSQL_STEP_BROKEN;
	}
	if (!mysql_column_name(packet, &name)) {
		return MYSQL_STEP_BROKEN;
	}
	table->columns_seen++;
	g_ptr_array_add(table->names, name);
	return MYSQL_STEP_ON;
}

enum mysql_step mysql_table_take(struct mysql_table *table, const struct mysql_packet *packet)
{
	enum mysql_answer answer = mysql_answer(packet);
	if (answer == MYSQL_ERROR) {
		return MYSQL_STEP_ERROR;
	}
	if (!table->columns) {
		return mysql_table_begin(table, packet);
	}
	if (!table->in_rows) {
		return mysql_table_column(table, packet);
	}
	if (answer == MYSQL_EOF && packet->length < 9) { /* else a row that begins with a long text */
		return MYSQL_STEP_END;
	}
	return answer == MYSQL_EMPTY ? MYSQL_STEP_BROKEN : MYSQL_STEP_ROW;
}

void mysql_table_finish(struct mysql_table *table)
{
	if (table->names) {
		g_ptr_array_unref(table->names);
	}
	*table = (struct mysql_table){0};
}

bool mysql_row_next(
	struct mysql_row *row, const struct mysql_packet *packet, const char **text, size_t *length)
{
	struct mysql_reader r = mysql_reader(packet, row->at);
	const uint8_t *bytes = NULL;
	*text = NULL;
	*length = 0;
	if (r.left && r.at[0] == 0xfb) {
		row->at++;
		return true;
	}
	if (!mysql_text(&r, &bytes, length)) {
		return false;
	}
	*text = (const char *)bytes;
	row->at = packet->length - r.left;
	return true;
}
