#include "model/journal.h"
#include "base/worker.h"
#include "model/segment_list.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A list of segments, the last of which is written to, and the *tail*: a copy in memory of every
 * record that is not durable yet. The tail makes one answer enough for every failure: the segment
 * that failed is given up at the last durable record, and the whole tail is written again into a
 * new one (restart). Until that works the journal is broken: records wait in the tail.
 *
 * I1: a record is durable when an fdatasync that began after its write has succeeded. A failed one
 *     is never repeated on the same file: the kernel may have dropped the pages.
 * I2: while a sync is under way on the worker no descriptor it uses is closed, and no segment is
 *     given up: restart waits for it.
 * I3: sequences of a segment lie in [first, last]; what a file holds beyond `last` does not count,
 *     its copies stand in the next one.
 * I4: nothing is written while a sync does not come to its end: on a disk that has stalled the
 *     kernel holds a writer of a page that it is just writing out, and the engine waits for nobody.
 *     What comes in meanwhile waits in the tail, and is written when the sync is over.
 */

enum {
	EVENT_TEXT = 256,
	SLOW_MS = 5000,
	RETRY_MS = 1000,
	NAME_DIGITS = 20,
	SYNC_PATIENCE_MS = 20 /* for one sync; most take less */
};
static const uint64_t most_bytes_default = 8ULL << 30;

struct sync_job {
	struct journal *journal;
	struct mono began;
	uint64_t upto;
	uint64_t mark; /* tail position (see tail_from) of what it covers */
	int dir_fd, failed;
	bool over;   /* set by the worker, atomically */
	bool waited; /* somebody has lost patience with it */
	size_t count;
	int fds[];
};

struct journal {
	struct journal_options options; /* directory: a copy */
	struct journal_handlers handlers;
	struct segment_list list;
	GByteArray *tail;
	uint64_t
		tail_from; /* position of the tail's first byte, counted since the journal was opened */
	size_t tail_in_file; /* bytes of the tail that stand in a segment */
	uint64_t written, durable;
	uint64_t in_file; /* last sequence that stands in a segment */
	struct worker *worker;
	struct loop_timer *timer;
	struct sync_job *running;
	bool armed, hurried, broken, losing;
	bool names_changed; /* the directory itself waits for a sync */
};

static void journal_event(struct journal *journal, const char *kind, const char *object,
	const char *format, ...) PRINTF_LIKE(4, 5);

