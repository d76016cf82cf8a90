#include "rrd/headerlog.h"
#include "base/file.h"
#include "base/log.h"
#include "base/record.h"
#include "rrd/header.h"
#include "rrd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * One file for each writer, .magpie/headers (.1, .2 …), of records (base/record.h):
 *
 *     BEGIN    u64 journal sequence; the first record. A later one counts instead
 *     IMAGE    text path, bytes of the header
 *     CREATED  text path: is about to be made
 *     MOVED    text from, text to: is about to be renamed
 *     REPLACED text path, u64 inode, bytes of the header: another file is about to take its place
 *
 * I1: a record is durable before what it notes is done. I2: the first image of a file in a log is
 * the one of the checkpoint; the writer adds no second one, and if it did, only the first is put
 * back. I3: putting back goes through renames backwards, then images, then new files; doing it
 * twice does no harm, so a crash in the middle is of no account. A name that was renamed away and
 * then given to a new file (a host was renamed, and is still asked by its old name) belongs to the
 * renamed one again: the new one makes way, and whether that has been done is seen by the renamed
 * one's later name, which nobody has any more. I4: the new log replaces the old
 * one only after the tree is on disk, so S0 and the images always belong together. I5: an image
 * goes back only onto the file it was taken from: a file that took another's place is known by its
 * inode, and step and archives have to be the same. A file that was made or renamed since the
 * checkpoint is not replaced before the next one.
 */
enum headerlog_type { LOG_BEGIN = 1, LOG_IMAGE, LOG_CREATED, LOG_MOVED, LOG_REPLACED };

#define LOG_FILE "headers"

enum { LOG_BYTES_MAX = 1 << 30 };

struct headerlog {
	const struct tree *tree;
	char *name;
	int fd;         /* -1: to be opened by the next commit */
	uint64_t next;  /* record sequence */
	uint64_t bytes; /* in the file */
	bool torn;      /* ends in half a record: what is behind it would not be read */
	GByteArray *pending;
};

/* -- writing -- */

static void add_record(struct headerlog *log, enum headerlog_type type, const GByteArray *payload)
{
	unsigned char header[RECORD_HEADER];
	record_header(header, log->next++, (uint16_t)type, payload->data, payload->len);
	g_byte_array_append(log->pending, header, sizeof(header));
	g_byte_array_append(log->pending, payload->data, payload->len);
}

static void add_text(GByteArray *payload, const char *text)
{
	uint16_t length = (uint16_t)strlen(text);
	g_byte_array_append(payload, (const guint8 *)&length, sizeof(length));
	g_byte_array_append(payload, (const guint8 *)text, length);
}

void headerlog_add_image(
	struct headerlog *log, const char *path, const unsigned char *header, size_t length)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();
	add_text(payload, path);
	g_byte_array_append(payload, header, (guint)length);
	add_record(log, LOG_IMAGE, payload);
}

void headerlog_add_created(struct headerlog *log, const char *path)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();
	add_text(payload, path);
	add_record(log, LOG_CREATED, payload);
}

void headerlog_add_moved(struct headerlog *log, const char *from, const char *to)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();
	add_text(payload, from);
	add_text(payload, to);
	add_record(log, LOG_MOVED, payload);
}

void headerlog_add_replaced(struct headerlog *log, const char *path, uint64_t inode,
	const unsigned char *header, size_t length)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();
	add_text(payload, path);
	g_byte_array_append(payload, (const guint8 *)&inode, sizeof(inode));
	g_byte_array_append(payload, header, (guint)length);
	add_record(log, LOG_REPLACED, payload);
}

void headerlog_add_restart(struct headerlog *log)
{
	static const uint64_t oldest = 0;
	g_autoptr(GByteArray) payload = g_byte_array_new();
	g_byte_array_append(payload, (const guint8 *)&oldest, sizeof(oldest));
	add_record(log, LOG_BEGIN, payload);
}

static bool is_writable(struct headerlog *log, struct error *err)
{
	if (log->torn) {
		return error_set(err, ERR_STORAGE, "cut off in a record until the next checkpoint");
	}
	if (log->fd < 0) {
		log->fd = tree_private(log->tree, log->name, O_RDWR | O_APPEND, err);
	}
	return log->fd >= 0;
}

