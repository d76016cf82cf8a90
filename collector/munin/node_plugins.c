/*
 * What is in the directory (a table by name), kept in line with it by a scan each minute. Plugins
 * that were learnt about stay as they are; a changed plugin-conf.d counts from node_plugins_load()
 * on, as with a munin-node.
 */
#include "collector/munin/node_plugins.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include "base/banned.h"

enum { CONF_FILE_MAX = 1 << 20, RETRY_MS = 300000 };

struct node_plugins {
	struct node_plugins_options options;
	struct plugin_conf *conf;
	GHashTable *plugins; /* name -> struct node_entry *, owned */
	struct loop_timer *scan, *patience;
	size_t unheard; /* of the first questions */
	bool ready;
};

/* A plugin and the question to it that is under way. */
struct node_entry {
	struct node_plugins *plugins;
	struct node_plugin *plugin; /* NULL: cannot be run, was complained about */
	struct node_ask *ask;
	bool first; /* counted in `unheard` */
	bool seen;  /* in the scan under way */
};

static void node_plugins_heard(struct node_plugins *p);

static void node_entry_free(gpointer data)
{
	struct node_entry *entry = data;
	if (entry->ask) {
		node_ask_cancel(entry->ask);
	}
	if (entry->first) {
		entry->plugins->unheard--;
	}
	node_plugin_unref(entry->plugin);
	g_free(entry);
}

/* -- learning -- */

static void node_entry_learn(void *owner, GBytes *answer)
{
	struct node_entry *entry = owner;
	gsize length;
	const char *text = g_bytes_get_data(answer, &length);
	entry->ask = NULL;
	bool timed_out = length >= 11 && !memcmp(text, "# Timed out", 11);
	if (!length || timed_out) {
		if (entry->plugin->state != NODE_PLUGIN_DROPPED) {
			log_warn("plugin.dropped", "plugin=%s its config %s; tried again every %d s",
				log_safe(entry->plugin->name), timed_out ? "took too long" : "said nothing",
				RETRY_MS / 1000);
		}
		entry->plugin->state = NODE_PLUGIN_DROPPED;
	} else {
		node_plugin_learn(entry->plugin, text, length);
		entry->plugin->state = NODE_PLUGIN_GOOD;
	}
	if (entry->first) {
		entry->first = false;
		entry->plugins->unheard--;
		node_plugins_heard(entry->plugins);
	}
}

static void node_entry_ask(struct node_entry *entry)
{
	struct node_question question = {NODE_CONFIG, false, ""};
	entry->plugin->asked = mono_now();
	entry->ask = node_runs_ask(
		entry->plugins->options.runs, entry->plugin, &question, node_entry_learn, entry);
}

static void node_plugins_tell_ready(void *owner)
{
	struct node_plugins *p = owner;
	if (!p->ready) {
		p->ready = true;
		loop_timer_stop(p->patience);
		p->options.ready(p->options.owner);
	}
}

static void node_plugins_heard(struct node_plugins *p)
{
	if (!p->unheard) {
		node_plugins_tell_ready(p);
	}
}

/* -- the directory -- */

/* Whether the file is a link to a plugin of Debian's that is built in here. */
static bool node_plugins_stands_for_builtin(
	const struct node_plugins *p, const char *name, const char *path)
{
	static const char *const collections[] = {"/usr/share/munin/plugins/", "/usr/lib/munin-c/"};
	if (!p->options.builtin || !node_builtin_has(p->options.builtin, name)) {
		return false;
	}
	AUTO_FREE char *real = realpath(path, NULL);
	for (size_t i = 0; real && i < ARRAY_LENGTH(collections); i++) {
		if (g_str_has_prefix(real, collections[i])) {
			return true;
		}
	}
	return false;
}

static struct node_plugin *node_plugins_prepare(
	const struct node_plugins *p, const char *name, const char *path)
{
	struct error err;
	struct plugin_settings settings;
	struct node_plugin *plugin = NULL;
	plugin_conf_settings(p->conf, name, &settings);
	if (settings.exact || !node_plugins_stands_for_builtin(p, name, path)) {
		plugin = node_plugin_create(&p->options.site, path, &settings, &err);
		if (!plugin) {
			log_warn(
				"plugin.unusable", "plugin=%s error=\"%s\"", log_safe(name), log_safe(err.text));
		}
	}
	plugin_settings_finish(&settings);
	return plugin;
}

