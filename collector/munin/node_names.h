#pragma once
#include "collector/munin/node_line.h"
#include "model/ident.h"

/*
 * Which service of a node is which plugin's, under which name (hostile 7, 8). A name that is not
 * safe is brought to one that is, as munin-update does it; if another one became the same before, a
 * stable hash of the raw name is put behind it. What was given stays given until it is released.
 */
struct node_names;

struct node_names *node_names_create(void);
void node_names_destroy(struct node_names *names);

enum node_named {
	NODE_NAMED,     /* `out` is its service */
	NODE_COLLISION, /* another plugin has exactly this service already */
	NODE_UNNAMABLE, /* no name can be made of it */
};

/* The graph of a plugin that says no "multigraph": characters outside [A-Za-z0-9_] become "_". */
enum node_named node_names_plugin(
	struct node_names *names, const char *plugin, char out[IDENT_SERVICE_MAX + 1]);

/* "multigraph RAW" of a plugin: parts joined by dots, which stay. */
enum node_named node_names_graph(struct node_names *names, const char *plugin, struct node_part raw,
	char out[IDENT_SERVICE_MAX + 1]);

/* The service is nobody's any more. */
void node_names_release(struct node_names *names, const char *service);

/* "NAME_1f2e3d4c" of at most `most` bytes: `clean` cut, and a hash of `raw` behind it. */
void node_name_suffix(const char *clean, struct node_part raw, size_t most, char *out);
