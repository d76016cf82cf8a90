#include "journal_place.h"

static char *segment_path(struct place *place, uint64_t first)
{
	return g_strdup_printf("%s/%020llu.journal", place->path, (unsigned long long)first);
}

static void records_come_back_over_segments_and_restarts(void **state)
{
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 5000);
	assert_int_equal(check_all(journal, 0), 5000);
	assert_int_equal(journal_durable(journal), 0);
	assert_true(journal_sync(journal, NULL));
	assert_int_equal(journal_durable(journal), 5000);
	journal_close(journal);
	assert_true(count_files(place, "") > 3);

	journal = open_here(place);
	assert_int_equal(journal_written(journal), 5000);
	assert_int_equal(journal_oldest(journal), 1);
	append_all(journal, 5001, 6000);
	assert_int_equal(check_all(journal, 0), 6000);
	assert_int_equal(check_all(journal, 3210), 6000);
	journal_close(journal);
	assert_string_equal(place->events->str, "");
}

static void a_reader_follows_the_writer(void **state)
{
	struct place *place = *state;
	struct journal *journal = open_here(place);
	AUTO(journal_reader) reader = journal_reader_create(journal, 0);
	struct record record;
	for (uint64_t n = 1; n <= 3000; n++) {
		assert_false(journal_reader_next(reader, journal_written(journal), &record));
		append(journal, n);
		assert_false(journal_reader_next(reader, n - 1, &record)); /* not beyond what is asked */
		assert_true(journal_reader_next(reader, n, &record));
		assert_int_equal(record.sequence, n);
		journal_reader_unread(reader);
		assert_true(journal_reader_next(reader, n, &record));
		assert_int_equal(record.sequence, n);
	}
	journal_reader_destroy(STEAL(reader));
	journal_close(journal);
}

static void sequences_are_never_given_out_twice(void **state)
{
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 10);
	journal_close(journal);
	struct journal_options options = options_for(place);
	options.least_after = 50; /* the state database has seen 50: a tail was lost */
	journal = journal_open(&options, NULL);
	assert_non_null(journal);
	append(journal, 51);
	journal_raise(journal, 100);
	append(journal, 101);
	assert_int_equal(check_all(journal, 0), 101);
	assert_int_equal(check_all(journal, 51), 101);
	journal_close(journal);
	journal = open_here(place);
	assert_int_equal(check_all(journal, 10), 101);
	journal_close(journal);
	assert_string_equal(place->events->str, "");
}

static off_t end_of_records(struct place *place)
{
	struct segment_damage damage;
	int dir_fd = open(place->path, O_RDONLY | O_DIRECTORY);
	struct segment *segment = segment_open(dir_fd, "00000000000000000001.journal", &damage, NULL);
	assert_non_null(segment);
	off_t end = segment->end;
	segment_destroy(segment);
	close(dir_fd);
	return end;
}

static void a_tail_torn_at_any_byte_is_cut(void **state)
{
	/* hostile 83: torn end */
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 2);
	journal_close(journal);
	off_t before = end_of_records(place);
	journal = open_here(place);
	append(journal, 3);
	journal_close(journal);
	off_t behind = end_of_records(place);
	g_autofree char *path = segment_path(place, 1);
	size_t length;
	AUTO_FREE char *content = file_read(AT_FDCWD, path, 1 << 20, &length, NULL);
	assert_non_null(content);
	for (off_t cut = before + 1; cut < behind; cut++) {
		assert_true(file_replace(AT_FDCWD, path, content, length, 0640, NULL));
		assert_int_equal(truncate(path, cut), 0);
		journal = open_here(place);
		assert_int_equal(check_all(journal, 0), 2);
		append_all(journal, 3, 4);
		assert_int_equal(check_all(journal, 0), 4);
		journal_close(journal);
		journal = open_here(place);
		assert_int_equal(check_all(journal, 0), 4);
		journal_close(journal);
		assert_true(count_files(place, "corrupt") > 0);
		g_autofree char *second = segment_path(place, 3);
		(void)unlink(second);
	}
}

