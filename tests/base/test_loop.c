#include "base/loop.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

struct fixture {
	struct loop *loop;
	struct loop_timer *timer, *other;
	struct loop_watch *watch;
	int fds[2];
	int calls, other_calls;
	unsigned events;
	char order[16];
};

static int enter(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->loop = loop_create();
	*state = f;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, f->fds);
}

static int leave(void **state)
{
	struct fixture *f = *state;
	loop_watch_remove(f->watch);
	loop_timer_destroy(f->timer);
	loop_timer_destroy(f->other);
	loop_destroy(f->loop);
	close(f->fds[0]);
	close(f->fds[1]);
	free(f);
	return 0;
}

static void stop(void *owner)
{
	struct fixture *f = owner;
	f->calls++;
	loop_stop(f->loop);
}

static void count(void *owner)
{
	struct fixture *f = owner;
	f->other_calls++;
}

static void a_timer_fires_once_not_early(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, count, f);
	f->other = loop_timer_create(f->loop, stop, f);
	struct mono before = mono_now();
	loop_timer_after(f->timer, 5);
	loop_timer_after(f->other, 40);
	loop_run(f->loop);
	assert_true(mono_now().ms - before.ms >= 39);
	assert_int_equal(f->other_calls, 1);
}

static void setting_a_timer_again_moves_it(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, count, f);
	f->other = loop_timer_create(f->loop, stop, f);
	loop_timer_after(f->timer, 5);
	loop_timer_after(f->timer, 10000);
	loop_timer_after(f->other, 30);
	loop_run(f->loop);
	assert_int_equal(f->other_calls, 0);
	loop_timer_after(f->timer, -5); /* the past is now */
	loop_timer_after(f->other, 10);
	loop_run(f->loop);
	assert_int_equal(f->other_calls, 1);
}

static void a_stopped_timer_is_silent(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, count, f);
	f->other = loop_timer_create(f->loop, stop, f);
	loop_timer_after(f->timer, 1);
	loop_timer_stop(f->timer);
	loop_timer_after(f->other, 20);
	loop_run(f->loop);
	assert_int_equal(f->other_calls, 0);
}

static void destroy_own_timer(void *owner)
{
	struct fixture *f = owner;
	loop_timer_destroy(f->timer);
	f->timer = NULL;
	stop(f);
}

static void a_timer_may_be_destroyed_in_its_callback(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, destroy_own_timer, f);
	loop_timer_after(f->timer, 1);
	loop_run(f->loop);
	assert_int_equal(f->calls, 1);
}

static void saw(void *owner, int fd, unsigned events)
{
	struct fixture *f = owner;
	assert_int_equal(fd, f->fds[0]);
	f->events |= events;
	stop(f);
}

static void a_watch_tells_what_it_was_asked_for(void **state)
{
	struct fixture *f = *state;
	f->watch = loop_watch_add(f->loop, f->fds[0], LOOP_READABLE, saw, f, NULL);
	assert_non_null(f->watch);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	loop_run(f->loop);
	assert_int_equal(f->events, LOOP_READABLE);
	f->events = 0;
	loop_watch_change(f->watch, LOOP_WRITABLE);
	loop_run(f->loop);
	assert_int_equal(f->events, LOOP_WRITABLE);
}

static void a_watch_for_nothing_is_silent(void **state)
{
	struct fixture *f = *state;
	f->watch = loop_watch_add(f->loop, f->fds[0], 0, saw, f, NULL);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	f->timer = loop_timer_create(f->loop, stop, f);
	loop_timer_after(f->timer, 20);
	loop_run(f->loop);
	assert_int_equal(f->events, 0);
}

static void a_hang_up_is_readable(void **state)
{
	struct fixture *f = *state;
	f->watch = loop_watch_add(f->loop, f->fds[0], LOOP_READABLE, saw, f, NULL);
	close(f->fds[1]);
	f->fds[1] = -1;
	loop_run(f->loop);
	assert_int_equal(f->events, LOOP_READABLE);
}

static void remove_own_watch(void *owner, int fd, unsigned events)
{
	struct fixture *f = owner;
	(void)fd;
	(void)events;
	loop_watch_remove(f->watch);
	f->watch = NULL;
	stop(f);
}

static void a_watch_may_be_removed_in_its_callback(void **state)
{
	struct fixture *f = *state;
	f->watch = loop_watch_add(f->loop, f->fds[0], LOOP_WRITABLE, remove_own_watch, f, NULL);
	loop_run(f->loop);
	assert_int_equal(f->calls, 1);
	f->timer = loop_timer_create(f->loop, stop, f);
	loop_timer_after(f->timer, 10);
	loop_run(f->loop);
	assert_int_equal(f->calls, 2); /* by the timer alone */
}

static void a_regular_file_cannot_be_watched(void **state)
{
	struct fixture *f = *state;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct error err = {.kind = ERR_NONE};
	assert_null(loop_watch_add(f->loop, fd, LOOP_READABLE, saw, f, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
	close(fd);
}

static void note_c(void *owner)
{
	struct fixture *f = owner;
	strncat(f->order, "c", 2);
	loop_stop(f->loop);
}

static void note_a(void *owner)
{
	struct fixture *f = owner;
	strncat(f->order, "a", 2);
	loop_defer(f->loop, note_c, f); /* the next turn, behind b */
}

static void note_b(void *owner)
{
	struct fixture *f = owner;
	strncat(f->order, "b", 2);
}

static void what_is_deferred_runs_once_in_order(void **state)
{
	struct fixture *f = *state;
	loop_defer(f->loop, note_a, f);
	loop_defer(f->loop, note_b, f);
	assert_string_equal(f->order, "");
	loop_run(f->loop);
	assert_string_equal(f->order, "abc");
}

static void what_is_deferred_and_never_ran_is_dropped(void **state)
{
	struct fixture *f = *state;
	loop_defer(f->loop, note_a, f); /* leave() destroys the loop: a leak would show */
}

static void got_signal(void *owner, int number)
{
	struct fixture *f = owner;
	f->events = (unsigned)number;
	loop_stop(f->loop);
}

static void a_signal_comes_as_a_call(void **state)
{
	struct fixture *f = *state;
	loop_on_signal(f->loop, SIGUSR1, got_signal, f);
	f->timer = loop_timer_create(f->loop, count, f);
	loop_timer_after(f->timer, 5000); /* a signal alone keeps no loop alive */
	raise(SIGUSR1);
	loop_run(f->loop);
	assert_int_equal(f->events, SIGUSR1);
}

int main(void)
{
#define WITH_LOOP(t) cmocka_unit_test_setup_teardown(t, enter, leave)
	const struct CMUnitTest tests[] = {
		WITH_LOOP(a_timer_fires_once_not_early),
		WITH_LOOP(setting_a_timer_again_moves_it),
		WITH_LOOP(a_stopped_timer_is_silent),
		WITH_LOOP(a_timer_may_be_destroyed_in_its_callback),
		WITH_LOOP(a_watch_tells_what_it_was_asked_for),
		WITH_LOOP(a_watch_for_nothing_is_silent),
		WITH_LOOP(a_hang_up_is_readable),
		WITH_LOOP(a_watch_may_be_removed_in_its_callback),
		WITH_LOOP(a_regular_file_cannot_be_watched),
		WITH_LOOP(what_is_deferred_runs_once_in_order),
		WITH_LOOP(what_is_deferred_and_never_ran_is_dropped),
		WITH_LOOP(a_signal_comes_as_a_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
