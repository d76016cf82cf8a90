/*
 * One table of keywords says where a value goes or why it goes nowhere.
 */
#include "collector/munin/node_conf.h"
#include "base/number.h"
#include "base/text.h"
#include "collector/munin/conf_line.h"
#include "model/ident.h"

#include <stddef.h>
#include <string.h>

#include "base/banned.h"

enum { NODE_TIMEOUT_S = 60, NODE_GLOBAL_TIMEOUT_S = 900, NODE_TIMEOUT_MAX_S = 86400 };

void node_conf_init(struct node_conf *conf)
{
	*conf = (struct node_conf){.access = node_access_create(),
		.timeout_s = NODE_TIMEOUT_S,
		.global_timeout_s = NODE_GLOBAL_TIMEOUT_S,
		.tls = NODE_TLS_AUTO,
		.ignore = g_ptr_array_new_with_free_func((GDestroyNotify)g_regex_unref)};
}

void node_conf_finish(struct node_conf *conf)
{
	g_free(conf->host);
	g_free(conf->host_name);
	g_free(conf->key);
	g_free(conf->certificate);
	g_free(conf->ca);
	g_free(conf->user);
	g_free(conf->group);
	node_access_destroy(conf->access);
	g_clear_pointer(&conf->match, g_regex_unref);
	g_clear_pointer(&conf->ignore, g_ptr_array_unref);
	*conf = (struct node_conf){0};
}

enum node_key_kind { KEY_TEXT, KEY_SECONDS, KEY_FLAG, KEY_OTHER, KEY_IGNORED, KEY_REFUSED };

struct node_key {
	const char *name;
	enum node_key_kind kind;
	size_t offset;                                                       /* TEXT, SECONDS, FLAG */
	bool (*take)(struct node_conf *, const char *value, struct error *); /* OTHER */
	const char *why;                                                     /* IGNORED, REFUSED */
};

static bool node_take_port(struct node_conf *conf, const char *value, struct error *err)
{
	long long port;
	if (!number_parse_int(value, strlen(value), 1, 65535, &port)) {
		return error_set(err, ERR_CONFIG, "a port is a number from 1 to 65535");
	}
	conf->port = (uint32_t)port;
	return true;
}

static bool node_take_name(struct node_conf *conf, const char *value, struct error *err)
{
	if (!ident_is_host(value)) {
		return error_set(err, ERR_CONFIG, "this is no name of a host");
	}
	g_free(conf->host_name);
	conf->host_name = g_strdup(value);
	return true;
}

static bool node_take_allow(struct node_conf *conf, const char *value, struct error *err)
{
	return node_access_add_pattern(conf->access, NODE_ALLOW, value, err);
}

static bool node_take_deny(struct node_conf *conf, const char *value, struct error *err)
{
	return node_access_add_pattern(conf->access, NODE_DENY, value, err);
}

static bool node_take_networks(
	struct node_conf *conf, enum node_access_verb verb, const char *value, struct error *err)
{
	g_auto(GStrv) words = g_strsplit_set(value, " \t,", -1);
	for (char **word = words; *word; word++) {
		if (**word && !node_access_add_network(conf->access, verb, *word, err)) {
			return false;
		}
	}
	return true;
}

static bool node_take_cidr_allow(struct node_conf *conf, const char *value, struct error *err)
{
	return node_take_networks(conf, NODE_ALLOW, value, err);
}

static bool node_take_cidr_deny(struct node_conf *conf, const char *value, struct error *err)
{
	return node_take_networks(conf, NODE_DENY, value, err);
}

bool node_conf_set_tls(struct node_conf *conf, const char *value, struct error *err)
{
	static const char *const words[] = {"disabled", "auto", "enabled", "paranoid"};
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (!g_ascii_strcasecmp(value, words[i])) {
			conf->tls = (enum node_tls)i;
			return true;
		}
	}
	return error_set(err, ERR_CONFIG, "one of disabled, auto, enabled, paranoid is meant");
}

static GRegex *node_regex(const char *pattern, struct error *err)
{
	g_autoptr(GError) wrong = NULL;
	GRegex *regex = g_regex_new(pattern, G_REGEX_RAW, 0, &wrong);
	if (!regex) {
		error_set(err, ERR_CONFIG, "%s", wrong->message);
	}
	return regex;
}

