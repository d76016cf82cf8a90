/*
 * The attributes are rows of one list (config_words.def); tables, reading and setting come from it.
 * Storage has been laid out by the time a graph is drawn, so that types, limits and rates cannot be
 * overridden (Munin reads such lines and nothing comes of them; reference: munin, 5.2).
 *
 * Blocks are counted by reference, because hosts keep them beyond their configuration.
 */
#include "model/config_graphs.h"

#include <stddef.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "model/reference.h"

#include "base/banned.h"

enum {
	FIELDS_MAX = 200,
	GRAPH_STEP_S = 60
}; /* of a graph that has no samples: how long its pictures are fresh */

static const struct word {
	const char *key;
	char level; /* G, F, B */
} words[CONFIG_WORDS] = {
#define CONFIG_WORD(key, level, help) {#key, #level[0]},
#include "model/config_words.def"
#undef CONFIG_WORD
};

/* -- memory -- */

static void attributes_clear(struct config_attributes *attributes)
{
	for (size_t i = 0; i < CONFIG_WORDS; i++) {
		g_free(attributes->word[i]);
	}
	GPtrArray *const lists[] = {attributes->sum, attributes->stack};
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		if (lists[i]) {
			g_ptr_array_unref(lists[i]);
		}
	}
}

static void clear_override(gpointer data)
{
	struct config_override *override = data;
	g_free(override->name);
	attributes_clear(&override->attributes);
}

static void unref_override(gpointer data)
{
	g_rc_box_release_full(data, clear_override);
}

static void destroy_field(gpointer data)
{
	struct config_graph_field *field = data;
	g_free(field->name);
	g_free(field->from);
	attributes_clear(&field->attributes);
	g_free(field);
}

static void clear_graph(gpointer data)
{
	struct config_graph *graph = data;
	g_free(graph->name);
	attributes_clear(&graph->attributes);
	g_ptr_array_unref(graph->fields);
}

static void unref_graph(gpointer data)
{
	g_rc_box_release_full(data, clear_graph);
}

GPtrArray *config_overrides_create(void)
{
	return g_ptr_array_new_with_free_func(unref_override);
}

GPtrArray *config_graphs_create(void)
{
	return g_ptr_array_new_with_free_func(unref_graph);
}

void *config_override_add(GPtrArray *list, const char *name)
{
	struct config_override *override = g_rc_box_new0(struct config_override);
	override->name = g_strdup(name);
	g_ptr_array_add(list, override);
	return override;
}

void *config_graph_add(GPtrArray *list, const char *name)
{
	struct config_graph *graph = g_rc_box_new0(struct config_graph);
	graph->name = g_strdup(name);
	graph->fields = g_ptr_array_new_with_free_func(destroy_field);
	g_ptr_array_add(list, graph);
	return graph;
}

static void *add_field(void *target, const char *name)
{
	struct config_graph_field *field = g_new0(struct config_graph_field, 1);
	field->name = g_strdup(name);
	g_ptr_array_add(((struct config_graph *)target)->fields, field);
	return field;
}

void config_overrides_inherit(GPtrArray *to, const GPtrArray *from)
{
	for (guint i = 0; i < from->len; i++) {
		g_ptr_array_insert(to, (gint)i, g_rc_box_acquire(from->pdata[i]));
	}
}

void config_graphs_inherit(GPtrArray *to, const GPtrArray *from)
{
	guint own = to->len;
	for (guint i = 0; i < from->len; i++) {
		struct config_graph *graph = from->pdata[i];
		bool known = false;
		for (guint k = 0; k < own; k++) {
			known = known || !strcmp(((struct config_graph *)to->pdata[k])->name, graph->name);
		}
		if (!known) {
			g_ptr_array_add(to, g_rc_box_acquire(graph));
		}
	}
}

/* -- names and texts -- */

/* A name in which "*" and "?" stand for something. */
static bool is_pattern(const char *text, bool (*valid)(const char *name))
{
	g_autofree char *name = g_strdup(text);
	g_strdelimit(name, "*?", 'x');
	return valid(name);
}

bool config_override_check_name(const char *name, struct error *err)
{
	const char *colon = strchr(name, ':');
	g_autofree char *service = g_strndup(name, colon ? (size_t)(colon - name) : strlen(name));
	return (is_pattern(service, ident_is_service) &&
			   (!colon || is_pattern(colon + 1, ident_is_field))) ||
		   error_set(err, ERR_CONFIG,
			   "expected SERVICE or SERVICE:FIELD, in which \"*\" and \"?\" may stand");
}

