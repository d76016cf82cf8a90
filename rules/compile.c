/*
 * Rules and their layers: every statement of a body to programs, with the checks that need the
 * whole rule (does the condition fit the value, are all variables of a text known). The same walk
 * runs twice: at the load, with the units of the table of known plugins, and for each set of units
 * that real fields have (rule_fits), where its code is thrown away.
 */
#include "rules/rule.h"

#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/* -- programs -- */

static void begin(struct compiler *c)
{
	c->ops = g_array_new(FALSE, TRUE, sizeof(struct op));
	c->depth = c->deepest = 0;
	c->timed = false;
}

static bool end(struct compiler *c, const struct node *node, bool ok, struct program *out)
{
	if (ok && c->deepest > STACK_MOST) {
		compile_complain(c, node->place, "E010", "this expression is nested too deep");
		ok = false;
	}
	unsigned count = c->ops->len;
	struct op *ops = (struct op *)(void *)g_array_free(c->ops, FALSE);
	c->ops = NULL;
	if (!ok) {
		g_free(ops);
		return false;
	}
	*out = (struct program){.ops = ops, .count = count, .timed = c->timed};
	out->constant = count == 1 && ops[0].code == OP_PUSH;
	out->plain = count == 1 && ops[0].code == OP_LOAD;
	c->rule->timed = c->rule->timed || c->timed;
	return true;
}

/* All dimensions of a condition or text are the value's. */
static bool within(struct compiler *c, const struct type *t, const struct node *node)
{
	bool value = c->value.ok || !c->rule->item->body->value_place.line;
	if (value && (t->dims & ~c->rule->value_dims)) {
		compile_complain(c, node->place, "E201",
			"this has dimensions that the rule's value has not; it cannot be paired with it");
		return false;
	}
	return true;
}

static bool compile_condition_node(struct compiler *c, const struct node *node, struct program *out)
{
	begin(c);
	struct type t = compile_node(c, node);
	bool ok = t.ok;
	if (ok && !t.condition) {
		compile_complain(c, node->place, "E405", "a condition is needed here, this is a number");
		ok = false;
	}
	if (ok && c->required) {
		c->rule->value_dims |= t.dims;
	}
	ok = ok && (c->required || within(c, &t, node));
	return end(c, node, ok, out);
}

/* A limit: compared with the rule's value. */
static void compile_limit(struct compiler *c, const struct node *node, struct program *out)
{
	begin(c);
	struct type t = compile_node(c, node);
	bool ok = t.ok;
	if (ok && t.condition) {
		compile_complain(c, node->place, "E405", "a number is needed here, this is a condition");
		ok = false;
	}
	ok = ok &&
		 (!c->value.ok || (within(c, &t, node) && compile_units_agree(c, &c->value, &t, node)));
	(void)end(c, node, ok, out);
}

static void compile_cond(struct compiler *c, const struct cond *cond, struct cond_code *out)
{
	bool band = cond->kind == COND_OUTSIDE || cond->kind == COND_INSIDE;
	if (cond->kind == COND_NONE || !cond->a || (band && !cond->b)) {
		return; /* nothing, or what could not be read */
	}
	switch (cond->kind) {
	case COND_NONE:
	case COND_WHEN: (void)compile_condition_node(c, cond->a, &out->a); return;
	case COND_COMPARE:
	case COND_OUTSIDE:
	case COND_INSIDE: break;
	}
	if (!c->rule->item->body->value) {
		if (!c->rule->item->body->value_place.line && c->rule->value_dims) {
			compile_complain(c, cond->place, "E108", "there is no \"value\" to compare with");
		}
		return;
	}
	compile_limit(c, cond->a, &out->a);
	if (cond->b) {
		compile_limit(c, cond->b, &out->b);
	}
	if (out->a.constant && out->b.constant && out->a.ops[0].number > out->b.ops[0].number) {
		compile_complain(c, cond->b->place, "E407", "the upper end lies below the lower end");
	}
}

