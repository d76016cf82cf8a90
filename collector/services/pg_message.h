#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Messages of PostgreSQL's protocol 3.0 (postgresql.org, manual, "Frontend/Backend Protocol"), of
 * those parts that a probe speaks: start, login, simple questions. Pure.
 */
enum { PG_MESSAGE_MAX = 1 << 20, PG_COLUMNS_MAX = 64, PG_NAME_MAX = 63, PG_MD5_TEXT = 36 };

/* Part of the parsed bytes. */
struct pg_message {
	char type; /* 'R' login, 'E' error, 'T' columns, 'D' row, 'C' done, 'Z' ready … */
	const char *body;
	size_t length;
};

enum pg_parsed { PG_MORE, PG_DONE, PG_BROKEN };

/* The first message of `bytes`; DONE sets how many bytes were `*used`. */
MUST_USE enum pg_parsed pg_message_parse(
	const char *bytes, size_t length, struct pg_message *message, size_t *used);

/* An 'E' message; `text` is not ended by NUL and not clean. */
struct pg_error {
	char code[6]; /* SQLSTATE */
	const char *text;
	size_t length;
};
MUST_USE bool pg_error_parse(const struct pg_message *message, struct pg_error *error);

/* An 'R' message. */
enum pg_login {
	PG_LOGIN_OK = 0,
	PG_LOGIN_CLEAR = 3,
	PG_LOGIN_MD5 = 5,
	PG_LOGIN_SASL = 10,
	PG_LOGIN_SASL_CONTINUE = 11,
	PG_LOGIN_SASL_FINAL = 12,
};
struct pg_login_request {
	uint32_t kind; /* enum pg_login, or another */
	const char *data;
	size_t length;
};
MUST_USE bool pg_login_parse(const struct pg_message *message, struct pg_login_request *request);

/* Whether a list of texts, each ended by NUL (of PG_LOGIN_SASL), has this one. */
bool pg_list_has(const struct pg_login_request *request, const char *text);

/* An 'S' message: a setting of the server; both ended by NUL, not clean. */
MUST_USE bool pg_setting_parse(
	const struct pg_message *message, const char **name, const char **value);

/* Names of a 'T' message's columns, at most PG_COLUMNS_MAX, longer ones cut; NULL: it is broken.
 * The caller frees it with g_ptr_array_unref(). */
MUST_USE GPtrArray *pg_columns_parse(const struct pg_message *message);

/* Reading a 'D' message: begins as all zero. */
struct pg_row {
	size_t at;
	unsigned left; /* columns, once begun */
};
/* The next value, not ended by NUL; NULL for the database's NULL. False: no more. */
MUST_USE bool pg_row_next(
	struct pg_row *row, const struct pg_message *message, const char **text, size_t *length);

/* -- what we send; each appends one message -- */

void pg_append_tls(GString *out); /* asks for TLS: answered by one byte, 'S' or 'N' */
void pg_append_start(GString *out, const char *user, const char *database);
void pg_append_password(GString *out, const void *bytes, size_t length); /* answers to 'R' */
void pg_append_sasl(GString *out, const char *method, const char *text);
void pg_append_query(GString *out, const char *sql);
void pg_append_end(GString *out);

/* Answer to PG_LOGIN_MD5, a text of PG_MD5_TEXT - 1 bytes. */
void pg_md5_answer(
	const char *user, const char *password, const char salt[4], char out[PG_MD5_TEXT]);
