#pragma once
#include "web/jsonout.h"
#include "web/replica.h"

/*
 * The replica as people see it: states of hosts and services from the alerts on them, the cells of
 * the wall, and the JSON objects that API and event stream share.
 */
struct view;

struct view *view_create(const struct replica *replica);
void view_destroy(struct view *view);

/* Names of the categories that any service has, in the order of the wall's columns; GPtrArray of
 * char *. Valid until the catalog changes. */
const GPtrArray *view_categories(struct view *view);

/* Whether view_categories() would give another list than at the last call of this function. */
bool view_categories_changed(struct view *view);

/* Category of a service: lower case, "other" if it names none. `out` of 64 bytes; returns it. */
char *view_category(const struct service *service, char *out);

/* No sample of the host for three steps. */
bool view_host_silent(const struct replica_host *host, struct wall now);

/* It left the configuration and is silent: kept in the inventory, but not on the wall. */
bool view_host_left(const struct replica_host *host, struct wall now);

/* Worst level among what fires and is not suppressed; "unknown" for a silent host. */
unsigned view_host_state(
	const struct replica *replica, const struct replica_host *host, struct wall now);
unsigned view_service_state(const struct replica *replica, const struct service *service);

/* The members of a host as in /api/v1/wall, into an open object. */
void view_host_members(struct view *view, struct jsonout *j, const struct replica_host *host,
	struct wall now, bool cells);

/* A whole alert as one object. */
void view_alert(
	const struct replica *replica, struct jsonout *j, const struct replica_alert *alert);
/* A source as in /api/v1/sources, one object. */
void view_source(
	const struct replica *replica, struct jsonout *j, const struct source_state *source);

/* "first_seen" and "last_seen", into an open object; of a service: those of its fields together. */
void view_span(struct jsonout *j, struct replica_span span);
struct replica_span view_service_span(const struct replica *replica, const struct service *service);

void view_event(struct jsonout *j, const char *name, const struct replica_event *event);

/* Nothing is ever heard of a host that only has graphs made of others: it is not silent. */
bool view_host_made(const struct replica *replica, const struct replica_host *host);

/* The members "fields" and "order" of a service: its fields, or all that its graph is made of. */
void view_fields(const struct replica *replica, struct jsonout *j, const struct service *service);

/* One field with limits and last value, for /api/v1/hosts/HOST. */
void view_field(const struct replica *replica, struct jsonout *j, const struct field *field);
