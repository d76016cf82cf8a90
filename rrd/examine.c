/*
 * A file is opened for reading only, without following a link, and everything read from it is taken
 * for hostile: the header goes through rrd/header.h before its counts are used. librrd is not
 * asked.
 *
 * What the writer puts right by itself at its next touch (type, limits, heartbeat, holes) is a
 * note; wrong is what loses something or needs somebody's hand.
 */
#include "rrd/examine.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/auto.h"

#include "base/banned.h"

enum { AHEAD_S = 60, TEXT_BYTES = 200, CHUNK_ROWS = 8192 };

static const int64_t latest_s = 7258118400; /* 2200-01-01, as the writer has it */

static const char set_aside_advice[] = "The writer sets it aside in .magpie/corrupt at its next "
									   "touch and rebuilds it from the journal; "
									   "restore what is older from a backup.";

void examination_init(struct examination *e, bool deep, int64_t now_s)
{
	*e = (struct examination){.deep = deep,
		.now_s = now_s,
		.findings = json_array(),
		.bytes_of_header = g_malloc(HEADER_BYTES_MAX)};
}

/* One note for all of them: a tree of Munin's has nothing else. */
static void tell_other_rows(struct examination *e)
{
	if (e->other_rows_count) {
		examination_add(e, e->other_rows, false,
			"Values are kept in that length; magpie archive layouts says whether the configuration "
			"has another.",
			"%" PRIu64 " files have rows of another length than their series is measured in, this "
			"one %" PRIu64 " s for each %" PRIu64 " s",
			e->other_rows_count, e->other_rows_s, e->other_step_s);
	}
	g_clear_pointer(&e->other_rows, g_free);
}

json_t *examination_finish(struct examination *e)
{
	tell_other_rows(e);
	g_free(e->bytes_of_header);
	e->bytes_of_header = NULL;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "files", (json_int_t)e->files,
		"bytes", (json_int_t)e->bytes, "rows", (json_int_t)e->rows, "wrong", (json_int_t)e->wrong,
		"notes", (json_int_t)e->notes, "missing", (json_int_t)e->missing, "orphans",
		(json_int_t)e->orphans, "findings", g_steal_pointer(&e->findings));
}

/* Notes stand behind; the last of them gives way to what is wrong. */
static bool has_room(struct examination *e, bool wrong)
{
	size_t count = json_array_size(e->findings);
	if (count < EXAMINE_FINDINGS_MOST) {
		return true;
	}
	json_t *last = json_array_get(e->findings, count - 1);
	return wrong && !json_is_true(json_object_get(last, "wrong")) &&
		   !json_array_remove(e->findings, count - 1);
}

