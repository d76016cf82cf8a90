/*
 * What happens across the parts. The way of a sample: intake (gate) -> journal -> apply (window,
 * rules) -> publish; declarations: intake -> inventory -> store, rrd, web. The journal tells when
 * it is durable: then the keeper may commit and the rrd roles are fed.
 *
 * Everything is in one thread; only syncs of the journal and commits of the store are on workers.
 */
#include "engine/engine.h"
#include "engine/backup.h"
#include "base/channel.h"
#include "base/log.h"
#include "engine/adoption.h"
#include "engine/change.h"
#include "engine/evaluate.h"
#include "engine/figures.h"
#include "engine/query.h"
#include "engine/recover.h"
#include "engine/reload.h"
#include "engine/work.h"
#include "model/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

enum {
	TICK_MS = 1000,
	RELEASE_TICKS = 60,
	FORGET_TICKS = 3600,
	FORGET_FIRST = 900, /* by then all series are known that still are */
	STRIP_TICKS = 10,
	KEEP_EVENTS_DAYS = 90,
	STOP_TURN_MS = 10,
	STOP_MS = 5000,
};

/* -- events -- */

void engine_event(struct engine *engine, const char *kind, const char *object, const char *text)
{
	log_warn("engine.event", "kind=%s object=\"%s\" text=\"%s\"", kind, log_safe(object),
		log_safe(text));
	engine_note(engine, kind, object, text);
}

void engine_note(struct engine *engine, const char *kind, const char *object, const char *text)
{
	struct store_event event = {engine->steady.now, (char *)kind, (char *)object, (char *)text};
	publish_event(engine->publish, &event, true);
	struct store_batch *batch = engine->keeper ? keeper_batch(engine->keeper) : engine->early;
	store_put_event(batch, event.at, kind, object, text);
}

static void on_event(void *owner, const char *kind, const char *object, const char *text)
{
	engine_event(owner, kind, object, text);
}

/* -- time -- */

struct wall engine_now(struct engine *engine)
{
	static const struct {
		const char *kind, *text;
	} told[] = {
		[STEADY_STEPPED] = {"clock.stepped",
			"the clock was set; samples keep the time from before until it is certain"},
		[STEADY_ADOPTED] = {"clock.adopted",
			"the clock stayed as it was set; its time is used now"},
		[STEADY_BACK] = {"clock.back", "the clock is right again"},
	};
	enum steady_event event = steady_look(&engine->steady, wall_now(), mono_now());
	if (event != STEADY_SAME) {
		engine_event(engine, told[event].kind, "clock", told[event].text);
	}
	return engine->steady.now;
}

static struct wall on_now(void *owner)
{
	return engine_now(owner);
}

static struct wall on_translate(void *owner, struct wall at)
{
	return steady_translate(&((struct engine *)owner)->steady, at);
}

/* -- keeper -- */

static uint64_t on_seal(void *owner, struct store_batch *batch)
{
	struct engine *engine = owner;
	evaluate_save(engine, batch);
	store_put_number(batch, "position", engine->applied);
	return engine->applied;
}

static void on_hurry(void *owner)
{
	journal_hurry(((struct engine *)owner)->journal);
}

static void on_released(void *owner, uint64_t generation)
{
	struct engine *engine = owner;
	dispatch_released(engine->dispatch, generation, engine->steady.now);
	evaluate_released(engine, generation);
	intake_stored(engine->intake, keeper_stored(engine->keeper), generation);
}

static void on_stored(void *owner, uint64_t generation, uint64_t sequence)
{
	struct engine *engine = owner;
	engine->stored_position = sequence;
	intake_stored(engine->intake, generation, generation);
}

static const struct keeper_handlers keeper_handlers = {
	.seal = on_seal,
	.hurry = on_hurry,
	.released = on_released,
	.stored = on_stored,
	.event = on_event,
};

/* -- journal -- */

static void on_durable(void *owner, uint64_t sequence)
{
	struct engine *engine = owner;
	keeper_durable(engine->keeper, sequence);
	feed_pump(engine->feed);
}

static const struct journal_handlers journal_handlers = {.durable = on_durable, .event = on_event};

/* -- inventory -- */

static void on_changed(void *owner, const struct service *service)
{
	struct engine *engine = owner;
	feed_declare(engine->feed, service);
	publish_declare(engine->publish, service);
	fleet_declared(engine, service);
	g_array_append_val(engine->changed, service->id);
}

static void on_words(void *owner, const struct service *service)
{
	publish_declare(((struct engine *)owner)->publish, service);
}

static struct store_batch *on_batch(void *owner)
{
	return keeper_batch(((struct engine *)owner)->keeper);
}

