#include "collector/services/elasticsearch_text.h"
#include "base/text.h"
#include "model/ident.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/banned.h"

/* Jansson limits the depth (2048) and refuses numbers out of range. */

static json_t *elasticsearch_load(const char *text, size_t length)
{
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	if (json && !json_is_object(json)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

bool elasticsearch_health_parse(
	const char *text, size_t length, struct elasticsearch_health *health)
{
	*health = (struct elasticsearch_health){
		.values = g_array_new(FALSE, FALSE, sizeof(struct elasticsearch_value))};
	json_t *json = elasticsearch_load(text, length);
	const char *status = json_string_value(json_object_get(json, "status"));
	bool good = status && strlen(status) < sizeof health->status &&
				strspn(status, "abcdefghijklmnopqrstuvwxyz") == strlen(status) && *status;
	if (good) {
		g_strlcpy(health->status, status, sizeof health->status);
		const char *key;
		json_t *value;
		json_object_foreach(json, key, value)
		{
			struct elasticsearch_value v;
			if (json_is_number(value) && ident_is_field(key) &&
				health->values->len < ELASTICSEARCH_VALUES_MAX) {
				g_strlcpy(v.name, key, sizeof v.name);
				v.value = json_number_value(value);
				g_array_append_val(health->values, v);
			}
		}
	}
	json_decref(json);
	return good;
}

void elasticsearch_health_finish(struct elasticsearch_health *health)
{
	if (health->values) {
		g_array_unref(health->values);
	}
	*health = (struct elasticsearch_health){0};
}

/* Whether the cluster itself locked the index, as the disk is nearly full: block 12
 * (IndexMetadata). 5 (read-only) and 8 (write) are what people and life cycles of indices put on
 * old ones. */
static bool elasticsearch_is_blocked(const json_t *blocks)
{
	return json_object_get(blocks, "12");
}

bool elasticsearch_blocks_parse(const char *text, size_t length, char **index)
{
	*index = NULL;
	json_t *json = elasticsearch_load(text, length);
	json_t *indices = json_object_get(json_object_get(json, "blocks"), "indices");
	const char *name;
	json_t *blocks;
	json_object_foreach(indices, name, blocks)
	{
		if (!*index && elasticsearch_is_blocked(blocks)) {
			*index = text_clean(name, strlen(name), 100);
		}
	}
	bool good = json;
	json_decref(json);
	return good;
}

static double elasticsearch_bytes(json_t *memory, const char *name)
{
	json_t *value = json_object_get(memory, name);
	return json_is_number(value) ? json_number_value(value) : NAN;
}

bool elasticsearch_memory_parse(
	const char *text, size_t length, struct elasticsearch_memory *memory)
{
	json_t *json = elasticsearch_load(text, length);
	json_t *nodes = json_object_get(json, "nodes");
	void *first = json_object_iter(nodes);
	json_t *node = first ? json_object_iter_value(first) : NULL;
	json_t *mem = json_object_get(json_object_get(node, "jvm"), "mem");
	bool good = json_is_object(mem);
	if (good) {
		*memory = (struct elasticsearch_memory){
			.heap_used = elasticsearch_bytes(mem, "heap_used_in_bytes"),
			.heap_max = elasticsearch_bytes(mem, "heap_max_in_bytes"),
			.heap_committed = elasticsearch_bytes(mem, "heap_committed_in_bytes"),
			.non_heap_used = elasticsearch_bytes(mem, "non_heap_used_in_bytes"),
			.non_heap_committed = elasticsearch_bytes(mem, "non_heap_committed_in_bytes"),
		};
	}
	json_decref(json);
	return good;
}
