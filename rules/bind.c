/*
 * Rules meet series. Every new field of the catalog is shown to the operands that may want it: by
 * the plugin's name where that is literal, else one by one. An operand remembers what it found
 * under the values of its dimensions; the driver, which has all dimensions of the value, makes the
 * instances; an instance becomes live when every series of its value is there.
 *
 * I1: a field without a number is not looked at; its service is looked at again next time.
 * I2: an instance never loses a series: a field that is gone is missing, not resolved.
 */
#include "rules/instance.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

enum {
	NODE_STEP_S = 10,     /* step of what depends on node:age alone */
	SEEN_FIELD_BITS = 16, /* of ruleset->services */
};
G_STATIC_ASSERT(sizeof(size_t) == 8);

/* -- dimensions -- */

/* Values of an operand's dimensions in a match, beside rule->dims; NULL where it has none. */
static void dimension_values(const struct operand *o, const struct selector_match *match,
	const char *const names[3], const char *values[DIMENSIONS_MOST])
{
	memset(values, 0, DIMENSIONS_MOST * sizeof(*values));
	values[0] = names[0];
	if (o->service_dim) {
		values[o->service_dim] = names[1];
	}
	if (o->field_dim) {
		values[o->field_dim] = names[2];
	}
	for (unsigned i = 0; i < o->selector->capture_count; i++) {
		values[o->capture_dim[i]] = match->capture[i];
	}
}

/* The values of some dimensions as one text. */
static char *dimension_key(unsigned dims, const char *const *values)
{
	GString *key = g_string_new(NULL);
	for (unsigned i = 0; i < DIMENSIONS_MOST; i++) {
		if (dims & (1U << i)) {
			g_string_append_printf(key, "%s\x1f", values[i] ? values[i] : "");
		}
	}
	return g_string_free(key, FALSE);
}

/* What the instance is called over restarts and reloads: `disk_full web1 field=_dev_vda`. */
static char *instance_key(const struct rule *r, const char *const *values)
{
	GString *key = g_string_new(r->name);
	g_string_append_printf(key, " %s", values[0]);
	for (unsigned i = 1; i < r->dim_count; i++) {
		if (r->value_dims & (1U << i)) {
			g_string_append_printf(key, " %s=%s", r->dims[i], values[i]);
		}
	}
	return g_string_free(key, FALSE);
}

/* -- hosts -- */

static void host_destroy(void *p)
{
	struct rule_host *h = p;
	g_ptr_array_unref(h->instances);
	g_free(h->name);
	g_free(h->group);
	g_free(h);
}

struct rule_host *bind_host(struct ruleset *set, const char *name)
{
	if (!set->hosts) {
		set->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_destroy);
	}
	struct rule_host *h = g_hash_table_lookup(set->hosts, name);
	if (!h) {
		h = g_new0(struct rule_host, 1);
		h->name = g_strdup(name);
		h->group = g_strdup("");
		h->instances = g_ptr_array_new();
		g_hash_table_insert(set->hosts, h->name, h);
	}
	return h;
}

static bool in_group(const char *group, const char *wanted)
{
	size_t n = strlen(wanted);
	return !strncmp(group, wanted, n) && (!group[n] || group[n] == '/');
}

static bool host_wanted(const struct body *body, const struct rule_host *host)
{
	bool named = false;
	bool wanted = false;
	for (guint i = 0; body->hosts && i < body->hosts->len; i++) {
		const struct host_pattern *h = &g_array_index(body->hosts, struct host_pattern, i);
		bool match = h->group ? in_group(host->group, h->pattern.source)
							  : pattern_match(&h->pattern, host->name, NULL, NULL);
		if (h->exclude && match) {
			return false;
		}
		named = named || !h->exclude;
		wanted = wanted || (match && !h->exclude);
	}
	return wanted || !named;
}

/* -- plans and shapes -- */

static const struct rule *find_rule(void *owner, const char *name)
{
	struct ruleset *set = owner;
	struct bound_rule *b = g_hash_table_lookup(set->by_name, name);
	return b ? b->rule : NULL;
}

