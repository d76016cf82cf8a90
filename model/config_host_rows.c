/*
 * What may stand in the block of a host or of a group: one table each.
 */
#include <stddef.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "model/config_check.h"
#include "model/config_reading.h"
#include "model/config_rows.h"
#include "model/hostname.h"

#include "base/banned.h"

/* -- reading -- */

void *config_hosts_add_host(void *config, const char *name)
{
	return config_settings_add(((struct config *)config)->reading->hosts, name);
}

void *config_hosts_add_group(void *config, const char *path)
{
	return config_settings_add(((struct config *)config)->reading->groups, path);
}

static void *add_source(void *target, enum config_source_kind kind, const char *name)
{
	struct config_source *source = config_source_create(kind, name);
	g_ptr_array_add(((struct config_settings *)target)->sources, source);
	return source;
}

static void *add_service(void *target, const char *name)
{
	return add_source(target, CONFIG_SOURCE_SERVICE, name);
}

static void *add_check(void *target, const char *name)
{
	return add_source(target, CONFIG_SOURCE_CHECK, name);
}

static void *add_exporter(void *target, const char *name)
{
	return add_source(target, CONFIG_SOURCE_EXPORTER, name);
}

static void *add_plugin(void *target, const char *name)
{
	return add_source(target, CONFIG_SOURCE_PLUGIN, name);
}

static void *add_override(void *target, const char *name)
{
	return config_override_add(((struct config_settings *)target)->overrides, name);
}

static void *add_graph(void *target, const char *name)
{
	return config_graph_add(((struct config_settings *)target)->graphs, name);
}

/* -- the tables -- */

static bool check_host_or_address(const char *text, struct error *err)
{
	return !strchr(text, '/') ? config_check_address(text, err)
							  : error_set(err, ERR_CONFIG, "expected a name or an address");
}

static bool check_node_address(const char *text, struct error *err)
{
	bool away = g_str_has_prefix(text, "ssh://") || g_str_has_prefix(text, "cmd:///");
	if (away && strlen(text) > 7 && text[6] != '-') {
		return config_check_no_control(text, err);
	}
	return (!strstr(text, "://") || g_str_has_prefix(text, "unix:///"))
			   ? config_check_address(text, err)
			   : error_set(err, ERR_CONFIG,
					 "expected HOST, HOST:PORT, unix:///PATH, ssh://USER@HOST/PROGRAM or "
					 "cmd:///PROGRAM");
}

static bool check_tag(const char *text, struct error *err)
{
	return text_is_plain(text, 64) ||
		   error_set(err, ERR_CONFIG, "a tag is made of letters, digits, \"_\", \"-\" and \".\"");
}

static void check_settings(const struct schema_context *context, void *target)
{
	const struct config_settings *settings = target;
	if (!settings->identity.certificate != !settings->identity.key) {
		schema_complain(context,
			schema_find(context->block, settings->identity.key ? "key" : "certificate"), "E102",
			"\"certificate\" and \"key\" only make sense together");
	}
	if (settings->munin && settings->token_file) {
		schema_complain(context, schema_find(context->block, "push"), "E106",
			"a node is either asked (\"munin\") or connects to us (\"push\")");
	}
}

static const char *const tls_words[] = {"inherit", "disabled", "auto", "enabled", "paranoid", NULL};
static const char *const choice_words[] = {"inherit", "no", "yes", NULL};

#define AT(member) .offset = offsetof(struct config_settings, member)

static void check_host_push(const struct schema_context *context, void *target)
{
	if (!((struct config_settings *)target)->token_file) {
		schema_complain(context, NULL, "E102", "\"token_file\" is missing in this block");
	}
}

static const struct schema_row host_push_rows[] = {
	{"token_file", SCHEMA_TEXT, AT(token_file), .check = config_check_path,
		.fallback_help = "required",
		.help = "file with the secret by which the node is known (0600)"},
};
static const struct schema host_push_schema = {
	"A node that connects to us and is asked over that connection (`magpie node --connect`).",
	host_push_rows, ARRAY_LENGTH(host_push_rows), check_host_push};

