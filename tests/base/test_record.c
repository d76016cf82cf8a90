#include "base/record.h"
#include "tests/support/test.h"

static size_t put(unsigned char *out, uint64_t sequence, uint16_t type, const char *payload)
{
	uint32_t length = (uint32_t)strlen(payload);
	record_header(out, sequence, type, payload, length);
	memcpy(out + RECORD_HEADER, payload, length);
	return RECORD_HEADER + length;
}

/* RFC 3720, appendix B.4 */
static void checksum_is_castagnoli(void **state)
{
	(void)state;
	unsigned char bytes[32];
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(record_crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(record_crc32c(0, bytes, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++) {
		bytes[i] = (unsigned char)i;
	}
	assert_int_equal(record_crc32c(0, bytes, 32), 0x46dd794e);
	assert_int_equal(record_crc32c(0, "123456789", 9), 0xe3069283);
	/* in two pieces of any size the same as in one */
	for (size_t cut = 0; cut <= 32; cut++) {
		uint32_t crc = record_crc32c(record_crc32c(0, bytes, cut), bytes + cut, 32 - cut);
		assert_int_equal(crc, 0x46dd794e);
	}
}

static void records_are_read_in_order(void **state)
{
	(void)state;
	unsigned char buffer[256] = {0};
	size_t used = put(buffer, 7, 1, "hello");
	used += put(buffer + used, 8, 2, "");
	used += put(buffer + used, 9, 65535, "world!");
	size_t at = 0;
	struct record r;
	assert_int_equal(record_next(buffer, sizeof(buffer), &at, &r), RECORD_OK);
	assert_int_equal(r.sequence, 7);
	assert_int_equal(r.type, 1);
	assert_int_equal(r.length, 5);
	assert_memory_equal(r.payload, "hello", 5);
	assert_int_equal(record_next(buffer, sizeof(buffer), &at, &r), RECORD_OK);
	assert_int_equal(r.length, 0);
	assert_int_equal(record_next(buffer, sizeof(buffer), &at, &r), RECORD_OK);
	assert_int_equal(r.type, 65535);
	assert_int_equal(at, used);
	assert_int_equal(record_next(buffer, sizeof(buffer), &at, &r), RECORD_END);
	assert_int_equal(at, used);
}

static void nothing_is_an_end(void **state)
{
	(void)state;
	unsigned char zeros[100] = {0};
	for (size_t length = 0; length < sizeof(zeros); length++) {
		size_t at = 0;
		struct record r;
		assert_int_equal(record_next(zeros, length, &at, &r), RECORD_END);
		assert_int_equal(at, 0);
	}
}

/* hostile 83: cut at every byte */
static void every_cut_is_torn(void **state)
{
	(void)state;
	unsigned char buffer[64] = {0};
	size_t used = put(buffer, 1, 3, "a payload of some bytes");
	for (size_t length = 1; length < used; length++) {
		unsigned char *exact = malloc(length); /* so that a sanitizer sees one byte too far */
		memcpy(exact, buffer, length);
		size_t at = 0;
		struct record r;
		assert_int_equal(record_next(exact, length, &at, &r), RECORD_TORN);
		assert_int_equal(at, 0);
		free(exact);
	}
}

/* hostile 83: a flipped bit in every byte */
static void every_flipped_bit_is_torn(void **state)
{
	(void)state;
	unsigned char buffer[64] = {0};
	size_t used = put(buffer, 1, 3, "a payload of some bytes");
	for (size_t bit = 0; bit < used * 8; bit++) {
		buffer[bit / 8] ^= (unsigned char)(1U << bit % 8);
		size_t at = 0;
		struct record r;
		assert_int_equal(record_next(buffer, sizeof(buffer), &at, &r), RECORD_TORN);
		assert_int_equal(at, 0);
		buffer[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
}

static void a_length_beyond_all_bounds_is_torn(void **state)
{
	(void)state;
	static const uint32_t lengths[] = {RECORD_PAYLOAD_MAX + 1, 0x7fffffff, 0xffffffff, 0xfffffff0};
	unsigned char *buffer = calloc(1, 2 << 20);
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		put(buffer, 1, 1, "x");
		memcpy(buffer, &lengths[i], 4);
		size_t at = 0;
		struct record r;
		assert_int_equal(record_next(buffer, 2 << 20, &at, &r), RECORD_TORN);
	}
	free(buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_is_castagnoli),
		cmocka_unit_test(records_are_read_in_order),
		cmocka_unit_test(nothing_is_an_end),
		cmocka_unit_test(every_cut_is_torn),
		cmocka_unit_test(every_flipped_bit_is_torn),
		cmocka_unit_test(a_length_beyond_all_bounds_is_torn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