static const struct plan *find_plan(struct bound_rule *b, const struct plan_target *target)
{
	const struct layer *from[SLOT_COUNT];
	char *key = plan_key(b->rule, target, b->set->complaints, from);
	struct plan *plan = NULL;
	for (guint i = 0; i < b->plans->len && !plan; i++) {
		struct plan *p = g_ptr_array_index(b->plans, i);
		plan = strcmp(p->key, key) ? NULL : p;
	}
	if (!plan) {
		plan = plan_create(b->rule, target, find_rule, b->set, b->set->complaints);
		g_ptr_array_add(b->plans, plan);
	}
	g_free(key);
	return plan;
}

static bool same_types(const struct series_type *a, const struct series_type *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!unit_same(a[i].scale.unit, b[i].scale.unit) ||
			a[i].scale.factor != b[i].scale.factor || a[i].scale.offset != b[i].scale.offset ||
			a[i].counter != b[i].counter || a[i].known != b[i].known) {
			return false;
		}
	}
	return true;
}

/* Takes `types`. */
static const struct shape *find_shape(struct bound_rule *b, struct series_type *types)
{
	unsigned count = b->rule->operands->len;
	for (guint i = 0; i < b->shapes->len; i++) {
		struct shape *s = g_ptr_array_index(b->shapes, i);
		if (same_types(s->types, types, count)) {
			g_free(types);
			return s;
		}
	}
	struct shape *s = g_new0(struct shape, 1);
	s->count = count;
	s->types = types;
	s->fits = rule_fits(b->rule, types, &s->unit, b->set->complaints);
	g_ptr_array_add(b->shapes, s);
	return s;
}

/* -- instances -- */

static struct operand *operand_at(const struct bound_rule *b, unsigned i)
{
	return &g_array_index(b->rule->operands, struct operand, i);
}

/* Fields found for the operands of an instance, in the order of operands; NULL: none yet. */
static void look_up(struct instance *in, struct field **fields)
{
	struct bound_rule *b = in->bound;
	for (unsigned i = 0; i < b->rule->operands->len; i++) {
		const struct operand *o = operand_at(b, i);
		char *key = dimension_key(o->dims, in->dims);
		fields[i] = o->host_age ? NULL : g_hash_table_lookup(b->found[i], key);
		g_free(key);
	}
}

static void listen_to(struct ruleset *set, struct instance *in, uint32_t series_id)
{
	if (set->by_series->len <= series_id) {
		g_ptr_array_set_size(set->by_series, (int)series_id + 1);
	}
	struct listeners *list = g_ptr_array_index(set->by_series, series_id);
	uint32_t count = list ? list->count : 0;
	for (uint32_t i = 0; i < count; i++) {
		if (list->instances[i] == in) {
			return;
		}
	}
	list = g_realloc(list, sizeof(*list) + (count + 1) * sizeof(list->instances[0]));
	list->instances[count] = in;
	list->count = count + 1;
	set->by_series->pdata[series_id] = list;
}

/* Which series the instance is about, for people. */
static void set_subject(struct instance *in, struct field **fields)
{
	struct bound_rule *b = in->bound;
	const struct field *only = NULL;
	bool one = true;
	bool same = true;
	for (unsigned i = 0; i < b->rule->operands->len; i++) {
		const struct field *f = fields[i];
		if (!operand_at(b, i)->required || !f) {
			continue;
		}
		one = one && !only;
		same = same && (!only || only->service == f->service);
		only = only ? only : f;
	}
	bool age = !only;
	GStringChunk *texts = b->set->texts;
	in->service = age    ? "node"
				  : same ? g_string_chunk_insert_const(texts, only->service->name)
						 : "";
	in->field = age ? "age" : one ? g_string_chunk_insert_const(texts, only->name) : "";
	in->label = only && one && only->label && *only->label
					? g_string_chunk_insert_const(texts, only->label)
					: in->field;
}

static void go_live(struct ruleset *set, struct instance *in)
{
	in->live = true;
	in->number = ++set->numbers;
	set->live++;
	g_ptr_array_add(in->host->instances, in);
	if (in->bound->rule->timed) {
		g_ptr_array_add(set->timed, in);
	}
	state_apply(set, in);
}

