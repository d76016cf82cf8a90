#pragma once
#include "base/schema.h"
#include "model/config.h"

/*
 * The part of magpie.conf's table that names hosts and their sources (config_hosts.c,
 * config_sources.c), for config.c to put into the whole. What was read stands in `config->reading`
 * until config_hosts_complete() makes the hosts of it.
 */
extern const struct schema config_host_schema, config_group_schema, config_push_schema;
extern const struct schema config_service_schema, config_check_schema, config_exporter_schema,
	config_plugin_schema;

void config_hosts_init(struct config *config);
void config_hosts_finish(struct config *config);

/* `add` of the rows. */
void *config_hosts_add_host(void *config, const char *name);
void *config_hosts_add_group(void *config, const char *path);

/* What has to hold between hosts, groups and the rest of the file. */
void config_hosts_check(const struct schema_context *context, struct config *config);

/* Groups, defaults and this machine are settled: config->hosts is whole. */
void config_hosts_complete(struct config *config);

/* A source of that kind with its defaults, owned by the host block's list; and its end. */
struct config_source *config_source_create(enum config_source_kind kind, const char *name);
void config_source_destroy(void *source);

/* What was written about a source, as one text for its fingerprint. */
char *config_block_text(const struct block *block);
