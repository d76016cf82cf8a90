#include "base/frame.h"
#include "tests/support/test.h"

#include <glib.h>

enum { ALICE, BOB, CAROL };

static const struct frame_rule rules[] = {
	{20, 1, 2, 10, 1U << ALICE, 1U << BOB, "GREETING"},
	{21, 3, 0, FRAME_PAYLOAD_MAX, 1U << ALICE | 1U << BOB, 1U << BOB | 1U << CAROL, "ANYTHING"},
};
static const struct frame_table table = {rules, ARRAY_LENGTH(rules)};

static size_t packet(unsigned char *out, uint16_t type, uint16_t version, uint32_t length)
{
	memset(out, 'x', FRAME_HEADER + (size_t)length);
	memcpy(out, &type, 2);
	memcpy(out + 2, &version, 2);
	memcpy(out + 4, &length, 4);
	return FRAME_HEADER + (size_t)length;
}

static void only_what_the_table_allows_is_decoded(void **state)
{
	(void)state;
	static const struct {
		uint16_t type, version;
		uint32_t length;
		unsigned from, to;
		const char *why; /* NULL: good */
	} cases[] = {
		{20, 1, 2, ALICE, BOB, NULL},
		{20, 1, 10, ALICE, BOB, NULL},
		{20, 1, 1, ALICE, BOB, "length outside the table"},
		{20, 1, 11, ALICE, BOB, "length outside the table"},
		{20, 2, 2, ALICE, BOB, "another version"},
		{20, 1, 2, BOB, ALICE, "not for this pair of roles"},
		{20, 1, 2, ALICE, CAROL, "not for this pair of roles"},
		{22, 1, 2, ALICE, BOB, "unknown type"},
		{0, 0, 0, ALICE, BOB, "unknown type"},
		{21, 3, 0, BOB, CAROL, NULL},
		{21, 3, FRAME_PAYLOAD_MAX, BOB, CAROL, NULL},
		{21, 3, FRAME_PAYLOAD_MAX + 1, BOB, CAROL, "impossible length"},
	};
	unsigned char *bytes = malloc(FRAME_MAX + 8);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t length = packet(bytes, cases[i].type, cases[i].version, cases[i].length);
		struct frame frame;
		const char *why = NULL;
		bool good = frame_decode(&table, cases[i].from, cases[i].to, bytes, length, &frame, &why);
		assert_int_equal(good, !cases[i].why);
		if (good) {
			assert_int_equal(frame.type, cases[i].type);
			assert_int_equal(frame.length, cases[i].length);
			assert_ptr_equal(frame.payload, bytes + FRAME_HEADER);
		} else {
			assert_string_equal(why, cases[i].why);
		}
	}
	free(bytes);
}

static void a_length_that_is_not_the_packets_is_refused(void **state)
{
	(void)state;
	unsigned char bytes[64];
	size_t length = packet(bytes, 20, 1, 5);
	for (size_t n = 0; n < 40; n++) {
		struct frame frame;
		const char *why = NULL;
		assert_int_equal(frame_decode(&table, ALICE, BOB, bytes, n, &frame, &why), n == length);
	}
}

static void frames_have_names(void **state)
{
	(void)state;
	assert_string_equal(frame_name(&table, 20), "GREETING");
	assert_string_equal(frame_name(&table, 99), "?");
}

static struct frame as_frame(struct frame_writer *w)
{
	frame_finish(w);
	struct frame frame;
	memcpy(&frame.type, w->packet, 2);
	memcpy(&frame.version, w->packet + 2, 2);
	memcpy(&frame.length, w->packet + 4, 4);
	frame.payload = w->packet + FRAME_HEADER;
	assert_int_equal(frame.length, w->length - FRAME_HEADER);
	return frame;
}

static void what_is_put_is_got(void **state)
{
	(void)state;
	static struct frame_writer w;
	frame_start(&w, 21, 3);
	frame_put_u8(&w, 255);
	frame_put_u16(&w, 65535);
	frame_put_u32(&w, 4000000000U);
	frame_put_u64(&w, UINT64_MAX);
	frame_put_i64(&w, INT64_MIN);
	frame_put_f64(&w, -0.1);
	frame_put_f64(&w, NAN);
	frame_put_text(&w, "caf\xc3\xa9");
	frame_put_text(&w, NULL);
	frame_put_text(&w, "short");
	frame_put_bytes(&w, "\0\1\2", 3);
	struct frame frame = as_frame(&w);
	struct frame_reader r = frame_read(&frame);
	assert_int_equal(frame_get_u8(&r), 255);
	assert_int_equal(frame_get_u16(&r), 65535);
	assert_int_equal(frame_get_u32(&r), 4000000000U);
	assert_true(frame_get_u64(&r) == UINT64_MAX);
	assert_true(frame_get_i64(&r) == INT64_MIN);
	assert_near(frame_get_f64(&r), -0.1, 0);
	assert_true(isnan(frame_get_f64(&r)));
	char *text = frame_get_text(&r);
	assert_string_equal(text, "caf\xc3\xa9");
	g_free(text);
	text = frame_get_text(&r);
	assert_string_equal(text, "");
	g_free(text);
	char small[6];
	frame_get_text_into(&r, small, sizeof(small));
	assert_string_equal(small, "short");
	assert_false(frame_read_done(&r)); /* something is left */
	assert_int_equal(frame_left(&r), 3);
	assert_memory_equal(frame_get_bytes(&r, 3), "\0\1\2", 3);
	assert_true(frame_read_done(&r));
}

