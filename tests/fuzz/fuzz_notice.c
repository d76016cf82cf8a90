/* Any bytes as a DELIVER frame: what is taken renders into valid JSON and a sound mail message. */
#include "base/frame.h"
#include "model/message.h"
#include "notify/mime.h"
#include "notify/render.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

static void check_message(const struct notice *notice)
{
	g_autofree char *subject = render_subject(notice);
	g_autofree char *text = render_text(notice);
	g_autofree char *html = render_html(notice);
	struct mime_message message = {.from_name = "Magpie",
		.from = "a@b",
		.to = "c@d",
		.subject = subject,
		.date = notice->since,
		.id = "id",
		.domain = "db1",
		.text = text,
		.html = html};
	size_t length;
	g_autofree char *bytes = mime_format(&message, &length);
	for (const char *p = bytes; *p; p++) {
		assert((unsigned char)*p < 0x7f);
		assert(*p != '\r' || p[1] == '\n');
		assert(*p != '\n' || (p > bytes && p[-1] == '\r'));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame = {.type = MESSAGE_DELIVER, .version = 1, .payload = data};
	frame.length = (uint32_t)(size < FRAME_PAYLOAD_MAX ? size : FRAME_PAYLOAD_MAX);
	AUTO(notice) notice = notice_read(&frame, NULL);
	if (!notice) {
		return 0;
	}
	g_autofree char *json = render_json(notice, "ops", "http://127.0.0.1:8080");
	json_t *body = json_loads(json, 0, NULL);
	assert(body);
	json_decref(body);
	check_message(notice);
	return 0;
}
