#include "collector/munin/node_state.h"

#include <string.h>

#include "base/banned.h"

/*
 * "FIELD.extinfo TEXT" in an answer to `fetch`: the plugin says more about a value as it is now.
 * The text becomes the field's attribute until a fetch does not have it any more; then what config
 * said counts again.
 */
static void set_extinfo(struct attributes *a, const char *text)
{
	if (!attributes_set(a, ATTRIBUTES_FIELD, "extinfo", text)) {
		return; /* no room: it is decoration */
	}
}

/* The service with other texts, one per field (NULL: as it is). */
static struct service *copy_with(const struct service *from, const char *const *texts)
{
	struct service *copy = service_create(from->group, from->host_name, from->name, from->step_s);
	attributes_copy(&copy->attributes, &from->attributes);
	for (size_t i = 0; i < service_field_count(from); i++) {
		const struct field *old = service_field(from, i);
		struct field *field =
			service_add_field(copy, old->name, old->label, (enum field_type)old->type);
		field->min = old->min;
		field->max = old->max;
		attributes_copy(&field->attributes, &old->attributes);
		if (texts[i]) {
			set_extinfo(&field->attributes, texts[i]);
		}
	}
	return copy;
}

void node_extinfo_forget(struct remote_service *service)
{
	for (size_t i = 0; i < service->extinfo_count; i++) {
		g_free(service->extinfo[i]);
	}
	g_free(service->extinfo);
	service->extinfo = NULL;
	service->extinfo_count = 0;
}

/* What config said is put aside when fetch says something for the first time. */
static void remember_config(struct remote_service *service, const struct service *declared)
{
	service->extinfo_count = service_field_count(declared);
	service->extinfo = g_new0(char *, service->extinfo_count);
	for (size_t i = 0; i < service->extinfo_count; i++) {
		const struct field *field = service_field(declared, i);
		service->extinfo[i] = g_strdup(attributes_get(&field->attributes, "extinfo"));
	}
}

static void apply_to(struct node_state *state, struct remote_service *service, guint graph)
{
	const struct service *declared = service->feed->declaration->service;
	const GArray *said = state->values.extinfos;
	size_t count = service_field_count(declared);
	bool any = false;
	bool differs = false;
	g_autofree const char **texts = g_new0(const char *, count);
	for (guint i = 0; i < said->len; i++) {
		const struct node_extinfo *extinfo = &g_array_index(said, struct node_extinfo, i);
		if (extinfo->graph == graph && extinfo->field < count) {
			texts[extinfo->field] = extinfo->text;
			any = true;
		}
	}
	if (any && !service->extinfo) {
		remember_config(service, declared);
	}
	for (size_t i = 0; i < count; i++) {
		const struct field *field = service_field(declared, i);
		const char *now = attributes_or(&field->attributes, "extinfo", "");
		if (!texts[i] && service->extinfo) {
			texts[i] = service->extinfo[i] ? service->extinfo[i] : "";
		}
		differs = differs || (texts[i] && strcmp(now, texts[i]) != 0);
	}
	struct mono now = mono_now();
	if (differs && now.ms >= service->extinfo_at.ms) {
		service->extinfo_at.ms = now.ms + NODE_EXTINFO_S * 1000;
		service->feed =
			target_declare(state->target, service->plugin->name, copy_with(declared, texts));
	}
	if (!any && service->extinfo && !differs) {
		node_extinfo_forget(service);
	}
}

void node_extinfo_apply(struct node_state *state, struct remote_plugin *plugin)
{
	for (guint i = 0; i < plugin->services->len; i++) {
		struct remote_service *service = plugin->services->pdata[i];
		if (service && (state->values.extinfos->len || service->extinfo)) {
			apply_to(state, service, i);
		}
	}
}
