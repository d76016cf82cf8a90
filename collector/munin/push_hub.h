#pragma once
#include "base/stream.h"
#include "model/config_hosts.h"

#include <stdint.h>

/*
 * Where nodes that connect to us arrive: accepts, speaks TLS as the server, has them prove that
 * they know their host's token (collector/munin/push_proof.h), and gives the stream to whoever
 * waits for that host. At most PUSH_HALF_OPEN_MAX are in their greeting at once, and of these
 * PUSH_ADDRESS_MAX from one address (of IPv6 one /64), each for PUSH_GREETING_MS at most: so one
 * machine that holds connections open keeps nobody else out.
 */
struct push_hub;
struct push_seat;

enum { PUSH_HALF_OPEN_MAX = 256, PUSH_ADDRESS_MAX = 16, PUSH_INPUT_MAX = 65536 };

struct push_handlers {
	/* Whether a connection of this host is at work; then another one is refused. */
	bool (*taken)(void *owner);
	/* Takes an open stream, on which the node's banner comes next. */
	void (*arrived)(void *owner, struct stream *stream);
};

struct push_hub *push_hub_create(struct loop *loop);
void push_hub_destroy(struct push_hub *hub); /* NULL allowed; after all seats were removed */

/* Our certificate from now on. STORAGE, CONFIG: it cannot be used; then the one before stays. */
MUST_USE bool push_hub_configure(
	struct push_hub *hub, const struct config_push *push, struct error *err);

/* Accepts from a listening socket (taken). */
void push_hub_listen(struct push_hub *hub, int fd);

/* Waits for the node of this host, which has to know what is in the file; texts are copied. */
struct push_seat *push_hub_add(struct push_hub *hub, const char *host, const char *token_file,
	const struct push_handlers *handlers, void *owner);
void push_hub_remove(struct push_seat *seat); /* NULL allowed */

struct push_counts {
	uint64_t accepted, refused; /* the latter: beyond the limit, unknown, wrong proof */
	size_t half_open;
};
struct push_counts push_hub_count(const struct push_hub *hub);
