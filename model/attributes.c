#include "model/attributes.h"
#include "base/text.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The keys Magpie knows. `filename` is missing on purpose: a node must not name files (reference:
 * munin, 4.2).
 */
static const struct attributes_key {
	const char *name;
	enum attributes_level level;
} attributes_keys[] = {
	{"graph", ATTRIBUTES_GRAPH},
	{"graph_args", ATTRIBUTES_GRAPH},
	{"graph_args_after", ATTRIBUTES_GRAPH},
	{"graph_category", ATTRIBUTES_GRAPH},
	{"graph_data_size", ATTRIBUTES_GRAPH},
	{"graph_future", ATTRIBUTES_GRAPH},
	{"graph_height", ATTRIBUTES_GRAPH},
	{"graph_info", ATTRIBUTES_GRAPH},
	{"graph_noscale", ATTRIBUTES_GRAPH},
	{"graph_order", ATTRIBUTES_GRAPH},
	{"graph_period", ATTRIBUTES_GRAPH},
	{"graph_printf", ATTRIBUTES_GRAPH},
	{"graph_scale", ATTRIBUTES_GRAPH},
	{"graph_sources", ATTRIBUTES_GRAPH},
	{"graph_sums", ATTRIBUTES_GRAPH},
	{"graph_title", ATTRIBUTES_GRAPH},
	{"graph_total", ATTRIBUTES_GRAPH},
	{"graph_vlabel", ATTRIBUTES_GRAPH},
	{"graph_vtitle", ATTRIBUTES_GRAPH},
	{"graph_width", ATTRIBUTES_GRAPH},
	{"update_rate", ATTRIBUTES_GRAPH},
	{"cdef", ATTRIBUTES_FIELD},
	{"colour", ATTRIBUTES_FIELD},
	{"critical", ATTRIBUTES_FIELD},
	{"draw", ATTRIBUTES_FIELD},
	{"extinfo", ATTRIBUTES_FIELD},
	{"graph", ATTRIBUTES_FIELD},
	{"info", ATTRIBUTES_FIELD},
	{"line", ATTRIBUTES_FIELD},
	{"negative", ATTRIBUTES_FIELD},
	{"oldname", ATTRIBUTES_FIELD},
	{"predict", ATTRIBUTES_FIELD},
	{"skipdraw", ATTRIBUTES_FIELD},
	{"stack", ATTRIBUTES_FIELD},
	{"sum", ATTRIBUTES_FIELD},
	{"trend", ATTRIBUTES_FIELD},
	{"unit", ATTRIBUTES_FIELD}, /* Magpie's own: a unit of the rule language */
	{"unknown_limit", ATTRIBUTES_FIELD},
	{"warning", ATTRIBUTES_FIELD},
};

static bool attributes_known(enum attributes_level level, const char *key)
{
	for (size_t i = 0; i < ARRAY_LENGTH(attributes_keys); i++) {
		if (attributes_keys[i].level == level && !strcmp(attributes_keys[i].name, key)) {
			return true;
		}
	}
	return false;
}

size_t attributes_longest(const char *key)
{
	static const char *const lists[] = {"graph_order", "graph_sources", "stack", "sum"};
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		if (!strcmp(lists[i], key)) {
			return ATTRIBUTES_LIST_MAX;
		}
	}
	return ATTRIBUTES_VALUE_MAX;
}

void attributes_finish(struct attributes *a)
{
	g_free(a->packed);
	*a = (struct attributes){0};
}

static size_t pair_length(const char *pair)
{
	size_t key = strlen(pair) + 1;
	return key + strlen(pair + key) + 1;
}

static char *attributes_find(const struct attributes *a, const char *key)
{
	for (size_t at = 0; at < a->length; at += pair_length(a->packed + at)) {
		if (!strcmp(a->packed + at, key)) {
			return a->packed + at;
		}
	}
	return NULL;
}

