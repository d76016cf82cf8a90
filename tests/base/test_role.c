#include "base/auto.h"
#include "base/bundle.h"
#include "base/role.h"
#include "tests/support/test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

/*
 * The test is the supervisor: it starts a role as a child with one end of a socketpair at
 * ROLE_CONTROL_FD and speaks the control frames by hand. What the role saw is written to shared
 * memory.
 */
enum { ID = 5 };

static const struct frame_rule rules[] = {
	{ROLE_FRAME_START, 1, 11, 4200, 1, 1U << ID, "START"},
	{ROLE_FRAME_PEER, 1, 2, 2, 1, 1U << ID, "PEER"},
	{ROLE_FRAME_LISTEN, 1, 0, 0, 1, 1U << ID, "LISTEN"},
	{ROLE_FRAME_PROPOSE, 1, 8, 8, 1, 1U << ID, "PROPOSE"},
	{ROLE_FRAME_APPLY, 1, 8, 8, 1, 1U << ID, "APPLY"},
	{ROLE_FRAME_VERDICT, 1, 11, FRAME_PAYLOAD_MAX, 1U << ID, 1, "VERDICT"},
	{ROLE_FRAME_PROGRESS, 1, 8, 8, 1U << ID, 1, "PROGRESS"},
	{ROLE_FRAME_ROLES, 1, 1, 1024, 1, 1U << ID, "ROLES"},
	{ROLE_FRAME_STOP, 1, 0, 0, 1, 1U << ID, "STOP"},
};
static const struct frame_table table = {rules, ARRAY_LENGTH(rules)};

struct seen {
	int created, destroyed, peers, listened, applied, role_lists, stops;
	char data_dir[64], text[64], name[32];
	unsigned instance, instances, peer, peer_instance;
	uint64_t generation;
	struct role_status status;
	bool lose_peers;
	bool fail_create, slow_create;
};

struct fixture {
	struct seen *seen;
	int control;
	pid_t pid;
	struct frame_writer w;
};

static struct seen *shared; /* in the child: where to write what it sees */

struct example {
	struct role *role;
};

static void take_text(const struct role *role)
{
	const struct bundle_file *file = bundle_find(role->bundle, "magpie.conf");
	snprintf(shared->text, sizeof(shared->text), "%s", file ? file->text : "?");
	shared->generation = role->generation;
}

static void *example_create(struct role *role, struct error *err)
{
	if (shared->fail_create) {
		error_set(err, ERR_STORAGE, "disk of the test is full");
		return NULL;
	}
	struct example *e = calloc(1, sizeof(*e));
	e->role = role;
	for (int i = 0; i < 3 && shared->slow_create; i++) {
		role_busy(role);
	}
	shared->created++;
	shared->instance = role->instance;
	shared->instances = role->instances;
	snprintf(shared->name, sizeof(shared->name), "%s", role->name);
	snprintf(shared->data_dir, sizeof(shared->data_dir), "%s", role->data_dir);
	take_text(role);
	return e;
}

static void example_peer(void *state, unsigned peer, unsigned instance, int fd)
{
	shared->peer = peer;
	shared->peer_instance = instance;
	shared->peers++;
	assert_int_equal(write(fd, "hi", 2), 2);
	close(fd);
	if (shared->lose_peers) {
		role_lost_peer(((struct example *)state)->role, peer, shared->peer_instance);
	}
}

static void example_listen(void *state, int fd)
{
	(void)state;
	shared->listened++;
	close(fd);
}

static bool example_propose(
	void *state, const struct bundle *bundle, uint64_t generation, char **report)
{
	(void)state;
	(void)generation;
	const struct bundle_file *file = bundle_find(bundle, "magpie.conf");
	bool good = file && strcmp(file->text, "bad") != 0;
	*report = strdup(good ? "fine" : "magpie.conf:1:1: error: bad");
	return good;
}

static void example_apply(void *state)
{
	struct example *e = state;
	take_text(e->role);
	shared->applied++;
}

static void example_roles(void *state, const struct role_status *roles, size_t count)
{
	(void)state;
	shared->status = roles[count - 1];
	shared->role_lists++;
}

static uint64_t example_progress(void *state)
{
	struct example *e = state;
	take_text(e->role);
	return 4711;
}

static void example_stop(void *state)
{
	struct example *e = state;
	shared->stops++;
	role_stopped(e->role);
}

static void example_destroy(void *state)
{
	shared->destroyed++;
	free(state);
}

static const struct role_handlers handlers = {
	.create = example_create,
	.peer = example_peer,
	.listen = example_listen,
	.propose = example_propose,
	.apply = example_apply,
	.roles = example_roles,
	.progress = example_progress,
	.stop = example_stop,
	.destroy = example_destroy,
};

