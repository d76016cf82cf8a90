#include "web/facades/facades.h"
#include "web/facades/graphite_path.h"
#include "web/jsonout.h"
#include "web/replica.h"

#include <string.h>

#include "base/banned.h"

/*
 * What there is, as Graphite's finders tell it: /metrics/find, /metrics/expand,
 * /metrics/index.json; and the answers of what a Graphite has and Magpie has not, as the empty
 * lists that clients expect.
 */
enum { NODES_MAX = 20000, INDEX_MAX = 200000 };

struct found {
	char *path, *name;
	bool leaf;
};

struct finding {
	GPtrArray *all; /* struct found *, owned */
	GHashTable *seen;
	bool by_name; /* one of each name, whatever is before it */
	bool truncated;
};

static void found_free(gpointer data)
{
	struct found *found = data;
	g_free(found->path);
	g_free(found->name);
	g_free(found);
}

static void add_node(void *owner, const struct graphite_node *node)
{
	struct finding *f = owner;
	const char *key = f->by_name ? node->name : node->path;
	bool leaf = node->field;
	if (f->all->len == NODES_MAX) {
		f->truncated = true;
		return;
	}
	if (!g_hash_table_add(f->seen, g_strdup_printf("%d%s", leaf, key))) {
		return;
	}
	struct found *found = g_new0(struct found, 1);
	found->path = g_strdup(node->path);
	found->name = g_strdup(node->name);
	found->leaf = leaf;
	g_ptr_array_add(f->all, found);
}

static gint compare_found(gconstpointer a, gconstpointer b)
{
	const struct found *x = *(struct found *const *)a;
	const struct found *y = *(struct found *const *)b;
	int by_path = strcmp(x->path, y->path);
	return by_path ? by_path : (int)x->leaf - (int)y->leaf;
}

static void find(const struct web *web, const struct graphite_pattern *pattern, struct finding *f)
{
	f->all = g_ptr_array_new_with_free_func(found_free);
	f->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	graphite_find(replica_catalog(web->replica), pattern, false, add_node, f);
	g_ptr_array_sort(f->all, compare_found);
}

static void finding_finish(struct finding *f)
{
	g_ptr_array_unref(f->all);
	g_hash_table_unref(f->seen);
}

/* The id of a node goes on where the query was: with the query's own asterisks. */
static void write_tree(const struct finding *f, const char *query, GString *out)
{
	const char *dot = strrchr(query, '.');
	struct jsonout j = jsonout_begin(out);
	jsonout_open(&j, NULL, '[');
	for (guint i = 0; i < f->all->len; i++) {
		const struct found *found = f->all->pdata[i];
		g_autofree char *id =
			g_strdup_printf("%.*s%s", dot ? (int)(dot + 1 - query) : 0, query, found->name);
		jsonout_open(&j, NULL, '{');
		jsonout_text(&j, "text", found->name);
		jsonout_text(&j, "id", id);
		jsonout_int(&j, "leaf", found->leaf);
		jsonout_int(&j, "expandable", !found->leaf);
		jsonout_int(&j, "allowChildren", !found->leaf);
		jsonout_open(&j, "context", '{');
		jsonout_close(&j);
		jsonout_close(&j);
	}
	jsonout_close(&j);
}

