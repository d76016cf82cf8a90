/*
 * A rule set from its files: read all, check all, tell everything that is wrong at once; then it is
 * in force whole or not at all. The rules that come with Magpie are one more file, embedded; a rule
 * of the administrator with the same name takes the place of a shipped one.
 */
#include "rules/ruleset.h"

#include <string.h>

#include "base/text.h"
#include "rules/default.h"
#include "rules/instance.h"
#include "rules/lint.h"

#include "base/banned.h"

const char *level_name(enum level level)
{
	static const char *const names[] = {"ok", "notice", "warning", "critical", "unknown"};
	return level < LEVEL_COUNT ? names[level] : "?";
}

bool ruleset_is_rule_file(const char *name)
{
	return g_str_has_suffix(name, ".magpie");
}

/* -- includes -- */

static char *directory_of(const char *name)
{
	const char *slash = strrchr(name, '/');
	return slash ? g_strndup(name, (size_t)(slash - name) + 1) : g_strdup("");
}

/* Whether `from` includes, over any number of steps, `to`; each file is entered once. */
static bool reaches(
	const struct syntax *s, const struct file *from, const struct file *to, GHashTable *visited)
{
	if (!g_hash_table_add(visited, (void *)from)) {
		return false;
	}
	for (guint i = 0; i < s->includes->len; i++) {
		const struct include *in = &g_array_index(s->includes, struct include, i);
		if (in->file != from) {
			continue;
		}
		char *directory = directory_of(in->file->name);
		char *path = g_strconcat(in->path[0] == '/' ? "" : directory, in->path, NULL);
		bool found = false;
		for (guint k = 0; k < s->files->len && !found; k++) {
			const struct file *f = g_ptr_array_index(s->files, k);
			found =
				!f->shipped && text_glob(path, f->name) && (f == to || reaches(s, f, to, visited));
		}
		g_free(path);
		g_free(directory);
		if (found) {
			return true;
		}
	}
	return false;
}

static void check_includes(const struct syntax *s, struct diag_list *diags)
{
	for (guint i = 0; i < s->includes->len; i++) {
		const struct include *in = &g_array_index(s->includes, struct include, i);
		char *directory = directory_of(in->file->name);
		char *path = g_strconcat(in->path[0] == '/' ? "" : directory, in->path, NULL);
		bool any = false;
		bool loop = false;
		for (guint k = 0; k < s->files->len; k++) {
			const struct file *f = g_ptr_array_index(s->files, k);
			bool match = !f->shipped && text_glob(path, f->name);
			any = any || match;
			if (match && !loop) {
				GHashTable *visited = g_hash_table_new(NULL, NULL);
				loop = f == in->file || reaches(s, f, in->file, visited);
				g_hash_table_unref(visited);
			}
		}
		if (loop) {
			(void)diag_add(diags, &in->file->source, in->place, DIAG_ERROR, "E109",
				"this file would include itself");
		} else if (!any) {
			(void)diag_add(diags, &in->file->source, in->place, DIAG_ERROR, "E110",
				"there is no file \"%s\"", in->path);
		}
		g_free(path);
		g_free(directory);
	}
}

/* -- names -- */

static void bound_destroy(void *p)
{
	struct bound_rule *b = p;
	for (unsigned i = 0; i < b->rule->operands->len && b->found; i++) {
		g_hash_table_unref(b->found[i]);
	}
	g_free(b->found);
	g_hash_table_unref(b->instances);
	g_ptr_array_unref(b->incomplete);
	g_ptr_array_unref(b->plans);
	g_ptr_array_unref(b->shapes);
	rule_destroy(b->rule);
	g_free(b);
}

static void shape_destroy(void *p)
{
	struct shape *s = p;
	g_free(s->types);
	g_free(s);
}

/* Takes `rule`. */
static struct bound_rule *add_rule(struct ruleset *set, struct rule *rule)
{
	struct bound_rule *b = g_new0(struct bound_rule, 1);
	b->rule = rule;
	b->set = set;
	b->instances =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)instance_destroy);
	b->incomplete = g_ptr_array_new();
	b->plans = g_ptr_array_new_with_free_func((GDestroyNotify)plan_destroy);
	b->shapes = g_ptr_array_new_with_free_func(shape_destroy);
	g_ptr_array_add(set->rules, b);
	g_hash_table_insert(set->by_name, (char *)rule->name, b);
	return b;
}

