#pragma once
#include "model/config.h"

/*
 * Blocks of hosts and groups as they were written, between the tables that read them
 * (config_host_rows.c) and what makes hosts of them (config_hosts.c).
 */
enum settings_choice { CHOICE_OPEN, CHOICE_NO, CHOICE_YES };

/* What a block of a host or of a group says; members that it leaves open are NULL or 0. */
struct config_settings {
	char *name;
	char *group; /* of a host only */
	char *address;
	GPtrArray *tags;
	uint32_t interval_s, timeout_s;
	char *munin;
	char *node_name;
	uint32_t tls, verify;
	struct config_identity identity;
	GPtrArray *ignore;
	char *token_file;
	char *layout;
	GPtrArray *sources;            /* struct config_source * */
	GPtrArray *overrides, *graphs; /* struct config_override *, struct config_graph * */
};

struct config_reading {
	GPtrArray *hosts, *groups; /* struct config_settings * */
};

void *config_settings_add(GPtrArray *list, const char *name);
