#include "collector/munin/node_state.h"
#include "base/text.h"
#include "collector/munin/session.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * A plugin is made when it is first listed, configured when its config could be read, and then only
 * configured anew when that text is another one: so a round in which nothing changed is nothing but
 * values. Its graphs are services under names that stay its own (node_names).
 */
static void service_free(gpointer data)
{
	struct remote_service *service = data;
	node_extinfo_forget(service);
	g_free(service->name);
	g_free(service);
}

static void graph_free(gpointer data)
{
	node_graph_destroy(data);
}

static void plugin_free(gpointer data)
{
	struct remote_plugin *plugin = data;
	g_ptr_array_unref(plugin->graphs);
	g_ptr_array_unref(plugin->services);
	g_free(plugin->config_note);
	g_free(plugin->config_trouble);
	g_free(plugin->name);
	g_free(plugin);
}

void node_state_init(struct node_state *state, struct target *target, uint32_t step_s)
{
	*state = (struct node_state){
		.target = target,
		.names = node_names_create(),
		.plugins = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, plugin_free),
		.order = g_ptr_array_new(),
		.services = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, service_free),
		.pending = g_array_new(FALSE, FALSE, NODE_PENDING_BYTES),
		.step_s = step_s,
	};
	node_values_init(&state->values);
}

void node_state_finish(struct node_state *state)
{
	g_array_unref(state->pending);
	node_values_finish(&state->values);
	g_ptr_array_unref(state->order);
	g_hash_table_destroy(state->plugins);
	g_hash_table_destroy(state->services);
	node_names_destroy(state->names);
}

/* -- which plugins there are -- */

static bool needs_cleaning(const char *name)
{
	return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")];
}

/* Those that were slow come last; names that are good as they are come before others, so that they
 * keep Munin's file names (hostile 8). */
static int by_turn(const void *a, const void *b)
{
	const struct remote_plugin *left = *(struct remote_plugin *const *)a;
	const struct remote_plugin *right = *(struct remote_plugin *const *)b;
	if (left->slow != right->slow) {
		return left->slow ? 1 : -1;
	}
	bool odd = needs_cleaning(left->name);
	if (odd != needs_cleaning(right->name)) {
		return odd ? 1 : -1;
	}
	return strcmp(left->name, right->name);
}

static void sort_order(struct node_state *state)
{
	qsort(state->order->pdata, state->order->len, sizeof(gpointer), by_turn);
}

struct remote_plugin *node_state_plugin(struct node_state *state, const char *name)
{
	struct remote_plugin *plugin = g_hash_table_lookup(state->plugins, name);
	if (plugin) {
		return plugin;
	}
	if (state->order->len >= NODE_PLUGINS_MAX || !*name || !session_name_is_good(name)) {
		return NULL;
	}
	plugin = g_new0(struct remote_plugin, 1);
	plugin->name = g_strdup(name);
	plugin->graphs = g_ptr_array_new_with_free_func(graph_free);
	plugin->services = g_ptr_array_new();
	g_hash_table_insert(state->plugins, plugin->name, plugin);
	g_ptr_array_add(state->order, plugin);
	return plugin;
}

static bool is_ignored(const struct node_state *state, const char *name)
{
	const GPtrArray *globs = state->target->settings->node.ignore;
	for (guint i = 0; globs && i < globs->len; i++) {
		if (text_glob(globs->pdata[i], name)) {
			return true;
		}
	}
	return false;
}

static void plugin_went(struct node_state *state, struct remote_plugin *plugin, struct wall at)
{
	char since[32];
	plugin->listed = false;
	plugin->away_at = at;
	for (guint i = 0; i < plugin->services->len; i++) {
		struct remote_service *service = plugin->services->pdata[i];
		if (service && service->current) {
			service->current = false;
			service->away_at = at;
		}
	}
	plugin->configured = false;
	remote_plugin_complain(
		state, plugin, "not offered by the node any more since", wall_format(at, since));
}

/* One name of the list. */
static void take_name(struct node_state *state, const char *name, size_t *count, size_t *refused)
{
	if (is_ignored(state, name)) {
		return;
	}
	++*count;
	struct remote_plugin *plugin = node_state_plugin(state, name);
	if (!plugin) {
		++*refused;
		return;
	}
	plugin->listed = true;
}

