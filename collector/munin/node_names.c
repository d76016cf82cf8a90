#include "collector/munin/node_names.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A table from service to who has it. munin-update cleans plugin names to [A-Za-z0-9_] and leaves
 * the names behind "multigraph" as they are, if they are made of [-A-Za-z0-9_.:]; "." parts levels
 * there, and ":" is the one of these that no file name here may have.
 */
struct node_owner {
	char *plugin, *raw;
};

enum { NAMES_MAX = 5000 }; /* of one node: what invents names each round stops there */

struct node_names {
	GHashTable *owners; /* service -> struct node_owner * */
};

static void owner_free(gpointer data)
{
	struct node_owner *owner = data;
	g_free(owner->plugin);
	g_free(owner->raw);
	g_free(owner);
}

struct node_names *node_names_create(void)
{
	struct node_names *names = g_new0(struct node_names, 1);
	names->owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, owner_free);
	return names;
}

void node_names_destroy(struct node_names *names)
{
	if (names) {
		g_hash_table_destroy(names->owners);
		g_free(names);
	}
}

void node_names_release(struct node_names *names, const char *service)
{
	g_hash_table_remove(names->owners, service);
}

/* FNV-1a, folded to 32 bits. */
static uint32_t raw_hash(struct node_part raw)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < raw.length; i++) {
		hash = (hash ^ (unsigned char)raw.text[i]) * 0x100000001b3ULL;
	}
	return (uint32_t)(hash ^ (hash >> 32));
}

void node_name_suffix(const char *clean, struct node_part raw, size_t most, char *out)
{
	size_t keep = strlen(clean);
	keep = keep > most - 9 ? most - 9 : keep;
	memmove(out, clean, keep);
	snprintf(out + keep, 10, "_%08x", raw_hash(raw));
}

/* Gives `out` to this plugin and raw name if nobody has it. False: another raw name has it. */
static bool names_take(
	struct node_names *names, const char *plugin, struct node_part raw, const char *out, bool *mine)
{
	const struct node_owner *owner = g_hash_table_lookup(names->owners, out);
	if (!owner && g_hash_table_size(names->owners) >= NAMES_MAX) {
		return false;
	}
	if (!owner) {
		struct node_owner *fresh = g_new0(struct node_owner, 1);
		fresh->plugin = g_strdup(plugin);
		fresh->raw = g_strndup(raw.text, raw.length);
		g_hash_table_insert(names->owners, g_strdup(out), fresh);
		*mine = true;
		return true;
	}
	*mine = !strcmp(owner->plugin, plugin);
	return node_part_is(raw, owner->raw);
}

static enum node_named names_give(struct node_names *names, const char *plugin,
	struct node_part raw, char out[IDENT_SERVICE_MAX + 1])
{
	bool mine;
	if (!ident_is_service(out)) {
		return NODE_UNNAMABLE;
	}
	if (!names_take(names, plugin, raw, out, &mine)) {
		node_name_suffix(out, raw, IDENT_SERVICE_MAX, out);
		if (!ident_is_service(out) || !names_take(names, plugin, raw, out, &mine)) {
			return NODE_UNNAMABLE;
		}
	}
	return mine ? NODE_NAMED : NODE_COLLISION;
}

enum node_named node_names_plugin(
	struct node_names *names, const char *plugin, char out[IDENT_SERVICE_MAX + 1])
{
	size_t n = 0;
	bool any = false;
	for (; plugin[n] && n < IDENT_SERVICE_MAX; n++) {
		bool good = g_ascii_isalnum(plugin[n]) || plugin[n] == '_';
		out[n] = good ? plugin[n] : '_';
		any = any || (good && plugin[n] != '_');
	}
	out[n] = '\0';
	if (!any || plugin[n]) {
		return NODE_UNNAMABLE;
	}
	return names_give(names, plugin, (struct node_part){plugin, strlen(plugin)}, out);
}

enum node_named node_names_graph(struct node_names *names, const char *plugin, struct node_part raw,
	char out[IDENT_SERVICE_MAX + 1])
{
	if (!raw.length || raw.length > IDENT_SERVICE_MAX || node_part_is(raw, "multigraph")) {
		return NODE_UNNAMABLE;
	}
	for (size_t i = 0; i < raw.length; i++) {
		char c = raw.text[i];
		bool good = g_ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
		if (!good && c != ':' && !((unsigned char)c & 0x80)) {
			return NODE_UNNAMABLE;
		}
		out[i] = good ? c : '_';
	}
	out[raw.length] = '\0';
	return names_give(names, plugin, raw, out);
}
