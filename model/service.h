#pragma once
#include "base/auto.h"
#include "model/attributes.h"
#include "model/ident.h"

#include <stdint.h>

#include <glib.h>

/*
 * A service is a plugin's graph on a host, a field one of its data sources; host:service:field is a
 * series. These structs are used twice: as a declaration on its way from a source to the catalog,
 * and, kept, as the catalog's entry.
 */
struct host;
struct service;

enum field_type { FIELD_GAUGE, FIELD_COUNTER, FIELD_DERIVE, FIELD_ABSOLUTE, FIELD_TYPES };

struct field {
	char *name;
	char *label;
	struct attributes attributes;
	double min, max;    /* limits of the stored value, NaN: none */
	uint32_t series_id; /* of the state database, from 1; 0: not numbered (yet) */
	uint16_t index;     /* in the service's array */
	uint8_t type;       /* enum field_type */
	bool gone;          /* was declared once, is not any more */
	bool made; /* the configuration makes it of others: no samples, no number (engine only) */
	struct service *service; /* the owner */
};

struct service {
	char *name; /* "cpu", "diskstats_iops.vda" */
	char *host_name;
	char *group; /* path of the host's group, parts joined by "/" */
	struct attributes attributes;
	uint32_t id;       /* in a declaration: the sender's handle; in the catalog: from 1 */
	uint32_t step_s;   /* seconds between samples */
	GPtrArray *fields; /* struct field *, owned */
	struct host *host; /* set by the catalog */
};

/* A new, empty service; names are copied and must be valid (model/ident.h). */
struct service *service_create(
	const char *group, const char *host, const char *name, uint32_t step_s);
void service_destroy(struct service *service);
DEFINE_AUTO(service)

/* Adds a field (name valid and not there yet); the service owns it. Limits start as "none". */
struct field *service_add_field(
	struct service *service, const char *name, const char *label, enum field_type type);

struct field *service_find_field(
	const struct service *service, const char *name); /* NULL if not there */
struct field *service_field(const struct service *service, size_t index);
size_t service_field_count(const struct service *service);

/* Whether both declare the same: names, attributes, fields in order with types, limits and labels.
 * Ids do not count. */
bool service_same(const struct service *a, const struct service *b);

/* "GAUGE" …; and back: FIELD_TYPES if `name` is none of them (any case). */
const char *field_type_name(enum field_type type);
enum field_type field_type_parse(const char *name);

/* Writes "host:service:field" into `out` (IDENT_SERIES_MAX + 1 bytes); returns it. */
char *field_series_name(const struct field *field, char *out);
