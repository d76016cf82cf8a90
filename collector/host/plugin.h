#pragma once
#include "collector/host/kept.h"
#include "collector/host/scan.h"
#include "collector/graph.h"

/*
 * What a built-in plugin is made of. A reader (one file per family, one row in plugins.def) samples
 * one source of the kernel and fills the feeds of one or several graphs: /proc/stat gives cpu,
 * forks, interrupts and vmstat. Its parse function is pure; graphs and fields are tables.
 */

/* What all readers of a host share. */
struct site {
	struct source source;
	struct kept_site files;
	uint32_t step_s;
	bool whole_host; /* the root is /: the kernel may be asked in other ways than by files */
};

struct plugin;

struct plugin_kind {
	const char *name;
	size_t state_size;
	bool slow; /* reading costs so much that once a minute has to do */
	/* Declares its graphs. False: this host has nothing of the kind (now); asked again later. */
	bool (*start)(struct plugin *plugin);
	/* Fills its feeds and marks them fresh. */
	void (*sample)(struct plugin *plugin);
	/* Closes what start() or sample() opened; the feeds are the source's. May be NULL. */
	void (*stop)(struct plugin *plugin);
};

struct plugin {
	const struct plugin_kind *kind;
	struct site *site;
	uint32_t step_s; /* between two samples of this plugin */
	bool started;
	void *state; /* state_size bytes, zeroed before start() */
};

/* A declaration made of the row and its fields, for the caller to add to. */
MUST_USE struct service *plugin_service(const struct plugin *plugin, const struct graph_row *row);

/* As plugin_service under another name and title (subgraphs, one graph per device). */
MUST_USE struct service *plugin_service_named(
	const struct plugin *plugin, const struct graph_row *row, const char *name, const char *title);

/* Makes a feed of the row as it stands. */
struct feed *plugin_feed(struct plugin *plugin, const struct graph_row *row);

/*
 * State of the many readers that have one file and one graph: start opens the file and declares the
 * row (false: no such file), read marks the feed fresh and gives the text (false: cannot be read
 * now, all stays unknown), stop closes.
 */
struct plugin_single {
	struct kept file;
	struct feed *feed;
};

MUST_USE bool plugin_single_start(
	struct plugin *plugin, const char *path, const struct graph_row *row);
MUST_USE bool plugin_single_read(struct plugin *plugin, struct scan *text);
void plugin_single_stop(struct plugin *plugin);

/* Munin's cleaning of a field name, which also keeps away from "root". False: empty. */
MUST_USE bool plugin_clean(const char *raw, char out[IDENT_FIELD_MAX + 1]);

/* The table of plugins.def. */
extern const struct plugin_kind *const plugin_kinds[];
extern const size_t plugin_kind_count;
