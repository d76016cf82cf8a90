/*
 * Order within inventory_declare(): limits, catalog, numbers, store, journal, those who listen.
 * Whoever sends samples is made to wait until the store has the numbers (engine/intake.c); a SERIES
 * record may be written before that, since a number met in the journal is not given out again.
 */
#include "engine/inventory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { PACK_VERSION = 1, HOUR_S = 3600 };

/* New series and changed declarations of a host within an hour. */
struct growth {
	int64_t hour;
	unsigned count, changes;
	bool told, changes_told;
};

struct inventory {
	struct catalog *catalog;
	struct journal *journal;
	struct inventory_handlers handlers;
	void *owner;
	GHashTable *growth; /* host name -> struct growth * */
	uint32_t next_series;
	uint32_t next_service;
	char layout[ENTRY_LAYOUT_MAX + 1];
};

struct inventory *inventory_create(
	struct catalog *catalog, const struct inventory_handlers *handlers, void *owner)
{
	struct inventory *inventory = g_new0(struct inventory, 1);
	inventory->catalog = catalog;
	inventory->handlers = *handlers;
	inventory->owner = owner;
	inventory->growth = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	inventory->next_series = 1;
	inventory->next_service = 1;
	inventory_set_layout(inventory, "default");
	return inventory;
}

void inventory_destroy(struct inventory *inventory)
{
	if (inventory) {
		g_hash_table_unref(inventory->growth);
		g_free(inventory);
	}
}

void inventory_set_journal(struct inventory *inventory, struct journal *journal)
{
	inventory->journal = journal;
}

void inventory_set_layout(struct inventory *inventory, const char *layout)
{
	g_strlcpy(inventory->layout, layout, sizeof(inventory->layout));
}

void inventory_reserve(struct inventory *inventory, uint32_t series_id)
{
	if (series_id >= inventory->next_series) {
		inventory->next_series = series_id + 1;
	}
}

/* -- as bytes -- */

static void pack_number(GByteArray *out, uint64_t number, guint bytes)
{
	g_byte_array_append(out, (const guint8 *)&number, bytes);
}

static void pack_double(GByteArray *out, double number)
{
	g_byte_array_append(out, (const guint8 *)&number, sizeof(number));
}

static void pack_text(GByteArray *out, const char *text)
{
	size_t length = strlen(text);
	pack_number(out, length, 2);
	g_byte_array_append(out, (const guint8 *)text, (guint)length);
}

static void pack_attributes(GByteArray *out, const struct attributes *a)
{
	pack_number(out, a->length, 4);
	if (a->length) {
		g_byte_array_append(out, (const guint8 *)a->packed, (guint)a->length);
	}
}

void inventory_pack(const struct service *service, GByteArray *out)
{
	pack_number(out, PACK_VERSION, 1);
	pack_number(out, service->id, 4);
	pack_number(out, service->step_s, 4);
	pack_text(out, service->group);
	pack_text(out, service->host_name);
	pack_text(out, service->name);
	pack_attributes(out, &service->attributes);
	size_t count = service_field_count(service);
	pack_number(out, count, 2);
	for (size_t i = 0; i < count; i++) {
		const struct field *field = service_field(service, i);
		pack_number(out, field->series_id, 4);
		pack_number(out, field->type, 1);
		pack_number(out, field->gone, 1);
		pack_double(out, field->min);
		pack_double(out, field->max);
		pack_text(out, field->name);
		pack_text(out, field->label);
		pack_attributes(out, &field->attributes);
	}
}

static bool unpack_attributes(
	struct frame_reader *r, enum attributes_level level, struct attributes *a)
{
	uint32_t length = frame_get_u32(r);
	const unsigned char *bytes = frame_get_bytes(r, length);
	return bytes && attributes_unpack(a, level, bytes, length);
}

static bool unpack_field(struct frame_reader *r, struct service *service)
{
	uint32_t series_id = frame_get_u32(r);
	unsigned type = frame_get_u8(r);
	bool gone = frame_get_u8(r);
	double min = frame_get_f64(r);
	double max = frame_get_f64(r);
	char name[IDENT_FIELD_MAX + 1];
	frame_get_text_into(r, name, sizeof(name));
	g_autofree char *label = frame_get_text(r);
	if (r->failed || type >= FIELD_TYPES || !ident_is_field(name) ||
		service_find_field(service, name)) {
		return false;
	}
	struct field *field = service_add_field(service, name, label, (enum field_type)type);
	field->series_id = series_id;
	field->gone = gone;
	field->made = !series_id;
	field->min = min;
	field->max = max;
	return unpack_attributes(r, ATTRIBUTES_FIELD, &field->attributes);
}

