#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Packets of the MySQL and MariaDB client protocol (mariadb.com/kb, "Client/Server Protocol";
 * dev.mysql.com, "MySQL Source Code Documentation, Client/Server Protocol"), of those parts that a
 * probe speaks: greeting, login, questions in text and their tables. Pure: bytes in, values out.
 */
enum {
	MYSQL_PACKET_MAX = 1 << 20, /* bytes of one packet; a longer one counts as broken */
	MYSQL_COLUMNS_MAX = 256,
	MYSQL_SCRAMBLE_SIZE = 20,
};

enum mysql_capability {
	MYSQL_CONNECT_WITH_DB = 0x8,
	MYSQL_PROTOCOL_41 = 0x200,
	MYSQL_SSL = 0x800,
	MYSQL_TRANSACTIONS = 0x2000,
	MYSQL_SECURE_CONNECTION = 0x8000,
	MYSQL_PLUGIN_AUTH = 0x80000,
};

/* Part of the parsed bytes. */
struct mysql_packet {
	const uint8_t *payload;
	size_t length;
	uint8_t sequence;
};

enum mysql_parsed { MYSQL_MORE, MYSQL_DONE, MYSQL_BROKEN };

/* The first packet of `bytes`; DONE sets how many bytes were `*used`. */
MUST_USE enum mysql_parsed mysql_packet_parse(
	const void *bytes, size_t length, struct mysql_packet *packet, size_t *used);

/* What a payload means by its first byte, where an answer is expected. */
enum mysql_answer {
	MYSQL_OK,
	MYSQL_ERROR,
	MYSQL_EOF,        /* also the request to log in by another method, during login */
	MYSQL_MORE_DATA,  /* during login only */
	MYSQL_OTHER,      /* a row, the number of columns … */
	MYSQL_WANTS_FILE, /* LOCAL INFILE: never granted */
	MYSQL_EMPTY,      /* nothing at all: broken */
};
enum mysql_answer mysql_answer(const struct mysql_packet *packet);

/* An error packet; text and state are not ended by NUL and not clean. */
struct mysql_error {
	unsigned code; /* 1040 … */
	const char *text;
	size_t length;
};
MUST_USE bool mysql_error_parse(const struct mysql_packet *packet, struct mysql_error *error);

/* What a server says first. */
struct mysql_greeting {
	char version[64]; /* not clean */
	uint32_t thread;  /* number of the connection */
	uint32_t capabilities;
	uint8_t scramble[MYSQL_SCRAMBLE_SIZE];
	char plugin[64]; /* method of login it would like; "": none named */
};
MUST_USE bool mysql_greeting_parse(
	const struct mysql_packet *packet, struct mysql_greeting *greeting);

/* Request to log in by another method (the packet is MYSQL_EOF during login). */
struct mysql_switch {
	char plugin[64];
	uint8_t scramble[MYSQL_SCRAMBLE_SIZE]; /* zeros if none was given */
};
MUST_USE bool mysql_switch_parse(const struct mysql_packet *packet, struct mysql_switch *request);

/* -- what we send -- */

struct mysql_login {
	const char *user, *database; /* database NULL: none */
	const char *plugin;
	const uint8_t *response; /* to the scramble, at most 255 bytes */
	size_t response_length;
	uint32_t capabilities; /* the server's */
};

/* Each appends one packet with that sequence number. */
void mysql_append(GString *out, uint8_t sequence, const void *payload, size_t length);
void mysql_append_tls(GString *out, uint8_t sequence, uint32_t capabilities);
void mysql_append_login(GString *out, uint8_t sequence, const struct mysql_login *login);
void mysql_append_query(GString *out, const char *sql);
void mysql_append_ping(GString *out);

/* Answers to a scramble; an empty password has an empty one (0 is returned). `out` takes 32 bytes.
 */
size_t mysql_native_response(const char *password, const uint8_t *scramble, uint8_t *out);
size_t mysql_sha2_response(const char *password, const uint8_t *scramble, uint8_t *out);

/* -- tables -- */

/* The answer to a question, taken packet by packet; all zero before the first. */
struct mysql_table {
	unsigned columns, columns_seen;
	bool in_rows;
	GPtrArray *names; /* char *, of columns */
};

enum mysql_step {
	MYSQL_STEP_ON,     /* nothing to see in this packet */
	MYSQL_STEP_ROW,    /* read it with mysql_row_next() */
	MYSQL_STEP_END,    /* of the table, or an OK without one */
	MYSQL_STEP_ERROR,  /* see mysql_error_parse() */
	MYSQL_STEP_BROKEN, /* what may not come here */
};
MUST_USE enum mysql_step mysql_table_take(
	struct mysql_table *table, const struct mysql_packet *packet);
void mysql_table_finish(struct mysql_table *table); /* all zero again */

/* Where a row is being read: begins as all zero. */
struct mysql_row {
	size_t at;
};
/* The next value, not ended by NUL; `*text` is NULL for the database's NULL. False: no more. */
MUST_USE bool mysql_row_next(
	struct mysql_row *row, const struct mysql_packet *packet, const char **text, size_t *length);
