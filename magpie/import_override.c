/*
 * What munin.conf says of graphs and fields: "svc.attr", "svc.field.attr", "svc.sub.field.attr", or
 * an attribute alone, which holds for all of a host, a group or everybody.
 *
 * It is gathered by target first ("load", "load:load", "*"), the last word counting, and written
 * as one block each: what is said of all before what is said of one, for later blocks win. Graphs
 * that are made of the fields of others (sum, stack, name=path) become `graph` blocks, unless the
 * node has such a graph itself, which is then overridden.
 */
#include <string.h>

#include "base/text.h"
#include "magpie/import_own.h"
#include "model/attributes.h"
#include "model/reference.h"

#include "base/banned.h"

/* Settings of one graph, or of one field of it, or of all. */
struct target {
	char *service;            /* "*": all */
	char *field;              /* NULL: the graph itself; "*": all fields */
	GPtrArray *keys, *values; /* const char *; values as `const struct import_setting *` */
	bool written;
};

struct gathering {
	struct import_run *run;
	const struct import_section *section;
	char *subject;
	GPtrArray *targets; /* struct target *, owned, in order of appearance */
	unsigned depth;
};

static void target_free(gpointer data)
{
	struct target *t = data;
	g_free(t->service);
	g_free(t->field);
	g_ptr_array_unref(t->keys);
	g_ptr_array_unref(t->values);
	g_free(t);
}

static struct target *find_target(const struct gathering *g, const char *service, const char *field)
{
	for (guint i = 0; i < g->targets->len; i++) {
		struct target *t = g->targets->pdata[i];
		if (!strcmp(t->service, service) && !g_strcmp0(t->field, field)) {
			return t;
		}
	}
	return NULL;
}

static const char *target_value(const struct target *t, const char *key)
{
	for (guint i = 0; t && i < t->keys->len; i++) {
		if (!strcmp(t->keys->pdata[i], key)) {
			return ((const struct import_setting *)t->values->pdata[i])->value;
		}
	}
	return NULL;
}

static void put_value(struct gathering *g, const char *service, const char *field, const char *key,
	const struct import_setting *setting)
{
	struct target *t = find_target(g, service, field);
	if (!t) {
		t = g_new0(struct target, 1);
		t->service = g_strdup(service);
		t->field = g_strdup(field);
		t->keys = g_ptr_array_new_with_free_func(g_free);
		t->values = g_ptr_array_new();
		g_ptr_array_add(g->targets, t);
	}
	for (guint i = 0; i < t->keys->len; i++) {
		if (!strcmp(t->keys->pdata[i], key)) {
			t->values->pdata[i] = (gpointer)setting;
			return;
		}
	}
	g_ptr_array_add(t->keys, g_strdup(key));
	g_ptr_array_add(t->values, (gpointer)setting);
}

/* -- attributes -- */

