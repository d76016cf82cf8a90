#include "collector/munin/node_values.h"

#include <string.h>

#include "base/banned.h"

/*
 * A plugin says its fields in the same order each time: so the field behind the last one, or that
 * one again (several samples), is tried first. A search through all of them is counted: an answer
 * that needs too many is cut short (hostile 23).
 */
struct values_reader {
	struct node_values *values;
	const struct node_values_options *options;
	struct node_graph *graph; /* NULL: one that config did not name */
	uint32_t graph_index, field;
	unsigned searches;
};

static void extinfo_clear(gpointer data)
{
	g_free(((struct node_extinfo *)data)->text);
}

void node_values_init(struct node_values *values)
{
	*values = (struct node_values){
		.samples = g_array_new(FALSE, FALSE, sizeof(struct node_sample)),
		.extinfos = g_array_new(FALSE, FALSE, sizeof(struct node_extinfo)),
	};
	g_array_set_clear_func(values->extinfos, extinfo_clear);
}

void node_values_finish(struct node_values *values)
{
	if (values->samples) {
		g_array_unref(values->samples);
		g_array_unref(values->extinfos);
	}
	*values = (struct node_values){0};
}

static bool raw_equal(const struct node_raw *raw, struct node_part part)
{
	return raw->length == part.length && !memcmp(raw->text, part.text, part.length);
}

static void enter(struct values_reader *reader, struct node_part raw)
{
	const GPtrArray *graphs = reader->options->graphs;
	for (guint i = 0; i < graphs->len; i++) {
		guint at = (reader->graph_index + 1 + i) % graphs->len;
		struct node_graph *graph = graphs->pdata[at];
		reader->searches += i > 1;
		if (raw_equal(&graph->raw, raw)) {
			reader->graph = graph;
			reader->graph_index = at;
			reader->field = 0;
			graph->entered++;
			return;
		}
	}
	reader->graph = NULL;
}

static void enter_named(struct values_reader *reader, struct node_part raw)
{
	enter(reader, raw);
	if (!reader->graph) {
		reader->values->strange++;
	}
}

static bool find_field(struct values_reader *reader, struct node_part raw)
{
	struct node_graph *graph = reader->graph;
	if (!graph) {
		return false;
	}
	size_t count = graph->field_count;
	for (size_t i = 0; i < count; i++) {
		size_t at = reader->field + i;
		at = at >= count ? at - count : at;
		if (raw_equal(&graph->fields[at], raw)) {
			reader->searches += i > 1;
			reader->field = (uint32_t)at;
			return true;
		}
	}
	reader->searches++;
	return false;
}

static void take_value(struct values_reader *reader, const struct node_line *line)
{
	struct node_values *values = reader->values;
	struct node_sample sample;
	if (!find_field(reader, line->field)) {
		values->strange++;
		return;
	}
	if (!node_value_parse(line->value, &sample.at_s, &sample.value)) {
		struct node_part piece = {
			line->field.text, (size_t)(line->value.text + line->value.length - line->field.text)};
		node_note_part(&values->notes, "a value that is no number", piece);
		return;
	}
	sample.graph = reader->graph_index;
	sample.field = reader->field;
	sample.pass = reader->graph->entered;
	g_array_append_val(values->samples, sample);
}

static void take_extinfo(struct values_reader *reader, const struct node_line *line)
{
	if (find_field(reader, line->field)) {
		struct node_extinfo extinfo = {.graph = reader->graph_index,
			.field = reader->field,
			.text = node_part_text(line->value, ATTRIBUTES_VALUE_MAX)};
		g_array_append_val(reader->values->extinfos, extinfo);
	}
}

/* False: no more of this answer. */
static bool take_line(struct values_reader *reader, const struct node_line *line)
{
	struct node_values *values = reader->values;
	switch (line->kind) {
	case NODE_LINE_VALUE: take_value(reader, line); break;
	case NODE_LINE_GRAPH: enter_named(reader, line->value); break;
	case NODE_LINE_FIELD:
		if (reader->options->config) {
			break;
		}
		if (node_part_is(line->key, "extinfo")) {
			take_extinfo(reader, line);
			break;
		}
		__attribute__((fallthrough));
	case NODE_LINE_ATTRIBUTE:
	case NODE_LINE_OTHER:
		if (!reader->options->config) {
			node_note_part(&values->notes, "a line that is not understood", line->value);
		}
		break;
	case NODE_LINE_TROUBLE: values->trouble = line->trouble; return false;
	case NODE_LINE_EMPTY:
	case NODE_LINE_END: break;
	}
	if (reader->searches > NODE_VALUES_STRANGE_MAX || values->samples->len >= NODE_VALUES_MAX ||
		values->extinfos->len > NODE_CONFIG_FIELDS_MAX) {
		node_note(&values->notes, "more lines than such an answer can have");
		return false;
	}
	return true;
}

void node_values_read(struct node_values *values, const struct node_values_options *options,
	const char *text, size_t length)
{
	g_array_set_size(values->samples, 0);
	g_array_set_size(values->extinfos, 0);
	values->trouble = NODE_TROUBLE_NONE;
	values->notes.count = 0;
	values->strange = 0;
	for (guint i = 0; i < options->graphs->len; i++) {
		((struct node_graph *)options->graphs->pdata[i])->entered = 0;
	}
	struct values_reader reader = {
		.values = values, .options = options, .graph_index = options->graphs->len};
	enter(&reader, (struct node_part){options->plugin, strlen(options->plugin)});
	struct node_lines lines = {text, text + length};
	struct node_line line;
	while (node_line_next(&lines, &line) != NODE_LINE_END && take_line(&reader, &line)) {
	}
	if (values->trouble != NODE_TROUBLE_NONE) {
		g_array_set_size(values->samples, 0);
		g_array_set_size(values->extinfos, 0);
	}
}
