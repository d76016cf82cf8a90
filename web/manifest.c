#include "web/manifest.h"
#include "base/frame.h"
#include "base/text.h"
#include "web/view.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/* Tables of a service are sorted: finest first, and of one step average, min, max. */

struct manifest_file *manifest_file_create(uint32_t series_id)
{
	struct manifest_file *file = g_new0(struct manifest_file, 1);
	file->series_id = series_id;
	return file;
}

void manifest_file_destroy(struct manifest_file *file)
{
	if (file) {
		g_free(file->path);
		g_free(file->error);
		g_free(file);
	}
}

bool manifest_file_read(
	struct manifest_file *file, const GByteArray *answer, size_t *content, struct error *err)
{
	struct frame frame = {.payload = answer->data, .length = answer->len};
	struct frame_reader r = frame_read(&frame);
	file->step_s = frame_get_u32(&r);
	file->heartbeat_s = frame_get_u32(&r);
	frame_get_u8(&r); /* the type is the catalog's */
	file->min = frame_get_f64(&r);
	file->max = frame_get_f64(&r);
	file->last_s = frame_get_i64(&r);
	g_autofree char *path = frame_get_text(&r);
	unsigned count = frame_get_u16(&r);
	bool good = !r.failed && file->step_s && file->last_s >= 0 && count <= MANIFEST_ARCHIVES_MAX;
	for (unsigned i = 0; good && i < count; i++) {
		struct manifest_archive *a = &file->archives[file->archive_count];
		a->cf = frame_get_u8(&r);
		uint64_t step_s = (uint64_t)frame_get_u32(&r) * file->step_s;
		a->rows = frame_get_u32(&r);
		a->step_s = (uint32_t)step_s;
		good = !r.failed && step_s && step_s <= UINT32_MAX;
		file->archive_count++;
	}
	if (!good) {
		return error_set(err, ERR_PROTOCOL, "the description of a file is not as promised");
	}
	file->path = text_clean(path, strlen(path), 1024);
	*content = answer->len - frame_left(&r);
	return true;
}

const char *manifest_cf_name(uint8_t cf)
{
	static const char *const names[] = {"average", "min", "max"};
	return cf < ARRAY_LENGTH(names) ? names[cf] : "other";
}

bool manifest_covers(
	const struct manifest_file *file, uint8_t cf, int64_t step_s, int64_t *from_s, int64_t *to_s)
{
	bool found = false;
	for (size_t i = 0; i < file->archive_count; i++) {
		const struct manifest_archive *a = &file->archives[i];
		if (a->cf != cf || a->step_s != step_s) {
			continue;
		}
		int64_t end_s = file->last_s - file->last_s % step_s;
		int64_t begin_s = end_s - (int64_t)a->rows * step_s;
		begin_s = begin_s > 0 ? begin_s : 0;
		*from_s = found ? MIN(*from_s, begin_s) : begin_s;
		*to_s = end_s;
		found = true;
	}
	return found;
}

/* -- tables -- */

static void table_free(gpointer data)
{
	struct manifest_table *table = data;
	g_ptr_array_unref(table->names);
	g_free(table);
}

static struct manifest_table *find_table(const GPtrArray *tables, uint8_t cf, int64_t step_s)
{
	for (guint i = 0; i < tables->len; i++) {
		struct manifest_table *table = tables->pdata[i];
		if (table->cf == cf && table->step_s == step_s) {
			return table;
		}
	}
	return NULL;
}

static void add_to_table(
	GPtrArray *tables, const struct manifest_file *file, const struct manifest_archive *a)
{
	int64_t from_s = 0;
	int64_t to_s = 0;
	if (a->cf > 2 || !manifest_covers(file, a->cf, a->step_s, &from_s, &to_s) || from_s == to_s) {
		return;
	}
	struct manifest_table *table = find_table(tables, a->cf, a->step_s);
	if (!table) {
		table = g_new0(struct manifest_table, 1);
		*table = (struct manifest_table){
			.cf = a->cf, .step_s = a->step_s, .from_s = from_s, .to_s = to_s};
		table->names = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(tables, table);
	}
	table->from_s = MIN(table->from_s, from_s);
	table->to_s = MAX(table->to_s, to_s);
}