void examination_add(struct examination *e, const char *path, bool wrong, const char *advice,
	const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;
	e->wrong += wrong;
	e->notes += !wrong;
	if (!has_room(e, wrong)) {
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	g_autofree char *clean_path = text_clean(path, strlen(path), TEXT_BYTES);
	g_autofree char *clean_text = text_clean(text, strlen(text), TEXT_BYTES);
	json_t *row = json_pack("{s:s, s:b, s:s, s:s}", "path", clean_path, "wrong", wrong, "what",
		clean_text, "advice", advice);
	if (wrong) { /* in front: what counts is not cut off by notes */
		json_array_insert_new(e->findings, 0, row);
	} else {
		json_array_append_new(e->findings, row);
	}
}

/* -- one file -- */

static void compare_source(struct examination *e, const char *path, const struct header *header,
	const struct rrdfile_source *wanted)
{
	static const char tuned[] = "The writer changes it at its next touch.";
	if (header->type != wanted->type) {
		examination_add(e, path, false, tuned, "holds %s, its series is %s",
			field_type_name(header->type), field_type_name(wanted->type));
	} else if (rrdfile_differs(header, wanted)) {
		examination_add(e, path, false, tuned, "limits or heartbeat are not those of its series");
	}
	if (header->step_s != wanted->step_s) {
		if (!e->other_rows_count++) {
			e->other_rows = g_strdup(path);
			e->other_rows_s = header->step_s;
			e->other_step_s = wanted->step_s;
		}
	}
}

static void judge_rows(struct examination *e, const char *path, const struct header *header,
	uint64_t infinite, uint64_t outside)
{
	if (infinite) {
		examination_add(e, path, true,
			"They came with an old program that took them; convert or restore the file, or leave "
			"them to age out.",
			"%" PRIu64 " rows are infinite", infinite);
	}
	if (outside) {
		examination_add(e, path, false,
			"The limits were others once, or the rows were damaged; compare with a backup.",
			"%" PRIu64 " rows are outside of the limits %g to %g", outside, header->min,
			header->max);
	}
}

static bool read_rows(struct examination *e, int fd, const char *path, const struct header *header)
{
	g_autofree double *rows = g_new(double, CHUNK_ROWS);
	uint64_t infinite = 0;
	uint64_t outside = 0;
	off_t at = (off_t)header->length;
	for (;;) {
		ssize_t n = pread(fd, rows, CHUNK_ROWS * sizeof(double), at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < (ssize_t)sizeof(double)) {
			judge_rows(e, path, header, infinite, outside);
			return n >= 0;
		}
		size_t count = (size_t)n / sizeof(double);
		for (size_t i = 0; i < count; i++) {
			infinite += isinf(rows[i]) != 0;
			outside += isfinite(rows[i]) && (rows[i] < header->min || rows[i] > header->max);
		}
		e->rows += count;
		at += (off_t)(count * sizeof(double));
	}
}

static void examine_content(struct examination *e, int fd, const struct stat *st, const char *path,
	const struct rrdfile_source *wanted)
{
	struct header header;
	struct error err = {.kind = ERR_NONE};
	ssize_t length = pread(fd, e->bytes_of_header, HEADER_BYTES_MAX, 0);
	if (length < 0) {
		examination_add(e, path, true, "The disk does not give it; look at the kernel's log.",
			"cannot be read: %s", g_strerror(errno));
		return;
	}
	if (!header_read(
			e->bytes_of_header, (size_t)length, (uint64_t)st->st_size, latest_s, &header, &err)) {
		examination_add(e, path, true, set_aside_advice, "%s", err.text);
		return;
	}
	if (header.last_update_s > e->now_s + AHEAD_S) {
		examination_add(e, path, true,
			"Samples are passed over until then. Set the clock right; if it is right, move the "
			"file "
			"away: it is rebuilt.",
			"was written %" PRId64 " s ahead of now", header.last_update_s - e->now_s);
	}
	if ((uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size) {
		examination_add(e, path, false, "The writer fills it at its next touch.",
			"has holes: a full disk would show in the middle of an update");
	}
	if (wanted) {
		compare_source(e, path, &header, wanted);
	}
	if (e->deep && !read_rows(e, fd, path, &header)) {
		examination_add(e, path, true, "The disk does not give it; look at the kernel's log.",
			"rows cannot be read: %s", g_strerror(errno));
	}
}

bool examine_file(
	struct examination *e, int dir_fd, const char *path, const struct rrdfile_source *wanted)
{
	struct stat st;
	AUTO_FD fd = openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		return false;
	}
	e->files++;
	if (fd < 0 || fstat(fd, &st)) {
		bool link = errno == ELOOP;
		examination_add(e, path, true,
			link ? "Links are not followed; put the file itself there."
				 : "Give the user of the server the right to read and write it.",
			link ? "is a symbolic link" : "cannot be opened: %s", g_strerror(errno));
		return true;
	}
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
		examination_add(e, path, true, "Put a plain file there, or move it away: it is rebuilt.",
			"is no plain file with one name");
		return true;
	}
	e->bytes += (uint64_t)st.st_blocks * 512;
	examine_content(e, fd, &st, path, wanted);
	return true;
}

/* -- files of nobody -- */

struct examine_walk {
	FTS *fts;
	size_t base; /* bytes of the tree's path and the slash behind it */
};

struct examine_walk *examine_walk_open(const char *tree_path, struct error *err)
{
	char *paths[] = {(char *)tree_path, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!fts) {
		error_errno(err, ERR_STORAGE, errno, "%s", tree_path);
		return NULL;
	}
	struct examine_walk *walk = g_new(struct examine_walk, 1);
	*walk = (struct examine_walk){fts, strlen(tree_path) + 1};
	return walk;
}

static void judge_orphan(struct examination *e, const FTSENT *entry, const char *path)
{
	const char *end = strstr(entry->fts_name, ".rrd");
	if (end && !end[4]) {
		e->orphans++;
		examination_add(e, path, false,
			"Of a series that is gone or never was here. magpie archive clean removes such files.",
			"belongs to no series");
	} else if (end) {
		examination_add(e, path, false, "A creation was cut off; it can be removed.",
			"is half of a file that was being made");
	}
}

bool examine_walk_step(struct examine_walk *walk, struct examination *e, unsigned most,
	examine_owned_fn owned, void *owner)
{
	for (unsigned i = 0; i < most; i++) {
		FTSENT *entry = fts_read(walk->fts);
		if (!entry) {
			return false;
		}
		if (entry->fts_info == FTS_D && !strcmp(entry->fts_name, TREE_PRIVATE)) {
			fts_set(walk->fts, entry, FTS_SKIP);
		} else if (entry->fts_info == FTS_F && entry->fts_pathlen > walk->base &&
				   !owned(owner, entry->fts_path + walk->base)) {
			judge_orphan(e, entry, entry->fts_path + walk->base);
		}
	}
	return true;
}

void examine_walk_close(struct examine_walk *walk)
{
	if (walk) {
		fts_close(walk->fts);
		g_free(walk);
	}
}
