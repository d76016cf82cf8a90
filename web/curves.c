#include "web/curves.h"
#include "model/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * A plot becomes an array of nodes in the same order: an expression reads the results of earlier
 * ones only, so there are no cycles, and a result is computed once however often it is read. Nodes
 * that no column needs cost no series. The plot of the last graph is kept, because columns of one
 * graph are added one after the other.
 */
struct input {
	size_t node;
	enum plot_value value;
};

struct node {
	char *id, *field, *label;
	const struct plot_curve *curve; /* while its plot is there */
	uint32_t *sources;              /* indices of fetched series; entered when it is needed */
	size_t source_count;
	bool entered; /* its sources are fetched */
	bool known;   /* its values are a sum: unknown counts as 0 */
	bool broken;
	double scale;
	struct rpn *cdef;
	struct input *inputs;
};

/* Results that are read by others, for one answer. */
struct results {
	const struct archive_data *data;
	int64_t t0_s, now_s;
	size_t rows;
	GHashTable *of; /* node -> double *, owned */
};

struct curves {
	const struct catalog *catalog;
	size_t series_max;
	GPtrArray *nodes;   /* struct node * */
	GArray *columns;    /* size_t: nodes */
	GArray *series;     /* uint32_t */
	GHashTable *places; /* series id -> index in `series` */
	struct plot *plot;  /* of the last graph */
	size_t plot_base;   /* its first node */
	struct results *results;
};

static void node_free(gpointer data)
{
	struct node *node = data;
	g_free(node->id);
	g_free(node->field);
	g_free(node->label);
	g_free(node->sources);
	g_free(node->inputs);
	rpn_destroy(node->cdef);
	g_free(node);
}

struct curves *curves_create(const struct catalog *catalog, size_t series_max)
{
	struct curves *curves = g_new0(struct curves, 1);
	curves->catalog = catalog;
	curves->series_max = series_max;
	curves->nodes = g_ptr_array_new_with_free_func(node_free);
	curves->columns = g_array_new(FALSE, FALSE, sizeof(size_t));
	curves->series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	curves->places = g_hash_table_new(g_direct_hash, g_direct_equal);
	curves->results = g_new0(struct results, 1);
	curves->results->of = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	return curves;
}

void curves_destroy(struct curves *curves)
{
	if (curves) {
		g_hash_table_unref(curves->results->of);
		g_free(curves->results);
		plot_destroy(curves->plot);
		g_hash_table_unref(curves->places);
		g_array_unref(curves->series);
		g_array_unref(curves->columns);
		g_ptr_array_unref(curves->nodes);
		g_free(curves);
	}
}

static struct node *node_at(const struct curves *curves, size_t index)
{
	return curves->nodes->pdata[index];
}

/* -- adding -- */

static struct node *add_node(
	struct curves *curves, const struct service *service, const char *name, const char *label)
{
	struct node *node = g_new0(struct node, 1);
	node->id = g_strdup_printf("%s:%s:%s", service->host_name, service->name, name);
	node->field = g_strdup(name);
	node->label = g_strdup(*label ? label : name);
	node->scale = 1;
	g_ptr_array_add(curves->nodes, node);
	return node;
}

static void add_plot_node(struct curves *curves, struct plot_curve *curve)
{
	struct node *node = add_node(curves, curves->plot->service, curve->name, curve->label);
	size_t names = curve->cdef ? rpn_name_count(curve->cdef) : 0;
	node->curve = curve;
	node->known = curve->kind == PLOT_SUM || curve->kind == PLOT_STACKED;
	node->broken = curve->broken != NULL;
	node->scale = curve->scale;
	if (!node->broken) {
		node->cdef = STEAL(curve->cdef);
		node->inputs = g_new0(struct input, names + 1);
	}
	for (size_t i = 0; node->inputs && i < names; i++) {
		const struct plot_input *input = &curve->inputs[i];
		size_t place = (size_t)(input->curve - curves->plot->curves);
		node->inputs[i] = (struct input){curves->plot_base + place, input->value};
	}
}

