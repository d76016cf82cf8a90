#pragma once
/*
 * The web role as a child process, with this test in the parts of supervisor, engine and rrd, and a
 * plain HTTP client. All calls fail the test when something does not come within ten seconds.
 */
#include "base/frame.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

struct harness {
	int pid;
	int control, engine, rrd; /* our ends */
	int port;
	struct frame_writer *w;
	unsigned char *packet;
};

/* Starts the role, with a listening socket, and with peers if wanted. */
void harness_start(struct harness *h, bool engine, bool rrd);

/* A new socket to the role in the part of `role`. */
int harness_peer(struct harness *h, unsigned role);

/* STOP, then waits for the end; the exit code must be 0. */
void harness_stop(struct harness *h);

/* Sends what h->w holds. */
void harness_send(struct harness *h, int fd);

/* The next frame of that type that comes; others are skipped. It points into the harness. */
struct frame harness_receive(struct harness *h, int fd, unsigned type);

/* -- HTTP -- */
int http_connect(const struct harness *h);
void http_send(int fd, const char *bytes, size_t length);

/* Reads until the peer closes, or until `until` was seen (may be NULL). */
GString *http_read(int fd, const char *until);

struct answer {
	unsigned status;
	char *head;
	GString *body; /* de-chunked */
};
/* One request on a connection of its own; `extra` are header lines with CR LF, may be NULL. */
struct answer http_get(const struct harness *h, const char *target, const char *extra);
struct answer http_request(const struct harness *h, const char *method, const char *target,
	const char *extra, const char *body);
void answer_finish(struct answer *a);