static void journal_event(
	struct journal *journal, const char *kind, const char *object, const char *format, ...)
{
	if (!journal->handlers.event) {
		return;
	}
	char text[EVENT_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	journal->handlers.event(journal->options.owner, kind, object, text);
}

static struct segment *segment_at(const struct journal *journal, size_t index)
{
	return segment_list_at(&journal->list, index);
}

static struct segment *current(const struct journal *journal)
{
	return segment_list_last(&journal->list);
}

/* -- life -- */

static void journal_tick(void *owner);

static void journal_free(struct journal *journal)
{
	loop_timer_destroy(journal->timer);
	segment_list_close(&journal->list);
	g_byte_array_unref(journal->tail);
	g_free((char *)journal->options.directory);
	g_free(journal);
}

static void report_found(void *owner, const char *kind, const char *object, const char *text)
{
	journal_event(owner, kind, object, "%s", text);
}

static struct journal *journal_new(const struct journal_options *options)
{
	struct journal *journal = g_new0(struct journal, 1);
	journal->options = *options;
	journal->options.directory = g_strdup(options->directory); /* events name it later */
	if (!options->segment_bytes) {
		journal->options.segment_bytes = JOURNAL_SEGMENT_BYTES;
	}
	if (journal->options.segment_bytes < JOURNAL_SEGMENT_LEAST) {
		journal->options.segment_bytes = JOURNAL_SEGMENT_LEAST;
	}
	journal->options.keep_ms = options->keep_ms ? options->keep_ms : JOURNAL_KEEP_MS;
	journal->options.most_bytes = options->most_bytes ? options->most_bytes : most_bytes_default;
	if (options->handlers) {
		journal->handlers = *options->handlers;
	}
	journal->tail = g_byte_array_new();
	return journal;
}

struct journal *journal_open(const struct journal_options *options, struct error *err)
{
	struct journal *journal = journal_new(options);
	if (!segment_list_open(&journal->list, options->directory, report_found, journal, err)) {
		journal_free(journal);
		return NULL;
	}
	struct segment *last = current(journal);
	journal->written = last ? last->last : 0;
	journal_raise(journal, options->least_after);
	journal->durable = journal->written;
	journal->in_file = journal->written;
	if (options->loop) {
		journal->worker = worker_create(options->loop, "journal");
		journal->timer = loop_timer_create(options->loop, journal_tick, journal);
	}
	return journal;
}

void journal_raise(struct journal *journal, uint64_t sequence)
{
	if (sequence > journal->written) {
		bool all = journal->durable == journal->written;
		journal->written = sequence;
		journal->durable = all ? sequence : journal->durable;
		journal->in_file = all ? sequence : journal->in_file;
	}
}

/* -- writing -- */

static bool add_segment(struct journal *journal, uint64_t first, size_t least, struct error *err)
{
	if (!segment_list_add(&journal->list, first, journal->options.segment_bytes, least, err)) {
		return false;
	}
	journal->names_changed = true;
	return true;
}

/* Writes what of the tail stands in no file yet. */
static bool put_tail(struct journal *journal, struct error *err)
{
	size_t length = journal->tail->len - journal->tail_in_file;
	struct segment *segment = current(journal);
	if (!segment || segment->fd < 0 || segment->size - segment->end < (off_t)length) {
		if (segment) {
			segment_trim(segment);
		}
		if (!add_segment(journal, journal->in_file + 1, length, err)) {
			return false;
		}
		segment = current(journal);
	}
	if (!segment_append(
			segment, journal->tail->data + journal->tail_in_file, length, journal->written, err)) {
		return false;
	}
	journal->tail_in_file = journal->tail->len;
	journal->in_file = journal->written;
	return true;
}

/* See I4. */
static bool sync_is_stuck(const struct journal *journal)
{
	struct sync_job *job = journal->running;
	if (!job) {
		return false;
	}
	struct mono began = mono_now();
	while (!__atomic_load_n(&job->over, __ATOMIC_ACQUIRE)) {
		if (job->waited || mono_now().ms - began.ms >= SYNC_PATIENCE_MS) {
			job->waited = true;
			return true;
		}
		usleep(200);
	}
	return false;
}

/* Gives up what is not durable of each segment (I3) and removes those of which nothing is left. */
static void give_up(struct journal *journal)
{
	for (size_t i = segment_list_count(&journal->list); i-- > 0;) {
		struct segment *segment = segment_at(journal, i);
		if (segment->last <= journal->durable && segment->last >= segment->first &&
			segment->synced) {
			break;
		}
		segment->last = MIN(segment->last, journal->durable);
		segment->synced = true;
		if (segment->fd >= 0) {
			close(segment->fd);
			segment->fd = -1;
		}
		if (segment->last < segment->first) {
			segment_list_remove(&journal->list, i);
		}
	}
}

static void journal_arm(struct journal *journal, int64_t ms)
{
	if (journal->timer) {
		journal->armed = true;
		loop_timer_after(journal->timer, ms);
	}
}

/* See the story above. Only when no sync is under way (I2). */
static bool restart(struct journal *journal, struct error *err)
{
	give_up(journal);
	journal->tail_in_file = 0;
	size_t length = journal->tail->len;
	if (!add_segment(journal, journal->durable + 1, length, err)) {
		return false;
	}
	if (length &&
		!segment_append(current(journal), journal->tail->data, length, journal->written, err)) {
		return false;
	}
	journal->tail_in_file = length;
	journal->in_file = journal->written;
	if (journal->broken) {
		journal->broken = false;
		journal->losing = false;
		journal_event(journal, "journal.recovered", journal->options.directory,
			"records are written again, from %" PRIu64 " on", journal->durable + 1);
	}
	return true;
}

static void journal_fail(struct journal *journal, const struct error *err)
{
	if (!journal->broken) {
		journal->broken = true;
		journal_event(journal, "journal.broken", journal->options.directory,
			"%s; records are kept in memory until the disk takes them again", err->text);
	}
	journal_arm(journal, RETRY_MS);
}

static void tail_add(
	struct journal *journal, uint64_t sequence, uint16_t type, const void *payload, size_t length)
{
	unsigned char header[RECORD_HEADER];
	record_header(header, sequence, type, payload, (uint32_t)length);
	g_byte_array_append(journal->tail, header, sizeof(header));
	g_byte_array_append(journal->tail, payload, (guint)length);
}

bool journal_append(struct journal *journal, uint16_t type, const void *payload, size_t length,
	uint64_t *sequence, struct error *err)
{
	assert(length <= ENTRY_PAYLOAD_MAX);
	if (journal->tail->len + RECORD_HEADER + length > JOURNAL_MEMORY_BYTES) {
		if (!journal->losing) {
			journal->losing = true;
			journal_event(journal, "journal.lost", journal->options.directory,
				"the memory for records that wait is full: from %" PRIu64 " on they are dropped",
				journal->written + 1);
		}
		return error_set(err, ERR_STORAGE, "the journal takes nothing, memory is full");
	}
	tail_add(journal, ++journal->written, type, payload, length);
	*sequence = journal->written;
	struct error why = {.kind = ERR_NONE};
	if (!journal->broken && !sync_is_stuck(journal) && !put_tail(journal, &why)) {
		journal_fail(journal, &why);
	}
	if (!journal->armed) {
		journal_arm(journal, JOURNAL_SYNC_MS);
	}
	return true;
}

bool journal_broken(const struct journal *journal)
{
	return journal->broken;
}

/* -- making durable -- */

static int sync_all(const struct sync_job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		if (fdatasync(job->fds[i])) {
			return errno;
		}
	}
	return job->dir_fd >= 0 && fsync(job->dir_fd) ? errno : 0;
}

