#include "collector/remote_executor.h"
#include "base/auto.h"
#include "base/channel.h"
#include "model/message.h"
#include "tests/support/test.h"

#include <glib.h>

#include <sys/socket.h>

/* The executor with the test as the runner at the other end. */
struct fixture {
	struct loop *loop;
	struct role role;
	struct executor *executor;
	struct channel *runner;
	struct frame_writer *writer;
	GArray *ordered, *cancelled; /* uint64_t: runs */
	unsigned called;
	struct execution_result last; /* texts are in `output` and `errors` */
	char output[64], errors[64];
};

static void runner_frame(void *owner, const struct frame *frame, int fd)
{
	struct fixture *f = owner;
	struct frame_reader r = frame_read(frame);
	uint64_t run = frame_get_u64(&r);
	assert_int_equal(fd, -1);
	g_array_append_val(frame->type == MESSAGE_EXECUTE ? f->ordered : f->cancelled, run);
	if (frame->type == MESSAGE_EXECUTE) {
		assert_int_equal(frame_get_u8(&r), EXECUTE_CHECK);
		g_autofree char *host = frame_get_text(&r);
		g_autofree char *name = frame_get_text(&r);
		assert_string_equal(host, "h");
		assert_string_equal(name, "x");
		assert_int_equal(frame_get_u32(&r), 1234);
	}
	assert_true(frame_read_done(&r));
	loop_stop(f->loop);
}

static void runner_closed(void *owner UNUSED, const struct error *why UNUSED)
{
}

static void join(struct fixture *f)
{
	static const struct channel_handlers handlers = {
		.frame = runner_frame, .closed = runner_closed};
	int pair[2];
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	f->runner = channel_create(
		f->loop, &message_table, ROLE_RUNNER, ROLE_COLLECTOR, 1 << 20, &handlers, f, pair[0]);
	remote_executor_connect(f->executor, pair[1]);
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){.loop = loop_create(), .role = {.id = ROLE_COLLECTOR}};
	f->role.loop = f->loop;
	f->writer = g_new0(struct frame_writer, 1);
	f->ordered = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	f->cancelled = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	f->executor = remote_executor_create(&f->role);
}

static void finish(struct fixture *f)
{
	remote_executor_destroy(f->executor);
	channel_destroy(f->runner);
	g_array_unref(f->ordered);
	g_array_unref(f->cancelled);
	g_free(f->writer);
	loop_destroy(f->loop);
}

static void on_done(void *owner, const struct execution_result *result)
{
	struct fixture *f = owner;
	f->called++;
	f->last = *result;
	snprintf(f->output, sizeof(f->output), "%s", result->output);
	snprintf(f->errors, sizeof(f->errors), "%s", result->errors);
	loop_stop(f->loop);
}

static struct execution *start(struct fixture *f, struct error *err)
{
	struct execution_request request = {
		.what = EXECUTION_CHECK, .host = "h", .name = "x", .timeout_ms = 1234};
	return executor_start(f->executor, &request, on_done, f, err);
}

/* Starts one and waits until the runner has the order. */
static struct execution *ordered(struct fixture *f)
{
	struct error err = {.kind = ERR_NONE};
	guint before = f->ordered->len;
	struct execution *execution = start(f, &err);
	assert_non_null(execution);
	while (f->ordered->len == before) {
		loop_run(f->loop);
	}
	return execution;
}

static uint64_t run_of(const struct fixture *f, guint index)
{
	return g_array_index(f->ordered, uint64_t, index);
}

static void answer(struct fixture *f, uint64_t run, bool started, const char *output, int fd)
{
	message_start(f->writer, MESSAGE_EXECUTED);
	frame_put_u64(f->writer, run);
	frame_put_u8(f->writer, started);
	frame_put_u32(f->writer, started ? 2 : ERR_DENIED);
	frame_put_u8(f->writer, 15);
	frame_put_u8(f->writer, EXECUTED_TIMED_OUT);
	frame_put_u8(f->writer, 1);
	frame_put_u32(f->writer, 77);
	frame_put_text(f->writer, "bad");
	frame_put_bytes(f->writer, output, strlen(output));
	assert_true(channel_send_fd(f->runner, f->writer, fd, NULL));
}

static void results_find_who_asked(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	join(&f);
	ordered(&f);
	ordered(&f);
	answer(&f, run_of(&f, 1), true, "second", -1);
	loop_run(f.loop);
	assert_int_equal(f.called, 1);
	assert_string_equal(f.output, "second");
	assert_string_equal(f.errors, "bad");
	assert_int_equal(f.last.error.kind, ERR_NONE);
	assert_int_equal(f.last.exit_code, 2);
	assert_int_equal(f.last.signal, 15);
	assert_int_equal(f.last.took_ms, 77);
	assert_true(f.last.timed_out && f.last.truncated && !f.last.too_many);
	answer(&f, run_of(&f, 0), false, "not root's", -1);
	loop_run(f.loop);
	assert_int_equal(f.called, 2);
	assert_int_equal(f.last.error.kind, ERR_DENIED);
	assert_string_equal(f.last.error.text, "not root's");
	finish(&f);
}

static void what_nobody_waits_for_is_cancelled_and_its_answer_dropped(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	join(&f);
	executor_cancel(f.executor, ordered(&f));
	while (!f.cancelled->len) {
		loop_run(f.loop);
	}
	assert_int_equal(g_array_index(f.cancelled, uint64_t, 0), run_of(&f, 0));
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	answer(&f, run_of(&f, 0), true, "late", pair[0]); /* with a descriptor that nobody takes */
	close(pair[0]);
	ordered(&f);
	answer(&f, run_of(&f, 1), true, "next", -1);
	loop_run(f.loop);
	assert_int_equal(f.called, 1);
	assert_string_equal(f.output, "next");
	char byte;
	assert_int_equal(read(pair[1], &byte, 1), 0); /* it was closed */
	close(pair[1]);
	finish(&f);
}

static void without_a_runner_all_fails_and_goes_on_with_the_next(void **state UNUSED)
{
	struct fixture f;
	struct error err = {.kind = ERR_NONE};
	begin(&f);
	assert_null(start(&f, &err));
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	join(&f);
	ordered(&f);
	ordered(&f);
	channel_destroy(STEAL(f.runner));
	while (f.called < 2) {
		loop_run(f.loop);
	}
	assert_int_equal(f.last.error.kind, ERR_UNREACHABLE);
	assert_null(start(&f, &err));
	join(&f);
	ordered(&f);
	answer(&f, run_of(&f, 2), true, "again", -1);
	loop_run(f.loop);
	assert_string_equal(f.output, "again");
	ordered(&f); /* under way at the end: dropped without a word */
	finish(&f);
	assert_int_equal(f.called, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_find_who_asked),
		cmocka_unit_test(what_nobody_waits_for_is_cancelled_and_its_answer_dropped),
		cmocka_unit_test(without_a_runner_all_fails_and_goes_on_with_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