/* Puts in what was found; true: nothing is left to be found. */
static bool complete(struct ruleset *set, struct instance *in)
{
	struct bound_rule *b = in->bound;
	unsigned count = b->rule->operands->len;
	struct field *fields[OPERANDS_MOST];
	look_up(in, fields);
	bool all = true;
	for (unsigned i = 0; i < count; i++) {
		const struct operand *o = operand_at(b, i);
		bool there = fields[i] || o->host_age;
		all = all && there;
		if (!there && o->required) {
			return false;
		}
	}
	struct series_type *types = g_new0(struct series_type, count + 1);
	for (unsigned i = 0; i < count; i++) {
		types[i] =
			fields[i] ? typing_of_field(fields[i]) : typing_of_selector(operand_at(b, i)->selector);
	}
	in->shape = find_shape(b, types);
	if (!in->shape->fits) {
		return true; /* told; it can never be judged */
	}
	for (unsigned i = 0; i < count; i++) {
		struct operand_ref *ref = &in->operands[i];
		ref->scale = in->shape->types[i].scale;
		ref->counter = in->shape->types[i].counter;
		if (fields[i] && !ref->series_id) {
			ref->series_id = fields[i]->series_id;
			ref->step_s = fields[i]->service->step_s ? fields[i]->service->step_s : 1;
			in->step_s = MAX(in->step_s, ref->step_s);
			listen_to(set, in, ref->series_id);
		}
	}
	in->step_s = in->step_s ? in->step_s : NODE_STEP_S;
	if (!in->live) {
		set_subject(in, fields);
		go_live(set, in);
	}
	return all;
}

/* `found`: the driver's key, kept in the set's texts; NULL: it has none. */
static void make_instance(struct bound_rule *b, struct rule_host *host, const char *const *values,
	const struct plan_target *target, const char *found)
{
	if (!host_wanted(b->rule->item->body, host)) {
		return;
	}
	g_autofree char *key = dimension_key(b->rule->value_dims, values);
	if (g_hash_table_contains(b->instances, key)) {
		return;
	}
	unsigned count = b->rule->operands->len;
	struct instance *in = g_malloc0(
		sizeof(*in) + count * sizeof(in->operands[0]) + b->rule->dim_count * sizeof(in->dims[0]));
	g_autofree char *name = instance_key(b->rule, values);
	in->bound = b;
	in->host = host;
	in->value = NAN;
	in->key = g_string_chunk_insert(b->set->texts, name);
	in->service = in->field = in->label = "";
	in->dims = (const char **)(void *)(in->operands + count);
	for (unsigned i = 0; i < b->rule->dim_count; i++) {
		in->dims[i] = values[i] ? g_string_chunk_insert_const(b->set->texts, values[i]) : NULL;
	}
	in->plan = find_plan(b, target);
	const char *kept =
		found && !strcmp(found, key) ? found : g_string_chunk_insert(b->set->texts, key);
	g_hash_table_insert(b->instances, (char *)kept, in);
	if (!in->plan->disabled) {
		g_ptr_array_add(b->incomplete, in);
	}
}

void instance_destroy(struct instance *instance)
{
	g_free(instance);
}

/* -- fields and hosts of the catalog -- */

static void offer(const struct watch_entry *w, struct rule_host *host, struct field *field)
{
	struct bound_rule *b = w->bound;
	const struct operand *o = operand_at(b, w->operand);
	const char *const names[3] = {host->name, field->service->name, field->name};
	struct selector_match match;
	if (o->host_age || !selector_match(o->selector, names[0], names[1], names[2], &match)) {
		return;
	}
	const char *values[DIMENSIONS_MOST];
	dimension_values(o, &match, names, values);
	g_autofree char *key = dimension_key(o->dims, values);
	void *kept = NULL;
	if (!g_hash_table_lookup_extended(b->found[w->operand], key, &kept, NULL)) {
		kept = g_string_chunk_insert(b->set->texts, key);
		g_hash_table_insert(b->found[w->operand], kept, field);
	}
	if (w->operand == b->rule->driver) {
		struct plan_target target = {names[0], host->group, names[1], names[2]};
		make_instance(b, host, values, &target, kept);
	}
}

/* The interval was changed: what counts in steps counts in the new ones. */
static void take_step(struct ruleset *set, const struct field *field, uint32_t step_s)
{
	const struct listeners *list = field->series_id && field->series_id < set->by_series->len
									   ? g_ptr_array_index(set->by_series, field->series_id)
									   : NULL;
	for (uint32_t i = 0; list && i < list->count; i++) {
		struct instance *in = list->instances[i];
		in->step_s = 0;
		for (unsigned k = 0; k < in->bound->rule->operands->len; k++) {
			struct operand_ref *ref = &in->operands[k];
			ref->step_s = ref->series_id == field->series_id ? step_s : ref->step_s;
			in->step_s = MAX(in->step_s, ref->step_s);
		}
	}
}

