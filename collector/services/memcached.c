#include "collector/services/memcached_reply.h"
#include "collector/services/probe.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * memcached: `mn`, which does nothing and is answered; `stats` for the graphs; the canary: a key
 * that ends after a minute is set, read and deleted, each round. With -M it refuses to store when
 * it is full, which only the canary sees. Releases before 1.6 do not know `mn` and say ERROR: an
 * answer too.
 *
 * Names and types of the graphs are stock Munin's memcached_ (the limits of its rates too).
 */
enum memcached_step { MEMCACHED_ASK, MEMCACHED_STATS, MEMCACHED_SET, MEMCACHED_GET };

enum memcached_graph { MEMCACHED_RATES, MEMCACHED_BYTES, MEMCACHED_COUNTERS, MEMCACHED_GRAPHS };

struct memcached_state {
	enum memcached_step step;
	struct stats stats;
	struct feed *feeds[MEMCACHED_GRAPHS];
	char key[40], value[16];
	bool seen; /* the value came back */
};

#define MEMCACHED_RATE(name_, label_, ...)                                                         \
	{                                                                                              \
		name_, label_, FIELD_DERIVE, .min = "0", .max = "5000", .draw = "LINE2", .unit = "1/s",    \
									 __VA_ARGS__                                                   \
	}

static const struct field_row memcached_rates[] = {
	MEMCACHED_RATE("memcache_cache_hits", "Cache hits"),
	MEMCACHED_RATE("memcache_cache_misses", "Cache misses"),
	MEMCACHED_RATE("memcache_cmd_get", "GET requests"),
	MEMCACHED_RATE("memcache_cmd_set", "SET requests"),
	MEMCACHED_RATE("memcache_total_connections", "New connections*100",
		.cdef = "memcache_total_connections,100,*"),
	MEMCACHED_RATE("memcache_total_items", "New items*5", .cdef = "memcache_total_items,5,*"),
};
static const struct field_row memcached_bytes[] = {
	{"memcache_bytes_read", "Bytes read", FIELD_COUNTER, .max = "1000000", .draw = "LINE2",
		.unit = "B/s", .hidden = true},
	{"memcache_bytes_written", "Bytes written", FIELD_COUNTER, .max = "1000000", .draw = "LINE2",
		.unit = "B/s", .negative = "memcache_bytes_read"},
};
static const struct field_row memcached_counters[] = {
	{"memcache_bytes_allocated", "Bytes allocated (KiB)", FIELD_GAUGE, .min = "0", .draw = "LINE2",
		.unit = "B", .cdef = "memcache_bytes_allocated,1024,/"},
	{"memcache_curr_connections", "Current connections*100", FIELD_GAUGE, .min = "0",
		.draw = "LINE2", .unit = "1", .cdef = "memcache_curr_connections,100,*"},
	{"memcache_curr_items", "Current items", FIELD_GAUGE, .min = "0", .draw = "LINE2", .unit = "1"},
};

#define MEMCACHED_ROW(of, fields_, ...)                                                            \
	[of] = {.category = "memcache",                                                                \
		.args = "--base 1000",                                                                     \
		.fields = fields_,                                                                         \
		.field_count = ARRAY_LENGTH(fields_),                                                      \
		__VA_ARGS__}

static const struct graph_row memcached_rows[MEMCACHED_GRAPHS] = {
	MEMCACHED_ROW(MEMCACHED_RATES, memcached_rates, .name = "memcached_rates",
		.title = "Memcached - Commands", .vlabel = "commands per ${graph_period}",
		.info = "What clients asked of the cache, and what of it was there."),
	MEMCACHED_ROW(MEMCACHED_BYTES, memcached_bytes, .name = "memcached_bytes",
		.title = "Memcached - Network traffic", .vlabel = "bytes in(-)/out(+) per ${graph_period}",
		.info = "Bytes that clients sent and got."),
	MEMCACHED_ROW(MEMCACHED_COUNTERS, memcached_counters, .name = "memcached_counters",
		.title = "Memcached - Current values", .vlabel = "Totals", .no_scale = true,
		.info = "What the cache holds now."),
};

static const struct memcached_source {
	enum memcached_graph graph;
	const char *field, *stat;
} memcached_sources[] = {
	{MEMCACHED_RATES, "memcache_cache_hits", "get_hits"},
	{MEMCACHED_RATES, "memcache_cache_misses", "get_misses"},
	{MEMCACHED_RATES, "memcache_cmd_get", "cmd_get"},
	{MEMCACHED_RATES, "memcache_cmd_set", "cmd_set"},
	{MEMCACHED_RATES, "memcache_total_connections", "total_connections"},
	{MEMCACHED_RATES, "memcache_total_items", "total_items"},
	{MEMCACHED_BYTES, "memcache_bytes_read", "bytes_read"},
	{MEMCACHED_BYTES, "memcache_bytes_written", "bytes_written"},
	{MEMCACHED_COUNTERS, "memcache_bytes_allocated", "bytes"},
	{MEMCACHED_COUNTERS, "memcache_curr_connections", "curr_connections"},
	{MEMCACHED_COUNTERS, "memcache_curr_items", "curr_items"},
};

static void memcached_start(struct probe *probe)
{
	struct memcached_state *s = probe->state;
	stats_init(&s->stats);
	g_snprintf(s->key, sizeof(s->key), "magpie_canary_%08x%08x", g_random_int(), g_random_int());
}

static void memcached_stop(struct probe *probe)
{
	struct memcached_state *s = probe->state;
	stats_finish(&s->stats);
}

static void memcached_open(struct probe *probe)
{
	struct memcached_state *s = probe->state;
	s->step = MEMCACHED_ASK;
	stream_send_text(probe->stream, "mn\r\n");
}

