/*
 * A segment with any content behind a good first record (or, if the first byte is odd, without
 * one): the journal opens, reads what is good, and what is written after that can be read back.
 */
#include "model/journal.h"
#include "model/journal_reader.h"
#include "model/segment.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

static char directory[] = "/dev/shm/magpie.XXXXXX";

static void clean(void)
{
	g_autofree char *corrupt = g_build_filename(directory, "corrupt", NULL);
	const char *const paths[] = {corrupt, directory};
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		const char *path = paths[i];
		g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
		const char *name;
		while (dir && (name = g_dir_read_name(dir))) {
			g_autofree char *file = g_build_filename(path, name, NULL);
			(void)unlink(file);
		}
	}
}

static void write_segment(const uint8_t *data, size_t size, bool described)
{
	int dir_fd = open(directory, O_RDONLY | O_DIRECTORY);
	assert(dir_fd >= 0);
	struct segment *segment = segment_create(dir_fd, 1, 0, 65536, NULL);
	assert(segment);
	off_t at = described ? segment->end : 0;
	assert(pwrite(segment->fd, data, size, at) == (ssize_t)size);
	segment_destroy(segment);
	close(dir_fd);
}

static uint64_t read_all(struct journal *journal)
{
	AUTO(journal_reader) reader = journal_reader_create(journal, 0);
	struct record record;
	uint64_t last = 0;
	while (journal_reader_next(reader, journal_written(journal), &record)) {
		assert(record.sequence > last);
		last = record.sequence;
	}
	return last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	if (!made) {
		made = mkdtemp(directory) != NULL;
		assert(made);
	}
	if (!size || size > 32768) {
		return 0;
	}
	clean();
	write_segment(data + 1, size - 1, !(data[0] & 1));
	struct journal_options options = {
		.directory = directory, .segment_bytes = JOURNAL_SEGMENT_LEAST};
	struct journal *journal = journal_open(&options, NULL);
	assert(journal);
	uint64_t last = read_all(journal);
	assert(last == journal_written(journal));
	uint64_t sequence;
	assert(journal_append(journal, ENTRY_TICK, "12345678", 8, &sequence, NULL));
	assert(sequence == last + 1);
	journal_close(journal);
	journal = journal_open(&options, NULL);
	assert(journal && read_all(journal) == sequence);
	journal_close(journal);
	return 0;
}
