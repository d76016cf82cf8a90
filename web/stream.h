#pragma once
#include "base/loop.h"
#include "web/replica.h"
#include "web/view.h"

/*
 * Server-sent events: what changes, as it changes, to any number of browsers. Alerts and events
 * carry ids and are kept in a ring of STREAM_RING, so that a browser that comes back with
 * Last-Event-ID gets what it missed, or is told to load everything again (`resync`). Hosts, live
 * values and status are sent at most once a second and not kept: the next ones replace them.
 */
struct stream;
struct exchange;

enum { STREAM_RING = 1024, STREAM_BACKLOG = 256 * 1024, STREAM_SERIES_MAX = 2000 };

struct stream *event_stream_create(
	struct loop *loop, const struct replica *replica, struct view *view);

/* After all its exchanges have ended. NULL allowed. */
void event_stream_destroy(struct stream *stream);

/* Makes the exchange a stream; reads its parameters `series` and `host` and Last-Event-ID. */
void stream_open(struct stream *stream, struct exchange *x);

/* The replica changed. */
void stream_changed(struct stream *stream, enum replica_change change, const void *object);

/* Kept as event `name` with one JSON value as data, and sent to all. */
void stream_publish(struct stream *stream, const char *name, const char *json);

size_t stream_clients(const struct stream *stream);

/* "status" is made by the API, which knows the roles as well; asked for once a second at most. */
void stream_on_status(
	struct stream *stream, void (*append)(void *owner, GString *out), void *owner);
