#pragma once
#include "base/auto.h"
#include "base/record.h"

#include <stdbool.h>

/*
 * Walks the journal from any sequence on, while it is being written: the replay at a start, and the
 * feed of an rrd role. Each reader has a descriptor of its own.
 */
struct journal;
struct journal_reader;

/* Reads records behind `after`, or from the oldest that is kept. Must be destroyed before the
 * journal is closed. */
struct journal_reader *journal_reader_create(struct journal *journal, uint64_t after);
void journal_reader_destroy(struct journal_reader *reader);
DEFINE_AUTO(journal_reader)

/*
 * The next record with a sequence <= `until`, valid until the next call. False: none (yet). `until`
 * may not be beyond journal_written(), and while the journal is being written not beyond
 * journal_durable().
 */
bool journal_reader_next(struct journal_reader *reader, uint64_t until, struct record *record);

/* The record given last could not be used yet: the next call gives it again. Not twice in a row. */
void journal_reader_unread(struct journal_reader *reader);

/* The sequence given last, or what was passed as `after`. */
uint64_t journal_reader_at(const struct journal_reader *reader);
