#include "collector/munin/push_proof.h"
#include "model/ident.h"
#include "tests/support/test.h"

#define N64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define M64 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static void a_claim_is_read_strictly(void **state UNUSED)
{
	static const struct {
		const char *line;
		bool good;
	} cases[] = {
		{"push 1 web1.example.com " N64 " " M64, true},
		{"push 2 web1.example.com " N64 " " M64, false},
		{"push 1 web1.example.com " N64 " " M64 " ", false},
		{"push 1 web1.example.com " N64 "a " M64, false},
		{"push 1 web1.example.com " N64, false},
		{"push 1 web1.example.com  " N64 " " M64, false},
		{"push 1 ../../etc " N64 " " M64, false},
		{"push 1  " N64 " " M64, false},
		{"push 1 a/b " N64 " " M64, false},
		{"PUSH 1 a " N64 " " M64, false},
		{"push 1 a 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef " M64, false},
		{"", false},
		{"GET / HTTP/1.1", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char host[IDENT_HOST_MAX + 1];
		char nonce[PUSH_HEX + 1];
		char proof[PUSH_HEX + 1];
		if (push_parse_claim(cases[i].line, host, nonce, proof) != cases[i].good) {
			fail_msg("%s", cases[i].line);
		}
		if (cases[i].good) {
			assert_string_equal(host, "web1.example.com");
			assert_string_equal(nonce, N64);
			assert_string_equal(proof, M64);
		}
	}
	char long_line[1024];
	char host[IDENT_HOST_MAX + 1];
	char nonce[PUSH_HEX + 1];
	char proof[PUSH_HEX + 1];
	snprintf(long_line, sizeof(long_line), "push 1 %0600d %s %s", 0, N64, M64);
	assert_false(push_parse_claim(long_line, host, nonce, proof));
}

static void a_word_is_read_strictly(void **state UNUSED)
{
	char hex[PUSH_HEX + 1];
	assert_true(push_parse_word("# magpie push 1 " N64, PUSH_HELLO, hex));
	assert_string_equal(hex, N64);
	assert_false(push_parse_word("# magpie push 1 " N64 "0", PUSH_HELLO, hex));
	assert_false(push_parse_word("# magpie push 1 ", PUSH_HELLO, hex));
	assert_false(push_parse_word("# munin node at x", PUSH_HELLO, hex));
}

static void a_proof_depends_on_all_that_it_is_about(void **state UNUSED)
{
	const struct push_claim claim = {"web1", N64, M64};
	const struct push_claim others[] = {{"web2", N64, M64}, {"web1", M64, M64}, {"web1", N64, N64}};
	char proof[PUSH_HEX + 1];
	char other[PUSH_HEX + 1];
	push_proof(&claim, PUSH_NODE, "token", proof);
	/* printf 'magpie push 1 node\nweb1\n%s\n%s\n' N M | openssl dgst -sha256 -hmac token */
	assert_string_equal(proof, "5c62793adce72bd8a7a3bffe63f1df535ef81f8a3fa8f51794637cd780f1095e");
	push_proof(&claim, PUSH_NODE, "token", other);
	assert_true(push_proof_same(proof, other));
	push_proof(&claim, PUSH_SERVER, "token", other);
	assert_false(push_proof_same(proof, other));
	push_proof(&claim, PUSH_NODE, "token2", other);
	assert_false(push_proof_same(proof, other));
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		push_proof(&others[i], PUSH_NODE, "token", other);
		assert_false(push_proof_same(proof, other));
	}
}

static void nonces_differ(void **state UNUSED)
{
	char a[PUSH_HEX + 1];
	char b[PUSH_HEX + 1];
	push_nonce(a);
	push_nonce(b);
	assert_int_equal(strlen(a), PUSH_HEX);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_is_read_strictly),
		cmocka_unit_test(a_word_is_read_strictly),
		cmocka_unit_test(a_proof_depends_on_all_that_it_is_about),
		cmocka_unit_test(nonces_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