static void node_plugins_meet(struct node_plugins *p, const char *name)
{
	struct stat st;
	struct node_entry *entry = g_hash_table_lookup(p->plugins, name);
	g_autofree char *path = g_strconcat(p->options.directory, "/", name, NULL);
	if (!node_conf_wants(p->options.site.conf, name) || stat(path, &st) || !S_ISREG(st.st_mode) ||
		access(path, X_OK)) {
		return;
	}
	if (!entry) {
		if (g_hash_table_size(p->plugins) >= NODE_PLUGINS_MAX) {
			log_warn("plugin.too_many", "plugin=%s more than %d", name, NODE_PLUGINS_MAX);
			return;
		}
		entry = g_new0(struct node_entry, 1);
		entry->plugins = p;
		entry->plugin = node_plugins_prepare(p, name, path);
		g_hash_table_insert(p->plugins, g_strdup(name), entry);
		if (entry->plugin) {
			entry->first = true;
			p->unheard++;
			node_entry_ask(entry);
		}
	}
	entry->seen = true;
}

static gboolean node_entry_is_gone(gpointer name UNUSED, gpointer value, gpointer data UNUSED)
{
	const struct node_entry *entry = value;
	return !entry->seen;
}

static void node_plugins_retry(struct node_plugins *p)
{
	GHashTableIter all;
	gpointer value;
	g_hash_table_iter_init(&all, p->plugins);
	while (g_hash_table_iter_next(&all, NULL, &value)) {
		struct node_entry *entry = value;
		if (entry->plugin && !entry->ask && entry->plugin->state == NODE_PLUGIN_DROPPED &&
			mono_now().ms - entry->plugin->asked.ms >= RETRY_MS) {
			node_entry_ask(entry);
		}
	}
}

static void node_plugins_unsee(gpointer name UNUSED, gpointer value, gpointer data UNUSED)
{
	struct node_entry *entry = value;
	entry->seen = false;
}

static void node_plugins_scan(void *owner)
{
	struct node_plugins *p = owner;
	GDir *directory = g_dir_open(p->options.directory, 0, NULL);
	const char *name;
	g_hash_table_foreach(p->plugins, node_plugins_unsee, NULL);
	while (directory && (name = g_dir_read_name(directory))) {
		node_plugins_meet(p, name);
	}
	g_clear_pointer(&directory, g_dir_close);
	g_hash_table_foreach_remove(p->plugins, node_entry_is_gone, NULL);
	node_plugins_retry(p);
	node_plugins_heard(p);
	loop_timer_after(p->scan, NODE_PLUGINS_SCAN_MS);
}

/* -- plugin-conf.d -- */

static gint node_plugins_order(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void node_plugins_read(struct node_plugins *p, const char *name, struct diag_list *diags)
{
	struct error err;
	size_t length;
	struct stat st;
	g_autofree char *path = g_strconcat(p->options.conf_directory, "/", name, NULL);
	struct diag_source source = {.name = path};
	if (stat(path, &st) || !S_ISREG(st.st_mode)) {
		return;
	}
	if (p->options.site.conf->paranoia && (st.st_uid || st.st_mode & (S_IWGRP | S_IWOTH))) {
		diag_add(diags, &source, (struct diag_place){1, 1, 1}, DIAG_ERROR, "N131",
			"others than root may change it, which \"paranoia\" does not allow; it is left out");
		return;
	}
	AUTO_FREE char *text = file_read(AT_FDCWD, path, CONF_FILE_MAX, &length, &err);
	if (!text) {
		diag_add(diags, &source, (struct diag_place){1, 1, 1}, DIAG_ERROR, "N132", "%s", err.text);
		return;
	}
	source.text = text;
	source.length = length;
	plugin_conf_parse(p->conf, &source, diags);
}

/* As a munin-node takes them: files in the order of their names, none hidden, none with odd
 * characters, none that ignore_file matches. */
static void node_plugins_read_all(struct node_plugins *p, struct diag_list *diags)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	GDir *directory = g_dir_open(p->options.conf_directory, 0, NULL);
	const char *name;
	while (directory && (name = g_dir_read_name(directory))) {
		if (node_conf_wants_file(p->options.site.conf, name)) {
			g_ptr_array_add(names, g_strdup(name));
		}
	}
	g_clear_pointer(&directory, g_dir_close);
	g_ptr_array_sort(names, node_plugins_order);
	for (guint i = 0; i < names->len; i++) {
		node_plugins_read(p, names->pdata[i], diags);
	}
}

