/*
 * Any bytes as a rule file. What is taken is bound to a small world, fed with samples, told in
 * words, saved and restored: nothing of it may fail.
 */
#include "base/bundle.h"
#include "base/diag.h"
#include "model/catalog.h"
#include "rules/ruleset.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const struct {
	const char *host, *service, *fields;
} world[] = {{"web1", "df", "_dev_vda _tmp"}, {"web1", "memory", "free cached apps"},
	{"web1", "if_eth0", "up down"}, {"web1", "if_err_eth0", "rcvd trans"}, {"web1", "load", "load"},
	{"db1", "df", "_dev_vda data"}, {"db1", "node", "up cpus fetch_time"}, {"db1", "load", "load"}};

static void declare(struct catalog *catalog)
{
	uint32_t id = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(world); i++) {
		struct service *s = service_create("prod/web", world[i].host, world[i].service, 10);
		char **names = g_strsplit(world[i].fields, " ", -1);
		for (char **n = names; *n; n++) {
			(void)service_add_field(s, *n, *n, FIELD_GAUGE);
		}
		g_strfreev(names);
		s = catalog_declare(catalog, s, NULL);
		for (size_t k = 0; k < service_field_count(s); k++) {
			catalog_number(catalog, service_field(s, k), ++id);
		}
	}
}

static void tell(void *owner, struct instance *instance)
{
	GString *out = owner;
	g_string_truncate(out, 0);
	instance_value_text(instance, out);
	instance_threshold_text(instance, out);
	instance_summary(instance, out);
	instance_info(instance, out);
	instance_runbook(instance, out);
	struct instance_view v = instance_view(instance);
	assert(v.level < LEVEL_COUNT && v.candidate < LEVEL_COUNT && v.key && v.host && v.notify);
}

static void told(void *owner, const struct transition *t)
{
	assert(t->from < LEVEL_COUNT && t->to < LEVEL_COUNT);
	tell(owner, t->instance);
}

static void row(void *owner, const char *key, const void *state, size_t length)
{
	ruleset_restore(owner, key, state, length);
}

static void live(struct ruleset *set, struct ruleset *other, const struct catalog *catalog)
{
	struct window *window = window_create();
	GString *out = g_string_new(NULL);
	struct wall now = wall_from_s(1760000000);
	static const double values[] = {0, 1, 93, 99, NAN, 5, 1e9, -1};
	ruleset_bind(set, catalog);
	for (unsigned i = 0; i < 24; i++) {
		uint32_t ids[32];
		size_t count = 0;
		now.ms += 10000;
		for (uint32_t id = 1; id < catalog_series_limit(catalog); id++) {
			if ((id + i) % 7) {
				window_push(window, id, 10, now, values[(id * 3 + i) % ARRAY_LENGTH(values)]);
				ids[count++] = id;
			}
		}
		ruleset_host_seen(set, "web1", now);
		ruleset_step(set, window, ids, count, now, told, out);
		ruleset_tick(set, window, now, told, out);
	}
	ruleset_each(set, true, tell, out);
	ruleset_save(set, true, row, other);
	ruleset_bind(other, catalog);
	ruleset_each(other, true, tell, out);
	now.ms += 3600000;
	ruleset_tick(other, window, now, told, out);
	struct ruleset_limit limits[4];
	for (uint32_t id = 1; id < catalog_series_limit(catalog); id++) {
		(void)ruleset_limits(set, id, limits, 4);
	}
	g_string_free(out, TRUE);
	window_destroy(window);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct catalog *catalog;
	if (!catalog) {
		catalog = catalog_create();
		declare(catalog);
	}
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, "f.magpie", (const char *)data, size);
	AUTO(ruleset) set = ruleset_load(bundle, false, NULL, diags);
	AUTO(ruleset) other = ruleset_load(bundle, false, NULL, diags);
	assert(!set == !other && !set == (diag_errors(diags) > 0));
	if (set) {
		live(set, other, catalog);
	}
	GString *out = g_string_new(NULL);
	diag_print(diags, DIAG_HUMAN, out);
	assert(g_utf8_validate(out->str, (gssize)out->len, NULL));
	g_string_free(out, TRUE);
	return 0;
}
