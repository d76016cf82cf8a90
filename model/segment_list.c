#include "model/segment_list.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * What a directory of segments may look like after a crash, a power cut or a bad disk, brought in
 * order: a torn or damaged rest is moved to "corrupt/", a file that is no segment too, and a hole
 * between two segments is told of. Nothing found here prevents the start.
 */
enum { REPORT_TEXT = 256, NAME_DIGITS = 20, SMALLEST = 256 << 10, UNSYNCED_AT_MOST = 2 };

struct opening {
	struct segment_list *list;
	segment_report_fn report;
	void *owner;
	bool last; /* no name behind this one */
};

static void tell(struct opening *o, const char *kind, const char *object, const char *format, ...)
	PRINTF_LIKE(4, 5);

static void tell(struct opening *o, const char *kind, const char *object, const char *format, ...)
{
	char text[REPORT_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	o->report(o->owner, kind, object, text);
}

size_t segment_list_count(const struct segment_list *list)
{
	return list->segments->len;
}

struct segment *segment_list_at(const struct segment_list *list, size_t index)
{
	return list->segments->pdata[index];
}

struct segment *segment_list_last(const struct segment_list *list)
{
	return list->segments->len ? segment_list_at(list, list->segments->len - 1) : NULL;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_segment_name(const char *name)
{
	return strspn(name, "0123456789") == NAME_DIGITS && !strcmp(name + NAME_DIGITS, ".journal");
}

static GPtrArray *list_names(const char *directory, struct error *err)
{
	GError *problem = NULL;
	GDir *dir = g_dir_open(directory, 0, &problem);
	if (!dir) {
		error_set(err, ERR_STORAGE, "%s", problem->message);
		g_error_free(problem);
		return NULL;
	}
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	const char *name;
	while ((name = g_dir_read_name(dir))) {
		if (is_segment_name(name)) {
			g_ptr_array_add(names, g_strdup(name));
		}
	}
	g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	return names;
}

static void move_away(struct opening *o, const char *name, const char *why)
{
	char to[SEGMENT_NAME_MAX + 16];
	snprintf(to, sizeof(to), "corrupt/%s", name);
	(void)mkdirat(o->list->dir_fd, "corrupt", 0755);
	if (renameat(o->list->dir_fd, name, o->list->dir_fd, to)) {
		tell(
			o, "journal.damaged", name, "%s; it could not be moved away: %s", why, strerror(errno));
		return;
	}
	tell(o, "journal.damaged", name, "%s; it was moved to %s", why, to);
}

static void repair(struct opening *o, struct segment *segment, size_t bytes)
{
	struct error err = {.kind = ERR_NONE};
	bool moved = segment_set_aside(o->list->dir_fd, segment, &err);
	tell(o, "journal.damaged", segment->name,
		"the records behind %" PRIu64 " cannot be read: %zu bytes %s", segment->last, bytes,
		moved ? "were moved to corrupt/" : err.text);
}

/* Judges one file of the directory against the one before it (may be NULL) and takes it in. */
static void take_in(struct opening *o, const char *name)
{
	struct segment_damage damage;
	struct error err = {.kind = ERR_NONE};
	AUTO(segment) segment = segment_open(o->list->dir_fd, name, &damage, &err);
	if (!segment) {
		move_away(o, name, err.text);
		return;
	}
	if (damage.unusable && !damage.bytes && o->last) { /* killed while it was being made */
		unlinkat(o->list->dir_fd, name, 0);
		return;
	}
	if (damage.unusable) {
		move_away(o, name, "no segment of a version that is known");
		return;
	}
	if (damage.bytes) {
		repair(o, segment, damage.bytes);
	}
	struct segment *before = segment_list_last(o->list);
	if (before && before->first != segment->previous) {
		tell(o, "journal.missing", name,
			"a segment is missing: records from %" PRIu64 " to %" PRIu64 " are gone",
			before->last + 1, segment->first - 1);
	}
	if (before && before->last >= segment->first) {
		before->last = segment->first - 1; /* I3 */
	}
	g_ptr_array_add(o->list->segments, STEAL(segment));
}

/* What was found may be in the page cache only: it counts as durable after this. */
static bool sync_found(struct segment_list *list, struct error *err)
{
	for (size_t i = 0; i < list->segments->len; i++) {
		struct segment *segment = segment_list_at(list, i);
		if (i + UNSYNCED_AT_MOST >= list->segments->len && fdatasync(segment->fd)) {
			return error_errno(err, ERR_STORAGE, errno, "sync of %s", segment->name);
		}
		if (segment != segment_list_last(list)) {
			close(segment->fd);
			segment->fd = -1;
		}
	}
	return true;
}

static void free_segment(gpointer segment)
{
	segment_destroy(segment);
}

bool segment_list_open(struct segment_list *list, const char *path, segment_report_fn report,
	void *owner, struct error *err)
{
	struct opening o = {.list = list, .report = report, .owner = owner};
	list->segments = g_ptr_array_new_with_free_func(free_segment);
	list->dir_fd = -1;
	if (!file_make_directory(path, err)) {
		return false;
	}
	list->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (list->dir_fd < 0) {
		return error_errno(err, ERR_STORAGE, errno, "%s", path);
	}
	g_autoptr(GPtrArray) names = list_names(path, err);
	for (size_t i = 0; names && i < names->len; i++) {
		o.last = i + 1 == names->len;
		take_in(&o, names->pdata[i]);
	}
	return names && sync_found(list, err);
}

void segment_list_close(struct segment_list *list)
{
	g_ptr_array_unref(list->segments);
	if (list->dir_fd >= 0) {
		close(list->dir_fd);
	}
}

const struct segment *segment_list_find(const struct segment_list *list, uint64_t after)
{
	const struct segment *found = NULL;
	for (size_t i = list->segments->len; i-- > 0;) {
		const struct segment *segment = segment_list_at(list, i);
		if (segment->last < segment->first) {
			continue; /* empty */
		}
		if (segment->last <= after) {
			break;
		}
		found = segment;
	}
	return found;
}

bool segment_list_add(
	struct segment_list *list, uint64_t first, size_t bytes, size_t least, struct error *err)
{
	size_t smallest = SMALLEST + least;
	struct segment *before = segment_list_last(list);
	uint64_t previous = before ? before->first : 0;
	for (size_t size = MAX(bytes, smallest);; size = MAX(size / 8, smallest)) {
		struct segment *fresh = segment_create(list->dir_fd, first, previous, size, err);
		if (fresh) {
			g_ptr_array_add(list->segments, fresh);
			return true;
		}
		if (size <= smallest) {
			return false;
		}
	}
}

void segment_list_remove(struct segment_list *list, size_t index)
{
	unlinkat(list->dir_fd, segment_list_at(list, index)->name, 0);
	g_ptr_array_remove_index(list->segments, (guint)index);
}

uint64_t segment_list_bytes(const struct segment_list *list)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < list->segments->len; i++) {
		bytes += (uint64_t)segment_list_at(list, i)->size;
	}
	return bytes;
}
