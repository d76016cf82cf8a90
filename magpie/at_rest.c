/*
 * The journal is walked by the reader of the engine, the state is opened as a copy, files of the
 * archive are examined as a running writer does it (rrd/examine.h): none of it writes.
 */
#include "magpie/at_rest.h"
#include "engine/inventory.h"
#include "incidents/store.h"
#include "model/segment.h"
#include "rrd/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/banned.h"

enum { WALK_NAMES = 1000, WEEK_S = 7 * 86400 };

static void service_free(gpointer service)
{
	service_destroy(service);
}

void at_rest_init(struct at_rest *rest, bool deep)
{
	*rest = (struct at_rest){.services = g_ptr_array_new_with_free_func(service_free)};
	examination_init(&rest->examination, deep, wall_s(wall_now()));
}

json_t *at_rest_finish(struct at_rest *rest)
{
	json_t *all = examination_finish(&rest->examination);
	json_object_set_new(all, "journal",
		json_pack("{s:I, s:I, s:I, s:I, s:I}", "segments", (json_int_t)rest->segments, "records",
			(json_int_t)rest->records, "first", (json_int_t)rest->first, "last",
			(json_int_t)rest->last, "oldest_ms", (json_int_t)rest->oldest_ms));
	json_object_set_new(all, "services", json_integer((json_int_t)rest->services->len));
	g_ptr_array_unref(rest->services);
	return all;
}

/* -- the journal -- */

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *segment_names(const char *directory)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GDir *dir = g_dir_open(directory, 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		if (g_str_has_suffix(name, ".journal")) {
			g_ptr_array_add(names, g_strdup(name));
		}
	}
	if (dir) {
		g_dir_close(dir);
	}
	g_ptr_array_sort(names, by_name);
	return names;
}

static void note_beginning(struct at_rest *rest, const struct record *record)
{
	if (!rest->oldest_ms && record->length >= 10) {
		memcpy(&rest->oldest_ms, record->payload + 2, sizeof(rest->oldest_ms));
	}
}

static void take_record(struct at_rest *rest, const char *name, const struct record *record)
{
	if (record->type == SEGMENT_TYPE) {
		note_beginning(rest, record);
		return;
	}
	if (rest->last && record->sequence <= rest->last) {
		examination_add(&rest->examination, name, true, "Keep the directory and report it.",
			"record %" PRIu64 " comes behind %" PRIu64, record->sequence, rest->last);
	}
	rest->first = rest->first ? rest->first : record->sequence;
	rest->last = record->sequence;
	rest->records++;
}

static void examine_segment(struct at_rest *rest, int dir_fd, const char *name, bool last)
{
	struct segment_cursor cursor;
	struct record record;
	struct error err = {.kind = ERR_NONE};
	enum record_state state;
	uint64_t before = rest->segments++ ? rest->last : 0;
	bool begun = false;
	if (!segment_cursor_open(&cursor, dir_fd, name, &err)) {
		examination_add(&rest->examination, name, true, "Look at its rights and at the disk.",
			"cannot be read: %s", err.text);
		return;
	}
	while ((state = segment_cursor_next(&cursor, &record)) == RECORD_OK) {
		begun |= record.type == SEGMENT_TYPE;
		take_record(rest, name, &record);
	}
	segment_cursor_close(&cursor);
	if ((state == RECORD_TORN || !begun) && !(last && rest->in_use)) {
		examination_add(&rest->examination, name, !last,
			last
				? "The next start cuts it off; at most the last second before a power cut is in it."
				: "The next start moves the rest to corrupt/; samples in it are lost to the "
				  "archive.",
			"records behind %" PRIu64 " cannot be read", MAX(rest->last, before));
	}
}

void at_rest_journal(struct at_rest *rest, const char *directory)
{
	AUTO_FD fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		examination_add(&rest->examination, directory, true,
			"Give the right to read it; a server that never ran has none.", "cannot be opened: %s",
			g_strerror(errno));
		return;
	}
	g_autoptr(GPtrArray) names = segment_names(directory);
	for (guint i = 0; i < names->len; i++) {
		examine_segment(rest, fd, names->pdata[i], i + 1 == names->len);
	}
}

/* -- the state -- */

static void load_service(void *owner, const char *name, const void *bytes, size_t length)
{
	struct at_rest *rest = owner;
	struct service *service = inventory_unpack(bytes, length);
	if (service) {
		g_ptr_array_add(rest->services, service);
	} else {
		examination_add(&rest->examination, name, true,
			"It is known again when its source was asked.",
			"the stored declaration is not readable");
	}
}

static void ignore_value(void *owner, const char *name, const char *text)
{
	(void)owner, (void)name, (void)text;
}

