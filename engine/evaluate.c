/*
 * A transition has effects of two kinds. What changes a level is told to people: it waits in
 * `alerts_waiting`, and its messages in the outbox, until the batch that holds the new state is
 * stored. What only begins or ends to be pending is shown at once.
 *
 * Whom to tell is decided from the level in force, not from the step that led to it: the outbox
 * knows who has been told what, so the same decision may be taken again at any time.
 */
#include "engine/evaluate.h"
#include "base/diag.h"
#include "base/log.h"
#include "engine/engine.h"
#include "model/message.h"
#include "rules/retire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum { TEXT_MOST = 3000, LIMITS_MOST = 32, EVENT_TEXT = 400 };

struct waiting {
	struct instance *instance;
	uint64_t generation;
};

GArray *evaluate_waiting_new(void)
{
	return g_array_new(FALSE, FALSE, sizeof(struct waiting));
}

GHashTable *evaluate_told_new(void)
{
	return g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
}

/* -- whom to tell -- */

static const char *const *named_channels(
	const struct engine *engine, const struct instance_view *view, GPtrArray *all)
{
	const GPtrArray *defaults = engine->config->notify;
	for (size_t i = 0; view->notify && view->notify[i]; i++) {
		g_ptr_array_add(all, (gpointer)view->notify[i]);
	}
	bool named = all->len > 0;
	for (size_t i = 0; !named && defaults && i < defaults->len; i++) {
		g_ptr_array_add(all, defaults->pdata[i]);
	}
	return (const char *const *)all->pdata;
}

/* Those of the named channels that exist and want to know of that level; NULL-terminated. */
static GPtrArray *channels_for(const struct engine *engine, const struct instance_view *view)
{
	g_autoptr(GPtrArray) named = g_ptr_array_new();
	GPtrArray *chosen = g_ptr_array_new();
	const char *const *names = named_channels(engine, view, named);
	for (size_t i = 0; i < named->len; i++) {
		const struct config_channel *channel = config_channel(engine->config, names[i]);
		if (channel && view->level >= channel->least) {
			g_ptr_array_add(chosen, channel->name);
		}
	}
	g_ptr_array_add(chosen, NULL);
	return chosen;
}

/* "unknown" is shown; it is told only where a rule asks for that. */
static bool is_told(const struct instance_view *view)
{
	if (*view->suppressed_by || view->level == LEVEL_OK) {
		return false;
	}
	return view->level == LEVEL_UNKNOWN ? view->notify_at == LEVEL_UNKNOWN
										: view->level >= view->notify_at;
}

/* -- texts -- */

struct texts {
	GString *value, *threshold, *summary, *info, *runbook, *link;
};

static void cut_text(GString *text)
{
	if (text->len > TEXT_MOST) {
		g_string_truncate(text, TEXT_MOST);
		const char *end;
		g_utf8_validate(text->str, (gssize)text->len, &end);
		g_string_truncate(text, (gsize)(end - text->str));
	}
}

static struct texts texts_of(
	const struct engine *engine, const struct instance *instance, const struct instance_view *view)
{
	struct texts t = {g_string_new(""), g_string_new(""), g_string_new(""), g_string_new(""),
		g_string_new(""), g_string_new("")};
	instance_value_text(instance, t.value);
	instance_threshold_text(instance, t.threshold);
	if (engine->retiring) {
		g_string_append_printf(t.summary, "%s is not watched any more",
			*view->service && strcmp(view->service, APPLY_NODE_SERVICE) ? view->service
																		: view->host);
	} else {
		instance_summary(instance, t.summary);
	}
	instance_info(instance, t.info);
	instance_runbook(instance, t.runbook);
	g_string_append(t.link, engine->config->base_url ? engine->config->base_url : "");
	if (*view->host) {
		g_string_append_printf(t.link, "/hosts/%s", view->host);
	}
	if (*view->host && *view->service) {
		g_string_append_printf(t.link, "/%s", view->service);
	}
	GString *all[] = {t.value, t.threshold, t.summary, t.info, t.runbook, t.link};
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		cut_text(all[i]);
	}
	return t;
}

static void texts_free(struct texts *t)
{
	GString *all[] = {t->value, t->threshold, t->summary, t->info, t->runbook, t->link};
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		g_string_free(all[i], TRUE);
	}
}

