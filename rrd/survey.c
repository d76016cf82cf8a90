/*
 * How the files of the tree are laid out: series, files and bytes per layout, and what files of the
 * configured layout would take. Only headers are read, a host's at a time.
 */
#include "rrd/series.h"
#include "rrd/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { ROWS_MOST = 200 };

/* One kind of file as it is and should be; the key holds both in words. */
struct kind {
	uint64_t files, bytes, wanted_bytes;
};

struct survey {
	guint host;
	GHashTable *kinds; /* "layout of the file" -> struct kind, owned */
	uint64_t series, files, bytes, missing, unreadable;
	uint64_t total; /* hosts */
};

static void *survey_begin(const struct task_scope *scope, const json_t *argument, struct error *err)
{
	(void)argument;
	(void)err;
	struct survey *s = g_new0(struct survey, 1);
	s->kinds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	s->total = catalog_hosts(scope->catalog)->len;
	return s;
}

/* "300 s: 1x576 6x432 24x540 288x450", the archives of the average. */
static char *describe(const struct header *header)
{
	GString *text = g_string_new(NULL);
	g_string_append_printf(text, "%" PRIu64 " s:", header->step_s);
	for (size_t i = 0; i < header->archive_count; i++) {
		const struct header_archive *a = &header->archives[i];
		if (!strcmp(a->cf, "AVERAGE")) {
			g_string_append_printf(text, " %" PRIu64 "x%" PRIu64, a->steps_per_row, a->rows);
		}
	}
	return g_string_free(text, FALSE);
}

static uint64_t file_bytes(const struct header *header)
{
	uint64_t bytes = header->length;
	for (size_t i = 0; i < header->archive_count; i++) {
		bytes += header->archives[i].rows * sizeof(double);
	}
	return bytes;
}

static void count(struct survey *s, const struct series *series, const struct header *header)
{
	g_autofree char *name = describe(header);
	struct layout_plan plan;
	struct kind *kind = g_hash_table_lookup(s->kinds, name);
	if (!kind) {
		kind = g_new0(struct kind, 1);
		g_hash_table_insert(s->kinds, g_steal_pointer(&name), kind);
	}
	layout_plan(series->layout, series->step_s, &plan);
	kind->files++;
	kind->bytes += file_bytes(header);
	kind->wanted_bytes += layout_bytes(&plan);
	s->files++;
	s->bytes += file_bytes(header);
}

static void survey_service(
	struct survey *s, const struct task_scope *scope, const struct service *service)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct series *series =
			writer_series(scope->writer, service_field(service, i)->series_id);
		struct header header;
		struct error err = {.kind = ERR_NONE};
		if (!series || series->foreign) {
			continue;
		}
		s->series++;
		if (files_look(writer_files(scope->writer), series->path, &header, &err)) {
			count(s, series, &header);
		} else {
			s->missing += err.kind == ERR_NOT_FOUND;
			s->unreadable += err.kind != ERR_NOT_FOUND;
		}
	}
}

static enum task_step survey_step(void *state, const struct task_scope *scope, int64_t budget_ms,
	struct task_progress *progress, struct error *err)
{
	(void)err;
	struct survey *s = state;
	struct mono begin = mono_now();
	const GPtrArray *hosts = catalog_hosts(scope->catalog);
	while (s->host < hosts->len && mono_now().ms - begin.ms < budget_ms) {
		const struct host *host = hosts->pdata[s->host++];
		for (guint i = 0; i < host->services->len; i++) {
			survey_service(s, scope, host->services->pdata[i]);
		}
		snprintf(progress->detail, sizeof(progress->detail), "%s", host->name);
	}
	progress->done = s->host;
	progress->total = hosts->len;
	return s->host < hosts->len ? TASK_MORE : TASK_DONE;
}

static json_t *survey_end(void *state, bool done)
{
	struct survey *s = state;
	json_t *result = NULL;
	if (done) {
		json_t *layouts = json_array();
		GHashTableIter iter;
		gpointer name;
		gpointer value;
		g_hash_table_iter_init(&iter, s->kinds);
		while (
			g_hash_table_iter_next(&iter, &name, &value) && json_array_size(layouts) < ROWS_MOST) {
			const struct kind *kind = value;
			json_array_append_new(
				layouts, json_pack("{s:s, s:I, s:I, s:I}", "layout", name, "files",
							 (json_int_t)kind->files, "bytes", (json_int_t)kind->bytes,
							 "wanted_bytes", (json_int_t)kind->wanted_bytes));
		}
		result = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "series", (json_int_t)s->series,
			"files", (json_int_t)s->files, "bytes", (json_int_t)s->bytes, "missing",
			(json_int_t)s->missing, "unreadable", (json_int_t)s->unreadable, "layouts", layouts);
	}
	g_hash_table_unref(s->kinds);
	g_free(s);
	return result;
}

const struct task_kind survey_task = {survey_begin, survey_step, survey_end};
