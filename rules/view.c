/*
 * Instances for people: values and thresholds in words, texts rendered when somebody needs them.
 */
#include "rules/instance.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

static uint32_t subject_series(const struct instance *in)
{
	const struct rule *r = in->bound->rule;
	if (r->value.plain) {
		return in->operands[r->value.ops[0].operand].series_id;
	}
	for (unsigned i = 0; i < r->operands->len; i++) {
		if (g_array_index(r->operands, struct operand, i).required && in->operands[i].series_id) {
			return in->operands[i].series_id;
		}
	}
	return 0;
}

struct instance_view instance_view(const struct instance *in)
{
	int64_t pending = in->alert.level == LEVEL_OK ? alert_pending_since(&in->alert) : 0;
	return (struct instance_view){
		.key = in->key,
		.number = in->number,
		.rule = in->bound->rule->name,
		.host = in->host->name,
		.service = in->service,
		.field = in->field,
		.level = (enum level)in->alert.level,
		.candidate = (enum level)in->alert.candidate,
		.since = {pending ? pending : in->alert.since_ms},
		.sample_at = {in->sample_ms},
		.series_id = subject_series(in),
		.value = in->value,
		.suppressed_by = in->suppressor ? in->suppressor : "",
		.notify = in->plan->notify,
		.notify_at = in->plan->notify_at,
	};
}

void instance_value_text(const struct instance *in, GString *out)
{
	if (isnan(in->value)) {
		g_string_append(out, in->alert.absent ? "no data" : "unknown");
	} else {
		quantity_format(in->value, in->shape->unit, out);
	}
}

/* -- thresholds -- */

/* The level whose threshold tells most: in force, else pending, else the lowest there is. */
static const struct plan_level *shown_level(const struct instance *in, unsigned *index)
{
	unsigned wanted[] = {in->alert.level, in->alert.candidate};
	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
		bool real = wanted[i] >= LEVEL_NOTICE && wanted[i] <= LEVEL_CRIT;
		if (real && in->plan->levels[wanted[i] - LEVEL_NOTICE].cond) {
			*index = wanted[i] - LEVEL_NOTICE;
			return &in->plan->levels[*index];
		}
	}
	for (*index = 0; *index < LEVELS; ++*index) {
		if (in->plan->levels[*index].cond) {
			return &in->plan->levels[*index];
		}
	}
	return NULL;
}

static const char *comparison_text(int op)
{
	switch (op) {
	case OP_LE: return "<=";
	case OP_GE: return ">=";
	case OP_EQ: return "==";
	case OP_NE: return "!=";
	default: return op == '<' ? "<" : ">";
	}
}

/* A limit that is one constant, canonical. */
static bool constant(const struct instance *in, const struct program *p, double *limit)
{
	if (p->count != 1 || (p->ops[0].code != OP_PUSH && p->ops[0].code != OP_PUSH_SCALED)) {
		return false;
	}
	*limit = p->ops[0].number;
	if (p->ops[0].code == OP_PUSH_SCALED) {
		const struct unit_scale *s = &in->operands[p->ops[0].operand].scale;
		*limit = *limit * s->factor + s->offset;
	}
	return true;
}

static void append_modifiers(const struct cond *cond, GString *out)
{
	if (cond->n) {
		g_string_append_printf(out, " for %u of %u samples", cond->m, cond->n);
	} else if (cond->for_ms) {
		g_string_append(out, " for ");
		duration_format(cond->for_ms, out);
	}
}

void instance_threshold_text(const struct instance *in, GString *out)
{
	if (in->alert.level == LEVEL_UNKNOWN) {
		g_string_append(out, "no data for ");
		duration_format(in->plan->missing_ms
							? in->plan->missing_ms
							: (int64_t)in->plan->missing_samples * in->step_s * 1000,
			out);
		return;
	}
	unsigned index = 0;
	const struct plan_level *level = shown_level(in, &index);
	double low = 0;
	double high = 0;
	if (!level) {
		return;
	}
	const struct cond *cond = level->cond;
	if (cond->kind == COND_COMPARE && constant(in, &level->code->a, &low)) {
		g_string_append_printf(out, "%s ", comparison_text(cond->op));
		quantity_format(low, in->shape->unit, out);
		append_modifiers(cond, out);
	} else if ((cond->kind == COND_OUTSIDE || cond->kind == COND_INSIDE) &&
			   constant(in, &level->code->a, &low) && constant(in, &level->code->b, &high)) {
		g_string_append(out, cond->kind == COND_OUTSIDE ? "outside " : "inside ");
		quantity_format(low, in->shape->unit, out);
		g_string_append(out, " .. ");
		quantity_format(high, in->shape->unit, out);
		append_modifiers(cond, out);
	} else {
		const char *source =
			in->plan->from[SLOT_NOTICE + index]->body->sources[SLOT_NOTICE + index];
		const char *blank = source ? strpbrk(source, " \t") : NULL;
		while (blank && (*blank == ' ' || *blank == '\t')) {
			blank++;
		}
		g_string_append(out, blank ? blank : "");
	}
}