static bool node_take_match(struct node_conf *conf, const char *value, struct error *err)
{
	GRegex *regex = node_regex(value, err);
	if (regex) {
		g_clear_pointer(&conf->match, g_regex_unref);
		conf->match = regex;
	}
	return regex != NULL;
}

bool node_conf_ignore(struct node_conf *conf, const char *pattern, struct error *err)
{
	GRegex *regex = node_regex(pattern, err);
	if (regex) {
		g_ptr_array_add(conf->ignore, regex);
	}
	return regex != NULL;
}

#define OF_DAEMON      "Magpie runs in the foreground and logs to stderr, as a service manager wants it"
#define OFFSET(member) offsetof(struct node_conf, member)

static const struct node_key node_keys[] = {
	{"host", KEY_TEXT, OFFSET(host), NULL, NULL},
	{"port", KEY_OTHER, 0, node_take_port, NULL},
	{"host_name", KEY_OTHER, 0, node_take_name, NULL},
	{"hostname", KEY_OTHER, 0, node_take_name, NULL},
	{"allow", KEY_OTHER, 0, node_take_allow, NULL},
	{"deny", KEY_OTHER, 0, node_take_deny, NULL},
	{"cidr_allow", KEY_OTHER, 0, node_take_cidr_allow, NULL},
	{"cidr_deny", KEY_OTHER, 0, node_take_cidr_deny, NULL},
	{"timeout", KEY_SECONDS, OFFSET(timeout_s), NULL, NULL},
	{"global_timeout", KEY_SECONDS, OFFSET(global_timeout_s), NULL, NULL},
	{"ignore_file", KEY_OTHER, 0, node_conf_ignore, NULL},
	{"tls", KEY_OTHER, 0, node_conf_set_tls, NULL},
	{"tls_private_key", KEY_TEXT, OFFSET(key), NULL, NULL},
	{"tls_certificate", KEY_TEXT, OFFSET(certificate), NULL, NULL},
	{"tls_ca_certificate", KEY_TEXT, OFFSET(ca), NULL, NULL},
	{"tls_verify_certificate", KEY_FLAG, OFFSET(verify), NULL, NULL},
	{"tls_match", KEY_OTHER, 0, node_take_match, NULL},
	{"tls_verify_depth", KEY_IGNORED, 0, NULL, "the whole chain is always verified"},
	{"paranoia", KEY_FLAG, OFFSET(paranoia), NULL, NULL},
	{"default_plugin_user", KEY_TEXT, OFFSET(user), NULL, NULL},
	{"default_client_user", KEY_TEXT, OFFSET(user), NULL, NULL},
	{"default_plugin_group", KEY_TEXT, OFFSET(group), NULL, NULL},
	{"default_client_group", KEY_TEXT, OFFSET(group), NULL, NULL},
	{"log_level", KEY_IGNORED, 0, NULL, OF_DAEMON},
	{"log_file", KEY_IGNORED, 0, NULL, OF_DAEMON},
	{"pid_file", KEY_IGNORED, 0, NULL, OF_DAEMON},
	{"background", KEY_IGNORED, 0, NULL, OF_DAEMON},
	{"setsid", KEY_IGNORED, 0, NULL, OF_DAEMON},
	{"syslog_facility", KEY_IGNORED, 0, NULL, OF_DAEMON},
	{"syslog_ident", KEY_IGNORED, 0, NULL, OF_DAEMON},
	{"user", KEY_IGNORED, 0, NULL, "start Magpie as that user in its place"},
	{"group", KEY_IGNORED, 0, NULL, "start Magpie with that group in its place"},
	{"proto", KEY_IGNORED, 0, NULL, "TCP alone is spoken"},
	{"spooldir", KEY_REFUSED, 0, NULL,
		"a node here keeps no spool; let Magpie or munin-asyncd poll it"},
	{"reverse_lookups", KEY_REFUSED, 0, NULL,
		"peers are judged by address alone, not by name; use allow or cidr_allow"},
};

