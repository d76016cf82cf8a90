/*
 * Rounds and sources change far more often than anybody wants to read of it, and a fleet that loses
 * its network changes all at once: what is shown is told at most once a second for each source,
 * what is stored is spread over minutes, what is an event is limited per minute and counted beyond.
 */
#include "engine/fleet.h"
#include "engine/engine.h"
#include "engine/evaluate.h"
#include "model/config_hosts.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { MINUTE_S = 60, SPANS_S = 600 /* so often the spans of each host are stored */ };

void fleet_init(struct fleet *fleet)
{
	*fleet = (struct fleet){0};
	fleet->unsaved = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void fleet_finish(struct fleet *fleet)
{
	g_hash_table_unref(fleet->unsaved);
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

static void tell(struct engine *engine, const char *kind, const char *object, const char *text)
{
	struct fleet *fleet = &engine->fleet;
	begin_minute(engine, wall_s(engine->steady.now) / MINUTE_S);
	if (fleet->told++ < FLEET_EVENTS_PER_MINUTE) {
		engine_event(engine, kind, object, text);
	} else {
		fleet->untold++;
	}
}

/* -- rounds with hosts -- */

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
	publish_host(engine->publish, round->host);
}

/* NULL: magpie.conf does not name it. */
static const struct config_host *configured(const struct engine *engine, const char *name)
{
	const GPtrArray *hosts = engine->config->hosts;
	return hosts && hosts->len ? config_find_host(engine->config, name) : NULL;
}

void fleet_host_facts(struct engine *engine, const char *name, struct frame_writer *w)
{
	const struct config_host *host = configured(engine, name);
	frame_put_u8(w, host != NULL);
	frame_put_u16(w, host ? (uint16_t)MIN(host->tags->len, 256U) : 0);
	for (guint i = 0; host && i < MIN(host->tags->len, 256U); i++) {
		frame_put_text(w, host->tags->pdata[i]);
	}
}

/* -- sources -- */

void fleet_source(struct engine *engine, unsigned collector, struct source_state *state)
{
	g_autofree char *id = g_strdup(state->id);
	g_autofree char *error = g_strdup(state->error);
	switch (sources_take(engine->sources, collector, state, engine->steady.now)) {
	case SOURCES_FAILED: tell(engine, "source.failing", id, error); break;
	case SOURCES_RECOVERED: tell(engine, "source.ok", id, "it answers again"); break;
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
	if (sources_gone(engine->sources, id)) {
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

/* -- all of it -- */

void fleet_tick(struct engine *engine, struct wall now)
{
	struct sources_look at = look(engine);
	begin_minute(engine, wall_s(now) / MINUTE_S);
	sources_look(engine->sources, now, &at);
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
