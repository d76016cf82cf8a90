#include "collector/target.h"
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Life of a round: target_begin() -> the kind's begin() -> hand-overs -> target_done() by the kind,
 * or target_expire() by who runs it. Which of the two comes first ends the round; `busy` is false
 * before done() is called, so that the next round may begin inside.
 *
 * A host's service belongs to the source that declared it first (world->claims), until that source
 * ends: else two sources would write one series, and each would take the other's fields away.
 */
enum { TARGET_TEXT_MAX = 400, TARGET_DOING_MAX = 120 };

struct target_state {
	const struct target_sink *sink;
	void *owner;
	bool busy;
	struct wall at; /* of the round */
	struct mono began, deadline;
	char doing[TARGET_DOING_MAX];
	char trouble[sizeof(((struct error *)NULL)->text)]; /* why create() failed */
	GHashTable *feeds;      /* service -> struct feed *, of target->source */
	GHashTable *complaints; /* plugin -> text */
};

#define TARGET(number, object) extern const struct target_kind object;
#include "collector/targets.def"
#undef TARGET

const struct target_kind *target_kind(enum config_source_kind kind)
{
#define TARGET(number, object) [number] = &(object),
	static const struct target_kind *const kinds[CONFIG_SOURCE_KINDS] = {
#include "collector/targets.def"
	};
#undef TARGET
	return kind < CONFIG_SOURCE_KINDS ? kinds[kind] : NULL;
}

/* -- life -- */

static bool target_make(struct target *target)
{
	struct error err = {.kind = ERR_NONE};
	target->state = target->kind->create(target, &err);
	if (!target->state) {
		text_copy(target->own->trouble, sizeof(target->own->trouble), err.text);
	}
	return target->state;
}

struct target *target_create(const struct config_source *settings, struct world *world,
	const struct target_sink *sink, void *owner)
{
	struct target *target = g_new0(struct target, 1);
	target->kind = target_kind(settings->kind);
	target->settings = settings;
	target->world = world;
	target->own = g_new0(struct target_state, 1);
	target->own->sink = sink;
	target->own->owner = owner;
	target->own->feeds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	target->own->complaints = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	source_init(&target->source, settings->host->group, settings->host->name, settings->interval_s);
	assert(target->kind);
	(void)target_make(target);
	return target;
}

static gboolean claim_is_of(gpointer key G_GNUC_UNUSED, gpointer value, gpointer target)
{
	return value == target;
}

void target_destroy(struct target *target)
{
	if (!target) {
		return;
	}
	if (target->own->busy && target->state) {
		target->kind->cancel(target->state);
	}
	if (target->state) {
		target->kind->destroy(target->state);
	}
	if (target->world->claims) {
		g_hash_table_foreach_remove(target->world->claims, claim_is_of, target);
	}
	source_finish(&target->source);
	g_hash_table_destroy(target->own->feeds);
	g_hash_table_destroy(target->own->complaints);
	g_free(target->own);
	g_free(target);
}

/* -- a round -- */

bool target_busy(const struct target *target)
{
	return target->own->busy;
}

struct mono target_began(const struct target *target)
{
	return target->own->began;
}

struct source *target_feeds(struct target *target)
{
	return target->state && target->kind->feeds ? target->kind->feeds(target->state)
												: &target->source;
}

void target_begin(struct target *target, struct wall at, int64_t deadline_ms)
{
	struct target_state *own = target->own;
	assert(!own->busy);
	own->busy = true;
	own->at = at;
	own->began = mono_now();
	own->deadline = (struct mono){own->began.ms + deadline_ms};
	own->doing[0] = '\0';
	source_begin(&target->source);
	if (!target->state && !target_make(target)) {
		struct target_result result = {.alive = false};
		error_set(&result.error, ERR_CONFIG, "%s", own->trouble);
		target_done(target, &result);
		return;
	}
	target->kind->begin(target->state, at);
}

void target_doing(struct target *target, const char *stage)
{
	text_copy(target->own->doing, sizeof(target->own->doing), stage);
}

int64_t target_left_ms(const struct target *target)
{
	int64_t left = target->own->deadline.ms - mono_now().ms;
	return left > 0 ? left : 0;
}

static void target_finish(struct target *target, const struct target_result *result)
{
	struct target_state *own = target->own;
	own->busy = false;
	own->sink->done(own->owner, target, result);
}

void target_done(struct target *target, const struct target_result *result)
{
	assert(target->own->busy);
	target_hand_over(target, target->own->at);
	target_finish(target, result);
}

void target_expire(struct target *target)
{
	struct target_state *own = target->own;
	if (!own->busy) {
		return;
	}
	if (target->state) {
		target->kind->cancel(target->state);
	}
	struct target_result result = {.alive = false};
	double seconds = (double)(mono_now().ms - own->began.ms) / 1000;
	error_set(&result.error, ERR_TIMEOUT, "%s%sno end within %.1f s", own->doing,
		*own->doing ? ": " : "", seconds);
	target_finish(target, &result);
}

