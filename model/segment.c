#include "model/segment.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A segment's first record has the sequence `first` itself (the first sample record of the segment
 * has it too): {u16 version, i64 created_ms, u64 first, u64 previous}. It is never handed to
 * readers of the journal.
 *
 * Preallocation keeps fdatasync cheap (no size to write) and makes "disk full" show when a segment
 * begins instead of in the middle of one.
 */
enum {
	DESCRIPTION = 26,
	BUFFER_LEAST = 256 << 10, /* holds any record of the journal, far more than one read */
	COPY_CHUNK = 64 << 10,
};

void segment_destroy(struct segment *segment)
{
	if (segment) {
		if (segment->fd >= 0) {
			close(segment->fd);
		}
		g_free(segment);
	}
}

static bool write_at(int fd, const void *bytes, size_t length, off_t at, struct error *err)
{
	const unsigned char *p = bytes;
	while (length) {
		ssize_t n = pwrite(fd, p, length, at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return error_errno(err, ERR_STORAGE, n ? errno : ENOSPC, "journal write");
		}
		p += n;
		at += n;
		length -= (size_t)n;
	}
	return true;
}

static bool describe(struct segment *segment, struct error *err)
{
	unsigned char bytes[RECORD_HEADER + DESCRIPTION];
	unsigned char *payload = bytes + RECORD_HEADER;
	uint16_t version = SEGMENT_VERSION;
	memcpy(payload, &version, 2);
	memcpy(payload + 2, &segment->created.ms, 8);
	memcpy(payload + 10, &segment->first, 8);
	memcpy(payload + 18, &segment->previous, 8);
	record_header(bytes, segment->first, SEGMENT_TYPE, payload, DESCRIPTION);
	segment->end = sizeof(bytes);
	return write_at(segment->fd, bytes, sizeof(bytes), 0, err);
}

struct segment *segment_create(
	int dir_fd, uint64_t first, uint64_t previous, size_t bytes, struct error *err)
{
	AUTO(segment) segment = g_new0(struct segment, 1);
	snprintf(segment->name, sizeof(segment->name), "%020" PRIu64 ".journal", first);
	segment->first = first;
	segment->last = first - 1;
	segment->previous = previous;
	segment->created = wall_now();
	segment->size = (off_t)bytes;
	segment->fd =
		openat(dir_fd, segment->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (segment->fd < 0) {
		error_errno(err, ERR_STORAGE, errno, "%s", segment->name);
		return NULL;
	}
	int failed = posix_fallocate(segment->fd, 0, (off_t)bytes);
	if (failed) {
		error_errno(err, ERR_STORAGE, failed, "%s: %zu bytes", segment->name, bytes);
	}
	if (failed || !describe(segment, err)) {
		unlinkat(dir_fd, segment->name, 0);
		return NULL;
	}
	return STEAL(segment);
}

bool segment_append(
	struct segment *segment, const void *records, size_t length, uint64_t last, struct error *err)
{
	if (!write_at(segment->fd, records, length, segment->end, err)) {
		return false;
	}
	segment->end += (off_t)length;
	segment->last = last;
	segment->synced = false;
	return true;
}

void segment_trim(struct segment *segment)
{
	if (segment->fd >= 0 && segment->size > segment->end && !ftruncate(segment->fd, segment->end)) {
		segment->size = segment->end;
	}
}

/* -- walking -- */

bool segment_cursor_open(
	struct segment_cursor *cursor, int dir_fd, const char *name, struct error *err)
{
	*cursor = (struct segment_cursor){.fd = -1, .size = BUFFER_LEAST};
	cursor->fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	if (cursor->fd < 0 || fstat(cursor->fd, &st)) {
		error_errno(err, ERR_STORAGE, errno, "%s", name);
		segment_cursor_close(cursor);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		segment_cursor_close(cursor);
		return error_set(err, ERR_STORAGE, "%s: is no regular file", name);
	}
	cursor->buffer = g_malloc(cursor->size);
	return true;
}

void segment_cursor_close(struct segment_cursor *cursor)
{
	if (cursor->fd >= 0) {
		close(cursor->fd);
	}
	g_free(cursor->buffer);
	cursor->buffer = NULL;
	cursor->fd = -1;
}

/* Drops what was used and reads the file again from there, so that bytes written since are seen. */
static void refill(struct segment_cursor *cursor)
{
	cursor->at += (off_t)cursor->used;
	cursor->used = 0;
	cursor->length = 0;
	while (cursor->length < cursor->size) {
		ssize_t n = pread(cursor->fd, cursor->buffer + cursor->length,
			cursor->size - cursor->length, cursor->at + (off_t)cursor->length);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			break;
		}
		cursor->length += (size_t)n;
	}
}

static enum record_state peek(struct segment_cursor *cursor, struct record *record)
{
	if (!cursor->length) {
		return RECORD_END;
	}
	return record_next(cursor->buffer, cursor->length, &cursor->used, record);
}

