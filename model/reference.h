#pragma once
#include "base/error.h"
#include "model/catalog.h"

#include <stddef.h>

/*
 * A field of a graph somewhere else, as Munin's `sum`, `stack` and `graph_order name=path` write
 * it: "[GROUP;…;HOST:]SERVICE[.SUB…].FIELD", or only "FIELD" of the graph itself; Magpie's own
 * "HOST:SERVICE:FIELD" is understood as well. Groups are parted by ";" and not needed to find a
 * host: names of hosts are unique. A host may be a glob ("web*:load.load": every host that has such
 * a field); then a group in front has to match as well, or be above that of the host.
 */
struct reference {
	char group[IDENT_GROUP_MAX + 1];     /* parts joined by "/", globs allowed; "": not said */
	char host[IDENT_HOST_MAX + 1];       /* "": that of the graph itself */
	char service[IDENT_SERVICE_MAX + 1]; /* "": the graph itself */
	char field[IDENT_FIELD_MAX + 1];
	bool many; /* the host is a glob */
};

/* CONFIG: what is wrong with it; `text` is hostile. */
MUST_USE bool reference_parse(
	const char *text, size_t length, struct reference *reference, struct error *err);

/*
 * NULL: the catalog has no such field, or it is gone. Of many the first in the catalog's order.
 * `from` is the service in which it is written; a service without a host is looked for beside it
 * on every level upwards ("y.f" in "top.x": "top.x.y", "top.y", "y").
 */
struct field *reference_find(
	const struct catalog *catalog, const struct service *from, const struct reference *reference);

/* Appends every field that is meant (struct field *, borrowed), at most until `found` holds
 * `limit`; false: there would be more. */
MUST_USE bool reference_collect(const struct catalog *catalog, const struct service *from,
	const struct reference *reference, size_t limit, GPtrArray *found);