size_t node_state_list(
	struct node_state *state, const char *text, size_t length, bool cut, struct wall at)
{
	size_t count = 0;
	size_t refused = 0;
	g_autofree char *copy = g_strndup(text, length);
	if (!copy[strspn(copy, " \t\r")]) {
		return 0; /* a node that is starting says that: nothing is taken for gone */
	}
	guint known = state->order->len;
	GPtrArray *before = g_ptr_array_new();
	for (guint i = 0; i < known; i++) {
		struct remote_plugin *plugin = state->order->pdata[i];
		if (plugin->listed) {
			g_ptr_array_add(before, plugin);
			plugin->listed = cut;
		}
	}
	char *rest = copy;
	for (char *name; (name = strsep(&rest, " \t\r"));) {
		if (*name) {
			take_name(state, name, &count, &refused);
		}
	}
	bool changed = state->order->len != known;
	for (guint i = 0; i < before->len; i++) {
		struct remote_plugin *plugin = before->pdata[i];
		if (!plugin->listed) {
			plugin_went(state, plugin, at);
			changed = true;
		}
	}
	g_ptr_array_unref(before);
	for (guint i = 0; changed && i < state->order->len; i++) {
		((struct remote_plugin *)state->order->pdata[i])->config_due = (struct mono){0};
	}
	if (changed) {
		sort_order(state);
	}
	if (refused) {
		target_complain(state->target, "list",
			"%zu of %zu plugins are not asked: at most %d are, with names of printable characters",
			refused, count, NODE_PLUGINS_MAX);
	} else {
		target_content(state->target, "list");
	}
	return count;
}

bool remote_plugin_due(
	const struct remote_plugin *plugin, const struct node_state *state, struct wall at)
{
	int64_t step_ms = (int64_t)state->target->source.step_s * 1000;
	int64_t rate_ms = (int64_t)plugin->rate_s * 1000;
	return rate_ms <= step_ms || at.ms - plugin->fetched_at.ms >= rate_ms - step_ms / 2 ||
		   at.ms < plugin->fetched_at.ms;
}

bool remote_plugin_wants_config(const struct remote_plugin *plugin)
{
	return !plugin->configured || plugin->dirty || mono_now().ms >= plugin->config_due.ms;
}

/* -- what went wrong -- */

void remote_plugin_complain(
	struct node_state *state, struct remote_plugin *plugin, const char *what, const char *why)
{
	plugin->complaining = true;
	target_complain(state->target, plugin->name, "%s%s%s", what, *what && *why ? " " : "", why);
}

static void plugin_content(struct node_state *state, struct remote_plugin *plugin)
{
	const char *config = plugin->config_trouble ? plugin->config_trouble : plugin->config_note;
	if (config) {
		remote_plugin_complain(state, plugin, "config:", config);
	} else if (plugin->complaining) {
		plugin->complaining = false;
		target_content(state->target, plugin->name);
	}
}

/* Its services are measured in this round; what was not said is unknown. */
static void plugin_fresh(struct remote_plugin *plugin)
{
	for (guint i = 0; i < plugin->services->len && !plugin->stamped; i++) {
		const struct remote_service *service = plugin->services->pdata[i];
		if (service) {
			service->feed->fresh = true;
		}
	}
}

void node_state_fail(struct node_state *state, struct remote_plugin *plugin, const char *why)
{
	plugin_fresh(plugin);
	remote_plugin_complain(state, plugin, "", why);
}

static void plugin_pace(struct node_state *state, struct remote_plugin *plugin, bool slow)
{
	if (plugin->slow != slow) {
		plugin->slow = slow;
		sort_order(state);
	}
}

void node_state_slow(struct node_state *state, struct remote_plugin *plugin, const char *why)
{
	plugin_pace(state, plugin, true);
	node_state_fail(state, plugin, why);
}

/* -- values -- */

static void apply_sample(struct node_state *state, struct remote_plugin *plugin,
	const struct node_sample *sample, struct wall at)
{
	struct remote_service *service = plugin->services->pdata[sample->graph];
	if (!service || sample->field >= feed_count(service->feed)) {
		return;
	}
	if (sample->at_s != NODE_NO_TIME) {
		node_pending_add(state, service, sample, at);
		return;
	}
	double *value = &service->feed->values[sample->field];
	/* the first one counts (hostile 22), unless its graph was said a second time */
	if (isnan(*value) || sample->pass > 1) {
		*value = sample->value;
	}
	service->feed->fresh = true;
}

