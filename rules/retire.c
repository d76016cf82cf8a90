/*
 * Hosts and services that left the configuration. Their series stay in the catalog and are drawn,
 * but silence of what nobody asks is no news: a problem that is open ends, and none begins.
 *
 * I1: a retired instance remembers the instant of its retirement as its newest one: only a sample
 *     measured later makes it live again.
 */
#include "rules/retire.h"
#include "rules/instance.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

static void retire_instance(struct ruleset *set, struct instance *in, struct wall now)
{
	struct alert before = in->alert;
	if (in->retired) {
		return;
	}
	in->retired = true;
	in->value = NAN;
	in->known_ms = 0;
	in->sample_ms = MAX(in->sample_ms, now.ms); /* I1 */
	alert_reset(&in->alert, now.ms);
	judge_mark(set, in);
	judge_collect(set, in, &before, now.ms);
}

void ruleset_retire(struct ruleset *set, const char *host, const char *service, struct wall now,
	ruleset_transition_fn fn, void *owner)
{
	struct rule_host *h = set->hosts ? g_hash_table_lookup(set->hosts, host) : NULL;
	if (!h) {
		return;
	}
	h->retired = h->retired || !service;
	set->stamp++;
	for (guint i = 0; i < h->instances->len; i++) {
		struct instance *in = g_ptr_array_index(h->instances, i);
		if (!service || !strcmp(in->service, service)) {
			retire_instance(set, in, now);
		}
	}
	if (set->events->len) {
		judge_tell(set, now, fn, owner);
	}
}

void ruleset_employ(struct ruleset *set, const char *host)
{
	struct rule_host *h = set->hosts ? g_hash_table_lookup(set->hosts, host) : NULL;
	if (h && h->retired) {
		h->retired = false;
		h->seen_ms = 0;
		h->first_ms = 0;
		h->carried_ms = 0;
	}
}
