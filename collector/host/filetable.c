#include "collector/host/filetable.h"
#include "collector/host/plugin.h"

#include <math.h>
#include <stdio.h>

#include "base/banned.h"

/*
 * /proc/sys/fs/file-nr and inode-nr (proc_sys_fs(5)): open_files, open_inodes. The levels of
 * open_files stand at 92 and 98 percent of a maximum that the administrator may change: then it is
 * declared anew.
 */

static const struct field_row open_files_fields[] = {
	{"used", "open files", FIELD_GAUGE, .info = "Files open in all programs together"},
};

static const struct graph_row open_files_graph = {
	.name = "open_files",
	.title = "File table usage",
	.args = "--base 1000 -l 0",
	.vlabel = "number of open files",
	.category = "system",
	.info = "Entries in use in the kernel's table of open files.",
	.fields = open_files_fields,
	.field_count = ARRAY_LENGTH(open_files_fields),
};

static const struct field_row open_inodes_fields[] = {
	{"used", "open inodes", FIELD_GAUGE, .info = "Inodes that are held"},
	{"max", "inode table size", FIELD_GAUGE,
		.info = "Inodes in memory; the kernel grows and shrinks the table"},
};

static const struct graph_row open_inodes_graph = {
	.name = "open_inodes",
	.title = "Inode table usage",
	.args = "--base 1000 -l 0",
	.vlabel = "number of open inodes",
	.category = "system",
	.info = "Inodes of files that the kernel has in memory.",
	.fields = open_inodes_fields,
	.field_count = ARRAY_LENGTH(open_inodes_fields),
};

void filetable_parse(const char *text, size_t length, struct filetable_reading *reading)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	*reading = (struct filetable_reading){NAN, NAN, NAN};
	if (scan_line(&all, &line)) {
		reading->allocated = scan_number(&line);
		reading->unused = scan_number(&line);
		reading->most = scan_number(&line);
	}
}

struct open_files_state {
	struct plugin_single single;
	double most; /* in the declaration */
};

static struct service *open_files_service(const struct plugin *plugin, double most)
{
	struct service *service = plugin_service(plugin, &open_files_graph);
	struct field *used = service_field(service, 0);
	char text[32];
	if (most > 0) {
		snprintf(text, sizeof(text), "%.0f", floor(most * 0.92));
		graph_field_attribute(used, "warning", text);
		snprintf(text, sizeof(text), "%.0f", floor(most * 0.98));
		graph_field_attribute(used, "critical", text);
	}
	return service;
}

static bool open_files_start(struct plugin *plugin)
{
	return plugin_single_start(plugin, "proc/sys/fs/file-nr", &open_files_graph);
}

static void open_files_sample(struct plugin *plugin)
{
	struct open_files_state *s = plugin->state;
	struct scan text;
	struct filetable_reading r;
	if (!plugin_single_read(plugin, &text)) {
		return;
	}
	filetable_parse(text.at, scan_length(&text), &r);
	if (!isnan(r.most) && r.most != s->most) {
		s->most = r.most;
		source_redeclare(s->single.feed, open_files_service(plugin, r.most));
	}
	s->single.feed->values[0] = r.allocated - r.unused;
}

const struct plugin_kind plugin_open_files = {
	.name = "open_files",
	.state_size = sizeof(struct open_files_state),
	.start = open_files_start,
	.sample = open_files_sample,
	.stop = plugin_single_stop,
};

static bool open_inodes_start(struct plugin *plugin)
{
	return plugin_single_start(plugin, "proc/sys/fs/inode-nr", &open_inodes_graph);
}

static void open_inodes_sample(struct plugin *plugin)
{
	struct plugin_single *s = plugin->state;
	struct scan text;
	struct filetable_reading r;
	if (plugin_single_read(plugin, &text)) {
		filetable_parse(text.at, scan_length(&text), &r);
		s->feed->values[0] = r.allocated - r.unused;
		s->feed->values[1] = r.allocated;
	}
}

const struct plugin_kind plugin_open_inodes = {
	.name = "open_inodes",
	.state_size = sizeof(struct plugin_single),
	.start = open_inodes_start,
	.sample = open_inodes_sample,
	.stop = plugin_single_stop,
};
