#include "model/retention.h"
#include "base/text.h"

#include <string.h>

#include "base/banned.h"

/*
 * A list of few rules, walked for each series when it is declared or the configuration changes. A
 * plugin's own wish is foreign text: what cannot be read, or would make a file of more than
 * RETENTION_OWN_BYTES, does not count.
 */

static void rule_free(gpointer data)
{
	struct retention_rule *rule = data;
	g_free(rule->name);
	g_free(rule->layout);
	g_free(rule);
}

struct retention *retention_create(void)
{
	struct retention *retention = g_new0(struct retention, 1);
	retention->rules = g_ptr_array_new_with_free_func(rule_free);
	return retention;
}

void retention_destroy(struct retention *retention)
{
	if (retention) {
		g_ptr_array_unref(retention->rules);
		g_free(retention);
	}
}

void retention_add(
	struct retention *retention, enum retention_scope scope, const char *name, const char *layout)
{
	struct retention_rule *rule = g_new(struct retention_rule, 1);
	*rule = (struct retention_rule){scope, g_strdup(name), g_strdup(layout)};
	g_ptr_array_add(retention->rules, rule);
}

bool retention_matches(const char *selector, const struct service *service, const char *field)
{
	g_auto(GStrv) parts = g_strsplit(selector, ":", 3);
	const char *const names[] = {service->host_name, service->name, field};
	for (size_t i = 0; i < ARRAY_LENGTH(names) && parts[i]; i++) {
		if (!text_glob(parts[i], names[i])) {
			return false;
		}
	}
	return true;
}

bool retention_check(const char *selector, struct error *err)
{
	enum { SELECTOR_MAX = 500 };
	unsigned colons = 0;
	for (const char *p = selector; *p; p++) {
		colons += *p == ':';
		if (!g_ascii_isalnum(*p) && !strchr("_-.:*?", *p)) {
			return error_set(err, ERR_CONFIG,
				"expected HOST, HOST:SERVICE or HOST:SERVICE:FIELD; "
				"* and ? stand for other letters");
		}
	}
	return (*selector && colons <= 2 && strlen(selector) <= SELECTOR_MAX) ||
		   error_set(err, ERR_CONFIG, "expected HOST, HOST:SERVICE or HOST:SERVICE:FIELD");
}

/* Length of the group's path if `group` is it or lies below it, else 0. */
static size_t group_weight(const char *path, const char *group)
{
	size_t length = strlen(path);
	bool inside = !strncmp(path, group, length) && (!group[length] || group[length] == '/');
	return inside ? length : 0;
}

/* Of how much weight the rule is for that series; 0: none. */
static size_t weight(
	const struct retention_rule *rule, const struct service *service, const char *field)
{
	enum { OF_HOST = 1 << 20, OF_SELECTOR = 1 << 21 };
	switch (rule->scope) {
	case RETENTION_GROUP: return group_weight(rule->name, service->group);
	case RETENTION_HOST: return strcmp(rule->name, service->host_name) ? 0 : OF_HOST;
	case RETENTION_SELECTOR: return retention_matches(rule->name, service, field) ? OF_SELECTOR : 0;
	default: return 0;
	}
}

static const char *own_wish(const struct service *service)
{
	const char *text = attributes_get(&service->attributes, "graph_data_size");
	AUTO(layout) layout = text ? layout_parse(text, NULL) : NULL;
	if (!layout) {
		return NULL;
	}
	struct layout_plan plan;
	layout_plan(layout, service->step_s, &plan);
	return layout_bytes(&plan) <= RETENTION_OWN_BYTES ? text : NULL;
}

const char *retention_find(
	const struct retention *retention, const struct service *service, const char *field)
{
	const char *all = NULL;
	const char *found = NULL;
	size_t best = 1;
	for (guint i = 0; i < retention->rules->len; i++) {
		const struct retention_rule *rule = retention->rules->pdata[i];
		size_t w = weight(rule, service, field);
		if (rule->scope == RETENTION_ALL) {
			all = rule->layout;
		} else if (w >= best) {
			best = w;
			found = rule->layout;
		}
	}
	const char *own = found ? NULL : own_wish(service);
	return found ? found : own ? own : all ? all : "default";
}