/* What is declared until the end would undo what was changed; nobody stores it. */
static struct store_batch *on_inventory_batch(void *owner)
{
	struct engine *engine = owner;
	engine->early = engine->anew && !engine->early ? store_batch_create() : engine->early;
	return engine->anew ? engine->early : on_batch(owner);
}

static const struct inventory_handlers inventory_handlers = {
	.refused = change_is_away,
	.event = on_event,
	.changed = on_changed,
	.words = on_words,
	.batch = on_inventory_batch,
};

/* -- samples -- */

static void on_value(void *owner, uint32_t series_id, struct wall at, double value)
{
	publish_value(((struct engine *)owner)->publish, series_id, at, value);
}

static void on_seen(void *owner, const char *host, struct wall at)
{
	evaluate_seen(owner, host, at);
}

static void on_judge(void *owner, const uint32_t *series_ids, size_t count, struct wall now)
{
	evaluate_samples(owner, series_ids, count, now);
}

static void on_tick(void *owner, struct wall now)
{
	evaluate_tick(owner, now);
}

static const struct apply_handlers apply_handlers = {
	.value = on_value, .seen = on_seen, .judge = on_judge, .tick = on_tick};

static void on_applied(void *owner, uint64_t sequence, size_t samples)
{
	struct engine *engine = owner;
	engine->applied = MAX(engine->applied, sequence);
	engine->turns += samples > 0;
}

static void on_round(void *owner, const struct intake_round *round)
{
	fleet_round(owner, round);
}

static void on_source(void *owner, unsigned collector, struct source_state *state)
{
	fleet_source(owner, collector, state);
}

static void on_source_gone(void *owner, const char *id)
{
	fleet_source_gone(owner, id);
}

static void on_collector_lost(void *owner, unsigned collector)
{
	fleet_collector_lost(owner, collector);
}

static struct frame_writer *on_known(void *owner)
{
	struct engine *engine = owner;
	sources_write_known(engine->sources, engine->writer);
	return engine->writer;
}

static void on_late(void *owner, uint32_t series_id, struct wall at)
{
	fleet_late(owner, series_id, at);
}

static void on_store(void *owner)
{
	keeper_hurry(((struct engine *)owner)->keeper);
}

static uint64_t on_generation(void *owner)
{
	return keeper_generation(((struct engine *)owner)->keeper);
}

static bool on_declared(void *owner, struct service *service)
{
	return graphs_declared(owner, service);
}

static const struct intake_handlers intake_handlers = {
	.applied = on_applied,
	.round = on_round,
	.source = on_source,
	.source_gone = on_source_gone,
	.lost = on_collector_lost,
	.known = on_known,
	.late = on_late,
	.now = on_now,
	.translate = on_translate,
	.store = on_store,
	.generation = on_generation,
	.event = on_event,
	.declared = on_declared,
};

static const struct feed_handlers feed_handlers = {
	.event = on_event, .ready = work_ready, .task = work_state};

/* -- web -- */

static void on_status(void *owner, struct frame_writer *w)
{
	struct engine *engine = owner;
	message_start(w, MESSAGE_STATUS);
	frame_put_u64(w, catalog_series_count(engine->catalog));
	frame_put_f64(w, engine->samples_per_s);
	frame_put_u64(w, intake_counts(engine->intake).samples);
	frame_put_u64(w, journal_written(engine->journal));
	frame_put_i64(w, engine->rules_loaded.ms);
	frame_put_text(w, engine->complaint);
}

static void on_ask(
	void *owner, uint32_t request, const char *token, const char *verb, const char *json)
{
	query_answer(owner, request, token, verb, json);
}

static void on_host(void *owner, const char *host, struct frame_writer *w)
{
	fleet_host_facts(owner, host, w);
}

static void on_alerts(void *owner, GPtrArray *out)
{
	evaluate_alerts(owner, out);
}

static void on_alert(void *owner, void *alert, struct frame_writer *w)
{
	evaluate_alert(owner, alert, w);
}

static bool on_limit(void *owner, uint32_t series_id, size_t index, struct frame_writer *w)
{
	return evaluate_limit(owner, series_id, index, w);
}

static const struct publish_handlers publish_handlers = {
	.alerts = on_alerts,
	.alert = on_alert,
	.limit = on_limit,
	.host = on_host,
	.status = on_status,
	.ask = on_ask,
};

/* -- notify -- */

static const struct dispatch_handlers dispatch_handlers = {
	.batch = on_batch,
	.generation = on_generation,
	.hurry = on_store,
	.event = on_event,
	.runs = orders_runs,
	.describe = orders_describe,
	.runner = orders_channel,
};