static struct dispatch_news news_of(
	const struct instance_view *view, const struct texts *t, struct wall at)
{
	return (struct dispatch_news){.instance = view->key,
		.level = (uint8_t)view->level,
		.at = at,
		.rule = view->rule,
		.host = view->host,
		.service = view->service,
		.field = view->field,
		.value = t->value->str,
		.threshold = t->threshold->str,
		.summary = t->summary->str,
		.info = t->info->str,
		.runbook = t->runbook->str,
		.link = t->link->str};
}

/* -- transitions -- */

static void note_event(struct engine *engine, const struct transition *t,
	const struct instance_view *view, const struct texts *texts)
{
	char object[IDENT_SERIES_MAX + 1];
	char text[EVENT_TEXT];
	snprintf(object, sizeof(object), "%s%s%s%s%s", view->host, *view->service ? ":" : "",
		view->service, *view->field ? ":" : "", view->field);
	snprintf(text, sizeof(text), "%s: %s, was %s: %s", view->rule, level_name(t->to),
		level_name(t->from), texts->summary->str);
	log_info("alert.level", "rule=%s object=%s from=%s to=%s", view->rule, log_safe(object),
		level_name(t->from), level_name(t->to));
	store_put_event(keeper_batch(engine->keeper), t->at, "alert", object, text);
	struct store_event event = {t->at, (char *)"alert", object, text};
	publish_event(engine->publish, &event, true);
}

static void tell(struct engine *engine, const struct instance_view *view, const struct texts *texts,
	struct wall at)
{
	struct dispatch_news news = news_of(view, texts, at);
	if (view->level == LEVEL_OK) {
		dispatch_recovery(engine->dispatch, &news, engine->steady.now);
	} else if (is_told(view)) {
		g_autoptr(GPtrArray) channels = channels_for(engine, view);
		dispatch_problem(
			engine->dispatch, &news, (const char *const *)channels->pdata, engine->steady.now);
	}
}

static void on_transition(void *owner, const struct transition *t)
{
	struct engine *engine = owner;
	struct instance_view view = instance_view(t->instance);
	struct texts texts = texts_of(engine, t->instance, &view);
	tell(engine, &view, &texts, t->at);
	if (t->level_changed) {
		note_event(engine, t, &view, &texts);
		marks_level(engine, &view, t->at, texts.summary->str);
		struct waiting waiting = {t->instance, keeper_generation(engine->keeper)};
		g_array_append_val(engine->alerts_waiting, waiting);
		keeper_hurry(engine->keeper);
	} else {
		(void)keeper_batch(engine->keeper); /* its state is stored before long */
		publish_alert(engine->publish, t->instance);
	}
	texts_free(&texts);
}

void evaluate_released(struct engine *engine, uint64_t generation)
{
	GArray *all = engine->alerts_waiting;
	guint kept = 0;
	for (guint i = 0; i < all->len; i++) {
		struct waiting waiting = g_array_index(all, struct waiting, i);
		if (waiting.generation <= generation) {
			publish_alert(engine->publish, waiting.instance);
		} else {
			g_array_index(all, struct waiting, kept++) = waiting;
		}
	}
	g_array_set_size(all, kept);
}

/* -- values and reasons that change while the level does not -- */

struct told {
	double value;
	guint said; /* hash of what the source says of the value */
};

static struct told told_of(const struct engine *engine, const struct instance_view *view)
{
	const struct field *field =
		view->series_id ? catalog_series(engine->catalog, view->series_id) : NULL;
	const char *said = field ? attributes_get(&field->attributes, "extinfo") : NULL;
	return (struct told){view->value, g_str_hash(said ? said : "")};
}

struct refresh {
	struct engine *engine;
	GHashTable *waiting; /* instances whose new level is not stored yet */
};

static void refresh_alert(void *owner, struct instance *instance)
{
	const struct refresh *refresh = owner;
	struct engine *engine = refresh->engine;
	struct instance_view view = instance_view(instance);
	const struct told *told =
		g_hash_table_lookup(engine->alerts_told, GUINT_TO_POINTER(view.number));
	struct told now = told_of(engine, &view);
	bool same =
		told && !memcmp(&told->value, &now.value, sizeof(now.value)) && told->said == now.said;
	if (!same && !g_hash_table_contains(refresh->waiting, instance)) {
		publish_alert(engine->publish, instance);
	}
}

