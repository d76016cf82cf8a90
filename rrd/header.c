#include "rrd/header.h"

#include <string.h>

#include "base/banned.h"

/*
 * The file format, from rrd_format.h of librrd on a 64-bit little-endian machine. In this order:
 *
 *     stat head 128   cookie[4] "RRD\0", version[5] at 4, float cookie at 16, u64 sources at 24,
 *                     u64 archives at 32, u64 step at 40
 *     source 120      name[20], type[20], heartbeat u64 at 40, min f64 at 48, max f64 at 56
 *     archive 120     consolidation[20], rows u64 at 24, steps per row u64 at 32, xff f64 at 40
 *     live head 16    i64 last update, i64 microseconds
 *     pdp 112         last reading [30], u64 unknown seconds at 32, f64 value at 40
 *     cdp 80          per source and archive: f64 value, u64 unknown steps at 8
 *     row pointer 8   per archive
 *
 * and then the rows. A file of another architecture fails at the float cookie.
 */
enum {
	STAT_HEAD = 128,
	SOURCE = 120,
	ARCHIVE = 120,
	LIVE_HEAD = 16,
	PDP = 112,
	CDP = 80,
	POINTER = 8,
	TEXT = 20,
	READING = 30,
};

enum { STEP_MAX_S = 366 * 86400, ROWS_MAX = 100000000, STEPS_PER_ROW_MAX = 100000000 };

static const double float_cookie = 8.642135E130;

static uint64_t get_u64(const unsigned char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static double get_f64(const unsigned char *p)
{
	double v;
	memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t header_length(uint64_t sources, uint64_t archives)
{
	return STAT_HEAD + SOURCE * sources + ARCHIVE * archives + LIVE_HEAD + PDP * sources +
		   CDP * sources * archives + POINTER * archives;
}

static bool bad(struct error *err, const char *what)
{
	return error_set(err, ERR_STORAGE, "header: %s", what);
}

static bool read_stat_head(const unsigned char *p, struct header *h, struct error *err)
{
	double cookie = get_f64(p + 16);
	if (memcmp(p, "RRD", 4) || memcmp(&cookie, &float_cookie, sizeof(cookie))) {
		return bad(err, "this is no RRD file of this architecture");
	}
	if (memcmp(p + 4, "000", 3) || p[7] < '1' || p[7] > '4' || p[8]) {
		return bad(err, "unknown version");
	}
	if (get_u64(p + 24) != 1) {
		return bad(err, "not exactly one data source");
	}
	uint64_t archives = get_u64(p + 32);
	if (archives < 1 || archives > HEADER_ARCHIVES_MAX) {
		return bad(err, "number of archives out of range");
	}
	h->archive_count = (size_t)archives;
	h->step_s = get_u64(p + 40);
	if (h->step_s < 1 || h->step_s > STEP_MAX_S) {
		return bad(err, "step out of range");
	}
	h->length = (size_t)header_length(1, archives);
	return true;
}

static bool read_source(const unsigned char *p, struct header *h, struct error *err)
{
	if (memcmp(p, "42", 3)) {
		return bad(err, "the data source is not named 42");
	}
	if (!memchr(p + TEXT, 0, TEXT)) {
		return bad(err, "unknown type of data source");
	}
	h->type = field_type_parse((const char *)p + TEXT);
	if (h->type == FIELD_TYPES || strcmp((const char *)p + TEXT, field_type_name(h->type))) {
		return bad(err, "unknown type of data source");
	}
	h->heartbeat_s = get_u64(p + 40);
	if (h->heartbeat_s < 1 || h->heartbeat_s > 2ULL * STEP_MAX_S) {
		return bad(err, "heartbeat out of range");
	}
	h->min = get_f64(p + 48);
	h->max = get_f64(p + 56);
	return true;
}

static bool read_archive(const unsigned char *p, struct header_archive *a, struct error *err)
{
	static const char *const known[] = {"AVERAGE", "MIN", "MAX", "LAST"};
	size_t i = 0;
	while (i < ARRAY_LENGTH(known) && memcmp(p, known[i], strlen(known[i]) + 1)) {
		i++;
	}
	if (i == ARRAY_LENGTH(known)) {
		return bad(err, "unknown consolidation");
	}
	memcpy(a->cf, known[i], strlen(known[i]) + 1);
	a->rows = get_u64(p + 24);
	a->steps_per_row = get_u64(p + 32);
	double xff = get_f64(p + 40);
	if (a->rows < 1 || a->rows > ROWS_MAX) {
		return bad(err, "number of rows out of range");
	}
	if (a->steps_per_row < 1 || a->steps_per_row > STEPS_PER_ROW_MAX) {
		return bad(err, "steps per row out of range");
	}
	if (!(xff >= 0 && xff < 1)) {
		return bad(err, "xff out of range");
	}
	return true;
}

static bool read_live(const unsigned char *p, int64_t latest_s, struct header *h, struct error *err)
{
	h->last_update_s = (int64_t)get_u64(p);
	h->last_update_us = (int64_t)get_u64(p + 8);
	if (h->last_update_s < 0 || h->last_update_s > latest_s || h->last_update_us < 0 ||
		h->last_update_us > 999999) {
		return bad(err, "last update is out of range");
	}
	const unsigned char *pdp = p + LIVE_HEAD;
	if (!memchr(pdp, 0, READING) || get_u64(pdp + 32) > h->step_s) {
		return bad(err, "state of the step under way is out of range");
	}
	return true;
}

bool header_read(const unsigned char *bytes, size_t length, uint64_t file_size, int64_t latest_s,
	struct header *header, struct error *err)
{
	*header = (struct header){0};
	if (length < STAT_HEAD) {
		return bad(err, "the file is too short");
	}
	if (!read_stat_head(bytes, header, err)) {
		return false;
	}
	if (length < header->length) {
		return bad(err, "the file is too short");
	}
	const unsigned char *archive = bytes + STAT_HEAD + SOURCE;
	const unsigned char *live = archive + ARCHIVE * header->archive_count;
	const unsigned char *cdp = live + LIVE_HEAD + PDP;
	const unsigned char *pointer = cdp + CDP * header->archive_count;
	if (!read_source(bytes + STAT_HEAD, header, err) || !read_live(live, latest_s, header, err)) {
		return false;
	}
	uint64_t rows = 0; /* 64 archives of at most 10^8 rows: no overflow */
	for (size_t i = 0; i < header->archive_count; i++) {
		struct header_archive *a = &header->archives[i];
		if (!read_archive(archive + ARCHIVE * i, a, err)) {
			return false;
		}
		a->current_row = get_u64(pointer + POINTER * i);
		if (a->current_row >= a->rows) {
			return bad(err, "a row pointer is outside its archive");
		}
		if (get_u64(cdp + CDP * i + 8) > a->steps_per_row) {
			return bad(err, "state of a row under way is out of range");
		}
		rows += a->rows;
	}
	if (file_size != header->length + rows * sizeof(double)) {
		return bad(err, "the size of the file does not fit its archives");
	}
	return true;
}