bool attributes_set(
	struct attributes *a, enum attributes_level level, const char *key, const char *value)
{
	size_t klen = strlen(key) + 1;
	size_t vlen = strlen(value) + 1;
	if (!attributes_known(level, key) || vlen > attributes_longest(key) + 1 ||
		a->length + klen + vlen > ATTRIBUTES_PACKED_MAX) {
		return false;
	}
	char *old = attributes_find(a, key);
	if (old) {
		size_t gone = pair_length(old);
		size_t behind = a->length - (size_t)(old - a->packed) - gone;
		memmove(old, old + gone, behind);
		a->length -= gone;
	}
	a->packed = g_realloc(a->packed, a->length + klen + vlen);
	memcpy(a->packed + a->length, key, klen);
	memcpy(a->packed + a->length + klen, value, vlen);
	a->length += klen + vlen;
	return true;
}

const char *attributes_get(const struct attributes *a, const char *key)
{
	const char *pair = attributes_find(a, key);
	return pair ? pair + strlen(pair) + 1 : NULL;
}

const char *attributes_or(const struct attributes *a, const char *key, const char *otherwise)
{
	const char *value = attributes_get(a, key);
	return value ? value : otherwise;
}

bool attributes_flag(const struct attributes *a, const char *key, bool otherwise)
{
	static const char *const yes[] = {"yes", "true", "on", "enable", "enabled", "1"};
	static const char *const no[] = {"no", "false", "off", "disable", "disabled", "0"};
	const char *value = attributes_get(a, key);
	for (size_t i = 0; value && i < ARRAY_LENGTH(yes); i++) {
		if (!g_ascii_strcasecmp(value, yes[i])) {
			return true;
		}
		if (!g_ascii_strcasecmp(value, no[i])) {
			return false;
		}
	}
	return otherwise;
}

bool attributes_equal(const struct attributes *a, const struct attributes *b)
{
	return a->length == b->length && (!a->length || !memcmp(a->packed, b->packed, a->length));
}

/* The key at `at` or the next one that is not `key`; NULL at the end. */
static const char *skip_key(const struct attributes *a, const char *at, const char *key)
{
	const char *end = a->packed + a->length;
	while (at < end && !strcmp(at, key)) {
		at += strlen(at) + 1;
		at += strlen(at) + 1;
	}
	return at < end ? at : NULL;
}

/* Pair by pair, in the order in which both were set. */
bool attributes_equal_but(const struct attributes *a, const struct attributes *b, const char *key)
{
	if (!key || attributes_equal(a, b)) {
		return attributes_equal(a, b);
	}
	const char *x = a->length ? skip_key(a, a->packed, key) : NULL;
	const char *y = b->length ? skip_key(b, b->packed, key) : NULL;
	while (x && y) {
		const char *of_x = x + strlen(x) + 1;
		const char *of_y = y + strlen(y) + 1;
		if (strcmp(x, y) || strcmp(of_x, of_y)) {
			return false;
		}
		x = skip_key(a, of_x + strlen(of_x) + 1, key);
		y = skip_key(b, of_y + strlen(of_y) + 1, key);
	}
	return !x && !y;
}

void attributes_copy(struct attributes *to, const struct attributes *from)
{
	to->length = from->length;
	to->packed = from->length ? g_memdup2(from->packed, from->length) : NULL;
}

bool attributes_unpack(
	struct attributes *a, enum attributes_level level, const void *bytes, size_t length)
{
	const char *at = length ? bytes : "";
	const char *end = at + length;
	*a = (struct attributes){0};
	if (length > ATTRIBUTES_PACKED_MAX || (length && end[-1])) {
		return false;
	}
	while (at < end) {
		const char *value = at + strlen(at) + 1;
		if (value >= end || !g_utf8_validate(value, -1, NULL) ||
			!attributes_set(a, level, at, value)) {
			attributes_finish(a);
			return false;
		}
		at = value + strlen(value) + 1;
	}
	return true;
}
