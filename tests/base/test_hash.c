#include "base/hash.h"
#include "tests/support/test.h"

#include "base/attr.h"

static struct hash_part part(const char *text)
{
	return (struct hash_part){text, strlen(text)};
}

static void digests_are_those_of_the_standards(void **state)
{
	(void)state;
	uint8_t out[HASH_SHA256_SIZE];
	char hex[2 * HASH_SHA256_SIZE + 1];
	const struct hash_part parts[] = {part("a"), part(""), part("bc")};
	hash_md5(parts, 3, out); /* RFC 1321, A.5 */
	hash_hex(out, HASH_MD5_SIZE, hex);
	assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
	hash_sha1(parts, 3, out); /* FIPS 180-2, A.1 */
	hash_hex(out, HASH_SHA1_SIZE, hex);
	assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
	hash_sha256(parts, 3, out); /* FIPS 180-2, B.1 */
	hash_hex(out, HASH_SHA256_SIZE, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_hmac_sha256(part("Jefe"), part("what do ya want for nothing?"), out); /* RFC 4231, 4.3 */
	hash_hex(out, HASH_SHA256_SIZE, hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void keys_are_derived_as_in_rfc_7914(void **state)
{
	(void)state;
	uint8_t out[HASH_SHA256_SIZE];
	char hex[2 * HASH_SHA256_SIZE + 1];
	assert_true(hash_pbkdf2_sha256(part("passwd"), part("salt"), 1, out)); /* section 11 */
	hash_hex(out, HASH_SHA256_SIZE, hex);
	assert_string_equal(hex, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
	assert_true(hash_pbkdf2_sha256(part("Password"), part("NaCl"), 80000, out));
	hash_hex(out, HASH_SHA256_SIZE, hex);
	assert_string_equal(hex, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
	assert_false(hash_pbkdf2_sha256(part("passwd"), part("salt"), 0, out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_those_of_the_standards),
		cmocka_unit_test(keys_are_derived_as_in_rfc_7914),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
