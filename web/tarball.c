#include "web/tarball.h"

#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/banned.h"

/*
 * libarchive writes through a callback into a string. Nothing of the machine gets into the archive:
 * no owner, no name of a file, the modes are ours.
 */
enum { MODE = 0644 };

struct tarball {
	struct archive *writer;
	GString *made;
};

static bool failed(const struct tarball *tarball, struct error *err)
{
	const char *why = archive_error_string(tarball->writer);
	return error_set(err, ERR_STORAGE, "tar: %s", why ? why : "cannot be written");
}

static la_ssize_t on_write(
	struct archive *writer UNUSED, void *owner, const void *bytes, size_t length)
{
	struct tarball *tarball = owner;
	g_string_append_len(tarball->made, bytes, (gssize)length);
	return (la_ssize_t)length;
}

struct tarball *tarball_create(struct error *err)
{
	AUTO(tarball) tarball = g_new0(struct tarball, 1);
	tarball->made = g_string_new(NULL);
	tarball->writer = archive_write_new();
	if (archive_write_add_filter_gzip(tarball->writer) != ARCHIVE_OK ||
		archive_write_set_filter_option(tarball->writer, "gzip", "compression-level", "6") !=
			ARCHIVE_OK ||
		archive_write_set_format_pax_restricted(tarball->writer) != ARCHIVE_OK ||
		archive_write_open2(tarball->writer, tarball, NULL, on_write, NULL, NULL) != ARCHIVE_OK) {
		failed(tarball, err);
		return NULL;
	}
	return STEAL(tarball);
}

void tarball_destroy(struct tarball *tarball)
{
	if (tarball) {
		archive_write_free(tarball->writer);
		g_string_free(tarball->made, TRUE);
		g_free(tarball);
	}
}

bool tarball_begin(
	struct tarball *tarball, const char *path, size_t length, int64_t mtime_s, struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, path);
	archive_entry_set_size(entry, (la_int64_t)length);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, MODE);
	archive_entry_set_mtime(entry, mtime_s, 0);
	bool good = archive_write_header(tarball->writer, entry) == ARCHIVE_OK;
	archive_entry_free(entry);
	return good || failed(tarball, err);
}

bool tarball_add(struct tarball *tarball, const void *bytes, size_t length, struct error *err)
{
	return !length || archive_write_data(tarball->writer, bytes, length) == (la_ssize_t)length ||
		   failed(tarball, err);
}

bool tarball_close(struct tarball *tarball, struct error *err)
{
	return archive_write_close(tarball->writer) == ARCHIVE_OK || failed(tarball, err);
}

void tarball_take(struct tarball *tarball, GString *out)
{
	g_string_append_len(out, tarball->made->str, (gssize)tarball->made->len);
	g_string_truncate(tarball->made, 0);
}
