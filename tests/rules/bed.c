#include "bed.h"

#include <stdio.h>
#include <string.h>

#include "rules/retire.h"

#include "base/banned.h"

enum { MOST = 64 };

struct ruleset *bed_load(const char *rules)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, "t.magpie", rules, strlen(rules));
	struct ruleset *set = ruleset_load(bundle, false, NULL, diags);
	if (diag_count(diags)) {
		GString *out = g_string_new(NULL);
		diag_print(diags, DIAG_HUMAN, out);
		(void)fputs(out->str, stderr);
		g_string_free(out, TRUE);
	}
	return set;
}

void bed_init(struct bed *bed, const char *rules)
{
	*bed = (struct bed){.catalog = catalog_create(), .window = window_create()};
	bed->now = wall_from_s(1760000000);
	bed->log = g_string_new(NULL);
	bed->set = bed_load(rules);
}

void bed_finish(struct bed *bed)
{
	ruleset_destroy(bed->set);
	catalog_destroy(bed->catalog);
	window_destroy(bed->window);
	g_string_free(bed->log, TRUE);
}

uint32_t bed_service(
	struct bed *bed, const char *host, const char *service, const char *fields, uint32_t step_s)
{
	struct service *s = service_create("prod/web", host, service, step_s);
	char **names = g_strsplit(fields, " ", -1);
	for (char **name = names; *name; name++) {
		(void)service_add_field(s, *name, *name, FIELD_GAUGE);
	}
	g_strfreev(names);
	s = catalog_declare(bed->catalog, s, NULL);
	uint32_t first = bed->last_id + 1;
	for (size_t i = 0; i < service_field_count(s); i++) {
		catalog_number(bed->catalog, service_field(s, i), ++bed->last_id);
	}
	ruleset_bind(bed->set, bed->catalog);
	return first;
}

void bed_wait(struct bed *bed, int64_t s)
{
	bed->now.ms += s * 1000;
}

static void told(void *owner, const struct transition *t)
{
	struct bed *bed = owner;
	struct instance_view v = instance_view(t->instance);
	g_string_append_printf(bed->log, "%s %s>%s", v.key, level_name(t->from), level_name(t->to));
	if (v.candidate != v.level) {
		g_string_append_printf(bed->log, " (%s)", level_name(v.candidate));
	}
	if (*v.suppressed_by) {
		g_string_append_printf(bed->log, " by %s", v.suppressed_by);
	}
	g_string_append_c(bed->log, '\n');
}

static uint32_t step_of(const struct bed *bed, uint32_t id)
{
	return catalog_series(bed->catalog, id)->service->step_s;
}

void bed_push(struct bed *bed, uint32_t id, double value)
{
	window_push(bed->window, id, step_of(bed, id), bed->now, value);
	ruleset_step(bed->set, bed->window, &id, 1, bed->now, told, bed);
	ruleset_tick(bed->set, bed->window, bed->now, told, bed);
}

void bed_step(struct bed *bed, uint32_t id)
{
	ruleset_step(bed->set, bed->window, &id, 1, bed->now, told, bed);
}

void bed_retire(struct bed *bed, const char *host, const char *service)
{
	ruleset_retire(bed->set, host, service, bed->now, told, bed);
}

void bed_push2(struct bed *bed, uint32_t a, double va, uint32_t b, double vb)
{
	uint32_t ids[] = {a, b};
	window_push(bed->window, a, step_of(bed, a), bed->now, va);
	window_push(bed->window, b, step_of(bed, b), bed->now, vb);
	ruleset_step(bed->set, bed->window, ids, 2, bed->now, told, bed);
	ruleset_tick(bed->set, bed->window, bed->now, told, bed);
}

void bed_ticks(struct bed *bed, int64_t s)
{
	for (int64_t i = 0; i < s; i++) {
		bed->now.ms += 1000;
		ruleset_tick(bed->set, bed->window, bed->now, told, bed);
	}
}

const char *bed_log(struct bed *bed)
{
	static char text[4096];
	(void)g_strlcpy(text, bed->log->str, sizeof(text));
	g_string_truncate(bed->log, 0);
	return text;
}

struct found {
	const char *key;
	struct instance *instance;
};

static void look(void *owner, struct instance *instance)
{
	struct found *f = owner;
	if (!strcmp(instance_view(instance).key, f->key)) {
		f->instance = instance;
	}
}

struct instance *bed_instance(struct bed *bed, const char *key)
{
	struct found f = {key, NULL};
	ruleset_each(bed->set, true, look, &f);
	return f.instance;
}

const char *bed_level(struct bed *bed, const char *key)
{
	struct instance *in = bed_instance(bed, key);
	return in ? level_name(instance_view(in).level) : "none";
}
