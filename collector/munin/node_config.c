#include "collector/munin/node_config.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The text is read once, line by line, into graphs under construction, each with its fields found
 * by the name the node gives them; at the end they become declarations. As munin-update does it,
 * the first value of a graph's attribute counts and the last one of a field's; only if the same
 * "multigraph" is entered a second time what it says then counts (hostile 11).
 *
 * The order of the fields is that of their labels, because that is the order in which Munin draws;
 * fields without label come last.
 */
struct building_field {
	struct node_raw raw;
	char name[IDENT_FIELD_MAX + 1];
	char *label;
	unsigned place, rank; /* of its first line, of its label */
	enum field_type type;
	double min, max;
	struct attributes attributes;
};

struct building {
	struct node_graph *graph;    /* owned */
	GHashTable *by_raw;          /* raw name -> struct building_field *, owned here */
	GHashTable *by_name;         /* clean name -> the same */
	struct attributes inherited; /* said of the graph, meant for all its fields */
	bool again;                  /* entered a second time */
	uint32_t rate_s;
};

struct config_reader {
	const struct node_config_options *options;
	struct node_config *config;
	GPtrArray *buildings; /* struct building *, owned */
	GHashTable *by_raw;   /* raw name -> struct building * */
	struct building *now; /* NULL: lines are left out (collision) */
	bool root_entered;
	unsigned fields, lines;
};

static char *raw_text(struct node_part part)
{
	char *text = g_malloc(part.length + 1);
	memcpy(text, part.text, part.length);
	text[part.length] = '\0';
	return text;
}

static void field_free(gpointer data)
{
	struct building_field *field = data;
	g_free(field->raw.text);
	g_free(field->label);
	attributes_finish(&field->attributes);
	g_free(field);
}

static void building_free(gpointer data)
{
	struct building *building = data;
	node_graph_destroy(building->graph);
	g_hash_table_destroy(building->by_name);
	g_hash_table_destroy(building->by_raw);
	attributes_finish(&building->inherited);
	g_free(building);
}

void node_graph_destroy(struct node_graph *graph)
{
	if (!graph) {
		return;
	}
	for (size_t i = 0; i < graph->field_count; i++) {
		g_free(graph->fields[i].text);
	}
	g_free(graph->fields);
	g_free(graph->raw.text);
	service_destroy(graph->service);
	g_free(graph);
}

static void graph_free(gpointer data)
{
	node_graph_destroy(data);
}

/* -- graphs -- */

static struct building *find_building(const struct config_reader *reader, struct node_part raw)
{
	g_autofree char *text = raw_text(raw);
	return strlen(text) == raw.length ? g_hash_table_lookup(reader->by_raw, text) : NULL;
}

static struct building *add_building(
	struct config_reader *reader, struct node_part raw, const char *name)
{
	const struct node_config_options *options = reader->options;
	struct building *building = g_new0(struct building, 1);
	building->graph = g_new0(struct node_graph, 1);
	building->graph->raw = (struct node_raw){raw_text(raw), raw.length};
	building->graph->service = service_create(options->group, options->host, name, options->step_s);
	building->by_raw = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, field_free);
	building->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	g_ptr_array_add(reader->buildings, building);
	g_hash_table_insert(reader->by_raw, building->graph->raw.text, building);
	return building;
}

/* False: the rest of the plugin cannot be used. */
static bool enter_graph(struct config_reader *reader, struct node_part raw, bool root)
{
	const struct node_config_options *options = reader->options;
	char name[IDENT_SERVICE_MAX + 1];
	struct building *known = find_building(reader, raw);
	if (known) {
		known->again = true;
		reader->now = known;
		return true;
	}
	reader->now = NULL;
	if (reader->buildings->len >= NODE_CONFIG_GRAPHS_MAX) {
		node_note(&reader->config->notes, "more than %d graphs", NODE_CONFIG_GRAPHS_MAX);
		return false;
	}
	switch (root ? node_names_plugin(options->names, options->plugin, name)
				 : node_names_graph(options->names, options->plugin, raw, name)) {
	case NODE_UNNAMABLE:
		node_note_part(&reader->config->notes, "a graph cannot have this name", raw);
		return false;
	case NODE_COLLISION:
		node_note_part(&reader->config->notes,
			"service collision: another plugin of the node gives the graph", raw);
		return true;
	case NODE_NAMED: break;
	}
	reader->now = add_building(reader, raw, name);
	return true;
}

