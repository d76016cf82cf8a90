#include "collector/host/sampler.h"
#include "collector/host/plugin.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * A round walks the table of readers. A reader that found nothing at the start is asked again every
 * few minutes: a kernel module may have been loaded since.
 */
enum { SAMPLER_SLOW_S = 60, SAMPLER_RETRY_S = 300 };

struct sampler {
	struct site site;
	struct plugin *plugins;
	size_t count;
	bool begun;
};

static void sampler_add_plugin(struct sampler *sampler, const struct plugin_kind *kind)
{
	struct plugin *plugin = &sampler->plugins[sampler->count++];
	uint32_t step_s = sampler->site.step_s;
	uint32_t every =
		kind->slow && step_s < SAMPLER_SLOW_S ? (SAMPLER_SLOW_S + step_s - 1) / step_s : 1;
	*plugin = (struct plugin){.kind = kind,
		.site = &sampler->site,
		.step_s = step_s * every,
		.state = g_malloc0(kind->state_size + 1)};
}

struct sampler *sampler_create(const struct sampler_options *options)
{
	struct sampler *sampler = g_new0(struct sampler, 1);
	sampler->site.step_s = options->step_s;
	sampler->site.whole_host = !options->root;
	if (!kept_site_open(&sampler->site.files, options->root ? options->root : "/")) {
		g_free(sampler);
		return NULL;
	}
	source_init(&sampler->site.source, options->group, options->host, options->step_s);
	sampler->plugins = g_new0(struct plugin, plugin_kind_count);
	for (size_t i = 0; i < plugin_kind_count; i++) {
		if (!options->only || !strcmp(options->only, plugin_kinds[i]->name)) {
			sampler_add_plugin(sampler, plugin_kinds[i]);
		}
	}
	return sampler;
}

static void sampler_stop(struct plugin *plugin)
{
	if (plugin->kind->stop) {
		plugin->kind->stop(plugin);
	}
	memset(plugin->state, 0, plugin->kind->state_size);
}

void sampler_destroy(struct sampler *sampler)
{
	if (!sampler) {
		return;
	}
	for (size_t i = 0; i < sampler->count; i++) {
		sampler_stop(&sampler->plugins[i]);
		g_free(sampler->plugins[i].state);
	}
	g_free(sampler->plugins);
	source_finish(&sampler->site.source);
	kept_site_close(&sampler->site.files);
	g_free(sampler);
}

static bool sampler_start(struct plugin *plugin)
{
	if (plugin->kind->start(plugin)) {
		return true;
	}
	sampler_stop(plugin);
	return false;
}

static bool sampler_due(int64_t slot, uint32_t period_s, uint32_t step_s)
{
	int64_t every = (period_s + step_s - 1) / step_s;
	return every <= 1 || slot % every == 0;
}

void sampler_round(struct sampler *sampler, int64_t slot)
{
	uint32_t step_s = sampler->site.step_s;
	source_begin(&sampler->site.source);
	for (size_t i = 0; i < sampler->count; i++) {
		struct plugin *plugin = &sampler->plugins[i];
		bool first = !sampler->begun;
		if (!plugin->started && (first || sampler_due(slot, SAMPLER_RETRY_S, step_s))) {
			plugin->started = sampler_start(plugin);
			first = true;
		}
		if (plugin->started && (first || sampler_due(slot, plugin->step_s, step_s))) {
			plugin->kind->sample(plugin);
		}
	}
	sampler->begun = true;
}

struct source *sampler_source(struct sampler *sampler)
{
	return &sampler->site.source;
}

uint32_t sampler_cpus(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count > 0 ? (uint32_t)count : 0;
}
