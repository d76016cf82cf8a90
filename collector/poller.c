#include "base/log.h"
#include "base/text.h"
#include "collector/host/sampler.h"
#include "collector/poller_own.h"
#include "collector/services/discover.h"

#include <string.h>

#include "base/banned.h"

/*
 * Sources that wait stand in a sequence sorted by the instant at which they are due; those at work
 * do not. One timer looks at the first. It never waits long in one piece, because the clock may be
 * set and a machine may sleep: when time went back, all slots are taken anew.
 *
 * An entry holds on to the host it was made from, so that its settings stay what they were while a
 * reload puts another configuration in force. Of that only such hosts outlive it: many reloads hold
 * no more than one host each per entry.
 */
enum { POLLER_TICK_MS = 2000, POLLER_BACK_MS = 2000 };

static void poller_tick(void *owner);

/* -- waiting -- */

static gint entry_compare(gconstpointer a, gconstpointer b, gpointer data UNUSED)
{
	const struct entry *left = a;
	const struct entry *right = b;
	return left->due.ms < right->due.ms ? -1 : left->due.ms > right->due.ms;
}

static void entry_wait(struct entry *entry, struct wall due)
{
	entry->due = due;
	entry->place = g_sequence_insert_sorted(entry->poller->waiting, entry, entry_compare, NULL);
}

static void entry_unwait(struct entry *entry)
{
	if (entry->place) {
		g_sequence_remove(entry->place);
		entry->place = NULL;
	}
}

static void poller_arm(struct poller *poller)
{
	if (poller->stopped || g_sequence_is_empty(poller->waiting)) {
		return;
	}
	const struct entry *first = g_sequence_get(g_sequence_get_begin_iter(poller->waiting));
	int64_t wait_ms = first->due.ms - wall_now().ms;
	wait_ms = wait_ms < 0 ? 0 : wait_ms;
	wait_ms = poller->busy >= POLLER_BUSY_MAX ? POLLER_TICK_MS : wait_ms;
	loop_timer_after(poller->timer, wait_ms < POLLER_TICK_MS ? wait_ms : POLLER_TICK_MS);
}

/* -- a round -- */

static void entry_samples(void *owner, struct target *target UNUSED, struct source *source,
	struct feed *feed, struct wall at)
{
	struct poller *poller = ((struct entry *)owner)->poller;
	bool any = feed != NULL;
	for (guint i = 0; !any && i < source->feeds->len; i++) {
		any = ((const struct feed *)source->feeds->pdata[i])->fresh;
	}
	if (!any) {
		return;
	}
	outbox_begin(poller->outbox, wall_now());
	if (feed) {
		outbox_put_feed(poller->outbox, feed, at);
	} else {
		(void)outbox_put(poller->outbox, source, at);
	}
	outbox_end(poller->outbox, NULL);
	(void)outbox_flush(poller->outbox);
}

/*
 * Whether the host is alive says the source that speaks for it. Where there is none, any answer
 * counts, and only when nothing answers for two steps of its slowest source is it silent.
 */
static void entry_tell_host(
	struct entry *entry, const struct target_result *result, struct wall now)
{
	struct watched *host = entry->host;
	bool speaks = host->speaker == entry;
	if (result->alive) {
		host->up_at = mono_now();
	} else if (!speaks && mono_now().ms - host->up_at.ms < host->patience_ms) {
		return;
	}
	if (!speaks && host->speaker) {
		return;
	}
	const struct config_source *settings = entry->settings;
	struct outbox_seen seen = {.at = now,
		.up = result->alive,
		.took_ms = entry->took_ms,
		.step_s = settings->interval_s,
		.cpus = settings->kind == CONFIG_SOURCE_HOST ? sampler_cpus() : 0,
		.group = settings->host->group,
		.host = settings->host->name,
		.error = entry->error};
	outbox_begin(entry->poller->outbox, now);
	outbox_end(entry->poller->outbox, &seen);
}

