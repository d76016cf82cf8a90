#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "picture.h"

#include "base/clock.h"
#include "model/attributes.h"
#include "model/message.h"

#include <math.h>

#include "base/banned.h"

static void put_attributes(
	struct frame_writer *w, enum attributes_level level, const char *const *pairs)
{
	struct attributes a = {0};
	for (size_t i = 0; pairs[i]; i += 2) {
		assert_true(attributes_set(&a, level, pairs[i], pairs[i + 1]));
	}
	frame_put_u32(w, (uint32_t)a.length);
	frame_put_bytes(w, a.packed, a.length);
	attributes_finish(&a);
}

static void put_field(struct frame_writer *w, uint32_t series, unsigned type, const char *name,
	const char *const *pairs)
{
	frame_put_u32(w, series);
	frame_put_u8(w, (uint8_t)type);
	frame_put_u8(w, 0);
	frame_put_f64(w, 0);
	frame_put_f64(w, NAN);
	frame_put_text(w, name);
	frame_put_text(w, name);
	put_attributes(w, ATTRIBUTES_FIELD, pairs);
}

/* Two fields: `down` (COUNTER, cdef down,8,*) and `up` (GAUGE). */
void picture_service(struct harness *h, uint32_t id, const char *host, const char *name,
	const char *category, uint32_t first_series)
{
	const char *graph[] = {
		"graph_title", "Traffic <b>", "graph_category", category, "graph_vlabel", "bits", NULL};
	const char *down[] = {"cdef", "down,8,*", "graph", "no", NULL};
	const char *up[] = {"negative", "down", "info", "=cmd|'x'", "extinfo", "<i>late</i>", NULL};
	message_start(h->w, MESSAGE_SERVICE);
	frame_put_u32(h->w, id);
	frame_put_u32(h->w, 10);
	frame_put_u16(h->w, 2);
	frame_put_text(h->w, "example.org");
	frame_put_text(h->w, host);
	frame_put_text(h->w, name);
	put_attributes(h->w, ATTRIBUTES_GRAPH, graph);
	harness_send(h, h->engine);
	message_start(h->w, MESSAGE_FIELDS);
	frame_put_u32(h->w, id);
	frame_put_u16(h->w, 0);
	frame_put_u16(h->w, 2);
	put_field(h->w, first_series, 1, "down", down);
	put_field(h->w, first_series + 1, 0, "up", up);
	harness_send(h, h->engine);
}

void picture_sync(struct harness *h, unsigned phase)
{
	message_start(h->w, MESSAGE_SYNC);
	frame_put_u8(h->w, (uint8_t)phase);
	harness_send(h, h->engine);
}

void picture_alert(struct harness *h, uint32_t id, unsigned level, unsigned state, const char *host,
	const char *suppressed_by)
{
	message_start(h->w, MESSAGE_ALERT);
	frame_put_u32(h->w, id);
	frame_put_u32(h->w, 1);
	frame_put_u8(h->w, (uint8_t)level);
	frame_put_u8(h->w, (uint8_t)state);
	frame_put_i64(h->w, PICTURE_T * 1000LL);
	frame_put_f64(h->w, 97.5);
	const char *texts[] = {"traffic", host, "if_eth0", "down", "97.5 Mbit/s", "> 90 Mbit/s for 1 m",
		"busy <script>alert(1)</script>", "look", "https://runbook.example/", suppressed_by};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		frame_put_text(h->w, texts[i]);
	}
	harness_send(h, h->engine);
}

void picture_host(struct harness *h, const char *host, int64_t last_seen_ms)
{
	message_start(h->w, MESSAGE_HOST);
	frame_put_text(h->w, host);
	frame_put_text(h->w, "example.org");
	frame_put_u8(h->w, 1);
	frame_put_i64(h->w, last_seen_ms);
	frame_put_u32(h->w, 10);
	frame_put_text(h->w, "");
	frame_put_text(h->w, "oooooooooooooooooooooowc");
	frame_put_u8(h->w, 1);
	frame_put_u16(h->w, 1);
	frame_put_text(h->w, "prod");
	harness_send(h, h->engine);
}

