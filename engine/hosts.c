/*
 * One entry per host, made when something is said of it first, from the store or by a round.
 */
#include "engine/hosts.h"
#include "engine/strip.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

struct hosts {
	GHashTable *by_name; /* -> struct store_host * */
};

static const char letters[] = "onwcu"; /* by level */

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

static struct store_host *host_for(struct hosts *hosts, const char *name)
{
	struct store_host *host = g_hash_table_lookup(hosts->by_name, name);
	if (!host) {
		host = g_new0(struct store_host, 1);
		host->name = g_strdup(name);
		host->error = g_strdup("");
		strip_clear(host->strip);
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
	strip_restore(host->strip, stored->strip);
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
	strip_read(host->strip, host->strip_hour, now, strip);
}

bool hosts_level(struct hosts *hosts, const char *name, unsigned level, struct wall now)
{
	struct store_host *host = host_for(hosts, name);
	char letter = level < sizeof(letters) - 1 ? letters[level] : '-';
	return strip_note(host->strip, &host->strip_hour, letter, now);
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
