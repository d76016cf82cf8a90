#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "model/service.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Our own reader of the header of an RRD file (64-bit layout of librrd 1.7, rrd_format.h). librrd
 * believes what a header says and dies of it (SIGBUS, SIGFPE): no file is given to it before it
 * passed here.
 */
enum {
	HEADER_ARCHIVES_MAX = 64,
	HEADER_BYTES_MAX = 32768, /* of one data source with that many archives, with room */
};

struct header_archive {
	char cf[20];
	uint64_t rows, steps_per_row, current_row;
};

struct header {
	size_t length; /* bytes before the rows */
	uint64_t step_s, heartbeat_s;
	enum field_type type;
	double min, max;
	int64_t last_update_s, last_update_us;
	size_t archive_count;
	struct header_archive archives[HEADER_ARCHIVES_MAX];
};

/* Bytes of a header: data sources, archives. */
uint64_t header_length(uint64_t sources, uint64_t archives);

/*
 * Reads and checks the header in `bytes` (the first `length` bytes of a file of `file_size`; give
 * it HEADER_BYTES_MAX or the whole file if that is shorter). One data source named "42"; known
 * types and consolidations; counts that multiply to exactly the size of the file; positions inside
 * their archive; a last update not later than `latest_s`. STORAGE and the reason if anything is
 * wrong.
 */
MUST_USE bool header_read(const unsigned char *bytes, size_t length, uint64_t file_size,
	int64_t latest_s, struct header *header, struct error *err);