static void add_rules(struct ruleset *set, struct diag_list *diags)
{
	for (guint i = 0; i < set->syntax->items->len; i++) {
		const struct item *item = g_ptr_array_index(set->syntax->items, i);
		if (item->kind != ITEM_RULE) {
			continue;
		}
		struct bound_rule *before = g_hash_table_lookup(set->by_name, item->name);
		if (before && item->file->shipped) {
			continue; /* the administrator's own rule of that name counts */
		}
		if (before) {
			struct diag *d = diag_add(diags, &item->file->source, item->name_place, DIAG_ERROR,
				"E206", "rule \"%s\" is defined twice", item->name);
			diag_note(d, "the first one is at %s:%u:%u", before->rule->item->file->name,
				before->rule->item->place.line, before->rule->item->place.column);
			continue;
		}
		struct rule *rule = rule_compile(item, diags);
		lint_rule(rule, diags);
		(void)add_rule(set, rule);
	}
}

static void suggest_rule(
	struct ruleset *set, struct diag *d, struct diag_place place, const char *word)
{
	GPtrArray *names = g_ptr_array_new();
	for (guint i = 0; i < set->rules->len; i++) {
		const struct bound_rule *b = g_ptr_array_index(set->rules, i);
		g_ptr_array_add(names, (char *)b->rule->name);
	}
	const char *near = text_nearest(word, (const char *const *)names->pdata, names->len);
	if (near) {
		diag_suggest(d, place, near);
	}
	g_ptr_array_unref(names);
}

static void add_overrides(struct ruleset *set, struct diag_list *diags)
{
	for (guint i = 0; i < set->syntax->items->len; i++) {
		const struct item *item = g_ptr_array_index(set->syntax->items, i);
		if (item->kind != ITEM_OVERRIDE) {
			continue;
		}
		bool any = false;
		for (guint k = 0; k < set->rules->len; k++) {
			struct bound_rule *b = g_ptr_array_index(set->rules, k);
			if (pattern_match(&item->pattern, b->rule->name, NULL, NULL)) {
				rule_add_override(b->rule, item, diags);
				any = true;
			}
		}
		if (!any && item->pattern.literal) {
			struct diag *d = diag_add(diags, &item->file->source, item->name_place, DIAG_ERROR,
				"E204", "there is no rule \"%s\"", item->name);
			suggest_rule(set, d, item->name_place, item->name);
		} else if (!any) {
			(void)diag_add(diags, &item->file->source, item->name_place, DIAG_WARNING, "W513",
				"no rule has a name like \"%s\"", item->name);
		}
	}
}

/* -- `unless` and `notify` -- */

static void check_parents(struct ruleset *set, struct bound_rule *b, const struct layer *layer,
	const struct diag_source *source, struct diag_list *diags)
{
	for (guint i = 0; i < layer->body->parents->len; i++) {
		const struct parent *p = &g_array_index(layer->body->parents, struct parent, i);
		struct bound_rule *parent = g_hash_table_lookup(set->by_name, p->name);
		if (!parent) {
			struct diag *d = diag_add(
				diags, source, p->place, DIAG_ERROR, "E204", "there is no rule \"%s\"", p->name);
			suggest_rule(set, d, p->place, p->name);
		} else {
			g_ptr_array_add(b->rule->parents, parent->rule);
		}
	}
}

static void check_contacts(const struct ruleset_names *names, const struct layer *layer,
	const struct diag_source *source, struct diag_list *diags)
{
	for (guint i = 0; i < layer->body->notify->len && names; i++) {
		const struct name *n = &g_array_index(layer->body->notify, struct name, i);
		bool known = false;
		for (size_t k = 0; k < names->contact_count && !known; k++) {
			known = !strcmp(names->contacts[k], n->text);
		}
		if (known) {
			continue;
		}
		struct diag *d = diag_add(diags, source, n->place, DIAG_ERROR, "E205",
			"magpie.conf declares no contact \"%s\"", n->text);
		const char *near = text_nearest(n->text, names->contacts, names->contact_count);
		if (near) {
			diag_suggest(d, n->place, near);
		}
	}
}