/* Nodes of the graph; those of the graph before keep no plot. */
static void take_plot(struct curves *curves, const struct service *service)
{
	if (curves->plot && curves->plot->service == service) {
		return;
	}
	for (size_t i = 0; curves->plot && i < curves->plot->count; i++) {
		node_at(curves, curves->plot_base + i)->curve = NULL;
	}
	plot_destroy(curves->plot);
	curves->plot = plot_create(curves->catalog, service);
	curves->plot_base = curves->nodes->len;
	for (size_t i = 0; i < curves->plot->count; i++) {
		add_plot_node(curves, &curves->plot->curves[i]);
	}
}

/* Index among the fetched series; entered if it is new. Series without a number are not fetched. */
static bool need(struct curves *curves, struct node *node, const struct field *field)
{
	gpointer place;
	if (!field->series_id) {
		return true;
	}
	gpointer key = GUINT_TO_POINTER(field->series_id);
	if (!g_hash_table_lookup_extended(curves->places, key, NULL, &place)) {
		if (curves->series->len >= curves->series_max) {
			return false;
		}
		place = GUINT_TO_POINTER(curves->series->len);
		g_array_append_val(curves->series, field->series_id);
		g_hash_table_insert(curves->places, key, place);
	}
	node->sources[node->source_count++] = GPOINTER_TO_UINT(place);
	return true;
}

static bool enter_sources(struct curves *curves, struct node *node)
{
	const struct plot_curve *curve = node->curve;
	if (node->entered || node->broken || !curve) {
		return true;
	}
	node->sources = g_new(uint32_t, curve->source_count + 1);
	for (size_t i = 0; i < curve->source_count; i++) {
		if (!need(curves, node, curve->sources[i])) {
			node->source_count = 0;
			g_clear_pointer(&node->sources, g_free);
			return false;
		}
	}
	node->entered = true;
	return true;
}

/*
 * What a column needs, from it on down: results are those of earlier nodes only. Its own sources
 * are fetched even if its expression does not name them: they say when there are values.
 */
static bool enter(struct curves *curves, size_t column)
{
	g_autofree bool *wanted = g_new0(bool, column - curves->plot_base + 1);
	bool whole = enter_sources(curves, node_at(curves, column));
	wanted[column - curves->plot_base] = true;
	for (size_t i = column + 1; whole && i-- > curves->plot_base;) {
		struct node *node = node_at(curves, i);
		if (!wanted[i - curves->plot_base] || node->broken) {
			continue;
		}
		size_t names = node->cdef ? rpn_name_count(node->cdef) : 0;
		whole = node->cdef || enter_sources(curves, node);
		for (size_t k = 0; whole && k < names; k++) {
			const struct input *input = &node->inputs[k];
			if (input->value == PLOT_RESULT) {
				wanted[input->node - curves->plot_base] = true;
			} else {
				whole = enter_sources(curves, node_at(curves, input->node));
			}
		}
	}
	return whole;
}

/* Takes back what was entered for a column that is too much. */
static bool refuse(struct curves *curves, guint series, struct error *err)
{
	g_array_set_size(curves->series, series);
	GHashTableIter iter;
	gpointer place;
	g_hash_table_iter_init(&iter, curves->places);
	while (g_hash_table_iter_next(&iter, NULL, &place)) {
		if (GPOINTER_TO_UINT(place) >= series) {
			g_hash_table_iter_remove(&iter);
		}
	}
	for (guint i = 0; i < curves->nodes->len; i++) {
		struct node *node = node_at(curves, i);
		size_t kept = 0;
		while (kept < node->source_count && node->sources[kept] < series) {
			kept++;
		}
		if (kept < node->source_count) {
			node->source_count = 0;
			node->entered = false;
			g_clear_pointer(&node->sources, g_free);
		}
	}
	return error_set(err, ERR_CONFIG, "more than %zu series", curves->series_max);
}

static bool add_column(struct curves *curves, size_t node, struct error *err)
{
	guint series = curves->series->len;
	if (!enter(curves, node)) {
		return refuse(curves, series, err);
	}
	g_array_append_val(curves->columns, node);
	return true;
}

