#include "collector/poller_own.h"
#include "collector/services/discover.h"

#include "base/banned.h"

/*
 * What the engine is told of sources: a state each, whole, and again whenever it changed. What the
 * channel does not take now waits as a mark at the entry, so nothing queues up: only the newest
 * state is worth telling.
 */
static const char *entry_where(const struct entry *entry)
{
	const struct config_source *s = entry->settings;
	switch (s->kind) {
	case CONFIG_SOURCE_HOST: return "this machine";
	case CONFIG_SOURCE_NODE: return s->node.address;
	case CONFIG_SOURCE_PUSH: return "connects to us";
	case CONFIG_SOURCE_SERVICE: return s->service.address ? s->service.address : s->host->address;
	case CONFIG_SOURCE_EXPORTER: return s->exporter.url;
	case CONFIG_SOURCE_CHECK:
		return s->check.command ? s->check.command->pdata[0] : s->check.target;
	default: return s->plugin.command->pdata[0];
	}
}

static void entry_count(struct entry *entry, struct source_state *state)
{
	const struct source *source = target_feeds(entry->target);
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = source->feeds->pdata[i];
		state->services += !feed->ended;
		state->series += feed->ended ? 0 : (uint32_t)feed_count(feed);
	}
}

/* When a service that was found by itself was seen running last. */
static struct wall entry_found(const struct entry *entry)
{
	const struct config_source *s = entry->settings;
	const struct discovery *discovery = entry->poller->discovery;
	bool by_itself = s->kind == CONFIG_SOURCE_SERVICE && s->service.found && discovery;
	const struct discovery_found *found = by_itself ? discovery_named(discovery, s->name) : NULL;
	int64_t ago_ms = found ? mono_now().ms - found->seen.ms : 0;
	return (struct wall){found ? MAX(wall_now().ms - ago_ms, 1) : 0};
}

/* Texts are borrowed from the entry and its settings: source_state_put() copies. */
static void entry_describe(struct entry *entry, struct source_state *state)
{
	const struct config_source *s = entry->settings;
	*state = (struct source_state){.id = s->id,
		.group = s->host->group,
		.host = s->host->name,
		.kind = (char *)config_source_kind_name(s->kind),
		.name = s->name,
		.where = (char *)entry_where(entry),
		.state = (uint8_t)entry->condition,
		.step_s = s->interval_s,
		.took_ms = entry->took_ms,
		.since = entry->since,
		.last = entry->last,
		.next = entry->due,
		.failures = entry->plan.failures,
		.version = entry->version,
		.error = entry->error,
		.found = entry_found(entry)};
	entry_count(entry, state);
}

static bool entry_tell(struct entry *entry)
{
	struct target_complaint complaints[TARGET_COMPLAINTS_MAX];
	struct source_complaint told[TARGET_COMPLAINTS_MAX];
	struct source_state state;
	entry_describe(entry, &state);
	size_t count = target_complaints(entry->target, complaints, TARGET_COMPLAINTS_MAX);
	for (size_t i = 0; i < count; i++) {
		told[i] =
			(struct source_complaint){(char *)complaints[i].plugin, (char *)complaints[i].text};
	}
	state.complaint_count = (uint32_t)count;
	state.complaints = told;
	source_state_put(entry->poller->writer, &state);
	return channel_send(entry->poller->channel, entry->poller->writer, NULL);
}

void entry_mark(struct entry *entry)
{
	entry->poller->dirty += !entry->dirty;
	entry->dirty = true;
}

static bool poller_tell_gone(struct poller *poller)
{
	while (poller->gone->len) {
		source_gone_put(poller->writer, poller->gone->pdata[0]);
		if (!channel_send(poller->channel, poller->writer, NULL)) {
			return false;
		}
		g_ptr_array_remove_index(poller->gone, 0);
	}
	return true;
}

void poller_tell(struct poller *poller)
{
	GHashTableIter iter;
	gpointer value;
	if (!poller->channel || !poller_tell_gone(poller) || !poller->dirty) {
		return;
	}
	g_hash_table_iter_init(&iter, poller->entries);
	while (poller->dirty && g_hash_table_iter_next(&iter, NULL, &value)) {
		struct entry *entry = value;
		if (entry->dirty) {
			if (!entry_tell(entry)) {
				return;
			}
			entry->dirty = false;
			poller->dirty--;
		}
	}
}

/* One entry after its round: most of the time it is the only one that has something to tell. */
void poller_push_entry(struct poller *poller, struct entry *entry)
{
	(void)outbox_flush(poller->outbox);
	if (poller->channel && poller->dirty == 1 && entry->dirty && !poller->gone->len) {
		entry->dirty = !entry_tell(entry);
		poller->dirty = entry->dirty;
	} else {
		poller_tell(poller);
	}
}

void poller_push(struct poller *poller)
{
	GHashTableIter iter;
	gpointer value;
	if (!outbox_flush(poller->outbox)) {
		return;
	}
	g_hash_table_iter_init(&iter, poller->entries);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (!outbox_declare(poller->outbox, target_feeds(((struct entry *)value)->target))) {
			return;
		}
	}
	poller_tell(poller);
}

void poller_connect(struct poller *poller, struct channel *channel)
{
	GHashTableIter iter;
	gpointer value;
	poller->channel = channel;
	outbox_connect(poller->outbox, channel);
	g_hash_table_iter_init(&iter, poller->entries);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		entry_mark(value);
	}
	if (channel) {
		poller_push(poller);
	}
}
