#include "collector/diagnose.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "model/config_hosts.h"

#include "base/banned.h"

/*
 * One round of one target, in a loop that runs for nothing else, with the deadline that the poller
 * would set.
 */
struct examination {
	struct loop *loop;
	struct diagnosis *out;
	bool running, over;
};

static void on_samples(void *owner, struct target *target UNUSED, struct source *source,
	struct feed *only, struct wall at UNUSED)
{
	struct diagnosis *out = ((struct examination *)owner)->out;
	for (size_t i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = source->feeds->pdata[i];
		if ((only && feed != only) || !feed->fresh || feed->ended) {
			continue;
		}
		out->services++;
		out->series += feed_count(feed);
		for (size_t f = 0; f < feed_count(feed); f++) {
			out->values += !isnan(feed->values[f]);
		}
	}
}

static void on_done(void *owner, struct target *target, const struct target_result *result)
{
	struct examination *e = owner;
	struct target_complaint complaints[TARGET_COMPLAINTS_MAX];
	size_t count = target_complaints(target, complaints, TARGET_COMPLAINTS_MAX);
	for (size_t i = 0; i < count; i++) {
		g_ptr_array_add(e->out->complaints,
			g_strdup_printf("%s: %s", complaints[i].plugin, complaints[i].text));
	}
	e->out->error = result->error;
	e->out->alive = result->alive;
	e->out->took_ms = mono_now().ms - target_began(target).ms;
	if (result->version) {
		g_autofree char *clean =
			text_clean(result->version, strlen(result->version), sizeof(e->out->version) - 1);
		text_copy(e->out->version, sizeof(e->out->version), clean);
	}
	e->over = true;
	if (e->running) {
		loop_stop(e->loop);
	}
}

static void on_deadline(void *owner)
{
	target_expire(owner);
}

void diagnose_source(
	struct world *world, const struct config_source *settings, struct diagnosis *out)
{
	static const struct target_sink sink = {.samples = on_samples, .done = on_done};
	struct examination e = {.loop = world->loop, .out = out};
	*out = (struct diagnosis){.complaints = g_ptr_array_new_with_free_func(g_free)};
	struct target *target = target_create(settings, world, &sink, &e);
	struct loop_timer *deadline = loop_timer_create(world->loop, on_deadline, target);
	int64_t deadline_ms = (int64_t)settings->timeout_s * 1000;
	loop_timer_after(deadline, deadline_ms);
	target_begin(target, wall_now(), deadline_ms);
	e.running = !e.over;
	if (e.running) {
		loop_run(world->loop);
	}
	loop_timer_destroy(deadline);
	target_destroy(target);
}

void diagnosis_finish(struct diagnosis *diagnosis)
{
	if (diagnosis->complaints) {
		g_ptr_array_unref(diagnosis->complaints);
	}
	*diagnosis = (struct diagnosis){0};
}