bool headerlog_commit(struct headerlog *log, struct error *err)
{
	if (!log->pending->len) {
		return true;
	}
	if (!is_writable(log, err)) {
		g_byte_array_set_size(log->pending, 0);
		return error_prefix(err, "header log");
	}
	bool written = file_write_all(log->fd, log->pending->data, log->pending->len, err);
	if (!written || fdatasync(log->fd)) {
		int saved = errno;
		/* what was half written is cut off again: behind it nothing would be read */
		if (ftruncate(log->fd, (off_t)log->bytes) ||
			lseek(log->fd, (off_t)log->bytes, SEEK_SET) < 0) {
			log->torn = true;
			log_error("rrd.headerlog", "cannot cut the header log back errno=%d", errno);
		}
		g_byte_array_set_size(log->pending, 0);
		return written ? error_errno(err, ERR_STORAGE, saved, "header log")
					   : error_prefix(err, "header log");
	}
	log->bytes += log->pending->len;
	g_byte_array_set_size(log->pending, 0);
	return true;
}

enum { BEGIN_BYTES = RECORD_HEADER + sizeof(uint64_t) };

/* An empty log, durably in place of the one of that name. */
static bool begin_log(
	const struct tree *tree, const char *name, uint64_t sequence, struct error *err)
{
	unsigned char begin[BEGIN_BYTES];
	memcpy(begin + RECORD_HEADER, &sequence, sizeof(sequence));
	record_header(begin, 1, LOG_BEGIN, begin + RECORD_HEADER, sizeof(sequence));
	return tree_private_replace(tree, name, begin, sizeof(begin), err);
}

bool headerlog_checkpoint(struct headerlog *log, uint64_t sequence, struct error *err)
{
	if (!begin_log(log->tree, log->name, sequence, err)) {
		return false;
	}
	/* the one that was open has no name any more: nothing may be noted there */
	if (log->fd >= 0) {
		close(log->fd);
	}
	log->fd = tree_private(log->tree, log->name, O_RDWR | O_APPEND, NULL);
	log->torn = false;
	log->next = 2;
	log->bytes = BEGIN_BYTES;
	g_byte_array_set_size(log->pending, 0);
	return true;
}

uint64_t headerlog_bytes(const struct headerlog *log)
{
	return log->bytes + log->pending->len;
}

/* -- putting back -- */

static char *take_text(const unsigned char **at, const unsigned char *end)
{
	uint16_t length;
	if ((size_t)(end - *at) < sizeof(length)) {
		return NULL;
	}
	memcpy(&length, *at, sizeof(length));
	*at += sizeof(length);
	if ((size_t)(end - *at) < length || memchr(*at, 0, length)) {
		return NULL;
	}
	char *text = g_strndup((const char *)*at, length);
	*at += length;
	return text;
}

/* A file was made (`to` is NULL) or renamed. */
struct change {
	char *path, *to;
};

struct putting_back {
	const struct tree *tree;
	struct headerlog_report *report;
	GHashTable *seen;    /* paths whose first image was put back */
	GPtrArray *changes;  /* struct change, in order */
	GHashTable *named;   /* path -> GArray of guint: the changes that begin with it, in order */
	GPtrArray *images;   /* GBytes of payloads, in order; they borrow from the log */
	GPtrArray *replaced; /* the same of REPLACED */
};

/* The image of a file that took the place of another; false: the file there is not one of those. */
static bool find_replaced(const struct putting_back *p, const char *path, uint64_t inode,
	const unsigned char **image, size_t *length)
{
	for (guint i = p->replaced->len; i-- > 0;) {
		gsize bytes;
		const unsigned char *at = g_bytes_get_data(p->replaced->pdata[i], &bytes);
		const unsigned char *end = at + bytes;
		g_autofree char *name = take_text(&at, end);
		uint64_t noted = 0;
		if (!name || strcmp(name, path) != 0 || (size_t)(end - at) <= sizeof(noted)) {
			continue;
		}
		memcpy(&noted, at, sizeof(noted));
		if (noted == inode) {
			*image = at + sizeof(noted);
			*length = (size_t)(end - *image);
			return true;
		}
	}
	return false;
}

/* Step and archives of the file as in the image: see I5. */
static bool is_of_that_file(int fd, const unsigned char *image, size_t length)
{
	enum { FIXED = 128, SOURCE = 120, ARCHIVE = 120, AT_ARCHIVES = 32, AT_STEP = 40 };
	unsigned char there[HEADER_BYTES_MAX];
	uint64_t archives = 0;
	if (length > FIXED + SOURCE) {
		memcpy(&archives, image + AT_ARCHIVES, sizeof(archives));
	}
	if (!archives || archives > HEADER_ARCHIVES_MAX || length != header_length(1, archives) ||
		pread(fd, there, length, 0) != (ssize_t)length) {
		return false;
	}
	return !memcmp(there + 24, image + 24, 24) &&
		   !memcmp(there + FIXED + SOURCE, image + FIXED + SOURCE, ARCHIVE * archives);
}

