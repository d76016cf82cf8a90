#include "collector/services/stats.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/* One table of texts for whatever a service tells in a round; graphs take numbers out of it. */

void stats_init(struct stats *stats)
{
	stats->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void stats_clear(struct stats *stats)
{
	g_hash_table_remove_all(stats->values);
}

void stats_finish(struct stats *stats)
{
	if (stats->values) {
		g_hash_table_unref(stats->values);
	}
	stats->values = NULL;
}

void stats_set(struct stats *stats, const char *name, size_t name_length, const char *value,
	size_t value_length)
{
	if (!name_length || name_length > STATS_NAME_MAX || value_length > STATS_VALUE_MAX ||
		memchr(name, '\0', name_length) || g_hash_table_size(stats->values) >= STATS_MAX) {
		return;
	}
	char *key = g_ascii_strdown(name, (gssize)name_length);
	if (g_hash_table_contains(stats->values, key)) {
		g_free(key);
		return;
	}
	g_hash_table_insert(stats->values, key, g_strndup(value, value_length));
}

const char *stats_text(const struct stats *stats, const char *name)
{
	char key[STATS_NAME_MAX + 1];
	size_t length = strlen(name);
	if (length >= sizeof(key)) {
		return NULL;
	}
	for (size_t i = 0; i <= length; i++) {
		key[i] = g_ascii_tolower(name[i]);
	}
	return g_hash_table_lookup(stats->values, key);
}

double stats_number(const struct stats *stats, const char *name)
{
	const char *text = stats_text(stats, name);
	double value = NAN;
	if (!text || number_parse(text, strlen(text), &value)) {
		return value;
	}
	if (!g_ascii_strcasecmp(text, "on") || !g_ascii_strcasecmp(text, "yes")) {
		return 1;
	}
	return !g_ascii_strcasecmp(text, "off") || !g_ascii_strcasecmp(text, "no") ? 0 : NAN;
}

static void stats_read_line(struct stats *stats, const char *line, size_t length, char separator)
{
	if (length && line[length - 1] == '\r') {
		length--;
	}
	const char *at = memchr(line, separator, length);
	if (at) {
		const char *value = at + 1;
		stats_set(stats, line, (size_t)(at - line), value, (size_t)(line + length - value));
	}
}

void stats_read_lines(struct stats *stats, const char *text, size_t length, char separator)
{
	while (length) {
		const char *end = memchr(text, '\n', length);
		size_t line = end ? (size_t)(end - text) : length;
		stats_read_line(stats, text, line, separator);
		size_t step = end ? line + 1 : line;
		text += step;
		length -= step;
	}
}
