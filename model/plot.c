#include "model/plot.h"
#include "model/reference.h"

#include <string.h>

#include "base/banned.h"

/*
 * Three passes. The first collects curves in Munin's order: what `sum` and `stack` make comes
 * before everything else, then graph_sources (hidden), graph_order, and the fields nobody named.
 * The second reads the expressions. The third says what is drawn how. What a node wrote here is
 * hostile: every name is checked, curves and sources are counted, and nothing made is a source of
 * anything, so that there are no cycles (Munin knows only files as sources, too).
 */

struct builder {
	const struct catalog *catalog;
	const struct service *service;
	struct plot *plot;
	GArray *front, *back; /* struct plot_curve: made of others; all else */
	GHashTable *taken; /* names that have a curve, or are replaced by others: texts of the plot */
	size_t sources;
	size_t work; /* see WORK_MAX */
};

/* What looking up all paths of a graph may cost: names and globs of a hostile node are many. */
enum { WORK_MAX = 1000000, WORK_OF_PATH = 20 };

static void attributes_free(gpointer data)
{
	attributes_finish(data);
	g_free(data);
}

static bool is_hidden(const struct attributes *attributes)
{
	return !attributes_flag(attributes, "graph", true) ||
		   attributes_flag(attributes, "skipdraw", false);
}

static const struct field *own_field(const struct builder *b, const char *name)
{
	const struct field *field = service_find_field(b->service, name);
	return field && !field->gone ? field : NULL;
}

static const char *keep(const struct builder *b, const char *text)
{
	return g_string_chunk_insert(b->plot->texts, text);
}

/* The name's place among the curves; false: it has one already, or there is no room. */
static bool claim(struct builder *b, const char *name)
{
	return g_hash_table_size(b->taken) < PLOT_CURVES_MAX * 2 &&
		   g_hash_table_add(b->taken, (gpointer)keep(b, name));
}

static bool has_room(const struct builder *b)
{
	return b->front->len + b->back->len < PLOT_CURVES_MAX;
}

static struct plot_curve *add_curve(
	struct builder *b, GArray *to, enum plot_kind kind, const char *name)
{
	static const struct attributes none;
	const struct field *own = own_field(b, name);
	struct plot_curve curve = {.kind = kind, .attributes = own ? &own->attributes : &none};
	g_strlcpy(curve.name, name, sizeof(curve.name));
	curve.label = own && *own->label ? own->label : keep(b, name);
	curve.scale = 1;
	g_array_append_val(to, curve);
	return &g_array_index(to, struct plot_curve, to->len - 1);
}

static unsigned period_scale(const struct service *service, const struct field *field)
{
	const char *period = attributes_or(&service->attributes, "graph_period", "second");
	if (field->type == FIELD_GAUGE) {
		return 1;
	}
	return !strcmp(period, "minute") ? 60 : !strcmp(period, "hour") ? 3600 : 1;
}

/* A broken path of a node may be long. */
static void add_missing(GString *missing, const char *path)
{
	enum { SHOWN_MAX = 200 };
	if (missing->len < SHOWN_MAX) {
		g_autofree char *cut = g_utf8_substring(path, 0, MIN(g_utf8_strlen(path, -1), 80));
		g_string_append_printf(missing, "%s%s", missing->len ? ", " : "", cut);
	} else if (!g_str_has_suffix(missing->str, "…")) {
		g_string_append(missing, " …");
	}
}

/* What looking for a path costs: a glob goes through all hosts. */
static bool afford(struct builder *b, const struct reference *reference)
{
	b->work += WORK_OF_PATH + (reference->many ? catalog_hosts(b->catalog)->len : 0);
	return b->work <= WORK_MAX;
}

static void drop_made(GPtrArray *found, guint from)
{
	while (from < found->len) {
		if (plot_is_made(found->pdata[from])) {
			g_ptr_array_remove_index(found, from);
		} else {
			from++;
		}
	}
}

/* Finds what a path means and appends it to `found`; what is wrong goes to `missing`. False: there
 * are more than `most`, or too much to look for. */
static bool resolve(
	struct builder *b, const char *path, size_t most, GPtrArray *found, GString *missing)
{
	struct reference reference;
	guint before = found->len;
	bool whole = true;
	if (reference_parse(path, strlen(path), &reference, NULL)) {
		whole = afford(b, &reference) &&
				reference_collect(b->catalog, b->service, &reference, before + most, found);
	}
	drop_made(found, before);
	b->sources += found->len - before;
	if (found->len == before && whole) {
		add_missing(missing, path);
	}
	return whole;
}