static void put_image(
	struct putting_back *p, const unsigned char *payload, size_t length, bool replaced)
{
	const unsigned char *at = payload;
	const unsigned char *end = payload + length;
	g_autofree char *path = take_text(&at, end);
	if (!path || g_hash_table_contains(p->seen, path)) {
		return; /* see I2 */
	}
	struct stat st;
	struct error err = {.kind = ERR_NONE};
	AUTO_FD fd = tree_file(p->tree, path, &st, &err);
	size_t bytes = (size_t)(end - at);
	if (fd >= 0 && !find_replaced(p, path, st.st_ino, &at, &bytes) && replaced) {
		return; /* it did not come to that */
	}
	if (fd < 0 || (uint64_t)st.st_size < bytes || !is_of_that_file(fd, at, bytes) ||
		pwrite(fd, at, bytes, 0) != (ssize_t)bytes) {
		p->report->failed += err.kind != ERR_NOT_FOUND;
	} else {
		p->report->restored++;
	}
	g_hash_table_add(p->seen, STEAL(path));
}

/* The first change from `begin` on that begins with that path; the number of changes: none. */
static guint change_of(const struct putting_back *p, const char *path, guint begin)
{
	const GArray *numbers = g_hash_table_lookup(p->named, path);
	for (guint i = 0; numbers && i < numbers->len; i++) {
		if (g_array_index(numbers, guint, i) >= begin) {
			return g_array_index(numbers, guint, i);
		}
	}
	return p->changes->len;
}

static bool is_creation(const struct putting_back *p, guint number)
{
	return number < p->changes->len && !((struct change *)p->changes->pdata[number])->to;
}

/* Undoes the rename of that number; fails if it was not done, or is undone already: see I3. */
static void move_back(struct putting_back *p, guint number)
{
	const struct change *move = p->changes->pdata[number];
	if (is_creation(p, change_of(p, move->to, number))) {
		return; /* the renamed file was lost, it is a later one that has the name */
	}
	struct stat st;
	struct error err = {.kind = ERR_NONE};
	AUTO_FD moved = tree_file(p->tree, move->to, &st, &err);
	if (moved >= 0 && is_creation(p, change_of(p, move->path, number + 1)) &&
		tree_remove(p->tree, move->path, NULL)) {
		p->report->removed++;
	}
	p->report->renamed += tree_rename(p->tree, move->to, move->path, NULL);
}

/*
 * Whether the name of a file that was made belongs to one that was renamed away before, and had it
 * at the checkpoint.
 */
static bool is_anothers(const struct putting_back *p, const char *path, guint number)
{
	guint first = change_of(p, path, 0);
	return first < number && !is_creation(p, first);
}

static void remove_created(struct putting_back *p)
{
	g_autoptr(GHashTable) swept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < p->changes->len; i++) {
		const struct change *made = p->changes->pdata[i];
		if (made->to) {
			continue;
		}
		if (g_hash_table_add(swept, g_path_get_dirname(made->path))) {
			tree_remove_halves(p->tree, made->path);
		}
		if (is_anothers(p, made->path, i)) {
			continue;
		}
		if (tree_remove(p->tree, made->path, NULL)) {
			p->report->removed++;
		} else {
			p->report->failed++;
		}
	}
}

static void put_all_back(struct putting_back *p)
{
	for (guint i = p->changes->len; i-- > 0;) {
		if (!is_creation(p, i)) {
			move_back(p, i);
		}
	}
	for (guint i = 0; i < p->images->len; i++) {
		gsize length;
		const unsigned char *payload = g_bytes_get_data(p->images->pdata[i], &length);
		put_image(p, payload, length, false);
	}
	for (guint i = 0; i < p->replaced->len; i++) {
		gsize length;
		const unsigned char *payload = g_bytes_get_data(p->replaced->pdata[i], &length);
		put_image(
			p, payload, length, true); /* of a file that was not touched before it was replaced */
	}
	remove_created(p);
}

static void change_free(gpointer data)
{
	struct change *change = data;
	g_free(change->path);
	g_free(change->to);
	g_free(change);
}

/* Takes both. */
static void add_change(struct putting_back *p, char *path, char *to)
{
	guint number = p->changes->len;
	struct change *change = g_new(struct change, 1);
	*change = (struct change){path, to};
	g_ptr_array_add(p->changes, change);
	GArray *numbers = g_hash_table_lookup(p->named, path);
	if (!numbers) {
		numbers = g_array_new(FALSE, FALSE, sizeof(guint));
		g_hash_table_insert(p->named, path, numbers);
	}
	g_array_append_val(numbers, number);
}

