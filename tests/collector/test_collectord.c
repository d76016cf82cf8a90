#include "collector/collectord.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/role.h"
#include "model/declare.h"
#include "model/message.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/* The real role in a process of its own; the test is supervisor and engine at once. */
struct peer {
	struct loop *loop;
	struct channel *control, *engine;
	struct declare_reader reader;
	struct loop_timer *limit;
	pid_t pid;
	unsigned declared, fields, samples, rounds, progress, until;
	uint64_t last_progress;
	int64_t last_at_ms;
	uint32_t cpus, step_s;
	bool timed_out;
};

static void timed_out(void *owner)
{
	struct peer *p = owner;
	p->timed_out = true;
	loop_stop(p->loop);
}

static void control_frame(void *owner, const struct frame *frame, int fd)
{
	struct peer *p = owner;
	struct frame_reader r = frame_read(frame);
	assert_int_equal(fd, -1);
	assert_int_equal(frame->type, MESSAGE_CONTROL_PROGRESS);
	uint64_t now = frame_get_u64(&r);
	p->progress += now > p->last_progress;
	p->last_progress = now;
}

static void stopped(void *owner, const struct error *why)
{
	struct peer *p = owner;
	(void)why;
	loop_stop(p->loop);
}

static void take_samples(struct peer *p, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	while (frame_left(&r)) {
		frame_get_u32(&r);
		p->last_at_ms = frame_get_i64(&r);
		unsigned n = frame_get_u16(&r);
		frame_get_bytes(&r, (size_t)n * 10);
		p->samples += n;
	}
	assert_true(frame_read_done(&r));
}

static void take_seen(struct peer *p, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	assert_int_equal(frame_get_i64(&r), p->last_at_ms);
	assert_int_equal(frame_get_u8(&r), 1);
	frame_get_u32(&r);
	p->step_s = frame_get_u32(&r);
	p->cpus = frame_get_u32(&r);
	if (++p->rounds == p->until) {
		loop_stop(p->loop);
	}
}

static void engine_frame(void *owner, const struct frame *frame, int fd)
{
	struct peer *p = owner;
	struct error err;
	assert_int_equal(fd, -1);
	if (frame->type == MESSAGE_SERVICE || frame->type == MESSAGE_FIELDS) {
		struct service *complete;
		assert_true(declare_read(&p->reader, frame, &complete, &err));
		if (complete) {
			p->declared++;
			p->fields += (unsigned)service_field_count(complete);
			service_destroy(complete);
		}
	} else if (frame->type == MESSAGE_SAMPLES) {
		take_samples(p, frame);
	} else {
		assert_int_equal(frame->type, MESSAGE_HOST_SEEN);
		take_seen(p, frame);
	}
}

static const struct channel_handlers control_handlers = {control_frame, stopped, NULL};
static const struct channel_handlers engine_handlers = {engine_frame, stopped, NULL};

static void start(struct peer *p)
{
	int pair[2];
	memset(p, 0, sizeof(*p));
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (!p->pid) {
		if (pair[1] != ROLE_CONTROL_FD) {
			dup2(pair[1], ROLE_CONTROL_FD);
			close(pair[1]);
		}
		if (pair[0] != ROLE_CONTROL_FD) {
			close(pair[0]);
		}
		_exit(collector_role_main());
	}
	close(pair[1]);
	p->loop = loop_create();
	p->limit = loop_timer_create(p->loop, timed_out, p);
	p->control = channel_create(p->loop, &message_table, ROLE_SUPERVISOR, ROLE_COLLECTOR, 1 << 20,
		&control_handlers, p, pair[0]);
	struct error err;
	AUTO(bundle) bundle = bundle_create();
	AUTO_FD fd = bundle_to_fd(bundle, &err);
	assert_true(fd >= 0);
	struct frame_writer *w = g_new0(struct frame_writer, 1);
	message_start(w, MESSAGE_CONTROL_START);
	frame_put_text(w, "/nowhere");
	frame_put_u8(w, 0);
	frame_put_u64(w, 1);
	assert_true(channel_send_fd(p->control, w, fd, &err));
	g_free(w);
}

static void connect_engine(struct peer *p)
{
	int pair[2];
	struct error err;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	struct frame_writer *w = g_new0(struct frame_writer, 1);
	message_start(w, MESSAGE_CONTROL_PEER);
	frame_put_u8(w, ROLE_ENGINE);
	frame_put_u8(w, 0);
	assert_true(channel_send_fd(p->control, w, pair[1], &err));
	g_free(w);
	close(pair[1]);
	channel_destroy(p->engine);
	p->engine = channel_create(p->loop, &message_table, ROLE_ENGINE, ROLE_COLLECTOR, 1 << 20,
		&engine_handlers, p, pair[0]);
}

static void hear(struct peer *p, unsigned rounds, int64_t limit_ms)
{
	p->declared = p->fields = p->samples = p->rounds = 0;
	p->until = rounds;
	loop_timer_after(p->limit, limit_ms);
	loop_run(p->loop);
	assert_false(p->timed_out);
}

static void finish(struct peer *p)
{
	int status;
	struct frame_writer *w = g_new0(struct frame_writer, 1);
	message_start(w, MESSAGE_CONTROL_STOP);
	assert_true(channel_send(p->control, w, NULL));
	g_free(w);
	loop_timer_after(p->limit, 20000);
	loop_run(p->loop);
	assert_false(p->timed_out);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_int_equal(status, 0);
	channel_destroy(p->control);
	channel_destroy(p->engine);
	declare_reader_finish(&p->reader);
	loop_timer_destroy(p->limit);
	loop_destroy(p->loop);
}

static void the_first_round_comes_at_once_and_the_next_at_a_slot(void **state)
{
	(void)state;
	struct peer p;
	start(&p);
	connect_engine(&p);
	hear(&p, 1, 20000);
	assert_true(p.declared >= 25);
	assert_int_equal(p.samples, p.fields); /* everything declared has a sample in the first round */
	assert_int_equal(p.step_s, 10);
	assert_true(p.cpus >= 1);
	hear(&p, 1, 40000);
	assert_int_equal(p.declared, 0);
	assert_true(p.samples > 50);
	assert_int_equal(p.last_at_ms % 10000 < 5000 ? p.last_at_ms % 10000 : 0, p.last_at_ms % 10000);
	assert_true(p.progress >= 1);
	finish(&p);
}

static void a_new_engine_is_told_everything_again(void **state)
{
	(void)state;
	struct peer p;
	start(&p);
	connect_engine(&p);
	hear(&p, 1, 20000);
	unsigned declared = p.declared;
	int64_t first_ms = p.last_at_ms;
	connect_engine(&p); /* the old channel is dead, as after a crash */
	hear(&p, 1, 40000);
	assert_true(p.declared >= declared);
	assert_int_equal(p.last_at_ms, first_ms); /* what it may have missed is said again */
	finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_round_comes_at_once_and_the_next_at_a_slot),
		cmocka_unit_test(a_new_engine_is_told_everything_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
