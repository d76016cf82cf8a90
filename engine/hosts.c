/*
 * The strip is a ring of letters that is moved on when somebody looks at it or writes to it: the
 * hour of its last letter is stored with it, so that hours in which nothing ran show as no data.
 */
#include "engine/hosts.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { HOUR_S = 3600 };

struct hosts {
	GHashTable *by_name; /* -> struct store_host * */
};

/* Letters by level, and which is worse: unknown is less than a warning. */
static const char letters[] = "onwcu";
static const char by_weight[] = "-onuwc";

static void host_free(gpointer data)
{
	struct store_host *host = data;
	g_free(host->name);
	g_free(host->error);
	g_free(host);
}

struct hosts *hosts_create(void)
{
	struct hosts *hosts = g_new0(struct hosts, 1);
	hosts->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
	return hosts;
}

void hosts_destroy(struct hosts *hosts)
{
	if (hosts) {
		g_hash_table_unref(hosts->by_name);
		g_free(hosts);
	}
}

static void clear_strip(char strip[STORE_STRIP + 1])
{
	memset(strip, '-', STORE_STRIP);
	strip[STORE_STRIP] = '\0';
}

static struct store_host *host_for(struct hosts *hosts, const char *name)
{
	struct store_host *host = g_hash_table_lookup(hosts->by_name, name);
	if (!host) {
		host = g_new0(struct store_host, 1);
		host->name = g_strdup(name);
		host->error = g_strdup("");
		clear_strip(host->strip);
		g_hash_table_insert(hosts->by_name, host->name, host);
	}
	return host;
}

void hosts_restore(struct hosts *hosts, const struct store_host *stored)
{
	struct store_host *host = host_for(hosts, stored->name);
	g_free(host->error);
	host->error = g_strdup(stored->error);
	host->seen = stored->seen;
	host->up = stored->up;
	host->step_s = stored->step_s;
	host->strip_hour = stored->strip_hour;
	for (size_t i = 0; i < STORE_STRIP && stored->strip[i]; i++) {
		host->strip[i] = strchr(by_weight, stored->strip[i]) ? stored->strip[i] : '-';
	}
}

bool hosts_seen(struct hosts *hosts, const char *name, const struct hosts_round *round)
{
	bool is_new = !g_hash_table_contains(hosts->by_name, name);
	struct store_host *host = host_for(hosts, name);
	bool changed = is_new || host->up != round->up;
	if (round->up) {
		host->seen.ms = MAX(host->seen.ms, round->at.ms);
	}
	host->up = round->up;
	host->step_s = round->step_s;
	if (strcmp(host->error, round->error) != 0) {
		g_free(host->error);
		host->error = g_strdup(round->error);
	}
	return changed;
}

void hosts_strip(const struct store_host *host, struct wall now, char strip[STORE_STRIP + 1])
{
	int64_t passed = wall_s(now) / HOUR_S - host->strip_hour;
	size_t shift = passed < 0 ? 0 : passed > STORE_STRIP ? STORE_STRIP : (size_t)passed;
	clear_strip(strip);
	memcpy(strip, host->strip + shift, STORE_STRIP - shift);
}

bool hosts_level(struct hosts *hosts, const char *name, unsigned level, struct wall now)
{
	struct store_host *host = host_for(hosts, name);
	char strip[STORE_STRIP + 1];
	hosts_strip(host, now, strip);
	char letter = level < sizeof(letters) - 1 ? letters[level] : '-';
	char *last = &strip[STORE_STRIP - 1];
	if (strchr(by_weight, letter) > strchr(by_weight, *last)) {
		*last = letter;
	}
	bool changed = memcmp(strip, host->strip, STORE_STRIP) != 0;
	memcpy(host->strip, strip, sizeof(strip));
	host->strip_hour = MAX(host->strip_hour, wall_s(now) / HOUR_S);
	return changed;
}

const struct store_host *hosts_find(const struct hosts *hosts, const char *name)
{
	return g_hash_table_lookup(hosts->by_name, name);
}

void hosts_each(
	const struct hosts *hosts, void (*fn)(void *owner, const struct store_host *host), void *owner)
{
	GHashTableIter iter;
	gpointer host;
	g_hash_table_iter_init(&iter, hosts->by_name);
	while (g_hash_table_iter_next(&iter, NULL, &host)) {
		fn(owner, host);
	}
}
