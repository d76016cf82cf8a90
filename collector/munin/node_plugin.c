/*
 * The environment is that of a munin-node, since plugins rely on it: where things lie, what the
 * master can do, a state file per plugin and master. What plugin-conf.d says comes first and is not
 * overridden.
 *
 * I1: the state directory of a user is made by us and given to that user, below a directory that is
 * ours alone; an existing one is never given away.
 */
#include "collector/munin/node_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "model/ident.h"
#include "model/version.h"

#include "base/banned.h"

#define NODE_PATH "/usr/sbin:/usr/bin:/sbin:/bin"

static const char *const node_environment[] = {"LC_ALL=C", "LANG=C", "PATH=" NODE_PATH,
	"PYTHONIOENCODING=utf8:replace", "MUNIN_CAP_MULTIGRAPH=1", "MUNIN_DEBUG=0", "MUNIN_PREFIX=/usr",
	"MUNIN_CONFDIR=/etc/munin", "MUNIN_BINDIR=/usr/bin", "MUNIN_SBINDIR=/usr/sbin",
	"MUNIN_LIBDIR=/usr/share/munin", "MUNIN_DBDIR=/var/lib/munin",
	"MUNIN_SPOOLDIR=/var/lib/munin-async", "MUNIN_LOGDIR=/var/log/munin",
	"MUNIN_STATEDIR=/var/run/munin", "MUNIN_USER=munin", "MUNIN_GROUP=munin",
	"MUNIN_PLUGINUSER=nobody", "MUNIN_VERSION=" MAGPIE_VERSION, "MUNIN_PERL=/usr/bin/perl",
	"MUNIN_PERLLIB=/usr/share/perl5", "MUNIN_GOODSH=/bin/sh", "MUNIN_BASH=/bin/bash",
	"MUNIN_PYTHON=/usr/bin/env python3", "MUNIN_RUBY=/usr/bin/env ruby", "MUNIN_OSTYPE=linux",
	"MUNIN_HASSETR=1"};

static void node_plugin_set(GPtrArray *environment, const char *whole)
{
	size_t length = strcspn(whole, "=") + 1;
	for (guint i = 0; i < environment->len; i++) {
		if (!strncmp(environment->pdata[i], whole, length)) {
			return; /* said before, by somebody who counts more */
		}
	}
	g_ptr_array_add(environment, g_strdup(whole));
}

static void node_plugin_set_pair(GPtrArray *environment, const char *name, const char *value)
{
	g_autofree char *whole = g_strconcat(name, "=", value, NULL);
	node_plugin_set(environment, whole);
}

/* -- who -- */

static bool node_plugin_groups(
	struct user *user, const struct plugin_settings *settings, struct error *err)
{
	user->group_count = 0;
	for (guint i = 0; i < settings->groups->len; i++) {
		const struct plugin_group *group = settings->groups->pdata[i];
		struct error missing;
		if (!user_add_group(user, group->name, user->group_count == 0, &missing) &&
			!group->optional) {
			*err = missing;
			return false;
		}
	}
	return true;
}

static bool node_plugin_become(struct node_plugin *plugin, const struct node_site *site,
	const struct plugin_settings *settings, struct error *err)
{
	const char *name = settings->user     ? settings->user
					   : site->conf->user ? site->conf->user
										  : "nobody";
	if (!user_find(name, &plugin->user, err)) {
		return false;
	}
	if (settings->groups && !node_plugin_groups(&plugin->user, settings, err)) {
		return false;
	}
	if (!settings->groups || !plugin->user.group_count) {
		const char *group = site->conf->group ? site->conf->group : "munin";
		plugin->user.group_count = 0;
		if (!user_add_group(&plugin->user, group, true, err) && site->conf->group) {
			return false;
		}
	}
	plugin->become = true;
	return true;
}

static bool node_plugin_identify(struct node_plugin *plugin, const struct node_site *site,
	const struct plugin_settings *settings, struct error *err)
{
	if (geteuid() == 0) {
		return node_plugin_become(plugin, site, settings, err);
	}
	g_autofree char *self = g_strdup_printf("%u", (unsigned)geteuid());
	if (!user_find(self, &plugin->user, NULL)) {
		plugin->user = (struct user){.uid = geteuid(), .gid = getegid(), .home = "/"};
		g_strlcpy(plugin->user.name, self, sizeof(plugin->user.name));
	}
	if (settings->user && strcmp(settings->user, plugin->user.name)) {
		log_warn("plugin.user", "plugin=%s runs as user %s, not %s: only root can change that",
			plugin->name, log_safe(plugin->user.name), log_safe(settings->user));
	}
	return true;
}

