/*
 * Rounds and sources change far more often than anybody wants to read of it, and a fleet that loses
 * its network changes all at once: what is shown is told at most once a second for each source,
 * what is stored is spread over minutes, what is an event is limited per minute and counted beyond.
 */
#include "engine/fleet.h"
#include "engine/engine.h"
#include "engine/evaluate.h"
#include "model/config_hosts.h"
#include "rules/retire.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum {
	MINUTE_S = 60,
	SPANS_S = 600 /* so often the spans of each host are stored */,
	RETIRE_TICKS = 10
};

void fleet_init(struct fleet *fleet)
{
	*fleet = (struct fleet){0};
	fleet->unsaved = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	fleet->heard = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	fleet->late = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	fleet->ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	fleet->configured = g_hash_table_new(g_str_hash, g_str_equal);
	fleet->since = wall_now();
}

void fleet_finish(struct fleet *fleet)
{
	g_hash_table_unref(fleet->unsaved);
	g_hash_table_unref(fleet->heard);
	g_hash_table_unref(fleet->late);
	g_hash_table_unref(fleet->ended);
	g_hash_table_unref(fleet->configured);
}

/* -- events -- */

static void begin_minute(struct engine *engine, int64_t minute)
{
	struct fleet *fleet = &engine->fleet;
	if (fleet->minute == minute) {
		return;
	}
	if (fleet->untold) {
		char text[120];
		snprintf(text, sizeof(text), "%u more hosts and sources changed within that minute",
			fleet->untold);
		engine_event(engine, "fleet.changes", "fleet", text);
	}
	fleet->minute = minute;
	fleet->told = 0;
	fleet->untold = 0;
}

static bool may_tell(struct engine *engine)
{
	struct fleet *fleet = &engine->fleet;
	begin_minute(engine, wall_s(engine->steady.now) / MINUTE_S);
	bool may = fleet->told++ < FLEET_EVENTS_PER_MINUTE;
	fleet->untold += !may;
	return may;
}

static void tell(struct engine *engine, const char *kind, const char *object, const char *text)
{
	if (may_tell(engine)) {
		engine_event(engine, kind, object, text);
	}
}

/* What the collector has logged. */
static void tell_source(
	struct engine *engine, const char *kind, const char *object, const char *text)
{
	if (may_tell(engine)) {
		engine_note(engine, kind, object, text);
	}
}

/* -- rounds with hosts -- */

static void note_heard(struct engine *engine, const char *host)
{
	int64_t *at_ms = g_hash_table_lookup(engine->fleet.heard, host);
	if (!at_ms) {
		at_ms = g_new(int64_t, 1);
		g_hash_table_insert(engine->fleet.heard, g_strdup(host), at_ms);
	}
	*at_ms = engine->steady.now.ms;
}

void fleet_round(struct engine *engine, const struct intake_round *round)
{
	struct hosts_round seen = {round->at, round->up, round->step_s, round->error};
	bool known = hosts_find(engine->hosts, round->host) != NULL;
	if (hosts_seen(engine->hosts, round->host, &seen)) {
		tell(engine,
			!known      ? "host.new"
			: round->up ? "host.up"
						: "host.down",
			round->host, round->up ? "it answers" : round->error);
		store_put_host(keeper_batch(engine->keeper), hosts_find(engine->hosts, round->host));
	}
	note_heard(engine, round->host);
	publish_host(engine->publish, round->host);
}

void fleet_host_facts(struct engine *engine, const char *name, struct frame_writer *w)
{
	const struct config_host *host = g_hash_table_lookup(engine->fleet.configured, name);
	frame_put_u8(w, host != NULL);
	frame_put_u16(w, host ? (uint16_t)MIN(host->tags->len, 256U) : 0);
	for (guint i = 0; host && i < MIN(host->tags->len, 256U); i++) {
		frame_put_text(w, host->tags->pdata[i]);
	}
}

/* Once an hour for a host: people should know why rules say nothing. */
void fleet_late(struct engine *engine, uint32_t series_id, struct wall at)
{
	const struct field *field = catalog_series(engine->catalog, series_id);
	const char *host = field ? field->service->host_name : "";
	gpointer hour = GINT_TO_POINTER((gint)(wall_s(engine->steady.now) / 3600));
	if (!field || g_hash_table_lookup(engine->fleet.late, host) == hour) {
		return;
	}
	char text[200];
	snprintf(text, sizeof(text),
		"samples that are %lld minutes old arrive; they are stored and drawn, rules wait for "
		"current ones",
		(long long)((engine->steady.now.ms - at.ms) / 60000));
	g_hash_table_replace(engine->fleet.late, g_strdup(host), hour);
	tell(engine, "samples.late", host, text);
}

/* -- sources -- */

void fleet_source(struct engine *engine, unsigned collector, struct source_state *state)
{
	g_autofree char *id = g_strdup(state->id);
	g_autofree char *error = g_strdup(state->error);
	switch (sources_take(engine->sources, collector, state, engine->steady.now)) {
	case SOURCES_FAILED: tell_source(engine, "source.failing", id, error); break;
	case SOURCES_RECOVERED: tell_source(engine, "source.ok", id, "it answers again"); break;
	case SOURCES_REFUSED: tell(engine, "source.limit", id, "there are too many sources"); break;
	case SOURCES_SAME: break;
	}
}

static void on_forgotten(void *owner, const char *id)
{
	struct engine *engine = owner;
	store_put_source(keeper_batch(engine->keeper), id, "", 0);
	publish_source_gone(engine->publish, id);
}