/* Hands what was found over to the curve. */
static void set_sources(
	struct builder *b, struct plot_curve *curve, GPtrArray *found, const GString *missing)
{
	curve->source_count = found->len;
	curve->sources = found->len ? g_memdup2(found->pdata, found->len * sizeof(gpointer)) : NULL;
	if (missing->len) {
		curve->missing = keep(b, missing->str);
	}
	if (!curve->source_count && !curve->broken) {
		g_autofree char *text = g_strdup_printf("there is no series %s", missing->str);
		curve->broken = keep(b, missing->len ? text : "there is nothing it is made of");
	}
}

static const char too_many[] = "more sources than a graph may have";

/* Of several the first. */
static void read_path(struct builder *b, struct plot_curve *curve, const char *path)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	g_autoptr(GString) missing = g_string_new(NULL);
	if (b->sources >= PLOT_SOURCES_MAX || (!resolve(b, path, 1, found, missing) && !found->len)) {
		curve->broken = too_many;
	}
	set_sources(b, curve, found, missing);
}

static void read_sum(struct builder *b, struct plot_curve *curve, const char *paths)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	g_autoptr(GString) missing = g_string_new(NULL);
	g_auto(GStrv) words = g_strsplit_set(paths, " \t", -1);
	for (char **word = words; *word && !curve->broken; word++) {
		const char *named = strchr(*word, '=');
		const char *path = named ? named + 1 : *word;
		if (*path && !resolve(b, path, PLOT_SOURCES_MAX - b->sources, found, missing)) {
			curve->broken = too_many;
		}
	}
	set_sources(b, curve, found, missing);
}

static void add_sum(struct builder *b, const char *name, const char *paths, bool hide)
{
	if (claim(b, name) && has_room(b)) {
		struct plot_curve *curve = add_curve(b, b->front, PLOT_SUM, name);
		curve->drawn = !hide && !is_hidden(curve->attributes);
		read_sum(b, curve, paths);
	}
}

/* `cdef` of the field that is replaced, with the part's name in the place of its own. */
static struct rpn *stacked_cdef(
	struct plot_curve *part, const struct field *field, struct error *err)
{
	g_auto(GStrv) tokens = g_strsplit(attributes_or(&field->attributes, "cdef", ""), ",", -1);
	for (char **token = tokens; *token; token++) {
		if (!strcmp(g_strstrip(*token), field->name)) {
			g_free(*token);
			*token = g_strdup(part->name);
		}
	}
	g_autofree char *text = g_strjoinv(",", tokens);
	return rpn_parse(text, strlen(text), err);
}

/* The first part is drawn as the field would be, the others on it. */
static struct plot_curve *add_part(
	struct builder *b, const struct field *field, const char *name, const char *path, bool first)
{
	struct error err = {0};
	struct plot_curve *part = add_curve(b, b->front, PLOT_STACKED, name);
	part->draw = first ? attributes_or(&field->attributes, "draw", "LINE1") : "STACK";
	read_path(b, part, path);
	if (*attributes_or(&field->attributes, "cdef", "")) {
		part->cdef = stacked_cdef(part, field, &err);
		if (!part->cdef) {
			part->broken = keep(b, err.text);
		}
	}
	return part;
}

static void add_stack(struct builder *b, const struct field *field, const char *parts, bool hide)
{
	if (!claim(b, field->name)) {
		return;
	}
	g_auto(GStrv) words = g_strsplit_set(parts, " \t", -1);
	bool first = true;
	bool same = true; /* one part may be called as the field it is a part of */
	for (char **word = words; *word; word++) {
		char *path = strchr(*word, '=');
		if (!path) {
			continue;
		}
		*path++ = 0;
		bool again = same && !strcmp(*word, field->name);
		if (ident_is_field(*word) && has_room(b) && (again || claim(b, *word))) {
			add_part(b, field, *word, path, first)->drawn = !hide;
			first = false;
			same = same && !again;
		}
	}
}

/* What the lender says and this graph does not. */
static void lend(struct builder *b, struct plot_curve *curve, const struct field *lender)
{
	static const char *const lent[] = {"draw", "info"};
	struct attributes *attributes = g_new0(struct attributes, 1);
	attributes_copy(attributes, curve->attributes);
	for (size_t i = 0; i < ARRAY_LENGTH(lent); i++) {
		const char *value = attributes_get(&lender->attributes, lent[i]);
		if (value && !attributes_get(attributes, lent[i])) {
			(void)!attributes_set(attributes, ATTRIBUTES_FIELD, lent[i], value);
		}
	}
	g_ptr_array_add(b->plot->attributes, attributes);
	curve->attributes = attributes;
	curve->scale = period_scale(b->service, lender);
}

static void add_borrowed(struct builder *b, const char *name, const char *path, bool hide)
{
	if (ident_is_field(name) && has_room(b) && claim(b, name)) {
		struct plot_curve *curve = add_curve(b, b->back, PLOT_BORROWED, name);
		read_path(b, curve, path);
		if (curve->source_count) {
			lend(b, curve, curve->sources[0]);
		}
		curve->drawn = !hide && !is_hidden(curve->attributes);
	}
}

