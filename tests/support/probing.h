#pragma once
#include "collector/services/probe.h"
#include "collector/target.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

/*
 * One service probed as the collector does it, in this process: a target with its world, and what
 * the last round told. Everything is read from `values` ("probe_x.up" -> double *) and `reason`.
 */
struct probing {
	struct loop *loop;
	struct world world;
	struct config_host host;
	struct config_source source;
	struct target *target;
	struct loop_timer *guard;
	GHashTable *values; /* "service.field" -> double *, owned */
	char reason[256];   /* extinfo of up */
	char version[80];
	char complaints[1024]; /* "plugin: text\n" each */
	struct error error;
	bool done;
};

static inline void probing_keep(struct probing *p, const struct feed *feed)
{
	const struct service *service = feed->declaration->service;
	for (size_t i = 0; i < feed_count(feed); i++) {
		const struct field *field = service_field(service, i);
		double *value = g_new(double, 1);
		*value = feed->values[i];
		g_hash_table_insert(p->values, g_strdup_printf("%s.%s", service->name, field->name), value);
		if (!strncmp(service->name, "probe_", 6) && !strcmp(field->name, "up")) {
			(void)snprintf(p->reason, sizeof(p->reason), "%s",
				attributes_or(&field->attributes, "extinfo", ""));
		}
	}
}

static inline void probing_samples(
	void *owner, struct target *target, struct source *source, struct feed *feed, struct wall at)
{
	(void)target;
	(void)at;
	for (size_t i = 0; i < source->feeds->len; i++) {
		const struct feed *one = source->feeds->pdata[i];
		if (feed ? one == feed : one->fresh) {
			probing_keep(owner, one);
		}
	}
}

static inline void probing_done(
	void *owner, struct target *target, const struct target_result *result)
{
	struct probing *p = owner;
	struct target_complaint complaints[TARGET_COMPLAINTS_MAX];
	size_t count = target_complaints(target, complaints, TARGET_COMPLAINTS_MAX);
	p->complaints[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		size_t at = strlen(p->complaints);
		(void)snprintf(p->complaints + at, sizeof(p->complaints) - at, "%s: %s\n",
			complaints[i].plugin, complaints[i].text);
	}
	if (result->version) {
		(void)snprintf(p->version, sizeof(p->version), "%s", result->version);
	}
	p->error = result->error;
	p->done = true;
	loop_stop(p->loop);
}

static inline void probing_expire(void *owner)
{
	struct probing *p = owner;
	target_expire(p->target);
}

/* `service` is borrowed: it has to live as long. */
static inline void probing_begin(struct probing *p, const struct config_service *service)
{
	static const struct target_sink sink = {.samples = probing_samples, .done = probing_done};
	memset(p, 0, sizeof(*p));
	p->loop = loop_create();
	p->world = (struct world){
		.loop = p->loop, .resolver = resolver_create(p->loop), .http = httpclient_create(p->loop)};
	p->host = (struct config_host){.name = (char *)"db1",
		.group = (char *)"databases",
		.address = (char *)"127.0.0.1",
		.local = true};
	p->host.sources = g_ptr_array_new();
	p->source = (struct config_source){.kind = CONFIG_SOURCE_SERVICE,
		.name = service->kind,
		.id = (char *)"db1/service/probed",
		.host = &p->host,
		.interval_s = 10,
		.timeout_s = 5,
		.service = *service};
	g_ptr_array_add(p->host.sources, &p->source);
	p->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	p->guard = loop_timer_create(p->loop, probing_expire, p);
	p->target = target_create(&p->source, &p->world, &sink, p);
}

/* One round with that deadline. */
static inline void probing_round(struct probing *p, int64_t deadline_ms)
{
	g_hash_table_remove_all(p->values);
	p->done = false;
	target_begin(p->target, wall_now(), deadline_ms);
	loop_timer_after(p->guard, deadline_ms);
	while (!p->done) {
		loop_run(p->loop);
	}
	loop_timer_stop(p->guard);
}

static inline double probing_value(const struct probing *p, const char *name)
{
	const double *value = g_hash_table_lookup(p->values, name);
	return value ? *value : -1e9; /* not told at all */
}

static inline void probing_finish(struct probing *p)
{
	target_destroy(p->target);
	loop_timer_destroy(p->guard);
	httpclient_destroy(p->world.http);
	resolver_destroy(p->world.resolver);
	loop_destroy(p->loop);
	g_hash_table_unref(p->values);
	g_ptr_array_unref(p->host.sources);
}
