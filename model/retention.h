#pragma once
#include "base/auto.h"
#include "model/layout.h"
#include "model/service.h"

#include <glib.h>

/*
 * Which layout a series' file is to have, as the configuration says it. The most exact word counts:
 * a selector (the last one that matches), else the host's, else that of its deepest group, else
 * what the plugin itself wishes (`graph_data_size`), else that of all.
 */
enum retention_scope {
	RETENTION_ALL,
	RETENTION_GROUP,   /* name: path of a group; those below it as well */
	RETENTION_HOST,    /* name: of a host */
	RETENTION_SELECTOR /* name: HOST:SERVICE:FIELD with globs; parts may be left out at the end */
};

enum { RETENTION_OWN_BYTES = 16 << 20 }; /* of a file, where the plugin chooses */

struct retention_rule {
	enum retention_scope scope;
	char *name;
	char *layout; /* as layout_parse() takes it */
};

struct retention {
	GPtrArray *rules; /* struct retention_rule *, owned, in the order of the file */
};

struct retention *retention_create(void);
void retention_destroy(struct retention *retention);
DEFINE_AUTO(retention)

/* Copies. */
void retention_add(
	struct retention *retention, enum retention_scope scope, const char *name, const char *layout);

/* Lives as long as the retention and the service. `field`: its name. */
const char *retention_find(
	const struct retention *retention, const struct service *service, const char *field);

/* Whether HOST[:SERVICE[:FIELD]] with globs names that series. */
bool retention_matches(const char *selector, const struct service *service, const char *field);

/* Whether a text can be a selector. */
MUST_USE bool retention_check(const char *selector, struct error *err);