/* See I1. */
static void node_plugin_make_state(const struct node_plugin *plugin, const char *directory)
{
	struct error err;
	g_autofree char *path = g_strconcat(directory, "/", plugin->user.name, NULL);
	if (!file_make_directory(directory, &err)) {
		log_warn("plugin.state", "error=\"%s\"", log_safe(err.text));
		return;
	}
	if (mkdir(path, 0755)) {
		if (errno != EEXIST) {
			log_warn("plugin.state", "directory=%s errno=%d", log_safe(path), errno);
		}
		return;
	}
	if (plugin->become && lchown(path, plugin->user.uid, (gid_t)-1)) {
		log_warn("plugin.state", "directory=%s errno=%d", log_safe(path), errno);
	}
}

/* -- making and unmaking -- */

static bool node_plugin_is_safe(const char *path, struct error *err)
{
	struct stat st;
	if (stat(path, &st)) {
		return error_errno(err, ERR_STORAGE, errno, "%s", path);
	}
	if (st.st_uid || st.st_mode & (S_IWGRP | S_IWOTH)) {
		return error_set(err, ERR_DENIED,
			"%s may be changed by others than root, which \"paranoia\" does not allow", path);
	}
	return true;
}

static bool node_plugin_check(const struct node_site *site, const char *path, struct error *err)
{
	g_autofree char *directory = g_path_get_dirname(path);
	return !site->conf->paranoia ||
		   (node_plugin_is_safe(directory, err) && node_plugin_is_safe(path, err));
}

static void node_plugin_fill(struct node_plugin *plugin, const struct node_site *site,
	const struct plugin_settings *settings)
{
	g_autofree char *state = g_strconcat(site->state_directory, "/", plugin->user.name, NULL);
	for (guint i = 0; i < settings->environment->len; i++) {
		node_plugin_set(plugin->environment, settings->environment->pdata[i]);
	}
	node_plugin_set_pair(plugin->environment, "MUNIN_PLUGSTATE", state);
	node_plugin_set_pair(plugin->environment, "FQDN", site->host);
	node_plugin_set_pair(plugin->environment, "MUNIN_HOSTNAME", site->host);
	node_plugin_set_pair(plugin->environment, "HOME", plugin->user.home);
	for (size_t i = 0; i < ARRAY_LENGTH(node_environment); i++) {
		node_plugin_set(plugin->environment, node_environment[i]);
	}
	plugin->timeout_s = settings->timeout_s ? settings->timeout_s : site->conf->timeout_s;
	plugin->host_is_set = settings->host_name;
	plugin->host_name = g_strdup(settings->host_name);
	if (settings->command && settings->command->len) {
		GStrvBuilder *words = g_strv_builder_new();
		for (guint i = 0; i < settings->command->len; i++) {
			g_strv_builder_add(words, settings->command->pdata[i]);
		}
		plugin->command = g_strv_builder_end(words);
		g_strv_builder_unref(words);
	}
}

struct node_plugin *node_plugin_create(const struct node_site *site, const char *path,
	const struct plugin_settings *settings, struct error *err)
{
	struct node_plugin *plugin = g_new0(struct node_plugin, 1);
	plugin->references = 1;
	plugin->name = g_path_get_basename(path);
	plugin->path = g_strdup(path);
	plugin->environment = g_ptr_array_new_with_free_func(g_free);
	if (!node_plugin_check(site, path, err) || !node_plugin_identify(plugin, site, settings, err)) {
		node_plugin_unref(plugin);
		return NULL;
	}
	node_plugin_fill(plugin, site, settings);
	node_plugin_make_state(plugin, site->state_directory);
	return plugin;
}

struct node_plugin *node_plugin_ref(struct node_plugin *plugin)
{
	plugin->references++;
	return plugin;
}

void node_plugin_unref(struct node_plugin *plugin)
{
	if (!plugin || --plugin->references) {
		return;
	}
	g_free(plugin->name);
	g_free(plugin->path);
	g_free(plugin->host_name);
	g_strfreev(plugin->command);
	g_ptr_array_unref(plugin->environment);
	g_free(plugin);
}

/* -- one run -- */

