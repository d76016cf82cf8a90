#pragma once
#include "base/resolve.h"
#include "collector/munin/node_client.h"
#include "tests/support/fake_node.h"
#include "tests/support/test.h"

#include <glib.h>

/*
 * A munin-node source at work in a test: a target of the kind, a fake node behind it, and all that
 * was handed over as lines "SERVICE.FIELD VALUE @SECONDS" (only what is known or fresh), with "end
 * SERVICE" where a service ended.
 */
struct harness {
	struct loop *loop;
	struct world world;
	struct config_host host;
	struct config_source settings;
	struct fake_script script;
	struct fake_node *node;
	struct target *target;
	char host_name[16], group[16], kind[16], id[32], address[128];
	GString *samples;
	struct target_result result;
	char version[64];
	bool done;
};

enum { HARNESS_AT_S = 1795150980, HARNESS_STEP_S = 60 };

static inline void harness_samples(
	void *owner, struct target *target, struct source *source, struct feed *feed, struct wall at)
{
	struct harness *h = owner;
	(void)target;
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *one = source->feeds->pdata[i];
		const struct service *service = one->declaration->service;
		if ((feed && feed != one) || !one->fresh) {
			continue;
		}
		if (one->ended) {
			g_string_append_printf(h->samples, "end %s\n", service->name);
		}
		for (size_t k = 0; k < feed_count(one); k++) {
			g_string_append_printf(h->samples, "%s.%s %g @%lld\n", service->name,
				service_field(service, k)->name, one->values[k],
				(long long)(at.ms / 1000 - HARNESS_AT_S));
		}
	}
}

static inline void harness_done(
	void *owner, struct target *target, const struct target_result *result)
{
	struct harness *h = owner;
	(void)target;
	h->result = *result;
	h->done = true;
	g_strlcpy(h->version, result->version ? result->version : "", sizeof(h->version));
	loop_stop(h->loop);
}

static const struct target_sink harness_sink = {harness_samples, harness_done};

static inline void harness_start(struct harness *h, const struct fake_reply *replies)
{
	h->loop = loop_create();
	h->script.replies = replies;
	h->node = fake_node_create(h->loop, &h->script);
	h->world.loop = h->loop;
	h->world.resolver = resolver_create(h->loop);
	g_strlcpy(h->host_name, "web1", sizeof(h->host_name));
	g_strlcpy(h->group, "grp", sizeof(h->group));
	g_strlcpy(h->kind, "munin", sizeof(h->kind));
	g_strlcpy(h->id, "web1/munin/munin", sizeof(h->id));
	if (!h->address[0]) {
		g_strlcpy(h->address, fake_node_address(h->node), sizeof(h->address));
	}
	h->host.name = h->host_name;
	h->host.group = h->group;
	h->host.interval_s = HARNESS_STEP_S;
	h->settings.kind = CONFIG_SOURCE_NODE;
	h->settings.name = h->kind;
	h->settings.id = h->id;
	h->settings.host = &h->host;
	h->settings.interval_s = HARNESS_STEP_S;
	h->settings.node.address = h->address;
	h->samples = g_string_new(NULL);
	h->target = target_create(&h->settings, &h->world, &harness_sink, h);
}

/* One round `at_s` seconds after the first instant; what was handed over replaces what was. */
static inline void harness_round(struct harness *h, int64_t at_s, int64_t deadline_ms)
{
	g_string_truncate(h->samples, 0);
	h->done = false;
	target_begin(h->target, wall_from_s(HARNESS_AT_S + at_s), deadline_ms);
	while (!h->done) {
		loop_run(h->loop);
	}
	assert_false(target_busy(h->target));
}

static inline void harness_stop(struct harness *h)
{
	target_destroy(h->target);
	fake_node_destroy(h->node);
	resolver_destroy(h->world.resolver);
	loop_destroy(h->loop);
	g_string_free(h->samples, TRUE);
}

/* "PLUGIN: TEXT\n" of each. The caller frees it. */
static inline char *harness_complaints(const struct harness *h)
{
	struct target_complaint all[TARGET_COMPLAINTS_MAX];
	size_t count = target_complaints(h->target, all, TARGET_COMPLAINTS_MAX);
	GString *text = g_string_new(NULL);
	for (size_t i = 0; i < count; i++) {
		g_string_append_printf(text, "%s: %s\n", all[i].plugin, all[i].text);
	}
	return g_string_free(text, FALSE);
}

#define assert_samples(h, expected) assert_string_equal((h)->samples->str, expected)
#define assert_heard(h, expected)                                                                  \
	do {                                                                                           \
		g_autofree char *heard_ = fake_node_heard((h)->node);                                      \
		assert_string_equal(heard_, expected);                                                     \
	} while (0)
#define assert_complaints(h, expected)                                                             \
	do {                                                                                           \
		g_autofree char *complaints_ = harness_complaints(h);                                      \
		assert_string_equal(complaints_, expected);                                                \
	} while (0)
#define assert_fine(h)                                                                             \
	do {                                                                                           \
		assert_string_equal((h)->result.error.text, "");                                           \
		assert_true((h)->result.alive);                                                            \
	} while (0)

#define CAP "cap multigraph dirtyconfig"
