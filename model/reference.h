#pragma once
#include "base/error.h"
#include "model/catalog.h"

#include <stddef.h>

/*
 * A field of a graph somewhere else, as Munin's `sum`, `stack` and `graph_order name=path` write
 * it: "[GROUP;…;HOST:]SERVICE[.SUB…].FIELD"; Magpie's own "HOST:SERVICE:FIELD" is understood as
 * well. Groups are parted by ";" and not needed to find a host: names of hosts are unique.
 */
struct reference {
	char host[IDENT_HOST_MAX + 1]; /* "": that of the graph itself */
	char service[IDENT_SERVICE_MAX + 1];
	char field[IDENT_FIELD_MAX + 1];
};

/* CONFIG: what is wrong with it; `text` is hostile. */
MUST_USE bool reference_parse(
	const char *text, size_t length, struct reference *reference, struct error *err);

/* NULL: the catalog has no such field. `from` is the service in which it is written. */
struct field *reference_find(
	const struct catalog *catalog, const struct service *from, const struct reference *reference);
