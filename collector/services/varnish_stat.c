#include "collector/services/varnish_stat.h"
#include "base/address.h"
#include "base/text.h"
#include "collector/services/varnish_graph.h"

#include <math.h>
#include <string.h>

#ifdef MAGPIE_VARNISHAPI
#include <vapi/vsc.h>
#include <vapi/vsm.h>
#endif

#include "base/banned.h"

/*
 * Attaching never waits ('t' 0). Points are gone over each round and looked up by name; graphs are
 * declared when the set of points that have a field changed (a storage came, another version of
 * Varnish was started).
 */
#ifdef MAGPIE_VARNISHAPI
enum { VARNISH_RETRY_ROUNDS = 6, VARNISH_POINTS_MAX = 4096 };

struct varnish_stat {
	struct vsm *vsm;
	struct vsc *vsc;
	char *directory;
	uint64_t tried; /* in this round of the probe */
	bool attached;
	GHashTable *points; /* name -> double *, of this round */
	GString *shape;     /* names of the points that have fields, as declared */
	struct feed *feeds[VARNISH_GRAPHS];
};

bool varnish_stat_available(void)
{
	return true;
}

static void varnish_stat_detach(struct varnish_stat *stat)
{
	if (stat->vsc) {
		VSC_Destroy(&stat->vsc, stat->vsm);
	}
	if (stat->vsm) {
		VSM_Destroy(&stat->vsm);
	}
	stat->attached = false;
}

struct varnish_stat *varnish_stat_create(const struct probe *probe, const char *directory)
{
	const struct config_host *host = probe->target->settings->host;
	if (!probe->settings->metrics || (!host->local && !directory)) {
		return NULL;
	}
	struct varnish_stat *stat = g_new0(struct varnish_stat, 1);
	stat->directory = g_strdup(directory);
	stat->points = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return stat;
}

void varnish_stat_destroy(struct varnish_stat *stat)
{
	if (!stat) {
		return;
	}
	varnish_stat_detach(stat);
	g_hash_table_destroy(stat->points);
	if (stat->shape) {
		g_string_free(stat->shape, TRUE);
	}
	g_free(stat->directory);
	g_free(stat);
}

static bool varnish_stat_attach(struct varnish_stat *stat, const struct probe *probe)
{
	if (stat->tried && probe->round - stat->tried < VARNISH_RETRY_ROUNDS) {
		return false;
	}
	stat->tried = probe->round;
	stat->vsm = VSM_New();
	stat->vsc = VSC_New();
	stat->attached = stat->vsm && stat->vsc && VSM_Arg(stat->vsm, 't', "0") > 0 &&
					 (!stat->directory || VSM_Arg(stat->vsm, 'n', stat->directory) > 0) &&
					 !VSM_Attach(stat->vsm, -1);
	if (!stat->attached) {
		varnish_stat_detach(stat);
	}
	return stat->attached;
}

static int varnish_stat_point(void *priv, const struct VSC_point *const point)
{
	struct varnish_stat *stat = priv;
	if (!point || g_hash_table_size(stat->points) >= VARNISH_POINTS_MAX) {
		return 0;
	}
	double *value = g_new(double, 1);
	*value = (double)VSC_Value(point);
	g_hash_table_replace(stat->points, g_strdup(point->name), value);
	return 0;
}

/* "SMA.*.g_bytes" and "SMA.s0.g_bytes" -> "SMA_s0_g_bytes". */
static bool varnish_stat_storage(const char *pattern, const char *point, char *out)
{
	return strchr(pattern, '*') && text_glob(pattern, point) && ident_clean_field(point, out);
}

typedef void (*varnish_stat_fn)(void *owner, const struct varnish_field *field, const char *name,
	const char *label, double value);

