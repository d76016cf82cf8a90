#include "collector/services/probe.h"
#include "collector/services/redis_graphs.h"
#include "collector/services/resp.h"

#include <string.h>

#include "base/banned.h"

/*
 * Redis and what speaks its protocol (Valkey, KeyDB): AUTH if there is a password, PING, INFO, and
 * the canary: SET of a key that ends by itself, GET, DEL. One command after the other; an error is
 * a word that says what is wrong, often without any command being at fault (LOADING, BUSY,
 * "max number of clients reached"), so that a table says what it means to people.
 *
 * A server that wants a password nobody gave us is alive: that is told, and no fault. A replica
 * that was found here by itself is not written to, as refusing that is its job; one that somebody
 * configured is, unless `write no`, for a master that became a replica is what the canary is for.
 * The canary costs no more than a PING, so each round has one.
 */
enum redis_step {
	REDIS_AUTH,
	REDIS_PING,
	REDIS_INFO,
	REDIS_SET,
	REDIS_GET,
	REDIS_DEL,
};

struct redis_state {
	enum redis_step step;
	struct stats info;
	struct redis_graphs graphs;
	char key[64], value[32];
	bool canary_good;
	GString *request;
};

static const struct redis_error {
	const char *code, *meaning;
} redis_errors[] = {
	{"LOADING", "is still loading its data"},
	{"BUSY", "is busy with a script that does not end"},
	{"MASTERDOWN", "is a replica that lost its master and does not serve old data"},
	{"MISCONF", "refuses writes, as it could not save its data to disk"},
	{"OOM", "refuses writes, as the memory it may use is full"},
	{"READONLY", "is a read-only replica"},
	{"NOREPLICAS", "refuses writes, as too few replicas follow"},
	{"CLUSTERDOWN", "refuses, as its cluster is down"},
	{"DENIED", "refuses, as it is in protected mode"},
	{"NOPERM", "refuses, as the user may not do that"},
	{"WRONGPASS", "refuses user or password"},
	{"NOAUTH", "wants a password"},
};

static void redis_fail(struct probe *probe, const struct resp_value *value)
{
	int length = (int)MIN(value->length, 120U);
	for (size_t i = 0; i < ARRAY_LENGTH(redis_errors); i++) {
		if (resp_is_error(value, redis_errors[i].code)) {
			probe_fail(probe, "%s (%s)", redis_errors[i].meaning, redis_errors[i].code);
			return;
		}
	}
	probe_fail(probe, "answers \"%.*s\"", length, value->text);
}

static void redis_send(
	struct probe *probe, enum redis_step step, const char *const *words, size_t count)
{
	struct redis_state *s = probe->state;
	s->step = step;
	g_string_truncate(s->request, 0);
	resp_append(s->request, words, count);
	stream_send(probe->stream, s->request->str, s->request->len);
	explicit_bzero(s->request->str, s->request->len); /* there may be a password in it */
}

#define REDIS_SEND(probe, step, ...)                                                               \
	redis_send(probe, step, (const char *const[]){__VA_ARGS__},                                    \
		ARRAY_LENGTH(((const char *const[]){__VA_ARGS__})))

static void redis_start(struct probe *probe)
{
	struct redis_state *s = probe->state;
	stats_init(&s->info);
	s->request = g_string_new(NULL);
	g_snprintf(s->key, sizeof(s->key), "magpie:canary:%08x%08x", g_random_int(), g_random_int());
}

static void redis_stop(struct probe *probe)
{
	struct redis_state *s = probe->state;
	stats_finish(&s->info);
	g_string_free(s->request, TRUE);
}

static void redis_open(struct probe *probe)
{
	const char *user = probe->settings->user;
	if (!probe->password) {
		REDIS_SEND(probe, REDIS_PING, "PING");
	} else if (user) {
		REDIS_SEND(probe, REDIS_AUTH, "AUTH", user, probe->password);
	} else {
		REDIS_SEND(probe, REDIS_AUTH, "AUTH", probe->password);
	}
}

/* Whether an error to AUTH only says that no password is needed (before and since Redis 6). */
static bool redis_needs_none(const struct resp_value *value)
{
	return value->kind == RESP_ERROR &&
		   (memmem(value->text, value->length, "no password is set", 18) ||
			   memmem(value->text, value->length, "without any password configured", 31));
}

/* The first answer of a server that takes nobody more says so whatever was asked. */
static bool redis_is_full(const struct resp_value *value)
{
	return value->kind == RESP_ERROR &&
		   memmem(value->text, value->length, "max number of clients", 21);
}

/* A command that is not known is quoted with its arguments, of which one is the password. */
static bool redis_quotes_us(const struct resp_value *value)
{
	return value->kind == RESP_ERROR && memmem(value->text, value->length, "unknown command", 15);
}

static bool redis_auth(struct probe *probe, const struct resp_value *value)
{
	if (redis_quotes_us(value)) {
		probe_fail(probe, "does not know the command AUTH");
		return false;
	}
	if (value->kind == RESP_ERROR && !redis_needs_none(value)) {
		redis_fail(probe, value);
		return false;
	}
	if (value->kind == RESP_ERROR) {
		probe_complain(probe, "login", "a password is configured, but the service wants none");
	} else {
		probe_content(probe, "login");
	}
	REDIS_SEND(probe, REDIS_PING, "PING");
	return true;
}

static bool redis_ping(struct probe *probe, const struct resp_value *value)
{
	if (resp_is_error(value, "NOAUTH")) {
		probe_succeed_but(probe, "alive, but it wants a password and none is configured");
		return false;
	}
	probe_reach(probe, PROBE_QUERY);
	/* a failed save is told to PING too, though all but writes works: the canary is to say it */
	bool answers = resp_is_error(value, "NOPERM") || resp_is_error(value, "MISCONF");
	if (value->kind == RESP_ERROR && !answers) {
		redis_fail(probe, value);
		return false;
	}
	REDIS_SEND(probe, REDIS_INFO, "INFO");
	return true;
}

