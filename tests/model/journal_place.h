#pragma once
/*
 * A journal in a directory of its own, and records whose bytes follow from their numbers, for its
 * tests.
 */
#include "model/journal.h"

#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "model/journal_reader.h"
#include "model/segment.h"

struct place {
	char *path;
	GString *events; /* kinds, one per line */
	uint64_t durable;
	struct loop *loop;
};

static UNUSED void on_event(void *owner, const char *kind, const char *object, const char *text)
{
	struct place *place = owner;
	g_string_append_printf(place->events, "%s\n", kind);
	assert_true(*object && *text);
	if (!strcmp(kind, "journal.broken")) {
		assert_string_equal(object, place->path);
	}
}

static UNUSED void on_durable(void *owner, uint64_t sequence)
{
	struct place *place = owner;
	assert_true(sequence > place->durable);
	place->durable = sequence;
	if (place->loop) {
		loop_stop(place->loop);
	}
}

static const struct journal_handlers handlers = {.durable = on_durable, .event = on_event};

static UNUSED int make_place(void **state)
{
	struct place *place = g_new0(struct place, 1);
	place->path = test_directory();
	place->events = g_string_new("");
	*state = place;
	return 0;
}

static UNUSED int remove_place(void **state)
{
	struct place *place = *state;
	test_directory_remove(place->path);
	g_string_free(place->events, TRUE);
	g_free(place);
	return 0;
}

static UNUSED struct journal_options options_for(struct place *place)
{
	return (struct journal_options){.directory = place->path,
		.segment_bytes = JOURNAL_SEGMENT_LEAST,
		.loop = place->loop,
		.handlers = &handlers,
		.owner = place};
}

static UNUSED struct journal *open_here(struct place *place)
{
	struct journal_options options = options_for(place);
	struct error err;
	g_autofree char *borrowed = g_strdup(place->path); /* for the call only */
	options.directory = borrowed;
	struct journal *journal = journal_open(&options, &err);
	assert_non_null(journal);
	memset(borrowed, '?', strlen(borrowed));
	return journal;
}

/* Payload of record number n: its length and bytes follow from n. */
static UNUSED size_t payload_for(uint64_t n, unsigned char *out)
{
	size_t length = 8 + (n * 37) % 400;
	for (size_t i = 0; i < length; i++) {
		out[i] = (unsigned char)(n * 31 + i * 7);
	}
	memcpy(out, &n, 8);
	return length;
}

static UNUSED void append(struct journal *journal, uint64_t n)
{
	unsigned char payload[512];
	size_t length = payload_for(n, payload);
	uint64_t sequence;
	assert_true(journal_append(journal, 7, payload, length, &sequence, NULL));
	assert_int_equal(sequence, n);
}

static UNUSED void append_all(struct journal *journal, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n <= to; n++) {
		append(journal, n);
	}
}

/* Reads everything behind `after`, checks each payload; returns the last sequence met. */
static UNUSED uint64_t check_all(struct journal *journal, uint64_t after)
{
	AUTO(journal_reader) reader = journal_reader_create(journal, after);
	struct record record;
	unsigned char expected[512];
	uint64_t n = after;
	while (journal_reader_next(reader, journal_written(journal), &record)) {
		assert_true(record.sequence > n);
		n = record.sequence;
		assert_int_equal(record.type, 7);
		assert_int_equal(record.length, payload_for(n, expected));
		assert_memory_equal(record.payload, expected, record.length);
	}
	return n;
}

static UNUSED size_t count_files(struct place *place, const char *below)
{
	g_autofree char *path = g_build_filename(place->path, below, NULL);
	GDir *dir = g_dir_open(path, 0, NULL);
	size_t count = 0;
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		count += strcmp(name, "corrupt") != 0;
	}
	if (dir) {
		g_dir_close(dir);
	}
	return count;
}