/* Calls `fn` for every field that the graph has, in a fixed order. */
static void varnish_stat_fields(const struct varnish_stat *stat, const struct varnish_graph *graph,
	GPtrArray *names, varnish_stat_fn fn, void *owner)
{
	for (size_t f = 0; f < VARNISH_FIELDS_MAX && graph->fields[f].counter; f++) {
		const struct varnish_field *field = &graph->fields[f];
		const double *value = g_hash_table_lookup(stat->points, field->counter);
		if (value) {
			fn(owner, field, field->row.name, field->row.label, *value);
		}
		for (guint i = 0; strchr(field->counter, '*') && i < names->len; i++) {
			char name[IDENT_FIELD_MAX + 1];
			const char *point = names->pdata[i];
			if (varnish_stat_storage(field->counter, point, name)) {
				char *label = g_strdup_printf("%s %s", point, field->row.label);
				fn(owner, field, name, label, *(double *)g_hash_table_lookup(stat->points, point));
				g_free(label);
			}
		}
	}
}

static void varnish_stat_note(void *owner, const struct varnish_field *field, const char *name,
	const char *label, double value)
{
	(void)field;
	(void)label;
	(void)value;
	g_string_append_printf(owner, "%s ", name);
}

static void varnish_stat_add(void *owner, const struct varnish_field *field, const char *name,
	const char *label, double value)
{
	(void)value;
	struct field_row row = field->row;
	row.name = name;
	row.label = label;
	(void)graph_field(owner, &row);
}

static void varnish_stat_set(void *owner, const struct varnish_field *field, const char *name,
	const char *label, double value)
{
	(void)field;
	(void)label;
	probe_value(owner, name, value);
}

static int varnish_stat_compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *varnish_stat_names(const struct varnish_stat *stat)
{
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer name;
	g_hash_table_iter_init(&iter, stat->points);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		if (!strncmp(name, "SM", 2)) {
			g_ptr_array_add(names, name);
		}
	}
	g_ptr_array_sort(names, varnish_stat_compare);
	return names;
}

static void varnish_stat_declare(struct varnish_stat *stat, struct probe *probe, GPtrArray *names)
{
	GString *shape = g_string_new(NULL);
	for (size_t g = 0; g < VARNISH_GRAPHS; g++) {
		varnish_stat_fields(stat, &varnish_graphs[g], names, varnish_stat_note, shape);
	}
	if (stat->shape && g_string_equal(stat->shape, shape)) {
		g_string_free(shape, TRUE);
		return;
	}
	if (stat->shape) {
		g_string_free(stat->shape, TRUE);
	}
	stat->shape = shape;
	for (size_t g = 0; g < VARNISH_GRAPHS; g++) {
		struct service *service = probe_graph_begin(probe, &varnish_graphs[g].row, NULL);
		varnish_stat_fields(stat, &varnish_graphs[g], names, varnish_stat_add, service);
		stat->feeds[g] = probe_graph_declare(probe, service);
	}
}

void varnish_stat_fill(struct varnish_stat *stat, struct probe *probe)
{
	if (!stat || (!stat->attached && !varnish_stat_attach(stat, probe))) {
		return;
	}
	unsigned status = VSM_Status(stat->vsm);
	if (!(status & VSM_MGT_RUNNING)) {
		varnish_stat_detach(stat);
		return;
	}
	g_hash_table_remove_all(stat->points);
	(void)VSC_Iter(stat->vsc, stat->vsm, varnish_stat_point, stat);
	if (!g_hash_table_contains(stat->points, "MAIN.uptime")) {
		return; /* the child is not there */
	}
	GPtrArray *names = varnish_stat_names(stat);
	varnish_stat_declare(stat, probe, names);
	for (size_t g = 0; g < VARNISH_GRAPHS; g++) {
		varnish_stat_fields(stat, &varnish_graphs[g], names, varnish_stat_set, stat->feeds[g]);
	}
	g_ptr_array_unref(names);
}
#else
bool varnish_stat_available(void)
{
	return false;
}

struct varnish_stat *varnish_stat_create(const struct probe *probe, const char *directory)
{
	(void)probe;
	(void)directory;
	return NULL;
}

void varnish_stat_destroy(struct varnish_stat *stat)
{
	(void)stat;
}

void varnish_stat_fill(struct varnish_stat *stat, struct probe *probe)
{
	(void)stat;
	(void)probe;
}
#endif
