/*
 * One sampler per family of plugins, so that asking for one plugin does not begin a new period of
 * measurement for the others. Steps of a minute: then nothing counts as too costly to be measured
 * in every round (the master decides how often that is).
 */
#include "collector/munin/node_builtin.h"
#include "collector/host/plugin.h"
#include "collector/host/sampler.h"
#include "collector/munin/print.h"

#include <string.h>

#include "base/banned.h"

enum { BUILTIN_STEP_S = 60 };

struct node_family {
	struct sampler *sampler;
	struct mono measured;
};

struct node_builtin {
	struct node_family *families;
	size_t count;
};

static void node_family_measure(struct node_family *family)
{
	source_sweep(sampler_source(family->sampler));
	sampler_round(family->sampler, wall_s(wall_now()) / BUILTIN_STEP_S);
	family->measured = mono_now();
}

struct node_builtin *node_builtin_create(const char *host, const char *root, struct error *err)
{
	AUTO(node_builtin) builtin = g_new0(struct node_builtin, 1);
	builtin->families = g_new0(struct node_family, plugin_kind_count);
	for (size_t i = 0; i < plugin_kind_count; i++) {
		struct node_family *family = &builtin->families[builtin->count];
		family->sampler = sampler_create(&(struct sampler_options){.group = host,
			.host = host,
			.step_s = BUILTIN_STEP_S,
			.root = root,
			.only = plugin_kinds[i]->name});
		if (!family->sampler) {
			error_set(err, ERR_STORAGE, "the root directory cannot be opened");
			return NULL;
		}
		builtin->count++;
		node_family_measure(family);
	}
	return STEAL(builtin);
}

void node_builtin_destroy(struct node_builtin *builtin)
{
	if (!builtin) {
		return;
	}
	for (size_t i = 0; i < builtin->count; i++) {
		sampler_destroy(builtin->families[i].sampler);
	}
	g_free(builtin->families);
	g_free(builtin);
}

static GStrv node_family_names(const struct node_family *family)
{
	g_autoptr(GString) text = g_string_new(NULL);
	print_list(text, sampler_source(family->sampler));
	return g_strsplit(text->str, "\n", -1);
}

void node_builtin_list(const struct node_builtin *builtin, bool multigraph, GPtrArray *names)
{
	for (size_t i = 0; i < builtin->count; i++) {
		const struct source *source = sampler_source(builtin->families[i].sampler);
		g_auto(GStrv) own = node_family_names(&builtin->families[i]);
		for (char **name = own; *name; name++) {
			if (**name && (multigraph || !print_has_multigraph(source, *name))) {
				g_ptr_array_add(names, g_strdup(*name));
			}
		}
	}
}

static struct node_family *node_builtin_find(const struct node_builtin *builtin, const char *plugin)
{
	for (size_t i = 0; i < builtin->count; i++) {
		g_auto(GStrv) own = node_family_names(&builtin->families[i]);
		if (*plugin && g_strv_contains((const char *const *)own, plugin)) {
			return &builtin->families[i];
		}
	}
	return NULL;
}

bool node_builtin_has(const struct node_builtin *builtin, const char *plugin)
{
	return node_builtin_find(builtin, plugin) != NULL;
}

bool node_builtin_answer(
	struct node_builtin *builtin, const char *plugin, enum node_verb verb, bool dirty, GString *out)
{
	struct node_family *family = node_builtin_find(builtin, plugin);
	if (!family) {
		return false;
	}
	bool values = verb == NODE_FETCH || dirty;
	if (values && mono_now().ms - family->measured.ms >= NODE_BUILTIN_FRESH_MS) {
		node_family_measure(family);
	}
	const struct source *source = sampler_source(family->sampler);
	if (verb == NODE_FETCH) {
		print_fetch(out, source, plugin);
	} else if (dirty) {
		print_dirty_config(out, source, plugin);
	} else {
		print_config(out, source, plugin);
	}
	return true;
}