static void check_layers(
	struct ruleset *set, const struct ruleset_names *names, struct diag_list *diags)
{
	for (guint i = 0; i < set->rules->len; i++) {
		struct bound_rule *b = g_ptr_array_index(set->rules, i);
		const struct diag_source *source = &b->rule->item->file->source;
		check_parents(set, b, &b->rule->own, source, diags);
		check_contacts(names, &b->rule->own, source, diags);
		if (b->rule->defaults.body) {
			check_contacts(names, &b->rule->defaults, source, diags);
		}
		for (guint k = 0; k < b->rule->overrides->len; k++) {
			const struct layer *layer = g_ptr_array_index(b->rule->overrides, k);
			check_parents(set, b, layer, &layer->item->file->source, diags);
			check_contacts(names, layer, &layer->item->file->source, diags);
		}
	}
}

enum { UNSEEN, OPEN, DONE };

/* Depth-first over `unless`; the rank of a rule is one more than that of its parents. */
static bool visit(struct rule *r, uint8_t *state)
{
	if (state[r->number] != UNSEEN) {
		return state[r->number] == DONE;
	}
	state[r->number] = OPEN;
	bool ok = true;
	for (guint i = 0; i < r->parents->len && ok; i++) {
		struct rule *parent = g_ptr_array_index(r->parents, i);
		ok = visit(parent, state);
		r->rank = MAX(r->rank, parent->rank + 1);
	}
	state[r->number] = ok ? DONE : OPEN;
	return ok;
}

/* Whether the chain of parents leads from `from` to `to`; each rule is entered once. */
static bool on_cycle(const struct rule *from, const struct rule *to, GHashTable *visited)
{
	if (!g_hash_table_add(visited, (void *)from)) {
		return false;
	}
	for (guint i = 0; i < from->parents->len; i++) {
		const struct rule *p = g_ptr_array_index(from->parents, i);
		if (p == to || on_cycle(p, to, visited)) {
			return true;
		}
	}
	return false;
}

/* Told once, at the first rule of the cycle in the order of files. */
static void check_cycles(struct ruleset *set, struct diag_list *diags)
{
	uint8_t *state = g_new0(uint8_t, set->rules->len + 1);
	for (guint i = 0; i < set->rules->len; i++) {
		((struct bound_rule *)g_ptr_array_index(set->rules, i))->rule->number = i;
	}
	for (guint i = 0; i < set->rules->len; i++) {
		struct rule *r = ((struct bound_rule *)g_ptr_array_index(set->rules, i))->rule;
		if (state[i] != UNSEEN || visit(r, state)) {
			continue;
		}
		const GArray *parents = r->item->body->parents;
		GHashTable *visited = g_hash_table_new(NULL, NULL);
		bool cycle = on_cycle(r, r, visited);
		g_hash_table_unref(visited);
		if (parents->len && cycle) {
			const struct parent *p = &g_array_index(parents, struct parent, 0);
			(void)diag_add(diags, &r->item->file->source, p->place, DIAG_ERROR, "E301",
				"\"%s\" and \"%s\" are silent because of each other", r->name, p->name);
		} else {
			(void)diag_add(diags, &r->item->file->source, r->item->name_place, DIAG_ERROR, "E301",
				"the chain of \"unless\" from \"%s\" on leads into a circle", r->name);
		}
	}
	g_free(state);
}

/* -- load -- */

static void watch(struct ruleset *set, struct bound_rule *b, unsigned operand)
{
	const struct operand *o = &g_array_index(b->rule->operands, struct operand, operand);
	struct watch_entry entry = {b, operand};
	if (o->host_age) {
		return;
	}
	if (!o->selector->plugin.literal) {
		g_array_append_val(set->patterns, entry);
		return;
	}
	GArray *list = g_hash_table_lookup(set->literal, o->selector->plugin.source);
	if (!list) {
		list = g_array_new(FALSE, TRUE, sizeof(struct watch_entry));
		g_hash_table_insert(set->literal, o->selector->plugin.source, list);
	}
	g_array_append_val(list, entry);
}