void evaluate_refresh(struct engine *engine)
{
	g_autoptr(GHashTable) waiting = g_hash_table_new(NULL, NULL);
	struct refresh refresh = {engine, waiting};
	for (guint i = 0; i < engine->alerts_waiting->len; i++) {
		g_hash_table_add(
			waiting, g_array_index(engine->alerts_waiting, struct waiting, i).instance);
	}
	ruleset_each(engine->ruleset, false, refresh_alert, &refresh);
}

/* -- what asks the rules -- */

void evaluate_retire(struct engine *engine, const char *host, const char *service)
{
	engine->retiring = true;
	ruleset_retire(engine->ruleset, host, service, engine->steady.now, on_transition, engine);
	engine->retiring = false;
}

void evaluate_seen(struct engine *engine, const char *host, struct wall at)
{
	ruleset_host_seen(engine->ruleset, host, at);
}

void evaluate_samples(
	struct engine *engine, const uint32_t *series_ids, size_t count, struct wall now)
{
	ruleset_bind(engine->ruleset, engine->catalog);
	ruleset_step(engine->ruleset, engine->window, series_ids, count, now, on_transition, engine);
}

void evaluate_tick(struct engine *engine, struct wall now)
{
	ruleset_bind(engine->ruleset, engine->catalog);
	ruleset_tick(engine->ruleset, engine->window, now, on_transition, engine);
}

void evaluate_complaints(struct engine *engine)
{
	struct diag_list *diags = ruleset_complaints(engine->ruleset);
	size_t count = diag_errors(diags) + diag_warnings(diags);
	if (count <= engine->rules_complaints) {
		return;
	}
	engine->rules_complaints = count;
	const struct diag *last = diag_at(diags, diag_count(diags) - 1);
	g_autofree char *text = g_strdup_printf("%s:%u: %s[%s]: %s", last->file, last->place.line,
		last->severity == DIAG_ERROR ? "error" : "warning", last->code, last->message);
	engine_event(engine, "rules.complaint", last->file, text);
}

/* -- states -- */

static void save_row(void *owner, const char *key, const void *state, size_t length)
{
	store_put_state(owner, key, state, length);
}

void evaluate_save(struct engine *engine, struct store_batch *batch)
{
	ruleset_save(engine->ruleset, false, save_row, batch);
}

static void collect_key(void *owner, struct instance *instance)
{
	g_hash_table_add(owner, g_strdup(instance_view(instance).key));
}

static void collect_lost(void *owner, const struct outbox_row *row)
{
	GHashTable *const *tables = owner;
	if (!g_hash_table_contains(tables[0], row->instance)) {
		g_hash_table_replace(tables[1], g_strdup(row->instance), g_strdup(row->rule));
	}
}

/* hostile 45: the rule is gone while people know of its problem */
static void close_lost(struct engine *engine)
{
	g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) lost = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	GHashTable *tables[] = {keys, lost};
	ruleset_each(engine->ruleset, true, collect_key, keys);
	dispatch_each_open(engine->dispatch, collect_lost, tables);
	GHashTableIter iter;
	gpointer key;
	gpointer rule;
	g_hash_table_iter_init(&iter, lost);
	while (g_hash_table_iter_next(&iter, &key, &rule)) {
		struct wall now = engine->steady.now;
		const struct dispatch_news news = {.instance = key,
			.at = now,
			.rule = rule,
			.host = "",
			.service = "",
			.field = "",
			.value = "",
			.threshold = "",
			.summary = "The rule was removed from the configuration, its problem with it",
			.info = "",
			.runbook = "",
			.link = ""};
		dispatch_recovery(engine->dispatch, &news, now);
	}
}

void evaluate_end_lost_marks(struct engine *engine)
{
	g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	ruleset_each(engine->ruleset, true, collect_key, keys);
	marks_end_lost(engine, keys);
}

void evaluate_swap(struct engine *engine, struct ruleset *ruleset)
{
	if (engine->ruleset) {
		ruleset_carry(engine->ruleset, ruleset);
	}
	ruleset_destroy(engine->ruleset);
	engine->ruleset = ruleset;
	engine->rules_complaints = 0;
	g_array_set_size(engine->alerts_waiting, 0);
	g_hash_table_remove_all(engine->alerts_told);
	ruleset_bind(ruleset, engine->catalog);
	if (engine->keeper) {
		close_lost(engine);
		evaluate_end_lost_marks(engine);
		keeper_hurry(engine->keeper);
	}
	publish_resync(engine->publish);
}

/* -- strips -- */