static void entry_judge(struct entry *entry, const struct target_result *result, struct wall now)
{
	struct target_complaint one;
	bool good = result->error.kind == ERR_NONE;
	bool complaining = target_complaints(entry->target, &one, 1) > 0;
	enum source_condition condition =
		!good ? SOURCE_FAILING : (complaining ? SOURCE_COMPLAINING : SOURCE_OK);
	g_free(entry->error);
	entry->error =
		good ? g_strdup("") : text_clean(result->error.text, strlen(result->error.text), 239);
	if (result->version) {
		g_free(entry->version);
		entry->version = text_clean(result->version, strlen(result->version), SOURCE_VERSION_MAX);
	}
	if (condition != entry->condition) {
		if (!good) {
			log_warn("source.failing", "source=%s error=\"%s\"", log_safe(entry->settings->id),
				log_safe(entry->error));
		} else if (entry->condition == SOURCE_FAILING) {
			log_info("source.answers", "source=%s", log_safe(entry->settings->id));
		}
		entry->condition = condition;
		entry->since = now;
	}
	entry->last = good ? now : entry->last;
	entry->plan.failures = good ? 0 : entry->plan.failures + 1;
}

static void entry_done(void *owner, struct target *target, const struct target_result *result)
{
	struct entry *entry = owner;
	struct poller *poller = entry->poller;
	struct wall now = wall_now();
	loop_timer_stop(entry->deadline);
	poller->busy--;
	entry->took_ms = (uint32_t)(mono_now().ms - target_began(target).ms);
	entry_judge(entry, result, now);
	entry_wait(entry, schedule_after(&entry->plan, entry->due, now));
	bool exact = entry->settings->kind == CONFIG_SOURCE_HOST;
	entry_tell_host(entry, result, exact ? entry->at : now);
	entry_mark(entry);
	poller_push_entry(poller, entry);
	poller_arm(poller);
}

static const struct target_sink entry_sink = {.samples = entry_samples, .done = entry_done};

static void entry_expired(void *owner)
{
	target_expire(((struct entry *)owner)->target);
}

static void entry_begin(struct entry *entry, struct wall now)
{
	struct poller *poller = entry->poller;
	bool exact = entry->settings->kind == CONFIG_SOURCE_HOST;
	int64_t deadline_ms = (int64_t)entry->settings->timeout_s * 1000;
	entry_unwait(entry);
	poller->rounds++;
	poller->late += now.ms - entry->due.ms > POLLER_LATE_MS;
	poller->busy++;
	loop_timer_after(entry->deadline, deadline_ms);
	entry->at = exact ? schedule_stamp(&entry->plan, now) : now;
	target_begin(entry->target, entry->at, deadline_ms);
}

/* Time went back: what was due at an instant of the old time would wait for it. */
static void poller_look_anew(struct poller *poller, struct wall now)
{
	GHashTableIter iter;
	gpointer value;
	log_info("collector.clock", "back_ms=%lld", (long long)(poller->looked.ms - now.ms));
	g_hash_table_iter_init(&iter, poller->entries);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct entry *entry = value;
		if (entry->place) {
			entry_unwait(entry);
			entry_wait(entry, schedule_next(&entry->plan, now));
		}
	}
}

static void poller_tick(void *owner)
{
	struct poller *poller = owner;
	struct wall now = wall_now();
	if (now.ms < poller->looked.ms - POLLER_BACK_MS) {
		poller_look_anew(poller, now);
	}
	poller->looked = now;
	while (!poller->stopped && poller->busy < POLLER_BUSY_MAX &&
		   !g_sequence_is_empty(poller->waiting)) {
		struct entry *first = g_sequence_get(g_sequence_get_begin_iter(poller->waiting));
		if (first->due.ms > now.ms) {
			break;
		}
		entry_begin(first, now);
	}
	poller_arm(poller);
}

/* -- entries -- */

static struct watched *poller_host(struct poller *poller, const char *name)
{
	struct watched *host = g_hash_table_lookup(poller->hosts, name);
	if (!host) {
		host = g_new0(struct watched, 1);
		host->name = g_strdup(name);
		host->up_at = mono_now(); /* nothing is known yet, so it is not silent yet */
		g_hash_table_insert(poller->hosts, host->name, host);
	}
	host->refs++;
	return host;
}

