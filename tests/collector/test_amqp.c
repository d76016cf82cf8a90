#include "collector/services/amqp.h"
#include "collector/services/rabbitmq_api.h"
#include "tests/support/test.h"

#include "base/attr.h"

#define PARSE(bytes, frame, used) amqp_frame_parse(bytes, sizeof(bytes) - 1, frame, used)

static void frames_are_cut_by_their_size_and_end(void **state)
{
	(void)state;
	struct amqp_frame frame;
	size_t used = 0;
	assert_int_equal(PARSE("\x01\0\x01\0\0\0\x04\0\x14\0\x0b\xce+", &frame, &used), AMQP_DONE);
	assert_int_equal(used, 12);
	assert_int_equal(frame.method, AMQP_CHANNEL_OPEN_OK);
	assert_int_equal(frame.channel, 1);
	assert_int_equal(frame.length, 0);
	assert_int_equal(PARSE("\x08\0\0\0\0\0\0\xce", &frame, &used), AMQP_DONE);
	assert_int_equal(frame.type, AMQP_HEARTBEAT);
	assert_int_equal(PARSE("", &frame, &used), AMQP_MORE);
	assert_int_equal(PARSE("\x01\0\x01\0\0\0\x04\0\x14\0\x0b", &frame, &used), AMQP_MORE);
	assert_int_equal(PARSE("\x01\0\x01\0\0\0\x04\0\x14\0\x0b\xcd", &frame, &used), AMQP_BROKEN);
	assert_int_equal(PARSE("\x01\0\x01\0\0\0\x02\0\x14\xce", &frame, &used), AMQP_BROKEN);
	assert_int_equal(PARSE("\x01\0\x01\xff\xff\xff\xff", &frame, &used), AMQP_BROKEN);
	assert_int_equal(PARSE("\x04\0\0\0\0\0\0\xce", &frame, &used), AMQP_BROKEN);
	assert_int_equal(PARSE("AMQP\0\0\x09\x01", &frame, &used), AMQP_VERSION);
	assert_int_equal(PARSE("AMQ", &frame, &used), AMQP_MORE);
	assert_int_equal(PARSE("ASDFGHJK", &frame, &used), AMQP_BROKEN);
	assert_int_equal(PARSE("HTTP/1.1 400 Bad Request", &frame, &used), AMQP_BROKEN);
}

/* A method's arguments. */
static struct amqp_frame method(enum amqp_method number, const char *bytes, size_t length)
{
	return (struct amqp_frame){AMQP_METHOD, 0, (const uint8_t *)bytes, length, number};
}
#define METHOD(number, bytes) method(number, bytes, sizeof(bytes) - 1)

static void a_start_names_product_and_logins(void **state)
{
	(void)state;
	struct amqp_start start;
	GString *bytes = g_string_new(NULL);
	static const char table[] = "\x07productS\0\0\0\x08RabbitMQ"
								"\x0c"
								"capabilitiesF\0\0\0\x04\x01"
								"at\x01"
								"\x01nI\0\0\0\x07"
								"\x01vV"
								"\x07versionS\0\0\0\x04"
								"3.10";
	g_string_append_len(bytes, "\0\x09\0\0\0", 5);
	g_string_append_c(bytes, (char)(sizeof(table) - 1));
	g_string_append_len(bytes, table, sizeof(table) - 1);
	g_string_append_len(bytes, "\0\0\0\x0fXPLAIN AMQPLAIN\0\0\0\x05en_US", 28);
	struct amqp_frame frame = method(AMQP_CONNECTION_START, bytes->str, bytes->len);
	assert_true(amqp_start_parse(&frame, &start));
	assert_string_equal(start.product, "RabbitMQ");
	assert_string_equal(start.version, "3.10");
	assert_false(start.plain); /* words are compared whole */
	for (frame.length = 0; frame.length < sizeof(table) + 9; frame.length++) {
		assert_false(amqp_start_parse(&frame, &start));
	}
	g_string_free(bytes, TRUE);
	frame = METHOD(AMQP_CONNECTION_START, "\0\x09\0\0\0\0\0\0\0\x0e"
										  "AMQPLAIN PLAIN");
	assert_true(amqp_start_parse(&frame, &start));
	assert_true(start.plain);
	frame = METHOD(AMQP_CONNECTION_START, "\0\x09\0\0\0\x03\x01"
										  "a?\0\0\0\0"); /* no such type */
	assert_false(amqp_start_parse(&frame, &start));
}

