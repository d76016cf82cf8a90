/* The other end of base/role.c, as little as a test needs. */
#include "tests/support/role.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/bundle.h"
#include "base/role.h"
#include "model/config.h"
#include "model/message.h"

#include "base/banned.h"

static void ignore_frame(void *owner, const struct frame *frame, int fd)
{
	(void)owner;
	(void)frame;
	if (fd >= 0) {
		close(fd);
	}
}

static void ignore_end(void *owner, const struct error *why)
{
	(void)owner;
	(void)why;
}

static const struct channel_handlers ignore = {.frame = ignore_frame, .closed = ignore_end};

static int config_fd(const char *config)
{
	AUTO(bundle) bundle = bundle_create();
	if (config) {
		bundle_add(bundle, CONFIG_MAIN_FILE, config, strlen(config));
	}
	int fd = bundle_to_fd(bundle, NULL);
	assert(fd >= 0);
	return fd;
}

void test_role_start(struct test_role *t, int (*main)(void), unsigned role, const char *config)
{
	test_role_start_in(t, main, role, config, "/nonexistent");
}

void test_role_start_in(
	struct test_role *t, int (*main)(void), unsigned role, const char *config, const char *data_dir)
{
	int pair[2];
	int failed = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
	assert(!failed);
	t->pid = fork();
	assert(t->pid >= 0);
	if (t->pid == 0) {
		close(pair[0]);
		if (pair[1] != ROLE_CONTROL_FD) {
			dup2(pair[1], ROLE_CONTROL_FD);
			close(pair[1]);
		}
		exit(main());
	}
	close(pair[1]);
	t->role = role;
	t->loop = loop_create();
	t->writer = g_new0(struct frame_writer, 1);
	t->control = channel_create(
		t->loop, &message_table, ROLE_SUPERVISOR, role, 1 << 20, &ignore, NULL, pair[0]);
	AUTO_FD fd = config_fd(config);
	message_start(t->writer, MESSAGE_CONTROL_START);
	frame_put_text(t->writer, data_dir);
	frame_put_u8(t->writer, 0);
	frame_put_u64(t->writer, 1);
	bool sent = channel_send_fd(t->control, t->writer, fd, NULL);
	assert(sent);
}

void test_role_join(
	struct test_role *t, unsigned peer_id, const struct channel_handlers *handlers, void *owner)
{
	int pair[2];
	int failed = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
	assert(!failed);
	message_start(t->writer, MESSAGE_CONTROL_PEER);
	frame_put_u8(t->writer, (uint8_t)peer_id);
	frame_put_u8(t->writer, 0);
	bool sent = channel_send_fd(t->control, t->writer, pair[1], NULL);
	assert(sent);
	close(pair[1]);
	channel_destroy(t->peer);
	t->peer = channel_create(
		t->loop, &message_table, peer_id, t->role, 1 << 20, handlers, owner, pair[0]);
}

void test_role_apply(struct test_role *t, const char *config)
{
	AUTO_FD fd = config_fd(config);
	message_start(t->writer, MESSAGE_CONTROL_APPLY);
	frame_put_u64(t->writer, 2);
	bool sent = channel_send_fd(t->control, t->writer, fd, NULL);
	assert(sent);
}

int test_role_end(struct test_role *t)
{
	int status = 0;
	message_start(t->writer, MESSAGE_CONTROL_STOP);
	channel_send(t->control, t->writer, NULL);
	waitpid(t->pid, &status, 0);
	channel_destroy(t->peer);
	channel_destroy(t->control);
	loop_destroy(t->loop);
	g_free(t->writer);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