static void reading_past_the_end_gives_zeros_and_says_so(void **state)
{
	(void)state;
	static struct frame_writer w;
	frame_start(&w, 21, 3);
	frame_put_u32(&w, 0xffffffff);
	frame_put_u16(&w, 0xffff);
	struct frame frame = as_frame(&w);
	struct frame_reader r = frame_read(&frame);
	assert_int_equal(frame_get_u32(&r), 0xffffffff);
	assert_int_equal(frame_get_u64(&r), 0);
	assert_int_equal(frame_get_u8(&r), 0); /* from then on, though there are two bytes */
	assert_near(frame_get_f64(&r), 0, 0);
	assert_null(frame_get_bytes(&r, 0));
	char *text = frame_get_text(&r);
	assert_string_equal(text, "");
	g_free(text);
	assert_int_equal(frame_left(&r), 0);
	assert_false(frame_read_done(&r));
}

static void texts_that_are_not_as_promised_fail(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"\x05\x00xx", 4},    /* longer than the frame */
		{"\x03\x00x\0x", 5},  /* NUL inside */
		{"\xff\xff", 2},      /* nothing behind its length */
		{"\x01", 1},          /* half a length */
		{"\x06\x00sixsix", 8} /* does not fit into the reader's room */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct frame frame = {
			.payload = (const unsigned char *)cases[i].bytes, .length = (uint32_t)cases[i].length};
		struct frame_reader r = frame_read(&frame);
		char out[6] = "#####";
		frame_get_text_into(&r, out, sizeof(out));
		assert_string_equal(out, "");
		assert_false(frame_read_done(&r));
		r = frame_read(&frame);
		char *text = frame_get_text(&r);
		if (i < 4) {
			assert_string_equal(text, "");
			assert_false(frame_read_done(&r));
		}
		g_free(text);
	}
}

static void too_much_overflows_and_never_overruns(void **state)
{
	(void)state;
	static struct {
		struct frame_writer w;
		char canary[8];
	} guarded = {.canary = "canary"};
	struct frame_writer *w = &guarded.w;
	char big[FRAME_PAYLOAD_MAX + 1];
	memset(big, 'x', sizeof(big));
	frame_start(w, 21, 3);
	assert_int_equal(frame_room(w), FRAME_PAYLOAD_MAX);
	frame_put_bytes(w, big, FRAME_PAYLOAD_MAX);
	assert_false(w->overflow);
	assert_int_equal(frame_room(w), 0);
	frame_put_u8(w, 1);
	assert_true(w->overflow);
	frame_start(w, 21, 3); /* usable again */
	assert_false(w->overflow);
	frame_put_bytes(w, big, sizeof(big));
	assert_true(w->overflow);
	assert_string_equal(guarded.canary, "canary");
}

static void long_texts_are_cut_at_a_code_point(void **state)
{
	(void)state;
	static struct frame_writer w;
	char *text = malloc(70001);
	for (size_t i = 0; i < 70000; i += 2) {
		memcpy(text + i, "\xc3\xa4", 2);
	}
	memmove(text + 1, text, 69999); /* so that byte 64,000 is in the middle of one */
	text[0] = 'a';
	text[70000] = '\0';
	frame_start(&w, 21, 3);
	frame_put_text(&w, text);
	struct frame frame = as_frame(&w);
	struct frame_reader r = frame_read(&frame);
	char *back = frame_get_text(&r);
	assert_int_equal(strlen(back), 63999);
	assert_true(g_utf8_validate(back, -1, NULL));
	assert_true(frame_read_done(&r));
	g_free(back);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_the_table_allows_is_decoded),
		cmocka_unit_test(a_length_that_is_not_the_packets_is_refused),
		cmocka_unit_test(frames_have_names),
		cmocka_unit_test(what_is_put_is_got),
		cmocka_unit_test(reading_past_the_end_gives_zeros_and_says_so),
		cmocka_unit_test(texts_that_are_not_as_promised_fail),
		cmocka_unit_test(too_much_overflows_and_never_overruns),
		cmocka_unit_test(long_texts_are_cut_at_a_code_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