void node_plugins_load(struct node_plugins *p, struct diag_list *diags)
{
	plugin_conf_destroy(p->conf);
	p->conf = plugin_conf_create();
	node_plugins_read_all(p, diags);
	g_hash_table_remove_all(p->plugins);
	p->ready = false; /* who asks for the list meanwhile would take the plugins for gone */
	loop_timer_after(p->patience, NODE_PLUGINS_READY_MS);
	node_plugins_scan(p);
}

/* -- the whole -- */

struct node_plugins *node_plugins_create(const struct node_plugins_options *options)
{
	struct node_plugins *p = g_new0(struct node_plugins, 1);
	p->options = *options;
	p->conf = plugin_conf_create();
	p->plugins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, node_entry_free);
	p->scan = loop_timer_create(options->loop, node_plugins_scan, p);
	p->patience = loop_timer_create(options->loop, node_plugins_tell_ready, p);
	loop_timer_after(p->patience, NODE_PLUGINS_READY_MS);
	return p;
}

void node_plugins_destroy(struct node_plugins *p)
{
	if (!p) {
		return;
	}
	g_hash_table_unref(p->plugins);
	plugin_conf_destroy(p->conf);
	loop_timer_destroy(p->scan);
	loop_timer_destroy(p->patience);
	g_free(p);
}

void node_plugins_name(struct node_plugins *p, const char *host)
{
	p->options.site.host = host;
}

bool node_plugins_ready(const struct node_plugins *p)
{
	return p->ready;
}

struct node_plugin *node_plugins_find(const struct node_plugins *p, const char *name)
{
	const struct node_entry *entry = g_hash_table_lookup(p->plugins, name);
	bool known = entry && entry->plugin && entry->plugin->state != NODE_PLUGIN_DROPPED;
	return known ? entry->plugin : NULL;
}

/* Whether the plugin speaks of `host`, NULL being the node itself. */
static bool node_plugins_speaks_of(
	const struct node_plugins *p, const struct node_plugin *plugin, const char *host)
{
	bool own = !plugin->host_name || !g_ascii_strcasecmp(plugin->host_name, p->options.site.host);
	if (own || !host) {
		return own && !host;
	}
	return !strcmp(plugin->host_name, host);
}

void node_plugins_list(
	const struct node_plugins *p, const struct node_list *wanted, GPtrArray *names)
{
	GHashTableIter all;
	gpointer name;
	gpointer value;
	g_hash_table_iter_init(&all, p->plugins);
	while (g_hash_table_iter_next(&all, &name, &value)) {
		const struct node_plugin *plugin = ((const struct node_entry *)value)->plugin;
		if (plugin && plugin->state == NODE_PLUGIN_GOOD &&
			(wanted->multigraph || !plugin->multigraph) && (wanted->dirty || !plugin->dirty) &&
			node_plugins_speaks_of(p, plugin, wanted->host)) {
			g_ptr_array_add(names, g_strdup(name));
		}
	}
}

void node_plugins_hosts(const struct node_plugins *p, GPtrArray *names)
{
	GHashTableIter all;
	gpointer value;
	g_hash_table_iter_init(&all, p->plugins);
	while (g_hash_table_iter_next(&all, NULL, &value)) {
		const struct node_plugin *plugin = ((const struct node_entry *)value)->plugin;
		if (plugin && plugin->state == NODE_PLUGIN_GOOD &&
			!node_plugins_speaks_of(p, plugin, NULL) &&
			!g_ptr_array_find_with_equal_func(names, plugin->host_name, g_str_equal, NULL)) {
			g_ptr_array_add(names, g_strdup(plugin->host_name));
		}
	}
}