static void write_completer(const struct finding *f, GString *out)
{
	struct jsonout j = jsonout_begin(out);
	jsonout_open(&j, NULL, '{');
	jsonout_open(&j, "metrics", '[');
	for (guint i = 0; i < f->all->len; i++) {
		const struct found *found = f->all->pdata[i];
		g_autofree char *path = g_strdup_printf("%s%s", found->path, found->leaf ? "" : ".");
		jsonout_open(&j, NULL, '{');
		jsonout_text(&j, "path", path);
		jsonout_text(&j, "name", found->name);
		jsonout_text(&j, "is_leaf", found->leaf ? "1" : "0");
		jsonout_close(&j);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

/* "a.b" is completed as "a.b*", "a." as "a.*". */
static char *completed(const char *query, bool completer)
{
	size_t length = strlen(query);
	bool open = completer || !length || query[length - 1] == '.';
	return g_strdup_printf("%s%s", query, open && !g_str_has_suffix(query, "*") ? "*" : "");
}

static void refuse(struct exchange *x, const struct finding *f, const struct error *err)
{
	if (f && f->truncated) {
		reply_problem(&x->reply, 400, "that names more than %d; ask for less", NODES_MAX);
	} else {
		reply_error(&x->reply, err);
	}
}

void api_graphite_find(struct web *web, struct exchange *x)
{
	static const char *const formats[] = {"treejson", "completer", NULL};
	struct error err = {0};
	size_t format = 0;
	if (!facade_read(x, GRAPHITE_FIND_PARAMETERS)) {
		return;
	}
	const char *asked = request_text(&x->request, "query");
	g_autofree char *query = completed(asked ? asked : "", false);
	if (!request_choice(&x->request, "format", formats, &format, &err)) {
		reply_error(&x->reply, &err);
		return;
	}
	if (format == 1) {
		g_free(query);
		query = completed(asked ? asked : "", true);
	}
	AUTO(graphite_pattern) pattern = graphite_pattern_parse(query, &err);
	if (!pattern) {
		reply_error(&x->reply, &err);
		return;
	}
	struct finding f = {.by_name = format == 0};
	find(web, pattern, &f);
	if (f.truncated) {
		refuse(x, &f, NULL);
	} else if (format == 0) {
		write_tree(&f, query, reply_json(&x->reply));
	} else {
		write_completer(&f, reply_json(&x->reply));
	}
	finding_finish(&f);
}

void api_graphite_expand(struct web *web, struct exchange *x)
{
	struct error err = {0};
	bool leaves = false;
	if (!facade_read(x, GRAPHITE_FIND_PARAMETERS)) {
		return;
	}
	const char *query = request_text(&x->request, "query");
	AUTO(graphite_pattern) pattern = graphite_pattern_parse(query ? query : "*", &err);
	if (!pattern || !request_flag(&x->request, "leavesOnly", &leaves, &err)) {
		refuse(x, NULL, &err);
		return;
	}
	struct finding f = {.by_name = false};
	find(web, pattern, &f);
	if (f.truncated) {
		refuse(x, &f, NULL);
	} else {
		struct jsonout j = jsonout_begin(reply_json(&x->reply));
		jsonout_open(&j, NULL, '{');
		jsonout_open(&j, "results", '[');
		for (guint i = 0; i < f.all->len; i++) {
			const struct found *found = f.all->pdata[i];
			if (found->leaf || !leaves) {
				jsonout_text(&j, NULL, found->path);
			}
		}
		jsonout_close(&j);
		jsonout_close(&j);
	}
	finding_finish(&f);
}

static void index_service(const struct service *service, struct jsonout *j)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (field->series_id && !field->gone) {
			g_autofree char *path = graphite_path(field);
			jsonout_text(j, NULL, path);
		}
	}
}

void api_graphite_index(struct web *web, struct exchange *x)
{
	const struct catalog *catalog = replica_catalog(web->replica);
	const GPtrArray *hosts = catalog_hosts(catalog);
	if (catalog_series_count(catalog) > INDEX_MAX) {
		reply_problem(&x->reply, 400,
			"there are more than %d series; ask /metrics/find for parts of them", INDEX_MAX);
		return;
	}
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '[');
	for (guint h = 0; h < hosts->len; h++) {
		const struct host *host = hosts->pdata[h];
		for (guint s = 0; s < host->services->len; s++) {
			index_service(host->services->pdata[s], &j);
		}
	}
	jsonout_close(&j);
}

/* The version whose interface this is, which clients ask for. */
void api_graphite_version(struct web *web UNUSED, struct exchange *x)
{
	g_string_append(reply_json(&x->reply), "\"1.1.8\"");
}

void api_graphite_nothing(struct web *web UNUSED, struct exchange *x)
{
	g_string_append(reply_json(&x->reply), "[]");
}

void api_graphite_functions(struct web *web UNUSED, struct exchange *x)
{
	g_string_append(reply_json(&x->reply), "{}");
}
