#include "collector/services/redis_graphs.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Names, types and units are those of the plugin "redis" of Munin's contributions, so that its
 * files go on growing; which figure of INFO a field shows stands beside it. Counters are COUNTER
 * there, without limits, and stay that.
 */
struct redis_source {
	enum redis_graph graph;
	const char *field, *info;
};

static const struct redis_source redis_sources[] = {
	{REDIS_CLIENTS, "connected_clients", "connected_clients"},
	{REDIS_KEYS_PER_SEC, "hits", "keyspace_hits"},
	{REDIS_KEYS_PER_SEC, "misses", "keyspace_misses"},
	{REDIS_KEYS_PER_SEC, "expired", "expired_keys"},
	{REDIS_KEYS_PER_SEC, "evicted_keys", "evicted_keys"},
	{REDIS_PER_SEC, "requests", "total_commands_processed"},
	{REDIS_PER_SEC, "connections", "total_connections_received"},
	{REDIS_REPL_BACKLOG, "repl_backlog_size", "repl_backlog_size"},
	{REDIS_MEMORY, "used_memory", "used_memory"},
	{REDIS_MEMORY, "used_memory_peak", "used_memory_peak"},
	{REDIS_MEMORY, "used_memory_rss", "used_memory_rss"},
};

static const struct field_row redis_clients[] = {
	{"connected_clients", "connected clients", FIELD_GAUGE, .unit = "1"},
};
static const struct field_row redis_keys_per_sec[] = {
	{"hits", "hits", FIELD_COUNTER, .unit = "1/s", .info = "Lookups that found their key"},
	{"misses", "misses", FIELD_COUNTER, .unit = "1/s",
		.info = "Lookups of keys that are not there"},
	{"expired", "expirations", FIELD_COUNTER, .unit = "1/s", .info = "Keys whose time was over"},
	{"evicted_keys", "evictions", FIELD_COUNTER, .unit = "1/s",
		.info = "Keys dropped because the memory was full"},
};
static const struct field_row redis_key_ratio[] = {
	{"hitratio", "hit ratio", FIELD_GAUGE, .draw = "AREA", .unit = "%"},
	{"missratio", "miss ratio", FIELD_GAUGE, .draw = "STACK", .unit = "%"},
};
static const struct field_row redis_per_sec[] = {
	{"requests", "requests", FIELD_COUNTER, .unit = "1/s"},
	{"connections", "connections", FIELD_COUNTER, .unit = "1/s"},
};
static const struct field_row redis_backlog[] = {
	{"repl_backlog_size", "size of the backlog", FIELD_GAUGE, .unit = "B"},
};
static const struct field_row redis_lag[] = {
	{"repl_backlog_size", "seconds behind the master", FIELD_GAUGE, .unit = "s"},
};
static const struct field_row redis_memory[] = {
	{"used_memory", "used memory", FIELD_GAUGE, .unit = "B"},
	{"used_memory_peak", "most ever used", FIELD_GAUGE, .unit = "B"},
	{"used_memory_rss", "resident set", FIELD_GAUGE, .unit = "B",
		.info = "What the kernel counts, fragmentation included"},
};
static const struct field_row redis_keys[] = {
	{"total_keys", "all keys", FIELD_GAUGE, .unit = "1"},
	{"total_expires", "keys that expire", FIELD_GAUGE, .unit = "1"},
};

#define REDIS_ROW(of, fields_, ...)                                                                \
	[of] = {.category = "db", .fields = fields_, .field_count = ARRAY_LENGTH(fields_), __VA_ARGS__}

static const struct graph_row redis_rows[REDIS_GRAPHS] = {
	REDIS_ROW(REDIS_CLIENTS, redis_clients, .name = "redis_connected_clients",
		.title = "Connected clients", .args = "-l 0", .vlabel = "Connected clients",
		.info = "Clients that hold a connection to Redis, ours included."),
	REDIS_ROW(REDIS_KEYS_PER_SEC, redis_keys_per_sec, .name = "keys_per_sec",
		.title = "Keys Per Second", .args = "-l 0", .vlabel = "per ${graph_period}",
		.info = "What became of keys: looked up, expired, evicted."),
	REDIS_ROW(REDIS_KEY_RATIO, redis_key_ratio, .name = "redis_key_ratio",
		.title = "Key Hit vs Miss Ratio", .args = "-u 100 -l 0 -r --base 1000",
		.vlabel = "per ${graph_period}", .info = "Share of lookups since Redis began."),
	REDIS_ROW(REDIS_PER_SEC, redis_per_sec, .name = "redis_per_sec", .title = "Requests Per second",
		.args = "-l 0", .vlabel = "per ${graph_period}",
		.info = "Commands done and connections taken."),
	REDIS_ROW(REDIS_REPL_BACKLOG, redis_backlog, .name = "redis_repl_backlog_size",
		.title = "replication backlog", .args = "-l 0", .vlabel = "replication backlog",
		.info = "Bytes kept for replicas that were away for a moment."),
	REDIS_ROW(REDIS_REPL_LAG, redis_lag, .name = "redis_repl_lag", .title = "replication lag",
		.args = "-l 0", .vlabel = "replication lag",
		.info = "How long the first replica has not been heard of; 0 without one."),
	REDIS_ROW(REDIS_MEMORY, redis_memory, .name = "redis_used_memory", .title = "Used memory",
		.args = "-l 0 --base 1024", .vlabel = "Used memory",
		.info = "Memory of the data, at its height, and of the process."),
	REDIS_ROW(REDIS_KEYS, redis_keys, .name = "redis_used_keys", .title = "Used keys",
		.args = "-l 0", .vlabel = "Used keys", .info = "Keys by database."),
};

