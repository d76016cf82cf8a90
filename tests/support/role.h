#pragma once
#include "base/channel.h"
#include "base/loop.h"

#include <sys/types.h>

/*
 * A role as a child process with the test as its supervisor and as its one peer, over real frames.
 * Link with model.
 */
struct test_role {
	pid_t pid;
	struct loop *loop;
	unsigned role;
	struct channel *control;
	struct channel *peer; /* what the test says as `peer_id` and hears */
	struct frame_writer *writer;
};

/* Starts `main` with `config` as magpie.conf (NULL: none) and joins it to us as the role `peer_id`.
 */
void test_role_start(struct test_role *t, int (*main)(void), unsigned role, const char *config);
/* The same with a data directory. */
void test_role_start_in(struct test_role *t, int (*main)(void), unsigned role, const char *config,
	const char *data_dir);
void test_role_join(
	struct test_role *t, unsigned peer_id, const struct channel_handlers *handlers, void *owner);

/* Gives it a new configuration. */
void test_role_apply(struct test_role *t, const char *config);

/* Sends STOP, waits, frees; returns the exit code, or -1 if it did not exit by itself. */
int test_role_end(struct test_role *t);
