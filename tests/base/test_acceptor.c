/* A listening socket on the loop, above all when the process has no descriptor left. */
#include "base/acceptor.h"
#include "base/clock.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/auto.h"

enum { CLIENTS = 3 };

struct bed {
	struct loop *loop;
	struct acceptor *acceptor;
	struct loop_timer *end;
	int clients[CLIENTS];
	int spare; /* what full() may give up; -1: nothing */
	int accepted, full;
	struct rlimit files;
};

static void bed_stop(void *owner)
{
	struct bed *bed = owner;
	loop_stop(bed->loop);
}

static void bed_accepted(void *owner, int fd, const struct sockaddr_storage *peer)
{
	struct bed *bed = owner;
	assert_int_equal(peer->ss_family, AF_INET);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	if (++bed->accepted == CLIENTS) {
		loop_stop(bed->loop);
	}
}

static bool bed_full(void *owner)
{
	struct bed *bed = owner;
	bed->full++;
	if (bed->spare < 0) {
		return false;
	}
	close(STEAL_FD(bed->spare));
	return true;
}

static int bed_connect(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)to, sizeof(*to)), 0);
	return fd;
}

static void bed_begin(struct bed *bed)
{
	static const struct acceptor_handlers handlers = {.accepted = bed_accepted, .full = bed_full};
	struct error err;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(address);
	*bed = (struct bed){.loop = loop_create(), .spare = -1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	bed->acceptor = acceptor_create(bed->loop, fd, &handlers, bed, &err);
	assert_non_null(bed->acceptor);
	bed->end = loop_timer_create(bed->loop, bed_stop, bed);
	for (size_t i = 0; i < CLIENTS; i++) {
		bed->clients[i] = bed_connect(&address);
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &bed->files), 0);
}

/* From now on the process has no descriptor left. */
static void bed_fill(const struct bed *bed)
{
	struct rlimit none = bed->files;
	int next = dup(0);
	close(next);
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void bed_run(struct bed *bed, int64_t most_ms)
{
	loop_timer_after(bed->end, most_ms);
	loop_run(bed->loop);
}

static void bed_finish(struct bed *bed)
{
	setrlimit(RLIMIT_NOFILE, &bed->files);
	for (size_t i = 0; i < CLIENTS; i++) {
		close(bed->clients[i]);
	}
	acceptor_destroy(bed->acceptor);
	loop_timer_destroy(bed->end);
	loop_destroy(bed->loop);
}

static void what_connects_is_handed_over(void **state)
{
	struct bed bed;
	(void)state;
	bed_begin(&bed);
	bed_run(&bed, 20000);
	assert_int_equal(bed.accepted, CLIENTS);
	bed_finish(&bed);
}

static void without_a_descriptor_it_looks_away_and_goes_on_later(void **state)
{
	struct bed bed;
	(void)state;
	bed_begin(&bed);
	bed_fill(&bed);
	bed_run(&bed, ACCEPTOR_PAUSE_MS * 3);
	assert_int_equal(bed.accepted, 0);
	assert_in_range(bed.full, 1, 4); /* once a pause, not once a turn of the loop */
	setrlimit(RLIMIT_NOFILE, &bed.files);
	bed_run(&bed, 20000);
	assert_int_equal(bed.accepted, CLIENTS);
	bed_finish(&bed);
}

static void a_descriptor_that_is_given_up_is_used_at_once(void **state)
{
	struct bed bed;
	(void)state;
	bed_begin(&bed);
	bed.spare = dup(0);
	bed_fill(&bed);
	bed_run(&bed, 20000);
	assert_int_equal(bed.accepted, CLIENTS);
	assert_int_equal(bed.full, 1);
	bed_finish(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_connects_is_handed_over),
		cmocka_unit_test(without_a_descriptor_it_looks_away_and_goes_on_later),
		cmocka_unit_test(a_descriptor_that_is_given_up_is_used_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