struct service *inventory_unpack(const void *bytes, size_t length)
{
	struct frame_reader r = {.at = bytes, .end = (const unsigned char *)bytes + length};
	char group[IDENT_GROUP_MAX + 1];
	char host[IDENT_HOST_MAX + 1];
	char name[IDENT_SERVICE_MAX + 1];
	unsigned version = frame_get_u8(&r);
	uint32_t id = frame_get_u32(&r);
	uint32_t step_s = frame_get_u32(&r);
	frame_get_text_into(&r, group, sizeof(group));
	frame_get_text_into(&r, host, sizeof(host));
	frame_get_text_into(&r, name, sizeof(name));
	if (r.failed || version != PACK_VERSION || !id || !step_s || !ident_is_group(group) ||
		!ident_is_host(host) || !ident_is_service(name)) {
		return NULL;
	}
	AUTO(service) service = service_create(group, host, name, step_s);
	service->id = id;
	if (!unpack_attributes(&r, ATTRIBUTES_GRAPH, &service->attributes)) {
		return NULL;
	}
	for (size_t count = frame_get_u16(&r); count; count--) {
		if (!unpack_field(&r, service)) {
			return NULL;
		}
	}
	return frame_read_done(&r) ? STEAL(service) : NULL;
}

bool inventory_restore(struct inventory *inventory, const void *bytes, size_t length)
{
	struct service *service = inventory_unpack(bytes, length);
	if (!service) {
		return false;
	}
	inventory->next_service = MAX(inventory->next_service, service->id + 1);
	for (size_t i = 0; i < service_field_count(service); i++) {
		inventory_reserve(inventory, service_field(service, i)->series_id);
	}
	catalog_declare(inventory->catalog, service, NULL);
	return true;
}

/* -- declarations -- */

static void tell(struct inventory *inventory, const char *kind, const struct service *service,
	const char *format, ...) PRINTF_LIKE(4, 5);

static void tell(struct inventory *inventory, const char *kind, const struct service *service,
	const char *format, ...)
{
	char object[IDENT_SERIES_MAX + 1];
	char text[256];
	va_list args;
	snprintf(object, sizeof(object), "%s:%s", service->host_name, service->name);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	inventory->handlers.event(inventory->owner, kind, object, text);
}

/* Fields that the catalog does not know of that service. */
static size_t count_new(const struct service *known, const struct service *service)
{
	size_t count = service_field_count(service);
	size_t fresh = 0;
	for (size_t i = 0; i < count; i++) {
		fresh += !known || !service_find_field(known, service_field(service, i)->name);
	}
	return fresh;
}

static struct growth *growth_of(
	struct inventory *inventory, const struct service *service, struct wall now)
{
	struct growth *growth = g_hash_table_lookup(inventory->growth, service->host_name);
	if (!growth) {
		growth = g_new0(struct growth, 1);
		g_hash_table_insert(inventory->growth, g_strdup(service->host_name), growth);
	}
	int64_t hour = wall_s(now) / HOUR_S;
	if (growth->hour != hour) {
		*growth = (struct growth){.hour = hour};
	}
	return growth;
}

/* hostile 24: names that change each round; hostile 23: more fields than anybody can mean */
static bool may_grow(struct inventory *inventory, const struct service *known,
	const struct service *service, struct wall now)
{
	size_t fresh = count_new(known, service);
	size_t total = fresh + (known ? service_field_count(known) : 0);
	struct growth *growth = growth_of(inventory, service, now);
	bool good = total <= INVENTORY_FIELDS_MAX && growth->count + fresh <= INVENTORY_NEW_PER_HOUR;
	if (good) {
		growth->count += (unsigned)fresh;
	} else if (!growth->told) {
		growth->told = true;
		tell(inventory, "inventory.limit", service,
			"%zu new fields are left out: at most %d per service, and %d new series of a host per "
			"hour",
			fresh, INVENTORY_FIELDS_MAX, INVENTORY_NEW_PER_HOUR);
	}
	return good;
}

/* hostile 24: the same names, described in other words each round: each costs a row of the store
 * and records of the journal. */
