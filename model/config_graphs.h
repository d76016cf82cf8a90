#pragma once
#include "base/schema.h"
#include "model/service.h"

#include <glib.h>

/*
 * What magpie.conf says of graphs: `override "SERVICE[:FIELD]" { … }` sets attributes of graphs
 * that sources declare, `graph NAME { … }` makes a graph of the fields of others. Both stand in
 * blocks of hosts and groups; a host has those of its groups, too.
 */
enum config_word {
#define CONFIG_WORD(key, level, help) CONFIG_WORD_##key,
#include "model/config_words.def"
#undef CONFIG_WORD
	CONFIG_WORDS
};

/* Texts by key, NULL: not said. */
struct config_attributes {
	char *word[CONFIG_WORDS];
	GPtrArray *sum, *stack; /* char *: paths (model/reference.h); NULL: none */
};

/* Shared by the hosts it holds for: config_override_ref(). */
struct config_override {
	char *name; /* as written: "load", "if_*:up" */
	struct config_attributes attributes;
};

struct config_graph_field {
	char *name;
	struct config_attributes attributes;
	char *from; /* path of the one field it shows; NULL: it is a sum or stacked */
};

struct config_graph {
	char *name;
	struct config_attributes attributes;
	GPtrArray *fields; /* struct config_graph_field * */
};

extern const struct schema config_override_schema, config_graph_schema;

/* `add` and `check` of the rows; lists of blocks that own what is in them. */
void *config_override_add(GPtrArray *list, const char *name);
void *config_graph_add(GPtrArray *list, const char *name);
MUST_USE bool config_override_check_name(const char *name, struct error *err);
MUST_USE bool config_graph_check_name(const char *name, struct error *err);
GPtrArray *config_overrides_create(void);
GPtrArray *config_graphs_create(void);

/* Appends what `from` has and `to` has not got by name; shared, not copied. */
void config_graphs_inherit(GPtrArray *to, const GPtrArray *from);

/* Puts all of `from` in front: what comes later counts more. */
void config_overrides_inherit(GPtrArray *to, const GPtrArray *from);

/*
 * Sets what the overrides say of a declaration; whether they said anything of it. Of several the
 * last counts. A field named without a glob that has a sum or a stack is added if it is not there.
 */
bool config_overrides_apply(const GPtrArray *overrides, struct service *service);

/* The graph as a declaration: fields without numbers, nothing to be collected. Never NULL. */
MUST_USE struct service *config_graph_service(
	const struct config_graph *graph, const char *group, const char *host);