static bool add_stored(struct curves *curves, const struct field *field, struct error *err)
{
	guint series = curves->series->len;
	size_t place = curves->nodes->len;
	struct node *node = add_node(curves, field->service, field->name, field->label);
	node->sources = g_new(uint32_t, 1);
	node->entered = true;
	if (!need(curves, node, field)) {
		return refuse(curves, series, err);
	}
	g_array_append_val(curves->columns, place);
	return true;
}

/* Of the plot that was taken; false: it has no such curve. */
static bool find_node(const struct curves *curves, const char *name, size_t *node)
{
	const struct plot_curve *curve = plot_find(curves->plot, name);
	*node = curves->plot_base + (curve ? (size_t)(curve - curves->plot->curves) : 0);
	return curve != NULL;
}

bool curves_add(struct curves *curves, const struct field *field, bool graphed, struct error *err)
{
	size_t node;
	if (graphed || plot_is_made(field)) {
		take_plot(curves, field->service);
		if (find_node(curves, field->name, &node)) {
			return add_column(curves, node, err);
		}
	}
	return add_stored(curves, field, err);
}

static bool has_column(const struct curves *curves, const char *id)
{
	for (size_t i = 0; i < curves_count(curves); i++) {
		if (!strcmp(curves_id(curves, i), id)) {
			return true;
		}
	}
	return false;
}

bool curves_add_id(struct curves *curves, const char *id, bool graphed, struct error *err)
{
	char host[IDENT_HOST_MAX + 1];
	char name[IDENT_SERVICE_MAX + 1];
	char field_name[IDENT_FIELD_MAX + 1];
	size_t node;
	const struct service *service = ident_split_series(id, host, name, field_name)
										? catalog_service(curves->catalog, host, name)
										: NULL;
	const struct field *field = service ? service_find_field(service, field_name) : NULL;
	if (has_column(curves, id)) {
		return true;
	}
	if (field) {
		return curves_add(curves, field, graphed, err);
	}
	if (service) {
		take_plot(curves, service);
		if (find_node(curves, field_name, &node)) {
			return add_column(curves, node, err);
		}
	}
	return error_set(err, ERR_NOT_FOUND, "there is no series \"%.150s\"", id);
}

static bool add_fields(struct curves *curves, const struct service *service, struct error *err)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (!field->gone && field->series_id && !add_stored(curves, field, err)) {
			return false;
		}
	}
	return true;
}

bool curves_add_graph(
	struct curves *curves, const struct service *service, bool graphed, struct error *err)
{
	if (!graphed) {
		return add_fields(curves, service, err);
	}
	take_plot(curves, service);
	for (size_t i = 0; i < curves->plot->count; i++) {
		if (!add_column(curves, curves->plot_base + i, err)) {
			return false;
		}
	}
	return true;
}

/* -- reading -- */

size_t curves_count(const struct curves *curves)
{
	return curves->columns->len;
}

static const struct node *column_node(const struct curves *curves, size_t index)
{
	return node_at(curves, g_array_index(curves->columns, size_t, index));
}

const char *curves_id(const struct curves *curves, size_t index)
{
	return column_node(curves, index)->id;
}

const char *curves_field(const struct curves *curves, size_t index)
{
	return column_node(curves, index)->field;
}

const char *curves_label(const struct curves *curves, size_t index)
{
	return column_node(curves, index)->label;
}

const uint32_t *curves_series(const struct curves *curves, size_t *count)
{
	*count = curves->series->len;
	return (const uint32_t *)(const void *)curves->series->data;
}

/* -- computing -- */

/* Sums end where nothing is known yet, instead of falling to 0 (Munin ends their pictures one
 * resolution earlier; reference: munin, 8). */
static size_t known_rows(const struct results *results, double *const *columns, size_t count)
{
	int64_t step_s = results->data->step_s;
	size_t row = results->rows;
	while (row > 0 && results->t0_s + (int64_t)row * step_s > results->now_s - 2 * step_s) {
		for (size_t i = 0; i < count; i++) {
			if (!isnan(columns[i][row - 1])) {
				return row;
			}
		}
		row--;
	}
	return row;
}