static void sync_run(void *owner)
{
	struct sync_job *job = owner;
	job->failed = sync_all(job);
	__atomic_store_n(&job->over, true, __ATOMIC_RELEASE);
}

static struct sync_job *sync_job_create(struct journal *journal)
{
	size_t most = segment_list_count(&journal->list);
	struct sync_job *job = g_malloc0(sizeof(*job) + most * sizeof(job->fds[0]));
	job->journal = journal;
	job->began = mono_now();
	job->upto = journal->in_file;
	job->mark = journal->tail_from + journal->tail_in_file;
	job->dir_fd = journal->names_changed ? journal->list.dir_fd : -1;
	journal->names_changed = false;
	for (size_t i = 0; i < most; i++) {
		struct segment *segment = segment_at(journal, i);
		if (!segment->synced && segment->fd >= 0) {
			job->fds[job->count++] = segment->fd;
		}
	}
	return job;
}

static void sync_good(struct journal *journal, const struct sync_job *job)
{
	if (job->mark > journal->tail_from) {
		guint covered = (guint)(job->mark - journal->tail_from);
		g_byte_array_remove_range(journal->tail, 0, covered);
		journal->tail_from = job->mark;
		journal->tail_in_file -= covered;
	}
	journal->durable = MAX(journal->durable, job->upto);
	for (size_t i = 0; i < segment_list_count(&journal->list); i++) {
		struct segment *segment = segment_at(journal, i);
		segment->synced |= segment->last <= job->upto;
		if (segment != current(journal) && segment->synced && segment->fd >= 0) {
			close(segment->fd);
			segment->fd = -1;
		}
	}
}

/* Takes over what a job found; the job stays the caller's. */
static bool sync_result(struct journal *journal, const struct sync_job *job, struct error *err)
{
	int64_t took_ms = mono_now().ms - job->began.ms;
	if (took_ms > SLOW_MS) {
		journal_event(journal, "journal.slow", journal->options.directory, "a sync took %lld ms",
			(long long)took_ms);
	}
	if (!job->failed) {
		sync_good(journal, job);
		return true;
	}
	journal->names_changed = true;
	journal_event(journal, "journal.given_up", current(journal)->name,
		"a sync failed (%s): what is behind %" PRIu64 " is written again into a new segment",
		strerror(job->failed), journal->durable);
	return restart(journal, err);
}

/* What waited for the sync, see I4. */
static bool put_rest(struct journal *journal, struct error *err)
{
	return journal->tail_in_file == journal->tail->len || put_tail(journal, err);
}

static void sync_submit(struct journal *journal);