/* -- texts -- */

static const char *const variables[] = {"host", "group", "service", "field", "label", "value",
	"threshold", "level", "since", "extinfo"};

static bool is_variable(const struct rule *r, const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++) {
		if (!strcmp(name, variables[i])) {
			return true;
		}
	}
	for (unsigned i = 0; i < r->dim_count; i++) {
		if (!strcmp(name, r->dims[i])) {
			return true;
		}
	}
	return !strncmp(name, "tag.", 4) && name[4];
}

static const struct let *let_of(const struct rule *r, const char *name)
{
	const GArray *lets = r->item->body->lets;
	for (guint i = 0; i < lets->len; i++) {
		if (!strcmp(g_array_index(lets, struct let, i).name, name)) {
			return &g_array_index(lets, struct let, i);
		}
	}
	return NULL;
}

static void unknown_variable(struct compiler *c, const struct piece *piece)
{
	if (!strncmp(piece->text, "normal.", 7)) {
		compile_complain(
			c, piece->place, "E112", "${%s} is not supported in this version", piece->text);
		return;
	}
	GPtrArray *names = g_ptr_array_new();
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++) {
		g_ptr_array_add(names, (char *)variables[i]);
	}
	for (unsigned i = 0; i < c->rule->dim_count; i++) {
		g_ptr_array_add(names, c->rule->dims[i]);
	}
	const GArray *lets = c->rule->item->body->lets;
	for (guint i = 0; i < lets->len; i++) {
		g_ptr_array_add(names, g_array_index(lets, struct let, i).name);
	}
	struct diag *d =
		compile_complain(c, piece->place, "E209", "there is no variable \"%s\"", piece->text);
	const char *near = text_nearest(piece->text, (const char *const *)names->pdata, names->len);
	if (near) {
		diag_suggest(d, piece->place, near);
	}
	g_ptr_array_unref(names);
}

static void program_free(void *p)
{
	if (p) {
		program_finish(p);
		g_free(p);
	}
}

/* One entry for each piece, NULL where no expression is to be computed. */
static void compile_piece(struct compiler *c, struct layer *layer, const struct piece *piece)
{
	const struct node *node = piece->node;
	struct unit unit = {DIMENSION_UNKNOWN, 0};
	if (piece->variable && !is_variable(c->rule, piece->text)) {
		const struct let *let = let_of(c->rule, piece->text);
		bool told = c->rule->item->body->value_place.line && !c->value.ok;
		if (!let && !told) {
			unknown_variable(c, piece);
		}
		node = let ? let->node : NULL;
	}
	struct program *program = NULL;
	if (node) {
		program = g_new0(struct program, 1);
		begin(c);
		struct type t = compile_node(c, node);
		bool ok = t.ok && within(c, &t, node);
		unit = t.unit;
		(void)end(c, node, ok, program);
	}
	g_ptr_array_add(layer->texts, program);
	g_array_append_val(layer->text_units, unit);
}

static void compile_texts(struct compiler *c, struct layer *layer)
{
	const struct body *b = layer->body;
	const struct text *texts[] = {&b->summary, &b->info, &b->runbook};
	layer->texts = g_ptr_array_new_with_free_func(program_free);
	layer->text_units = g_array_new(FALSE, TRUE, sizeof(struct unit));
	bool timed = c->rule->timed;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		for (guint k = 0; texts[i]->pieces && k < texts[i]->pieces->len; k++) {
			compile_piece(c, layer, &g_array_index(texts[i]->pieces, struct piece, k));
		}
	}
	c->rule->timed = timed; /* a text does not change a verdict */
}

/* -- layers -- */

static void no_counting(struct compiler *c, const struct cond *clear)
{
	if (clear->n) {
		compile_complain(c, clear->place, "E112",
			"m of n samples in a \"clear\" is not supported in this version");
	}
}