static void a_flipped_bit_ends_the_segment_there(void **state)
{
	/* hostile 83: a flipped bit in every byte of a record */
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append(journal, 1);
	journal_close(journal);
	off_t before = end_of_records(place);
	journal = open_here(place);
	append(journal, 2);
	journal_close(journal);
	off_t behind = end_of_records(place);
	journal = open_here(place);
	append_all(journal, 3, 4);
	journal_close(journal);
	g_autofree char *path = segment_path(place, 1);
	size_t length;
	AUTO_FREE char *content = file_read(AT_FDCWD, path, 1 << 20, &length, NULL);
	for (off_t at = before; at < behind; at++) {
		content[at] ^= (char)(1 << (at % 8));
		assert_true(file_replace(AT_FDCWD, path, content, length, 0640, NULL));
		content[at] ^= (char)(1 << (at % 8));
		g_string_truncate(place->events, 0);
		struct journal_options options = options_for(place);
		options.least_after = 4;
		journal = journal_open(&options, NULL);
		assert_non_null(journal);
		assert_string_equal(place->events->str, "journal.damaged\n");
		assert_int_equal(check_all(journal, 0), 1);
		append(journal, 5);
		assert_int_equal(check_all(journal, 1), 5);
		journal_close(journal);
		g_autofree char *second = segment_path(place, 5);
		(void)unlink(second);
	}
}

static void a_missing_segment_is_told_of(void **state)
{
	/* hostile 83: missing segment */
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 5000);
	struct journal_part part;
	assert_true(journal_part(journal, 0, &part));
	assert_true(journal_part(journal, part.last, &part));
	g_autofree char *path = segment_path(place, part.first);
	uint64_t resumed = part.last;
	journal_close(journal);
	assert_int_equal(unlink(path), 0);
	journal = open_here(place);
	assert_string_equal(place->events->str, "journal.missing\n");
	assert_int_equal(check_all(journal, 0), 5000);
	assert_int_equal(check_all(journal, resumed), 5000);
	journal_close(journal);
}

static void strange_segments_are_moved_away(void **state)
{
	/* hostile 83: doubled segment, newer version; and files that are no segments */
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 20);
	journal_close(journal);
	g_autofree char *good = segment_path(place, 1);
	g_autofree char *twin = segment_path(place, 9);
	g_autofree char *newer = segment_path(place, 15);
	g_autofree char *empty = segment_path(place, 14);
	size_t length;
	AUTO_FREE char *content = file_read(AT_FDCWD, good, 1 << 20, &length, NULL);
	assert_true(file_replace(AT_FDCWD, twin, content, length, 0640, NULL));
	assert_true(file_replace(AT_FDCWD, empty, "", 0, 0640, NULL));
	struct record record;
	size_t at = 0;
	assert_int_equal(record_next((unsigned char *)content, length, &at, &record), RECORD_OK);
	unsigned char description[64];
	memcpy(description, record.payload, record.length);
	description[0] = SEGMENT_VERSION + 1;
	record_header((unsigned char *)content, 15, SEGMENT_TYPE, description, record.length);
	memcpy(content + RECORD_HEADER, description, record.length);
	assert_true(file_replace(AT_FDCWD, newer, content, length, 0640, NULL));

	journal = open_here(place);
	assert_string_equal(place->events->str, "journal.damaged\njournal.damaged\njournal.damaged\n");
	assert_int_equal(check_all(journal, 0), 20);
	append(journal, 21);
	journal_close(journal);
	assert_int_equal(count_files(place, "corrupt"), 3);
}

static void a_kill_while_a_segment_is_made_is_no_damage(void **state)
{
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 20);
	journal_close(journal);
	g_autofree char *made = segment_path(place, 21);
	g_autofree char *zeros = g_malloc0(JOURNAL_SEGMENT_LEAST); /* preallocated, not described */
	assert_true(file_replace(AT_FDCWD, made, zeros, JOURNAL_SEGMENT_LEAST, 0640, NULL));
	journal = open_here(place);
	assert_string_equal(place->events->str, "");
	assert_int_equal(check_all(journal, 0), 20);
	append(journal, 21); /* under the same name */
	assert_int_equal(check_all(journal, 0), 21);
	journal_close(journal);
	assert_int_equal(count_files(place, "corrupt"), 0);
}

