/*
 * Hosts and groups. A block is read as it stands (config_host_rows.c); when the whole file is known
 * to be good, config_hosts_complete() settles what each host left open: from its groups, the
 * deepest first, then from the table of kinds. After that nobody has to ask where a value came
 * from.
 */
#include "model/config_hosts.h"

#include <string.h>

#include "base/text.h"
#include "model/config_reading.h"
#include "model/config_rows.h"

#include "base/banned.h"

/* What holds where nobody said anything. */
static const struct {
	const char *name;
	uint32_t interval_s, timeout_s;
} kinds[CONFIG_SOURCE_KINDS] = {
	[CONFIG_SOURCE_HOST] = {"host", 10, 10},
	[CONFIG_SOURCE_NODE] = {"munin", 60, 30},
	[CONFIG_SOURCE_PUSH] = {"push", 60, 30},
	[CONFIG_SOURCE_SERVICE] = {"service", 10, 5},
	[CONFIG_SOURCE_CHECK] = {"check", 30, 10},
	[CONFIG_SOURCE_EXPORTER] = {"exporter", 30, 10},
	[CONFIG_SOURCE_PLUGIN] = {"plugin", 60, 30},
};

const char *config_source_kind_name(enum config_source_kind kind)
{
	return kind < CONFIG_SOURCE_KINDS ? kinds[kind].name : "?";
}

/* -- blocks as written -- */

static struct config_settings *settings_create(const char *name)
{
	struct config_settings *settings = g_new0(struct config_settings, 1);
	settings->name = g_strdup(name);
	settings->sources = g_ptr_array_new_with_free_func(config_source_destroy);
	settings->overrides = config_overrides_create();
	settings->graphs = config_graphs_create();
	return settings;
}

static void settings_destroy(void *data)
{
	struct config_settings *settings = data;
	char *const texts[] = {settings->name, settings->group, settings->address, settings->munin,
		settings->node_name, settings->identity.ca, settings->identity.certificate,
		settings->identity.key, settings->token_file, settings->layout};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	if (settings->tags) {
		g_ptr_array_free(settings->tags, TRUE);
	}
	if (settings->ignore) {
		g_ptr_array_free(settings->ignore, TRUE);
	}
	g_ptr_array_free(settings->sources, TRUE);
	g_ptr_array_unref(settings->overrides);
	g_ptr_array_unref(settings->graphs);
	g_free(settings);
}

void *config_settings_add(GPtrArray *list, const char *name)
{
	struct config_settings *settings = settings_create(name);
	g_ptr_array_add(list, settings);
	return settings;
}

/* -- completion -- */

static const struct config_settings *settings_find(
	const GPtrArray *list, const char *name, size_t length)
{
	for (guint i = 0; i < list->len; i++) {
		const struct config_settings *settings = list->pdata[i];
		if (strlen(settings->name) == length && !strncmp(settings->name, name, length)) {
			return settings;
		}
	}
	return NULL;
}

static void take_text(char **to, const char *from)
{
	if (!*to && from) {
		*to = g_strdup(from);
	}
}

static void take_number(uint32_t *to, uint32_t from)
{
	*to = *to ? *to : from;
}

static GPtrArray *copy_texts(const GPtrArray *texts)
{
	GPtrArray *copy = texts ? g_ptr_array_new_with_free_func(g_free) : NULL;
	for (guint i = 0; texts && i < texts->len; i++) {
		g_ptr_array_add(copy, g_strdup(texts->pdata[i]));
	}
	return copy;
}

static void add_tags(GPtrArray *tags, const GPtrArray *more)
{
	for (guint i = 0; more && i < more->len; i++) {
		if (!g_ptr_array_find_with_equal_func(tags, more->pdata[i], g_str_equal, NULL)) {
			g_ptr_array_add(tags, g_strdup(more->pdata[i]));
		}
	}
}

static void inherit(struct config_settings *host, const struct config_settings *group)
{
	take_number(&host->interval_s, group->interval_s);
	take_number(&host->timeout_s, group->timeout_s);
	take_number(&host->tls, group->tls);
	take_number(&host->verify, group->verify);
	take_text(&host->identity.ca, group->identity.ca);
	if (!host->identity.key) { /* these two belong together */
		take_text(&host->identity.certificate, group->identity.certificate);
		take_text(&host->identity.key, group->identity.key);
	}
	if (!host->ignore) {
		host->ignore = copy_texts(group->ignore);
	}
	add_tags(host->tags, group->tags);
	config_overrides_inherit(host->overrides, group->overrides);
	config_graphs_inherit(host->graphs, group->graphs);
}

/* From "a/b/c", then "a/b", then "a". */
static void inherit_all(struct config_settings *host, const GPtrArray *groups)
{
	if (!host->tags) {
		host->tags = g_ptr_array_new_with_free_func(g_free);
	}
	for (size_t length = strlen(host->group); length > 0;) {
		const struct config_settings *group = settings_find(groups, host->group, length);
		if (group) {
			inherit(host, group);
		}
		while (length > 0 && host->group[--length] != '/') {
		}
	}
}

