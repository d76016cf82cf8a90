#include "model/catalog.h"

#include <string.h>

#include "base/banned.h"

/*
 * The catalog: hosts by name, their services sorted, and two arrays that turn numbers into services
 * and fields. A declaration is merged into what is known, so addresses and numbers stay and others
 * may keep them.
 */

struct catalog {
	GHashTable *by_name; /* host name -> struct host, owned */
	GPtrArray *hosts;    /* the same, sorted by group and name */
	GPtrArray *services; /* by id, may hold NULL */
	GPtrArray *series;   /* by series id: struct field, may hold NULL */
	GPtrArray *removed;  /* services that nobody finds any more, owned: others may point at them */
	GPtrArray *left;     /* hosts without any, owned */
	uint64_t version;
	size_t series_count; /* numbered and not gone */
};

static void host_destroy(gpointer data)
{
	struct host *host = data;
	g_ptr_array_unref(host->services);
	g_free(host->name);
	g_free(host->group);
	g_free(host);
}

struct catalog *catalog_create(void)
{
	struct catalog *catalog = g_new0(struct catalog, 1);
	catalog->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_destroy);
	catalog->hosts = g_ptr_array_new();
	catalog->services = g_ptr_array_new();
	catalog->series = g_ptr_array_new();
	catalog->removed = g_ptr_array_new_with_free_func((GDestroyNotify)service_destroy);
	catalog->left = g_ptr_array_new_with_free_func(host_destroy);
	g_ptr_array_set_size(catalog->services, 1); /* ids begin at 1 */
	g_ptr_array_set_size(catalog->series, 1);
	return catalog;
}

void catalog_destroy(struct catalog *catalog)
{
	if (catalog) {
		g_ptr_array_unref(catalog->series);
		g_ptr_array_unref(catalog->services);
		g_ptr_array_unref(catalog->hosts);
		g_hash_table_unref(catalog->by_name);
		g_ptr_array_unref(catalog->removed);
		g_ptr_array_unref(catalog->left);
		g_free(catalog);
	}
}

static gint compare_hosts(gconstpointer a, gconstpointer b)
{
	const struct host *x = *(struct host *const *)a;
	const struct host *y = *(struct host *const *)b;
	int by_group = strcmp(x->group, y->group);
	return by_group ? by_group : strcmp(x->name, y->name);
}