static void prepare(struct ruleset *set)
{
	for (guint i = 0; i < set->rules->len; i++) {
		struct bound_rule *b = g_ptr_array_index(set->rules, i);
		unsigned count = b->rule->operands->len;
		b->found = g_new0(GHashTable *, count + 1);
		for (unsigned k = 0; k < count; k++) {
			b->found[k] = g_hash_table_new(g_str_hash, g_str_equal);
			watch(set, b, k);
		}
		if (g_array_index(b->rule->operands, struct operand, b->rule->driver).host_age) {
			g_ptr_array_add(set->host_rules, b);
		}
	}
}

static void array_free(void *p)
{
	g_array_unref(p);
}

static struct ruleset *make(void)
{
	struct ruleset *set = g_new0(struct ruleset, 1);
	set->syntax = syntax_create();
	set->rules = g_ptr_array_new_with_free_func(bound_destroy);
	set->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	set->literal = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, array_free);
	set->patterns = g_array_new(FALSE, TRUE, sizeof(struct watch_entry));
	set->host_rules = g_ptr_array_new();
	set->services = g_hash_table_new(NULL, NULL);
	set->by_series = g_ptr_array_new_with_free_func(g_free);
	set->timed = g_ptr_array_new();
	set->active = g_ptr_array_new();
	set->dirty = g_ptr_array_new();
	set->saved =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
	set->events = g_array_new(FALSE, TRUE, sizeof(struct transition));
	set->texts = g_string_chunk_new(4096);
	set->complaints = diag_list_create();
	return set;
}

struct ruleset *ruleset_load(const struct bundle *bundle, bool with_default,
	const struct ruleset_names *names, struct diag_list *diags)
{
	AUTO(ruleset) set = make();
	size_t before = diag_mark(diags);
	for (size_t i = 0; i < bundle_count(bundle); i++) {
		const struct bundle_file *f = bundle_at(bundle, i);
		if (ruleset_is_rule_file(f->name)) {
			syntax_read(set->syntax, f->name, f->text, f->length, false, diags);
		}
	}
	if (with_default) {
		syntax_read(
			set->syntax, "default.magpie", rules_default, rules_default_length, true, diags);
	}
	check_includes(set->syntax, diags);
	add_rules(set, diags);
	add_overrides(set, diags);
	check_layers(set, names, diags);
	check_cycles(set, diags);
	if (diag_mark(diags) > before) {
		return NULL;
	}
	prepare(set);
	return STEAL(set);
}

void ruleset_destroy(struct ruleset *set)
{
	if (!set) {
		return;
	}
	g_ptr_array_unref(set->rules);
	g_hash_table_unref(set->by_name);
	g_hash_table_unref(set->literal);
	g_array_unref(set->patterns);
	g_ptr_array_unref(set->host_rules);
	if (set->hosts) {
		g_hash_table_unref(set->hosts);
	}
	g_hash_table_unref(set->services);
	g_ptr_array_unref(set->by_series);
	g_ptr_array_unref(set->timed);
	g_ptr_array_unref(set->active);
	g_ptr_array_unref(set->dirty);
	g_hash_table_unref(set->saved);
	g_array_unref(set->events);
	g_string_chunk_free(set->texts);
	diag_list_destroy(set->complaints);
	syntax_destroy(set->syntax);
	g_free(set);
}

struct diag_list *ruleset_complaints(struct ruleset *set)
{
	return set->complaints;
}

size_t ruleset_rule_count(const struct ruleset *set)
{
	return set->rules->len;
}

struct ruleset_rule ruleset_rule(const struct ruleset *set, size_t index)
{
	const struct bound_rule *b = g_ptr_array_index(set->rules, index);
	const struct item *item = b->rule->item;
	return (struct ruleset_rule){item->name, item->file->name, item->source, item->place.line,
		g_hash_table_size(b->instances)};
}