/* Value of NAME in "NAME=value,NAME=value". */
static bool redis_part(const char *text, const char *name, double *value)
{
	size_t length = strlen(name);
	while (text) {
		const char *end = strchrnul(text, ',');
		if (!strncmp(text, name, length) && text[length] == '=') {
			return number_parse(text + length + 1, (size_t)(end - text) - length - 1, value);
		}
		text = *end ? end + 1 : NULL;
	}
	return false;
}

bool redis_database_parse(const char *text, double *keys, double *expires)
{
	return text && redis_part(text, "keys", keys) && redis_part(text, "expires", expires);
}

double redis_lag_parse(const char *text)
{
	double lag = NAN;
	return text && redis_part(text, "lag", &lag) ? lag : NAN;
}

static const char *redis_database_name(unsigned number, char name[16])
{
	g_snprintf(name, 16, "db%u", number);
	return name;
}

/* Fields of databases: as many as there are at most now; one that is empty for a while stays. */
static void redis_declare_keys(struct redis_graphs *graphs, struct probe *probe, unsigned databases)
{
	struct service *service = probe_graph_begin(probe, &redis_rows[REDIS_KEYS], NULL);
	for (unsigned i = 0; i < databases; i++) {
		char name[32];
		char label[32];
		struct field_row row = {name, label, FIELD_GAUGE, .unit = "1"};
		g_snprintf(name, sizeof(name), "db%u_keys", i);
		g_snprintf(label, sizeof(label), "db%u keys", i);
		(void)graph_field(service, &row);
		g_snprintf(name, sizeof(name), "db%u_expires", i);
		g_snprintf(label, sizeof(label), "db%u expires", i);
		(void)graph_field(service, &row);
	}
	graphs->feeds[REDIS_KEYS] = probe_graph_declare(probe, service);
	graphs->databases = databases;
}

static void redis_fill_keys(
	struct redis_graphs *graphs, struct probe *probe, const struct stats *info)
{
	double total[2] = {0};
	char name[32];
	unsigned databases = graphs->databases;
	for (unsigned i = databases; i < REDIS_DATABASES_MAX; i++) {
		databases = stats_text(info, redis_database_name(i, name)) ? i + 1 : databases;
	}
	if (!graphs->feeds[REDIS_KEYS] || databases != graphs->databases) {
		redis_declare_keys(graphs, probe, databases);
	}
	for (unsigned i = 0; i < databases; i++) {
		double keys = 0;
		double expires = 0;
		const char *text = stats_text(info, redis_database_name(i, name));
		if (text && !redis_database_parse(text, &keys, &expires)) {
			continue;
		}
		g_snprintf(name, sizeof(name), "db%u_keys", i);
		probe_value(graphs->feeds[REDIS_KEYS], name, keys);
		g_snprintf(name, sizeof(name), "db%u_expires", i);
		probe_value(graphs->feeds[REDIS_KEYS], name, expires);
		total[0] += keys;
		total[1] += expires;
	}
	probe_value(graphs->feeds[REDIS_KEYS], "total_keys", total[0]);
	probe_value(graphs->feeds[REDIS_KEYS], "total_expires", total[1]);
}

void redis_graphs_fill(struct redis_graphs *graphs, struct probe *probe, const struct stats *info)
{
	for (size_t i = 0; i < REDIS_GRAPHS; i++) {
		if (!graphs->feeds[i] && i != REDIS_KEYS) {
			graphs->feeds[i] = probe_graph(probe, &redis_rows[i]);
		}
	}
	for (size_t i = 0; i < ARRAY_LENGTH(redis_sources); i++) {
		const struct redis_source *s = &redis_sources[i];
		probe_value(graphs->feeds[s->graph], s->field, stats_number(info, s->info));
	}
	double hits = stats_number(info, "keyspace_hits");
	double misses = stats_number(info, "keyspace_misses");
	double all = hits + misses;
	probe_value(graphs->feeds[REDIS_KEY_RATIO], "hitratio", all > 0 ? hits / all * 100 : all);
	probe_value(graphs->feeds[REDIS_KEY_RATIO], "missratio", all > 0 ? misses / all * 100 : all);
	const char *replica = stats_text(info, "slave0");
	probe_value(
		graphs->feeds[REDIS_REPL_LAG], "repl_backlog_size", replica ? redis_lag_parse(replica) : 0);
	redis_fill_keys(graphs, probe, info);
}
