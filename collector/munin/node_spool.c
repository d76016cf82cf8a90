#include "collector/munin/node_spool.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * A block begins with "multigraph NAME" and ends before the next one. It is what `config NAME` or
 * `fetch NAME` would say of a plugin of that name, or the first with values in it, and is taken as
 * such.
 */
static const char block_begin[] = "multigraph ";

void node_spool_init(struct node_spool *spool, struct node_state *state)
{
	*spool = (struct node_spool){.state = state, .block = g_byte_array_new()};
}

void node_spool_finish(struct node_spool *spool)
{
	if (spool->block) {
		g_byte_array_unref(spool->block);
	}
}

/* The newest instant of the graph that is furthest behind; graphs that stand still do not count. */
static int64_t spool_floor(const struct node_spool *spool)
{
	GHashTableIter iter;
	gpointer data;
	int64_t newest = 0;
	g_hash_table_iter_init(&iter, spool->state->services);
	while (g_hash_table_iter_next(&iter, NULL, &data)) {
		const struct remote_service *service = data;
		newest = service->newest_s > newest ? service->newest_s : newest;
	}
	int64_t floor = newest;
	g_hash_table_iter_init(&iter, spool->state->services);
	while (g_hash_table_iter_next(&iter, NULL, &data)) {
		const struct remote_service *service = data;
		if (service->newest_s < floor && service->newest_s >= newest - NODE_SPOOL_BACK_S) {
			floor = service->newest_s;
		}
	}
	return floor;
}

const char *node_spool_since(struct node_spool *spool, struct wall at)
{
	int64_t since = spool->since_s ? spool->since_s : spool_floor(spool);
	if (!since) {
		since = wall_s(at) - NODE_SPOOL_BACK_S;
	}
	spool->at = at;
	spool->taken = 0;
	spool->since_s = since;
	g_byte_array_set_size(spool->block, 0);
	snprintf(spool->since, sizeof(spool->since), "%lld", (long long)since);
	return spool->since;
}

/* The name behind "multigraph", as a plugin of its own; `*declares`: the block is not only values.
 */
static struct remote_plugin *block_plugin(
	struct node_spool *spool, struct node_part block, bool *declares)
{
	struct node_lines lines = {block.text, block.text + block.length};
	struct node_line line;
	if (node_line_next(&lines, &line) != NODE_LINE_GRAPH) {
		return NULL;
	}
	g_autofree char *name = g_strndup(line.value.text, line.value.length);
	struct remote_plugin *plugin =
		strlen(name) == line.value.length ? node_state_plugin(spool->state, name) : NULL;
	if (!plugin) {
		target_complain(
			spool->state->target, "spoolfetch", "a graph is left out: its name is not one");
	}
	while (node_line_next(&lines, &line) == NODE_LINE_VALUE ||
		   (line.kind == NODE_LINE_FIELD && node_part_is(line.key, "extinfo"))) {
	}
	*declares = line.kind != NODE_LINE_END;
	return plugin;
}

static void take_block(struct node_spool *spool, struct node_part block)
{
	struct node_state *state = spool->state;
	bool declares;
	struct remote_plugin *plugin = block.length ? block_plugin(spool, block, &declares) : NULL;
	if (!plugin) {
		return;
	}
	plugin->listed = true;
	bool good = declares ? node_state_config(state, plugin, block, spool->at)
						 : plugin->configured && node_state_fetch(state, plugin, block, spool->at);
	if (good) {
		spool->taken += state->pending->len;
		node_state_emit(state, spool->at);
	}
}

/* Where the next block begins behind the first byte; NULL: not in here. */
static const char *next_block(const char *text, const char *end)
{
	while (text < end) {
		const char *line = memchr(text, '\n', (size_t)(end - text));
		if (!line) {
			return NULL;
		}
		text = line + 1;
		if ((size_t)(end - text) >= sizeof(block_begin) - 1 &&
			!memcmp(text, block_begin, sizeof(block_begin) - 1)) {
			return text;
		}
	}
	return NULL;
}

enum node_spool_progress node_spool_take(
	struct node_spool *spool, const char *text, size_t length, bool last)
{
	GByteArray *block = spool->block;
	size_t known = block->len; /* what is looked through holds no begin of another one */
	g_byte_array_append(block, (const guint8 *)text, (guint)length);
	const char *at = (const char *)block->data;
	const char *end = at + block->len;
	const char *from = at + (known ? known - 1 : 0); /* pieces are whole lines: at the last end */
	const char *next;
	while ((next = next_block(from, end)) && spool->taken < NODE_SPOOL_SAMPLES_MAX) {
		take_block(spool, (struct node_part){at, (size_t)(next - at)});
		at = from = next;
	}
	if (spool->taken >= NODE_SPOOL_SAMPLES_MAX) {
		return NODE_SPOOL_ENOUGH;
	}
	if (at > (const char *)block->data) {
		g_byte_array_remove_range(block, 0, (guint)(at - (const char *)block->data));
	}
	if (block->len > NODE_SPOOL_BLOCK_MAX) {
		return NODE_SPOOL_WRONG;
	}
	if (last) {
		take_block(spool, (struct node_part){(const char *)block->data, block->len});
		g_byte_array_set_size(block, 0);
		spool->since_s = 0;
	}
	return NODE_SPOOL_MORE;
}