static void raise_level(void *owner, struct instance *instance)
{
	struct instance_view view = instance_view(instance);
	guint level = GPOINTER_TO_UINT(g_hash_table_lookup(owner, view.host));
	/* unknown is the highest number, but less than a warning */
	bool worse = view.level == LEVEL_UNKNOWN ? level < LEVEL_WARN
				 : level == LEVEL_UNKNOWN    ? view.level >= LEVEL_WARN
											 : view.level > level;
	if (worse) {
		g_hash_table_replace(owner, (gpointer)view.host, GUINT_TO_POINTER(view.level));
	}
}

void evaluate_strips(struct engine *engine, struct wall now)
{
	g_autoptr(GHashTable) levels = g_hash_table_new(g_str_hash, g_str_equal);
	ruleset_each(engine->ruleset, false, raise_level, levels);
	const GPtrArray *hosts = catalog_hosts(engine->catalog);
	for (size_t i = 0; i < hosts->len; i++) {
		const struct host *host = hosts->pdata[i];
		const struct store_host *seen = hosts_find(engine->hosts, host->name);
		guint level = GPOINTER_TO_UINT(g_hash_table_lookup(levels, host->name));
		bool noted = level || (seen && seen->up && fleet_is_watched(engine, host->name));
		if (noted && hosts_level(engine->hosts, host->name, level, now)) {
			store_put_host(keeper_batch(engine->keeper), hosts_find(engine->hosts, host->name));
			publish_host(engine->publish, host->name);
		}
	}
}

/* -- frames for web -- */

static void collect_alert(void *owner, struct instance *instance)
{
	g_ptr_array_add(owner, instance);
}

void evaluate_alerts(struct engine *engine, GPtrArray *out)
{
	ruleset_each(engine->ruleset, false, collect_alert, out);
}

void evaluate_alert(struct engine *engine, struct instance *instance, struct frame_writer *w)
{
	enum { PENDING, FIRING, RECOVERING };
	struct instance_view view = instance_view(instance);
	if (view.level == LEVEL_OK && view.candidate == LEVEL_OK) {
		message_start(w, MESSAGE_ALERT_GONE);
		frame_put_u32(w, view.number);
		g_hash_table_remove(engine->alerts_told, GUINT_TO_POINTER(view.number));
		return;
	}
	struct told told = told_of(engine, &view);
	g_hash_table_replace(
		engine->alerts_told, GUINT_TO_POINTER(view.number), g_memdup2(&told, sizeof(told)));
	bool pending = view.level == LEVEL_OK;
	struct texts t = texts_of(engine, instance, &view);
	message_start(w, MESSAGE_ALERT);
	frame_put_u32(w, view.number);
	frame_put_u32(w, view.series_id);
	frame_put_u8(w, (uint8_t)(pending ? view.candidate : view.level));
	frame_put_u8(w, pending ? PENDING : view.candidate == LEVEL_OK ? RECOVERING : FIRING);
	frame_put_i64(w, view.since.ms);
	frame_put_f64(w, view.value);
	const char *const texts[] = {view.rule, view.host, view.service, view.field, t.value->str,
		t.threshold->str, t.summary->str, t.info->str, t.runbook->str, view.suppressed_by};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		frame_put_text(w, texts[i]);
	}
	texts_free(&t);
}

bool evaluate_limit(struct engine *engine, uint32_t series_id, size_t index, struct frame_writer *w)
{
	struct ruleset_limit limits[LIMITS_MOST];
	size_t count = ruleset_limits(engine->ruleset, series_id, limits, LIMITS_MOST);
	size_t first = 0;
	for (; index && first < count; index--) {
		size_t next = first + 1;
		while (next < count && !strcmp(limits[next].rule, limits[first].rule)) {
			next++;
		}
		first = next;
	}
	if (first >= count) {
		return false;
	}
	size_t end = first + 1;
	while (end < count && !strcmp(limits[end].rule, limits[first].rule)) {
		end++;
	}
	message_start(w, MESSAGE_LIMIT);
	frame_put_u32(w, series_id);
	frame_put_text(w, limits[first].rule);
	frame_put_u8(w, (uint8_t)(end - first));
	for (size_t i = first; i < end; i++) {
		frame_put_u8(w, (uint8_t)limits[i].level);
		frame_put_u8(w, limits[i].below);
		frame_put_f64(w, limits[i].value);
	}
	return true;
}