bool config_graph_check_name(const char *name, struct error *err)
{
	return (ident_is_service(name) && strcmp(name, "node") != 0) ||
		   error_set(err, ERR_CONFIG,
			   "a graph's name is made of letters, digits, \"_\" and \"-\", with \".\" between "
			   "parts; \"node\" is taken");
}

static bool check_field_name(const char *name, struct error *err)
{
	return ident_is_field(name) || error_set(err, ERR_CONFIG,
									   "a field's name is made of letters, digits and \"_\", and "
									   "does not begin with a digit");
}

static bool check_word(const char *text, struct error *err)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			return error_set(err, ERR_CONFIG, "no line end or control character may stand here");
		}
	}
	if (!g_utf8_validate(text, -1, NULL)) {
		return error_set(err, ERR_CONFIG, "this is not UTF-8");
	}
	return strlen(text) <= ATTRIBUTES_VALUE_MAX ||
		   error_set(err, ERR_CONFIG, "longer than %d bytes", ATTRIBUTES_VALUE_MAX);
}

static bool check_path(const char *text, struct error *err)
{
	struct reference reference;
	return reference_parse(text, strlen(text), &reference, err) ||
		   error_prefix(err, "expected [GROUP;…;HOST:]SERVICE.FIELD or HOST:SERVICE:FIELD");
}

static bool check_named_path(const char *text, struct error *err)
{
	const char *equals = strchr(text, '=');
	g_autofree char *name = equals ? g_strndup(text, (size_t)(equals - text)) : NULL;
	if (!equals || !ident_is_field(name)) {
		return error_set(err, ERR_CONFIG, "expected NAME=PATH");
	}
	return check_path(equals + 1, err);
}

static bool check_sum_path(const char *text, struct error *err)
{
	return strchr(text, '=') ? check_named_path(text, err) : check_path(text, err);
}

/* -- blocks as a whole -- */

static void complain_level(
	const struct schema_context *context, const struct config_attributes *set, char level)
{
	for (size_t i = 0; i < CONFIG_WORDS; i++) {
		if (set->word[i] && words[i].level != 'B' && words[i].level != level) {
			schema_complain(context, schema_find(context->block, words[i].key), "E106",
				"\"%s\" belongs to a %s", words[i].key,
				level == 'F' ? "graph: its name has no \":\"" : "field: its name is SERVICE:FIELD");
		}
	}
}

static size_t joined_length(const GPtrArray *list)
{
	size_t length = 0;
	for (guint i = 0; list && i < list->len; i++) {
		length += strlen(list->pdata[i]) + 1;
	}
	return length;
}

static void complain_lists(
	const struct schema_context *context, const struct config_attributes *set)
{
	static const char *const names[] = {"sum", "stack"};
	const GPtrArray *const lists[] = {set->sum, set->stack};
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		if (joined_length(lists[i]) > ATTRIBUTES_LIST_MAX) {
			struct diag *d = schema_complain(context, schema_find(context->block, names[i]), "E102",
				"these paths are longer than %d bytes together", ATTRIBUTES_LIST_MAX);
			diag_note(d, "a host may be a glob: \"web*:load.load\"");
		}
	}
}

static void check_override(const struct schema_context *context, void *target)
{
	const struct config_override *override = target;
	bool field = strchr(override->name, ':') != NULL;
	complain_level(context, &override->attributes, field ? 'F' : 'G');
	complain_lists(context, &override->attributes);
	if (!field && (override->attributes.sum || override->attributes.stack)) {
		schema_complain(context,
			schema_find(context->block, override->attributes.sum ? "sum" : "stack"), "E106",
			"\"sum\" and \"stack\" belong to a field: its name is SERVICE:FIELD");
	}
}

static void check_graph_field(const struct schema_context *context, void *target)
{
	const struct config_graph_field *field = target;
	const struct config_attributes *set = &field->attributes;
	complain_lists(context, set);
	if ((field->from != NULL) + (set->sum != NULL) + (set->stack != NULL) != 1) {
		schema_complain(context, NULL, "E102",
			"a field of a graph is made \"from\" one other, as a \"sum\", or as a \"stack\": "
			"exactly one of them");
	}
}

static char *make_order(const struct config_graph *graph);