static bool take_values(struct node_state *state, struct remote_plugin *plugin,
	struct node_part text, bool config, struct wall at)
{
	struct node_values *values = &state->values;
	node_values_read(values,
		&(struct node_values_options){
			.plugin = plugin->name, .graphs = plugin->graphs, .config = config},
		text.text, text.length);
	plugin->fetched_at = at;
	if (values->trouble != NODE_TROUBLE_NONE) {
		node_state_fail(state, plugin, node_trouble_text(values->trouble));
		return false;
	}
	if (!config) {
		node_extinfo_apply(state, plugin);
	}
	plugin_fresh(plugin);
	for (guint i = 0; i < values->samples->len; i++) {
		apply_sample(state, plugin, &g_array_index(values->samples, struct node_sample, i), at);
	}
	if (values->notes.count) {
		remote_plugin_complain(state, plugin, "fetch:", values->notes.text);
	} else if (!values->samples->len && values->strange) {
		remote_plugin_complain(state, plugin, "fetch:", "values of no field that config names");
	} else if (!values->samples->len && !config) {
		remote_plugin_complain(state, plugin, "fetch:", "no value");
	} else {
		plugin_content(state, plugin);
	}
	return true;
}

bool node_state_fetch(
	struct node_state *state, struct remote_plugin *plugin, struct node_part text, struct wall at)
{
	plugin_pace(state, plugin, false);
	return take_values(state, plugin, text, false, at);
}

/* -- configuration -- */

static struct remote_service *declare_graph(
	struct node_state *state, struct remote_plugin *plugin, struct node_graph *graph)
{
	g_autofree char *name = g_strdup(graph->service->name);
	struct feed *feed = target_declare(state->target, plugin->name, STEAL(graph->service));
	struct remote_service *service = g_hash_table_lookup(state->services, name);
	if (!feed) {
		node_names_release(state->names, name);
		return NULL;
	}
	if (!service) {
		service = g_new0(struct remote_service, 1);
		service->name = g_steal_pointer(&name);
		g_hash_table_insert(state->services, service->name, service);
	}
	node_extinfo_forget(service);
	service->plugin = plugin;
	service->feed = feed;
	service->current = true;
	return service;
}

static void mark_away(struct remote_plugin *plugin, const GPtrArray *before, struct wall at)
{
	for (guint i = 0; i < before->len; i++) {
		struct remote_service *service = before->pdata[i];
		if (service && !g_ptr_array_find(plugin->services, service, NULL)) {
			service->current = false;
			service->away_at = at;
		}
	}
}

static size_t count_fields(const struct node_config *config)
{
	size_t count = 0;
	for (guint i = 0; i < config->graphs->len; i++) {
		count += ((const struct node_graph *)config->graphs->pdata[i])->field_count;
	}
	return count;
}

/* One node must not take all memory, however many plugins it has (hostile 6). */
static bool has_room(const struct node_state *state, const struct remote_plugin *plugin,
	const struct node_config *config, size_t bytes)
{
	return state->fields - plugin->fields + count_fields(config) <= NODE_FIELDS_MAX &&
		   state->config_bytes - plugin->config_bytes + bytes <= NODE_CONFIGS_MAX;
}

/* What the plugin takes of the node's share from now on. */
static void plugin_takes(
	struct node_state *state, struct remote_plugin *plugin, size_t fields, size_t bytes)
{
	state->fields += fields - plugin->fields;
	state->config_bytes += bytes - plugin->config_bytes;
	plugin->fields = fields;
	plugin->config_bytes = bytes;
}

/* Puts a configuration in force. */
static void configure(struct node_state *state, struct remote_plugin *plugin,
	struct node_config *config, struct wall at)
{
	GPtrArray *before = plugin->services;
	g_ptr_array_unref(plugin->graphs);
	plugin->graphs = STEAL(config->graphs);
	config->graphs = g_ptr_array_new();
	plugin->services = g_ptr_array_new();
	for (guint i = 0; i < plugin->graphs->len; i++) {
		g_ptr_array_add(plugin->services, declare_graph(state, plugin, plugin->graphs->pdata[i]));
	}
	mark_away(plugin, before, at);
	g_ptr_array_unref(before);
	plugin->configured = true;
	plugin->rate_s = config->rate_s;
	plugin->aligned = config->aligned;
	g_free(plugin->config_note);
	plugin->config_note = config->notes.count ? g_strdup(config->notes.text) : NULL;
}