static void add_own(struct builder *b, const struct field *field, bool hide)
{
	if (has_room(b) && claim(b, field->name)) {
		struct plot_curve *curve = add_curve(b, b->back, PLOT_OWN, field->name);
		curve->sources = g_memdup2(&field, sizeof(gpointer));
		curve->source_count = 1;
		curve->scale = period_scale(b->service, field);
		curve->drawn = !hide && !is_hidden(curve->attributes);
	}
}

static void add_field(struct builder *b, const struct field *field, bool hide)
{
	const char *stack = attributes_get(&field->attributes, "stack");
	const char *sum = attributes_get(&field->attributes, "sum");
	if (stack) {
		add_stack(b, field, stack, hide);
	} else if (sum) {
		add_sum(b, field->name, sum, hide);
	} else {
		add_own(b, field, hide);
	}
}

/* graph_sources and graph_order: "name", "-name" (hidden), "name=path". */
static void add_ordered(struct builder *b, const char *order, bool hide_all)
{
	g_auto(GStrv) words = g_strsplit_set(order, " \t", -1);
	for (char **word = words; *word; word++) {
		bool hide = hide_all || **word == '-';
		char *name = *word + (**word == '-');
		char *path = strchr(name, '=');
		if (path) {
			*path++ = 0;
			add_borrowed(b, name, path, hide);
		} else {
			const struct field *field = own_field(b, name);
			if (field) {
				add_field(b, field, hide);
			}
		}
	}
}

static void collect(struct builder *b)
{
	const struct attributes *attributes = &b->service->attributes;
	add_ordered(b, attributes_or(attributes, "graph_sources", ""), true);
	add_ordered(b, attributes_or(attributes, "graph_order", ""), false);
	for (size_t i = 0; i < service_field_count(b->service); i++) {
		const struct field *field = service_field(b->service, i);
		if (!field->gone) {
			add_field(b, field, false);
		}
	}
	struct plot *plot = b->plot;
	plot->count = b->front->len + b->back->len;
	plot->curves = g_new0(struct plot_curve, plot->count + 1);
	if (b->front->len) { /* an empty array has no data */
		memcpy(plot->curves, b->front->data, b->front->len * sizeof(struct plot_curve));
	}
	if (b->back->len) {
		memcpy(
			plot->curves + b->front->len, b->back->data, b->back->len * sizeof(struct plot_curve));
	}
	plot->combined = b->front->len != 0;
}

/* An expression of its own; STACKED ones have been read. */
static void read_cdef(struct builder *b, struct plot_curve *curve)
{
	struct error err = {0};
	const char *cdef = attributes_get(curve->attributes, "cdef");
	if (curve->kind != PLOT_STACKED && cdef && *cdef) {
		curve->cdef = rpn_parse(cdef, strlen(cdef), &err);
		if (!curve->cdef) {
			error_prefix(&err, "cdef");
			curve->broken = keep(b, err.text);
		}
	}
}

static void name_input(
	struct builder *b, struct plot_curve *curve, size_t index, GHashTable *by_name)
{
	const char *name = rpn_name(curve->cdef, index);
	struct plot_curve *input = g_hash_table_lookup(by_name, name);
	curve->inputs[index] = (struct plot_input){input, input < curve   ? PLOT_RESULT
													  : input > curve ? PLOT_RAW
																	  : PLOT_SCALED};
	bool usable = input && (input >= curve ? input->source_count != 0 : !input->broken);
	if (!usable && !curve->broken) {
		g_autofree char *text = g_strdup_printf(input ? "cdef needs %s, which cannot be computed"
													  : "cdef names %s, which is not in this graph",
			name);
		curve->broken = keep(b, text);
	}
}

static void read_expressions(struct builder *b)
{
	struct plot *plot = b->plot;
	g_autoptr(GHashTable) by_name = g_hash_table_new(g_str_hash, g_str_equal);
	for (size_t i = 0; i < plot->count; i++) {
		read_cdef(b, &plot->curves[i]);
		g_hash_table_insert(by_name, plot->curves[i].name, &plot->curves[i]);
	}
	for (size_t i = 0; i < plot->count; i++) {
		struct plot_curve *curve = &plot->curves[i];
		size_t names = curve->cdef ? rpn_name_count(curve->cdef) : 0;
		curve->inputs = names ? g_new0(struct plot_input, names) : NULL;
		for (size_t k = 0; k < names; k++) {
			name_input(b, curve, k, by_name);
		}
		curve->drawn = curve->drawn && !curve->broken;
	}
}