/* -- texts -- */

static const char *find_tag(const struct body *body, const char *name)
{
	size_t n = strlen(name);
	for (guint i = 0; body && i < body->tags->len; i++) {
		const char *tag = g_array_index(body->tags, struct name, i).text;
		if (!strncmp(tag, name, n) && tag[n] == '=') {
			return tag + n + 1;
		}
	}
	return NULL;
}

/* The rule's own, or one for all rules of its file. */
static void append_tag(const struct instance *in, const char *name, GString *out)
{
	const struct rule *r = in->bound->rule;
	const char *text = find_tag(r->item->body, name);
	text = text ? text : find_tag(r->defaults.body, name);
	g_string_append(out, text ? text : "?");
}

static bool append_name(const struct instance *in, const char *name, GString *out)
{
	const struct {
		const char *name, *text;
	} names[] = {{"host", in->host->name}, {"group", in->host->group}, {"service", in->service},
		{"field", in->field}, {"label", in->label}, {"level", level_name(in->alert.level)}};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (!strcmp(name, names[i].name)) {
			g_string_append(out, names[i].text);
			return true;
		}
	}
	const struct rule *r = in->bound->rule;
	for (unsigned i = 0; i < r->dim_count; i++) {
		if (!strcmp(name, r->dims[i])) {
			g_string_append(out, in->dims[i] ? in->dims[i] : "?");
			return true;
		}
	}
	return false;
}

/* What the source says of the present value. Without it what leads up to it goes: ": ${extinfo}".
 */
static void append_extinfo(const struct instance *in, GString *out)
{
	const struct catalog *catalog = in->bound->set->catalog;
	const struct field *field = catalog ? catalog_series(catalog, subject_series(in)) : NULL;
	const char *text = field ? attributes_get(&field->attributes, "extinfo") : NULL;
	if (text && *text) {
		g_string_append(out, text);
		return;
	}
	while (out->len && strchr(" :,;", out->str[out->len - 1])) {
		g_string_truncate(out, out->len - 1);
	}
}

static void append_variable(const struct instance *in, const char *name, GString *out)
{
	if (append_name(in, name, out)) {
		return;
	}
	if (!strcmp(name, "value")) {
		instance_value_text(in, out);
	} else if (!strcmp(name, "threshold")) {
		instance_threshold_text(in, out);
	} else if (!strcmp(name, "extinfo")) {
		append_extinfo(in, out);
	} else if (!strcmp(name, "since")) {
		char text[32];
		g_string_append(out, wall_format(instance_view(in).since, text));
	} else {
		append_tag(in, name + strlen("tag."), out);
	}
}

static void append_program(
	const struct instance *in, const struct program *program, struct unit unit, GString *out)
{
	const struct ruleset *set = in->bound->set;
	if (!set->window) {
		g_string_append_c(out, '?');
		return;
	}
	int64_t seen = MAX(in->host->seen_ms, in->host->first_ms);
	struct evaluation e = {.window = set->window,
		.operands = in->operands,
		.at = {in->sample_ms},
		.now = {in->sample_ms},
		.value = {isnan(in->value) ? 0 : in->value, isnan(in->value) ? MISSING : KNOWN},
		.host_age_s = (double)MAX(in->sample_ms - seen, 0) / 1000,
		.pauses = set->pauses,
		.pause_count = set->pause_count};
	struct outcome o = program_run(program, &e);
	if (o.known != KNOWN) {
		g_string_append_c(out, '?');
	} else {
		quantity_format(o.v, unit, out);
	}
}