static void poller_unref_host(struct poller *poller, struct watched *host)
{
	if (--host->refs == 0) {
		g_hash_table_remove(poller->hosts, host->name);
		g_free(host->name);
		g_free(host);
	}
}

static struct schedule entry_plan(const struct config_source *settings)
{
	bool node = settings->kind == CONFIG_SOURCE_NODE;
	bool exact = settings->kind == CONFIG_SOURCE_HOST;
	int64_t step_ms = (int64_t)settings->interval_s * 1000;
	uint32_t back_off = node ? POLLER_BACK_OFF_S / settings->interval_s : 1;
	return (struct schedule){.step_ms = step_ms,
		.splay_ms = exact ? 0 : schedule_splay(settings->id, step_ms),
		.back_off = back_off ? back_off : 1};
}

static void entry_destroy(void *data)
{
	struct entry *entry = data;
	struct poller *poller = entry->poller;
	poller->busy -= target_busy(entry->target);
	poller->dirty -= entry->dirty;
	entry_unwait(entry);
	loop_timer_destroy(entry->deadline);
	target_destroy(entry->target);
	poller_unref_host(poller, entry->host);
	config_host_unref(entry->settings->host);
	g_free(entry->version);
	g_free(entry->error);
	g_free(entry);
}

static void poller_add(struct poller *poller, const struct config_source *settings)
{
	struct wall now = wall_now();
	struct entry *entry = g_new0(struct entry, 1);
	entry->poller = poller;
	entry->settings = settings;
	config_host_ref(settings->host);
	entry->host = poller_host(poller, settings->host->name);
	entry->plan = entry_plan(settings);
	entry->deadline = loop_timer_create(poller->world->loop, entry_expired, entry);
	entry->since = now;
	entry->target = target_create(settings, poller->world, &entry_sink, entry);
	g_hash_table_insert(poller->entries, settings->id, entry);
	int64_t spread = MIN((int64_t)POLLER_FIRST_MS, entry->plan.step_ms);
	entry_wait(entry, (struct wall){now.ms + entry->plan.splay_ms % spread});
	entry_mark(entry);
}

/* The source is watched no more: so its series are gone, not silent. */
static void poller_drop(struct poller *poller, struct entry *entry, bool for_good)
{
	struct source *source = target_feeds(entry->target);
	if (for_good && source->feeds->len) {
		outbox_begin(poller->outbox, wall_now());
		for (guint i = 0; i < source->feeds->len; i++) {
			struct feed *feed = source->feeds->pdata[i];
			source_end(feed);
			outbox_put_feed(poller->outbox, feed, wall_now());
		}
		outbox_end(poller->outbox, NULL);
	}
	if (for_good) {
		g_ptr_array_add(poller->gone, g_strdup(entry->settings->id));
	}
	g_hash_table_remove(poller->entries, entry->settings->id);
}

static void poller_drop_changed(struct poller *poller, const struct config *config)
{
	g_autofree gpointer *ids = NULL;
	guint count = 0;
	ids = g_hash_table_get_keys_as_array(poller->entries, &count);
	GHashTable *now = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint h = 0; h < config->hosts->len; h++) {
		const struct config_host *host = config->hosts->pdata[h];
		for (guint i = 0; i < host->sources->len; i++) {
			struct config_source *source = host->sources->pdata[i];
			g_hash_table_insert(now, source->id, source);
		}
	}
	for (guint i = 0; i < count; i++) {
		struct entry *entry = g_hash_table_lookup(poller->entries, ids[i]);
		const struct config_source *source = g_hash_table_lookup(now, ids[i]);
		if (!source || strcmp(source->fingerprint, entry->settings->fingerprint) != 0) {
			poller_drop(poller, entry, !source);
		}
	}
	g_hash_table_destroy(now);
}

static void poller_add_new(struct poller *poller, const struct config *config)
{
	for (guint h = 0; h < config->hosts->len; h++) {
		const struct config_host *host = config->hosts->pdata[h];
		for (guint i = 0; i < host->sources->len; i++) {
			const struct config_source *source = host->sources->pdata[i];
			if (!g_hash_table_contains(poller->entries, source->id)) {
				poller_add(poller, source);
			}
		}
	}
}

