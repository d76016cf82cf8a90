#include <string.h>

#include "base/stream_own.h"

#include "base/banned.h"

/*
 * Bytes in order: taken from the front, added at the end. What is left moves to the front only when
 * at least as much was taken, so each byte moves at most once more.
 */

char *stream_buffer_room(struct stream_buffer *buffer, size_t limit, size_t *room)
{
	enum { LEAST = 4096 };
	if (buffer->length >= limit) {
		return NULL;
	}
	size_t end = buffer->start + buffer->length;
	bool cramped = buffer->capacity - end < MIN((size_t)1024, limit - buffer->length);
	if (cramped && buffer->start && buffer->start >= buffer->length) {
		memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->length);
		buffer->start = 0;
	} else if (cramped && buffer->capacity < limit) {
		buffer->capacity = MIN(MAX(buffer->capacity * 2, (size_t)LEAST), limit);
		buffer->bytes = g_realloc(buffer->bytes, buffer->capacity);
	}
	if (buffer->start + buffer->length == buffer->capacity) {
		memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->length);
		buffer->start = 0;
	}
	end = buffer->start + buffer->length;
	*room = MIN(buffer->capacity - end, limit - buffer->length);
	return buffer->bytes + end;
}

void stream_buffer_append(struct stream_buffer *buffer, const void *bytes, size_t length)
{
	const char *from = bytes;
	while (length) {
		size_t room;
		char *to = stream_buffer_room(buffer, SIZE_MAX / 4, &room);
		size_t n = MIN(room, length);
		memcpy(to, from, n);
		buffer->length += n;
		from += n;
		length -= n;
	}
}

void stream_buffer_take(struct stream_buffer *buffer, size_t length)
{
	buffer->start += length;
	buffer->length -= length;
	if (!buffer->length) {
		buffer->start = 0;
	}
}