static void add_up(const struct results *results, double *const *columns, size_t count, double *out)
{
	size_t known = known_rows(results, columns, count);
	for (size_t row = 0; row < results->rows; row++) {
		out[row] = row < known ? 0 : NAN;
		for (size_t i = 0; i < count && row < known; i++) {
			out[row] += isnan(columns[i][row]) ? 0 : columns[i][row];
		}
	}
}

/* Sources alone, times `scale`. */
static void compute_base(
	const struct results *results, const struct node *node, double scale, double *out)
{
	const struct archive_data *data = results->data;
	g_autofree double **columns = g_new(double *, node->source_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < node->source_count; i++) {
		columns[count] = node->sources[i] < data->count ? data->columns[node->sources[i]] : NULL;
		count += columns[count] != NULL;
	}
	if (node->known && count) {
		add_up(results, columns, count, out);
	} else {
		for (size_t row = 0; row < results->rows; row++) {
			out[row] = count ? columns[0][row] : NAN;
		}
	}
	for (size_t row = 0; scale != 1 && row < results->rows; row++) {
		out[row] *= scale;
	}
}

/* Runs the expression over its inputs; results of others are there already. */
static void compute_node(const struct curves *curves, const struct results *results,
	const struct node *node, double *out)
{
	const struct archive_data *data = results->data;
	if (!node->cdef || node->broken) {
		compute_base(results, node, node->scale, out);
		return;
	}
	const double *columns[RPN_NAMES_MAX];
	g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
	struct rpn_span span = {data->t0_s, data->step_s, results->now_s, results->rows};
	for (size_t i = 0; i < rpn_name_count(node->cdef); i++) {
		const struct node *input = node_at(curves, node->inputs[i].node);
		if (node->inputs[i].value == PLOT_RESULT) {
			columns[i] = g_hash_table_lookup(results->of, input);
			continue;
		}
		double *values = g_new(double, results->rows + 1);
		double scale = node->inputs[i].value == PLOT_SCALED ? input->scale : 1;
		compute_base(results, input, scale, values);
		g_ptr_array_add(made, values);
		columns[i] = values;
	}
	rpn_evaluate(node->cdef, &span, columns, out);
}

/* Results of everything `node` reads, in the order of the nodes: earlier ones first. */
static void compute_inputs(const struct curves *curves, struct results *results, size_t wanted)
{
	g_autoptr(GArray) path = g_array_new(FALSE, FALSE, sizeof(size_t));
	g_array_append_val(path, wanted);
	while (path->len) {
		size_t at = g_array_index(path, size_t, path->len - 1);
		const struct node *node = node_at(curves, at);
		size_t names = node->cdef && !node->broken ? rpn_name_count(node->cdef) : 0;
		bool ready = true;
		for (size_t i = 0; i < names && ready; i++) {
			size_t input = node->inputs[i].node;
			if (node->inputs[i].value == PLOT_RESULT &&
				!g_hash_table_contains(results->of, node_at(curves, input))) {
				g_array_append_val(path, input);
				ready = false;
			}
		}
		if (!ready) {
			continue;
		}
		if (at != wanted) {
			double *values = g_new(double, results->rows + 1);
			compute_node(curves, results, node, values);
			g_hash_table_insert(results->of, (gpointer)node, values);
		}
		g_array_set_size(path, path->len - 1);
	}
}

void curves_compute(const struct curves *curves, size_t index, const struct archive_data *data,
	int64_t now_s, double *out)
{
	struct results *results = curves->results;
	size_t wanted = g_array_index(curves->columns, size_t, index);
	const struct node *node = node_at(curves, wanted);
	if (results->data != data || results->now_s != now_s || results->rows != data->rows ||
		results->t0_s != data->t0_s) {
		g_hash_table_remove_all(results->of);
		*results = (struct results){data, data->t0_s, now_s, data->rows, results->of};
	}
	compute_inputs(curves, results, wanted);
	compute_node(curves, results, node, out);
}
