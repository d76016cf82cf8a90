#pragma once
#include "web/archive.h"

/*
 * What web/archive.c (answers) and web/archive_ask.c (questions) share: questions and their parts.
 */
enum part_kind { PART_VALUES, PART_FLUSH, PART_PICTURE };

struct part {
	enum part_kind kind;
	uint32_t number;
	unsigned writer;
	bool done;
	struct question *question;
	/* values */
	GHashTable *places; /* series id -> index + 1 */
	GArray *wanted;     /* u32: place of each in the question */
	GPtrArray *columns; /* GArray of double */
	int64_t t0_s, step_s;
	/* picture or the text of an error */
	GByteArray *bytes;
	GByteArray *frame; /* PART_PICTURE: what is to be asked when all is flushed; NULL: it was */
};

struct question {
	struct archive *archive;
	struct mono asked;
	archive_data_fn data_done;
	archive_picture_fn picture_done;
	void *owner;
	GPtrArray *parts; /* owned */
	size_t open;      /* parts not done */
	/* values */
	int64_t from_s, to_s, step_s;
	enum archive_cf cf;
	size_t count; /* series */
};

struct archive {
	struct loop *loop;
	struct loop_timer *sweep;
	struct channel *channels[ARCHIVE_WRITERS_MAX];
	struct connection {
		struct archive *archive;
		unsigned writer;
	} connections[ARCHIVE_WRITERS_MAX];
	unsigned writers;
	struct frame_writer *w;
	GHashTable *questions; /* struct question, owned */
	GHashTable *parts;     /* number -> struct part */
	uint32_t last_number;
	int64_t deadline_ms;
	struct archive_counters counters;
	struct archive_handlers handlers;
	void *owner;
};

/* A question without parts. */
struct question *archive_question(struct archive *archive, void *owner);

/* Adds a part, in the tables and open. */
struct part *archive_part(struct question *question, enum part_kind kind, unsigned writer);

/* Out of all tables, and gone; its callback is not called. */
void archive_withdraw(struct question *question);

/* The same, and its callback gets the error. */
void archive_fail(struct question *question, const struct error *err);

/* Nobody holds back anything of what a picture shows any more, or some part still does. */
void archive_flushed(struct question *question);
