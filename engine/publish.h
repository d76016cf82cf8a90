#pragma once
#include "base/frame.h"
#include "base/loop.h"
#include "engine/hosts.h"
#include "engine/seen.h"
#include "engine/sources.h"
#include "model/catalog.h"
#include "model/mark.h"
#include "model/window.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * The web role's picture of everything: first whole, then what changes. When its channel is full,
 * live values are dropped; if anything else is refused, the whole picture is sent again once there
 * is room.
 */
struct publish;

enum {
	PUBLISH_LIVE_MS = 250,
	PUBLISH_EVENTS = 200, /* the latest ones are part of the whole picture */
};

struct publish_handlers {
	/* All alerts there are now, as pointers that alert() understands. */
	void (*alerts)(void *owner, GPtrArray *out);
	/* Writes an ALERT or ALERT_GONE frame. */
	void (*alert)(void *owner, void *alert, struct frame_writer *w);
	/* Writes the `index`th LIMIT frame of a series; false: there is none. */
	bool (*limit)(void *owner, uint32_t series_id, size_t index, struct frame_writer *w);
	/* Adds what magpie.conf says of a host: u8 configured, u16 n, n x text tag. */
	void (*host)(void *owner, const char *host, struct frame_writer *w);
	/* Writes a STATUS frame. */
	void (*status)(void *owner, struct frame_writer *w);
	/* Answered by publish_answer(), now or later. Texts live during the call. */
	void (*ask)(
		void *owner, uint32_t request, const char *token, const char *verb, const char *json);
};

struct publish_parts {
	struct loop *loop;
	struct catalog *catalog;
	struct window *window;
	struct hosts *hosts;
	struct sources *sources;
	struct seen *seen;
	const struct mark_table *marks;
};

struct publish *publish_create(
	const struct publish_parts *parts, const struct publish_handlers *handlers, void *owner);
void publish_destroy(struct publish *publish);

/* A new socket to the web role (taken): the whole picture follows. */
void publish_peer(struct publish *publish, int fd);

/* Everything anew: the rules were replaced. */
void publish_resync(struct publish *publish);

void publish_declare(struct publish *publish, const struct service *service);
/* A service was removed from the catalog. */
void publish_forget(struct publish *publish, uint32_t service_id);

void publish_seen(struct publish *publish, const struct service *service);
void publish_host(struct publish *publish, const char *name);
void publish_source(struct publish *publish, const char *id);
/* A mark is new, another one or gone. */
void publish_mark(struct publish *publish, uint64_t id);
void publish_source_gone(struct publish *publish, const char *id);
void publish_value(struct publish *publish, uint32_t series_id, struct wall at, double value);
void publish_alert(struct publish *publish, void *alert);
void publish_limits(struct publish *publish, const struct service *service);
void publish_status(struct publish *publish);

struct publish_statistic {
	const char *name;
	double value;
};
void publish_statistics(
	struct publish *publish, const struct publish_statistic *statistics, size_t count);

/* Remembered for the whole picture, and sent if `live`. */
void publish_event(struct publish *publish, const struct store_event *event, bool live);

/* `status` MESSAGE_OK: `text` is JSON; else an enum error_kind and a reason. */
void publish_answer(struct publish *publish, uint32_t request, unsigned status, const char *text);

uint64_t publish_dropped(const struct publish *publish); /* live values */
