#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "collector/openmetrics_text.h"
#include "collector/target.h"

/*
 * What an exporter answers over time, as services and fields of its host. Each metric is a service
 * of that name, each set of labels a field of it; the configuration's `select`, `drop`, `labels`
 * and `map` say otherwise. Histograms and summaries yield their counts, sums and buckets as rates,
 * and the mean of what came since the round before as METRIC_mean.
 *
 * A series that was not in the last answer is unknown, and ends when it was in none for
 * SCRAPE_FORGET_MS.
 */
struct scrape;

enum {
	SCRAPE_SERIES_MAX = 5000,
	SCRAPE_FIELDS_MAX = 1000, /* of one service */
	SCRAPE_FORGET_MS = 3600 * 1000,
	SCRAPE_OLD_MS = 300 * 1000, /* a sample that says to be older is unknown */
	SCRAPE_AHEAD_MS = 60 * 1000,
};

/* Before the name of an exporter: the service in which the source itself says how it is; no metric
 * becomes it. */
#define SCRAPE_OWN "exporter_"

/* `settings` are borrowed and outlive it; `name` of the exporter, also the category of its graphs,
 * is copied. NULL (CONFIG): a row of `map` is none. */
struct scrape *scrape_create(
	const struct config_exporter *settings, const char *name, struct error *err);
void scrape_destroy(struct scrape *scrape); /* NULL allowed */

/*
 * Takes in one answer and fills the target's feeds with it; complaints go to the target. `now` is
 * the round's stamp. PROTOCOL: it is no text of metrics.
 */
MUST_USE bool scrape_take(struct scrape *scrape, struct target *target, const char *text,
	size_t length, enum openmetrics_form form, struct wall now, struct error *err);

/* Series known, and how many of them the last answer had. */
size_t scrape_series(const struct scrape *scrape);
size_t scrape_present(const struct scrape *scrape);
