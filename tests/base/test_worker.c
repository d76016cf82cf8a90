#include "base/worker.h"
#include "tests/support/test.h"

struct fixture {
	struct loop *loop;
	struct worker *worker;
	int done, expected;
	int order[100];
};

struct job {
	struct fixture *f;
	int number, square;
	unsigned pause_us;
};

static int enter(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->loop = loop_create();
	f->worker = worker_create(f->loop, "test");
	*state = f;
	return 0;
}

static int leave(void **state)
{
	struct fixture *f = *state;
	worker_destroy(f->worker);
	loop_destroy(f->loop);
	free(f);
	return 0;
}

static void square(void *argument)
{
	struct job *job = argument;
	usleep(job->pause_us);
	job->square = job->number * job->number;
}

static void finished(void *argument)
{
	struct job *job = argument;
	struct fixture *f = job->f;
	assert_int_equal(job->square, job->number * job->number);
	f->order[f->done++] = job->number;
	free(job);
	if (f->done == f->expected) {
		loop_stop(f->loop);
	}
}

static struct job *job_create(struct fixture *f, int number, unsigned pause_us)
{
	struct job *job = calloc(1, sizeof(*job));
	*job = (struct job){.f = f, .number = number, .pause_us = pause_us};
	return job;
}

static void jobs_run_in_order_and_come_back(void **state)
{
	struct fixture *f = *state;
	f->expected = 100;
	for (int i = 0; i < 100; i++) {
		worker_submit(f->worker, square, finished, job_create(f, i, i % 10 ? 0 : 500));
	}
	loop_run(f->loop);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(f->order[i], i);
	}
}

static void submit_the_next(void *argument)
{
	struct job *job = argument;
	struct fixture *f = job->f;
	int number = job->number;
	finished(job);
	if (number < 50) {
		worker_submit(f->worker, square, submit_the_next, job_create(f, number + 1, 0));
	}
}

static void a_finished_job_may_submit_the_next(void **state)
{
	struct fixture *f = *state;
	f->expected = 51;
	worker_submit(f->worker, square, submit_the_next, job_create(f, 0, 0));
	loop_run(f->loop);
	assert_int_equal(f->done, 51);
}

static void mark(void *argument)
{
	int *ran = argument;
	usleep(2000);
	(*ran)++;
}

static void never(void *argument)
{
	(void)argument;
	fail_msg("done was called behind worker_destroy()");
}

static void destroying_waits_for_what_is_queued(void **state)
{
	struct fixture *f = *state;
	int ran = 0;
	for (int i = 0; i < 10; i++) {
		worker_submit(f->worker, mark, never, &ran);
	}
	worker_destroy(f->worker);
	f->worker = NULL;
	assert_int_equal(ran, 10);
	worker_destroy(NULL);
}

static void the_loop_goes_on_while_a_job_blocks(void **state)
{
	struct fixture *f = *state;
	f->expected = 1;
	struct mono before = mono_now();
	worker_submit(f->worker, square, finished, job_create(f, 3, 50000));
	assert_true(mono_now().ms - before.ms < 45); /* submitting waits for nothing */
	assert_int_equal(f->done, 0);
	loop_run(f->loop);
	assert_int_equal(f->done, 1);
}

int main(void)
{
#define WITH_WORKER(t) cmocka_unit_test_setup_teardown(t, enter, leave)
	const struct CMUnitTest tests[] = {
		WITH_WORKER(jobs_run_in_order_and_come_back),
		WITH_WORKER(a_finished_job_may_submit_the_next),
		WITH_WORKER(destroying_waits_for_what_is_queued),
		WITH_WORKER(the_loop_goes_on_while_a_job_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
