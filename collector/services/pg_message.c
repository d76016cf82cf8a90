#include "collector/services/pg_message.h"
#include "base/hash.h"

#include <string.h>

#include "base/banned.h"

/*
 * A message is a letter, a length that counts itself, and the body; numbers are big endian, texts
 * end with NUL. The first two messages of ours have no letter.
 */
enum { PG_PROTOCOL = 3 << 16, PG_TLS_CODE = 80877103, PG_COLUMN_BYTES = 18 };

static uint32_t pg_u32(const char *bytes)
{
	const uint8_t *b = (const uint8_t *)bytes;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static unsigned pg_u16(const char *bytes)
{
	const uint8_t *b = (const uint8_t *)bytes;
	return (unsigned)b[0] << 8 | b[1];
}

enum pg_parsed pg_message_parse(
	const char *bytes, size_t length, struct pg_message *message, size_t *used)
{
	if (length && !g_ascii_isalpha(bytes[0])) {
		return PG_BROKEN;
	}
	if (length < 5) {
		return PG_MORE;
	}
	uint32_t size = pg_u32(bytes + 1);
	if (size < 4 || size > PG_MESSAGE_MAX) {
		return PG_BROKEN;
	}
	if (length - 1 < size) {
		return PG_MORE;
	}
	*message = (struct pg_message){bytes[0], bytes + 5, size - 4};
	*used = size + 1;
	return PG_DONE;
}

/* The text that begins at `*at`, which is moved behind its NUL; NULL: it has no end. */
static const char *pg_text(const struct pg_message *message, size_t *at)
{
	const char *from = message->body + *at;
	const char *end = *at < message->length ? memchr(from, '\0', message->length - *at) : NULL;
	*at = end ? (size_t)(end - message->body) + 1 : *at;
	return end ? from : NULL;
}

bool pg_error_parse(const struct pg_message *message, struct pg_error *error)
{
	*error = (struct pg_error){.code = "", .text = ""};
	size_t at = 0;
	while (at < message->length && message->body[at]) {
		char field = message->body[at++];
		const char *text = pg_text(message, &at);
		if (!text) {
			return false;
		}
		if (field == 'C') {
			g_strlcpy(error->code, text, sizeof(error->code));
		} else if (field == 'M') {
			error->text = text;
			error->length = strlen(text);
		}
	}
	return message->type == 'E' && error->code[0];
}

bool pg_login_parse(const struct pg_message *message, struct pg_login_request *request)
{
	if (message->type != 'R' || message->length < 4) {
		return false;
	}
	*request =
		(struct pg_login_request){pg_u32(message->body), message->body + 4, message->length - 4};
	return true;
}

bool pg_list_has(const struct pg_login_request *request, const char *text)
{
	const struct pg_message list = {'R', request->data, request->length};
	size_t at = 0;
	const char *one = NULL;
	while ((one = pg_text(&list, &at)) && *one) {
		if (!strcmp(one, text)) {
			return true;
		}
	}
	return false;
}

bool pg_setting_parse(const struct pg_message *message, const char **name, const char **value)
{
	size_t at = 0;
	*name = pg_text(message, &at);
	*value = *name ? pg_text(message, &at) : NULL;
	return *value;
}

GPtrArray *pg_columns_parse(const struct pg_message *message)
{
	if (message->length < 2) {
		return NULL;
	}
	unsigned count = pg_u16(message->body);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	size_t at = 2;
	for (unsigned i = 0; i < count; i++) {
		const char *name = count <= PG_COLUMNS_MAX ? pg_text(message, &at) : NULL;
		if (!name || message->length - at < PG_COLUMN_BYTES) {
			g_ptr_array_unref(names);
			return NULL;
		}
		g_ptr_array_add(names, g_strndup(name, PG_NAME_MAX));
		at += PG_COLUMN_BYTES;
	}
	return names;
}

bool pg_row_next(
	struct pg_row *row, const struct pg_message *message, const char **text, size_t *length)
{
	*text = NULL;
	*length = 0;
	if (!row->at && message->length >= 2) {
		row->left = pg_u16(message->body);
		row->at = 2;
	}
	if (!row->left || message->length - row->at < 4) {
		return false;
	}
	uint32_t size = pg_u32(message->body + row->at);
	row->at += 4;
	row->left--;
	if (size == UINT32_MAX) {
		return true;
	}
	if (size > message->length - row->at) {
		row->left = 0;
		return false;
	}
	*text = message->body + row->at;
	*length = size;
	row->at += size;
	return true;
}

/* -- what we send -- */

static void pg_put_u32(GString *out, uint32_t value)
{
	const char bytes[] = {(char)(value >> 24), (char)(value >> 16 & 0xff),
		(char)(value >> 8 & 0xff), (char)(value & 0xff)};
	g_string_append_len(out, bytes, sizeof(bytes));
}

static void pg_put_text(GString *out, const char *text)
{
	g_string_append_len(out, text, (gssize)strlen(text) + 1);
}

static void pg_append(GString *out, char type, const void *bytes, size_t length)
{
	if (type) {
		g_string_append_c(out, type);
	}
	pg_put_u32(out, (uint32_t)length + 4);
	g_string_append_len(out, bytes, (gssize)length);
}

void pg_append_tls(GString *out)
{
	pg_put_u32(out, 8);
	pg_put_u32(out, PG_TLS_CODE);
}

void pg_append_start(GString *out, const char *user, const char *database)
{
	GString *body = g_string_new(NULL);
	pg_put_u32(body, PG_PROTOCOL);
	pg_put_text(body, "user");
	pg_put_text(body, user);
	pg_put_text(body, "database");
	pg_put_text(body, database);
	pg_put_text(body, "application_name");
	pg_put_text(body, "magpie");
	g_string_append_c(body, '\0');
	pg_append(out, '\0', body->str, body->len);
	g_string_free(body, TRUE);
}

void pg_append_password(GString *out, const void *bytes, size_t length)
{
	pg_append(out, 'p', bytes, length);
}

void pg_append_sasl(GString *out, const char *method, const char *text)
{
	GString *body = g_string_new(NULL);
	pg_put_text(body, method);
	pg_put_u32(body, (uint32_t)strlen(text));
	g_string_append(body, text);
	pg_append(out, 'p', body->str, body->len);
	g_string_free(body, TRUE);
}

void pg_append_query(GString *out, const char *sql)
{
	pg_append(out, 'Q', sql, strlen(sql) + 1);
}

void pg_append_end(GString *out)
{
	pg_append(out, 'X', "", 0);
}

/* "md5" and the hexadecimal MD5 of (that of password and user) and salt */
void pg_md5_answer(
	const char *user, const char *password, const char salt[4], char out[PG_MD5_TEXT])
{
	uint8_t digest[HASH_MD5_SIZE];
	char hex[2 * HASH_MD5_SIZE + 1];
	const struct hash_part inner[] = {{password, strlen(password)}, {user, strlen(user)}};
	hash_md5(inner, 2, digest);
	hash_hex(digest, sizeof(digest), hex);
	const struct hash_part outer[] = {{hex, sizeof(hex) - 1}, {salt, 4}};
	hash_md5(outer, 2, digest);
	memcpy(out, "md5", 3);
	hash_hex(digest, sizeof(digest), out + 3);
}
