/*
 * How fast samples are put into the window, and how fast rules judge them: instances of a bare
 * series with one constant threshold, and of a ratio of two. Prints one line for each: name, value,
 * unit, and what belongs to it.
 */
#include "base/bundle.h"
#include "base/diag.h"
#include "model/catalog.h"
#include "rules/ruleset.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

enum { HOSTS = 200, FIELDS = 50, SERIES = HOSTS * FIELDS, STEPS = 200 };

static double cpu_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct catalog *make_catalog(void)
{
	struct catalog *catalog = catalog_create();
	uint32_t id = 0;
	for (int h = 0; h < HOSTS; h++) {
		char host[32];
		(void)snprintf(host, sizeof(host), "h%d", h);
		struct service *s = service_create("g", host, "df", 10);
		for (int f = 0; f < FIELDS; f++) {
			char field[32];
			(void)snprintf(field, sizeof(field), "f%d", f);
			(void)service_add_field(s, field, field, FIELD_GAUGE);
		}
		s = catalog_declare(catalog, s, NULL);
		for (int f = 0; f < FIELDS; f++) {
			catalog_number(catalog, service_field(s, (size_t)f), ++id);
		}
	}
	return catalog;
}

static void ignore(void *owner, const struct transition *t)
{
	(void)t;
	++*(size_t *)owner;
}

static void run(const char *name, const char *rule, const struct catalog *catalog)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, "bench.magpie", rule, strlen(rule));
	AUTO(ruleset) set = ruleset_load(bundle, false, NULL, diags);
	if (!set) {
		return;
	}
	ruleset_bind(set, catalog);
	struct window *window = window_create();
	struct wall now = wall_from_s(1760000000);
	uint32_t ids[FIELDS];
	size_t told = 0;
	double push_s = 0;
	double step_s = 0;
	for (int i = 0; i < STEPS; i++) {
		now.ms += 10000;
		double a = cpu_s();
		for (uint32_t id = 1; id <= SERIES; id++) {
			window_push(window, id, 10, now, (double)(id % 90));
		}
		double b = cpu_s();
		for (uint32_t h = 0; h < HOSTS; h++) {
			for (uint32_t f = 0; f < FIELDS; f++) {
				ids[f] = h * FIELDS + f + 1;
			}
			ruleset_step(set, window, ids, FIELDS, now, ignore, &told);
		}
		push_s += b - a;
		step_s += cpu_s() - b;
	}
	size_t instances = ruleset_rule(set, 0).instances;
	printf(
		"rules_%s %.0f evaluations/CPU-second (%zu instances, %.1f M pushes/s, %zu bytes of window "
		"per series, %zu transitions)\n",
		name, (double)instances * STEPS / step_s, instances, (double)SERIES * STEPS / push_s / 1e6,
		window_bytes(window) / SERIES, told);
	window_destroy(window);
}

int main(void)
{
	struct catalog *catalog = make_catalog();
	run("threshold", "rule a { value df:*; warn > 92% for 10m; clear < 90% }", catalog);
	run("two_levels", "rule a { value df:*; warn > 92% for 10m; crit > 98%; clear < 90% }",
		catalog);
	run("ratio", "rule a { value df:f1 / df:f2; warn > 92; only when df:f3 > 1% }", catalog);
	run("window", "rule a { value avg(df:*, 5m); warn > 92% }", catalog);
	catalog_destroy(catalog);
	return 0;
}
