#pragma once
#include "base/channel.h"
#include "model/catalog.h"

#include <stdint.h>

#include <glib.h>

/*
 * Questions to the rrd roles: values of a span, and pictures. Answers come in pieces; each question
 * has a deadline, and ends with UNREACHABLE when rrd goes away. One callback per question, always.
 */
struct archive;

enum {
	ARCHIVE_SERIES_MAX = 200,
	ARCHIVE_CELLS_MAX = 2000000, /* of an answer: of many series fewer points */
	ARCHIVE_POINTS_MAX = 10000,
	ARCHIVE_PICTURE_MAX = 16 << 20,
	ARCHIVE_PENDING_MAX = 256,
	ARCHIVE_DEADLINE_MS = 10000,
	ARCHIVE_LIMITS_MAX = 32,
	ARCHIVE_SPANS_MAX = 200,
	ARCHIVE_NOTES_MAX = 50,
	ARCHIVE_WRITERS_MAX = 16,
};

struct archive_handlers {
	/* Whose files are a series' and a service's is told by the hosts in it. May be NULL. */
	const struct catalog *(*catalog)(void *owner);
	/* That rrd role closed its end. May be NULL. */
	void (*lost)(void *owner, unsigned writer);
};

struct archive *archive_create(
	struct loop *loop, int64_t deadline_ms, const struct archive_handlers *handlers, void *owner);
void archive_destroy(struct archive *archive); /* nothing may be pending; NULL allowed */

/* So many rrd roles share the archive; 1 until told. */
void archive_writers(struct archive *archive, unsigned writers);

/* A socket to that rrd role; takes it. An earlier one is dead. */
void archive_connect(struct archive *archive, unsigned writer, int fd);

/* Ends what is pending; further questions are refused until archive_connect(). */
void archive_disconnect(struct archive *archive);
bool archive_connected(const struct archive *archive); /* to all of them */

/* Value i of a column is that of (t0 + i*step, t0 + (i+1)*step]. */
struct archive_data {
	int64_t t0_s, step_s;
	size_t rows, count;
	double **columns; /* in the order of the question; owned by the answer */
};

enum archive_cf { ARCHIVE_AVERAGE, ARCHIVE_MIN, ARCHIVE_MAX };

struct archive_fetch {
	const uint32_t *series; /* each once */
	size_t count;
	int64_t from_s, to_s, step_s; /* step 0: the finest there is; of many series a coarser one may
									 be taken */
	enum archive_cf cf;
};

/* One of both is NULL; both are valid during the call only. */
typedef void (*archive_data_fn)(
	void *owner, const struct archive_data *data, const struct error *err);

/* False: UNREACHABLE, and the callback is not called. */
MUST_USE bool archive_fetch(struct archive *archive, const struct archive_fetch *asked,
	archive_data_fn done, void *owner, struct error *err);

enum archive_format { ARCHIVE_PNG, ARCHIVE_SVG, ARCHIVE_PDF, ARCHIVE_EPS };

struct archive_graph {
	uint32_t service_id;
	int64_t from_s, to_s;
	uint16_t width, height;
	enum archive_format format;
	enum archive_theme { ARCHIVE_LIGHT, ARCHIVE_DARK, ARCHIVE_MUNIN } theme;
	const char *title; /* behind the graph's own; may be "" */
	struct archive_limit {
		double value;
		uint8_t level; /* 1 warning, 2 critical */
	} limits[ARCHIVE_LIMITS_MAX];
	size_t limit_count;
	enum archive_sum { ARCHIVE_AS_MEASURED, ARCHIVE_PER_HOUR, ARCHIVE_PER_DAY } sum;
	bool only_graph, full_size;
	double lower, upper; /* of the y axis; NaN: the graph's own */
	struct archive_span {
		int64_t from_s, to_s; /* 0: goes on */
		uint8_t level;
	} spans[ARCHIVE_SPANS_MAX]; /* when something was wrong */
	size_t span_count;
	struct archive_note {
		int64_t at_s, to_s; /* 0: of an instant */
		const char *text;
	} notes[ARCHIVE_NOTES_MAX];
	size_t note_count;
};

typedef void (*archive_picture_fn)(void *owner, const GByteArray *picture, const struct error *err);

MUST_USE bool archive_graph(struct archive *archive, const struct archive_graph *question,
	archive_picture_fn done, void *owner, struct error *err);

/*
 * How a series lies on disk: the answer is what model/message.def says of FILE, with `whole` the
 * bytes of its file behind it. NOT_FOUND: it has none.
 */
MUST_USE bool archive_file(struct archive *archive, uint32_t series_id, bool whole,
	archive_picture_fn done, void *owner, struct error *err);

struct archive_counters {
	uint64_t fetches, graphs, late, lost;
	unsigned pending;
};
const struct archive_counters *archive_count(const struct archive *archive);