/* A mirrored field may be declared `graph no` (most are): it is drawn through its partner only. */
static void pair_negatives(struct plot *plot)
{
	for (size_t i = 0; i < plot->count; i++) {
		struct plot_curve *curve = &plot->curves[i];
		const char *name = attributes_get(curve->attributes, "negative");
		struct plot_curve *below =
			name && curve->drawn ? (struct plot_curve *)plot_find(plot, name) : NULL;
		if (below && below != curve && !below->negative && !below->broken) {
			curve->negative = below;
			below->drawn = false;
			plot->mirrored = true;
		}
	}
}

/* "LINE" and a width: nothing but digits and one point, short. */
static bool is_width(const char *text)
{
	size_t length = strlen(text);
	size_t whole = strspn(text, "0123456789");
	size_t rest = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
	return length <= 5 && (!length || whole) && (!text[whole] || (rest && !text[whole + 1 + rest]));
}

struct run {
	bool begun, stacking; /* something is drawn already; the next of a run lies on it */
};

/* AREASTACK and LINESTACK: the first of a run begins it, the rest lie on it. */
static const char *resolve_draw(const struct builder *b, const char *draw, struct run *run)
{
	bool line = g_str_has_prefix(draw, "LINESTACK") && is_width(draw + strlen("LINESTACK"));
	if (line || !strcmp(draw, "AREASTACK")) {
		bool first = !run->stacking;
		run->stacking = true;
		if (!first) {
			return run->begun ? "STACK" : "LINE1";
		}
		g_autofree char *text = g_strconcat("LINE", line ? draw + strlen("LINESTACK") : "", NULL);
		return !line ? "AREA" : strlen(text) > 4 ? keep(b, text) : "LINE1";
	}
	if (!strcmp(draw, "AREA")) {
		return draw;
	}
	if (!strcmp(draw, "STACK")) {
		return run->begun ? draw : "LINE1";
	}
	bool plain = g_str_has_prefix(draw, "LINE") && draw[4] && is_width(draw + 4);
	return plain ? draw : "LINE1";
}

static void resolve_draws(struct builder *b)
{
	struct run run = {0};
	for (size_t i = 0; i < b->plot->count; i++) {
		struct plot_curve *curve = &b->plot->curves[i];
		const char *said =
			curve->draw ? curve->draw : attributes_or(curve->attributes, "draw", "LINE1");
		curve->draw = "LINE1";
		if (curve->drawn) {
			curve->draw = resolve_draw(b, said, &run);
			run.begun = true;
			b->plot->drawn++;
		}
	}
}

struct plot *plot_create(const struct catalog *catalog, const struct service *service)
{
	struct builder b = {.catalog = catalog, .service = service};
	b.plot = g_new0(struct plot, 1);
	b.plot->service = service;
	b.plot->texts = g_string_chunk_new(1024);
	b.plot->attributes = g_ptr_array_new_with_free_func(attributes_free);
	b.front = g_array_new(FALSE, FALSE, sizeof(struct plot_curve));
	b.back = g_array_new(FALSE, FALSE, sizeof(struct plot_curve));
	b.taken = g_hash_table_new(g_str_hash, g_str_equal);
	collect(&b);
	read_expressions(&b);
	pair_negatives(b.plot);
	resolve_draws(&b);
	g_hash_table_unref(b.taken);
	g_array_unref(b.front);
	g_array_unref(b.back);
	return b.plot;
}

void plot_destroy(struct plot *plot)
{
	if (plot) {
		for (size_t i = 0; i < plot->count; i++) {
			rpn_destroy(plot->curves[i].cdef);
			g_free(plot->curves[i].inputs);
			g_free(plot->curves[i].sources);
		}
		g_free(plot->curves);
		g_string_chunk_free(plot->texts);
		g_ptr_array_unref(plot->attributes);
		g_free(plot);
	}
}

const struct plot_curve *plot_find(const struct plot *plot, const char *name)
{
	for (size_t i = 0; i < plot->count; i++) {
		if (!strcmp(plot->curves[i].name, name)) {
			return &plot->curves[i];
		}
	}
	return NULL;
}

/* Whether graph_order or graph_sources borrows `name`. */
static bool is_borrowed(const char *order, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = order; (at = strstr(at, name)); at += length) {
		bool begins = at == order || strchr(" \t-", at[-1]);
		if (begins && at[length] == '=') {
			return true;
		}
	}
	return false;
}

bool plot_is_made(const struct field *field)
{
	const struct attributes *graph = &field->service->attributes;
	return attributes_get(&field->attributes, "sum") ||
		   attributes_get(&field->attributes, "stack") ||
		   is_borrowed(attributes_or(graph, "graph_order", ""), field->name) ||
		   is_borrowed(attributes_or(graph, "graph_sources", ""), field->name);
}
