/*
 * Two tables by "HOST:SERVICE": declarations as they came, of services that some override touches,
 * and the ids of graphs that the configuration made. Nothing of it is stored: after a start the
 * configuration makes its graphs anew, and sources declare theirs again when they are asked. Until
 * then a service is what it was with the overrides of before.
 */
#include "engine/graphs.h"
#include "engine/engine.h"
#include "model/config_hosts.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

struct graphs {
	GHashTable *plain; /* name -> struct service *, owned */
	GHashTable *made;  /* name -> id */
	GHashTable *told;  /* names of graphs that some source declares as well */
};

struct graphs *graphs_create(void)
{
	struct graphs *graphs = g_new0(struct graphs, 1);
	graphs->plain =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)service_destroy);
	graphs->made = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	graphs->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return graphs;
}

void graphs_destroy(struct graphs *graphs)
{
	if (graphs) {
		g_hash_table_unref(graphs->plain);
		g_hash_table_unref(graphs->made);
		g_hash_table_unref(graphs->told);
		g_free(graphs);
	}
}

static char *name_of(const struct service *service)
{
	return g_strconcat(service->host_name, ":", service->name, NULL);
}

/* As it was declared: without fields that are gone or were made, without numbers. */
static struct service *copy_declaration(const struct service *from)
{
	struct service *copy = service_create(from->group, from->host_name, from->name, from->step_s);
	attributes_copy(&copy->attributes, &from->attributes);
	for (size_t i = 0; i < service_field_count(from); i++) {
		const struct field *field = service_field(from, i);
		if (field->gone || field->made) {
			continue;
		}
		struct field *to =
			service_add_field(copy, field->name, field->label, (enum field_type)field->type);
		attributes_copy(&to->attributes, &field->attributes);
		to->min = field->min;
		to->max = field->max;
	}
	return copy;
}

static const GPtrArray *overrides_of(const struct engine *engine, const struct service *service)
{
	const struct config_host *host =
		g_hash_table_lookup(engine->fleet.configured, service->host_name);
	return host && host->overrides->len ? host->overrides : NULL;
}

/* -- declarations -- */

static void tell_taken(struct engine *engine, const char *name)
{
	if (g_hash_table_add(engine->graphs->told, g_strdup(name))) {
		engine_event(engine, "graphs.taken", name,
			"what a source declares under this name is left out: the configuration makes a graph "
			"of that name");
	}
}

bool graphs_declared(struct engine *engine, struct service *service)
{
	struct graphs *graphs = engine->graphs;
	const GPtrArray *overrides = overrides_of(engine, service);
	if (!overrides && !g_hash_table_size(graphs->made) && !g_hash_table_size(graphs->plain)) {
		return true;
	}
	g_autofree char *name = name_of(service);
	if (g_hash_table_contains(graphs->made, name)) {
		tell_taken(engine, name);
		return false;
	}
	struct service *plain = overrides ? copy_declaration(service) : NULL;
	if (plain && config_overrides_apply(overrides, service)) {
		g_hash_table_replace(graphs->plain, STEAL(name), plain);
		return true;
	}
	service_destroy(plain);
	g_hash_table_remove(graphs->plain, name);
	return true;
}

/* -- another configuration -- */

static void redeclare(struct engine *engine, struct service *service)
{
	bool numbered;
	(void)inventory_declare(engine->inventory, service, wall_now(), &numbered);
}

/* What was touched before: as it came, with what counts now. */
static void redo_touched(struct engine *engine)
{
	struct graphs *graphs = engine->graphs;
	GHashTableIter iter;
	gpointer plain;
	g_hash_table_iter_init(&iter, graphs->plain);
	while (g_hash_table_iter_next(&iter, NULL, &plain)) {
		struct service *service = copy_declaration(plain);
		const GPtrArray *overrides = overrides_of(engine, service);
		if (!overrides || !config_overrides_apply(overrides, service)) {
			g_hash_table_iter_remove(&iter);
		}
		redeclare(engine, service);
	}
}

static bool is_living(const struct service *service)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		if (!service_field(service, i)->gone) {
			return true;
		}
	}
	return false;
}

/* What is touched now for the first time. */
static void touch(struct engine *engine, const struct config_host *config)
{
	struct graphs *graphs = engine->graphs;
	const struct host *host = catalog_host(engine->catalog, config->name);
	for (guint i = 0; host && config->overrides->len && i < host->services->len; i++) {
		const struct service *entry = host->services->pdata[i];
		g_autofree char *name = name_of(entry);
		if (g_hash_table_contains(graphs->plain, name) ||
			g_hash_table_contains(graphs->made, name) || !strcmp(entry->name, APPLY_NODE_SERVICE) ||
			!is_living(entry)) {
			continue;
		}
		struct service *service = copy_declaration(entry);
		if (config_overrides_apply(config->overrides, service)) {
			g_hash_table_insert(graphs->plain, STEAL(name), copy_declaration(entry));
			redeclare(engine, service);
		} else {
			service_destroy(service);
		}
	}
}

static bool has_samples(const struct service *service)
{
	for (size_t i = 0; service && i < service_field_count(service); i++) {
		if (!service_field(service, i)->gone && !service_field(service, i)->made) {
			return true;
		}
	}
	return false;
}

static void make(struct engine *engine, const struct config_host *host, GHashTable *before)
{
	for (guint i = 0; i < host->graphs->len; i++) {
		struct service *service =
			config_graph_service(host->graphs->pdata[i], host->group, host->name);
		g_autofree char *name = name_of(service);
		if (!g_hash_table_contains(before, name) &&
			has_samples(catalog_service(engine->catalog, host->name, service->name))) {
			tell_taken(engine, name);
			service_destroy(service);
			continue;
		}
		const struct service *entry = inventory_declare_made(engine->inventory, service);
		g_hash_table_insert(engine->graphs->made, STEAL(name), GUINT_TO_POINTER(entry->id));
	}
}

static void forget(struct engine *engine, uint32_t id)
{
	catalog_remove(engine->catalog, id);
	publish_forget(engine->publish, id);
}

void graphs_configure(struct engine *engine)
{
	struct graphs *graphs = engine->graphs;
	g_autoptr(GHashTable) before = g_steal_pointer(&graphs->made);
	graphs->made = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_hash_table_remove_all(graphs->told);
	redo_touched(engine);
	for (guint i = 0; engine->config->hosts && i < engine->config->hosts->len; i++) {
		const struct config_host *host = engine->config->hosts->pdata[i];
		touch(engine, host);
		make(engine, host, before);
	}
	GHashTableIter iter;
	gpointer name, id;
	g_hash_table_iter_init(&iter, before);
	while (g_hash_table_iter_next(&iter, &name, &id)) {
		if (!g_hash_table_contains(graphs->made, name)) {
			forget(engine, GPOINTER_TO_UINT(id));
		}
	}
}