static bool may_change(struct inventory *inventory, const struct service *service, struct wall now)
{
	struct growth *growth = growth_of(inventory, service, now);
	bool good = growth->changes < INVENTORY_CHANGES_PER_HOUR;
	if (good) {
		growth->changes++;
	} else if (!growth->changes_told) {
		growth->changes_told = true;
		tell(inventory, "inventory.changes", service,
			"its services are described anew again and again; until the next hour they stay as "
			"they "
			"are (at most %d changes of a host per hour)",
			INVENTORY_CHANGES_PER_HOUR);
	}
	return good;
}

static void write_series(struct inventory *inventory, const struct service *service)
{
	for (size_t i = 0; inventory->journal && i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (field->gone || field->made) {
			continue;
		}
		struct entry_series entry = {.series_id = field->series_id,
			.step_s = service->step_s,
			.type = field->type,
			.min = field->min,
			.max = field->max};
		g_strlcpy(entry.layout, inventory->layout, sizeof(entry.layout));
		g_strlcpy(entry.group, service->group, sizeof(entry.group));
		g_strlcpy(entry.host, service->host_name, sizeof(entry.host));
		g_strlcpy(entry.service, service->name, sizeof(entry.service));
		g_strlcpy(entry.field, field->name, sizeof(entry.field));
		unsigned char payload[ENTRY_SERIES_MAX];
		uint64_t sequence;
		size_t length = entry_series_write(&entry, payload);
		if (!journal_append(inventory->journal, ENTRY_SERIES, payload, length, &sequence, NULL)) {
			return; /* the journal itself has told; rrd knows the series by its declaration too */
		}
	}
}

static void keep(struct inventory *inventory, const struct service *service)
{
	char name[IDENT_SERIES_MAX + 1];
	snprintf(name, sizeof(name), "%s:%s", service->host_name, service->name);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	inventory_pack(service, bytes);
	struct store_batch *batch = inventory->handlers.batch(inventory->owner);
	store_put_service(batch, name, bytes->data, bytes->len);
	store_put_number(batch, "next_series", inventory->next_series);
}

/* Gives numbers to fields that have none; whether there were any. */
static bool number_fields(struct inventory *inventory, struct service *entry)
{
	bool any = false;
	for (size_t i = 0; i < service_field_count(entry); i++) {
		struct field *field = service_field(entry, i);
		if (!field->series_id && !field->made) {
			catalog_number(inventory->catalog, field, inventory->next_series++);
			any = true;
		}
	}
	return any;
}

static const struct service *enter(struct inventory *inventory, struct service *service,
	const struct service *known, enum catalog_difference difference, bool *numbered)
{
	service->id = known ? known->id : inventory->next_service++;
	struct service *entry = catalog_declare(inventory->catalog, service, NULL);
	if (difference == CATALOG_WORDS) {
		inventory->handlers.words(inventory->owner, entry);
		return entry;
	}
	*numbered = number_fields(inventory, entry);
	keep(inventory, entry);
	write_series(inventory, entry);
	inventory->handlers.changed(inventory->owner, entry);
	return entry;
}

const struct service *inventory_declare(
	struct inventory *inventory, struct service *service, struct wall now, bool *numbered)
{
	const struct service *known =
		catalog_service(inventory->catalog, service->host_name, service->name);
	enum catalog_difference difference = catalog_compare(inventory->catalog, service);
	*numbered = false;
	bool refused = inventory->handlers.refused &&
				   !catalog_host(inventory->catalog, service->host_name) &&
				   inventory->handlers.refused(inventory->owner, service->host_name, now);
	if (refused || difference == CATALOG_SAME ||
		(difference == CATALOG_DIFFERS && (!may_grow(inventory, known, service, now) ||
											  (known && !may_change(inventory, service, now))))) {
		service_destroy(service);
		return known;
	}
	return enter(inventory, service, known, difference, numbered);
}

const struct service *inventory_adopt(
	struct inventory *inventory, struct service *service, struct wall now, bool *numbered)
{
	if (catalog_service(inventory->catalog, service->host_name, service->name)) {
		return inventory_declare(inventory, service, now, numbered);
	}
	return enter(inventory, service, NULL, CATALOG_DIFFERS, numbered);
}

const struct service *inventory_declare_made(struct inventory *inventory, struct service *service)
{
	const struct service *known =
		catalog_service(inventory->catalog, service->host_name, service->name);
	bool changed;
	service->id = known ? known->id : inventory->next_service++;
	const struct service *entry = catalog_declare(inventory->catalog, service, &changed);
	if (changed) {
		inventory->handlers.changed(inventory->owner, entry);
	}
	return entry;
}
