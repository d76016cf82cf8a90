#pragma once
#include "base/auto.h"
#include "base/diag.h"
#include "model/service.h"

#include <glib.h>

/*
 * Munin's `datafile`: every graph and field that munin-update knew when it ran last, one attribute
 * a line, "Grp;Sub;host:service[.sub].field.attribute value". Read into the declarations that the
 * nodes would make, so that the history of a node that is dead can be drawn.
 */
struct munin_datafile {
	GPtrArray *services; /* struct service *, owned; each has a field at least; in no order */
	size_t fields;
};

enum {
	MUNIN_DATAFILE_BYTES_MAX = 1 << 30,
	MUNIN_STEP_S = 300, /* of what is not said otherwise */
};

/*
 * Never NULL: lines that cannot be used are warnings (`diags` may be NULL), the rest is taken. The
 * text may be anything (hostile 20).
 */
MUST_USE struct munin_datafile *munin_datafile_parse(
	const struct diag_source *source, struct diag_list *diags);
void munin_datafile_destroy(struct munin_datafile *datafile);
DEFINE_AUTO(munin_datafile)

/*
 * Names of groups, parted by ";" in munin.conf, as Magpie's path: "A B;C" is "A_B/C". `*same` says
 * whether no character had to be replaced. False: nothing can be made of it.
 */
MUST_USE bool munin_group(
	const char *text, size_t length, char out[IDENT_GROUP_MAX + 1], bool *same);

/* "5m", "300", "60 aligned": seconds from 1 to 86400. */
MUST_USE bool munin_rate(const char *text, uint32_t *seconds);

/* Bytes of a munin.conf or datafile as clean text: UTF-8 as such, all else as Latin-1. g_free. */
char *munin_text(const char *bytes, size_t length, size_t limit);

/* Whether an attribute of this name is one of graphs (also where a field could have it too). */
bool munin_is_graph_attribute(const char *name);

/* Whether it may stand on a graph for all of its fields. */
bool munin_is_shared_attribute(const char *name);