#define SHARED_ROWS                                                                                \
	{"tags", SCHEMA_TEXTS, AT(tags), .check = check_tag, .fallback_help = "none",                  \
		.help = "words that belong to the hosts, beside those of groups above"},                   \
		{"interval", SCHEMA_DURATION, AT(interval_s), .least = 1, .most = 86400,                   \
			.fallback_help = "10s for services, 30s for checks and exporters, 60s for nodes and "  \
							 "plugins",                                                            \
			.help = "time between two rounds of every source"},                                    \
		{"timeout", SCHEMA_DURATION, AT(timeout_s), .least = 1, .most = 3600,                      \
			.fallback_help = "5s for services, 10s for checks and exporters, 30s for nodes and "   \
							 "plugins",                                                            \
			.help = "of a round of every source; never longer than its interval"},                 \
		{"layout", SCHEMA_TEXT, AT(layout), .check = layout_check,                                 \
			.fallback_help = "that of the whole",                                                  \
			.help = "archives of new RRD files, as for the whole"},                                \
		{"tls", SCHEMA_WORD, AT(tls), .words = tls_words, .fallback = "inherit",                   \
			.help = "of munin-nodes: `disabled`, `auto` (if the node can), `enabled` (or not at "  \
					"all), `paranoid` (and its certificate has to be good); without any word "     \
					"`disabled`"},                                                                 \
		{"verify", SCHEMA_WORD, AT(verify), .words = choice_words, .fallback = "inherit",          \
			.help = "whether a node's certificate has to be good; without any word: if `ca` is "   \
					"set"},                                                                        \
		{"ca", SCHEMA_TEXT, AT(identity.ca), .check = config_check_path,                           \
			.fallback_help = "the system's", .help = "authorities of nodes' certificates (PEM)"},  \
		{"certificate", SCHEMA_TEXT, AT(identity.certificate), .check = config_check_path,         \
			.fallback_help = "none", .help = "our own towards nodes (PEM)"},                       \
		{"key", SCHEMA_TEXT, AT(identity.key), .check = config_check_path,                         \
			.fallback_help = "none", .help = "its key (PEM, 0600)"},                               \
	{                                                                                              \
		"ignore", SCHEMA_TEXTS, AT(ignore), .check = config_check_no_control,                      \
											.fallback_help = "none",                               \
											.help = "globs of plugins of nodes that are not asked" \
	}

static const struct schema_row host_rows[] = {
	{"group", SCHEMA_TEXT, AT(group), .check = config_check_group,
		.fallback_help = "the name behind its first dot, else the name",
		.help = "group of the host, names parted by `/`"},
	{"address", SCHEMA_TEXT, AT(address), .check = check_host_or_address,
		.fallback_help = "the name", .help = "name or address under which it is reached"},
	{"munin", SCHEMA_TEXT, AT(munin), .check = check_node_address, .fallback_help = "none",
		.help = "its munin-node: `HOST`, `HOST:PORT`, `unix:///PATH`, `ssh://USER@HOST/PROGRAM "
				"ARGUMENT`, `cmd:///PROGRAM ARGUMENT`; `$ADDRESS` is the host's"},
	{"node_name", SCHEMA_TEXT, AT(node_name), .check = config_check_host,
		.fallback_help = "what the node calls itself",
		.help = "host the node is asked for (for those it serves beside its own)"},
	{"push", SCHEMA_BLOCK, .offset = 0, .body = &host_push_schema, .fallback_help = "none",
		.help = "its node connects to us"},
	SHARED_ROWS,
	{"service", SCHEMA_BLOCK, .body = &config_service_schema, .add = add_service,
		.help = "a service that is probed"},
	{"check", SCHEMA_BLOCK, .body = &config_check_schema, .add = add_check,
		.help = "something that is checked from here"},
	{"exporter", SCHEMA_BLOCK, .body = &config_exporter_schema, .add = add_exporter,
		.help = "metrics in Prometheus' form"},
	{"plugin", SCHEMA_BLOCK, .body = &config_plugin_schema, .add = add_plugin,
		.help = "a Munin plugin run here"},
	{"override", SCHEMA_BLOCK, .body = &config_override_schema, .add = add_override,
		.check = config_override_check_name,
		.help = "attributes of a graph or of its fields that count instead of the declared ones"},
	{"graph", SCHEMA_BLOCK, .body = &config_graph_schema, .add = add_graph,
		.check = config_graph_check_name, .help = "a graph made of fields of other graphs"},
};
const struct schema config_host_schema = {
	"A host that is watched. The name of this machine adds sources to it.", host_rows,
	ARRAY_LENGTH(host_rows), check_settings};