static void node_conf_set_text(
	struct node_conf *conf, const struct node_key *key, const char *value)
{
	char **slot = (char **)(void *)((char *)conf + key->offset);
	g_free(*slot);
	*slot = g_strdup(value);
}

static bool node_conf_set_seconds(
	struct node_conf *conf, const struct node_key *key, const char *value, struct error *err)
{
	long long seconds;
	if (!number_parse_int(value, strlen(value), 1, NODE_TIMEOUT_MAX_S, &seconds)) {
		return error_set(
			err, ERR_CONFIG, "whole seconds from 1 to %d are meant", (int)NODE_TIMEOUT_MAX_S);
	}
	*(uint32_t *)(void *)((char *)conf + key->offset) = (uint32_t)seconds;
	return true;
}

static bool node_conf_set_flag(
	struct node_conf *conf, const struct node_key *key, const char *value, struct error *err)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};
	bool *slot = (bool *)(void *)((char *)conf + key->offset);
	for (size_t i = 0; i < ARRAY_LENGTH(yes); i++) {
		if (!g_ascii_strcasecmp(value, yes[i]) || !g_ascii_strcasecmp(value, no[i])) {
			*slot = !g_ascii_strcasecmp(value, yes[i]);
			return true;
		}
	}
	return error_set(err, ERR_CONFIG, "yes or no is meant");
}

static void node_conf_set(struct node_conf *conf, const struct conf_lines *lines,
	const struct node_key *key, const char *value)
{
	struct error err;
	bool good = true;
	switch (key->kind) {
	case KEY_TEXT: node_conf_set_text(conf, key, value); break;
	case KEY_SECONDS: good = node_conf_set_seconds(conf, key, value, &err); break;
	case KEY_FLAG: good = node_conf_set_flag(conf, key, value, &err); break;
	case KEY_OTHER: good = key->take(conf, value, &err); break;
	case KEY_IGNORED:
		conf_lines_warning(lines, "N121", "%s is ignored: %s", key->name, key->why);
		break;
	case KEY_REFUSED:
		conf_lines_error(lines, "N122", "%s cannot be kept: %s", key->name, key->why);
		break;
	}
	if (!good) {
		conf_lines_error(lines, "N123", "%s \"%s\": %s", key->name, value, err.text);
	}
}

static const struct node_key *node_conf_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(node_keys); i++) {
		if (!strcmp(node_keys[i].name, name)) {
			return &node_keys[i];
		}
	}
	return NULL;
}

static void node_conf_unknown(const struct conf_lines *lines, const char *name)
{
	const char *names[ARRAY_LENGTH(node_keys)];
	for (size_t i = 0; i < ARRAY_LENGTH(node_keys); i++) {
		names[i] = node_keys[i].name;
	}
	const char *nearest = text_nearest(name, names, ARRAY_LENGTH(names));
	conf_lines_error(lines, "N124", "unknown keyword \"%s\"%s%s%s", name,
		nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

void node_conf_parse(
	struct node_conf *conf, const struct diag_source *source, struct diag_list *diags)
{
	struct conf_lines lines;
	conf_lines_init(&lines, source, diags);
	while (conf_lines_next(&lines)) {
		char *word;
		char *value;
		if (!conf_lines_split(&lines, &word, &value)) {
			conf_lines_error(&lines, "N125", "expected a keyword and its value");
			continue;
		}
		const struct node_key *key = node_conf_find(word);
		if (key) {
			node_conf_set(conf, &lines, key, value);
		} else {
			node_conf_unknown(&lines, word);
		}
	}
}

bool node_conf_wants(const struct node_conf *conf, const char *file)
{
	return !g_str_has_suffix(file, ".conf") && node_conf_wants_file(conf, file);
}

bool node_conf_wants_file(const struct node_conf *conf, const char *file)
{
	size_t length = strlen(file);
	bool good = length > 0 && length <= IDENT_SERVICE_MAX && file[0] != '.';
	for (size_t i = 0; good && i < length; i++) {
		good = g_ascii_isalnum(file[i]) || strchr("_-@.:", file[i]);
	}
	for (guint i = 0; good && i < conf->ignore->len; i++) {
		good = !g_regex_match(conf->ignore->pdata[i], file, 0, NULL);
	}
	return good;
}