/* The child's end of it: the role's whole life. */
static void be_a_role(struct fixture *f, int control)
{
	shared = f->seen;
	close(f->control);
	dup2(control, ROLE_CONTROL_FD);
	if (control != ROLE_CONTROL_FD) {
		close(control);
	}
	free(f);
	exit(role_run(ID, "example", &table, &handlers));
}

static int enter(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->seen =
		mmap(NULL, sizeof(*f->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pair[2];
	*state = f;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		return -1;
	}
	f->control = pair[0];
	fflush(NULL);
	f->pid = fork();
	if (!f->pid) {
		be_a_role(f, pair[1]);
	}
	close(pair[1]);
	return f->pid < 0;
}

static int leave(void **state)
{
	struct fixture *f = *state;
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	if (f->control >= 0) {
		close(f->control);
	}
	munmap(f->seen, sizeof(*f->seen));
	free(f);
	return 0;
}

static void send_with_fd(struct fixture *f, int fd)
{
	frame_finish(&f->w);
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {f->w.packet, f->w.length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(f->control, &message, MSG_NOSIGNAL), f->w.length);
}

/* Sends START, PROPOSE or APPLY with a bundle whose magpie.conf is `text`. */
static void send_bundle(
	struct fixture *f, enum role_frame type, uint64_t generation, const char *text)
{
	AUTO(bundle) bundle = bundle_create();
	bundle_add(bundle, "magpie.conf", text, strlen(text));
	AUTO_FD fd = bundle_to_fd(bundle, NULL);
	frame_start(&f->w, (uint16_t)type, 1);
	if (type == ROLE_FRAME_START) {
		frame_put_text(&f->w, "/the/data");
		frame_put_u8(&f->w, 3);
	}
	frame_put_u64(&f->w, generation);
	if (type == ROLE_FRAME_START) {
		frame_put_u8(&f->w, 5);
	}
	send_with_fd(f, fd);
}

/* Waits for the next frame of `type` (others are passed over); its payload is in f->w.packet. */
static struct frame_reader await(struct fixture *f, enum role_frame type)
{
	for (;;) {
		struct pollfd p = {.fd = f->control, .events = POLLIN};
		assert_int_equal(poll(&p, 1, 10000), 1);
		ssize_t n = recv(f->control, f->w.packet, sizeof(f->w.packet), 0);
		assert_true(n > 0);
		struct frame frame;
		const char *why;
		assert_true(frame_decode(&table, ID, 0, f->w.packet, (size_t)n, &frame, &why));
		if (frame.type == type) {
			return frame_read(&frame);
		}
	}
}

static int exit_code(struct fixture *f)
{
	int status;
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void start(struct fixture *f)
{
	send_bundle(f, ROLE_FRAME_START, 41, "first");
	struct frame_reader r = await(f, ROLE_FRAME_PROGRESS);
	assert_int_equal(frame_get_u64(&r), 4711);
	assert_true(frame_read_done(&r));
}

static void stop(struct fixture *f)
{
	frame_start(&f->w, ROLE_FRAME_STOP, 1);
	send_with_fd(f, -1);
	assert_int_equal(exit_code(f), 0);
}

static void a_role_starts_beats_and_ends_cleanly(void **state)
{
	struct fixture *f = *state;
	start(f);
	assert_int_equal(f->seen->created, 1);
	assert_int_equal(f->seen->instance, 3);
	assert_int_equal(f->seen->instances, 5);
	assert_non_null(strstr(f->seen->name, "-3"));
	assert_string_equal(f->seen->data_dir, "/the/data");
	assert_string_equal(f->seen->text, "first");
	assert_int_equal(f->seen->generation, 41);
	await(f, ROLE_FRAME_PROGRESS); /* and goes on beating */
	stop(f);
	assert_int_equal(f->seen->stops, 1);
	assert_int_equal(f->seen->destroyed, 1);
}

static void peers_and_the_listening_socket_are_handed_on(void **state)
{
	struct fixture *f = *state;
	start(f);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	frame_start(&f->w, ROLE_FRAME_PEER, 1);
	frame_put_u8(&f->w, 2);
	frame_put_u8(&f->w, 1);
	send_with_fd(f, pair[1]);
	frame_start(&f->w, ROLE_FRAME_LISTEN, 1);
	send_with_fd(f, pair[1]);
	frame_start(&f->w, ROLE_FRAME_PEER, 1); /* a socket is missing: nothing to hand on */
	frame_put_u8(&f->w, 2);
	frame_put_u8(&f->w, 1);
	send_with_fd(f, -1);
	close(pair[1]);
	char text[2];
	assert_int_equal(recv(pair[0], text, 2, 0), 2);
	assert_memory_equal(text, "hi", 2);
	assert_int_equal(
		recv(pair[0], text, 2, 0), 0); /* closed by the role, and by nobody else open */
	close(pair[0]);
	stop(f);
	assert_int_equal(f->seen->peers, 1);
	assert_int_equal(f->seen->peer, 2);
	assert_int_equal(f->seen->peer_instance, 1);
	assert_int_equal(f->seen->listened, 1);
}

static void a_proposal_is_taken_or_refused_whole(void **state)
{
	struct fixture *f = *state;
	start(f);
	send_bundle(f, ROLE_FRAME_PROPOSE, 42, "bad");
	struct frame_reader r = await(f, ROLE_FRAME_VERDICT);
	char report[64];
	assert_int_equal(frame_get_u64(&r), 42);
	assert_int_equal(frame_get_u8(&r), 0);
	frame_get_text_into(&r, report, sizeof(report));
	assert_true(frame_read_done(&r));
	assert_string_equal(report, "magpie.conf:1:1: error: bad");
	await(f, ROLE_FRAME_PROGRESS);
	assert_string_equal(f->seen->text, "first"); /* the old one goes on */
	assert_int_equal(f->seen->generation, 41);

	send_bundle(f, ROLE_FRAME_PROPOSE, 43, "better");
	r = await(f, ROLE_FRAME_VERDICT);
	assert_int_equal(frame_get_u64(&r), 43);
	assert_int_equal(frame_get_u8(&r), 1);
	await(f, ROLE_FRAME_PROGRESS);
	assert_string_equal(f->seen->text, "better");
	assert_int_equal(f->seen->generation, 43);
	stop(f);
	assert_int_equal(f->seen->applied, 0);
}

static void a_proposal_that_is_no_bundle_is_refused(void **state)
{
	struct fixture *f = *state;
	start(f);
	frame_start(&f->w, ROLE_FRAME_PROPOSE, 1);
	frame_put_u64(&f->w, 42);
	send_with_fd(f, -1);
	struct frame_reader r = await(f, ROLE_FRAME_VERDICT);
	frame_get_u64(&r);
	assert_int_equal(frame_get_u8(&r), 0);
	char report[64];
	frame_get_text_into(&r, report, sizeof(report));
	assert_string_equal(report, "no bundle of configuration files");
	stop(f);
}

static void send_roles(struct fixture *f, bool running)
{
	frame_start(&f->w, ROLE_FRAME_ROLES, 1);
	frame_put_u8(&f->w, 1);
	frame_put_u8(&f->w, 2);
	frame_put_u8(&f->w, 0);
	frame_put_u8(&f->w, running);
	frame_put_u32(&f->w, 4242);
	frame_put_u32(&f->w, 7);
	frame_put_i64(&f->w, 1700000000000);
	send_with_fd(f, -1);
}

static void an_applied_configuration_is_in_force(void **state)
{
	struct fixture *f = *state;
	start(f);
	send_bundle(f, ROLE_FRAME_APPLY, 50, "second");
	send_roles(f, true);
	stop(f);
	assert_int_equal(f->seen->applied, 1);
	assert_string_equal(f->seen->text, "second");
	assert_int_equal(f->seen->generation, 50);
	assert_int_equal(f->seen->role_lists, 1);
	assert_int_equal(f->seen->status.pid, 4242);
	assert_int_equal(f->seen->status.restarts, 7);
	assert_true(f->seen->status.running);
	assert_int_equal(f->seen->status.since.ms, 1700000000000);
}

static void nothing_counts_before_the_start(void **state)
{
	struct fixture *f = *state;
	send_bundle(f, ROLE_FRAME_APPLY, 50, "second");
	send_bundle(f, ROLE_FRAME_PROPOSE, 51, "third");
	frame_start(&f->w, ROLE_FRAME_STOP, 1);
	send_with_fd(f, -1);
	start(f);
	assert_string_equal(f->seen->text, "first");
	stop(f);
	assert_int_equal(f->seen->applied, 0);
}

static void send_peer(struct fixture *f, unsigned role)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	frame_start(&f->w, ROLE_FRAME_PEER, 1);
	frame_put_u8(&f->w, (uint8_t)role);
	frame_put_u8(&f->w, 0);
	send_with_fd(f, pair[1]);
	close(pair[1]);
	char text[2];
	assert_int_equal(recv(pair[0], text, 2, 0), 2);
	close(pair[0]);
}

static void beats(struct fixture *f, int count)
{
	for (int i = 0; i < count; i++) {
		await(f, ROLE_FRAME_PROGRESS);
	}
}

static void a_role_cut_off_by_a_peer_that_runs_on_ends(void **state)
{
	struct fixture *f = *state;
	f->seen->lose_peers = true;
	start(f);
	send_roles(f, true);
	send_peer(f, 2);
	beats(f, ROLE_ALONE_S - 2);
	send_roles(f, false); /* it is being restarted: that is waited for */
	beats(f, 1);
	send_roles(f, true);
	beats(f, ROLE_ALONE_S - 2);
	send_peer(f, 2); /* joined again in time, and lost again */
	beats(f, ROLE_ALONE_S - 2);
	assert_int_equal(exit_code(f), 1);
	assert_int_equal(f->seen->destroyed, 1);
	assert_int_equal(f->seen->stops, 0);
}

static void a_long_start_counts_as_progress(void **state)
{
	struct fixture *f = *state;
	f->seen->slow_create = true;
	send_bundle(f, ROLE_FRAME_START, 41, "first");
	for (uint64_t i = 1; i <= 3; i++) {
		struct frame_reader r = await(f, ROLE_FRAME_PROGRESS);
		assert_int_equal(frame_get_u64(&r), i);
	}
	struct frame_reader r = await(f, ROLE_FRAME_PROGRESS);
	assert_int_equal(frame_get_u64(&r), 4711);
	stop(f);
}

static void a_state_that_cannot_be_made_ends_the_role(void **state)
{
	struct fixture *f = *state;
	f->seen->fail_create = true;
	send_bundle(f, ROLE_FRAME_START, 1, "first");
	assert_int_equal(exit_code(f), 1);
	assert_int_equal(f->seen->destroyed, 0);
}

static void a_start_without_configuration_ends_the_role(void **state)
{
	struct fixture *f = *state;
	frame_start(&f->w, ROLE_FRAME_START, 1);
	frame_put_text(&f->w, "/the/data");
	frame_put_u8(&f->w, 0);
	frame_put_u64(&f->w, 1);
	send_with_fd(f, -1);
	assert_int_equal(exit_code(f), 1);
	assert_int_equal(f->seen->created, 0);
}

static void the_end_of_the_control_channel_is_the_end(void **state)
{
	struct fixture *f = *state;
	start(f);
	close(f->control);
	f->control = -1;
	assert_int_equal(exit_code(f), 0);
	assert_int_equal(f->seen->destroyed, 1);
}

static void signals_of_the_terminal_are_the_supervisors(void **state)
{
	struct fixture *f = *state;
	start(f);
	kill(f->pid, SIGINT);
	kill(f->pid, SIGHUP);
	kill(f->pid, SIGPIPE);
	await(f, ROLE_FRAME_PROGRESS);
	stop(f);
}

/* No orphan: the role's end of a pipe is closed soon after its parent died, though its channel
 * stays open. */
static void a_role_does_not_outlive_its_parent(void **state)
{
	struct fixture *f = *state;
	int ends[2];
	int pair[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fflush(NULL);
	pid_t parent = fork();
	if (!parent) {
		if (!fork()) {
			close(ends[0]);
			be_a_role(f, pair[1]);
		}
		pause();
		_exit(0);
	}
	close(pair[1]);
	close(ends[1]);
	int mine = f->control;
	f->control = pair[0];
	start(f);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 2000), 1);
	char none;
	assert_int_equal(read(ends[0], &none, 1), 0);
	close(ends[0]);
	close(mine);
}

int main(void)
{
#define WITH_ROLE(t) cmocka_unit_test_setup_teardown(t, enter, leave)
	const struct CMUnitTest tests[] = {
		WITH_ROLE(a_role_starts_beats_and_ends_cleanly),
		WITH_ROLE(peers_and_the_listening_socket_are_handed_on),
		WITH_ROLE(a_proposal_is_taken_or_refused_whole),
		WITH_ROLE(a_proposal_that_is_no_bundle_is_refused),
		WITH_ROLE(an_applied_configuration_is_in_force),
		WITH_ROLE(nothing_counts_before_the_start),
		WITH_ROLE(a_state_that_cannot_be_made_ends_the_role),
		WITH_ROLE(a_role_cut_off_by_a_peer_that_runs_on_ends),
		WITH_ROLE(a_long_start_counts_as_progress),
		WITH_ROLE(a_start_without_configuration_ends_the_role),
		WITH_ROLE(the_end_of_the_control_channel_is_the_end),
		WITH_ROLE(signals_of_the_terminal_are_the_supervisors),
		WITH_ROLE(a_role_does_not_outlive_its_parent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