/* `base`: number of the text's first piece among all of its layer. */
static void render(const struct instance *in, enum slot slot, GString *out)
{
	const struct layer *layer = in->plan->from[slot];
	if (!layer) {
		return;
	}
	const struct text *texts[] = {&layer->body->summary, &layer->body->info, &layer->body->runbook};
	unsigned base = 0;
	unsigned which = slot - SLOT_SUMMARY;
	for (unsigned i = 0; i < which; i++) {
		base += texts[i]->pieces ? texts[i]->pieces->len : 0;
	}
	for (guint i = 0; texts[which]->pieces && i < texts[which]->pieces->len; i++) {
		const struct piece *piece = &g_array_index(texts[which]->pieces, struct piece, i);
		const struct program *program = g_ptr_array_index(layer->texts, base + i);
		if (program) {
			append_program(
				in, program, g_array_index(layer->text_units, struct unit, base + i), out);
		} else if (piece->variable) {
			append_variable(in, piece->text, out);
		} else {
			g_string_append(out, piece->text);
		}
	}
}

/* The bare facts, for a rule without a summary. */
static void default_summary(const struct instance *in, GString *out)
{
	g_string_append_printf(out, "%s: %s on %s", in->bound->rule->name,
		*in->label ? in->label : (*in->service ? in->service : "value"), in->host->name);
	g_string_append(out, " is ");
	instance_value_text(in, out);
	size_t before = out->len;
	g_string_append(out, " (limit ");
	size_t from = out->len;
	instance_threshold_text(in, out);
	if (out->len == from) {
		g_string_truncate(out, before);
	} else {
		g_string_append_c(out, ')');
	}
}

void instance_summary(const struct instance *instance, GString *out)
{
	if (instance->plan->from[SLOT_SUMMARY]) {
		render(instance, SLOT_SUMMARY, out);
	} else {
		default_summary(instance, out);
	}
}

void instance_info(const struct instance *instance, GString *out)
{
	render(instance, SLOT_INFO, out);
}

void instance_runbook(const struct instance *instance, GString *out)
{
	render(instance, SLOT_RUNBOOK, out);
}

/* -- all of them -- */

void ruleset_each(const struct ruleset *set, bool all,
	void (*fn)(void *owner, struct instance *instance), void *owner)
{
	if (!all) {
		for (guint i = 0; i < set->active->len; i++) {
			fn(owner, g_ptr_array_index(set->active, i));
		}
		return;
	}
	for (guint i = 0; i < set->rules->len; i++) {
		const struct bound_rule *b = g_ptr_array_index(set->rules, i);
		GHashTableIter iter;
		void *in;
		g_hash_table_iter_init(&iter, b->instances);
		while (g_hash_table_iter_next(&iter, NULL, &in)) {
			if (((struct instance *)in)->live) {
				fn(owner, in);
			}
		}
	}
}

static size_t add_limit(const struct instance *in, unsigned level, const struct program *p,
	bool below, struct ruleset_limit *out)
{
	double limit = 0;
	if (!constant(in, p, &limit)) {
		return 0;
	}
	const struct unit_scale *s = &in->operands[in->bound->rule->value.ops[0].operand].scale;
	*out = (struct ruleset_limit){in->bound->rule->name, (enum level)(LEVEL_NOTICE + level), below,
		(limit - s->offset) / s->factor};
	return 1;
}

size_t ruleset_limits(
	const struct ruleset *set, uint32_t series_id, struct ruleset_limit *out, size_t most)
{
	size_t n = 0;
	const struct listeners *list =
		series_id < set->by_series->len ? g_ptr_array_index(set->by_series, series_id) : NULL;
	for (uint32_t i = 0; list && i < list->count; i++) {
		const struct instance *in = list->instances[i];
		const struct program *value = &in->bound->rule->value;
		if (!value->plain || in->operands[value->ops[0].operand].series_id != series_id) {
			continue;
		}
		for (unsigned k = 0; k < LEVELS && n + 2 <= most; k++) {
			const struct plan_level *l = &in->plan->levels[k];
			if (l->cond && l->cond->kind == COND_COMPARE && l->cond->op != OP_NE &&
				l->cond->op != OP_EQ) {
				bool below = l->cond->op == '<' || l->cond->op == OP_LE;
				n += add_limit(in, k, &l->code->a, below, &out[n]);
			} else if (l->cond && l->cond->kind == COND_OUTSIDE) {
				n += add_limit(in, k, &l->code->a, true, &out[n]);
				n += add_limit(in, k, &l->code->b, false, &out[n]);
			}
		}
	}
	return n;
}
