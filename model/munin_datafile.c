/*
 * The file is written by walking hashes, so its lines come in no order: of a graph with three
 * levels a line of a subgraph may come before any of its parent. Two things follow. What a line is
 * about is read from the attribute's name: of a graph all before it is the graph, else the last
 * part is a field. And the few names that both may have ("graph no", "warning 5") wait until all
 * graphs are known.
 */
#include "model/munin_datafile.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

#include "base/banned.h"

enum { LINE_BYTES_MAX = 64 << 10, SERVICES_MAX = 1000000, FIELDS_MAX = 5000, KEY_MAX = 64 };

/* "service.name.attribute value" that could be of a field or of a subgraph. */
struct pending {
	char *node, *service;
	char *field; /* "": there is no name between service and attribute */
	char *key, *value;
};

struct reader {
	const struct diag_source *source;
	struct diag_list *diags;
	unsigned line;
	struct munin_datafile *datafile;
	GHashTable *by_name; /* "group\nhost\nservice" -> struct service * */
	GHashTable *rates;   /* struct service * whose step was given */
	GPtrArray *pending;
	char *last_name; /* of last_service, for the next line */
	struct service *last_service;
};

/* -- words -- */

bool munin_group(const char *text, size_t length, char out[IDENT_GROUP_MAX + 1], bool *same)
{
	if (!length || length > IDENT_GROUP_MAX) {
		return false;
	}
	*same = true;
	for (size_t i = 0; i < length; i++) {
		bool first = !i || text[i - 1] == ';';
		bool good = g_ascii_isalnum(text[i]) || text[i] == '_' ||
					(!first && (text[i] == '-' || (text[i] == '.' && text[i - 1] != '.')));
		out[i] = good ? text[i] : text[i] == ';' ? '/' : '_';
		*same = *same && (good || text[i] == ';');
	}
	out[length] = '\0';
	return ident_is_group(out);
}

bool munin_rate(const char *text, uint32_t *seconds)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'t', 2678400},
		{'y', 31536000}};
	size_t digits = strspn(text, "0123456789");
	long long number;
	if (!number_parse_int(text, digits, 1, 86400, &number)) {
		return false;
	}
	uint32_t factor = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		factor = g_ascii_tolower(text[digits]) == units[i].letter ? units[i].seconds : factor;
	}
	const char *rest = text + digits + (g_ascii_isalpha(text[digits]) ? 1 : 0);
	rest += strspn(rest, " \t");
	if ((*rest && strcmp(rest, "aligned") != 0) || (uint64_t)number * factor > 86400) {
		return false;
	}
	*seconds = (uint32_t)number * factor;
	return true;
}

char *munin_text(const char *bytes, size_t length, size_t limit)
{
	if (!g_utf8_validate(bytes, (gssize)length, NULL)) {
		gsize written;
		g_autofree char *utf8 =
			g_convert(bytes, (gssize)length, "UTF-8", "ISO-8859-1", NULL, &written, NULL);
		if (utf8) {
			return text_clean(utf8, written, limit);
		}
	}
	return text_clean(bytes, length, limit);
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(names[i], name)) {
			return true;
		}
	}
	return false;
}

bool munin_is_graph_attribute(const char *name)
{
	static const char *const names[] = {"host_name", "update_rate", "multigraph", "create_args"};
	return g_str_has_prefix(name, "graph_") || is_one_of(name, names, ARRAY_LENGTH(names));
}

bool munin_is_shared_attribute(const char *name)
{
	static const char *const names[] = {"graph", "warning", "critical", "unknown_limit"};
	return is_one_of(name, names, ARRAY_LENGTH(names));
}

static void complain(const struct reader *r, const char *what)
{
	if (r->diags) {
		struct diag_place place = {.line = r->line, .column = 1, .end_column = 2};
		diag_add(r->diags, r->source, place, DIAG_WARNING, "M201", "%s", what);
	}
}

/* -- building -- */

/* NULL: it cannot be named, which is told. */
static struct service *make_service(
	struct reader *r, const char *group, const char *host, const char *name, char *key)
{
	bool same;
	char path[IDENT_GROUP_MAX + 1];
	g_autofree char *owned = key;
	if (!munin_group(group, strlen(group), path, &same) || !ident_is_host(host) ||
		!ident_is_service(name)) {
		complain(r, "a group, host or graph cannot have this name");
		return NULL;
	}
	if (r->datafile->services->len >= SERVICES_MAX) {
		complain(r, "too many graphs");
		return NULL;
	}
	struct service *service = service_create(path, host, name, MUNIN_STEP_S);
	g_ptr_array_add(r->datafile->services, service);
	g_hash_table_insert(r->by_name, STEAL(owned), service);
	return service;
}

