#pragma once
#include "base/auto.h"
#include "model/service.h"

/*
 * All that is known of hosts, services and series: in the engine the original, in rrd and web a
 * copy kept up by the same declarations. Entries never vanish by themselves: a field that is no
 * longer declared stays with `gone` set, a host that is silent stays, so that "never reported" and
 * "stopped reporting" can be said. Pointers stay valid until the catalog is destroyed or the host
 * is removed.
 */
struct catalog;

struct host {
	char *name;
	char *group;
	GPtrArray *services; /* struct service *, owned, sorted by name */
	uint64_t version;    /* of the catalog when something of the host changed last */
};

struct catalog *catalog_create(void);
void catalog_destroy(struct catalog *catalog);
DEFINE_AUTO(catalog)

/*
 * Takes a declaration over (destroys it if an equal one is there). Fields keep their place and
 * series id over re-declarations; new ones come last; missing ones are marked gone. If
 * `service->id` is 0 a new id is given, else that id is kept (copies use the original's). Fields
 * with a series id != 0 are entered under it. `*changed` (may be NULL) says whether anything
 * differs from before. Never NULL.
 */
struct service *catalog_declare(struct catalog *catalog, struct service *service, bool *changed);

/* What a declaration would change. */
enum catalog_difference {
	CATALOG_SAME,
	CATALOG_WORDS,  /* only what fields say of their present value (extinfo) */
	CATALOG_DIFFERS /* or it is new */
};
enum catalog_difference catalog_compare(
	const struct catalog *catalog, const struct service *service);

/*
 * Takes a service out, and its host if that has no other: nobody finds it any more, and a later
 * declaration makes a new one. Its memory stays until the catalog is destroyed. An unknown id is
 * nothing.
 */
void catalog_remove(struct catalog *catalog, uint32_t service_id);

/* Gives a field its number (once). */
void catalog_number(struct catalog *catalog, struct field *field, uint32_t series_id);

struct host *catalog_host(const struct catalog *catalog, const char *name);
struct service *catalog_service(
	const struct catalog *catalog, const char *host, const char *service);
struct service *catalog_service_by_id(const struct catalog *catalog, uint32_t id);
struct field *catalog_series(const struct catalog *catalog, uint32_t series_id);
struct field *catalog_find(
	const struct catalog *catalog, const char *series_name); /* "host:service:field" */

/* Hosts sorted by group, then name; valid until the next declaration. struct host *. */
const GPtrArray *catalog_hosts(const struct catalog *catalog);

size_t catalog_series_count(const struct catalog *catalog);    /* numbered and not gone */
uint32_t catalog_series_limit(const struct catalog *catalog);  /* greatest series id + 1 */
uint32_t catalog_service_limit(const struct catalog *catalog); /* greatest service id + 1 */

/* Grows with every change of names, fields or attributes; not with CATALOG_WORDS and numbers. */
uint64_t catalog_version(const struct catalog *catalog);
