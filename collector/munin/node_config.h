#pragma once
#include "collector/munin/node_line.h"
#include "collector/munin/node_names.h"
#include "model/service.h"

#include <glib.h>

/*
 * The answer to `config PLUGIN`: graphs with their attributes and fields (reference: munin,
 * sections 2 and 4). Pure: text in, declarations and complaints out. What munin-update would make
 * of the text is what comes out, with these exceptions: names are brought to what may be a file
 * name (hostile 7), two that become the same stay apart (hostile 8), a graph has a depth of at most
 * IDENT_DEPTH_MAX (hostile 10), a field without a label is labelled by its name, and attributes
 * that model/attributes.h does not know are left out.
 */
enum {
	NODE_CONFIG_FIELDS_MAX = 1000, /* of one plugin (hostile 23) */
	NODE_CONFIG_GRAPHS_MAX = 1000,
};

/* A name as the node says it. */
struct node_raw {
	char *text;
	size_t length;
};

/* A graph of the plugin. */
struct node_graph {
	struct node_raw raw;     /* of "multigraph NAME", or the plugin's name */
	struct service *service; /* owned unless stolen (NULL) */
	struct node_raw *fields; /* as many as the service has, in its order */
	size_t field_count;
	uint32_t entered; /* node_values' own */
};
void node_graph_destroy(struct node_graph *graph);
DEFINE_AUTO(node_graph)

struct node_config {
	GPtrArray *graphs; /* struct node_graph *, owned; only those that have fields */
	enum node_trouble trouble;
	struct node_notes notes;
	bool dirty;      /* values are in it as well */
	bool stamped;    /* and carry times of their own */
	uint32_t rate_s; /* of update_rate; 0: not said */
	bool aligned;
};

struct node_config_options {
	const char *plugin; /* as the node names it */
	const char *group, *host;
	uint32_t step_s;          /* between samples where the plugin says nothing */
	bool timed;               /* its values say their time, wherever they stand */
	struct node_names *names; /* of all services of the node */
};

/* Never NULL. With `trouble` there are no graphs. */
struct node_config *node_config_parse(
	const struct node_config_options *options, const char *text, size_t length);
void node_config_destroy(struct node_config *config);
DEFINE_AUTO(node_config)

/* A number that is the same for texts that declare the same; lines with values do not count. */
uint64_t node_config_hash(const char *text, size_t length);