static char *fill_names(const char *text, const struct config_host *host)
{
	GString *filled = g_string_new(text);
	bool literal = strchr(host->address, ':') != NULL;
	g_autofree char *address = g_strdup_printf(literal ? "[%s]" : "%s", host->address);
	g_string_replace(filled, "$ADDRESS", address, 0);
	g_string_replace(filled, "$HOST", host->name, 0);
	return g_string_free(filled, FALSE);
}

static void fill(char **text, const struct config_host *host)
{
	if (*text && strchr(*text, '$')) {
		char *filled = fill_names(*text, host);
		g_free(*text);
		*text = filled;
	}
}

/* Puts a source into its host, with all that was left open. Takes it. */
static void place_source(struct config_host *host, struct config_source *source)
{
	const char *written = source->fingerprint ? source->fingerprint : "";
	source->host = host;
	source->id = g_strconcat(host->name, "/", kinds[source->kind].name, "/", source->name, NULL);
	take_number(&source->interval_s, host->interval_s);
	take_number(&source->interval_s, kinds[source->kind].interval_s);
	take_number(&source->timeout_s, host->timeout_s);
	take_number(&source->timeout_s, kinds[source->kind].timeout_s);
	source->timeout_s = MIN(source->timeout_s, source->interval_s);
	if (source->kind == CONFIG_SOURCE_CHECK) {
		fill(&source->check.target, host);
		fill(&source->check.server, host);
	} else if (source->kind == CONFIG_SOURCE_EXPORTER) {
		fill(&source->exporter.url, host);
	} else if (source->kind == CONFIG_SOURCE_SERVICE) {
		fill(&source->service.address, host);
	}
	char *all = g_strdup_printf("%s\x1e%s\x1e%s\x1e%s\x1e%u\x1e%u\x1e%s", source->id, host->group,
		host->address, kinds[source->kind].name, source->interval_s, source->timeout_s, written);
	g_free(source->fingerprint);
	source->fingerprint = all;
	g_ptr_array_add(host->sources, source);
}

static char *node_text(const struct config_node *node)
{
	g_autofree char *ignore = NULL;
	if (node->ignore) {
		g_autoptr(GPtrArray) list = g_ptr_array_new();
		for (guint i = 0; i < node->ignore->len; i++) {
			g_ptr_array_add(list, node->ignore->pdata[i]);
		}
		g_ptr_array_add(list, NULL);
		ignore = g_strjoinv("\x1f", (char **)list->pdata);
	}
	const char *const texts[] = {node->address, node->node_name, node->token_file,
		node->identity.ca, node->identity.certificate, node->identity.key, ignore};
	GString *out = g_string_new(NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_string_append_printf(out, "%s\x1f", texts[i] ? texts[i] : "");
	}
	g_string_append_printf(out, "%u %d", node->tls, node->verify);
	return g_string_free(out, FALSE);
}

