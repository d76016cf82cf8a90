#pragma once
#include "base/clock.h"
#include "base/frame.h"
#include "model/ident.h"

#include <string.h>

/*
 * What stands in the journal: the types of its records (base/record.h) and their payloads,
 * little-endian and packed like frames. The same bytes travel to the rrd role inside RRD_FEED, so a
 * payload is never longer than fits there. A reader skips types that it does not know.
 *
 *     SAMPLES  i64 arrived_ms, sections {i64 t_ms, u32 n, n x {u32 series id, f64 value}}: raw
 *              values as the source gave them (readings of counters), NaN is unknown
 *     SERIES   u32 series id, u32 step_s, u8 type, f64 min, f64 max, text layout, group, host,
 *              service, field: the series was numbered, or one of these changed. Stands before the
 *              first sample of that number
 *     TICK     i64 now_ms: rules were asked what depends on time alone
 */
enum entry_type { ENTRY_SAMPLES = 1, ENTRY_SERIES = 2, ENTRY_TICK = 3 };

enum {
	ENTRY_PAYLOAD_MAX = FRAME_PAYLOAD_MAX - 10, /* RRD_FEED puts u64 and u16 in front */
	ENTRY_PAIR = 12,                            /* bytes of one sample inside a section */
	ENTRY_LAYOUT_MAX = 31,
};

/* -- SAMPLES, writing -- */

/* One batch under construction; plain memory, reusable by entry_samples_start(). */
struct entry_writer {
	size_t length;
	size_t section; /* offset of the open section, 0: none */
	size_t count;   /* samples in all sections */
	unsigned char payload[ENTRY_PAYLOAD_MAX];
};

void entry_samples_start(struct entry_writer *w, struct wall arrived);

/* Adds a sample; a section is begun where `at` differs from the one before. False: full, nothing
 * was added. */
MUST_USE bool entry_samples_add(
	struct entry_writer *w, struct wall at, uint32_t series_id, double value);

/* -- SAMPLES, reading -- */

struct entry_samples {
	struct wall arrived;
	const unsigned char *at, *end; /* the next section */
};

struct entry_section {
	struct wall at;
	uint32_t count;
	const unsigned char *pairs; /* count x ENTRY_PAIR bytes, inside the payload */
};

/* False: the payload is not as described above; checks all sections before the first is given. */
MUST_USE bool entry_samples_read(
	struct entry_samples *samples, const unsigned char *payload, size_t length);

/* The next section; false: no more. */
bool entry_samples_next(struct entry_samples *samples, struct entry_section *section);

static inline uint32_t entry_section_series(const struct entry_section *s, uint32_t index)
{
	uint32_t id;
	memcpy(&id, s->pairs + (size_t)index * ENTRY_PAIR, sizeof(id));
	return id;
}

static inline double entry_section_value(const struct entry_section *s, uint32_t index)
{
	double value;
	memcpy(&value, s->pairs + (size_t)index * ENTRY_PAIR + 4, sizeof(value));
	return value;
}

/* -- SERIES -- */

struct entry_series {
	uint32_t series_id; /* not 0 */
	uint32_t step_s;    /* not 0 */
	uint8_t type;       /* enum field_type */
	double min, max;    /* NaN: none */
	char layout[ENTRY_LAYOUT_MAX + 1];
	char group[IDENT_GROUP_MAX + 1];
	char host[IDENT_HOST_MAX + 1];
	char service[IDENT_SERVICE_MAX + 1];
	char field[IDENT_FIELD_MAX + 1];
};

/* Writes the payload into `out` (ENTRY_SERIES_MAX bytes); returns its length. */
enum { ENTRY_SERIES_MAX = 1024 };
size_t entry_series_write(const struct entry_series *series, unsigned char *out);

/* False: not as described above, or a name is not valid (model/ident.h). */
MUST_USE bool entry_series_read(
	struct entry_series *series, const unsigned char *payload, size_t length);

/* -- TICK -- */

enum { ENTRY_TICK_LENGTH = 8 };
void entry_tick_write(unsigned char out[ENTRY_TICK_LENGTH], struct wall now);
MUST_USE bool entry_tick_read(struct wall *now, const unsigned char *payload, size_t length);