enum record_state segment_cursor_next(struct segment_cursor *cursor, struct record *record)
{
	enum record_state state = peek(cursor, record);
	if (state != RECORD_OK) {
		refill(cursor);
		state = peek(cursor, record);
	}
	return state;
}

off_t segment_cursor_offset(const struct segment_cursor *cursor)
{
	return cursor->at + (off_t)cursor->used;
}

/* -- opening an old one -- */

static bool read_description(struct segment *segment, struct segment_cursor *cursor)
{
	struct record record;
	if (segment_cursor_next(cursor, &record) != RECORD_OK || record.type != SEGMENT_TYPE ||
		record.length != DESCRIPTION) {
		return false;
	}
	uint16_t version;
	memcpy(&version, record.payload, 2);
	memcpy(&segment->created.ms, record.payload + 2, 8);
	memcpy(&segment->first, record.payload + 10, 8);
	memcpy(&segment->previous, record.payload + 18, 8);
	char name[SEGMENT_NAME_MAX];
	snprintf(name, sizeof(name), "%020" PRIu64 ".journal", segment->first);
	return version == SEGMENT_VERSION && segment->first && segment->previous < segment->first &&
		   !strcmp(name, segment->name);
}

/* Bytes from `from` to the last one that is not zero. */
static size_t used_behind(int fd, off_t from, off_t size)
{
	AUTO_FREE unsigned char *chunk = malloc(COPY_CHUNK);
	size_t used = 0;
	for (off_t at = from; chunk && at < size;) {
		ssize_t n = pread(fd, chunk, COPY_CHUNK, at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			break;
		}
		bool zeros = !chunk[0] && !memcmp(chunk, chunk + 1, (size_t)n - 1);
		for (ssize_t i = 0; !zeros && i < n; i++) {
			used = chunk[i] ? (size_t)(at + i - from) + 1 : used;
		}
		at += n;
	}
	return used;
}

static void scan(struct segment *segment, struct segment_cursor *cursor)
{
	struct record record;
	segment->last = segment->first - 1;
	segment->end = segment_cursor_offset(cursor);
	while (segment_cursor_next(cursor, &record) == RECORD_OK && record.sequence > segment->last &&
		   record.sequence <= INT64_MAX && record.type != SEGMENT_TYPE) {
		segment->last = record.sequence;
		segment->end = segment_cursor_offset(cursor);
	}
}

struct segment *segment_open(
	int dir_fd, const char *name, struct segment_damage *damage, struct error *err)
{
	AUTO(segment) segment = g_new0(struct segment, 1);
	snprintf(segment->name, sizeof(segment->name), "%s", name);
	segment->fd = -1;
	segment->synced = true;
	*damage = (struct segment_damage){0};
	struct segment_cursor cursor;
	if (!segment_cursor_open(&cursor, dir_fd, name, err)) {
		return NULL;
	}
	struct stat st;
	segment->size = fstat(cursor.fd, &st) ? 0 : st.st_size;
	if (read_description(segment, &cursor)) {
		scan(segment, &cursor);
		damage->bytes = used_behind(cursor.fd, segment->end, segment->size);
	} else {
		damage->unusable = true;
		damage->bytes = used_behind(cursor.fd, 0, segment->size);
	}
	segment_cursor_close(&cursor);
	segment->fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (segment->fd < 0) {
		error_errno(err, ERR_STORAGE, errno, "%s", name);
		return NULL;
	}
	return STEAL(segment);
}

static bool copy_rest(int from, off_t at, off_t size, int to, struct error *err)
{
	AUTO_FREE char *chunk = malloc(COPY_CHUNK);
	while (chunk && at < size) {
		ssize_t n = pread(from, chunk, COPY_CHUNK, at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			break;
		}
		if (!file_write_all(to, chunk, (size_t)n, err)) {
			return false;
		}
		at += n;
	}
	return true;
}

bool segment_set_aside(int dir_fd, struct segment *segment, struct error *err)
{
	off_t size = segment->end + (off_t)used_behind(segment->fd, segment->end, segment->size);
	char name[SEGMENT_NAME_MAX + 40];
	snprintf(name, sizeof(name), "corrupt/%s.%lld", segment->name, (long long)segment->end);
	if (mkdirat(dir_fd, "corrupt", 0755) && errno != EEXIST) {
		return error_errno(err, ERR_STORAGE, errno, "corrupt");
	}
	AUTO_FD to = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (to < 0) {
		return error_errno(err, ERR_STORAGE, errno, "%s", name);
	}
	if (!copy_rest(segment->fd, segment->end, size, to, err) || fsync(to)) {
		unlinkat(dir_fd, name, 0);
		return error_prefix(err, "%s", name);
	}
	if (ftruncate(segment->fd, segment->end)) {
		return error_errno(err, ERR_STORAGE, errno, "%s", segment->name);
	}
	segment->size = segment->end;
	return true;
}
