/* See fake.h. */
#include "tests/engine/fake.h"

static void fake_frame(void *owner, const struct frame *frame, int fd)
{
	struct fake_peer *peer = owner;
	assert_int_equal(fd, -1);
	GByteArray *kept = g_byte_array_new();
	g_byte_array_append(kept, (const guint8 *)&frame->type, 2);
	g_byte_array_append(kept, frame->payload, frame->length);
	g_ptr_array_add(peer->frames, kept);
	if (peer->answer) {
		peer->answer(peer, frame);
	}
}

static void fake_closed(void *owner, const struct error *why)
{
	struct fake_peer *peer = owner;
	(void)why;
	peer->closed = true;
	channel_destroy(peer->channel);
	peer->channel = NULL;
}

static void fake_unref(gpointer bytes)
{
	g_byte_array_unref(bytes);
}

struct fake_peer *fake_join(struct fake *fake, unsigned role)
{
	static const struct channel_handlers handlers = {.frame = fake_frame, .closed = fake_closed};
	struct fake_peer *peer = &fake->peers[role];
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	channel_destroy(peer->channel);
	if (peer->frames) {
		g_ptr_array_unref(peer->frames);
	}
	peer->frames = g_ptr_array_new_with_free_func(fake_unref);
	peer->role = role;
	peer->closed = false;
	peer->channel = channel_create(
		fake->role.loop, &message_table, role, ROLE_ENGINE, 64 << 20, &handlers, peer, fds[0]);
	engine_peer(fake->engine, role, 0, fds[1]);
	return peer;
}

void fake_leave(struct fake *fake, unsigned role)
{
	struct fake_peer *peer = &fake->peers[role];
	channel_destroy(peer->channel);
	peer->channel = NULL;
}

void fake_start(struct fake *fake)
{
	struct error err = {.kind = ERR_NONE};
	fake->engine = engine_create(&fake->role, &err);
	if (!fake->engine) {
		fail_msg("%s", err.text);
	}
}

/* Ends the engine: cleanly, or as if it had been killed (what was not stored is lost). */
void fake_end(struct fake *fake, bool cleanly)
{
	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		fake_leave(fake, i);
	}
	if (cleanly) {
		engine_stop(fake->engine);
	}
	engine_destroy(fake->engine);
	fake->engine = NULL;
}

void fake_restart(struct fake *fake, bool cleanly)
{
	fake_end(fake, cleanly);
	fake_start(fake);
}

int fake_setup(void **state)
{
	struct fake *fake = g_new0(struct fake, 1);
	fake->directory = test_directory();
	fake->bundle = bundle_create();
	fake->role = (struct role){.loop = loop_create(),
		.id = ROLE_ENGINE,
		.name = "engine",
		.data_dir = fake->directory,
		.bundle = fake->bundle};
	fake->w = g_new(struct frame_writer, 1);
	fake_start(fake);
	*state = fake;
	return 0;
}

int fake_teardown(void **state)
{
	struct fake *fake = *state;
	if (fake->engine) {
		fake_end(fake, false);
	}
	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		if (fake->peers[i].frames) {
			g_ptr_array_unref(fake->peers[i].frames);
		}
	}
	loop_destroy(fake->role.loop);
	bundle_destroy(fake->bundle);
	g_free(fake->w);
	test_directory_remove(fake->directory);
	g_free(fake);
	return 0;
}

static void fake_stop_loop(void *owner)
{
	loop_stop(owner);
}

void fake_turn(struct fake *fake)
{
	struct loop_timer *timer = loop_timer_create(fake->role.loop, fake_stop_loop, fake->role.loop);
	loop_timer_after(timer, 10);
	loop_run(fake->role.loop);
	loop_timer_destroy(timer);
}

uint16_t fake_type(const struct fake_peer *peer, size_t index)
{
	uint16_t type;
	memcpy(&type, ((GByteArray *)peer->frames->pdata[index])->data, 2);
	return type;
}

struct frame_reader fake_reader(const struct fake_peer *peer, size_t index)
{
	const GByteArray *bytes = peer->frames->pdata[index];
	return (struct frame_reader){.at = bytes->data + 2, .end = bytes->data + bytes->len};
}

size_t fake_count(const struct fake_peer *peer, unsigned type)
{
	size_t count = 0;
	for (size_t i = 0; i < peer->frames->len; i++) {
		count += fake_type(peer, i) == type;
	}
	return count;
}