/* -- each second -- */

/* Without a collector nobody can be heard, so no second counts as silence: no tick. */
static void write_tick(struct engine *engine, struct wall now)
{
	if (!intake_hears(engine->intake)) {
		return;
	}
	unsigned char payload[ENTRY_TICK_LENGTH];
	entry_tick_write(payload, now);
	struct record record = {.type = ENTRY_TICK, .length = ENTRY_TICK_LENGTH, .payload = payload};
	if (!journal_append(
			engine->journal, ENTRY_TICK, payload, sizeof(payload), &record.sequence, NULL)) {
		record.sequence = 0; /* the journal told */
	}
	apply_record(engine->apply, &record, true);
	on_applied(engine, record.sequence, 0);
}

static void release_segments(struct engine *engine, struct wall now)
{
	uint64_t safe = MIN(feed_checkpoint(engine->feed), engine->stored_position);
	if (!tasks_has_open(engine->tasks, "backup")) { /* it copies what is needed from here on */
		journal_release(engine->journal, safe, now);
	}
	struct store_batch *batch = keeper_batch(engine->keeper);
	batch->forget_before.ms = now.ms - (int64_t)KEEP_EVENTS_DAYS * 86400 * 1000;
}

/* The rules know new series since their last call; now their thresholds can be drawn. */
static void tell_limits(struct engine *engine)
{
	for (guint i = 0; i < engine->changed->len; i++) {
		const struct service *service =
			catalog_service_by_id(engine->catalog, g_array_index(engine->changed, uint32_t, i));
		publish_limits(engine->publish, service);
	}
	g_array_set_size(engine->changed, 0);
}

static void engine_tick(void *owner)
{
	struct engine *engine = owner;
	struct wall now = engine_now(engine);
	intake_flush(engine->intake);
	write_tick(engine, now);
	uint64_t samples = intake_counts(engine->intake).samples;
	engine->samples_per_s +=
		0.2 * ((double)(samples - engine->samples_before) - engine->samples_per_s);
	engine->samples_before = samples;
	tell_limits(engine);
	evaluate_refresh(engine);
	dispatch_pump(engine->dispatch, now);
	evaluate_complaints(engine);
	publish_status(engine->publish);
	figures_send(engine);
	fleet_tick(engine, now);
	tasks_tick(engine->tasks);
	if (engine->ticks % STRIP_TICKS == 0) {
		evaluate_strips(engine, now);
	}
	if (++engine->ticks % RELEASE_TICKS == 0) {
		release_segments(engine, now);
	}
	if (engine->ticks % FORGET_TICKS == FORGET_FIRST) {
		evaluate_end_lost_marks(engine);
		marks_forget(engine, now);
	}
	engine->turns++;
	loop_timer_after(engine->tick, wall_next(now, TICK_MS).ms - now.ms);
}

/* -- life -- */

static bool open_journal(struct engine *engine, struct error *err)
{
	g_autofree char *path = g_build_filename(engine->role->data_dir, "journal", NULL);
	struct journal_options options = {.directory = path,
		.least_after = engine->applied,
		.loop = engine->loop,
		.handlers = &journal_handlers,
		.owner = engine};
	engine->journal = journal_open(&options, err);
	return engine->journal != NULL;
}

/* The parts that need no file. */
static void make_parts(struct engine *engine)
{
	engine->catalog = catalog_create();
	engine->window = window_create();
	engine->hosts = hosts_create();
	engine->sources = sources_create();
	engine->seen = seen_create(engine->catalog, engine->window);
	engine->marks = marks_create();
	engine->writer = g_new(struct frame_writer, 1);
	fleet_init(&engine->fleet);
	engine->graphs = graphs_create();
	engine->tasks = work_create(engine);
	engine->backup = backup_create(engine);
	engine->early = store_batch_create();
	engine->account = account_create(engine->role->data_dir);
	engine->dispatch = dispatch_create(engine->loop, &dispatch_handlers, engine);
	engine->alerts_waiting = evaluate_waiting_new();
	engine->alerts_told = evaluate_told_new();
	engine->changed = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	struct publish_parts parts = {.loop = engine->loop,
		.catalog = engine->catalog,
		.window = engine->window,
		.hosts = engine->hosts,
		.sources = engine->sources,
		.seen = engine->seen,
		.marks = marks_table(engine->marks)};
	engine->publish = publish_create(&parts, &publish_handlers, engine);
	engine->inventory = inventory_create(engine->catalog, &inventory_handlers, engine);
	engine->apply = apply_create(engine->catalog, engine->window, &apply_handlers, engine);
	engine->tick = loop_timer_create(engine->loop, engine_tick, engine);
}