static void why_a_connection_ends_is_read(void **state)
{
	(void)state;
	struct amqp_close close;
	struct amqp_tune tune;
	char text[AMQP_NAME_MAX + 1];
	struct amqp_frame frame = METHOD(AMQP_CONNECTION_CLOSE, "\x01\x93\x07REFUSED\0\0\0\0");
	assert_true(amqp_close_parse(&frame, &close));
	assert_int_equal(close.code, 403);
	assert_string_equal(close.text, "REFUSED");
	frame = METHOD(AMQP_CONNECTION_CLOSE, "\x01\x93\x08REFUSED");
	assert_false(amqp_close_parse(&frame, &close));
	frame = METHOD(AMQP_CONNECTION_BLOCKED, "\x0dlow on memory");
	assert_true(amqp_text_parse(&frame, text));
	assert_string_equal(text, "low on memory");
	frame = METHOD(AMQP_CONNECTION_BLOCKED, "");
	assert_false(amqp_text_parse(&frame, text));
	frame = METHOD(AMQP_CONNECTION_TUNE, "\x07\xff\0\x02\0\0\0\x3c");
	assert_true(amqp_tune_parse(&frame, &tune));
	assert_int_equal(tune.channels, 2047);
	assert_int_equal(tune.frame_bytes, 131072);
}

static void what_we_send_is_made_of_whole_frames(void **state)
{
	(void)state;
	GString *out = g_string_new(NULL);
	const struct amqp_tune tune = {2047, 0};
	amqp_append_start_ok(out, "guest", "geheim");
	amqp_append_tune_ok(out, &tune);
	amqp_append_open(out, "/");
	amqp_append_channel_open(out);
	amqp_append_declare(out);
	amqp_append_confirm(out);
	amqp_append_publish(out, "q", "0badcafe");
	amqp_append_get(out, "q");
	amqp_append_close(out);
	static const uint32_t methods[] = {AMQP_CONNECTION_START_OK, AMQP_CONNECTION_TUNE_OK,
		AMQP_CONNECTION_OPEN, AMQP_CHANNEL_OPEN, AMQP_QUEUE_DECLARE, AMQP_CONFIRM_SELECT,
		AMQP_BASIC_PUBLISH, 0, 0, AMQP_BASIC_GET, AMQP_CONNECTION_CLOSE};
	size_t at = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		struct amqp_frame frame;
		size_t used = 0;
		assert_int_equal(amqp_frame_parse(out->str + at, out->len - at, &frame, &used), AMQP_DONE);
		assert_int_equal(frame.method, methods[i]);
		if (frame.method == AMQP_CONNECTION_TUNE_OK) {
			assert_memory_equal(frame.payload, "\x07\xff\0\x02\0\0\0\0", 8);
		}
		at += used;
	}
	assert_int_equal(at, out->len);
	g_string_free(out, TRUE);
}

static void queues_are_read_from_the_management_plugin(void **state)
{
	(void)state;
	static const char text[] =
		"[{\"name\":\"b\",\"messages\":3,\"memory\":\"x\"},{\"name\":\"a.1\",\"consumers\":2},"
		"{\"name\":\"amq.gen-x\",\"messages\":1},{\"name\":7},{},3]";
	GArray *queues = rabbitmq_queues_parse(text, sizeof(text) - 1, NULL);
	assert_non_null(queues);
	assert_int_equal(queues->len, 2);
	const struct rabbitmq_queue *a = &g_array_index(queues, struct rabbitmq_queue, 0);
	const struct rabbitmq_queue *b = &g_array_index(queues, struct rabbitmq_queue, 1);
	assert_string_equal(a->name, "a.1");
	assert_near(a->consumers, 2, 0);
	assert_near(a->messages, NAN, 0);
	assert_near(b->messages, 3, 0);
	assert_near(b->memory_bytes, NAN, 0);
	g_array_unref(queues);
	struct error err = {0};
	assert_null(rabbitmq_queues_parse("{\"error\":1}", 11, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_null(rabbitmq_queues_parse("[", 1, NULL));
	assert_near(rabbitmq_connections_parse("{\"object_totals\":{\"connections\":4}}", 35), 4, 0);
	assert_near(rabbitmq_connections_parse("[]", 2), NAN, 0);
}

/* Else each round would have other fields. */
static void of_too_many_queues_always_the_same_are_kept(void **state)
{
	(void)state;
	GString *text = g_string_new("[");
	for (int i = RABBITMQ_QUEUES_MAX + 9; i >= 0; i--) {
		g_string_append_printf(text, "{\"name\":\"q%04d\"}%c", i, i ? ',' : ']');
	}
	GArray *queues = rabbitmq_queues_parse(text->str, text->len, NULL);
	assert_int_equal(queues->len, RABBITMQ_QUEUES_MAX);
	assert_string_equal(g_array_index(queues, struct rabbitmq_queue, 0).name, "q0000");
	assert_string_equal(
		g_array_index(queues, struct rabbitmq_queue, RABBITMQ_QUEUES_MAX - 1).name, "q0499");
	g_array_unref(queues);
	g_string_free(text, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_cut_by_their_size_and_end),
		cmocka_unit_test(a_start_names_product_and_logins),
		cmocka_unit_test(why_a_connection_ends_is_read),
		cmocka_unit_test(what_we_send_is_made_of_whole_frames),
		cmocka_unit_test(queues_are_read_from_the_management_plugin),
		cmocka_unit_test(of_too_many_queues_always_the_same_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
