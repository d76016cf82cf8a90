#pragma once
#include "base/clock.h"
#include "base/httpclient.h"
#include "base/loop.h"
#include "base/resolve.h"
#include "collector/executor.h"
#include "model/config.h"

#include <glib.h>

/*
 * What sources need of their surroundings: the loop, names, HTTP, what the runner runs for them.
 * One per process: the collector's, or that of `magpie doctor`, which asks sources by itself and
 * listens to every step (`trace`). Nothing here is owned by sources.
 */
struct world {
	struct loop *loop;
	struct resolver *resolver;
	struct httpclient *http;
	struct executor *executor;
	struct push_hub *push; /* where nodes that connect to us arrive; NULL: nowhere */
	GHashTable *claims;    /* "host:service" -> struct target * that yields it; NULL: all may */
	/* A step of a source's round, for people; NULL: nobody listens. `text` is clean. */
	void (*trace)(void *owner, const char *source, const char *step, bool good, const char *text);
	void *trace_owner;
};