void picture_live(struct harness *h, uint32_t series, int64_t t_ms, double value)
{
	message_start(h->w, MESSAGE_LIVE);
	frame_put_u32(h->w, series);
	frame_put_i64(h->w, t_ms);
	frame_put_f64(h->w, value);
	harness_send(h, h->engine);
}

void picture_source(struct harness *h, const char *id, enum source_condition condition)
{
	struct source_complaint complaint = {(char *)"if_<eth0>", (char *)"exit code 1"};
	struct source_state source = {.id = (char *)id,
		.group = (char *)"example.org",
		.host = (char *)"web1",
		.kind = (char *)"munin",
		.name = (char *)"munin",
		.where = (char *)"10.0.0.1:4949",
		.state = (uint8_t)condition,
		.since = {PICTURE_T * 1000LL},
		.last = {PICTURE_T * 1000LL},
		.next = {PICTURE_T * 1000LL + 60000},
		.first = {PICTURE_T * 1000LL - 60000},
		.step_s = 60,
		.took_ms = 310,
		.services = 24,
		.series = 219,
		.version = (char *)"munin-node 2.0.73",
		.error = (char *)(condition == SOURCE_FAILING ? "greet: no answer within 5 s" : ""),
		.complaint_count = condition == SOURCE_COMPLAINING,
		.complaints = &complaint,
		.strip = "--------------------ooow"};
	source_state_put(h->w, &source);
	harness_send(h, h->engine);
}

static void send_rest(struct harness *h)
{
	picture_source(h, "web1/munin/munin", SOURCE_COMPLAINING);
	message_start(h->w, MESSAGE_SEEN);
	frame_put_u32(h->w, 1);
	frame_put_u32(h->w, PICTURE_T - 3600);
	frame_put_u32(h->w, PICTURE_T - 1800);
	harness_send(h, h->engine);
	message_start(h->w, MESSAGE_LIMIT);
	frame_put_u32(h->w, 1);
	frame_put_text(h->w, "traffic");
	frame_put_u8(h->w, 1);
	frame_put_u8(h->w, 3);
	frame_put_u8(h->w, 0);
	frame_put_f64(h->w, 90);
	harness_send(h, h->engine);
	message_start(h->w, MESSAGE_STATUS);
	frame_put_u64(h->w, 4);
	frame_put_f64(h->w, 0.4);
	frame_put_u64(h->w, 1234);
	frame_put_u64(h->w, 99);
	frame_put_i64(h->w, PICTURE_T * 1000LL);
	frame_put_text(h->w, "a.magpie:1:1: error[E101]: no\n  <b>");
	harness_send(h, h->engine);
	message_start(h->w, MESSAGE_EVENT);
	frame_put_i64(h->w, PICTURE_T * 1000LL);
	frame_put_text(h->w, "rules.refused");
	frame_put_text(h->w, "a.magpie");
	frame_put_text(h->w, "not taken");
	harness_send(h, h->engine);
	message_start(h->w, MESSAGE_STATISTIC);
	frame_put_text(h->w, "engine.evaluations_total");
	frame_put_f64(h->w, 42);
	harness_send(h, h->engine);
}

void picture_send(struct harness *h)
{
	picture_sync(h, 0);
	picture_service(h, 1, "web1", "if_eth0", "network", 1);
	picture_service(h, 2, "web1", "diskstats_iops.vda", "disk", 3);
	picture_host(h, "web1", wall_now().ms);
	picture_live(h, 1, PICTURE_T * 1000LL, 1.5);
	picture_alert(h, 7, 3, 1, "web1", "");
	send_rest(h);
	picture_sync(h, 1);
	for (int i = 0; i < 500; i++) {
		struct answer a = http_get(h, "/api/v1/alerts", NULL);
		bool there = strstr(a.body->str, "\"id\":7");
		answer_finish(&a);
		if (there) {
			return;
		}
		usleep(5000);
	}
	fail_msg("the picture was not taken");
}