/* `node` is "Grp;Sub;host". */
static struct service *find_service(struct reader *r, const char *node, const char *name, bool make)
{
	g_autofree char *key = g_strconcat(node, "\n", name, NULL);
	if (r->last_name && !strcmp(r->last_name, key)) {
		return r->last_service;
	}
	struct service *service = g_hash_table_lookup(r->by_name, key);
	if (!service && make) {
		const char *semicolon = strrchr(node, ';');
		g_autofree char *group =
			semicolon ? g_strndup(node, (size_t)(semicolon - node)) : g_strdup(node);
		service = make_service(r, group, semicolon ? semicolon + 1 : node, name, g_strdup(key));
	}
	if (service) {
		g_free(r->last_name);
		r->last_name = STEAL(key);
		r->last_service = service;
	}
	return service;
}

static void set_rate(struct reader *r, struct service *service, const char *value)
{
	if (!g_hash_table_contains(r->rates, service) && munin_rate(value, &service->step_s)) {
		g_hash_table_add(r->rates, service);
	}
}

static void set_graph(struct reader *r, struct service *service, const char *key, const char *value)
{
	if (!strcmp(key, "update_rate")) {
		set_rate(r, service, value);
	}
	if (!attributes_set(&service->attributes, ATTRIBUTES_GRAPH, key, value)) {
		return; /* decoration that Magpie has no use for */
	}
}

static void set_limit(const char *value, double *limit)
{
	*limit = number_parse(value, strlen(value), limit) ? *limit : NAN;
}

static void set_field(struct reader *r, struct field *field, const char *key, const char *value)
{
	if (!strcmp(key, "label")) {
		g_free(field->label);
		field->label = g_strdup(value);
	} else if (!strcmp(key, "type")) {
		enum field_type type = field_type_parse(value);
		field->type = type == FIELD_TYPES ? FIELD_GAUGE : (uint8_t)type;
	} else if (!strcmp(key, "min")) {
		set_limit(value, &field->min);
	} else if (!strcmp(key, "max")) {
		set_limit(value, &field->max);
	} else if (!strcmp(key, "update_rate")) {
		set_rate(r, field->service, value);
	} else if (!attributes_set(&field->attributes, ATTRIBUTES_FIELD, key, value)) {
		return;
	}
}

static struct field *find_field(struct reader *r, struct service *service, const char *name)
{
	struct field *field = service_find_field(service, name);
	if (field) {
		return field;
	}
	if (!ident_is_field(name) || service_field_count(service) >= FIELDS_MAX) {
		complain(r, "a field cannot have this name, or the graph has too many");
		return NULL;
	}
	return service_add_field(service, name, NULL, FIELD_GAUGE);
}

static void pending_free(gpointer data)
{
	struct pending *p = data;
	g_free(p->node);
	g_free(p->service);
	g_free(p->field);
	g_free(p->key);
	g_free(p->value);
	g_free(p);
}

static void put_off(struct reader *r, const char *node, const char *service, const char *field,
	const char *key, const char *value)
{
	struct pending *p = g_new0(struct pending, 1);
	*p = (struct pending){
		g_strdup(node), g_strdup(service), g_strdup(field), g_strdup(key), g_strdup(value)};
	g_ptr_array_add(r->pending, p);
}

/* All fields that do not say it themselves. */
static void set_shared(
	struct reader *r, struct service *service, const char *key, const char *value)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		struct field *field = service_field(service, i);
		if (!attributes_get(&field->attributes, key)) {
			set_field(r, field, key, value);
		}
	}
}

/* -- lines -- */

/* Whether a field as well as a subgraph could have it; what is said everywhere is not kept. */
static bool is_unclear(const char *key, const char *value)
{
	return munin_is_shared_attribute(key) ||
		   (!strcmp(key, "update_rate") && strcmp(value, "300") != 0);
}

/* `path` is "service[.sub].field.attribute" or "service[.sub].attribute", to be cut up. */
static void take(struct reader *r, const char *node, char *path, const char *value)
{
	char *key = strrchr(path, '.');
	if (!key) {
		return; /* of the host: nothing that a graph needs */
	}
	*key++ = '\0';
	char *field = strrchr(path, '.');
	if (is_unclear(key, value)) {
		*(field ? field : key - 1) = '\0';
		put_off(r, node, path, field ? field + 1 : "", key, value);
	} else if (!strcmp(key, "update_rate") || !strcmp(key, "graph_data_size")) {
		return;
	} else if (munin_is_graph_attribute(key)) {
		struct service *service = find_service(r, node, path, true);
		if (service) {
			set_graph(r, service, key, value);
		}
	} else if (field) {
		*field = '\0';
		struct service *service = find_service(r, node, path, true);
		struct field *found = service ? find_field(r, service, field + 1) : NULL;
		if (found) {
			set_field(r, found, key, value);
		}
	}
}