static size_t seen_pack(size_t fields, uint32_t step_s)
{
	return fields | (size_t)step_s << SEEN_FIELD_BITS;
}

/* False: a field has no number yet (I1). */
static bool offer_service(struct ruleset *set, struct rule_host *host, struct service *service)
{
	size_t count = service_field_count(service);
	size_t known = GPOINTER_TO_SIZE(g_hash_table_lookup(set->services, service));
	size_t seen = known & ((1 << SEEN_FIELD_BITS) - 1);
	uint32_t step_s = MAX(service->step_s, 1);
	bool numbered = true;
	for (size_t i = 0; known && known != seen_pack(seen, step_s) && i < count; i++) {
		take_step(set, service_field(service, i), step_s);
	}
	GArray *literal = g_hash_table_lookup(set->literal, service->name);
	for (size_t i = seen; i < count; i++) {
		struct field *f = service_field(service, i);
		numbered = numbered && (f->series_id || f->made);
		if (!f->series_id || f->gone) {
			continue;
		}
		for (guint k = 0; literal && k < literal->len; k++) {
			offer(&g_array_index(literal, struct watch_entry, k), host, f);
		}
		for (guint k = 0; k < set->patterns->len; k++) {
			offer(&g_array_index(set->patterns, struct watch_entry, k), host, f);
		}
	}
	size_t now = seen_pack(numbered ? count : seen, step_s);
	g_hash_table_insert(set->services, service, GSIZE_TO_POINTER(now));
	return numbered;
}

static void offer_host(struct ruleset *set, struct rule_host *host)
{
	for (guint i = 0; i < set->host_rules->len; i++) {
		struct bound_rule *b = g_ptr_array_index(set->host_rules, i);
		const struct selector *s = operand_at(b, b->rule->driver)->selector;
		if (!pattern_match(&s->host, host->name, NULL, NULL)) {
			continue;
		}
		const char *values[DIMENSIONS_MOST] = {host->name};
		struct plan_target target = {host->name, host->group, "node", "age"};
		make_instance(b, host, values, &target, NULL);
	}
}

/* Nothing is heard of a host that only has graphs made of others: it is never silent either. */
static bool is_made(const struct host *host)
{
	size_t fields = 0;
	for (guint i = 0; i < host->services->len; i++) {
		const struct service *service = g_ptr_array_index(host->services, i);
		for (size_t k = 0; k < service_field_count(service); k++, fields++) {
			if (!service_field(service, k)->made) {
				return false;
			}
		}
	}
	return fields > 0;
}

static void bind_services(struct ruleset *set, const struct host *host)
{
	if (is_made(host)) {
		return;
	}
	struct rule_host *h = bind_host(set, host->name);
	if (h->version == host->version) {
		return;
	}
	bool numbered = true;
	if (strcmp(h->group, host->group)) {
		g_free(h->group);
		h->group = g_strdup(host->group);
	}
	offer_host(set, h);
	for (guint k = 0; k < host->services->len; k++) {
		numbered &= offer_service(set, h, g_ptr_array_index(host->services, k));
	}
	h->version = numbered ? host->version : 0;
}

void ruleset_bind(struct ruleset *set, const struct catalog *catalog)
{
	set->catalog = catalog;
	if (set->bound_once && set->catalog_version == catalog_version(catalog)) {
		return;
	}
	set->bound_once = true;
	set->catalog_version = catalog_version(catalog);
	const GPtrArray *hosts = catalog_hosts(catalog);
	for (guint i = 0; i < hosts->len; i++) {
		bind_services(set, g_ptr_array_index(hosts, i));
	}
	for (guint i = 0; i < set->rules->len; i++) {
		struct bound_rule *b = g_ptr_array_index(set->rules, i);
		for (guint k = 0; k < b->incomplete->len;) {
			if (complete(set, g_ptr_array_index(b->incomplete, k))) {
				g_ptr_array_remove_index_fast(b->incomplete, k);
			} else {
				k++;
			}
		}
	}
}
