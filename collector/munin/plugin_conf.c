/*
 * Sections are kept as read and put together when a plugin asks: first the exact one, then the
 * wildcards from the most particular on, each giving what was not said before. A variable of the
 * environment counts by itself, so that "[if_*] env.a" and "[if_eth0] env.b" both hold.
 */
#include "collector/munin/plugin_conf.h"
#include "base/number.h"
#include "collector/munin/conf_line.h"
#include "model/ident.h"

#include <string.h>

#include "base/banned.h"

struct plugin_section {
	char *name;
	char *user, *host_name;
	GPtrArray *groups, *command;
	uint32_t timeout_s;
	GPtrArray *environment; /* char *: "NAME=value" */
};

struct plugin_conf {
	GPtrArray *sections; /* struct plugin_section *, in falling order of their names */
};

static void plugin_group_free(gpointer data)
{
	struct plugin_group *group = data;
	g_free(group->name);
	g_free(group);
}

static void plugin_section_free(gpointer data)
{
	struct plugin_section *s = data;
	g_free(s->name);
	g_free(s->user);
	g_free(s->host_name);
	g_clear_pointer(&s->groups, g_ptr_array_unref);
	g_clear_pointer(&s->command, g_ptr_array_unref);
	g_ptr_array_unref(s->environment);
	g_free(s);
}

struct plugin_conf *plugin_conf_create(void)
{
	struct plugin_conf *conf = g_new0(struct plugin_conf, 1);
	conf->sections = g_ptr_array_new_with_free_func(plugin_section_free);
	return conf;
}

void plugin_conf_destroy(struct plugin_conf *conf)
{
	if (conf) {
		g_ptr_array_unref(conf->sections);
		g_free(conf);
	}
}

/* -- reading -- */

static struct plugin_section *plugin_conf_section(struct plugin_conf *conf, const char *name)
{
	guint at = 0;
	for (; at < conf->sections->len; at++) {
		struct plugin_section *s = conf->sections->pdata[at];
		int order = strcmp(s->name, name);
		if (!order) {
			return s;
		}
		if (order < 0) {
			break;
		}
	}
	if (conf->sections->len >= PLUGIN_SECTIONS_MAX) {
		return NULL;
	}
	struct plugin_section *s = g_new0(struct plugin_section, 1);
	s->name = g_strdup(name);
	s->environment = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_insert(conf->sections, (gint)at, s);
	return s;
}

static bool plugin_section_name_good(const char *name)
{
	size_t length = strlen(name);
	for (size_t i = 0; i < length; i++) {
		bool plain = g_ascii_isalnum(name[i]) || strchr("_-@.:", name[i]);
		if (!plain && !(name[i] == '*' && (i == 0 || i == length - 1))) {
			return false;
		}
	}
	return length > 0 && length <= 256;
}

/* "[name]"; NULL: complained about, what follows has no section. */
static struct plugin_section *plugin_conf_open(struct plugin_conf *conf, struct conf_lines *lines)
{
	char *end = strchr(lines->text, ']');
	if (!end || end[1]) {
		conf_lines_error(lines, "N111", "a section is written [plugin], [begin*] or [*end]");
		return NULL;
	}
	g_autofree char *name = g_strndup(lines->text + 1, (size_t)(end - lines->text - 1));
	g_strstrip(name);
	if (!plugin_section_name_good(name)) {
		conf_lines_error(lines, "N111",
			"\"%s\" is no name of a plugin; \"*\" may stand at the beginning or the end", name);
		return NULL;
	}
	struct plugin_section *s = plugin_conf_section(conf, name);
	if (!s) {
		conf_lines_error(lines, "N112", "more than %d sections", (int)PLUGIN_SECTIONS_MAX);
	}
	return s;
}

static GPtrArray *plugin_conf_words(const char *value, const char *between)
{
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
	while (*value) {
		value += strspn(value, between);
		size_t length = strcspn(value, between);
		if (length) {
			g_ptr_array_add(words, g_strndup(value, length));
		}
		value += length;
	}
	return words;
}

static void plugin_conf_groups(struct plugin_section *s, const char *value)
{
	g_autoptr(GPtrArray) words = plugin_conf_words(value, " \t,");
	g_clear_pointer(&s->groups, g_ptr_array_unref);
	s->groups = g_ptr_array_new_with_free_func(plugin_group_free);
	for (guint i = 0; i < words->len; i++) {
		const char *word = words->pdata[i];
		size_t length = strlen(word);
		struct plugin_group *group = g_new0(struct plugin_group, 1);
		group->optional = length > 2 && word[0] == '(' && word[length - 1] == ')';
		group->name = group->optional ? g_strndup(word + 1, length - 2) : g_strdup(word);
		g_ptr_array_add(s->groups, group);
	}
}

static void plugin_conf_variable(
	const struct conf_lines *lines, GPtrArray *environment, const char *name, const char *value)
{
	size_t length = strlen(name);
	g_autofree char *whole = g_strconcat(name, "=", value, NULL);
	for (guint i = 0; i < environment->len; i++) {
		if (!strncmp(environment->pdata[i], whole, length + 1)) {
			g_free(environment->pdata[i]);
			environment->pdata[i] = STEAL(whole);
			return;
		}
	}
	if (!length || environment->len >= PLUGIN_ENV_MAX) {
		conf_lines_error(
			lines, "N113", "env.NAME needs a name; at most %d in a section", (int)PLUGIN_ENV_MAX);
		return;
	}
	g_ptr_array_add(environment, STEAL(whole));
}