static void check_graph(const struct schema_context *context, void *target)
{
	const struct config_graph *graph = target;
	g_autofree char *order = make_order(graph);
	if (strlen(order) > ATTRIBUTES_LIST_MAX) {
		schema_complain(context, NULL, "E102", "the paths of its fields are longer than %d bytes",
			ATTRIBUTES_LIST_MAX);
	}
	if (graph->fields->len > FIELDS_MAX) {
		schema_complain(context, NULL, "E102", "more than %d fields", FIELDS_MAX);
	}
	if (!graph->fields->len) {
		schema_complain(context, NULL, "E102", "a graph needs a \"field\"");
	}
}

/* -- the tables -- */

#define WORD_ROW(type, key, text)                                                                  \
	{#key, SCHEMA_TEXT, .offset = offsetof(struct type, attributes.word[CONFIG_WORD_##key]),       \
		.check = check_word, .fallback_help = "as declared", .help = text},

static const struct schema_row override_rows[] = {
#define CONFIG_WORD(key, level, text) WORD_ROW(config_override, key, text)
#include "model/config_words.def"
#undef CONFIG_WORD
	{"sum", SCHEMA_TEXTS, .offset = offsetof(struct config_override, attributes.sum),
		.check = check_sum_path, .fallback_help = "none",
		.help = "the field is the sum of these (of a field only)"},
	{"stack", SCHEMA_TEXTS, .offset = offsetof(struct config_override, attributes.stack),
		.check = check_named_path, .fallback_help = "none",
		.help = "the field is replaced by these, each on the one before (of a field only)"},
};
const struct schema config_override_schema = {
	"Attributes of a graph (`override \"load\"`) or of a field (`override \"if_*:up\"`) that count "
	"instead of what its source says. Of several the one in the deepest block counts, there the "
	"last. What is stored (type, limits, rate) cannot be overridden.",
	override_rows, ARRAY_LENGTH(override_rows), check_override};

static const struct schema_row field_rows[] = {
#define ROW_B(key, text) WORD_ROW(config_graph_field, key, text)
#define ROW_F(key, text) WORD_ROW(config_graph_field, key, text)
#define ROW_G(key, text)
#define CONFIG_WORD(key, level, text) ROW_##level(key, text)
#include "model/config_words.def"
#undef CONFIG_WORD
#undef ROW_G
	{"from", SCHEMA_TEXT, .offset = offsetof(struct config_graph_field, from), .check = check_path,
		.fallback_help = "none", .help = "the one field it shows: `[GROUP;…;HOST:]SERVICE.FIELD`"},
	{"sum", SCHEMA_TEXTS, .offset = offsetof(struct config_graph_field, attributes.sum),
		.check = check_sum_path, .fallback_help = "none",
		.help = "it is the sum of these; hosts may be globs (`web*:load.load`)"},
	{"stack", SCHEMA_TEXTS, .offset = offsetof(struct config_graph_field, attributes.stack),
		.check = check_named_path, .fallback_help = "none",
		.help = "it is replaced by these, `NAME=PATH`, each drawn on the one before"},
};
static const struct schema field_schema = {"A field of a graph that is made of others.", field_rows,
	ARRAY_LENGTH(field_rows), check_graph_field};

static const struct schema_row graph_rows[] = {
#define ROW_G(key, text) WORD_ROW(config_graph, key, text)
#undef ROW_F
#define ROW_F(key, text)
#undef ROW_B
#define ROW_B(key, text)              WORD_ROW(config_graph, key, text)
#define CONFIG_WORD(key, level, text) ROW_##level(key, text)
#include "model/config_words.def"
#undef CONFIG_WORD
	{"field", SCHEMA_BLOCK, .body = &field_schema, .add = add_field, .check = check_field_name,
		.help = "one of its fields"},
};
const struct schema config_graph_schema = {
	"A graph made of fields of other graphs. It has no samples of its own; a host with nothing "
	"but graphs is never asked.",
	graph_rows, ARRAY_LENGTH(graph_rows), check_graph};

/* -- as declarations -- */

static void set_list(struct attributes *to, const char *key, const GPtrArray *paths)
{
	if (!paths) {
		return;
	}
	g_autoptr(GString) all = g_string_new(NULL);
	for (guint i = 0; i < paths->len; i++) {
		g_string_append_printf(all, "%s%s", i ? " " : "", (const char *)paths->pdata[i]);
	}
	(void)!attributes_set(to, ATTRIBUTES_FIELD, key, all->str);
}