static void sync_done(void *owner)
{
	struct sync_job *job = owner;
	struct journal *journal = job->journal;
	journal->running = NULL;
	uint64_t before = journal->durable;
	struct error err = {.kind = ERR_NONE};
	if (!sync_result(journal, job, &err) || (!journal->broken && !put_rest(journal, &err))) {
		journal_fail(journal, &err);
	} else if (journal->broken) {
		journal_arm(journal, 0);
	} else if (journal->durable < journal->written) {
		if (journal->hurried || job->failed) {
			sync_submit(journal);
		} else if (!journal->armed) {
			journal_arm(journal, JOURNAL_SYNC_MS);
		}
	}
	g_free(job);
	if (journal->durable > before && journal->handlers.durable) {
		journal->handlers.durable(journal->options.owner, journal->durable);
	}
}

static void sync_submit(struct journal *journal)
{
	journal->hurried = false;
	journal->running = sync_job_create(journal);
	worker_submit(journal->worker, sync_run, sync_done, journal->running);
}

static void journal_tick(void *owner)
{
	struct journal *journal = owner;
	journal->armed = false;
	if (journal->running) {
		journal->hurried = true;
		return;
	}
	struct error err = {.kind = ERR_NONE};
	if (journal->broken && !restart(journal, &err)) {
		journal_fail(journal, &err);
		return;
	}
	if (journal->durable < journal->written) {
		sync_submit(journal);
	}
}

void journal_hurry(struct journal *journal)
{
	if (journal->broken || !journal->worker || journal->durable == journal->written) {
		return;
	}
	if (journal->running) {
		journal->hurried = true;
	} else {
		sync_submit(journal);
	}
}

bool journal_sync(struct journal *journal, struct error *err)
{
	enum { TRIES = 2 };
	if (journal->broken && (journal->running || !restart(journal, err))) {
		return error_prefix(err, "the journal takes nothing");
	}
	if (!put_rest(journal, err)) {
		return false;
	}
	for (int i = 0; i < TRIES && journal->durable < journal->written; i++) {
		g_autofree struct sync_job *job = sync_job_create(journal);
		sync_run(job);
		if (job->failed && journal->running) {
			return error_errno(err, ERR_STORAGE, job->failed, "sync of the journal");
		}
		if (!sync_result(journal, job, err)) {
			return false;
		}
	}
	return journal->durable == journal->written ||
		   error_set(err, ERR_STORAGE, "the journal cannot be made durable");
}

void journal_close(struct journal *journal)
{
	if (!journal) {
		return;
	}
	worker_destroy(journal->worker);
	g_free(g_steal_pointer(&journal->running));
	journal->worker = NULL;
	struct error err = {.kind = ERR_NONE};
	if (!journal_sync(journal, &err)) {
		journal_event(
			journal, "journal.broken", journal->options.directory, "at the end: %s", err.text);
	}
	journal_free(journal);
}

/* -- what is kept -- */

uint64_t journal_oldest(const struct journal *journal)
{
	return segment_list_count(&journal->list) ? segment_at(journal, 0)->first
											  : journal->written + 1;
}

uint64_t journal_written(const struct journal *journal)
{
	return journal->written;
}

uint64_t journal_durable(const struct journal *journal)
{
	return journal->durable;
}

uint64_t journal_bytes(const struct journal *journal)
{
	return segment_list_bytes(&journal->list);
}

void journal_release(struct journal *journal, uint64_t sequence, struct wall now)
{
	while (segment_list_count(&journal->list) > 1 && !journal->running) {
		const struct segment *oldest = segment_at(journal, 0);
		const struct segment *next = segment_at(journal, 1);
		bool safe =
			next->first <= sequence + 1 && next->created.ms <= now.ms - journal->options.keep_ms;
		bool full = journal_bytes(journal) > journal->options.most_bytes;
		if ((!safe && !full) || oldest->fd >= 0) {
			break;
		}
		if (!safe) {
			journal_event(journal, "journal.shortened", oldest->name,
				"the journal is larger than %" PRIu64 " bytes: records up to %" PRIu64 " are gone",
				journal->options.most_bytes, next->first - 1);
		}
		segment_list_remove(&journal->list, 0);
	}
}

bool journal_part(const struct journal *journal, uint64_t after, struct journal_part *part)
{
	const struct segment *segment = segment_list_find(&journal->list, after);
	if (!segment) {
		return false;
	}
	*part =
		(struct journal_part){journal->list.dir_fd, segment->name, segment->first, segment->last};
	return true;
}

void journal_report(struct journal *journal, const char *name, uint64_t after, uint64_t last)
{
	journal_event(journal, "journal.damaged", name,
		"the records from %" PRIu64 " to %" PRIu64 " cannot be read any more", after + 1, last);
}
