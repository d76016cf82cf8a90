#pragma once
#include "base/auto.h"
#include "base/diag.h"

#include <glib.h>

/*
 * A munin.conf with the files that it includes, as settings of groups and hosts: what stands where,
 * nothing of what it means. Tolerant: a line that cannot be understood is complained about, and
 * costs the host it belongs to, no other.
 */
struct import_setting {
	char *key;        /* below its owner: "address", "load.load.warning" */
	char *value;      /* clean text, blanks around taken off */
	const char *file; /* the conf's */
	unsigned line;
};

struct import_section {
	char *group;         /* names parted by ";"; "": the globals */
	char *host;          /* NULL: of the group itself */
	GPtrArray *settings; /* struct import_setting *, owned, in the order of the files */
	const char *file;    /* where it was named first */
	unsigned line;
	char *lost; /* why it cannot be taken over; NULL: it can */
	bool asked; /* it has a node in the magpie.conf */
	bool idle;  /* nothing of it is in the magpie.conf: it is not asked and draws nothing */
};

struct import_conf {
	struct import_section *globals;
	GPtrArray *groups, *hosts; /* struct import_section *, owned, in the order of the files */
	GHashTable *names;         /* "group;host" and "group;" -> section */
	GPtrArray *files;          /* char *, as read */
	size_t settings;
};

enum {
	IMPORT_LINE_MAX = 64 << 10, /* with its continuations */
	IMPORT_SETTINGS_MAX = 2000000,
	IMPORT_FILE_MAX = 64 << 20,
};

/* What `includedir DIRECTORY` calls; it may parse further files into the same conf. */
typedef void (*import_include_fn)(void *owner, const char *directory);

struct import_conf *import_conf_create(void);
void import_conf_destroy(struct import_conf *conf);
DEFINE_AUTO(import_conf)

/* Reads one file, beginning outside of any section. `include` NULL: includedir is complained about.
 */
void import_conf_parse(struct import_conf *conf, const struct diag_source *source,
	struct diag_list *diags, import_include_fn include, void *owner);

/* The last one of that key, or NULL. */
const struct import_setting *import_find(const struct import_section *section, const char *key);

/* The section of a group or host; NULL: nothing was said of it. */
struct import_section *import_group(const struct import_conf *conf, const char *group);

/*
 * Of a host, else of the deepest of its groups that says it, else of the globals; NULL: nobody.
 */
const struct import_setting *import_inherited(
	const struct import_conf *conf, const struct import_section *section, const char *key);

/* Marks it as lost for the first reason given. */
void import_lose(struct import_section *section, const char *format, ...) PRINTF_LIKE(2, 3);
