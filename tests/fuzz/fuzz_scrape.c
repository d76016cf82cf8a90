/*
 * An exporter over several rounds: each part of the input up to a NUL byte is one answer, and
 * between two of them the source declares its own service, as exporter.c does. Slots come, are
 * forgotten (an hour passes) and change their graphs.
 */
#include "collector/scrape.h"
#include "model/config_hosts.h"

#include <string.h>

#include "base/banned.h"

static void on_samples(
	void *owner, struct target *target, struct source *source, struct feed *feed, struct wall at)
{
	(void)owner;
	(void)target;
	(void)source;
	(void)feed;
	(void)at;
}

static void on_done(void *owner, struct target *target, const struct target_result *result)
{
	(void)owner;
	(void)target;
	(void)result;
}

static void declare_own(struct target *target)
{
	struct service *own = service_create("g", "h", SCRAPE_OWN "x", 10);
	(void)service_add_field(own, "up", "up", FIELD_GAUGE);
	struct feed *feed = target_declare(target, "x", own);
	feed->values[0] = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct target_sink sink = {on_samples, on_done};
	struct world world = {0};
	struct config_host host = {.name = (char *)"h", .group = (char *)"g"};
	struct config_source settings = {.kind = CONFIG_SOURCE_EXPORTER,
		.name = (char *)"x",
		.id = (char *)"h/exporter/x",
		.host = &host,
		.interval_s = 10,
		.timeout_s = 5};
	settings.exporter.url = (char *)"http://127.0.0.1:1/metrics";
	struct target *target = target_create(&settings, &world, &sink, NULL);
	struct scrape *scrape = scrape_create(&settings.exporter, "x", NULL);
	struct wall now = {1700000000000};
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(data + at, 0, size - at);
		size_t length = end ? (size_t)(end - data) - at : size - at;
		source_begin(&target->source);
		(void)!scrape_take(
			scrape, target, (const char *)data + at, length, OPENMETRICS_TEXT, now, NULL);
		declare_own(target);
		now.ms += length % 5 ? 10000 : 2 * SCRAPE_FORGET_MS;
		at += length + 1;
	}
	scrape_destroy(scrape);
	target_destroy(target);
	return 0;
}
