#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/frame.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * How one source is: what the collector says after each round (MESSAGE_SOURCE), the engine keeps
 * and the web role shows. The same struct on all three sides, and one codec.
 */
enum source_condition {
	SOURCE_WAITING,     /* was not asked yet */
	SOURCE_OK,          /* answered, nothing to complain about */
	SOURCE_COMPLAINING, /* answered, but one or more plugins did not give what they should */
	SOURCE_FAILING,     /* did not answer, or not as it should */
	SOURCE_STALE,       /* nothing was heard of it when it was due; only the engine says so */
	SOURCE_CONDITIONS
};
const char *source_condition_name(unsigned condition); /* "waiting" …; "?": none of them */

enum {
	SOURCE_ID_MAX = 512,
	SOURCE_KIND_MAX = 32,
	SOURCE_NAME_MAX = 128,
	SOURCE_WHERE_MAX = 512,
	SOURCE_VERSION_MAX = 128,
	SOURCE_ERROR_MAX = 240,
	SOURCE_PLUGIN_MAX = 128,
	SOURCE_COMPLAINTS_MAX = 64,
	SOURCE_STRIP = 24 /* letters, see MESSAGE_HOST */
};

/* What one plugin (or stage) had to complain about last. */
struct source_complaint {
	char *plugin, *error;
};

struct source_state {
	char *id; /* "HOST/KIND/NAME", unique */
	char *group, *host;
	char *kind;      /* config_source_kind_name() */
	char *name;      /* of the service, check …, or the kind's own */
	char *where;     /* address that is asked, for people; "": none */
	uint8_t state;   /* enum source_condition */
	uint32_t step_s; /* between rounds */
	uint32_t took_ms;
	struct wall since;         /* begin of that state */
	struct wall last, next;    /* last success and next round; ms 0: never, not known */
	struct wall first;         /* when the engine heard of it first; ms 0 from a collector */
	uint32_t services, series; /* that it declares */
	uint32_t failures;         /* rounds in a row */
	char *version;             /* of what answered; "": not known */
	char *error;               /* stage and reason; "": none */
	uint32_t complaint_count;
	struct source_complaint *complaints; /* array */
	char strip[SOURCE_STRIP + 1];        /* "" from a collector */
	struct wall found; /* a service found by itself: seen running last; ms 0: not such */
};

/*
 * Writes a whole SOURCE frame into `w` (message_start to the last byte; then channel_send()). Texts
 * are cleaned and cut to their limits here, NULL is ""; complaints beyond the limit are left out.
 */
void source_state_put(struct frame_writer *w, const struct source_state *source);

/*
 * Reads a SOURCE frame into `source`, whose texts are then the caller's: source_state_finish().
 * False (PROTOCOL): the frame is not as promised; `source` is all zero.
 */
MUST_USE bool source_state_read(
	struct source_state *source, const struct frame *frame, struct error *err);

/* Frees what it holds and sets it to all zero. */
void source_state_finish(struct source_state *source);

/* SOURCE_GONE, likewise. The id is the caller's (g_free); NULL: not as promised. */
void source_gone_put(struct frame_writer *w, const char *id);
MUST_USE char *source_gone_read(const struct frame *frame, struct error *err);

/*
 * KNOWN_SOURCES: services that were found by themselves, as the engine remembers them for a
 * collector that begins. Writing: begin, then one after the other; false: there is no room left for
 * it, or it is none that can be remembered.
 */
void source_known_begin(struct frame_writer *w);
bool source_known_put(struct frame_writer *w, const struct source_state *source);

/* Of each only host, name, where and found are set. The array and all in it are the caller's
 * (g_ptr_array_unref). NULL (PROTOCOL): not as promised. */
MUST_USE GPtrArray *source_known_read(const struct frame *frame, struct error *err);
