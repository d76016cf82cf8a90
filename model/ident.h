#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Names of hosts, groups, services and fields: what may become part of a file name, a URL and a
 * rule. Whatever came from outside passes here first (hostile 7 to 9). All results are ASCII and
 * never empty, ".", or "..".
 */
enum {
	IDENT_FIELD_MAX = 64,    /* bytes without NUL */
	IDENT_SERVICE_MAX = 128, /* "diskstats_iops.vda": parts of a nested multigraph joined by "." */
	IDENT_HOST_MAX = 253,
	IDENT_GROUP_MAX = 253, /* parts joined by "/" */
	IDENT_DEPTH_MAX = 8,   /* parts of a service or of a group */
	IDENT_SERIES_MAX = IDENT_HOST_MAX + IDENT_SERVICE_MAX + IDENT_FIELD_MAX + 2,
};

/*
 * Munin's cleaning of a field name: a first character outside [A-Za-z_] and any other outside
 * [A-Za-z0-9_] become "_". Longer names are cut. False: `raw` is empty.
 */
MUST_USE bool ident_clean_field(const char *raw, char out[IDENT_FIELD_MAX + 1]);

/* One part of a service name: characters outside [A-Za-z0-9_-] become "_". False: empty, or begins
 * with "-". */
MUST_USE bool ident_clean_service(const char *raw, char out[IDENT_SERVICE_MAX + 1]);

/* Checks only, no cleaning. Field [A-Za-z_][A-Za-z0-9_]*; service parts [A-Za-z0-9_-]+ joined by
 * "."; host and group parts [A-Za-z0-9_.-]+ that begin with a letter, digit or "_" and hold no
 * ".."; group parts joined by "/". */
bool ident_is_field(const char *name);
bool ident_is_service(const char *name);
bool ident_is_host(const char *name);
bool ident_is_group(const char *name);

/* Splits "host:service:field" in place of three buffers; false if it is not made of valid names. */
MUST_USE bool ident_split_series(const char *id, char host[IDENT_HOST_MAX + 1],
	char service[IDENT_SERVICE_MAX + 1], char field[IDENT_FIELD_MAX + 1]);
