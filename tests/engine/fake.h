#pragma once
/*
 * An engine in a directory of its own, and the other ends of its channels, for tests: collector,
 * rrd, web and notify are played by the test, on one loop.
 */
#include "engine/engine.h"

#include "tests/support/test.h"

#include <sys/socket.h>

#include "base/channel.h"
#include "model/declare.h"
#include "model/entry.h"
#include "model/message.h"

/* One peer: counts what it gets and keeps the frames. */
struct fake_peer {
	struct channel *channel;
	unsigned role;
	GPtrArray *frames; /* GByteArray: u16 type, payload */
	bool closed;
	void (*answer)(struct fake_peer *peer, const struct frame *frame); /* may be NULL */
};

struct fake {
	char *directory;
	struct role role;
	struct engine *engine;
	struct fake_peer peers[ROLE_COUNT];
	struct frame_writer *w;
	struct bundle *bundle;
};

/* A test's setup and teardown; `*state` is the struct fake, its engine runs. */
int fake_setup(void **state);
int fake_teardown(void **state);

/* Ends the engine: cleanly, or as if it had been killed (what was not stored is lost). */
void fake_start(struct fake *fake);
void fake_end(struct fake *fake, bool cleanly);
void fake_restart(struct fake *fake, bool cleanly);

/* Joins (again) as that role. */
struct fake_peer *fake_join(struct fake *fake, unsigned role);
void fake_leave(struct fake *fake, unsigned role);

/* One turn of the loop that ends after 10 ms at the latest. */
void fake_turn(struct fake *fake);

/* What came: types and payloads in order; how many of a type. */
uint16_t fake_type(const struct fake_peer *peer, size_t index);
struct frame_reader fake_reader(const struct fake_peer *peer, size_t index);
size_t fake_count(const struct fake_peer *peer, unsigned type);
void fake_clear(struct fake_peer *peer);

/* A collector's words: a service with `count` gauges f0, f1, … under a handle; one value for each
 * of them; a round that is over. */
struct service *fake_service(const char *host, const char *name, unsigned count);
void fake_declare(
	struct fake *fake, const char *host, const char *name, unsigned count, uint32_t handle);
void fake_sample(struct fake *fake, uint32_t handle, unsigned count, int64_t t_ms, double value);
void fake_seen(struct fake *fake, const char *host, int64_t t_ms, bool up);

/* The rrd role's first word; samples of a series that it was fed, newest instant in `*last_ms` (may
 * be NULL). */
void fake_ready(struct fake *fake, uint64_t sequence);
size_t fake_fed(const struct fake_peer *rrd, uint32_t series_id, int64_t *last_ms);

/* web's words: a question; status and text (the caller's) of the one answer that came to it. */
void fake_ask(struct fake *fake, const char *token, const char *verb, const char *json);
unsigned fake_answer(struct fake *fake, char **text);

/* Turns the loop until the condition holds; fails after 20 s. */
#define fake_wait(fake, condition)                                                                 \
	do {                                                                                           \
		int64_t wait_until_ = mono_now().ms + 20000;                                               \
		while (!(condition)) {                                                                     \
			if (mono_now().ms > wait_until_) {                                                     \
				fail_msg("waited in vain for: %s", #condition);                                    \
			}                                                                                      \
			fake_turn(fake);                                                                       \
		}                                                                                          \
	} while (0)