/* The plugin's own graph is there as soon as something is said of it. */
static bool enter_root(struct config_reader *reader)
{
	if (reader->root_entered) {
		return true;
	}
	reader->root_entered = true;
	const char *plugin = reader->options->plugin;
	return enter_graph(reader, (struct node_part){plugin, strlen(plugin)}, true);
}

static void take_rate(struct config_reader *reader, struct node_part value)
{
	uint32_t seconds;
	bool aligned;
	if (!node_rate_parse(value, &seconds, &aligned)) {
		node_note_part(&reader->config->notes, "update_rate is none", value);
		return;
	}
	reader->now->rate_s = seconds;
	if (!reader->config->rate_s) {
		reader->config->rate_s = seconds;
		reader->config->aligned = aligned;
	}
}

/* What model/attributes.h does not know, or has no room for, is left out: it is decoration. */
static void set_field(struct attributes *a, const char *key, const char *value)
{
	if (!attributes_set(a, ATTRIBUTES_FIELD, key, value)) {
		return;
	}
}

static void set_graph(struct attributes *a, const char *key, const char *value)
{
	if (!attributes_set(a, ATTRIBUTES_GRAPH, key, value)) {
		return;
	}
}

/* Older names of attributes. */
static const char *graph_key(struct node_part key, struct node_part *value, char out[32])
{
	if (node_part_is(key, "graph_vtitle")) {
		return "graph_vlabel";
	}
	if (node_part_is(key, "graph_noscale")) {
		bool yes = node_part_is(*value, "yes") || node_part_is(*value, "1");
		*value = yes ? (struct node_part){"no", 2} : (struct node_part){"yes", 3};
		return "graph_scale";
	}
	size_t length = key.length < 31 ? key.length : 31;
	memcpy(out, key.text, length);
	out[length] = '\0';
	return out;
}

static void take_attribute(struct config_reader *reader, const struct node_line *line)
{
	struct building *building = reader->now;
	struct service *service = building->graph->service;
	struct node_part value = line->value;
	char room[32];
	const char *key = graph_key(line->key, &value, room);
	g_autofree char *text = node_part_text(value, attributes_longest(key));
	bool known = attributes_get(&service->attributes, key);
	if (known && !building->again) {
		return;
	}
	if (!strcmp(key, "update_rate")) {
		take_rate(reader, value);
	}
	if (!strcmp(key, "warning") || !strcmp(key, "critical") || !strcmp(key, "unknown_limit")) {
		set_field(&building->inherited, key, text);
	} else {
		set_graph(&service->attributes, key, text);
	}
}

/* -- fields -- */

static struct building_field *find_field(struct config_reader *reader, struct node_part raw)
{
	struct building *building = reader->now;
	g_autofree char *text = raw_text(raw);
	struct building_field *field =
		strlen(text) == raw.length ? g_hash_table_lookup(building->by_raw, text) : NULL;
	char name[IDENT_FIELD_MAX + 1];
	if (field) {
		return field;
	}
	if (strlen(text) != raw.length || !ident_clean_field(text, name)) {
		node_note_part(&reader->config->notes, "a field cannot have this name", raw);
		return NULL;
	}
	if (raw.length > IDENT_FIELD_MAX || g_hash_table_contains(building->by_name, name)) {
		node_name_suffix(name, raw, IDENT_FIELD_MAX, name);
	}
	if (g_hash_table_contains(building->by_name, name) ||
		reader->fields >= NODE_CONFIG_FIELDS_MAX) {
		node_note(&reader->config->notes, "more than %d fields", NODE_CONFIG_FIELDS_MAX);
		return NULL;
	}
	field = g_new0(struct building_field, 1);
	*field = (struct building_field){
		.place = reader->fields++, .rank = G_MAXUINT, .type = FIELD_GAUGE, .min = NAN, .max = NAN};
	memcpy(field->name, name, sizeof(name));
	field->raw = (struct node_raw){g_steal_pointer(&text), raw.length};
	g_hash_table_insert(building->by_raw, field->raw.text, field);
	g_hash_table_insert(building->by_name, field->name, field);
	return field;
}