static void set_words(
	struct attributes *to, enum attributes_level level, const struct config_attributes *set)
{
	for (size_t i = 0; i < CONFIG_WORDS; i++) {
		if (set->word[i] && i != CONFIG_WORD_label) {
			(void)!attributes_set(to, level, words[i].key, set->word[i]);
		}
	}
	set_list(to, "sum", set->sum);
	set_list(to, "stack", set->stack);
}

static void set_field(struct field *field, const struct config_attributes *set)
{
	const char *label = set->word[CONFIG_WORD_label];
	if (label) {
		g_free(field->label);
		field->label = g_strdup(label);
	}
	field->made = field->made || set->sum || set->stack;
	set_words(&field->attributes, ATTRIBUTES_FIELD, set);
}

static bool apply_to_fields(
	const struct config_override *override, const char *pattern, struct service *service)
{
	bool any = false;
	for (size_t i = 0; i < service_field_count(service); i++) {
		struct field *field = service_field(service, i);
		if (text_glob(pattern, field->name)) {
			set_field(field, &override->attributes);
			any = true;
		}
	}
	bool made = override->attributes.sum || override->attributes.stack;
	if (!any && made && !strpbrk(pattern, "*?")) {
		set_field(service_add_field(service, pattern, pattern, FIELD_GAUGE), &override->attributes);
		any = true;
	}
	return any;
}

static bool apply_one(const struct config_override *override, struct service *service)
{
	const char *colon = strchr(override->name, ':');
	size_t length = colon ? (size_t)(colon - override->name) : strlen(override->name);
	g_autofree char *pattern = g_strndup(override->name, length);
	if (!text_glob(pattern, service->name)) {
		return false;
	}
	if (colon) {
		return apply_to_fields(override, colon + 1, service);
	}
	set_words(&service->attributes, ATTRIBUTES_GRAPH, &override->attributes);
	return true;
}

bool config_overrides_apply(const GPtrArray *overrides, struct service *service)
{
	bool any = false;
	for (guint i = 0; i < overrides->len; i++) {
		any |= apply_one(overrides->pdata[i], service);
	}
	return any;
}

static const struct config_graph_field *find_field(
	const struct config_graph *graph, const char *name)
{
	for (guint i = 0; i < graph->fields->len; i++) {
		const struct config_graph_field *field = graph->fields->pdata[i];
		if (!strcmp(field->name, name)) {
			return field;
		}
	}
	return NULL;
}

/* `from` becomes a borrowed field of the order, as Munin writes it: where it is named, or behind.
 */
static char *make_order(const struct config_graph *graph)
{
	GString *order = g_string_new(NULL);
	const char *said = graph->attributes.word[CONFIG_WORD_graph_order];
	g_auto(GStrv) tokens = g_strsplit_set(said ? said : "", " \t", -1);
	g_autoptr(GHashTable) named = g_hash_table_new(g_str_hash, g_str_equal);
	for (char **token = tokens; *token; token++) {
		const struct config_graph_field *field = find_field(graph, *token + (**token == '-'));
		g_string_append_printf(order, "%s%s", order->len && **token ? " " : "", *token);
		if (field && field->from) {
			g_string_append_printf(order, "=%s", field->from);
			g_hash_table_add(named, field->name);
		}
	}
	for (guint i = 0; i < graph->fields->len; i++) {
		const struct config_graph_field *field = graph->fields->pdata[i];
		if (field->from && !g_hash_table_contains(named, field->name)) {
			g_string_append_printf(
				order, "%s%s=%s", order->len ? " " : "", field->name, field->from);
		}
	}
	return g_string_free(order, FALSE);
}

struct service *config_graph_service(
	const struct config_graph *graph, const char *group, const char *host)
{
	struct service *service = service_create(group, host, graph->name, GRAPH_STEP_S);
	g_autofree char *order = make_order(graph);
	set_words(&service->attributes, ATTRIBUTES_GRAPH, &graph->attributes);
	for (guint i = 0; i < graph->fields->len; i++) {
		const struct config_graph_field *field = graph->fields->pdata[i];
		struct field *made = service_add_field(service, field->name, field->name, FIELD_GAUGE);
		set_field(made, &field->attributes);
		made->made = true;
	}
	if (*order) {
		(void)!attributes_set(&service->attributes, ATTRIBUTES_GRAPH, "graph_order", order);
	}
	return service;
}