/* Who speaks for a host: the first kind of those that can; and how patient the others are. */
static void poller_name_speakers(struct poller *poller)
{
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, poller->hosts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		((struct watched *)value)->speaker = NULL;
		((struct watched *)value)->patience_ms = 0;
	}
	g_hash_table_iter_init(&iter, poller->entries);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct entry *entry = value;
		const struct entry *speaker = entry->host->speaker;
		if (entry->target->kind->speaks_for_host &&
			(!speaker || entry->settings->kind < speaker->settings->kind)) {
			entry->host->speaker = entry;
		}
		entry->host->patience_ms = MAX(entry->host->patience_ms, 2 * entry->plan.step_ms);
	}
}

/* Services that were found are sources of this machine beside those written. */
static void poller_add_finds(struct poller *poller, struct config *config)
{
	struct config_host *local = config->hosts->pdata[0];
	const GPtrArray *finds = poller->discovery ? discovery_list(poller->discovery) : NULL;
	for (guint i = 0; local->discover && finds && i < finds->len; i++) {
		(void)discovery_adopt(finds->pdata[i], local);
	}
}

static void poller_settle(struct poller *poller, struct config *config)
{
	poller_drop_changed(poller, config);
	poller_add_new(poller, config);
	poller_name_speakers(poller);
	poller_tell(poller);
	poller_arm(poller);
}

void poller_configure(struct poller *poller, struct config *config)
{
	struct config *before = poller->config;
	poller->config = config;
	poller_add_finds(poller, config);
	poller_settle(poller, config);
	config_destroy(before);
}

const struct config *poller_config(const struct poller *poller)
{
	return poller->config;
}

/* -- services that were found -- */

void poller_discovered(struct poller *poller, const struct discovery *discovery)
{
	struct config *config = poller->config;
	struct config_host *local = config->hosts->pdata[0];
	poller->discovery = discovery;
	for (guint i = local->sources->len; i-- > 0;) {
		struct config_source *source = local->sources->pdata[i];
		if (source->kind != CONFIG_SOURCE_SERVICE || !source->service.found) {
			continue;
		}
		const struct discovery_found *found = discovery_named(discovery, source->name);
		if (!found || strcmp(found->address, source->service.address) != 0) {
			poller_drop(poller, g_hash_table_lookup(poller->entries, source->id), !found);
			g_ptr_array_remove_index(local->sources, i);
		}
	}
	poller_add_finds(poller, config);
	poller_settle(poller, config);
}

/* -- life -- */

struct poller *poller_create(struct world *world, struct outbox *outbox)
{
	struct poller *poller = g_new0(struct poller, 1);
	poller->world = world;
	poller->outbox = outbox;
	poller->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_destroy);
	poller->hosts = g_hash_table_new(g_str_hash, g_str_equal);
	poller->waiting = g_sequence_new(NULL);
	poller->gone = g_ptr_array_new_with_free_func(g_free);
	poller->timer = loop_timer_create(world->loop, poller_tick, poller);
	poller->writer = g_new0(struct frame_writer, 1);
	return poller;
}

void poller_destroy(struct poller *poller)
{
	if (!poller) {
		return;
	}
	g_hash_table_destroy(poller->entries);
	g_hash_table_destroy(poller->hosts);
	g_sequence_free(poller->waiting);
	g_ptr_array_free(poller->gone, TRUE);
	loop_timer_destroy(poller->timer);
	config_destroy(poller->config);
	g_free(poller->writer);
	g_free(poller);
}

void poller_stop(struct poller *poller)
{
	poller->stopped = true;
	loop_timer_stop(poller->timer);
}

struct poller_state poller_state(const struct poller *poller)
{
	struct poller_state state = {.sources = g_hash_table_size(poller->entries),
		.busy = poller->busy,
		.rounds = poller->rounds,
		.late = poller->late};
	if (!g_sequence_is_empty(poller->waiting)) {
		const struct entry *first = g_sequence_get(g_sequence_get_begin_iter(poller->waiting));
		int64_t overdue = wall_now().ms - first->due.ms;
		state.overdue_ms = overdue > 0 ? overdue : 0;
	}
	return state;
}
