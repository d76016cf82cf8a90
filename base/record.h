#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The record format of the journal and of the header log. Little-endian, packed:
 *
 *     length u32 (of the payload) | sequence u64 | type u16 | crc32c u32 | payload
 *
 * crc32c (Castagnoli, RFC 3720 appendix B.4) is over length, sequence, type and payload. A record
 * of length 0 and sequence 0 is preallocated space: the end.
 */
enum { RECORD_HEADER = 18, RECORD_PAYLOAD_MAX = 1 << 20 };

struct record {
	uint64_t sequence;
	uint16_t type;
	uint32_t length;
	const unsigned char *payload; /* inside the buffer that was read */
};

enum record_state {
	RECORD_OK,
	RECORD_END,  /* nothing behind this but zeros or the end of the buffer */
	RECORD_TORN, /* a record begins here, but its rest is missing or its checksum is wrong */
};

uint32_t record_crc32c(uint32_t crc, const void *data, size_t length);

/* Writes the header for `payload` into `header`. */
void record_header(unsigned char header[RECORD_HEADER], uint64_t sequence, uint16_t type,
	const void *payload, uint32_t length);

/* Reads the record at `*at` and moves `*at` behind it; `*at` stays for END and TORN. */
enum record_state record_next(
	const unsigned char *buffer, size_t length, size_t *at, struct record *record);
