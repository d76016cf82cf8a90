#include "collector/host/plugin.h"
#include "collector/host/sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/banned.h"

/*
 * CPU time (user and kernel) of a full sample of this host, all plugins and each alone: what
 * is put beside collectd and the stock plugins. The last lines repeat the sums as one figure per
 * line: name, value, unit. bench_host [ROUNDS]
 */
static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

struct result {
	double mean_us, median_us;
	size_t services, series, sampled;
};

/* `stride` 1: the slots follow each other as in life, so that what is slow takes its turns; 6:
 * everything is due. */
static bool measure(const char *only, int rounds, int stride, struct result *result)
{
	AUTO(sampler)
	sampler = sampler_create(
		&(struct sampler_options){.group = "group", .host = "host", .step_s = 10, .only = only});
	AUTO_FREE double *took = calloc((size_t)rounds, sizeof(*took));
	if (!sampler || !took) {
		return false;
	}
	sampler_round(sampler, 0);
	double begin = cpu_us();
	for (int i = 0; i < rounds; i++) {
		double at = cpu_us();
		sampler_round(sampler, (i + 1) * stride);
		source_sweep(sampler_source(sampler));
		took[i] = cpu_us() - at;
	}
	*result = (struct result){.mean_us = (cpu_us() - begin) / rounds};
	qsort(took, (size_t)rounds, sizeof(*took), compare);
	result->median_us = took[rounds / 2];
	const GPtrArray *feeds = sampler_source(sampler)->feeds;
	for (guint i = 0; i < feeds->len; i++) {
		const struct feed *feed = feeds->pdata[i];
		result->services++;
		result->series += feed_count(feed);
		result->sampled += feed->fresh ? feed_count(feed) : 0;
	}
	return true;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 600;
	struct result r;
	double all_us = 0;
	if (rounds < 1) {
		return 2;
	}
	for (size_t i = 0; i < plugin_kind_count; i++) {
		if (measure(plugin_kinds[i]->name, rounds, 6, &r)) {
			printf("%-14s %8.1f us per round (median %.1f), %zu services, %zu series\n",
				plugin_kinds[i]->name, r.mean_us, r.median_us, r.services, r.series);
		}
	}
	if (measure(NULL, rounds, 6, &r)) {
		printf("%-14s %8.1f us per round (median %.1f), %zu services, %zu series\n",
			"everything due", r.mean_us, r.median_us, r.services, r.series);
		all_us = r.mean_us;
	}
	if (measure(NULL, rounds, 1, &r)) {
		printf("%-14s %8.1f us per round (median %.1f), %zu services, %zu series, %.2f us per "
			   "series\n",
			"in life", r.mean_us, r.median_us, r.services, r.series, r.mean_us / (double)r.series);
		printf("host_all_due %.1f us\nhost_round %.1f us\nhost_series %zu series\n", all_us,
			r.mean_us, r.series);
	}
	return 0;
}