static void compile_layer(struct compiler *c, struct layer *layer)
{
	const struct body *b = layer->body;
	c->body = b;
	for (unsigned i = 0; i < LEVELS; i++) {
		c->required = layer->item == c->rule->item && !c->rule->item->body->value;
		compile_cond(c, &b->levels[i], &layer->levels[i]);
		c->required = false;
		compile_cond(c, &b->level_clears[i], &layer->level_clears[i]);
		no_counting(c, &b->level_clears[i]);
	}
	compile_cond(c, &b->clear, &layer->clear);
	no_counting(c, &b->clear);
	if (b->only_when) {
		(void)compile_condition_node(c, b->only_when, &layer->only_when);
	}
	compile_texts(c, layer);
}

static void layer_finish(struct layer *layer)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		program_finish(&layer->levels[i].a);
		program_finish(&layer->levels[i].b);
		program_finish(&layer->level_clears[i].a);
		program_finish(&layer->level_clears[i].b);
	}
	program_finish(&layer->clear.a);
	program_finish(&layer->clear.b);
	program_finish(&layer->only_when);
	if (layer->texts) {
		g_ptr_array_unref(layer->texts);
		g_array_unref(layer->text_units);
	}
}

static void layer_free(void *p)
{
	layer_finish(p);
	g_free(p);
}

/* `value … unit U`: the number is in U. */
static void apply_unit(struct compiler *c, struct type *t)
{
	const struct body *b = c->rule->item->body;
	bool ratio = t->unit.dimension == DIMENSION_RATIO && !t->unit.per_time;
	if (ratio && b->unit.unit.dimension == DIMENSION_COUNT && !b->unit.unit.per_time) {
		t->unit = b->unit.unit; /* shown as a number, not in percent */
		t->operand = -1;
		return;
	}
	if (t->unit.dimension != DIMENSION_UNKNOWN && t->unit.dimension != DIMENSION_COUNT &&
		!unit_same(t->unit, b->unit.unit)) {
		compile_complain(c, b->value->place, "E401", "the value has another unit already");
		return;
	}
	if (t->unit.dimension == b->unit.unit.dimension && b->unit.unit.dimension != DIMENSION_COUNT) {
		return; /* it says what was known */
	}
	struct op ops[] = {{.code = OP_PUSH, .operand = OPERAND_NONE, .number = b->unit.factor},
		{.code = OP_ARITHMETIC, .operand = OPERAND_NONE, .count = 2, .which = '*'},
		{.code = OP_PUSH, .operand = OPERAND_NONE, .number = b->unit.offset},
		{.code = OP_ARITHMETIC, .operand = OPERAND_NONE, .count = 2, .which = '+'}};
	g_array_append_vals(c->ops, ops, ARRAY_LENGTH(ops));
	c->deepest = MAX(c->deepest, c->depth + 1);
	t->unit = b->unit.unit;
	t->operand = -1;
}

static void compile_value(struct compiler *c, struct program *out)
{
	const struct node *node = c->rule->item->body->value;
	begin(c);
	c->required = true;
	struct type t = compile_node(c, node);
	c->required = false;
	bool ok = t.ok;
	if (ok && t.condition) {
		compile_complain(c, node->place, "E405", "a number is needed here, this is a condition");
		ok = false;
	} else if (ok && !t.dims) {
		compile_complain(c, node->place, "E108", "this value names no series");
		ok = false;
	}
	if (ok && c->rule->item->body->has_unit) {
		apply_unit(c, &t);
	}
	if (end(c, node, ok, out)) {
		c->value = t;
		c->rule->value_dims = t.dims;
	}
}

/* The operand that has all dimensions of the value: its matches are the instances. */
static bool choose_driver(struct rule *r)
{
	for (guint i = 0; i < r->operands->len; i++) {
		const struct operand *o = &g_array_index(r->operands, struct operand, i);
		if (o->required && o->dims == r->value_dims) {
			r->driver = i;
			return true;
		}
	}
	return false;
}

