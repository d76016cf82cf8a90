#include "base/clock.h"
#include "model/message.h"
#include "rrd/answer.h"
#include "rrd/header.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/auto.h"

#include "base/banned.h"

/*
 * A file as it lies on disk. It is read in one go by the only process that writes it, after what
 * was held back has been written: so a copy is as consistent as the file.
 */
enum { FILE_BYTES_MAX = 15 << 20, AHEAD_S = 86400, CF_OTHER = 255 };

static bool read_bytes(int fd, const char *path, size_t length, char *out, struct error *err)
{
	size_t at = 0;
	while (at < length) {
		ssize_t n = pread(fd, out + at, length - at, (off_t)at);
		if (n <= 0 && !(n < 0 && errno == EINTR)) {
			return error_errno(err, ERR_STORAGE, n ? errno : EIO, "%s", path);
		}
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* The first bytes of it, or all; GString with the header read. */
static GString *read_file(const char *path, bool whole, struct header *header, struct error *err)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status)) {
		error_errno(err, ERR_STORAGE, errno, "%s", path);
		return NULL;
	}
	size_t size = (size_t)status.st_size;
	if (whole && size > FILE_BYTES_MAX) {
		error_set(err, ERR_STORAGE, "%s: %zu bytes are too many for a copy (%d at most)", path,
			size, FILE_BYTES_MAX);
		return NULL;
	}
	size_t length = whole || size < HEADER_BYTES_MAX ? size : HEADER_BYTES_MAX;
	GString *bytes = g_string_sized_new(length + 1);
	g_string_set_size(bytes, length);
	if (!read_bytes(fd, path, length, bytes->str, err) ||
		!header_read((const unsigned char *)bytes->str, length, size, wall_s(wall_now()) + AHEAD_S,
			header, err)) {
		g_string_free(bytes, TRUE);
		return NULL;
	}
	return bytes;
}

static uint8_t cf_number(const char *name)
{
	for (unsigned cf = 0; cf < LAYOUT_CFS; cf++) {
		if (!strcmp(layout_cf_name((enum layout_cf)cf), name)) {
			return (uint8_t)cf;
		}
	}
	return CF_OTHER;
}

static void describe(struct frame_writer *w, const struct header *header, const char *file)
{
	message_start(w, MESSAGE_FILE); /* as a buffer: the content of GRAPHED */
	frame_put_u32(w, (uint32_t)header->step_s);
	frame_put_u32(w, (uint32_t)header->heartbeat_s);
	frame_put_u8(w, (uint8_t)header->type);
	frame_put_f64(w, header->min);
	frame_put_f64(w, header->max);
	frame_put_i64(w, header->last_update_s);
	frame_put_text(w, file);
	frame_put_u16(w, (uint16_t)header->archive_count);
	for (size_t i = 0; i < header->archive_count; i++) {
		frame_put_u8(w, cf_number(header->archives[i].cf));
		frame_put_u32(w, (uint32_t)header->archives[i].steps_per_row);
		frame_put_u32(w, (uint32_t)header->archives[i].rows);
	}
}

static GString *answer_content(
	struct writer *writer, uint32_t id, bool whole, struct frame_writer *w, struct error *err)
{
	struct header header;
	writer_flush(writer, &id, 1);
	const char *file = writer_file(writer, id);
	if (!file) {
		error_set(err, ERR_NOT_FOUND, "the series has no file yet");
		return NULL;
	}
	g_autofree char *path = g_strdup_printf("%s/%s", writer_tree_path(writer), file);
	GString *bytes = read_file(path, whole, &header, err);
	if (!bytes) {
		return NULL;
	}
	describe(w, &header, file);
	if (!whole) {
		g_string_truncate(bytes, 0);
	}
	g_string_prepend_len(
		bytes, (const char *)w->packet + FRAME_HEADER, (gssize)(w->length - FRAME_HEADER));
	return bytes;
}

void answer_file(struct writer *writer, const struct frame *frame, struct channel *channel,
	struct frame_writer *w)
{
	struct error err = {.kind = ERR_NONE};
	struct frame_reader r = frame_read(frame);
	uint32_t request = frame_get_u32(&r);
	uint32_t id = frame_get_u32(&r);
	bool whole = frame_get_u8(&r);
	GString *content = answer_content(writer, id, whole, w, &err);
	if (content) {
		answer_graph(request, content->str, content->len, channel, w);
		g_string_free(content, TRUE);
	} else {
		answer_graph_error(request, &err, channel, w);
	}
}