/* Why an attribute of Munin's is not taken; NULL: it may be. */
static const char *not_taken(const char *key)
{
	static const struct {
		const char *name, *why;
	} rows[] = {
		{"type", "Munin gave it no effect on files either: the node says it"},
		{"min", "Munin gave it no effect on files either: the node says it"},
		{"max", "Munin gave it no effect on files either: the node says it"},
		{"graph_data_size", "Munin gave it no effect on files either; see `archive` for retention"},
		{"update_rate", "a rate counts for a whole host: `interval`"},
		{"host_name", "a node's virtual hosts are hosts of their own here"},
		{"filename", "files have the name of their series, nobody may name another"},
		{"multigraph", "a node says it, not a configuration"},
		{"contacts", "which channel hears of what is said in rules (\"notify\")"},
		{"onlynullcdef", "it is of Munin's own working"},
		{"process", "it is of Munin's own working"},
		{"rrdfield", "it is of Munin's own working"},
		{"realname", "it is of Munin's own working"},
		{"cdef_name", "it is of Munin's own working"},
		{"create_args", "files are made by their layout"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (!strcmp(rows[i].name, key)) {
			return rows[i].why;
		}
	}
	return NULL;
}

static bool attribute_known(enum attributes_level level, const char *key)
{
	struct attributes probe = {0};
	bool known = attributes_set(&probe, level, key, "");
	attributes_finish(&probe);
	return known || (level == ATTRIBUTES_FIELD && !strcmp(key, "label"));
}

/* Magpie's name of it. */
static const char *modern(const char *key)
{
	return !strcmp(key, "graph_vtitle") ? "graph_vlabel" : key;
}

static bool is_attribute(const char *key)
{
	const char *name = modern(key);
	return munin_is_graph_attribute(name) || munin_is_shared_attribute(name) || not_taken(name) ||
		   attribute_known(ATTRIBUTES_GRAPH, name) || attribute_known(ATTRIBUTES_FIELD, name);
}

/* Of settings for all, which are written several times, only the first time. */
static bool silent(const struct gathering *g)
{
	return g->section == g->run->conf->globals && g->run->globals_told;
}

static void drop(
	const struct gathering *g, const struct import_setting *s, const char *key, const char *why)
{
	if (!silent(g)) {
		import_note(g->run->report, IMPORT_DROPPED, g->subject, s, "%s: %s", key, why);
	}
}

static bool knows_service(const struct gathering *g, const char *service)
{
	g_autofree char *key =
		g_strconcat(g->section->host ? g->section->host : "", "\n", service, NULL);
	return g_hash_table_contains(g->run->services, key);
}

/* -- gathering -- */

/* An attribute without a graph: of all graphs, or of all fields. */
static void take_general(struct gathering *g, const struct import_setting *s, const char *key)
{
	bool graph = attribute_known(ATTRIBUTES_GRAPH, key) && strcmp(key, "graph") != 0;
	if (!strcmp(key, "update_rate") || !strcmp(key, "graph_data_size")) {
		if (!strcmp(key, "graph_data_size") && g->section != g->run->conf->globals) {
			drop(g, s, key, not_taken(key));
		}
		return; /* told, or the interval and layout of the whole */
	}
	if (not_taken(key)) {
		drop(g, s, key, not_taken(key));
		return;
	}
	if (!graph && !attribute_known(ATTRIBUTES_FIELD, key)) {
		drop(g, s, key, "Magpie has no such attribute");
		return;
	}
	if (!silent(g)) {
		import_note(g->run->report, IMPORT_CHANGED, g->subject, s,
			"%s: said of all: in Munin where a plugin says nothing itself, here in any case", key);
	}
	put_value(g, "*", graph ? NULL : "*", key, s);
}

static void take_of_graph(
	struct gathering *g, const struct import_setting *s, const char *service, const char *key)
{
	bool shared = munin_is_shared_attribute(key) && strcmp(key, "graph") != 0;
	if (!ident_is_service(service)) {
		drop(g, s, service, "no graph can be called so");
	} else if (shared || !attribute_known(ATTRIBUTES_GRAPH, key)) {
		if (attribute_known(ATTRIBUTES_FIELD, key)) {
			put_value(g, service, "*", key, s);
		} else {
			drop(g, s, key, "Magpie has no such attribute");
		}
	} else {
		put_value(g, service, NULL, key, s);
	}
}

static void take_of_field(struct gathering *g, const struct import_setting *s, const char *service,
	const char *field, const char *key)
{
	char name[IDENT_FIELD_MAX + 1];
	if (!ident_is_service(service) || !ident_clean_field(field, name)) {
		drop(g, s, s->key, "no graph and field can be called so");
	} else if (!attribute_known(ATTRIBUTES_FIELD, key)) {
		drop(g, s, key, "Magpie has no such attribute");
	} else {
		put_value(g, service, name, key, s);
	}
}

/* "service[.sub].field.attribute" or "service[.sub].attribute". */
static void take_path(struct gathering *g, const struct import_setting *s)
{
	g_autofree char *path = g_strdup(s->key);
	char *dot = strrchr(path, '.');
	*dot = '\0';
	const char *key = modern(dot + 1);
	char *field = strrchr(path, '.');
	if (not_taken(key)) {
		drop(g, s, s->key, not_taken(key));
	} else if (!field || (munin_is_graph_attribute(key)) ||
			   (munin_is_shared_attribute(key) && knows_service(g, path))) {
		take_of_graph(g, s, path, key);
	} else {
		*field = '\0';
		take_of_field(g, s, path, field + 1, key);
	}
}

static void take_setting(struct gathering *g, const struct import_setting *s)
{
	if (g_str_has_prefix(s->key, "contact.") && g->section == g->run->conf->globals) {
		return;
	}
	if (strchr(s->key, '.')) {
		take_path(g, s);
	} else if (is_attribute(s->key)) {
		take_general(g, s, modern(s->key));
	} else if (!import_key_known(s->key)) {
		drop(g, s, s->key, "an unknown keyword");
	}
}

/* -- writing -- */

static void put_attribute(
	struct gathering *g, unsigned depth, const char *key, const struct import_setting *s)
{
	GString *out = g->run->out;
	bool noscale = !strcmp(key, "graph_noscale");
	bool flag;
	import_indent(out, depth);
	if (noscale) {
		bool off = import_flag(s->value, &flag) && flag;
		g_string_append_printf(out, "graph_scale \"%s\"\n", off ? "no" : "yes");
		return;
	}
	g_string_append_printf(out, "%s ", key);
	import_quote(out, s->value);
	g_string_append_c(out, '\n');
}

static void put_override(struct gathering *g, struct target *t)
{
	GString *out = g->run->out;
	g_autofree char *name =
		t->field ? g_strconcat(t->service, ":", t->field, NULL) : g_strdup(t->service);
	import_indent(out, g->depth);
	g_string_append(out, "override ");
	import_quote(out, name);
	g_string_append(out, " {\n");
	for (guint i = 0; i < t->keys->len; i++) {
		put_attribute(g, g->depth + 1, t->keys->pdata[i], t->values->pdata[i]);
	}
	import_indent(out, g->depth);
	g_string_append(out, "}\n");
	t->written = true;
	g->run->report->overrides++;
}

/* Whether the graph is made of fields of others. */
static bool is_virtual(const struct gathering *g, const char *service)
{
	if (!g->section->host || !strcmp(service, "*") || knows_service(g, service)) {
		return false;
	}
	for (guint i = 0; i < g->targets->len; i++) {
		const struct target *t = g->targets->pdata[i];
		if (strcmp(t->service, service) != 0) {
			continue;
		}
		const char *order = t->field ? NULL : target_value(t, "graph_order");
		if ((order && strchr(order, '=')) || (t->field && target_value(t, "sum")) ||
			(t->field && target_value(t, "stack"))) {
			return true;
		}
	}
	return false;
}

/* The paths of `sum`, "name=path" of `stack`; each has to name a field. */
static void put_sources(
	struct gathering *g, const char *key, bool named, const struct import_setting *s)
{
	g_auto(GStrv) words = g_strsplit_set(s->value, " \t", -1);
	g_autoptr(GString) list = g_string_new(NULL);
	for (size_t i = 0; words[i]; i++) {
		const char *equals = named ? strchr(words[i], '=') : NULL;
		const char *path = equals ? equals + 1 : words[i];
		struct reference reference;
		struct error err;
		if (!*words[i]) {
			continue;
		}
		if (!reference_parse(path, strlen(path), &reference, &err)) {
			import_note(g->run->report, IMPORT_DROPPED, g->subject, s, "%s: %s", s->key, err.text);
			continue;
		}
		g_string_append_c(list, ' ');
		import_quote(list, words[i]);
	}
	if (list->len) {
		import_indent(g->run->out, g->depth + 2);
		g_string_append_printf(g->run->out, "%s%s\n", key, list->str);
	}
}

/* `path` NULL: a field of its own sources. */
static void put_field(struct gathering *g, const char *service, const char *name, const char *path,
	const struct import_setting *order)
{
	GString *out = g->run->out;
	struct target *t = find_target(g, service, name);
	import_indent(out, g->depth + 1);
	g_string_append_printf(out, "field %s {\n", name);
	if (path) {
		struct import_setting borrowed = *order;
		borrowed.value = (char *)path;
		put_sources(g, "from", false, &borrowed);
	}
	for (guint i = 0; t && i < t->keys->len; i++) {
		const char *key = t->keys->pdata[i];
		if (!strcmp(key, "sum") || !strcmp(key, "stack")) {
			put_sources(g, key, *key == 's' && key[1] == 't', t->values->pdata[i]);
		} else {
			put_attribute(g, g->depth + 2, key, t->values->pdata[i]);
		}
	}
	if (t) {
		t->written = true;
	}
	import_indent(out, g->depth + 1);
	g_string_append(out, "}\n");
}

/* Fields that graph_order borrows; the rest of it as a list of names. */
static void put_order(struct gathering *g, const char *service, const struct import_setting *order)
{
	g_auto(GStrv) words = g_strsplit_set(order ? order->value : "", " \t", -1);
	g_autoptr(GString) names = g_string_new(NULL);
	for (size_t i = 0; words[i]; i++) {
		char name[IDENT_FIELD_MAX + 1];
		bool hidden = words[i][0] == '-';
		g_autofree char *word = g_strndup(words[i] + hidden, strcspn(words[i] + hidden, "="));
		if (ident_clean_field(word, name)) {
			g_string_append_printf(names, "%s%s%s", names->len ? " " : "", hidden ? "-" : "", name);
		}
	}
	if (names->len) {
		import_indent(g->run->out, g->depth + 1);
		g_string_append_printf(g->run->out, "graph_order \"%s\"\n", names->str);
	}
	for (size_t i = 0; words[i]; i++) {
		char name[IDENT_FIELD_MAX + 1];
		const char *word = words[i] + (words[i][0] == '-');
		const char *equals = strchr(word, '=');
		g_autofree char *raw = g_strndup(word, strcspn(word, "="));
		if (equals && ident_clean_field(raw, name)) {
			put_field(g, service, name, equals + 1, order);
		}
	}
}

static void put_graph(struct gathering *g, const char *service)
{
	GString *out = g->run->out;
	struct target *graph = find_target(g, service, NULL);
	const struct import_setting *order = NULL;
	import_indent(out, g->depth);
	g_string_append(out, "graph ");
	import_quote(out, service);
	g_string_append(out, " {\n");
	for (guint i = 0; graph && i < graph->keys->len; i++) {
		if (!strcmp(graph->keys->pdata[i], "graph_order")) {
			order = graph->values->pdata[i];
		} else {
			put_attribute(g, g->depth + 1, graph->keys->pdata[i], graph->values->pdata[i]);
		}
	}
	if (graph) {
		graph->written = true;
	}
	put_order(g, service, order);
	for (guint i = 0; i < g->targets->len; i++) {
		struct target *t = g->targets->pdata[i];
		if (!strcmp(t->service, service) && t->field && !t->written) {
			put_field(g, service, t->field, NULL, NULL);
		}
	}
	import_indent(out, g->depth);
	g_string_append(out, "}\n");
	g->run->report->graphs++;
}

bool import_has_overrides(const struct import_section *section)
{
	for (guint i = 0; i < section->settings->len; i++) {
		const struct import_setting *s = section->settings->pdata[i];
		bool dotted = strchr(s->key, '.') && !g_str_has_prefix(s->key, "contact.");
		bool whole = !strcmp(s->key, "update_rate") || !strcmp(s->key, "graph_data_size");
		if (dotted || (is_attribute(s->key) && !whole) || !import_key_known(s->key)) {
			return true;
		}
	}
	return false;
}

unsigned import_overrides(
	struct import_run *run, const struct import_section *section, unsigned depth)
{
	struct gathering g = {.run = run, .section = section, .depth = depth};
	unsigned before = run->report->graphs;
	g.subject = import_subject(section);
	g.targets = g_ptr_array_new_with_free_func(target_free);
	for (guint i = 0; i < section->settings->len; i++) {
		take_setting(&g, section->settings->pdata[i]);
	}
	for (unsigned general = 2; general-- > 0;) {
		for (guint i = 0; i < g.targets->len; i++) {
			struct target *t = g.targets->pdata[i];
			bool all = !strcmp(t->service, "*") || !g_strcmp0(t->field, "*");
			if (t->written || all != (general == 1)) {
				continue;
			}
			if (is_virtual(&g, t->service)) {
				put_graph(&g, t->service);
			} else {
				put_override(&g, t);
			}
		}
	}
	g_ptr_array_unref(g.targets);
	g_free(g.subject);
	return run->report->graphs - before;
}
