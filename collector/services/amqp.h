#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Frames and methods of AMQP 0-9-1 (rabbitmq.com, "AMQP 0-9-1 Complete Reference Guide", with
 * RabbitMQ's extensions confirm.select and connection.blocked), of those parts that a probe speaks:
 * one connection, one channel, one queue. Pure.
 */
enum { AMQP_FRAME_MAX = 128 << 10, AMQP_CHANNEL = 1, AMQP_NAME_MAX = 255 };

enum amqp_type { AMQP_METHOD = 1, AMQP_HEADER = 2, AMQP_BODY = 3, AMQP_HEARTBEAT = 8 };

/* Class << 16 | method. */
enum amqp_method {
	AMQP_CONNECTION_START = 10 << 16 | 10,
	AMQP_CONNECTION_START_OK = 10 << 16 | 11,
	AMQP_CONNECTION_TUNE = 10 << 16 | 30,
	AMQP_CONNECTION_TUNE_OK = 10 << 16 | 31,
	AMQP_CONNECTION_OPEN = 10 << 16 | 40,
	AMQP_CONNECTION_OPEN_OK = 10 << 16 | 41,
	AMQP_CONNECTION_CLOSE = 10 << 16 | 50,
	AMQP_CONNECTION_CLOSE_OK = 10 << 16 | 51,
	AMQP_CONNECTION_BLOCKED = 10 << 16 | 60,
	AMQP_CONNECTION_UNBLOCKED = 10 << 16 | 61,
	AMQP_CHANNEL_OPEN = 20 << 16 | 10,
	AMQP_CHANNEL_OPEN_OK = 20 << 16 | 11,
	AMQP_CHANNEL_CLOSE = 20 << 16 | 40,
	AMQP_QUEUE_DECLARE = 50 << 16 | 10,
	AMQP_QUEUE_DECLARE_OK = 50 << 16 | 11,
	AMQP_BASIC_PUBLISH = 60 << 16 | 40,
	AMQP_BASIC_GET = 60 << 16 | 70,
	AMQP_BASIC_GET_OK = 60 << 16 | 71,
	AMQP_BASIC_GET_EMPTY = 60 << 16 | 72,
	AMQP_BASIC_ACK = 60 << 16 | 80,
	AMQP_BASIC_NACK = 60 << 16 | 120,
	AMQP_CONFIRM_SELECT = 85 << 16 | 10,
	AMQP_CONFIRM_SELECT_OK = 85 << 16 | 11,
};

/* Part of the parsed bytes. */
struct amqp_frame {
	uint8_t type;
	uint16_t channel;
	const uint8_t *payload; /* of a method: behind its numbers */
	size_t length;
	uint32_t method; /* of a method: enum amqp_method, or another; else 0 */
};

enum amqp_parsed {
	AMQP_MORE,
	AMQP_DONE,
	AMQP_BROKEN,
	AMQP_VERSION, /* the server wants another version of the protocol */
};

/* The first frame of `bytes`; DONE sets how many bytes were `*used`. */
MUST_USE enum amqp_parsed amqp_frame_parse(
	const void *bytes, size_t length, struct amqp_frame *frame, size_t *used);

/* connection.start: product and version (not clean, cut; "" if not told), whether PLAIN is offered.
 */
struct amqp_start {
	char product[64], version[64];
	bool plain;
};
MUST_USE bool amqp_start_parse(const struct amqp_frame *frame, struct amqp_start *start);

struct amqp_tune {
	uint16_t channels;
	uint32_t frame_bytes;
};
MUST_USE bool amqp_tune_parse(const struct amqp_frame *frame, struct amqp_tune *tune);

/* connection.close and channel.close; not clean. */
struct amqp_close {
	unsigned code;
	char text[AMQP_NAME_MAX + 1];
};
MUST_USE bool amqp_close_parse(const struct amqp_frame *frame, struct amqp_close *close);

/* The short text a method begins with: reason of connection.blocked, name of queue.declare-ok. */
MUST_USE bool amqp_text_parse(const struct amqp_frame *frame, char out[AMQP_NAME_MAX + 1]);

/* -- what we send -- */

void amqp_append_protocol(GString *out);
void amqp_append_start_ok(GString *out, const char *user, const char *password);
void amqp_append_tune_ok(GString *out, const struct amqp_tune *tune);
void amqp_append_open(GString *out, const char *vhost); /* at most 255 bytes of it */
void amqp_append_channel_open(GString *out);
void amqp_append_declare(GString *out); /* of a queue that the server names and that ends with us */
void amqp_append_confirm(GString *out);
void amqp_append_publish(GString *out, const char *queue, const char *body);
void amqp_append_get(GString *out, const char *queue);
void amqp_append_close(GString *out);
