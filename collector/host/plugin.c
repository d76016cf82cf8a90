#include "collector/host/plugin.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* All readers, in the order in which their graphs are offered. */
#define PLUGIN(name) extern const struct plugin_kind plugin_##name;
#include "collector/host/plugins.def"
#undef PLUGIN
#define PLUGIN(name) &plugin_##name,
const struct plugin_kind *const plugin_kinds[] = {
#include "collector/host/plugins.def"
};
#undef PLUGIN
const size_t plugin_kind_count = ARRAY_LENGTH(plugin_kinds);

struct service *plugin_service_named(
	const struct plugin *plugin, const struct graph_row *row, const char *name, const char *title)
{
	return graph_service_named(&plugin->site->source, row, plugin->step_s, name, title);
}

struct service *plugin_service(const struct plugin *plugin, const struct graph_row *row)
{
	return plugin_service_named(plugin, row, row->name, row->title);
}

struct feed *plugin_feed(struct plugin *plugin, const struct graph_row *row)
{
	return source_add(&plugin->site->source, row->plugin, plugin_service(plugin, row));
}

static bool plugin_single_text(struct plugin *plugin, struct scan *text)
{
	struct plugin_single *single = plugin->state;
	bool small = !strncmp(single->file.path, "proc/sys/", 9);
	return small ? kept_read_small(&plugin->site->files, &single->file, text)
				 : kept_read(&plugin->site->files, &single->file, text);
}

bool plugin_single_start(struct plugin *plugin, const char *path, const struct graph_row *row)
{
	struct plugin_single *single = plugin->state;
	struct scan text;
	single->file = kept_file(path);
	if (!plugin_single_text(plugin, &text)) {
		return false;
	}
	single->feed = plugin_feed(plugin, row);
	return true;
}

bool plugin_single_read(struct plugin *plugin, struct scan *text)
{
	struct plugin_single *single = plugin->state;
	single->feed->fresh = true;
	return plugin_single_text(plugin, text);
}

void plugin_single_stop(struct plugin *plugin)
{
	struct plugin_single *single = plugin->state;
	kept_close(&single->file);
}

/* Munin replaces a whole run of unfit characters at the beginning by one "_" (Munin::Plugin,
 * clean_fieldname). */
bool plugin_clean(const char *raw, char out[IDENT_FIELD_MAX + 1])
{
	size_t run = 0;
	while (raw[run] && !g_ascii_isalpha(raw[run]) && raw[run] != '_') {
		run++;
	}
	if (!ident_clean_field(run ? raw + run - 1 : raw, out)) {
		return false;
	}
	if (!strcmp(out, "root")) {
		snprintf(out, IDENT_FIELD_MAX + 1, "__root");
	}
	return true;
}