/* The program of a command by its absolute path; NULL: it is nowhere. */
static char *node_plugin_program(const char *word)
{
	if (word[0] == '/') {
		return g_strdup(word);
	}
	g_auto(GStrv) directories = g_strsplit(NODE_PATH, ":", -1);
	for (char **directory = directories; *directory && !strchr(word, '/'); directory++) {
		g_autofree char *path = g_strconcat(*directory, "/", word, NULL);
		if (!access(path, X_OK)) {
			return STEAL(path);
		}
	}
	return NULL;
}

char **node_plugin_words(const struct node_plugin *plugin, enum node_verb verb, struct error *err)
{
	static const char *const bare[] = {"%c", NULL};
	const char *const *command = plugin->command ? (const char *const *)plugin->command : bare;
	GStrvBuilder *words = g_strv_builder_new();
	for (size_t i = 0; command[i]; i++) {
		bool itself = !strcmp(command[i], "%c");
		g_strv_builder_add(words, itself ? plugin->path : command[i]);
		if (itself && verb == NODE_CONFIG) {
			g_strv_builder_add(words, "config");
		}
	}
	g_auto(GStrv) whole = g_strv_builder_end(words);
	g_strv_builder_unref(words);
	char *program = node_plugin_program(whole[0]);
	if (!program) {
		error_set(err, ERR_NOT_FOUND, "no program \"%.100s\" in " NODE_PATH, whole[0]);
		return NULL;
	}
	g_free(whole[0]);
	whole[0] = program;
	return STEAL(whole);
}

char **node_plugin_environment(
	const struct node_plugin *plugin, const struct node_question *question, const char *tag)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	for (guint i = 0; i < plugin->environment->len; i++) {
		g_ptr_array_add(all, g_strdup(plugin->environment->pdata[i]));
	}
	const char *state = "";
	for (guint i = 0; i < all->len; i++) {
		if (g_str_has_prefix(all->pdata[i], "MUNIN_PLUGSTATE=")) {
			state = strchr(all->pdata[i], '=') + 1;
		}
	}
	g_autofree char *file = g_strconcat(state, "/", plugin->name, "-", question->master, NULL);
	node_plugin_set_pair(all, "MUNIN_STATEFILE", file);
	node_plugin_set_pair(all, "MUNIN_MASTER_IP", question->master);
	if (question->dirty) {
		node_plugin_set(all, "MUNIN_CAP_DIRTYCONFIG=1");
	}
	g_ptr_array_add(all, g_strdup(tag));
	g_ptr_array_add(all, NULL);
	return (char **)g_ptr_array_steal(all, NULL);
}

/* -- what it said -- */

/* Calls for each line, without its end. */
static void node_plugin_lines(const char *text, size_t length,
	void (*fn)(void *owner, const char *line, size_t length), void *owner)
{
	while (length) {
		const char *end = memchr(text, '\n', length);
		size_t n = end ? (size_t)(end - text) : length;
		fn(owner, text, n);
		n += end != NULL;
		text += n;
		length -= n;
	}
}

static void node_plugin_append(void *owner, const char *line, size_t length)
{
	GString *out = owner;
	bool dot = length && line[0] == '.' && (length == 1 || (length == 2 && line[1] == '\r'));
	if (!dot) {
		g_string_append_len(out, line, (gssize)length);
		g_string_append_c(out, '\n');
	}
}

void node_plugin_answer(const char *output, size_t length, GString *out)
{
	node_plugin_lines(output, length, node_plugin_append, out);
}

static void node_plugin_host(struct node_plugin *plugin, const char *value)
{
	g_autofree char *name = g_ascii_strdown(value, (gssize)strcspn(value, " \t\r"));
	if (!plugin->host_is_set && ident_is_host(name)) {
		g_free(plugin->host_name);
		plugin->host_name = STEAL(name);
	}
}

static void node_plugin_learn_line(void *owner, const char *line, size_t length)
{
	struct node_plugin *plugin = owner;
	g_autofree char *text = g_strndup(line, MIN(length, (size_t)512));
	size_t word = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	if (g_str_has_prefix(text, "multigraph ")) {
		plugin->multigraph = true;
	} else if (g_str_has_prefix(text, "host_name ")) {
		node_plugin_host(plugin, text + strlen("host_name "));
	} else if (word && g_str_has_prefix(text + word, ".value ")) {
		plugin->dirty = true;
	}
}

void node_plugin_learn(struct node_plugin *plugin, const char *answer, size_t length)
{
	plugin->multigraph = false;
	plugin->dirty = false;
	node_plugin_lines(answer, length, node_plugin_learn_line, plugin);
}
