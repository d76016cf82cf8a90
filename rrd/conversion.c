/*
 * The task "convert": {"selector": HOST:SERVICE:FIELD, "dry_run": true}. Each file that is not laid
 * out as the configuration wants it is made anew and takes the old one's place; what cannot be done
 * leaves the old one. A file made since the last checkpoint waits for the next one, which is asked
 * for; a full disk ends the task.
 */
#include "base/file.h"
#include "rrd/convert.h"
#include "rrd/series.h"
#include "rrd/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

enum { FAILED_MOST = 100, CHECKPOINT_EVERY_MS = 5000, WAIT_MS = 150000 };

struct conversion {
	char *selector;
	bool dry_run;
	uint32_t next, limit; /* series numbers */
	GArray *young;        /* u32: to be tried again behind a checkpoint */
	struct mono asked, waiting;
	json_t *failed;
	uint64_t files, converted, bytes, new_bytes;
};

static void *convert_begin(
	const struct task_scope *scope, const json_t *argument, struct error *err)
{
	json_t *selector = json_object_get(argument, "selector");
	const char *text = selector ? json_string_value(selector) : "*";
	if (!text || !retention_check(text, err)) {
		if (!text) {
			error_set(err, ERR_CONFIG, "\"selector\" is a text");
		}
		return NULL;
	}
	struct conversion *c = g_new0(struct conversion, 1);
	c->selector = g_strdup(text);
	c->dry_run = json_is_true(json_object_get(argument, "dry_run"));
	c->next = 1;
	c->limit = catalog_series_limit(scope->catalog);
	c->young = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	c->failed = json_array();
	return c;
}

/* Of the series if it is of the selector and ours; `*wanted`, `*header`: of its file. */
static struct series *candidate(const struct conversion *c, const struct task_scope *scope,
	uint32_t id, struct header *header, struct layout_plan *wanted)
{
	const struct field *field = catalog_series(scope->catalog, id);
	struct series *s = writer_series(scope->writer, id);
	if (!field || !s || s->foreign || !s->layout ||
		!retention_matches(c->selector, field->service, field->name) ||
		!files_look(writer_files(scope->writer), s->path, header, NULL)) {
		return NULL;
	}
	layout_plan(s->layout, s->step_s, wanted);
	return s;
}

static uint64_t bytes_of(const struct header *header)
{
	uint64_t bytes = header->length;
	for (size_t i = 0; i < header->archive_count; i++) {
		bytes += header->archives[i].rows * sizeof(double);
	}
	return bytes;
}

static bool convert_file(const struct task_scope *scope, struct series *s,
	const struct layout_plan *wanted, struct error *err)
{
	struct files *files = writer_files(scope->writer);
	char full[2 * LAYOUT_PATH_MAX];
	size_t length;
	tree_full_path(files_tree(files), s->path, full, sizeof(full));
	AUTO_FREE char *old = file_read(-1, full, CONVERT_BYTES_MAX, &length, err);
	if (!old) {
		return false;
	}
	g_autoptr(GByteArray) made = g_byte_array_new();
	struct convert_input input = {(const unsigned char *)old, length};
	return convert(&input, 1, wanted, made, err) &&
		   files_replace(files, s, made->data, made->len, err);
}

static void note_failure(struct conversion *c, const struct series *s, const char *why)
{
	if (json_array_size(c->failed) < FAILED_MOST) {
		json_array_append_new(c->failed, json_pack("{s:s, s:s}", "file", s->path, "error", why));
	}
}

/* False: the task cannot go on. */
static bool convert_series(
	struct conversion *c, const struct task_scope *scope, uint32_t id, struct error *err)
{
	struct header header;
	struct layout_plan wanted;
	struct error why = {.kind = ERR_NONE};
	struct series *s = candidate(c, scope, id, &header, &wanted);
	if (!s) {
		return true;
	}
	bool again = c->next >= c->limit;
	c->files += !again;
	if (convert_is_as_planned(&header, &wanted)) {
		return true;
	}
	if (!c->dry_run && files_is_young(writer_files(scope->writer), s)) {
		g_array_append_val(c->young, id);
		return true;
	}
	if (!c->dry_run && !convert_file(scope, s, &wanted, &why)) {
		if (why.kind == ERR_CONFLICT) {
			return error_set(err, ERR_CONFLICT, "%s", why.text);
		}
		note_failure(c, s, why.text);
		return true;
	}
	c->converted++;
	c->bytes += bytes_of(&header);
	c->new_bytes += layout_bytes(&wanted);
	return true;
}

/* Files that were young: all of them once a checkpoint was made. */
static enum task_step convert_young(
	struct conversion *c, const struct task_scope *scope, struct error *err)
{
	struct mono now = mono_now();
	g_autoptr(GArray) young = g_steal_pointer(&c->young);
	c->young = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	for (guint i = 0; i < young->len; i++) {
		if (!convert_series(c, scope, g_array_index(young, uint32_t, i), err)) {
			return TASK_FAILED;
		}
	}
	if (!c->young->len) {
		return TASK_DONE;
	}
	c->waiting = c->waiting.ms ? c->waiting : now;
	if (now.ms - c->waiting.ms > WAIT_MS) {
		error_set(err, ERR_UNREACHABLE, "%u files wait in vain for a checkpoint", c->young->len);
		return TASK_FAILED;
	}
	if (!c->asked.ms || now.ms - c->asked.ms > CHECKPOINT_EVERY_MS) {
		c->asked = now;
		scope->checkpoint(scope->role);
	}
	return TASK_MORE;
}

static enum task_step convert_step(void *state, const struct task_scope *scope, int64_t budget_ms,
	struct task_progress *progress, struct error *err)
{
	struct conversion *c = state;
	struct mono begin = mono_now();
	while (c->next < c->limit && mono_now().ms - begin.ms < budget_ms) {
		if (!convert_series(c, scope, c->next, err)) {
			return TASK_FAILED;
		}
		c->next++;
	}
	progress->total = c->limit;
	progress->done = c->next - MIN(c->young->len, c->next);
	snprintf(progress->detail, sizeof(progress->detail), "%" PRIu64 " of %" PRIu64 " files %s",
		c->converted, c->files, c->dry_run ? "are to be converted" : "converted");
	return c->next < c->limit ? TASK_MORE : convert_young(c, scope, err);
}

static json_t *convert_end(void *state, bool done)
{
	struct conversion *c = state;
	(void)done;
	json_t *result = json_pack("{s:I, s:I, s:I, s:I, s:b, s:O}", "files", (json_int_t)c->files,
		"converted", (json_int_t)c->converted, "bytes", (json_int_t)c->bytes, "new_bytes",
		(json_int_t)c->new_bytes, "dry_run", c->dry_run, "failed", c->failed);
	json_decref(c->failed);
	g_array_unref(c->young);
	g_free(c->selector);
	g_free(c);
	return result;
}

const struct task_kind convert_task = {convert_begin, convert_step, convert_end};