static void segments_go_when_old_and_safe_elsewhere(void **state)
{
	struct place *place = *state;
	struct journal *journal = open_here(place);
	append_all(journal, 1, 6000);
	assert_true(journal_sync(journal, NULL));
	struct journal_part first;
	struct journal_part second;
	assert_true(journal_part(journal, 0, &first));
	assert_true(journal_part(journal, first.last, &second));
	struct wall now = wall_now();
	struct wall later = {now.ms + JOURNAL_KEEP_MS + 1000};
	journal_release(journal, 6000, now); /* too young */
	assert_int_equal(journal_oldest(journal), 1);
	journal_release(journal, first.last - 1, later); /* still needed */
	assert_int_equal(journal_oldest(journal), 1);
	journal_release(journal, first.last, later);
	assert_int_equal(journal_oldest(journal), second.first);
	AUTO(journal_reader) reader = journal_reader_create(journal, 0);
	struct record record;
	assert_true(journal_reader_next(reader, 6000, &record));
	assert_int_equal(record.sequence, second.first);
	uint64_t bytes = journal_bytes(journal);
	journal_release(journal, 6000, later); /* the open one stays */
	assert_true(journal_bytes(journal) < bytes);
	uint64_t last = 0;
	while (journal_reader_next(reader, 6000, &record)) {
		last = record.sequence; /* a reader survives what is removed under it */
	}
	assert_int_equal(last, 6000);
	journal_reader_destroy(STEAL(reader));
	journal_close(journal);
	assert_string_equal(place->events->str, "");
}

static void too_large_a_journal_drops_the_oldest_visibly(void **state)
{
	struct place *place = *state;
	struct journal_options options = options_for(place);
	options.most_bytes = 3 * JOURNAL_SEGMENT_LEAST;
	struct journal *journal = journal_open(&options, NULL);
	append_all(journal, 1, 8000);
	assert_true(journal_sync(journal, NULL));
	journal_release(journal, 0, wall_now());
	assert_true(journal_bytes(journal) <= options.most_bytes);
	assert_non_null(strstr(place->events->str, "journal.shortened"));
	assert_int_equal(check_all(journal, 0), 8000);
	journal_close(journal);
}

/* Appends for ever, says over the pipe what append() returned for. */
static void child_appends(struct place *place, uint64_t from, int pipe_fd)
{
	struct journal *journal = open_here(place);
	for (uint64_t n = from;; n++) {
		append(journal, n);
		if (write(pipe_fd, &n, sizeof(n)) != sizeof(n)) {
			_exit(1);
		}
	}
}

static void kill_9_loses_nothing_that_was_written(void **state)
{
	struct place *place = *state;
	uint64_t said = 0;
	for (unsigned round = 0; round < 30; round++) {
		int fds[2];
		assert_int_equal(pipe(fds), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			child_appends(place, said + 1, fds[1]);
		}
		close(fds[1]);
		uint64_t n = 0;
		for (unsigned i = 0; i < 40 + round * 53; i++) {
			assert_int_equal(read(fds[0], &n, sizeof(n)), sizeof(n));
		}
		kill(pid, SIGKILL);
		while (read(fds[0], &n, sizeof(n)) == sizeof(n)) {
			/* what was said before the end */
		}
		close(fds[0]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		struct journal *journal = open_here(place);
		said = check_all(journal, 0);
		assert_true(said >= n);
		assert_int_equal(said, journal_written(journal));
		journal_close(journal);
	}
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(records_come_back_over_segments_and_restarts),
		HERE(a_reader_follows_the_writer),
		HERE(sequences_are_never_given_out_twice),
		HERE(a_tail_torn_at_any_byte_is_cut),
		HERE(a_flipped_bit_ends_the_segment_there),
		HERE(a_missing_segment_is_told_of),
		HERE(strange_segments_are_moved_away),
		HERE(a_kill_while_a_segment_is_made_is_no_damage),
		HERE(segments_go_when_old_and_safe_elsewhere),
		HERE(too_large_a_journal_drops_the_oldest_visibly),
		HERE(kill_9_loses_nothing_that_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
