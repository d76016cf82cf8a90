/*
 * What a munin-node says of a plugin: the text as answer to `config`, and again, laid beside what
 * it declared, as answer to `fetch`. Whatever it is, names are safe, texts clean and numbers
 * finite.
 */
#include "collector/munin/node_values.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

static void check_service(const struct service *service)
{
	assert(ident_is_service(service->name));
	assert(service->step_s > 0 && service_field_count(service) <= NODE_CONFIG_FIELDS_MAX);
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		assert(ident_is_field(field->name) && g_utf8_validate(field->label, -1, NULL));
		assert(!isinf(field->min) && !isinf(field->max) && field->type < FIELD_TYPES);
		struct attributes copy;
		const struct attributes *a = &field->attributes;
		assert(attributes_unpack(&copy, ATTRIBUTES_FIELD, a->packed ? a->packed : "", a->length));
		attributes_finish(&copy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct node_names *names = node_names_create();
	AUTO(node_config)
	config = node_config_parse(
		&(struct node_config_options){
			.plugin = "plug.in", .group = "g", .host = "h", .step_s = 60, .names = names},
		text, size);
	for (guint i = 0; i < config->graphs->len; i++) {
		check_service(((struct node_graph *)config->graphs->pdata[i])->service);
	}
	struct node_values values;
	node_values_init(&values);
	for (int both = 0; both < 2; both++) {
		node_values_read(&values,
			&(struct node_values_options){
				.plugin = "plug.in", .graphs = config->graphs, .config = both},
			text, size);
		for (guint i = 0; i < values.samples->len; i++) {
			const struct node_sample *s = &g_array_index(values.samples, struct node_sample, i);
			assert(s->graph < config->graphs->len && !isinf(s->value));
			assert(s->field < ((struct node_graph *)config->graphs->pdata[s->graph])->field_count);
		}
	}
	node_values_finish(&values);
	(void)node_config_hash(text, size);
	node_names_destroy(names);
	return 0;
}