void fake_clear(struct fake_peer *peer)
{
	g_ptr_array_set_size(peer->frames, 0);
}

/* Declares host:service with `count` gauges f0, f1, … under the handle. */
struct service *fake_service(const char *host, const char *name, unsigned count)
{
	struct service *service = service_create("example.com", host, name, 10);
	for (unsigned i = 0; i < count; i++) {
		char field[16];
		snprintf(field, sizeof(field), "f%u", i);
		service_add_field(service, field, field, FIELD_GAUGE);
	}
	return service;
}

void fake_declare(
	struct fake *fake, const char *host, const char *name, unsigned count, uint32_t handle)
{
	AUTO(service) service = fake_service(host, name, count);
	assert_true(declare_send(fake->peers[ROLE_COLLECTOR].channel, fake->w, service, handle, NULL));
}

/* One value per field, all the same. */
void fake_sample(struct fake *fake, uint32_t handle, unsigned count, int64_t t_ms, double value)
{
	message_start(fake->w, MESSAGE_SAMPLES);
	frame_put_u32(fake->w, handle);
	frame_put_i64(fake->w, t_ms);
	frame_put_u16(fake->w, (uint16_t)count);
	for (unsigned i = 0; i < count; i++) {
		frame_put_u16(fake->w, (uint16_t)i);
		frame_put_f64(fake->w, value);
	}
	assert_true(channel_send(fake->peers[ROLE_COLLECTOR].channel, fake->w, NULL));
}

void fake_seen(struct fake *fake, const char *host, int64_t t_ms, bool up)
{
	message_start(fake->w, MESSAGE_HOST_SEEN);
	frame_put_i64(fake->w, t_ms);
	frame_put_u8(fake->w, up);
	frame_put_u32(fake->w, 12);
	frame_put_u32(fake->w, 10);
	frame_put_u32(fake->w, up ? 4 : 0);
	frame_put_text(fake->w, "example.com");
	frame_put_text(fake->w, host);
	frame_put_text(fake->w, up ? "" : "refused");
	assert_true(channel_send(fake->peers[ROLE_COLLECTOR].channel, fake->w, NULL));
}

void fake_ready(struct fake *fake, uint64_t sequence)
{
	message_start(fake->w, MESSAGE_RRD_READY);
	frame_put_u64(fake->w, sequence);
	assert_true(channel_send(fake->peers[ROLE_RRD].channel, fake->w, NULL));
}

/* Samples of `series_id` that the rrd role was fed, newest instant in `*last_ms` (may be NULL). */
size_t fake_fed(const struct fake_peer *rrd, uint32_t series_id, int64_t *last_ms)
{
	size_t found = 0;
	for (size_t i = 0; i < rrd->frames->len; i++) {
		struct frame_reader r = fake_reader(rrd, i);
		if (fake_type(rrd, i) != MESSAGE_RRD_FEED) {
			continue;
		}
		(void)frame_get_u64(&r);
		if (frame_get_u16(&r) != ENTRY_SAMPLES) {
			continue;
		}
		struct entry_samples samples;
		struct entry_section section;
		assert_true(entry_samples_read(&samples, r.at, frame_left(&r)));
		while (entry_samples_next(&samples, &section)) {
			for (uint32_t k = 0; k < section.count; k++) {
				bool mine = entry_section_series(&section, k) == series_id;
				found += mine;
				if (mine && last_ms) {
					*last_ms = section.at.ms;
				}
			}
		}
	}
	return found;
}

void fake_ask(struct fake *fake, const char *token, const char *verb, const char *json)
{
	message_start(fake->w, MESSAGE_ASK);
	frame_put_u32(fake->w, 7);
	frame_put_text(fake->w, token);
	frame_put_text(fake->w, verb);
	frame_put_text(fake->w, json);
	assert_true(channel_send(fake->peers[ROLE_WEB].channel, fake->w, NULL));
}

unsigned fake_answer(struct fake *fake, char **text)
{
	struct fake_peer *web = &fake->peers[ROLE_WEB];
	fake_wait(fake, fake_count(web, MESSAGE_ANSWER) == 1);
	for (size_t i = 0; i < web->frames->len; i++) {
		if (fake_type(web, i) == MESSAGE_ANSWER) {
			struct frame_reader r = fake_reader(web, i);
			assert_int_equal(frame_get_u32(&r), 7);
			unsigned status = frame_get_u8(&r);
			*text = frame_get_text(&r);
			fake_clear(web);
			return status;
		}
	}
	return 255;
}