static void plugin_conf_timeout(
	const struct conf_lines *lines, const char *value, uint32_t *timeout_s)
{
	long long seconds;
	if (!number_parse_int(value, strlen(value), 1, PLUGIN_TIMEOUT_MAX_S, &seconds)) {
		conf_lines_error(lines, "N114", "timeout: whole seconds from 1 to %d, not \"%s\"",
			(int)PLUGIN_TIMEOUT_MAX_S, value);
		return;
	}
	*timeout_s = (uint32_t)seconds;
}

static void plugin_conf_host(
	const struct conf_lines *lines, struct plugin_section *s, const char *value)
{
	g_autofree char *name = g_ascii_strdown(value, -1);
	if (!ident_is_host(name)) {
		conf_lines_error(lines, "N115", "\"%s\" is no name of a host", value);
		return;
	}
	g_free(s->host_name);
	s->host_name = STEAL(name);
}

static void plugin_conf_set(struct conf_lines *lines, struct plugin_section *s)
{
	char *word;
	char *value;
	if (!conf_lines_split(lines, &word, &value)) {
		conf_lines_error(lines, "N116", "expected a keyword and its value");
	} else if (!strcmp(word, "user")) {
		g_free(s->user);
		s->user = g_strdup(value);
	} else if (!strcmp(word, "group")) {
		plugin_conf_groups(s, value);
	} else if (!strcmp(word, "command")) {
		g_clear_pointer(&s->command, g_ptr_array_unref);
		s->command = plugin_conf_words(value, " \t");
	} else if (!strcmp(word, "host_name")) {
		plugin_conf_host(lines, s, value);
	} else if (!strcmp(word, "timeout")) {
		plugin_conf_timeout(lines, value, &s->timeout_s);
	} else if (!strcmp(word, "update_rate")) {
		/* a wish to munin-asyncd; a node answers whenever it is asked */
	} else if (!strncmp(word, "env.", 4)) {
		plugin_conf_variable(lines, s->environment, word + 4, value);
	} else if (!strcmp(word, "env")) {
		conf_lines_error(lines, "N117", "variables are written \"env.NAME value\"");
	} else {
		conf_lines_error(lines, "N117",
			"unknown keyword \"%s\"; is a variable meant (\"env.%s value\")?", word, word);
	}
}

void plugin_conf_parse(
	struct plugin_conf *conf, const struct diag_source *source, struct diag_list *diags)
{
	struct conf_lines lines;
	struct plugin_section *section = NULL;
	bool begun = false;
	conf_lines_init(&lines, source, diags);
	while (conf_lines_next(&lines)) {
		if (lines.text[0] == '[') {
			section = plugin_conf_open(conf, &lines);
			begun = true;
		} else if (section) {
			plugin_conf_set(&lines, section);
		} else if (!begun) {
			conf_lines_error(&lines, "N118", "this stands before the first section");
		}
	}
}

/* -- what holds for a plugin -- */

static bool plugin_section_fits(const struct plugin_section *s, const char *plugin)
{
	size_t length = strlen(s->name);
	if (s->name[length - 1] == '*') {
		return !strncmp(plugin, s->name, length - 1);
	}
	return s->name[0] == '*' && g_str_has_suffix(plugin, s->name + 1);
}

static bool plugin_settings_have(const struct plugin_settings *settings, const char *variable)
{
	size_t length = strcspn(variable, "=") + 1;
	for (guint i = 0; i < settings->environment->len; i++) {
		if (!strncmp(settings->environment->pdata[i], variable, length)) {
			return true;
		}
	}
	return false;
}

static void plugin_settings_add(struct plugin_settings *settings, const struct plugin_section *s)
{
	settings->user = settings->user ? settings->user : s->user;
	settings->groups = settings->groups ? settings->groups : s->groups;
	settings->command = settings->command ? settings->command : s->command;
	settings->host_name = settings->host_name ? settings->host_name : s->host_name;
	settings->timeout_s = settings->timeout_s ? settings->timeout_s : s->timeout_s;
	for (guint i = 0; i < s->environment->len; i++) {
		if (!plugin_settings_have(settings, s->environment->pdata[i])) {
			g_ptr_array_add(settings->environment, s->environment->pdata[i]);
		}
	}
}

void plugin_conf_settings(
	const struct plugin_conf *conf, const char *plugin, struct plugin_settings *settings)
{
	*settings = (struct plugin_settings){.environment = g_ptr_array_new()};
	for (guint i = 0; i < conf->sections->len; i++) {
		const struct plugin_section *s = conf->sections->pdata[i];
		if (!strcmp(s->name, plugin)) {
			plugin_settings_add(settings, s);
			settings->exact = true;
		}
	}
	for (guint i = 0; i < conf->sections->len; i++) {
		const struct plugin_section *s = conf->sections->pdata[i];
		if (plugin_section_fits(s, plugin)) {
			plugin_settings_add(settings, s);
		}
	}
}

void plugin_settings_finish(struct plugin_settings *settings)
{
	g_clear_pointer(&settings->environment, g_ptr_array_unref);
}
