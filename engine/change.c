/*
 * I1: from change_host() or change_forget() on to the end of the process no declaration may be
 * stored: it would bring back what was changed (on_inventory_batch in engine/engine.c). I2: numbers
 * of series that are forgotten stay taken.
 */
#include "engine/change.h"
#include "engine/engine.h"
#include "engine/evaluate.h"
#include "engine/fleet.h"
#include "model/retention.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

static void put_service(struct engine *engine, const struct service *service)
{
	char name[IDENT_SERIES_MAX + 1];
	snprintf(name, sizeof(name), "%s:%s", service->host_name, service->name);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	inventory_pack(service, bytes);
	store_put_service(keeper_batch(engine->keeper), name, bytes->data, bytes->len);
}

static void drop_service(struct engine *engine, const struct service *service)
{
	char name[IDENT_SERIES_MAX + 1];
	snprintf(name, sizeof(name), "%s:%s", service->host_name, service->name);
	store_put_service(keeper_batch(engine->keeper), name, "", 0);
}

static struct service *copy_service(const struct service *service)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	inventory_pack(service, bytes);
	return inventory_unpack(bytes->data, bytes->len);
}

/* -- spans of time in which series were seen -- */

static void add_span(struct engine *engine, const struct field *field, GByteArray *out)
{
	static const guint8 version = 1; /* of engine/seen.c's rows */
	struct seen_span span = seen_of(engine->seen, field->series_id);
	if (!field->series_id || (!span.first_s && !span.last_s)) {
		return;
	}
	if (!out->len) {
		g_byte_array_append(out, &version, 1);
	}
	g_byte_array_append(out, (const guint8 *)&field->series_id, sizeof(field->series_id));
	g_byte_array_append(out, (const guint8 *)&span.first_s, sizeof(span.first_s));
	g_byte_array_append(out, (const guint8 *)&span.last_s, sizeof(span.last_s));
}

static void add_spans(struct engine *engine, const struct host *host, GByteArray *out)
{
	for (guint i = 0; host && i < host->services->len; i++) {
		const struct service *service = host->services->pdata[i];
		for (size_t k = 0; k < service_field_count(service); k++) {
			add_span(engine, service_field(service, k), out);
		}
	}
}

/* -- a host becomes another -- */

bool change_check(
	const struct engine *engine, const char *host, const char *into, struct error *err)
{
	if (!catalog_host(engine->catalog, host)) {
		return error_set(err, ERR_NOT_FOUND, "there is no host \"%.100s\"", host);
	}
	if (!ident_is_host(into) || !strcmp(host, into)) {
		return error_set(err, ERR_CONFIG, "\"%.100s\" cannot be its new name", into);
	}
	return true;
}

/* The service as one of `into`: moved whole, or its fields that are not there yet. */
static void move_service(struct engine *engine, struct service *service, const char *into)
{
	const struct host *host = catalog_host(engine->catalog, into);
	const struct service *known = catalog_service(engine->catalog, into, service->name);
	drop_service(engine, service);
	AUTO(service) result = copy_service(known ? known : service);
	if (!result) {
		return; /* what is in the catalog can be packed and unpacked */
	}
	for (size_t i = 0; known && i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (service_find_field(result, field->name)) {
			continue; /* its file goes into that one's */
		}
		struct field *added =
			service_add_field(result, field->name, field->label, (enum field_type)field->type);
		added->series_id = field->series_id;
		added->min = field->min;
		added->max = field->max;
		added->gone = true; /* until somebody declares it */
		attributes_copy(&added->attributes, &field->attributes);
	}
	g_free(result->host_name);
	result->host_name = g_strdup(into);
	if (host) {
		g_free(result->group);
		result->group = g_strdup(host->group);
	}
	put_service(engine, result);
}

/* Spans of series that `into` has under another number are left out: that series is forgotten. */
static void move_spans(struct engine *engine, const struct host *host, const char *into)
{
	g_autoptr(GByteArray) spans = g_byte_array_new();
	add_spans(engine, catalog_host(engine->catalog, into), spans);
	for (guint i = 0; i < host->services->len; i++) {
		const struct service *service = host->services->pdata[i];
		const struct service *known = catalog_service(engine->catalog, into, service->name);
		for (size_t k = 0; k < service_field_count(service); k++) {
			const struct field *field = service_field(service, k);
			if (!known || !service_find_field(known, field->name)) {
				add_span(engine, field, spans);
			}
		}
	}
	store_put_seen(keeper_batch(engine->keeper), into, spans->data, spans->len);
	store_put_seen(keeper_batch(engine->keeper), host->name, "", 0);
}

void change_host(struct engine *engine, const char *name, const char *into)
{
	struct host *host = catalog_host(engine->catalog, name);
	const struct store_host *state = hosts_find(engine->hosts, name);
	for (guint i = 0; i < host->services->len; i++) {
		move_service(engine, host->services->pdata[i], into);
	}
	move_spans(engine, host, into);
	if (state && !hosts_find(engine->hosts, into)) {
		struct store_host renamed = *state;
		renamed.name = (char *)into;
		store_put_host(keeper_batch(engine->keeper), &renamed);
	}
	evaluate_retire(engine, name, NULL);
	engine_event(engine, "archive.host", name, "its history goes on under another name");
}