static void take_limit(struct config_reader *reader, struct node_part value, double *limit)
{
	double parsed;
	if (number_parse(value.text, value.length, &parsed)) {
		*limit = parsed;
	} else {
		*limit = NAN;
		node_note_part(&reader->config->notes, "min or max is no number", value);
	}
}

static void take_type(
	struct config_reader *reader, struct building_field *field, struct node_part value)
{
	g_autofree char *text = node_part_text(value, 32);
	field->type = field_type_parse(text);
	if (field->type == FIELD_TYPES) {
		field->type = FIELD_GAUGE;
		node_note_part(&reader->config->notes, "a type that there is not", value);
	}
}

static void take_field(struct config_reader *reader, const struct node_line *line)
{
	struct building_field *field = find_field(reader, line->field);
	if (!field) {
		return;
	}
	if (node_part_is(line->key, "label")) {
		g_free(field->label);
		field->label = node_part_text(line->value, ATTRIBUTES_VALUE_MAX);
		field->rank = field->rank == G_MAXUINT ? reader->lines : field->rank;
	} else if (node_part_is(line->key, "type")) {
		take_type(reader, field, line->value);
	} else if (node_part_is(line->key, "min")) {
		take_limit(reader, line->value, &field->min);
	} else if (node_part_is(line->key, "max")) {
		take_limit(reader, line->value, &field->max);
	} else {
		char key[32];
		struct node_part value = line->value;
		(void)graph_key(line->key, &value, key);
		g_autofree char *text = node_part_text(line->value, attributes_longest(key));
		set_field(&field->attributes, key, text);
	}
}

static void take_value(struct config_reader *reader, const struct node_line *line)
{
	int64_t at_s;
	double value;
	reader->config->dirty = true;
	if (node_value_parse(line->value, &at_s, &value) && at_s != NODE_NO_TIME) {
		reader->config->stamped = true;
	}
}

/* -- the whole -- */

/* False: nothing more of this plugin. */
static bool take_line(struct config_reader *reader, const struct node_line *line)
{
	reader->lines++;
	switch (line->kind) {
	case NODE_LINE_GRAPH:
		reader->root_entered = true;
		return enter_graph(reader, line->value, false);
	case NODE_LINE_TROUBLE: reader->config->trouble = line->trouble; return false;
	case NODE_LINE_OTHER:
		node_note_part(&reader->config->notes, "a line that is not understood", line->value);
		return true;
	case NODE_LINE_VALUE: take_value(reader, line); return true;
	case NODE_LINE_ATTRIBUTE:
	case NODE_LINE_FIELD:
		if (!enter_root(reader)) {
			return false;
		}
		if (reader->now && line->kind == NODE_LINE_FIELD) {
			take_field(reader, line);
		} else if (reader->now) {
			take_attribute(reader, line);
		}
		return true;
	case NODE_LINE_EMPTY:
	case NODE_LINE_END: return true;
	}
	return true;
}

static int by_rank(const void *a, const void *b)
{
	const struct building_field *left = *(struct building_field *const *)a;
	const struct building_field *right = *(struct building_field *const *)b;
	if (left->rank != right->rank) {
		return left->rank < right->rank ? -1 : 1;
	}
	return left->place < right->place ? -1 : left->place > right->place;
}

static void inherit(struct attributes *to, const struct attributes *from, const char *key)
{
	const char *value = attributes_get(from, key);
	if (value && !attributes_get(to, key)) {
		set_field(to, key, value);
	}
}