static void memcached_fill(struct probe *probe)
{
	struct memcached_state *s = probe->state;
	const char *version = stats_text(&s->stats, "version");
	if (version) {
		probe_version(probe, "memcached %s", version);
	}
	if (!probe->settings->metrics) {
		return;
	}
	for (size_t i = 0; i < MEMCACHED_GRAPHS; i++) {
		s->feeds[i] = s->feeds[i] ? s->feeds[i] : probe_graph(probe, &memcached_rows[i]);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(memcached_sources); i++) {
		const struct memcached_source *from = &memcached_sources[i];
		probe_value(s->feeds[from->graph], from->field, stats_number(&s->stats, from->stat));
	}
}

static bool memcached_ask(struct probe *probe, const struct memcached_reply *reply)
{
	struct memcached_state *s = probe->state;
	bool old = reply->kind == MEMCACHED_REFUSED && reply->length == 5; /* ERROR */
	if (memmem(reply->text, reply->length, "unauthenticated", 15)) {
		probe_succeed_but(probe, "alive, but it wants a login, which is not spoken here");
		return false;
	}
	if (reply->kind != MEMCACHED_MN && !old) {
		probe_fail(probe, "answers \"%.*s\"", (int)MIN(reply->length, 120U), reply->text);
		return false;
	}
	probe_reach(probe, PROBE_QUERY); /* there is no login in this protocol */
	s->step = MEMCACHED_STATS;
	stats_clear(&s->stats);
	stream_send_text(probe->stream, "stats\r\n");
	return true;
}

static bool memcached_stats(struct probe *probe, const struct memcached_reply *reply)
{
	struct memcached_state *s = probe->state;
	if (reply->kind == MEMCACHED_STAT) {
		stats_set(&s->stats, reply->name, reply->name_length, reply->text, reply->length);
		return true;
	}
	if (reply->kind != MEMCACHED_END) {
		probe_fail(probe, "answers \"%.*s\"", (int)MIN(reply->length, 120U), reply->text);
		return false;
	}
	memcached_fill(probe);
	if (!probe->settings->write) {
		probe_succeed(probe);
		return false;
	}
	probe_reach(probe, PROBE_WRITE);
	char text[160];
	g_snprintf(s->value, sizeof(s->value), "%08x", g_random_int());
	g_snprintf(text, sizeof(text), "set %s 0 60 %zu\r\n%s\r\n", s->key, strlen(s->value), s->value);
	s->step = MEMCACHED_SET;
	s->seen = false;
	stream_send_text(probe->stream, text);
	return true;
}

static bool memcached_set(struct probe *probe, const struct memcached_reply *reply)
{
	struct memcached_state *s = probe->state;
	if (reply->kind != MEMCACHED_STORED) {
		probe_canary(probe, false);
		probe_fail(probe, "refuses writes: %.*s", (int)MIN(reply->length, 120U), reply->text);
		return false;
	}
	char text[160];
	g_snprintf(text, sizeof(text), "get %s\r\ndelete %s noreply\r\n", s->key, s->key);
	s->step = MEMCACHED_GET;
	stream_send_text(probe->stream, text);
	return true;
}

static bool memcached_get(struct probe *probe, const struct memcached_reply *reply)
{
	struct memcached_state *s = probe->state;
	if (reply->kind == MEMCACHED_VALUE) {
		s->seen =
			reply->length == strlen(s->value) && !memcmp(reply->text, s->value, reply->length);
		return true;
	}
	probe_canary(probe, s->seen);
	if (s->seen && reply->kind == MEMCACHED_END) {
		probe_succeed(probe);
	} else {
		probe_fail(probe, "what was written a moment ago could not be read back");
	}
	return false;
}

static bool memcached_take(struct probe *probe, const struct memcached_reply *reply)
{
	static bool (*const steps[])(struct probe *, const struct memcached_reply *) = {
		[MEMCACHED_ASK] = memcached_ask,
		[MEMCACHED_STATS] = memcached_stats,
		[MEMCACHED_SET] = memcached_set,
		[MEMCACHED_GET] = memcached_get,
	};
	const struct memcached_state *s = probe->state;
	if (s->step == MEMCACHED_ASK && reply->length && reply->kind == MEMCACHED_REFUSED &&
		memmem(reply->text, reply->length, "Too many open connections", 25)) {
		probe_fail(probe, "takes no more connections");
		return false;
	}
	probe_reach(probe, PROBE_AUTHENTICATE);
	return steps[s->step](probe, reply);
}

static void memcached_data(struct probe *probe)
{
	for (;;) {
		size_t length = 0;
		struct memcached_reply reply;
		const char *bytes = stream_peek(probe->stream, &length);
		memcached_parse(bytes, length, &reply);
		if (reply.kind == MEMCACHED_MORE) {
			return;
		}
		if (reply.kind == MEMCACHED_BROKEN) {
			probe_fail(probe, "the answer is none of memcached");
			return;
		}
		/* the stream's bytes are gone once taken */
		char *kept = g_malloc(reply.used + 1);
		memcpy(kept, bytes, reply.used);
		kept[reply.used] = '\0';
		stream_take(probe->stream, reply.used);
		memcached_parse(kept, reply.used, &reply);
		bool goes_on = memcached_take(probe, &reply);
		g_free(kept);
		if (!goes_on) {
			return;
		}
	}
}

static const char *const memcached_processes[] = {"memcached", NULL};

const struct probe_kind probe_memcached = {
	.name = "memcached",
	.port = 11211,
	.state_size = sizeof(struct memcached_state),
	.start = memcached_start,
	.open = memcached_open,
	.data = memcached_data,
	.stop = memcached_stop,
	.processes = memcached_processes,
};
