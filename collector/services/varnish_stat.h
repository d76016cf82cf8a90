#pragma once
#include "collector/services/probe.h"

/*
 * The counters of a Varnish on this machine, which it keeps in shared memory (libvarnishapi), as
 * the graphs varnish_ASPECT. Built without that library there are none.
 */
struct varnish_stat;

/* Whether this Magpie can read them. */
bool varnish_stat_available(void);

/* `directory`: the instance (varnishd -n); NULL: the usual one. NULL: not on this machine, or not
 * available. */
struct varnish_stat *varnish_stat_create(const struct probe *probe, const char *directory);
void varnish_stat_destroy(struct varnish_stat *stat); /* NULL allowed */

/* Sets the values of this round; nothing happens while there is no such Varnish. NULL allowed. */
void varnish_stat_fill(struct varnish_stat *stat, struct probe *probe);