static void finish_field(
	struct config_reader *reader, const struct building *building, struct building_field *from)
{
	struct node_graph *graph = building->graph;
	if (!from->label) {
		node_note(&reader->config->notes, "field \"%s\" of \"%s\" has no label", from->name,
			graph->service->name);
	}
	struct field *field = service_add_field(
		graph->service, from->name, from->label ? from->label : from->name, from->type);
	field->min = from->min;
	field->max = from->max;
	inherit(&from->attributes, &building->inherited, "warning");
	inherit(&from->attributes, &building->inherited, "critical");
	inherit(&from->attributes, &building->inherited, "unknown_limit");
	field->attributes = from->attributes;
	from->attributes = (struct attributes){0};
	graph->fields[graph->field_count++] = from->raw;
	from->raw = (struct node_raw){0};
}

/*
 * The seconds between samples: a slower plugin's own rate; a faster one's only if its values say
 * when they were measured, because else there is one per round.
 */
static uint32_t graph_step(const struct config_reader *reader, const struct building *building)
{
	uint32_t rate_s = building->rate_s ? building->rate_s : reader->config->rate_s;
	uint32_t step_s = reader->options->step_s;
	return rate_s > step_s || (rate_s && (reader->config->stamped || reader->options->timed))
			   ? rate_s
			   : step_s;
}

static void finish_graph(struct config_reader *reader, struct building *building)
{
	struct node_graph *graph = building->graph;
	GPtrArray *fields = g_ptr_array_new();
	GHashTableIter iter;
	gpointer field;
	g_hash_table_iter_init(&iter, building->by_raw);
	while (g_hash_table_iter_next(&iter, NULL, &field)) {
		g_ptr_array_add(fields, field);
	}
	if (!fields->len) {
		g_ptr_array_unref(fields);
		return;
	}
	qsort(fields->pdata, fields->len, sizeof(gpointer), by_rank);
	graph->service->step_s = graph_step(reader, building);
	graph->fields = g_new0(struct node_raw, fields->len);
	for (guint i = 0; i < fields->len; i++) {
		finish_field(reader, building, fields->pdata[i]);
	}
	g_ptr_array_unref(fields);
	g_ptr_array_add(reader->config->graphs, STEAL(building->graph));
}

struct node_config *node_config_parse(
	const struct node_config_options *options, const char *text, size_t length)
{
	struct node_config *config = g_new0(struct node_config, 1);
	config->graphs = g_ptr_array_new_with_free_func(graph_free);
	struct config_reader reader = {.options = options,
		.config = config,
		.buildings = g_ptr_array_new_with_free_func(building_free),
		.by_raw = g_hash_table_new(g_str_hash, g_str_equal)};
	struct node_lines lines = {text, text + length};
	struct node_line line;
	while (node_line_next(&lines, &line) != NODE_LINE_END && take_line(&reader, &line)) {
	}
	g_hash_table_destroy(reader.by_raw);
	for (guint i = 0; i < reader.buildings->len && config->trouble == NODE_TROUBLE_NONE; i++) {
		finish_graph(&reader, reader.buildings->pdata[i]);
	}
	g_ptr_array_unref(reader.buildings);
	return config;
}

void node_config_destroy(struct node_config *config)
{
	if (config) {
		g_ptr_array_unref(config->graphs);
		g_free(config);
	}
}

static uint64_t hash_part(uint64_t hash, struct node_part part)
{
	for (size_t i = 0; i < part.length; i++) {
		hash = (hash ^ (unsigned char)part.text[i]) * 0x100000001b3ULL;
	}
	return (hash ^ '\n') * 0x100000001b3ULL;
}

uint64_t node_config_hash(const char *text, size_t length)
{
	struct node_lines lines = {text, text + length};
	struct node_line line;
	uint64_t hash = 0xcbf29ce484222325ULL;
	while (node_line_next(&lines, &line) != NODE_LINE_END) {
		if (line.kind != NODE_LINE_VALUE) {
			hash = hash_part(hash, line.field);
			hash = hash_part(hash, line.key);
			hash = hash_part(hash, line.value);
		}
	}
	return hash;
}