static bool read_config(
	struct node_state *state, struct remote_plugin *plugin, struct node_part text, struct wall at)
{
	const struct source *source = &state->target->source;
	AUTO(node_config)
	config = node_config_parse(&(struct node_config_options){.plugin = plugin->name,
								   .group = source->group,
								   .host = source->host,
								   .step_s = state->step_s,
								   .timed = state->spooled,
								   .names = state->names},
		text.text, text.length);
	const char *trouble =
		config->trouble != NODE_TROUBLE_NONE ? node_trouble_text(config->trouble)
		: !has_room(state, plugin, config, text.length)
			? "left out: the node has more fields, or says more of them, than is taken"
		: config->graphs->len ? NULL
		: config->notes.count ? config->notes.text
							  : "it names no field";
	if (trouble) {
		g_free(plugin->config_trouble);
		plugin->config_trouble = g_strdup(trouble);
		plugin_fresh(plugin);
		plugin_content(state, plugin);
		return false;
	}
	plugin->dirty = config->dirty;
	plugin->stamped = config->stamped || state->spooled;
	plugin_takes(state, plugin, count_fields(config), text.length);
	configure(state, plugin, config, at);
	return true;
}

bool node_state_config(
	struct node_state *state, struct remote_plugin *plugin, struct node_part text, struct wall at)
{
	if (!plugin->listed) {
		return false; /* asked ahead of the list, which has it no more */
	}
	uint64_t hash = node_config_hash(text.text, text.length);
	plugin_pace(state, plugin, false);
	if (!plugin->configured || plugin->config_hash != hash) {
		if (!read_config(state, plugin, text, at)) {
			return false;
		}
		plugin->config_hash = hash;
	}
	g_clear_pointer(&plugin->config_trouble, g_free);
	int64_t spread_s = g_str_hash(plugin->name) % NODE_CONFIG_SPREAD_S;
	plugin->config_due = (struct mono){mono_now().ms + (NODE_CONFIG_S + spread_s) * 1000};
	if (plugin->dirty) {
		return take_values(state, plugin, text, true, at);
	}
	plugin_content(state, plugin);
	return true;
}

/* -- the end of a round -- */

/* Services that nobody names any more: unknown, and after a long time ended. */
static void end_away(struct node_state *state, struct wall at)
{
	GHashTableIter iter;
	gpointer data;
	g_hash_table_iter_init(&iter, state->services);
	while (g_hash_table_iter_next(&iter, NULL, &data)) {
		struct remote_service *service = data;
		if (service->current) {
			continue;
		}
		if (at.ms - service->away_at.ms < (int64_t)NODE_AWAY_S * 1000) {
			service->feed->fresh = true;
			continue;
		}
		target_end(state->target, service->feed);
		node_names_release(state->names, service->name);
		for (guint i = 0; i < service->plugin->services->len; i++) {
			if (service->plugin->services->pdata[i] == service) {
				service->plugin->services->pdata[i] = NULL;
			}
		}
		g_hash_table_iter_remove(&iter);
	}
}

/* Plugins that are not offered any more, after as long. */
static void forget_plugins(struct node_state *state, struct wall at)
{
	for (guint i = state->order->len; i-- > 0;) {
		struct remote_plugin *plugin = state->order->pdata[i];
		if (!plugin->listed && plugin->away_at.ms &&
			at.ms - plugin->away_at.ms >= (int64_t)NODE_AWAY_S * 1000) {
			target_content(state->target, plugin->name);
			plugin_takes(state, plugin, 0, 0);
			g_ptr_array_remove_index(state->order, i);
			g_hash_table_remove(state->plugins, plugin->name);
		}
	}
}

/* "update_rate N aligned": the stamp is rounded down to a multiple of N. */
static void hand_over_aligned(struct node_state *state, struct wall at)
{
	for (guint i = 0; i < state->order->len; i++) {
		const struct remote_plugin *plugin = state->order->pdata[i];
		for (guint k = 0; plugin->aligned && k < plugin->services->len; k++) {
			struct remote_service *service = plugin->services->pdata[k];
			int64_t rate_ms = (int64_t)plugin->rate_s * 1000;
			if (service && service->feed->fresh && rate_ms) {
				target_hand_over_feed(
					state->target, service->feed, (struct wall){at.ms - at.ms % rate_ms});
			}
		}
	}
}

void node_state_end(struct node_state *state, struct wall at)
{
	node_state_emit(state, at);
	hand_over_aligned(state, at);
	end_away(state, at);
	forget_plugins(state, at);
	if (state->ahead) {
		target_complain(state->target, "clock",
			"%u values are of the future: the clock of the node, or ours, is wrong", state->ahead);
		state->ahead = 0;
	} else {
		target_content(state->target, "clock");
	}
}

void node_state_drop(struct node_state *state)
{
	g_array_set_size(state->pending, 0);
	source_begin(&state->target->source);
}
