#include "base/bundle.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Packed form: "magpie-bundle/1\n", then for each file u32 length of name, u32 length of text,
 * name, text.
 */
static const char bundle_magic[] = "magpie-bundle/1\n";
enum { MAGIC = sizeof(bundle_magic) - 1 };

struct bundle {
	GPtrArray *files; /* struct bundle_file */
};

static void bundle_free_file(gpointer data)
{
	struct bundle_file *file = data;
	g_free((char *)file->name);
	g_free((char *)file->text);
	g_free(file);
}

struct bundle *bundle_create(void)
{
	struct bundle *bundle = g_new0(struct bundle, 1);
	bundle->files = g_ptr_array_new_with_free_func(bundle_free_file);
	return bundle;
}

void bundle_destroy(struct bundle *bundle)
{
	if (bundle) {
		g_ptr_array_unref(bundle->files);
		g_free(bundle);
	}
}

static char *bundle_copy(const char *text, size_t length)
{
	char *copy = g_malloc(length + 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void bundle_add(struct bundle *bundle, const char *name, const char *text, size_t length)
{
	struct bundle_file *file = g_new0(struct bundle_file, 1);
	file->name = g_strdup(name);
	file->text = bundle_copy(text, length);
	file->length = length;
	g_ptr_array_add(bundle->files, file);
}

void bundle_set(struct bundle *bundle, const char *name, const char *text, size_t length)
{
	for (guint i = 0; i < bundle->files->len; i++) {
		struct bundle_file *file = bundle->files->pdata[i];
		if (!strcmp(file->name, name)) {
			g_free((char *)file->text);
			file->text = bundle_copy(text, length);
			file->length = length;
			return;
		}
	}
	bundle_add(bundle, name, text, length);
}

size_t bundle_count(const struct bundle *bundle)
{
	return bundle->files->len;
}

const struct bundle_file *bundle_at(const struct bundle *bundle, size_t index)
{
	return bundle->files->pdata[index];
}

const struct bundle_file *bundle_find(const struct bundle *bundle, const char *name)
{
	for (size_t i = 0; i < bundle_count(bundle); i++) {
		const struct bundle_file *file = bundle_at(bundle, i);
		if (!strcmp(file->name, name)) {
			return file;
		}
	}
	return NULL;
}

char *bundle_pack(const struct bundle *bundle, size_t *length)
{
	GString *out = g_string_new(bundle_magic);
	for (size_t i = 0; i < bundle_count(bundle); i++) {
		const struct bundle_file *file = bundle_at(bundle, i);
		uint32_t lengths[2] = {(uint32_t)strlen(file->name), (uint32_t)file->length};
		g_string_append_len(out, (const char *)lengths, sizeof(lengths));
		g_string_append_len(out, file->name, lengths[0]);
		g_string_append_len(out, file->text, lengths[1]);
	}
	*length = out->len;
	return g_string_free(out, FALSE);
}

struct bundle *bundle_unpack(const char *bytes, size_t length, struct error *err)
{
	if (length < MAGIC || memcmp(bytes, bundle_magic, MAGIC)) {
		error_set(err, ERR_CONFIG, "no bundle of configuration files");
		return NULL;
	}
	AUTO(bundle) bundle = bundle_create();
	for (size_t at = MAGIC; at < length;) {
		uint32_t lengths[2];
		if (length - at < sizeof(lengths)) {
			error_set(err, ERR_CONFIG, "cut bundle");
			return NULL;
		}
		memcpy(lengths, bytes + at, sizeof(lengths));
		at += sizeof(lengths);
		if (lengths[0] > 4096 || lengths[0] > length - at ||
			lengths[1] > length - at - lengths[0] || memchr(bytes + at, 0, lengths[0])) {
			error_set(err, ERR_CONFIG, "cut bundle");
			return NULL;
		}
		char *name = g_strndup(bytes + at, lengths[0]);
		bundle_add(bundle, name, bytes + at + lengths[0], lengths[1]);
		g_free(name);
		at += (size_t)lengths[0] + lengths[1];
	}
	return STEAL(bundle);
}

int bundle_to_fd(const struct bundle *bundle, struct error *err)
{
	size_t length;
	g_autofree char *packed = bundle_pack(bundle, &length);
	AUTO_FD fd = memfd_create("magpie-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || !file_write_all(fd, packed, length, err) ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)) {
		error_errno(err, ERR_STORAGE, errno, "memory file for the configuration");
		return -1;
	}
	return STEAL_FD(fd);
}

struct bundle *bundle_from_fd(int fd, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) || st.st_size < MAGIC || st.st_size > BUNDLE_MAX) {
		error_set(err, ERR_CONFIG, "no bundle of configuration files");
		return NULL;
	}
	size_t length = (size_t)st.st_size;
	const char *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		error_errno(err, ERR_STORAGE, errno, "mmap");
		return NULL;
	}
	struct bundle *bundle = bundle_unpack(bytes, length, err);
	munmap((void *)bytes, length);
	return bundle;
}
