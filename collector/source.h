#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "collector/declaration.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * What yields samples: the host itself now, a munin-node or a probed service later. A source stands
 * for one host and owns a feed per service. A round fills the feeds' values; whoever runs the round
 * takes the feeds that are fresh and puts them into the outbox.
 */
struct source {
	char *group, *host;
	uint32_t step_s;  /* of its rounds */
	GPtrArray *feeds; /* struct feed *, owned */
};

/* A service and its values of the round under way. */
struct feed {
	const char *plugin; /* a literal: under which munin-node would offer it; NULL: as the service */
	struct declaration *declaration;
	double *values; /* one per field, unknown is NaN */
	bool fresh;     /* measured in this round */
	bool
		ended; /* the service is gone: to be declared once more, without fields, and then removed */
};

void source_init(struct source *source, const char *group, const char *host, uint32_t step_s);
void source_finish(struct source *source);

/* A new feed at the end, takes `service`; it stays valid until it was ended and swept. `plugin`
 * NULL: as the service. */
struct feed *source_add(struct source *source, const char *plugin, struct service *service);

/* Puts another declaration of the same service in force, takes `service`; values become unknown.
 * Nothing happens if both say the same. */
void source_redeclare(struct feed *feed, struct service *service);

/* The service is gone. */
void source_end(struct feed *feed);

/* Removes the feeds that ended; to be called when they were taken. */
void source_sweep(struct source *source);

/* Before a round: nothing is fresh, all values unknown. */
void source_begin(struct source *source);

/* The same for one feed. */
void feed_begin(struct feed *feed);

size_t feed_count(const struct feed *feed);
