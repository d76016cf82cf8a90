#include "collector/services/memcached_reply.h"
#include "base/number.h"

#include <string.h>

#include "base/banned.h"

/* What a line means is said by its first word; only VALUE has bytes behind the line. */
static const struct memcached_word {
	const char *word;
	enum memcached_kind kind;
	bool whole; /* nothing follows */
} memcached_words[] = {
	{"MN", MEMCACHED_MN, true},
	{"STORED", MEMCACHED_STORED, true},
	{"END", MEMCACHED_END, true},
	{"NOT_STORED", MEMCACHED_REFUSED, true},
	{"ERROR", MEMCACHED_REFUSED, false},
	{"SERVER_ERROR", MEMCACHED_REFUSED, false},
	{"CLIENT_ERROR", MEMCACHED_REFUSED, false},
	{"STAT", MEMCACHED_STAT, false},
	{"VALUE", MEMCACHED_VALUE, false},
	{"DELETED", MEMCACHED_OTHER, true},
	{"NOT_FOUND", MEMCACHED_OTHER, true},
	{"VERSION", MEMCACHED_OTHER, false},
};

static enum memcached_kind memcached_kind(const char *line, size_t length)
{
	for (size_t i = 0; i < sizeof(memcached_words) / sizeof(*memcached_words); i++) {
		const struct memcached_word *w = &memcached_words[i];
		size_t size = strlen(w->word);
		if (length >= size && !memcmp(line, w->word, size) &&
			(length == size || (!w->whole && line[size] == ' '))) {
			return w->kind;
		}
	}
	return MEMCACHED_BROKEN;
}

/* Takes the next word of a line. */
static bool memcached_word(
	const char **line, size_t *length, const char **word, size_t *word_length)
{
	while (*length && **line == ' ') {
		(*line)++;
		(*length)--;
	}
	const char *end = *length ? memchr(*line, ' ', *length) : NULL;
	*word = *line;
	*word_length = end ? (size_t)(end - *line) : *length;
	*line += *word_length;
	*length -= *word_length;
	return *word_length > 0;
}

/* STAT NAME VALUE */
static void memcached_stat(const char *line, size_t length, struct memcached_reply *reply)
{
	if (!memcached_word(&line, &length, &reply->name, &reply->name_length)) {
		reply->kind = MEMCACHED_BROKEN;
		return;
	}
	reply->text = length ? line + 1 : line;
	reply->length = length ? length - 1 : 0;
}

/* VALUE KEY FLAGS BYTES, then the bytes and a line end. */
static void memcached_value(
	const char *line, size_t length, const char *behind, size_t left, struct memcached_reply *reply)
{
	const char *flags = NULL;
	const char *bytes = NULL;
	size_t flags_length = 0;
	size_t bytes_length = 0;
	long long size = 0;
	if (!memcached_word(&line, &length, &reply->name, &reply->name_length) ||
		!memcached_word(&line, &length, &flags, &flags_length) ||
		!memcached_word(&line, &length, &bytes, &bytes_length) ||
		!number_parse_int(bytes, bytes_length, 0, MEMCACHED_VALUE_MAX, &size)) {
		reply->kind = MEMCACHED_BROKEN;
		return;
	}
	if (left < (size_t)size + 2) {
		reply->kind = MEMCACHED_MORE;
		return;
	}
	if (memcmp(behind + size, "\r\n", 2) != 0) {
		reply->kind = MEMCACHED_BROKEN;
		return;
	}
	reply->text = behind;
	reply->length = (size_t)size;
	reply->used += (size_t)size + 2;
}

void memcached_parse(const char *bytes, size_t length, struct memcached_reply *reply)
{
	size_t looked = MIN(length, MEMCACHED_LINE_MAX);
	const char *end = looked ? memchr(bytes, '\n', looked) : NULL;
	*reply = (struct memcached_reply){0};
	if (!end) {
		reply->kind = looked == MEMCACHED_LINE_MAX ? MEMCACHED_BROKEN : MEMCACHED_MORE;
		return;
	}
	size_t line = (size_t)(end - bytes);
	reply->used = line + 1;
	line -= line && bytes[line - 1] == '\r';
	reply->text = bytes;
	reply->length = line;
	reply->kind = memcached_kind(bytes, line);
	if (reply->kind == MEMCACHED_STAT) {
		memcached_stat(bytes + 4, line - 4, reply);
	} else if (reply->kind == MEMCACHED_VALUE) {
		memcached_value(bytes + 5, line - 5, bytes + reply->used, length - reply->used, reply);
	}
}
