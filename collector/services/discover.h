#pragma once
#include "base/attr.h"
#include "base/clock.h"
#include "collector/services/probe.h"

#include <glib.h>

/*
 * Services found running on this host: processes whose name is in the table of a kind, and what
 * they listen on. One that was found is kept when it vanishes, so that it fails as a dead service
 * should, and forgotten when it was away for DISCOVERY_KEEP_S. What an earlier process found the
 * engine keeps: discovery_remember().
 */
enum { DISCOVERY_EVERY_S = 60, DISCOVERY_KEEP_S = 24 * 3600, DISCOVERY_MAX = 64 };

struct discovery;

struct discovery_found {
	const struct probe_kind *kind;
	char *name;       /* "nginx"; the second of a kind "nginx_8080" */
	char *address;    /* "127.0.0.1:80", "unix:///run/x.sock" */
	bool tls;         /* from the first byte, as far as the port tells */
	struct mono seen; /* last */
};

/* `root`: "/", or the directory that stands for it. NULL: it cannot be opened. */
MUST_USE struct discovery *discovery_create(const char *root);
void discovery_destroy(struct discovery *discovery); /* NULL allowed */

/* Looks again; true: services came or were forgotten. Costs a few reads while no socket came or
 * went. */
bool discovery_scan(struct discovery *discovery, struct mono now);

/*
 * One that was found before this process began, seen last at `seen` (which may be before the
 * machine began), as it was called and asked then. Its name is its own: one that took it meanwhile
 * gets another. True: the list changed.
 */
bool discovery_remember(struct discovery *discovery, const char *name, const char *address,
	struct mono seen, struct mono now);

/* The one of that name; NULL: there is none. Borrowed until the next scan. */
const struct discovery_found *discovery_named(const struct discovery *discovery, const char *name);

/* struct discovery_found *, in the order in which they were found; borrowed until the next scan. */
const GPtrArray *discovery_list(const struct discovery *discovery);

/* The source that asks it, added to the host, which owns it. NULL: the host's configuration has a
 * service of that kind or that name by itself, which counts instead. */
struct config_source *discovery_adopt(
	const struct discovery_found *found, struct config_host *host);