void fleet_source_gone(struct engine *engine, const char *id)
{
	const char *slash = strchr(id, '/');
	if (sources_gone(engine->sources, id)) {
		g_hash_table_add(engine->fleet.ended, g_strndup(id, slash ? (gsize)(slash - id) : 0));
		on_forgotten(engine, id);
	}
}

void fleet_collector_lost(struct engine *engine, unsigned collector)
{
	sources_lost(engine->sources, collector, engine->steady.now);
}

static void on_changed(void *owner, const char *id)
{
	publish_source(((struct engine *)owner)->publish, id);
}

static void on_save(void *owner, const char *id)
{
	struct engine *engine = owner;
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	sources_pack(engine->sources, id, engine->writer, bytes);
	store_put_source(keeper_batch(engine->keeper), id, bytes->data, bytes->len);
}

static struct sources_look look(struct engine *engine)
{
	return (struct sources_look){.heard = intake_hears(engine->intake),
		.changed = on_changed,
		.forgotten = on_forgotten,
		.save = on_save,
		.owner = engine};
}

/* -- when series were seen -- */

void fleet_declared(struct engine *engine, const struct service *service)
{
	seen_begin(engine->seen, service, engine->steady.now);
	publish_seen(engine->publish, service);
	if (!g_hash_table_contains(engine->fleet.unsaved, service->host_name)) {
		g_hash_table_add(engine->fleet.unsaved, g_strdup(service->host_name));
	}
}

static void save_spans(struct engine *engine, const struct host *host)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	seen_pack(engine->seen, host, bytes);
	store_put_seen(keeper_batch(engine->keeper), host->name, bytes->data, bytes->len);
}

static void save_new_spans(struct engine *engine)
{
	GHashTableIter iter;
	gpointer name;
	g_hash_table_iter_init(&iter, engine->fleet.unsaved);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		const struct host *host = catalog_host(engine->catalog, name);
		if (host) {
			save_spans(engine, host);
		}
	}
	g_hash_table_remove_all(engine->fleet.unsaved);
}

/* So many hosts each second that all have had their turn within SPANS_S. */
static void save_some_spans(struct engine *engine)
{
	const GPtrArray *hosts = catalog_hosts(engine->catalog);
	size_t count = hosts->len / SPANS_S + (engine->ticks % SPANS_S < hosts->len % SPANS_S);
	for (size_t i = 0; i < count; i++) {
		engine->fleet.turn = (engine->fleet.turn + 1) % hosts->len;
		save_spans(engine, hosts->pdata[engine->fleet.turn]);
	}
}

/* -- what nobody watches any more -- */

static bool all_gone(const struct service *service)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		if (!service_field(service, i)->gone) {
			return false;
		}
	}
	return true;
}

/* A source went with its services, which were declared once more without fields before. */
static void retire_services(struct engine *engine)
{
	GHashTableIter iter;
	gpointer name;
	g_hash_table_iter_init(&iter, engine->fleet.ended);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		const struct host *host = catalog_host(engine->catalog, name);
		for (guint i = 0; host && i < host->services->len; i++) {
			const struct service *service = host->services->pdata[i];
			if (all_gone(service)) {
				evaluate_retire(engine, host->name, service->name);
			}
		}
	}
	g_hash_table_remove_all(engine->fleet.ended);
}

bool fleet_is_watched(const struct engine *engine, const char *host)
{
	const int64_t *heard_ms = g_hash_table_lookup(engine->fleet.heard, host);
	int64_t last_ms = MAX(heard_ms ? *heard_ms : 0, engine->fleet.since.ms);
	return g_hash_table_contains(engine->fleet.configured, host) ||
		   sources_of_host(engine->sources, host) ||
		   engine->steady.now.ms - last_ms < FLEET_SILENT_MS;
}

static void retire_hosts(struct engine *engine)
{
	const GPtrArray *hosts = catalog_hosts(engine->catalog);
	for (guint i = 0; i < hosts->len; i++) {
		const struct host *host = hosts->pdata[i];
		if (!fleet_is_watched(engine, host->name)) {
			evaluate_retire(engine, host->name, NULL);
		}
	}
}

/* Those of the configuration before are told at once that they are not watched any more. */
void fleet_configure(struct engine *engine)
{
	struct fleet *fleet = &engine->fleet;
	g_autoptr(GHashTable) before = g_steal_pointer(&fleet->configured);
	fleet->configured = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; engine->config->hosts && i < engine->config->hosts->len; i++) {
		struct config_host *host = engine->config->hosts->pdata[i];
		g_hash_table_insert(fleet->configured, host->name, host);
		if (host->sources->len) {
			ruleset_employ(engine->ruleset, host->name);
		}
	}
	GHashTableIter iter;
	gpointer name;
	g_hash_table_iter_init(&iter, before);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		if (!g_hash_table_contains(fleet->configured, name)) {
			evaluate_retire(engine, name, NULL);
		}
	}
}

/* -- all of it -- */

void fleet_tick(struct engine *engine, struct wall now)
{
	struct sources_look at = look(engine);
	begin_minute(engine, wall_s(now) / MINUTE_S);
	sources_look(engine->sources, now, &at);
	retire_services(engine);
	if (engine->ticks % RETIRE_TICKS == 0) {
		retire_hosts(engine);
	}
	save_new_spans(engine);
	save_some_spans(engine);
}

static void save_host(void *owner, const struct store_host *host)
{
	store_put_host(owner, host);
}

void fleet_save(struct engine *engine)
{
	struct sources_look at = look(engine);
	sources_save_all(engine->sources, &at);
	const GPtrArray *hosts = catalog_hosts(engine->catalog);
	for (guint i = 0; i < hosts->len; i++) {
		save_spans(engine, hosts->pdata[i]);
	}
	hosts_each(engine->hosts, save_host, keeper_batch(engine->keeper));
}
