#pragma once
#include "collector/services/haproxy_text.h"
#include "collector/services/probe.h"

/*
 * The graphs of HAProxy, named as Munin's contributed plugins haproxy_ASPECT_{frontend,backend}: a
 * field per proxy, its name made of the column and the MD5 of the proxy's name with a line end.
 */
enum { HAPROXY_GRAPHS = 13 };

struct haproxy_graphs {
	struct feed *feeds[HAPROXY_GRAPHS];
	GString *proxies; /* of which the fields are made */
};

/* Declares graphs anew if proxies came or went, and sets all values. */
void haproxy_graphs_fill(
	struct haproxy_graphs *graphs, struct probe *probe, const struct haproxy_stat *stat);
void haproxy_graphs_finish(struct haproxy_graphs *graphs);