/* First position whose service does not sort before `name`. */
static guint service_position(const struct host *host, const char *name)
{
	guint low = 0;
	guint high = host->services->len;
	while (low < high) {
		guint middle = (low + high) / 2;
		const struct service *s = host->services->pdata[middle];
		if (strcmp(s->name, name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Puts a host at its place among the others. */
static void place_host(struct catalog *catalog, struct host *host)
{
	guint low = 0;
	guint high = catalog->hosts->len;
	while (low < high) {
		guint middle = (low + high) / 2;
		if (compare_hosts(&catalog->hosts->pdata[middle], &host) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	g_ptr_array_insert(catalog->hosts, (gint)low, host);
}

static struct host *host_for(struct catalog *catalog, const struct service *service)
{
	struct host *host = catalog_host(catalog, service->host_name);
	if (!host) {
		host = g_new0(struct host, 1);
		host->name = g_strdup(service->host_name);
		host->group = g_strdup(service->group);
		host->services = g_ptr_array_new_with_free_func((GDestroyNotify)service_destroy);
		g_hash_table_insert(catalog->by_name, host->name, host);
		place_host(catalog, host);
	} else if (strcmp(host->group, service->group)) {
		g_ptr_array_remove(catalog->hosts, host);
		g_free(host->group);
		host->group = g_strdup(service->group);
		place_host(catalog, host);
	}
	return host;
}

static void put_at(GPtrArray *array, guint index, gpointer value)
{
	if (index >= array->len) {
		g_ptr_array_set_size(array, (gint)index + 1);
	}
	array->pdata[index] = value;
}

void catalog_number(struct catalog *catalog, struct field *field, uint32_t series_id)
{
	catalog->series_count += !field->series_id && !field->gone;
	field->series_id = series_id;
	put_at(catalog->series, series_id, field);
}

static void enter_series(struct catalog *catalog, struct service *service)
{
	for (size_t i = 0; i < service->fields->len; i++) {
		struct field *field = service->fields->pdata[i];
		if (field->series_id) {
			catalog_number(catalog, field, field->series_id);
		}
	}
}

static struct service *enter_new(
	struct catalog *catalog, struct host *host, struct service *service)
{
	if (!service->id) {
		service->id = catalog->services->len;
	}
	service->host = host;
	g_ptr_array_insert(host->services, (gint)service_position(host, service->name), service);
	put_at(catalog->services, service->id, service);
	enter_series(catalog, service);
	return service;
}

static void swap_field(struct field *old, struct field *new)
{
	char *label = old->label;
	struct attributes attributes = old->attributes;
	old->label = new->label;
	old->attributes = new->attributes;
	new->label = label;
	new->attributes = attributes;
	old->type = new->type;
	old->min = new->min;
	old->max = new->max;
	old->gone = new->gone;
	old->made = new->made;
	if (new->series_id) {
		old->series_id = new->series_id;
	}
}

/* What `new` says is carried over into `old`, which keeps its address and its fields' addresses. */
static void merge(struct service *old, struct service *new)
{
	struct attributes attributes = old->attributes;
	old->attributes = new->attributes;
	new->attributes = attributes;
	char *group = old->group;
	old->group = new->group;
	new->group = group;
	old->step_s = new->step_s;
	for (size_t i = 0; i < old->fields->len; i++) {
		struct field *field = old->fields->pdata[i];
		field->gone = true;
	}
	for (size_t i = 0; i < new->fields->len; i++) {
		struct field *field = new->fields->pdata[i];
		struct field *known = service_find_field(old, field->name);
		if (!known) {
			known = service_add_field(old, field->name, field->label, field->type);
		}
		swap_field(known, field);
	}
}

static bool same_field(const struct field *a, const struct field *b, const char *but)
{
	return !a->gone && a->type == b->type && !strcmp(a->name, b->name) &&
		   !strcmp(a->label, b->label) && !memcmp(&a->min, &b->min, sizeof(a->min)) &&
		   !memcmp(&a->max, &b->max, sizeof(a->max)) &&
		   attributes_equal_but(&a->attributes, &b->attributes, but);
}

/* Whether a declaration only repeats what is known: gone fields of `old` may be missing in `new`,
 * and the value of the fields' attribute `but` (may be NULL) does not count. */
static bool repeats(const struct service *old, const struct service *new, const char *but)
{
	size_t living = 0;
	for (size_t i = 0; i < old->fields->len; i++) {
		living += !service_field(old, i)->gone;
	}
	if (living != new->fields->len || strcmp(old->group, new->group) ||
		old->step_s != new->step_s || !attributes_equal(&old->attributes, &new->attributes)) {
		return false;
	}
	bool whole = living == old->fields->len;
	for (size_t i = 0; i < new->fields->len; i++) {
		const struct field *b = service_field(new, i);
		const struct field *a = whole ? service_field(old, i) : service_find_field(old, b->name);
		if (!a || !same_field(a, b, but)) {
			return false;
		}
	}
	return true;
}

static enum catalog_difference compare(const struct service *known, const struct service *service)
{
	if (known && repeats(known, service, NULL)) {
		return CATALOG_SAME;
	}
	return known && repeats(known, service, "extinfo") ? CATALOG_WORDS : CATALOG_DIFFERS;
}

enum catalog_difference catalog_compare(
	const struct catalog *catalog, const struct service *service)
{
	return compare(catalog_service(catalog, service->host_name, service->name), service);
}

static size_t numbered(const struct service *service)
{
	size_t count = 0;
	for (size_t i = 0; service && i < service->fields->len; i++) {
		const struct field *field = service_field(service, i);
		count += field->series_id && !field->gone;
	}
	return count;
}

/* Nothing but numbers can be new. */
static void take_numbers(struct service *known, const struct service *service)
{
	for (size_t i = 0; i < service->fields->len; i++) {
		const struct field *field = service_field(service, i);
		struct field *mine = service_find_field(known, field->name);
		mine->series_id = field->series_id ? field->series_id : mine->series_id;
	}
}

struct service *catalog_declare(struct catalog *catalog, struct service *service, bool *changed)
{
	struct host *host = host_for(catalog, service);
	struct service *known = catalog_service(catalog, service->host_name, service->name);
	enum catalog_difference difference = compare(known, service);
	catalog->series_count -= numbered(known);
	if (!known) {
		known = enter_new(catalog, host, service);
	} else {
		if (difference == CATALOG_SAME) {
			take_numbers(known, service);
		} else {
			merge(known, service);
		}
		enter_series(catalog, known);
		service_destroy(service);
	}
	catalog->series_count += numbered(known);
	if (difference == CATALOG_DIFFERS) {
		host->version = ++catalog->version;
	}
	if (changed) {
		*changed = difference != CATALOG_SAME;
	}
	return known;
}

/* A number that is given out again must not lead to what was removed. */
static void strike_series(struct catalog *catalog, const struct service *service)
{
	for (size_t i = 0; i < service->fields->len; i++) {
		const struct field *field = service_field(service, i);
		if (catalog_series(catalog, field->series_id) == field) {
			catalog->series->pdata[field->series_id] = NULL;
		}
	}
}

void catalog_remove(struct catalog *catalog, uint32_t service_id)
{
	struct service *service = catalog_service_by_id(catalog, service_id);
	struct host *host = service ? service->host : NULL;
	if (!service) {
		return;
	}
	catalog->series_count -= numbered(service);
	strike_series(catalog, service);
	catalog->services->pdata[service_id] = NULL;
	g_ptr_array_steal_index(host->services, service_position(host, service->name));
	g_ptr_array_add(catalog->removed, service);
	host->version = ++catalog->version;
	if (!host->services->len) {
		g_ptr_array_remove(catalog->hosts, host);
		g_hash_table_steal(catalog->by_name, host->name);
		g_ptr_array_add(catalog->left, host);
	}
}

struct host *catalog_host(const struct catalog *catalog, const char *name)
{
	return g_hash_table_lookup(catalog->by_name, name);
}

struct service *catalog_service(
	const struct catalog *catalog, const char *host, const char *service)
{
	struct host *h = catalog_host(catalog, host);
	guint at = h ? service_position(h, service) : 0;
	struct service *found = h && at < h->services->len ? h->services->pdata[at] : NULL;
	return found && !strcmp(found->name, service) ? found : NULL;
}

struct service *catalog_service_by_id(const struct catalog *catalog, uint32_t id)
{
	return id < catalog->services->len ? catalog->services->pdata[id] : NULL;
}

struct field *catalog_series(const struct catalog *catalog, uint32_t series_id)
{
	return series_id < catalog->series->len ? catalog->series->pdata[series_id] : NULL;
}

struct field *catalog_find(const struct catalog *catalog, const char *series_name)
{
	char host[IDENT_HOST_MAX + 1];
	char service[IDENT_SERVICE_MAX + 1];
	char field[IDENT_FIELD_MAX + 1];
	if (!ident_split_series(series_name, host, service, field)) {
		return NULL;
	}
	struct service *s = catalog_service(catalog, host, service);
	return s ? service_find_field(s, field) : NULL;
}

const GPtrArray *catalog_hosts(const struct catalog *catalog)
{
	return catalog->hosts;
}

size_t catalog_series_count(const struct catalog *catalog)
{
	return catalog->series_count;
}

uint32_t catalog_series_limit(const struct catalog *catalog)
{
	return catalog->series->len;
}

uint32_t catalog_service_limit(const struct catalog *catalog)
{
	return catalog->services->len;
}

uint64_t catalog_version(const struct catalog *catalog)
{
	return catalog->version;
}