static void collect(struct putting_back *p, const struct record *record)
{
	const unsigned char *at = record->payload;
	const unsigned char *end = at + record->length;
	char *first = NULL;
	char *second = NULL;
	switch (record->type) {
	case LOG_BEGIN:
		if (record->length == sizeof(uint64_t)) {
			memcpy(&p->report->sequence, record->payload, sizeof(uint64_t));
		}
		break;
	case LOG_IMAGE:
		g_ptr_array_add(p->images, g_bytes_new_static(record->payload, record->length));
		break;
	case LOG_REPLACED:
		g_ptr_array_add(p->replaced, g_bytes_new_static(record->payload, record->length));
		break;
	case LOG_CREATED:
		first = take_text(&at, end);
		if (first) {
			add_change(p, first, NULL);
		}
		break;
	case LOG_MOVED:
		first = take_text(&at, end);
		second = first ? take_text(&at, end) : NULL;
		if (second) {
			add_change(p, first, second);
		} else {
			g_free(first);
		}
		break;
	}
}

/* `*found` (may be NULL): there is such a log. */
static bool put_back(const struct tree *tree, const char *log_name, struct headerlog_report *report,
	bool *found, struct error *err)
{
	struct error why = {.kind = ERR_NONE};
	g_autofree char *path = g_strdup_printf("%s/" TREE_PRIVATE "/%s", tree_path(tree), log_name);
	size_t length = 0;
	AUTO_FREE char *bytes = file_read(AT_FDCWD, path, LOG_BYTES_MAX, &length, &why);
	*found = bytes;
	if (!bytes) {
		return why.kind == ERR_NOT_FOUND ? true : error_set(err, why.kind, "%s", why.text);
	}
	struct putting_back p = {.tree = tree, .report = report};
	p.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	p.changes = g_ptr_array_new_with_free_func(change_free);
	p.named = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_array_unref);
	p.images = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	p.replaced = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	struct record record;
	size_t at = 0;
	while (record_next((const unsigned char *)bytes, length, &at, &record) == RECORD_OK) {
		collect(&p, &record);
	}
	put_all_back(&p);
	g_ptr_array_unref(p.images);
	g_ptr_array_unref(p.replaced);
	g_hash_table_unref(p.named);
	g_ptr_array_unref(p.changes);
	g_hash_table_unref(p.seen);
	return true;
}

/* Before the old log goes: see I4. */
static bool sync_touched(
	const struct tree *tree, const struct headerlog_report *report, struct error *err)
{
	return !(report->restored || report->removed || report->renamed) || tree_sync(tree, err);
}

/* Logs of writers that will not be there: everything in them is undone and on disk. */
static bool remove_logs(const struct tree *tree, unsigned from, struct error *err)
{
	for (unsigned i = from; i < SHARE_MOST; i++) {
		g_autofree char *name = share_file_name(LOG_FILE, i);
		if (!tree_private_remove(tree, name, err)) {
			return false;
		}
	}
	return true;
}

bool headerlog_share_anew(const struct tree *tree, unsigned instances, struct error *err)
{
	struct headerlog_report all = {0};
	uint64_t least = UINT64_MAX;
	for (unsigned i = 0; i < SHARE_MOST; i++) {
		g_autofree char *name = share_file_name(LOG_FILE, i);
		bool found;
		all.sequence = 0;
		if (!put_back(tree, name, &all, &found, err)) {
			return false;
		}
		least = found && all.sequence < least ? all.sequence : least;
	}
	if (!sync_touched(tree, &all, err)) {
		return false;
	}
	least = least == UINT64_MAX ? 0 : least;
	for (unsigned i = 0; i < instances; i++) {
		g_autofree char *name = share_file_name(LOG_FILE, i);
		if (!begin_log(tree, name, least, err)) {
			return false;
		}
	}
	log_info("rrd.share_anew", "writers=%u sequence=%llu restored=%zu removed=%zu failed=%zu",
		instances, (unsigned long long)least, all.restored, all.removed, all.failed);
	return remove_logs(tree, instances, err);
}

struct headerlog *headerlog_open(
	const struct tree *tree, unsigned instance, struct headerlog_report *report, struct error *err)
{
	bool found;
	AUTO(headerlog) log = g_new0(struct headerlog, 1);
	log->fd = -1;
	log->name = share_file_name(LOG_FILE, instance);
	*report = (struct headerlog_report){0};
	if (!put_back(tree, log->name, report, &found, err) || !sync_touched(tree, report, err)) {
		return NULL;
	}
	log->tree = tree;
	log->pending = g_byte_array_new();
	if (!headerlog_checkpoint(log, report->sequence, err)) {
		return NULL;
	}
	return STEAL(log);
}

void headerlog_destroy(struct headerlog *log)
{
	if (log) {
		if (log->fd >= 0) {
			close(log->fd);
		}
		if (log->pending) {
			g_byte_array_unref(log->pending);
		}
		g_free(log->name);
		g_free(log);
	}
}
