#pragma once
#include "collector/munin/node_config.h"

/*
 * The values in an answer to `fetch PLUGIN`, or between the lines of one to `config PLUGIN`, laid
 * beside the graphs that the plugin's config declared. This is the hot path of a fleet: fields are
 * expected in the order of the last answer, and nothing is allocated once the arrays have grown.
 */
enum {
	NODE_VALUES_MAX = 100000,       /* samples of one answer */
	NODE_VALUES_STRANGE_MAX = 2000, /* lines of fields that were not where they were expected */
};

struct node_sample {
	uint32_t graph, field; /* index in `graphs`, in its fields */
	int64_t at_s;          /* NODE_NO_TIME: said to be of now */
	double value;          /* NaN: unknown */
	uint32_t pass;         /* how often its graph was entered, from 1 */
};

struct node_extinfo {
	uint32_t graph, field;
	char *text; /* clean */
};

struct node_values {
	GArray *samples;  /* struct node_sample, as they came */
	GArray *extinfos; /* struct node_extinfo */
	enum node_trouble trouble;
	struct node_notes notes;
	unsigned strange; /* lines of fields or graphs that config never named */
};

void node_values_init(struct node_values *values);
void node_values_finish(struct node_values *values);

struct node_values_options {
	const char *plugin;
	GPtrArray *graphs; /* struct node_graph * */
	bool config;       /* the text is that of `config`: lines that declare are passed over */
};

/* Reads a whole answer into `values`, which is emptied first. With `trouble` there are none. */
void node_values_read(struct node_values *values, const struct node_values_options *options,
	const char *text, size_t length);
