/*
 * This host's built-in plugins as a source. Reading /proc disturbs nobody and never waits, so a
 * round begins and ends in one call; its slots are the multiples of the interval, so that a row of
 * the archive is exactly one sample.
 */
#include "collector/host/sampler.h"
#include "collector/schedule.h"
#include "collector/target.h"

#include "base/banned.h"

struct host_target {
	struct target *target;
	struct sampler *sampler;
	struct schedule plan;
};

static void *host_target_create(struct target *target, struct error *err)
{
	const struct config_source *settings = target->settings;
	struct sampler *sampler =
		sampler_create(&(struct sampler_options){.group = settings->host->group,
			.host = settings->host->name,
			.step_s = settings->interval_s});
	if (!sampler) {
		error_set(err, ERR_STORAGE, "the root directory cannot be opened");
		return NULL;
	}
	struct host_target *state = g_new0(struct host_target, 1);
	state->target = target;
	state->sampler = sampler;
	state->plan = (struct schedule){.step_ms = (int64_t)settings->interval_s * 1000, .back_off = 1};
	return state;
}

static void host_target_begin(void *data, struct wall at)
{
	struct host_target *state = data;
	struct source *source = sampler_source(state->sampler);
	sampler_round(state->sampler, schedule_slot(&state->plan, at));
	for (guint i = 0; i < source->feeds->len; i++) {
		struct feed *feed = source->feeds->pdata[i];
		feed->fresh = feed->fresh && target_claim_feed(state->target, feed);
	}
	target_trace(state->target, "sample", true, "%u graphs", source->feeds->len);
	target_done(state->target, &(struct target_result){.alive = true});
}

static void host_target_cancel(void *data UNUSED)
{
	/* a round never lasts */
}

static void host_target_destroy(void *data)
{
	struct host_target *state = data;
	sampler_destroy(state->sampler);
	g_free(state);
}

static struct source *host_target_feeds(void *data)
{
	return sampler_source(((struct host_target *)data)->sampler);
}

const struct target_kind target_host = {
	.create = host_target_create,
	.begin = host_target_begin,
	.cancel = host_target_cancel,
	.destroy = host_target_destroy,
	.speaks_for_host = true,
	.feeds = host_target_feeds,
};