static void place_node(struct config_host *host, const struct config_settings *settings)
{
	enum config_source_kind kind = settings->munin ? CONFIG_SOURCE_NODE : CONFIG_SOURCE_PUSH;
	struct config_source *source = config_source_create(kind, kinds[kind].name);
	struct config_node *node = &source->node;
	node->address = settings->munin ? fill_names(settings->munin, host) : NULL;
	node->node_name = g_strdup(settings->node_name);
	node->tls = settings->tls ? settings->tls : CONFIG_NODE_TLS_DISABLED;
	node->verify =
		settings->verify ? settings->verify == CHOICE_YES : settings->identity.ca != NULL;
	node->verify |= node->tls == CONFIG_NODE_TLS_PARANOID;
	take_text(&node->identity.ca, settings->identity.ca);
	take_text(&node->identity.certificate, settings->identity.certificate);
	take_text(&node->identity.key, settings->identity.key);
	node->ignore = copy_texts(settings->ignore);
	take_text(&node->token_file, settings->token_file);
	source->fingerprint = node_text(node);
	place_source(host, source);
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void config_host_ref(struct config_host *host)
{
	host->refs++;
}

void config_host_unref(struct config_host *host)
{
	if (--host->refs) {
		return;
	}
	g_ptr_array_free(host->sources, TRUE);
	g_ptr_array_free(host->tags, TRUE);
	g_ptr_array_unref(host->overrides);
	g_ptr_array_unref(host->graphs);
	g_free(host->name);
	g_free(host->group);
	g_free(host->address);
	g_free(host);
}

static void host_unref(void *host)
{
	config_host_unref(host);
}

static struct config_host *place_host(struct config *config, struct config_settings *settings)
{
	struct config_host *host = g_new0(struct config_host, 1);
	host->refs = 1;
	host->name = g_strdup(settings->name);
	host->group = g_strdup(settings->group);
	host->address = g_strdup(settings->address ? settings->address : settings->name);
	inherit_all(settings, config->reading->groups);
	host->tags = copy_texts(settings->tags);
	g_ptr_array_sort(host->tags, compare_texts);
	host->interval_s = settings->interval_s;
	host->timeout_s = settings->timeout_s;
	host->sources = g_ptr_array_new_with_free_func(config_source_destroy);
	host->overrides = g_ptr_array_ref(settings->overrides);
	host->graphs = g_ptr_array_ref(settings->graphs);
	g_ptr_array_add(config->hosts, host);
	return host;
}

static void place_sources(struct config_host *host, const struct config_settings *settings)
{
	if (settings->munin || settings->token_file) {
		place_node(host, settings);
	}
	while (settings->sources->len) {
		place_source(host, g_ptr_array_steal_index(settings->sources, 0));
	}
}

static void place_local(struct config *config, struct config_settings *settings)
{
	g_free(settings->group);
	settings->group = g_strdup(config->host_group);
	struct config_host *host = place_host(config, settings);
	host->local = true;
	host->discover = config->discover;
	if (!settings->address) {
		g_free(host->address);
		host->address = g_strdup("localhost");
	}
	struct config_source *own = config_source_create(CONFIG_SOURCE_HOST, "host");
	own->interval_s = config->interval_s;
	own->timeout_s = config->interval_s;
	place_source(host, own);
	place_sources(host, settings);
}

static char *group_of_name(const char *name)
{
	const char *dot = strchr(name, '.');
	return g_strdup(dot && ident_is_group(dot + 1) ? dot + 1 : name);
}

static void retain(struct retention *retention, enum retention_scope scope, const GPtrArray *blocks)
{
	for (guint i = 0; i < blocks->len; i++) {
		const struct config_settings *settings = blocks->pdata[i];
		if (settings->layout) {
			retention_add(retention, scope, settings->name, settings->layout);
		}
	}
}

static void place_retention(struct config *config)
{
	struct retention *retention = retention_create();
	config->retention = retention;
	if (config->layout) {
		retention_add(retention, RETENTION_ALL, "", config->layout);
	}
	retain(retention, RETENTION_GROUP, config->reading->groups);
	retain(retention, RETENTION_HOST, config->reading->hosts);
	const GPtrArray *rules = config->archive.retentions;
	for (guint i = 0; rules && i < rules->len; i++) {
		const struct config_retention *rule = rules->pdata[i];
		retention_add(retention, RETENTION_SELECTOR, rule->selector, rule->layout);
	}
}

void config_hosts_complete(struct config *config)
{
	struct config_reading *reading = config->reading;
	place_retention(config);
	struct config_settings *local = NULL;
	for (guint i = 0; i < reading->hosts->len; i++) {
		struct config_settings *settings = reading->hosts->pdata[i];
		local = strcmp(settings->name, config->host_name) ? local : settings;
	}
	if (!local) {
		local = config_settings_add(reading->hosts, config->host_name);
	}
	if (local->group) {
		g_free(config->host_group);
		config->host_group = g_strdup(local->group);
	}
	place_local(config, local);
	for (guint i = 0; i < reading->hosts->len; i++) {
		struct config_settings *settings = reading->hosts->pdata[i];
		if (settings == local) {
			continue;
		}
		if (!settings->group) {
			settings->group = group_of_name(settings->name);
		}
		place_sources(place_host(config, settings), settings);
	}
	g_ptr_array_free(reading->hosts, TRUE);
	g_ptr_array_free(reading->groups, TRUE);
	g_free(reading);
	config->reading = NULL;
}

void config_hosts_init(struct config *config)
{
	config->reading = g_new0(struct config_reading, 1);
	config->reading->hosts = g_ptr_array_new_with_free_func(settings_destroy);
	config->reading->groups = g_ptr_array_new_with_free_func(settings_destroy);
	config->hosts = g_ptr_array_new_with_free_func(host_unref);
}

void config_hosts_finish(struct config *config)
{
	if (config->reading) {
		g_ptr_array_free(config->reading->hosts, TRUE);
		g_ptr_array_free(config->reading->groups, TRUE);
		g_free(config->reading);
	}
	g_ptr_array_free(config->hosts, TRUE);
	retention_destroy(config->retention);
	g_free(config->push.listen);
	g_free(config->push.certificate);
	g_free(config->push.key);
}

/* -- finding -- */

struct config_host *config_find_host(const struct config *config, const char *name)
{
	for (guint i = 0; i < config->hosts->len; i++) {
		struct config_host *host = config->hosts->pdata[i];
		if (!strcmp(host->name, name)) {
			return host;
		}
	}
	return NULL;
}

struct config_source *config_find_source(
	const struct config_host *host, enum config_source_kind kind, const char *name)
{
	for (guint i = 0; i < host->sources->len; i++) {
		struct config_source *source = host->sources->pdata[i];
		if (source->kind == kind && !strcmp(source->name, name)) {
			return source;
		}
	}
	return NULL;
}

struct config_source *config_host_add_service(
	struct config_host *host, const char *name, const char *kind, const char *address)
{
	struct config_source *source = config_source_create(CONFIG_SOURCE_SERVICE, name);
	schema_defaults(&config_service_schema, source);
	source->service.kind = g_strdup(kind);
	source->service.address = g_strdup(address);
	source->service.found = true;
	source->fingerprint = g_strdup_printf("found %s %s", kind, address ? address : "");
	place_source(host, source);
	return source;
}
