/* Packets of a MySQL server, made up: each as greeting, as error, as request to log in otherwise,
 * and all of them as one table. Nothing is read beyond the bytes. */
#include "collector/services/mysql_packet.h"

#include <assert.h>
#include <string.h>

static void alone(const struct mysql_packet *packet)
{
	struct mysql_greeting greeting;
	struct mysql_switch request;
	struct mysql_error error;
	if (mysql_greeting_parse(packet, &greeting)) {
		assert(strlen(greeting.version) < sizeof(greeting.version));
	}
	if (mysql_switch_parse(packet, &request)) {
		assert(strlen(request.plugin) < sizeof(request.plugin));
	}
	if (mysql_error_parse(packet, &error)) {
		assert(error.text + error.length == (const char *)packet->payload + packet->length);
	}
}

static void read_row(const struct mysql_packet *packet)
{
	struct mysql_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	size_t before = 0;
	while (mysql_row_next(&row, packet, &text, &length)) {
		assert(row.at > before && row.at <= packet->length);
		assert(!text || text + length == (const char *)packet->payload + row.at);
		before = row.at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mysql_table table = {0};
	struct mysql_packet packet;
	size_t used = 0;
	bool in_table = true;
	while (mysql_packet_parse(data, size, &packet, &used) == MYSQL_DONE) {
		assert(used >= 4 && used <= size);
		alone(&packet);
		if (in_table) {
			enum mysql_step step = mysql_table_take(&table, &packet);
			in_table = step == MYSQL_STEP_ON || step == MYSQL_STEP_ROW;
			if (step == MYSQL_STEP_ROW) {
				read_row(&packet);
			}
		}
		data += used;
		size -= used;
	}
	mysql_table_finish(&table);
	return 0;
}