/* -- forgetting -- */

static bool has_number(const json_t *series, uint32_t id)
{
	for (size_t i = 0; i < json_array_size(series); i++) {
		if (json_integer_value(json_array_get(series, i)) == id) {
			return true;
		}
	}
	return false;
}

/* The service without those fields; NULL: none is left. */
static struct service *service_without(const struct service *service, const json_t *series)
{
	AUTO(service) copy = copy_service(service);
	for (size_t i = copy ? service_field_count(copy) : 0; i-- > 0;) {
		if (has_number(series, service_field(copy, i)->series_id)) {
			g_ptr_array_remove_index(copy->fields, (guint)i);
		}
	}
	return copy && service_field_count(copy) ? STEAL(copy) : NULL;
}

void change_forget(struct engine *engine, const json_t *series)
{
	g_autoptr(GHashTable) services = g_hash_table_new(g_direct_hash, g_direct_equal);
	for (size_t i = 0; i < json_array_size(series); i++) {
		json_int_t id = json_integer_value(json_array_get(series, i));
		const struct field *field =
			id > 0 && id <= UINT32_MAX ? catalog_series(engine->catalog, (uint32_t)id) : NULL;
		if (field) {
			g_hash_table_add(services, field->service);
		}
	}
	GHashTableIter iter;
	gpointer key;
	g_hash_table_iter_init(&iter, services);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		const struct service *service = key;
		AUTO(service) rest = service_without(service, series);
		if (rest) {
			put_service(engine, rest);
		} else {
			drop_service(engine, service);
		}
		/* spans of numbers that nobody has would not be read again */
		g_autoptr(GByteArray) spans = g_byte_array_new();
		for (guint i = 0; i < service->host->services->len; i++) {
			const struct service *other = service->host->services->pdata[i];
			for (size_t k = 0; k < service_field_count(other); k++) {
				const struct field *field = service_field(other, k);
				if (!has_number(series, field->series_id)) {
					add_span(engine, field, spans);
				}
			}
		}
		store_put_seen(keeper_batch(engine->keeper), service->host_name, spans->data, spans->len);
	}
}

static bool is_gone(
	const struct engine *engine, const struct field *field, uint32_t before_s, bool silent)
{
	struct seen_span span = seen_of(engine->seen, field->series_id);
	uint32_t last_s = MAX(span.first_s, span.last_s);
	bool declared = !field->gone && fleet_is_watched(engine, field->service->host_name);
	return field->series_id && last_s < before_s && (silent || !declared);
}

json_t *change_find_gone(
	const struct engine *engine, const char *selector, uint32_t before_s, bool silent)
{
	json_t *series = json_array();
	uint32_t limit = catalog_series_limit(engine->catalog);
	for (uint32_t id = 1; id < limit && json_array_size(series) < CHANGE_SERIES_MOST; id++) {
		const struct field *field = catalog_series(engine->catalog, id);
		if (field && retention_matches(selector, field->service, field->name) &&
			is_gone(engine, field, before_s, silent)) {
			json_array_append_new(series, json_integer(id));
		}
	}
	return series;
}

json_t *change_still_gone(
	const struct engine *engine, const json_t *series, uint32_t before_s, bool silent)
{
	json_t *still = json_array();
	for (size_t i = 0; i < json_array_size(series); i++) {
		json_int_t id = json_integer_value(json_array_get(series, i));
		const struct field *field =
			id > 0 && id <= UINT32_MAX ? catalog_series(engine->catalog, (uint32_t)id) : NULL;
		if (field && is_gone(engine, field, before_s, silent)) {
			json_array_append_new(still, json_integer(id));
		}
	}
	return still;
}

json_t *change_hosts_left(const struct engine *engine, const json_t *series)
{
	json_t *names = json_array();
	const GPtrArray *hosts = catalog_hosts(engine->catalog);
	for (guint i = 0; i < hosts->len && json_array_size(series); i++) {
		const struct host *host = hosts->pdata[i];
		bool left = false;
		for (guint k = 0; k < host->services->len && !left; k++) {
			AUTO(service) rest = service_without(host->services->pdata[k], series);
			left = rest != NULL;
		}
		if (!left) {
			json_array_append_new(names, json_string(host->name));
		}
	}
	return names;
}

bool change_is_away(void *owner, const char *host, struct wall now)
{
	enum { ROUNDS_KEPT_MS = 15 * 60 * 1000 }; /* by a collector: ten minutes */
	const struct engine *engine = owner;
	return !g_hash_table_contains(engine->fleet.configured, host) &&
		   tasks_took_away(engine->tasks, host, now, ROUNDS_KEPT_MS);
}

/* -- anew -- */

static void end(void *owner)
{
	struct engine *engine = owner;
	role_stopped(engine->role);
}

void change_begin_anew(struct engine *engine)
{
	if (!engine->anew) {
		engine->anew = true;
		engine->stopping = true; /* what is in the batch is stored */
		loop_defer(engine->loop, end, engine);
	}
}
