/* Messages of a PostgreSQL server, made up, and what it says to a login by SCRAM: nothing is read
 * beyond the bytes. */
#include "collector/services/pg_message.h"
#include "collector/services/scram.h"

#include <assert.h>
#include <string.h>

static void read_row(const struct pg_message *message)
{
	struct pg_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	while (pg_row_next(&row, message, &text, &length)) {
		assert(row.at <= message->length);
		assert(!text || text + length == message->body + row.at);
	}
}

static void read_login(const struct pg_login_request *request)
{
	static const char nonce[] = "0123456789abcdef0123456789abcdef";
	struct scram scram = {0};
	struct error err;
	GString *out = g_string_new(NULL);
	scram_begin(&scram, nonce, out);
	if (pg_list_has(request, "SCRAM-SHA-256")) {
		assert(request->length > 13);
	}
	/* the cost is bounded, but too high for a fuzzer all the same */
	if (!memmem(request->data, request->length, "i=", 2) ||
		memmem(request->data, request->length, "i=1", 3)) {
		(void)!scram_answer(
			&scram, "pencil", (struct hash_part){request->data, request->length}, out, &err);
	}
	(void)!scram_verify(&scram, request->data, request->length);
	g_string_free(out, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct pg_message message;
	struct pg_error error;
	struct pg_login_request request;
	const char *name = NULL;
	const char *value = NULL;
	size_t used = 0;
	while (pg_message_parse(bytes, size, &message, &used) == PG_DONE) {
		assert(used >= 5 && used <= size);
		if (pg_error_parse(&message, &error)) {
			assert(error.length == strlen(error.text));
		}
		(void)!pg_setting_parse(&message, &name, &value);
		GPtrArray *columns = pg_columns_parse(&message);
		if (columns) {
			assert(columns->len <= PG_COLUMNS_MAX);
			g_ptr_array_unref(columns);
		}
		if (pg_login_parse(&message, &request)) {
			read_login(&request);
		}
		read_row(&message);
		bytes += used;
		size -= used;
	}
	return 0;
}