/* -- feeds -- */

static bool target_claim(struct target *target, const char *plugin, const struct service *service)
{
	if (!target->world->claims) {
		return true;
	}
	g_autofree char *key = g_strconcat(service->host_name, ":", service->name, NULL);
	const struct target *owner = g_hash_table_lookup(target->world->claims, key);
	if (owner && owner != target) {
		target_complain(target, plugin, "service collision: %s gives \"%s\" of this host already",
			owner->settings->id, service->name);
		return false;
	}
	if (!owner) {
		g_hash_table_insert(target->world->claims, g_steal_pointer(&key), target);
	}
	return true;
}

struct feed *target_find(const struct target *target, const char *service)
{
	return g_hash_table_lookup(target->own->feeds, service);
}

struct feed *target_declare(struct target *target, const char *plugin, struct service *service)
{
	struct feed *feed = target_find(target, service->name);
	if (feed) {
		source_redeclare(feed, service);
		return feed;
	}
	if (!strcmp(service->name, "node") || !target_claim(target, plugin, service)) {
		service_destroy(service);
		return NULL;
	}
	char *name = g_strdup(service->name);
	feed = source_add(&target->source, NULL, service);
	g_hash_table_insert(target->own->feeds, name, feed);
	return feed;
}

void target_end(struct target *target, struct feed *feed)
{
	g_autofree char *name = g_strdup(feed->declaration->service->name);
	g_hash_table_remove(target->own->feeds, name);
	if (target->world->claims) {
		g_autofree char *key = g_strconcat(feed->declaration->service->host_name, ":", name, NULL);
		g_hash_table_remove(target->world->claims, key);
	}
	source_end(feed);
	target_hand_over_feed(target, feed, target->own->at);
	source_sweep(&target->source);
}

bool target_claim_feed(struct target *target, struct feed *feed)
{
	return target_claim(target, feed->plugin ? feed->plugin : feed->declaration->service->name,
		feed->declaration->service);
}

void target_hand_over(struct target *target, struct wall at)
{
	struct source *source = target_feeds(target);
	target->own->sink->samples(target->own->owner, target, source, NULL, at);
	source_sweep(source);
	source_begin(source);
}

void target_hand_over_feed(struct target *target, struct feed *feed, struct wall at)
{
	target->own->sink->samples(target->own->owner, target, target_feeds(target), feed, at);
	feed_begin(feed);
}

/* -- what is said about it -- */

void target_complain(struct target *target, const char *plugin, const char *format, ...)
{
	GHashTable *complaints = target->own->complaints;
	va_list args;
	va_start(args, format);
	g_autofree char *raw = g_strdup_vprintf(format, args);
	va_end(args);
	char *text = text_clean(raw, strlen(raw), TARGET_TEXT_MAX);
	g_autofree char *name = text_clean(plugin, strlen(plugin), IDENT_SERVICE_MAX);
	target_trace(target, name, false, "%s", text);
	if (g_hash_table_contains(complaints, name) ||
		g_hash_table_size(complaints) < TARGET_COMPLAINTS_MAX) {
		g_hash_table_insert(complaints, g_steal_pointer(&name), text);
	} else {
		g_free(text);
	}
}

void target_content(struct target *target, const char *plugin)
{
	if (g_hash_table_size(target->own->complaints) == 0) {
		return;
	}
	g_autofree char *name = text_clean(plugin, strlen(plugin), IDENT_SERVICE_MAX);
	g_hash_table_remove(target->own->complaints, name);
}

static int complaint_compare(const void *a, const void *b)
{
	const struct target_complaint *left = a;
	const struct target_complaint *right = b;
	return strcmp(left->plugin, right->plugin);
}

size_t target_complaints(const struct target *target, struct target_complaint *out, size_t room)
{
	GHashTableIter iter;
	gpointer plugin, text;
	size_t count = 0;
	g_hash_table_iter_init(&iter, target->own->complaints);
	while (count < room && g_hash_table_iter_next(&iter, &plugin, &text)) {
		out[count++] = (struct target_complaint){plugin, text};
	}
	qsort(out, count, sizeof(out[0]), complaint_compare);
	return count;
}

bool target_traced(const struct target *target)
{
	return target->world->trace;
}

void target_trace(struct target *target, const char *step, bool good, const char *format, ...)
{
	if (!target->world->trace) {
		return;
	}
	va_list args;
	va_start(args, format);
	g_autofree char *raw = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *text = text_clean(raw, strlen(raw), TARGET_TEXT_MAX);
	target->world->trace(target->world->trace_owner, target->settings->id, step, good, text);
}
