#include "journal_place.h"

/* The journal on a disk that is full, fails, or does not answer. */

/* Stand in front of the C library's, so that a sync can fail, or not end, when a test wants it to,
 * and so that a write while it does not end is seen. */
static int syncs_that_fail;
static bool disk_stands_still; /* atomic: the journal's worker reads it */
static unsigned writes_meanwhile;

int fdatasync(int fd)
{
	while (__atomic_load_n(&disk_stands_still, __ATOMIC_ACQUIRE)) {
		usleep(1000);
	}
	if (syncs_that_fail > 0) {
		syncs_that_fail--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	writes_meanwhile += __atomic_load_n(&disk_stands_still, __ATOMIC_ACQUIRE);
	return (ssize_t)syscall(SYS_pwrite64, fd, bytes, length, at);
}

static void a_full_disk_keeps_records_in_memory(void **state)
{
	/* hostile 88 */
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 500);
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct rlimit full = {.rlim_cur = 64 << 10, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	append_all(journal, 501, 3000);
	bool broken = journal_broken(journal);
	bool synced = journal_sync(journal, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(broken);
	assert_false(synced);
	assert_string_equal(place->events->str, "journal.broken\n");
	assert_true(journal_sync(journal, NULL));
	assert_string_equal(place->events->str, "journal.broken\njournal.recovered\n");
	append_all(journal, 3001, 3100);
	assert_int_equal(check_all(journal, 0), 3100);
	journal_close(journal);
	journal = open_here(place);
	assert_int_equal(check_all(journal, 0), 3100);
	journal_close(journal);
}

static void a_failed_sync_gives_the_segment_up_and_loses_nothing(void **state)
{
	/* hostile 90 */
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 100);
	assert_true(journal_sync(journal, NULL));
	append_all(journal, 101, 200);
	syncs_that_fail = 1;
	assert_true(journal_sync(journal, NULL));
	assert_string_equal(place->events->str, "journal.given_up\n");
	append_all(journal, 201, 300);
	assert_int_equal(check_all(journal, 0), 300);
	journal_close(journal);
	assert_int_equal(count_files(place, ""), 2);
	journal = open_here(place);
	assert_int_equal(check_all(journal, 0), 300);
	journal_close(journal);
	assert_string_equal(place->events->str, "journal.given_up\n");
}

static void wait_for_durable(struct place *place, uint64_t sequence)
{
	while (place->durable < sequence) {
		loop_run(place->loop);
	}
}

static void the_worker_makes_durable_and_tells(void **state)
{
	struct place *place = *state;
	place->loop = loop_create();
	struct journal *journal = open_here(place);
	append_all(journal, 1, 10);
	struct mono began = mono_now();
	journal_hurry(journal);
	wait_for_durable(place, 10);
	assert_true(mono_now().ms - began.ms < JOURNAL_SYNC_MS);
	append_all(journal, 11, 20);
	wait_for_durable(place, 20); /* without being asked, within a second */
	assert_int_equal(journal_durable(journal), 20);
	syncs_that_fail = 1;
	append_all(journal, 21, 30);
	journal_hurry(journal);
	append_all(journal, 31, 3000); /* while the worker is at it */
	wait_for_durable(place, 3000);
	assert_int_equal(check_all(journal, 0), 3000);
	append(journal, 3001);
	journal_close(journal);
	loop_destroy(place->loop);
	place->loop = NULL;
	journal = open_here(place);
	assert_int_equal(check_all(journal, 0), 3001);
	journal_close(journal);
}

/* hostile 91: what comes in while the disk stands still waits in memory; nobody waits for it */
static void a_sync_that_does_not_end_holds_nobody_up(void **state)
{
	struct place *place = *state;
	place->loop = loop_create();
	struct journal *journal = open_here(place);
	append_all(journal, 1, 10);
	__atomic_store_n(&disk_stands_still, true, __ATOMIC_RELEASE);
	writes_meanwhile = 0;
	journal_hurry(journal);
	append_all(journal, 11, 3000); /* a write would be counted; a wait would never end */
	unsigned written = writes_meanwhile;
	assert_int_equal(journal_written(journal), 3000);
	assert_int_equal(journal_durable(journal), 0);
	__atomic_store_n(&disk_stands_still, false, __ATOMIC_RELEASE);
	assert_int_equal(written, 0);
	append_all(journal, 3001, 3010);
	wait_for_durable(place, 3010);
	assert_int_equal(check_all(journal, 0), 3010);
	assert_false(journal_broken(journal));
	__atomic_store_n(&disk_stands_still, true, __ATOMIC_RELEASE);
	append(journal, 3011);
	journal_hurry(journal);
	append_all(journal, 3012, 3020);
	syncs_that_fail = 1; /* when it moves again this one has failed */
	__atomic_store_n(&disk_stands_still, false, __ATOMIC_RELEASE);
	wait_for_durable(place, 3020);
	journal_close(journal);
	loop_destroy(place->loop);
	place->loop = NULL;
	journal = open_here(place);
	assert_int_equal(check_all(journal, 0), 3020);
	journal_close(journal);
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(a_full_disk_keeps_records_in_memory),
		HERE(a_failed_sync_gives_the_segment_up_and_loses_nothing),
		HERE(the_worker_makes_durable_and_tells),
		HERE(a_sync_that_does_not_end_holds_nobody_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
