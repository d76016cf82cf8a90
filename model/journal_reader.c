#include "model/journal_reader.h"
#include "model/journal.h"
#include "model/segment.h"

#include <glib.h>

#include "base/banned.h"

/*
 * The reader knows the journal only by sequences: it asks for the segment that holds the next one
 * whenever it has none. So segments may be removed or given up under it.
 */
struct journal_reader {
	struct journal *journal;
	struct segment_cursor cursor;
	bool open;
	uint64_t at, before; /* sequences given last, and before that */
	size_t given;        /* bytes of the record given last; 0: taken back */
	uint64_t first;      /* of the open segment */
};

struct journal_reader *journal_reader_create(struct journal *journal, uint64_t after)
{
	struct journal_reader *reader = g_new0(struct journal_reader, 1);
	reader->journal = journal;
	reader->at = after;
	return reader;
}

static void leave(struct journal_reader *reader)
{
	if (reader->open) {
		segment_cursor_close(&reader->cursor);
		reader->open = false;
	}
}

void journal_reader_destroy(struct journal_reader *reader)
{
	if (reader) {
		leave(reader);
		g_free(reader);
	}
}

/* What cannot be read is told of and stepped over. */
static void skip(struct journal_reader *reader, const struct journal_part *part)
{
	journal_report(reader->journal, part->name, reader->at, part->last);
	reader->at = part->last;
	leave(reader);
}

static bool enter(struct journal_reader *reader, const struct journal_part *part)
{
	if (reader->open && reader->first == part->first) {
		return true;
	}
	leave(reader);
	if (!segment_cursor_open(&reader->cursor, part->dir_fd, part->name, NULL)) {
		skip(reader, part);
		return false;
	}
	reader->open = true;
	reader->first = part->first;
	return true;
}

bool journal_reader_next(struct journal_reader *reader, uint64_t until, struct record *record)
{
	struct journal_part part;
	while (reader->at < until && journal_part(reader->journal, reader->at, &part) &&
		   part.first <= until) {
		if (!enter(reader, &part)) {
			continue;
		}
		if (segment_cursor_next(&reader->cursor, record) != RECORD_OK ||
			(record->type != SEGMENT_TYPE && record->sequence > part.last)) {
			skip(reader, &part);
			continue;
		}
		if (record->type == SEGMENT_TYPE || record->sequence <= reader->at) {
			continue;
		}
		if (record->sequence > until) {
			reader->cursor.used -= RECORD_HEADER + record->length;
			return false;
		}
		reader->before = reader->at;
		reader->at = record->sequence;
		reader->given = RECORD_HEADER + record->length;
		return true;
	}
	return false;
}

void journal_reader_unread(struct journal_reader *reader)
{
	if (reader->given) {
		reader->cursor.used -= reader->given;
		reader->at = reader->before;
		reader->given = 0;
	}
}

uint64_t journal_reader_at(const struct journal_reader *reader)
{
	return reader->at;
}
