#include "base/record.h"

#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include "base/banned.h"

/*
 * crc32c: by the CPU's own instruction where there is one, else by a table made at first use. Both
 * give the same.
 */

static uint32_t crc_table_byte(uint32_t crc, unsigned char byte)
{
	static uint32_t table[256];
	if (!table[1]) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;
			for (int bit = 0; bit < 8; bit++) {
				c = c & 1 ? (c >> 1) ^ 0x82f63b78U : c >> 1;
			}
			table[i] = c;
		}
	}
	return table[(crc ^ byte) & 0xff] ^ (crc >> 8);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_hardware(
	uint32_t crc, const unsigned char *p, size_t length)
{
	uint64_t wide = crc;
	for (; length >= 8; p += 8, length -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		wide = _mm_crc32_u64(wide, word);
	}
	crc = (uint32_t)wide;
	for (; length; p++, length--) {
		crc = _mm_crc32_u8(crc, *p);
	}
	return crc;
}
#endif

uint32_t record_crc32c(uint32_t crc, const void *data, size_t length)
{
	const unsigned char *p = data;
	crc = ~crc;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2")) {
		return ~crc_hardware(crc, p, length);
	}
#endif
	for (; length; p++, length--) {
		crc = crc_table_byte(crc, *p);
	}
	return ~crc;
}

void record_header(unsigned char header[RECORD_HEADER], uint64_t sequence, uint16_t type,
	const void *payload, uint32_t length)
{
	memcpy(header, &length, 4);
	memcpy(header + 4, &sequence, 8);
	memcpy(header + 12, &type, 2);
	uint32_t crc = record_crc32c(record_crc32c(0, header, 14), payload, length);
	memcpy(header + 14, &crc, 4);
}

enum record_state record_next(
	const unsigned char *buffer, size_t length, size_t *at, struct record *record)
{
	static const unsigned char zeros[RECORD_HEADER];
	size_t left = length - *at;
	if (!left) {
		return RECORD_END;
	}
	if (left < RECORD_HEADER) {
		return memcmp(buffer + *at, zeros, left) ? RECORD_TORN : RECORD_END;
	}
	const unsigned char *p = buffer + *at;
	if (!memcmp(p, zeros, RECORD_HEADER)) {
		return RECORD_END;
	}
	uint32_t crc;
	memcpy(&record->length, p, 4);
	memcpy(&record->sequence, p + 4, 8);
	memcpy(&record->type, p + 12, 2);
	memcpy(&crc, p + 14, 4);
	record->payload = p + RECORD_HEADER;
	if (record->length > RECORD_PAYLOAD_MAX || record->length > left - RECORD_HEADER ||
		record_crc32c(record_crc32c(0, p, 14), record->payload, record->length) != crc) {
		return RECORD_TORN;
	}
	*at += RECORD_HEADER + record->length;
	return RECORD_OK;
}