static void compile_own(struct compiler *c, struct program *value, struct layer *own)
{
	const struct body *b = c->rule->item->body;
	c->own = true;
	if (b->value) {
		compile_value(c, value);
	}
	own->body = b;
	own->item = c->rule->item;
	compile_layer(c, own);
	c->own = false;
}

static void compile_defaults(struct compiler *c, struct layer *layer)
{
	layer->body = c->rule->item->file->defaults;
	if (layer->body) {
		compile_layer(c, layer);
	}
}

/* A rule that has a `when` which could be read and no `value`. */
static bool has_when(const struct body *b)
{
	bool when = false;
	for (unsigned i = 0; i < LEVELS; i++) {
		when = when || (b->levels[i].kind == COND_WHEN && b->levels[i].a);
	}
	return when && !b->value_place.line;
}

struct rule *rule_compile(const struct item *item, struct diag_list *diags)
{
	struct rule *r = g_new0(struct rule, 1);
	r->item = item;
	r->name = item->name;
	r->dims[r->dim_count++] = g_strdup("host");
	r->operands = g_array_new(FALSE, TRUE, sizeof(struct operand));
	r->overrides = g_ptr_array_new_with_free_func(layer_free);
	r->parents = g_ptr_array_new();
	struct compiler c = {.rule = r, .source = &item->file->source, .diags = diags};
	compile_own(&c, &r->value, &r->own);
	compile_defaults(&c, &r->defaults);
	if (!c.failed && !r->value_dims && has_when(item->body)) {
		compile_complain(&c, item->name_place, "E108", "this rule names no series");
	} else if (!c.failed && r->value_dims && !choose_driver(r)) {
		compile_complain(&c, item->name_place, "E201",
			"no series of this rule has all its dimensions; there is nothing to make instances of");
	}
	return r;
}

void rule_add_override(struct rule *rule, const struct item *item, struct diag_list *diags)
{
	struct layer *layer = g_new0(struct layer, 1);
	layer->body = item->body;
	layer->item = item;
	g_ptr_array_add(rule->overrides, layer);
	/* The value is compiled again for its type alone. */
	struct compiler c = {
		.rule = rule, .source = &rule->item->file->source, .diags = diag_list_create()};
	struct diag_list *unheard = c.diags;
	struct program scratch = {0};
	if (rule->item->body->value) {
		compile_value(&c, &scratch);
	}
	program_finish(&scratch);
	c.source = &item->file->source;
	c.diags = diags;
	compile_layer(&c, layer);
	diag_list_destroy(unheard);
}

bool rule_fits(
	struct rule *rule, const struct series_type *types, struct unit *unit, struct diag_list *diags)
{
	struct compiler c = {
		.rule = rule, .source = &rule->item->file->source, .diags = diags, .types = types};
	struct program value = {0};
	struct layer own = {0};
	struct layer defaults = {0};
	compile_own(&c, &value, &own);
	compile_defaults(&c, &defaults);
	for (guint i = 0; i < rule->overrides->len; i++) {
		const struct layer *layer = g_ptr_array_index(rule->overrides, i);
		struct layer scratch = {.body = layer->body, .item = layer->item};
		c.source = &layer->item->file->source;
		compile_layer(&c, &scratch);
		layer_finish(&scratch);
	}
	*unit = c.value.unit;
	program_finish(&value);
	layer_finish(&own);
	layer_finish(&defaults);
	return !c.failed;
}

void rule_destroy(struct rule *rule)
{
	if (!rule) {
		return;
	}
	for (unsigned i = 0; i < rule->dim_count; i++) {
		g_free(rule->dims[i]);
	}
	g_array_unref(rule->operands);
	program_finish(&rule->value);
	layer_finish(&rule->own);
	layer_finish(&rule->defaults);
	g_ptr_array_unref(rule->overrides);
	g_ptr_array_unref(rule->parents);
	g_free(rule);
}