static const struct schema_row group_rows[] = {
	SHARED_ROWS,
	{"override", SCHEMA_BLOCK, .body = &config_override_schema, .add = add_override,
		.check = config_override_check_name,
		.help = "attributes of a graph or of its fields that count instead of the declared ones"},
	{"graph", SCHEMA_BLOCK, .body = &config_graph_schema, .add = add_graph,
		.check = config_graph_check_name, .help = "a graph made of fields of other graphs"},
};
const struct schema config_group_schema = {
	"What holds for the hosts of a group and of those below it, where they say nothing themselves.",
	group_rows, ARRAY_LENGTH(group_rows), check_settings};

#undef AT
#define AT(member) .offset = offsetof(struct config_push, member)

static void check_push(const struct schema_context *context, void *target)
{
	const struct config_push *push = target;
	if (!push->listen || !push->certificate || !push->key) {
		schema_complain(
			context, NULL, "E102", "\"listen\", \"certificate\" and \"key\" are all needed here");
	}
}

static const struct schema_row push_rows[] = {
	{"listen", SCHEMA_TEXT, AT(listen), .check = config_check_endpoint, .fallback_help = "required",
		.help = "address and port"},
	{"certificate", SCHEMA_TEXT, AT(certificate), .check = config_check_path,
		.fallback_help = "required", .help = "our certificate with its chain (PEM)"},
	{"key", SCHEMA_TEXT, AT(key), .check = config_check_path, .fallback_help = "required",
		.help = "its key (PEM, 0600)"},
};
const struct schema config_push_schema = {"Where nodes that cannot be reached connect to, by TLS.",
	push_rows, ARRAY_LENGTH(push_rows), check_push};

/* -- what has to hold between them -- */

static bool asks_nothing(const struct config_settings *settings)
{
	return !settings->munin && !settings->token_file && !settings->sources->len &&
		   !settings->graphs->len;
}

/* A host block without sources makes sense for this machine only. */
static void check_all_asked(const struct schema_context *context, const struct config *config)
{
	char own[IDENT_HOST_MAX + 1];
	hostname_find(own);
	guint at = 0;
	for (guint i = 0; i < context->block->statements->len; i++) {
		const struct block_statement *s = context->block->statements->pdata[i];
		if (!s->body || strcmp(s->name, "host") != 0) {
			continue;
		}
		const struct config_settings *settings = config->reading->hosts->pdata[at++];
		const char *local = config->host_name ? config->host_name : own;
		if (asks_nothing(settings) && strcmp(settings->name, local) != 0) {
			schema_complain(context, s, "E102",
				"nothing is asked of this host: it needs munin, push, service, check, exporter, "
				"plugin or graph");
		}
	}
}

void config_hosts_check(const struct schema_context *context, struct config *config)
{
	check_all_asked(context, config);
	for (guint i = 0; !config->push.listen && i < context->block->statements->len; i++) {
		const struct block_statement *s = context->block->statements->pdata[i];
		const struct block_statement *push =
			s->body && !strcmp(s->name, "host") ? schema_find(s->body, "push") : NULL;
		if (push) {
			struct diag *d = schema_complain(
				context, push, "E102", "a node is to connect to us, but nothing listens for it");
			diag_note(d, "add a block such as: push { listen 0.0.0.0:4950 certificate \"...\" key "
						 "\"...\" }");
		}
	}
}