static void join_parts(struct engine *engine)
{
	inventory_set_journal(engine->inventory, engine->journal);
	struct intake_parts in = {engine->loop, engine->inventory, engine->apply, engine->journal};
	engine->intake = intake_create(&in, &intake_handlers, engine);
	struct feed_parts out = {engine->loop, engine->catalog, engine->journal};
	engine->feed = feed_create(&out, &feed_handlers, engine);
}

static void prepare_account(struct engine *engine)
{
	struct error err;
	if (!account_prepare(engine->account, keeper_batch(engine->keeper), &err)) {
		engine_event(engine, "account.token", "admin.token", err.text);
	}
}

struct engine *engine_create(struct role *role, struct error *err)
{
	struct engine *engine = g_new0(struct engine, 1);
	engine->role = role;
	engine->loop = role->loop;
	engine->complaint = g_strdup("");
	engine->steady.now = wall_now();
	make_parts(engine);
	reload_start(engine);
	struct store *store;
	if (!recover_store(engine, &store, err)) {
		engine_destroy(engine);
		return NULL;
	}
	engine->stored_position = engine->applied;
	engine->keeper = keeper_create(engine->loop, &keeper_handlers, engine, store);
	store_batch_merge_older(keeper_batch(engine->keeper), g_steal_pointer(&engine->early));
	if (!open_journal(engine, err)) {
		engine_destroy(engine);
		return NULL;
	}
	keeper_durable(engine->keeper, journal_durable(engine->journal));
	join_parts(engine);
	prepare_account(engine);
	recover_replay(engine);
	graphs_configure(engine);
	adoption_run(engine);
	engine_tick(engine);
	return engine;
}

void engine_destroy(struct engine *engine)
{
	if (!engine) {
		return;
	}
	loop_timer_destroy(engine->tick);
	loop_timer_destroy(engine->ending);
	if (engine->stopping && !engine->anew && engine->keeper && engine->intake) {
		fleet_save(engine);
	}
	intake_destroy(engine->intake);
	feed_destroy(engine->feed);
	backup_destroy(engine->backup);
	journal_close(engine->journal);
	keeper_destroy(engine->keeper, engine->stopping);
	publish_destroy(engine->publish);
	dispatch_destroy(engine->dispatch);
	account_destroy(engine->account);
	tasks_destroy(engine->tasks);
	channel_destroy(engine->runner);
	ruleset_destroy(engine->ruleset);
	config_destroy(engine->config);
	g_array_unref(engine->alerts_waiting);
	g_hash_table_unref(engine->alerts_told);
	g_array_unref(engine->changed);
	inventory_destroy(engine->inventory);
	apply_destroy(engine->apply);
	hosts_destroy(engine->hosts);
	sources_destroy(engine->sources);
	seen_destroy(engine->seen);
	marks_destroy(engine->marks);
	fleet_finish(&engine->fleet);
	graphs_destroy(engine->graphs);
	g_free(engine->writer);
	window_destroy(engine->window);
	catalog_destroy(engine->catalog);
	store_batch_destroy(engine->early);
	g_free(engine->complaint);
	g_free(engine);
}

void engine_peer(struct engine *engine, unsigned peer, unsigned instance, int fd)
{
	switch (peer) {
	case ROLE_COLLECTOR: intake_peer(engine->intake, instance, fd); break;
	case ROLE_RRD: feed_peer(engine->feed, instance, fd); break;
	case ROLE_NOTIFY: dispatch_peer(engine->dispatch, fd); break;
	case ROLE_WEB: publish_peer(engine->publish, fd); break;
	case ROLE_RUNNER: orders_join(engine, fd); break;
	default: close(fd); break; /* no link of magpie/roles.def */
	}
}

/* The archive ends after this role and is to have all of the journal then. */
static void engine_end(void *owner)
{
	struct engine *engine = owner;
	feed_pump(engine->feed);
	if (feed_is_done(engine->feed) || mono_now().ms >= engine->stop_until.ms) {
		role_stopped(engine->role);
	} else {
		loop_timer_after(engine->ending, STOP_TURN_MS);
	}
}

void engine_stop(struct engine *engine)
{
	struct error err = {.kind = ERR_NONE};
	engine->stopping = true;
	engine->stop_until.ms = mono_now().ms + STOP_MS;
	intake_flush(engine->intake);
	if (!journal_sync(engine->journal, &err)) {
		log_warn("engine.stop", "error=\"%s\"", log_safe(err.text));
	}
	engine->ending = loop_timer_create(engine->loop, engine_end, engine);
	engine_end(engine);
}
