/*
 * What of an instance survives a restart or a reload: its alert with all runs. A versioned block of
 * bytes, little-endian; one that is not as promised is dropped, and the instance begins anew.
 */
#include "rules/instance.h"
#include "rules/retire.h"

#include <string.h>

#include "base/banned.h"

enum { VERSION = 1, FIXED = 5 + 4 * 8, PER_LEVEL = 3 * 8, LENGTH = FIXED + LEVELS * PER_LEVEL };

static unsigned char *put_i64(unsigned char *at, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++) {
		at[i] = (unsigned char)(v >> (8 * i));
	}
	return at + 8;
}

static const unsigned char *get_i64(const unsigned char *at, int64_t *v)
{
	uint64_t u = 0;
	for (unsigned i = 0; i < 8; i++) {
		u |= (uint64_t)at[i] << (8 * i);
	}
	*v = (int64_t)u;
	return at + 8;
}

static void write_state(const struct instance *in, unsigned char out[LENGTH])
{
	const struct alert *a = &in->alert;
	unsigned char *at = out;
	uint64_t bits;
	*at++ = VERSION;
	*at++ = a->level;
	*at++ = a->entered;
	*at++ = a->candidate;
	*at++ = a->absent;
	at = put_i64(at, (uint64_t)a->since_ms);
	at = put_i64(at, (uint64_t)in->sample_ms);
	at = put_i64(at, (uint64_t)in->known_ms);
	memcpy(&bits, &in->value, sizeof(bits));
	at = put_i64(at, bits);
	for (unsigned i = 0; i < LEVELS; i++) {
		at = put_i64(at, (uint64_t)a->runs[i].run_ms);
		at = put_i64(at, (uint64_t)a->runs[i].clear_ms);
		at = put_i64(at, a->runs[i].bits);
	}
}

static bool read_state(struct instance *in, const unsigned char *at, size_t length)
{
	int64_t bits;
	if (length != LENGTH || at[0] != VERSION || at[1] >= LEVEL_COUNT || at[2] >= 1U << LEVELS ||
		at[3] >= LEVEL_COUNT || at[4] > 1) {
		return false;
	}
	struct alert a = {.level = at[1], .entered = at[2], .candidate = at[3], .absent = at[4] == 1};
	at += 5;
	at = get_i64(at, &a.since_ms);
	at = get_i64(at, &in->sample_ms);
	at = get_i64(at, &in->known_ms);
	at = get_i64(at, &bits);
	memcpy(&in->value, &bits, sizeof(bits));
	for (unsigned i = 0; i < LEVELS; i++) {
		at = get_i64(at, &a.runs[i].run_ms);
		at = get_i64(at, &a.runs[i].clear_ms);
		at = get_i64(at, &bits);
		a.runs[i].bits = (uint64_t)bits;
	}
	in->alert = a;
	return true;
}

/*
 * A host that was silent before a restart is silent on: its age goes on where it stood, without the
 * time in which nobody could have heard it. Else each restart would end the alert and begin it
 * anew.
 */
static void carry_age(struct instance *in)
{
	const struct program *value = &in->bound->rule->value;
	bool age = value->count == 1 && value->ops[0].code == OP_HOST_AGE;
	bool told = in->alert.level != LEVEL_OK || in->alert.candidate != LEVEL_OK;
	if (age && told && in->value > 0 && in->value < 1e9) {
		in->host->carried_ms = MAX(in->host->carried_ms, (int64_t)(in->value * 1000));
	}
}

void state_apply(struct ruleset *set, struct instance *in)
{
	GBytes *saved = g_hash_table_lookup(set->saved, in->key);
	if (!saved) {
		in->pristine = true;
		return;
	}
	size_t length;
	const unsigned char *bytes = g_bytes_get_data(saved, &length);
	if (read_state(in, bytes, length)) {
		carry_age(in);
		judge_activate(set, in);
		if (in->known_ms && !in->alert.absent && judge_by_samples(in)) {
			judge_wheel_add(set, in, 0);
		}
	} else {
		in->pristine = true;
	}
	g_hash_table_remove(set->saved, in->key);
}

void ruleset_save(struct ruleset *set, bool all,
	void (*row)(void *owner, const char *key, const void *state, size_t length), void *owner)
{
	unsigned char bytes[LENGTH];
	for (guint i = 0; i < set->dirty->len; i++) {
		struct instance *in = g_ptr_array_index(set->dirty, i);
		in->dirty = false;
		if (!all) {
			write_state(in, bytes);
			row(owner, in->key, bytes, LENGTH);
		}
	}
	g_ptr_array_set_size(set->dirty, 0);
	for (guint i = 0; i < set->rules->len && all; i++) {
		const struct bound_rule *b = g_ptr_array_index(set->rules, i);
		GHashTableIter iter;
		void *p;
		g_hash_table_iter_init(&iter, b->instances);
		while (g_hash_table_iter_next(&iter, NULL, &p)) {
			const struct instance *in = p;
			if (in->live) {
				write_state(in, bytes);
				row(owner, in->key, bytes, LENGTH);
			}
		}
	}
}

static GHashTable *live_by_key(const struct ruleset *set)
{
	GHashTable *all = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < set->rules->len; i++) {
		GHashTableIter iter;
		void *p;
		g_hash_table_iter_init(&iter, ((struct bound_rule *)set->rules->pdata[i])->instances);
		while (g_hash_table_iter_next(&iter, NULL, &p)) {
			struct instance *in = p;
			if (in->live) {
				g_hash_table_insert(all, (char *)in->key, in);
			}
		}
	}
	return all;
}

static void carry_host(const struct rule_host *from, struct ruleset *set)
{
	struct rule_host *to = set->hosts ? g_hash_table_lookup(set->hosts, from->name) : NULL;
	if (to) {
		to->retired = from->retired;
	}
}

void ruleset_carry(const struct ruleset *from, struct ruleset *to)
{
	g_autoptr(GHashTable) old = live_by_key(from);
	g_autoptr(GHashTable) live = live_by_key(to);
	unsigned char bytes[LENGTH];
	GHashTableIter iter;
	gpointer key;
	gpointer value;
	if (from->hosts) {
		g_hash_table_iter_init(&iter, from->hosts);
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			carry_host(value, to);
		}
	}
	g_hash_table_iter_init(&iter, old);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		struct instance *in = g_hash_table_lookup(live, key);
		write_state(value, bytes);
		g_hash_table_replace(to->saved, g_strdup(key), g_bytes_new(bytes, LENGTH));
		if (in) {
			in->retired = ((const struct instance *)value)->retired;
			state_apply(to, in);
		}
	}
}

static struct instance *find_live(struct ruleset *set, const char *key)
{
	for (guint i = 0; i < set->rules->len; i++) {
		const struct bound_rule *b = g_ptr_array_index(set->rules, i);
		size_t n = strlen(b->rule->name);
		if (strncmp(key, b->rule->name, n) || key[n] != ' ') {
			continue;
		}
		GHashTableIter iter;
		void *p;
		g_hash_table_iter_init(&iter, b->instances);
		while (g_hash_table_iter_next(&iter, NULL, &p)) {
			struct instance *in = p;
			if (in->live && !strcmp(in->key, key)) {
				return in;
			}
		}
	}
	return NULL;
}

void ruleset_restore(struct ruleset *set, const char *key, const void *state, size_t length)
{
	g_hash_table_replace(set->saved, g_strdup(key), g_bytes_new(state, length));
	struct instance *in = set->live ? find_live(set, key) : NULL;
	if (in) {
		state_apply(set, in);
	}
}