static void ignore_state(void *owner, const char *key, const void *state, size_t length)
{
	(void)owner, (void)key, (void)state, (void)length;
}

static void ignore_outbox(void *owner, const struct outbox_row *row)
{
	(void)owner, (void)row;
}

static void ignore_event(void *owner, const struct store_event *event)
{
	(void)owner, (void)event;
}

static void ignore_host(void *owner, const struct store_host *host)
{
	(void)owner, (void)host;
}

void at_rest_state(struct at_rest *rest, const char *path)
{
	const struct store_loader loader = {.value = ignore_value,
		.service = load_service,
		.state = ignore_state,
		.outbox = ignore_outbox,
		.event = ignore_event,
		.host = ignore_host};
	struct error err = {.kind = ERR_NONE};
	if (!store_examine(path, &loader, rest, &err)) {
		examination_add(&rest->examination, path, true,
			"A start sets a damaged one aside and begins an empty one: alert states, silences and "
			"what was to be sent are lost. Restore it from a backup first.",
			"%s", err.text);
	}
}

/* -- the tree -- */

struct owned_paths {
	GHashTable *paths;
	bool orphans;
	struct at_rest *rest;
	int tree_fd;
};

static void examine_services(struct owned_paths *owned)
{
	struct at_rest *rest = owned->rest;
	for (guint i = 0; i < rest->services->len; i++) {
		const struct service *service = rest->services->pdata[i];
		for (size_t k = 0; k < service_field_count(service); k++) {
			const struct field *field = service_field(service, k);
			const struct layout_name name = {
				service->group, service->host_name, service->name, field->name, field->type};
			const struct rrdfile_source source = {
				field->type, service->step_s, field->min, field->max};
			char path[LAYOUT_PATH_MAX];
			layout_path(&name, false, path);
			bool first = g_hash_table_add(owned->paths, g_strdup(path));
			if (first && !examine_file(&rest->examination, owned->tree_fd, path, &source)) {
				rest->examination.missing++;
			}
			/* the name of one that had to be kept apart from another series */
			layout_path(&name, true, path);
			g_hash_table_add(owned->paths, g_strdup(path));
		}
	}
}

static bool is_owned(void *data, const char *path)
{
	struct owned_paths *owned = data;
	if (g_hash_table_contains(owned->paths, path)) {
		return true;
	}
	if (owned->orphans || !g_str_has_suffix(path, ".rrd")) {
		return false;
	}
	(void)examine_file(&owned->rest->examination, owned->tree_fd, path, NULL);
	return true;
}

void at_rest_tree(struct at_rest *rest, const char *path, bool orphans)
{
	struct error err = {.kind = ERR_NONE};
	AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct examine_walk *walk = fd >= 0 ? examine_walk_open(path, &err) : NULL;
	if (!walk) {
		examination_add(&rest->examination, path, true,
			"Give the right to read it, or name the configuration with --config.",
			"cannot be opened: %s", g_strerror(errno));
		return;
	}
	struct owned_paths owned = {.orphans = orphans, .rest = rest, .tree_fd = fd};
	owned.paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	examine_services(&owned);
	while (examine_walk_step(walk, &rest->examination, WALK_NAMES, is_owned, &owned)) {
	}
	examine_walk_close(walk);
	g_hash_table_unref(owned.paths);
}

/* -- space -- */

static bool born_at(const char *path, int64_t *at_s)
{
	struct statx st;
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) ||
		!(st.stx_mask & STATX_BTIME)) {
		return false;
	}
	*at_s = st.stx_btime.tv_sec;
	return true;
}

bool at_rest_space(const char *tree_path, struct at_rest_space *space)
{
	struct statvfs fs;
	char *paths[] = {(char *)tree_path, NULL};
	FTS *fts = statvfs(tree_path, &fs) ? NULL : fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	*space = (struct at_rest_space){0};
	if (!fts) {
		return false;
	}
	int64_t now_s = wall_s(wall_now());
	int64_t oldest_s = now_s - 86400; /* younger trees are taken for a day old */
	uint64_t young = 0;
	space->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	for (FTSENT *entry = fts_read(fts); entry; entry = fts_read(fts)) {
		int64_t born_s;
		if (entry->fts_info != FTS_F || !born_at(entry->fts_path, &born_s)) {
			continue;
		}
		space->files++;
		oldest_s = MIN(oldest_s, born_s);
		young += born_s > now_s - WEEK_S ? (uint64_t)entry->fts_statp->st_blocks * 512 : 0;
	}
	fts_close(fts);
	double days = (double)MIN(now_s - oldest_s, WEEK_S) / 86400;
	space->growth_per_day = (double)young / days;
	return true;
}