static void take_line(struct reader *r, const char *text, size_t length)
{
	if (!length || (r->line == 1 && !strncmp(text, "version ", MIN(length, 8)))) {
		return;
	}
	if (length > LINE_BYTES_MAX || memchr(text, '\0', length)) {
		complain(r, "a line that is too long, or holds a NUL");
		return;
	}
	/* names of groups may hold blanks, so the host's end is looked for first */
	const char *colon = memchr(text, ':', length);
	const char *blank = colon ? memchr(colon, ' ', length - (size_t)(colon - text)) : NULL;
	if (!blank) {
		if (!colon) {
			complain(r, "a line that is not understood");
		}
		return;
	}
	g_autofree char *node = g_strndup(text, (size_t)(colon - text));
	g_autofree char *path = g_strndup(colon + 1, (size_t)(blank - colon - 1));
	g_autofree char *value =
		munin_text(blank + 1, length - (size_t)(blank + 1 - text), ATTRIBUTES_VALUE_MAX);
	take(r, node, path, value);
}

/* -- the end -- */

static void set_graph_or_all(
	struct reader *r, struct service *service, const char *key, const char *value)
{
	if (!strcmp(key, "graph") || !strcmp(key, "update_rate")) {
		set_graph(r, service, key, value);
	} else {
		set_shared(r, service, key, value);
	}
}

static void settle(struct reader *r, const struct pending *p, bool fields)
{
	struct service *service = find_service(r, p->node, p->service, false);
	struct field *field = service && *p->field ? service_find_field(service, p->field) : NULL;
	if (field) {
		if (fields) {
			set_field(r, field, p->key, p->value);
		}
		return;
	}
	if (*p->field) {
		g_autofree char *name = g_strconcat(p->service, ".", p->field, NULL);
		service = find_service(r, p->node, name, false);
	}
	if (service && !fields) {
		set_graph_or_all(r, service, p->key, p->value);
	}
}

/* Munin gives each field a label: what has none is no field. */
static void drop_nameless(struct service *service)
{
	for (guint i = service->fields->len; i > 0; i--) {
		struct field *field = service->fields->pdata[i - 1];
		if (!field->label) {
			g_ptr_array_remove_index(service->fields, i - 1);
		}
	}
}

/* Fields in the order that graph_order gives: Munin completes it by all there are. */
static void order_fields(struct service *service)
{
	const char *order = attributes_get(&service->attributes, "graph_order");
	g_auto(GStrv) words = order ? g_strsplit_set(order, " \t", -1) : NULL;
	guint at = 0;
	for (size_t w = 0; words && words[w]; w++) {
		struct field *field = *words[w] ? service_find_field(service, words[w]) : NULL;
		guint from;
		if (field && g_ptr_array_find(service->fields, field, &from) && from >= at) {
			g_ptr_array_steal_index(service->fields, from);
			g_ptr_array_insert(service->fields, (gint)at++, field);
		}
	}
	for (guint i = 0; i < service->fields->len; i++) {
		((struct field *)service->fields->pdata[i])->index = (uint16_t)i;
	}
}

static void finish(struct reader *r)
{
	GPtrArray *services = r->datafile->services;
	for (guint i = 0; i < services->len; i++) {
		drop_nameless(services->pdata[i]);
	}
	/* what stands on a field itself counts before what stands on its graph */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (guint i = 0; i < r->pending->len; i++) {
			settle(r, r->pending->pdata[i], pass == 0);
		}
	}
	for (guint i = services->len; i > 0; i--) {
		struct service *service = services->pdata[i - 1];
		if (service_field_count(service)) {
			order_fields(service);
			r->datafile->fields += service_field_count(service);
		} else {
			g_ptr_array_remove_index_fast(services, i - 1);
		}
	}
}

static void service_free(gpointer service)
{
	service_destroy(service);
}

struct munin_datafile *munin_datafile_parse(
	const struct diag_source *source, struct diag_list *diags)
{
	struct munin_datafile *datafile = g_new0(struct munin_datafile, 1);
	datafile->services = g_ptr_array_new_with_free_func(service_free);
	struct reader r = {.source = source, .diags = diags, .datafile = datafile};
	r.by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	r.rates = g_hash_table_new(NULL, NULL);
	r.pending = g_ptr_array_new_with_free_func(pending_free);
	for (size_t at = 0; at < source->length;) {
		const char *line = source->text + at;
		const char *end = memchr(line, '\n', source->length - at);
		size_t length = end ? (size_t)(end - line) : source->length - at;
		at += length + 1;
		r.line++;
		take_line(&r, line, length && line[length - 1] == '\r' ? length - 1 : length);
	}
	finish(&r);
	g_free(r.last_name);
	g_ptr_array_unref(r.pending);
	g_hash_table_unref(r.rates);
	g_hash_table_unref(r.by_name);
	return datafile;
}

void munin_datafile_destroy(struct munin_datafile *datafile)
{
	if (datafile) {
		g_ptr_array_unref(datafile->services);
		g_free(datafile);
	}
}