/* Whether the canary makes sense here. */
static bool redis_may_write(struct probe *probe)
{
	const struct redis_state *s = probe->state;
	const char *role = stats_text(&s->info, "role");
	bool replica = role && !strcmp(role, "slave");
	return probe->settings->write && !(replica && probe->settings->found);
}

static void redis_read_info(struct probe *probe, const struct resp_value *value)
{
	struct redis_state *s = probe->state;
	stats_clear(&s->info);
	stats_read_lines(&s->info, value->text, value->length, ':');
	const char *version = stats_text(&s->info, "redis_version");
	if (version) {
		probe_version(probe, "redis %s", version);
	}
	if (probe->settings->metrics) {
		redis_graphs_fill(&s->graphs, probe, &s->info);
	}
	probe_content(probe, "INFO");
}

static bool redis_info(struct probe *probe, const struct resp_value *value)
{
	struct redis_state *s = probe->state;
	if (value->kind == RESP_BULK) {
		redis_read_info(probe, value);
	} else if (resp_is_error(value, "NOPERM")) {
		stats_clear(&s->info);
		probe_complain(probe, "INFO", "the user may not ask for INFO, so there are no graphs");
	} else {
		redis_fail(probe, value);
		return false;
	}
	if (!redis_may_write(probe)) {
		probe_succeed(probe);
		return false;
	}
	probe_reach(probe, PROBE_WRITE);
	g_snprintf(s->value, sizeof(s->value), "%08x", g_random_int());
	s->canary_good = false;
	REDIS_SEND(probe, REDIS_SET, "SET", s->key, s->value, "EX", "60");
	return true;
}

/* Errors to SET that say nothing about whether the server can write; NULL: it is none of them. */
static const char *redis_not_ours(const struct resp_value *value)
{
	if (resp_is_error(value, "MOVED") || resp_is_error(value, "ASK")) {
		return "its key belongs to another node of the cluster: say `write no`";
	}
	return resp_is_error(value, "NOPERM")
			   ? "the user may not write here: grant it, or say `write no`"
			   : NULL;
}

static bool redis_set(struct probe *probe, const struct resp_value *value)
{
	const struct redis_state *s = probe->state;
	const char *why = redis_not_ours(value);
	if (why) {
		if (!probe->settings->found) {
			probe_complain(probe, "canary", "%s", why);
		}
		probe_succeed(probe);
		return false;
	}
	probe_content(probe, "canary");
	if (value->kind == RESP_ERROR) {
		probe_canary(probe, false);
		redis_fail(probe, value);
		return false;
	}
	REDIS_SEND(probe, REDIS_GET, "GET", s->key);
	return true;
}

static bool redis_get(struct probe *probe, const struct resp_value *value)
{
	struct redis_state *s = probe->state;
	s->canary_good = value->kind == RESP_BULK && value->length == strlen(s->value) &&
					 !memcmp(value->text, s->value, value->length);
	REDIS_SEND(probe, REDIS_DEL, "DEL", s->key);
	return true;
}

static bool redis_del(struct probe *probe, const struct resp_value *value UNUSED)
{
	const struct redis_state *s = probe->state;
	probe_canary(probe, s->canary_good);
	if (s->canary_good) {
		probe_succeed(probe);
	} else {
		probe_fail(probe, "what was written a moment ago could not be read back");
	}
	return false;
}

/* One reply; false: the round is over. */
static bool redis_reply(struct probe *probe, const struct resp_value *value)
{
	const struct redis_state *s = probe->state;
	if (redis_is_full(value)) {
		probe_fail(probe, "takes no more clients (maxclients is reached)");
		return false;
	}
	if (resp_is_error(value, "DENIED")) {
		redis_fail(probe, value);
		return false;
	}
	probe_reach(probe, PROBE_AUTHENTICATE);
	switch (s->step) {
	case REDIS_AUTH: return redis_auth(probe, value);
	case REDIS_PING: return redis_ping(probe, value);
	case REDIS_INFO: return redis_info(probe, value);
	case REDIS_SET: return redis_set(probe, value);
	case REDIS_GET: return redis_get(probe, value);
	case REDIS_DEL: return redis_del(probe, value);
	}
	return false;
}

static void redis_data(struct probe *probe)
{
	for (;;) {
		size_t length = 0;
		size_t used = 0;
		struct resp_value value;
		const char *bytes = stream_peek(probe->stream, &length);
		enum resp_result result = resp_parse(bytes, length, &value, &used);
		if (result == RESP_MORE) {
			return;
		}
		if (result == RESP_BROKEN) {
			probe_fail(probe, "the answer is none of Redis");
			return;
		}
		char *kept = g_malloc(value.length + 1); /* the stream's is gone once taken */
		memcpy(kept, value.text, value.length);
		stream_take(probe->stream, used);
		value.text = kept;
		bool goes_on = redis_reply(probe, &value);
		g_free(kept);
		if (!goes_on) {
			return;
		}
	}
}

static const char *const redis_processes[] = {
	"redis-server", "valkey-server", "keydb-server", NULL};
static const char *const redis_sockets[] = {
	"/run/redis/redis-server.sock", "/run/redis/redis.sock", NULL};

const struct probe_kind probe_redis = {
	.name = "redis",
	.port = 6379,
	.state_size = sizeof(struct redis_state),
	.input_max = RESP_TEXT_MAX + 4096,
	.start = redis_start,
	.open = redis_open,
	.data = redis_data,
	.stop = redis_stop,
	.processes = redis_processes,
	.sockets = redis_sockets,
};
