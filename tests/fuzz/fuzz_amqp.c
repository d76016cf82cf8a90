/* Frames of an AMQP server, made up, and the answers of RabbitMQ's management plugin: nothing is
 * read beyond the bytes, names stay within their bounds. */
#include "collector/services/amqp.h"
#include "collector/services/rabbitmq_api.h"

#include <assert.h>
#include <string.h>

static void read_frame(const struct amqp_frame *frame)
{
	struct amqp_start start;
	struct amqp_tune tune;
	struct amqp_close close;
	char text[AMQP_NAME_MAX + 1];
	if (amqp_start_parse(frame, &start)) {
		assert(strlen(start.product) < sizeof(start.product));
		assert(strlen(start.version) < sizeof(start.version));
	}
	if (amqp_close_parse(frame, &close)) {
		assert(close.code <= 0xffff && strlen(close.text) <= AMQP_NAME_MAX);
	}
	if (amqp_text_parse(frame, text)) {
		assert(strlen(text) <= AMQP_NAME_MAX);
	}
	(void)!amqp_tune_parse(frame, &tune);
}

static void read_json(const char *text, size_t size)
{
	GArray *queues = rabbitmq_queues_parse(text, size, NULL);
	if (queues) {
		assert(queues->len <= RABBITMQ_QUEUES_MAX);
		g_array_unref(queues);
	}
	(void)rabbitmq_connections_parse(text, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amqp_frame frame;
	size_t used = 0;
	if (size && (data[0] == '[' || data[0] == '{')) {
		read_json((const char *)data, size);
		return 0;
	}
	while (amqp_frame_parse(data, size, &frame, &used) == AMQP_DONE) {
		assert(used >= 8 && used <= size);
		assert(frame.payload + frame.length < data + used);
		read_frame(&frame);
		data += used;
		size -= used;
	}
	return 0;
}