static int compare_tables(gconstpointer a, gconstpointer b)
{
	const struct manifest_table *one = *(const struct manifest_table *const *)a;
	const struct manifest_table *two = *(const struct manifest_table *const *)b;
	return one->step_s != two->step_s ? (one->step_s < two->step_s ? -1 : 1)
									  : (int)one->cf - (int)two->cf;
}

GPtrArray *manifest_tables(const GPtrArray *files)
{
	GPtrArray *tables = g_ptr_array_new_with_free_func(table_free);
	for (guint f = 0; f < files->len; f++) {
		const struct manifest_file *file = files->pdata[f];
		for (size_t i = 0; i < file->archive_count; i++) {
			add_to_table(tables, file, &file->archives[i]);
		}
	}
	g_ptr_array_sort(tables, compare_tables);
	return tables;
}

/* -- JSON -- */

static void append_attributes(struct jsonout *j, const struct attributes *a)
{
	jsonout_open(j, "attributes", '{');
	for (size_t at = 0; at < a->length;) {
		const char *key = a->packed + at;
		const char *value = key + strlen(key) + 1;
		jsonout_text(j, key, value);
		at = (size_t)(value + strlen(value) + 1 - a->packed);
	}
	jsonout_close(j);
}

static void append_field(
	struct jsonout *j, const struct replica *replica, const struct manifest_file *file)
{
	const struct field *field = catalog_series(replica_catalog(replica), file->series_id);
	jsonout_open(j, NULL, '{');
	if (field) {
		jsonout_text(j, "field", field->name);
		jsonout_text(j, "label", field->label);
		jsonout_text(j, "type", field_type_name(field->type));
		jsonout_text(j, "unit", attributes_or(&field->attributes, "unit", ""));
		jsonout_number(j, "min", field->min);
		jsonout_number(j, "max", field->max);
		view_span(j, replica_span(replica, file->series_id));
		append_attributes(j, &field->attributes);
	}
	jsonout_text(j, "file", file->path);
	if (file->error) {
		jsonout_text(j, "error", file->error);
	} else {
		jsonout_int(j, "step", file->step_s);
		jsonout_int(j, "heartbeat", file->heartbeat_s);
		jsonout_moment(j, "last_update", file->last_s * 1000);
	}
	jsonout_close(j);
}

static void append_table(struct jsonout *j, const struct manifest_table *table)
{
	jsonout_open(j, NULL, '{');
	jsonout_text(j, "cf", manifest_cf_name(table->cf));
	jsonout_int(j, "step", table->step_s);
	jsonout_int(j, "from", table->from_s);
	jsonout_int(j, "to", table->to_s);
	jsonout_open(j, "files", '[');
	for (guint i = 0; i < table->names->len; i++) {
		jsonout_text(j, NULL, table->names->pdata[i]);
	}
	jsonout_close(j);
	jsonout_close(j);
}

void manifest_append_service(struct jsonout *j, const struct replica *replica,
	const GPtrArray *files, const GPtrArray *tables)
{
	const struct manifest_file *first = files->pdata[0];
	const struct field *field = catalog_series(replica_catalog(replica), first->series_id);
	jsonout_open(j, NULL, '{');
	if (field) {
		const struct service *service = field->service;
		jsonout_text(j, "service", service->name);
		jsonout_text(j, "title", attributes_or(&service->attributes, "graph_title", service->name));
		jsonout_int(j, "step", service->step_s);
		append_attributes(j, &service->attributes);
	}
	jsonout_open(j, "fields", '[');
	for (guint i = 0; i < files->len; i++) {
		append_field(j, replica, files->pdata[i]);
	}
	jsonout_close(j);
	jsonout_open(j, "tables", '[');
	for (guint i = 0; i < tables->len; i++) {
		append_table(j, tables->pdata[i]);
	}
	jsonout_close(j);
	jsonout_close(j);
}
