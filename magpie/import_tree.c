/*
 * A name in the tree says GROUP/HOST-SERVICE[-SUB]-FIELD-T.rrd. All parts but the host's are free
 * of
 * "-" almost always, and the datafile says every series, so names are made from it and looked up:
 * nothing is guessed. Only files that it does not know are taken apart, by the longest name of a
 * host of munin.conf that they begin with, for the reason that is told.
 *
 * Directories are opened one below the other without following links, as the rrd role will; a
 * header is read, nothing else.
 */
#include "magpie/import_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "rrd/header.h"
#include "rrd/layout.h"

#include "base/banned.h"

enum { DEPTH_MAX = 12, FILES_MAX = 5000000 };

static const char letters[] = "gcda";       /* by enum field_type */
static const int64_t latest_s = 7258118400; /* 2200-01-01 */

struct walk {
	struct import_tree *tree;
	GHashTable *series; /* "group/host-service-field" -> type + 1 */
	GHashTable
		*hosts; /* "group/host" -> const struct import_section *; NULL: of the datafile only */
	GHashTable *present; /* "group/host" that the datafile knows */
	size_t files;
	unsigned char bytes[HEADER_BYTES_MAX];
};

static void file_free(gpointer data)
{
	struct import_file *file = data;
	g_free(file->path);
	g_free(file->why);
	g_free(file);
}

static void refuse(struct walk *w, const char *path, const char *why)
{
	struct import_file *file = g_new0(struct import_file, 1);
	file->path = text_clean(path, strlen(path), LAYOUT_PATH_MAX);
	file->why = text_clean(why, strlen(why), 300);
	g_ptr_array_add(w->tree->unmatched, file);
}

/* -- what is known -- */

static char *series_key(const struct field *field)
{
	const struct service *s = field->service;
	struct layout_name name = {.group = s->group,
		.host = s->host_name,
		.service = s->name,
		.field = field->name,
		.type = field->type};
	char path[LAYOUT_PATH_MAX];
	layout_path(&name, false, path);
	return g_strndup(path, strlen(path) - strlen("-g.rrd"));
}

static void know_datafile(struct walk *w, const struct munin_datafile *datafile)
{
	for (guint i = 0; i < datafile->services->len; i++) {
		const struct service *s = datafile->services->pdata[i];
		char *host = g_strconcat(s->group, "/", s->host_name, NULL);
		g_hash_table_add(w->present, host);
		for (size_t k = 0; k < service_field_count(s); k++) {
			const struct field *field = service_field(s, k);
			g_hash_table_insert(w->series, series_key(field), GUINT_TO_POINTER(field->type + 1U));
		}
	}
}

static void know_hosts(struct walk *w, const struct import_conf *conf)
{
	for (guint i = 0; i < conf->hosts->len; i++) {
		struct import_section *host = conf->hosts->pdata[i];
		char group[IDENT_GROUP_MAX + 1];
		bool same;
		if (munin_group(host->group, strlen(host->group), group, &same)) {
			g_hash_table_insert(w->hosts, g_strconcat(group, "/", host->host, NULL), host);
		}
	}
}

/* The longest "group/host" that the name begins with, before a "-"; NULL: none. */
static const char *longest_host(GHashTable *hosts, const char *key)
{
	g_autofree char *prefix = g_strdup(key);
	const char *slash = strrchr(prefix, '/');
	for (char *dash = strrchr(prefix, '-'); dash && dash > slash; dash = strrchr(prefix, '-')) {
		gpointer found;
		*dash = '\0';
		if (g_hash_table_lookup_extended(hosts, prefix, &found, NULL)) {
			return found;
		}
	}
	return NULL;
}

/* -- judging -- */

/* Why a name that no series has is not adopted; NULL: it is. */
static const char *judge_name(const struct walk *w, const char *key)
{
	const char *known = longest_host(w->hosts, key);
	if (!known) {
		return longest_host(w->present, key) ? "its host is not in munin.conf any more"
											 : "unknown host";
	}
	const struct import_section *host = g_hash_table_lookup(w->hosts, known);
	if (host->lost) {
		return "its host was left out";
	}
	if (host->idle) {
		return "its host is not asked (update no)";
	}
	if (g_hash_table_contains(w->present, known)) {
		return "its host has no such graph or field any more";
	}
	return NULL; /* nothing is known of the host's graphs: they go on when it answers */
}

static const char *host_trouble(const struct walk *w, const char *key)
{
	const char *known = longest_host(w->hosts, key);
	const struct import_section *host = known ? g_hash_table_lookup(w->hosts, known) : NULL;
	return !host        ? "its host is not in munin.conf any more"
		   : host->lost ? "its host was left out"
		   : host->idle ? "its host is not asked (update no)"
						: NULL;
}

static void adopt(struct walk *w, const struct header *header, uint64_t bytes)
{
	struct import_tree *tree = w->tree;
	tree->adopted++;
	tree->bytes += bytes;
	tree->oldest_s =
		tree->oldest_s ? MIN(tree->oldest_s, header->last_update_s) : header->last_update_s;
	tree->newest_s = MAX(tree->newest_s, header->last_update_s);
}

struct place {
	int directory;
	const char *group; /* as Magpie calls it */
	const char *name;  /* of the file */
	const char *path;  /* below the tree */
};

static bool read_header(
	struct walk *w, const struct place *place, struct header *header, uint64_t *size)
{
	const char *path = place->path;
	struct stat st;
	AUTO_FD fd =
		openat(place->directory, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		refuse(w, path, errno == ELOOP ? "a symbolic link: none is followed" : strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
		refuse(w, path, "no plain file with a single name");
		return false;
	}
	ssize_t length = pread(fd, w->bytes, 4096, 0);
	if (length == 4096) {
		ssize_t rest = pread(fd, w->bytes + length, HEADER_BYTES_MAX - (size_t)length, length);
		length += rest > 0 ? rest : 0;
	}
	struct error err = {.kind = ERR_NONE};
	*size = (uint64_t)st.st_size;
	if (length < 0) {
		refuse(w, path, strerror(errno));
		return false;
	}
	if (!header_read(w->bytes, (size_t)length, *size, latest_s, header, &err)) {
		refuse(w, path, err.text);
		return false;
	}
	return true;
}

/* The same series under the letter of its type is there as well: that one goes on. */
static bool has_twin(int directory, const char *name, char letter)
{
	g_autofree char *twin = g_strdup(name);
	twin[strlen(twin) - strlen("g.rrd")] = letter;
	return !faccessat(directory, twin, F_OK, AT_SYMLINK_NOFOLLOW);
}

static void judge(struct walk *w, const struct place *place)
{
	size_t length = strlen(place->name);
	size_t tail = strlen("-g.rrd");
	const char *letter =
		length > tail ? strchr(letters, place->name[length - strlen("g.rrd")]) : NULL;
	if (!letter || place->name[length - tail] != '-') {
		refuse(w, place->path, "no name that Munin gives");
		return;
	}
	struct header header;
	uint64_t size;
	if (!read_header(w, place, &header, &size)) {
		return;
	}
	g_autofree char *key =
		g_strdup_printf("%s/%.*s", place->group, (int)(length - tail), place->name);
	unsigned type = GPOINTER_TO_UINT(g_hash_table_lookup(w->series, key));
	const char *why = type ? host_trouble(w, key) : judge_name(w, key);
	bool other = type && letters[type - 1] != *letter;
	if (!why && other && has_twin(place->directory, place->name, letters[type - 1])) {
		why = "the same field has a file of the type it has now as well: that one goes on";
	}
	if (why) {
		refuse(w, place->path, why);
		return;
	}
	w->tree->renamed += other;
	adopt(w, &header, size);
}

/* -- walking -- */

static void walk_directory(
	struct walk *w, int fd, const char *path, const char *group, unsigned depth);

static void walk_below(struct walk *w, const struct place *place, unsigned depth)
{
	char part[IDENT_GROUP_MAX + 1];
	bool same;
	if (depth >= DEPTH_MAX || !munin_group(place->name, strlen(place->name), part, &same)) {
		refuse(w, place->path, "a directory that is no group");
		return;
	}
	int fd = openat(place->directory, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		refuse(w, place->path, strerror(errno));
		return;
	}
	g_autofree char *group =
		*place->group ? g_strconcat(place->group, "/", part, NULL) : g_strdup(part);
	walk_directory(w, fd, place->path, group, depth + 1);
}

static void look_at(struct walk *w, const struct place *place, unsigned char type, unsigned depth)
{
	struct stat st;
	bool rrd = g_str_has_suffix(place->name, ".rrd");
	if (type == DT_UNKNOWN && !fstatat(place->directory, place->name, &st, AT_SYMLINK_NOFOLLOW)) {
		type = S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
	}
	if (type == DT_DIR) {
		walk_below(w, place, depth);
	} else if (rrd && w->files++ < FILES_MAX) {
		judge(w, place);
	}
}

/* Takes `fd`. */
static void walk_directory(
	struct walk *w, int fd, const char *path, const char *group, unsigned depth)
{
	DIR *directory = fdopendir(fd);
	if (!directory) {
		refuse(w, path, strerror(errno));
		close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.') {
			continue; /* ours too: .magpie */
		}
		g_autofree char *below =
			*path ? g_strconcat(path, "/", entry->d_name, NULL) : g_strdup(entry->d_name);
		struct place place = {dirfd(directory), group, entry->d_name, below};
		look_at(w, &place, entry->d_type, depth);
	}
	closedir(directory);
}

static int by_path(gconstpointer a, gconstpointer b)
{
	const struct import_file *left = *(const struct import_file *const *)a;
	const struct import_file *right = *(const struct import_file *const *)b;
	return strcmp(left->path, right->path);
}

static GHashTable *texts(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

bool import_tree_read(struct import_tree *tree, const char *directory,
	const struct import_conf *conf, const struct munin_datafile *datafile, struct error *err)
{
	struct stat st;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*tree = (struct import_tree){.unmatched = g_ptr_array_new_with_free_func(file_free)};
	if (fd < 0 || fstat(fd, &st)) {
		enum error_kind kind = errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE;
		return error_errno(err, kind, errno, "%s", directory);
	}
	tree->owner = st.st_uid;
	tree->group = st.st_gid;
	tree->writable = !faccessat(fd, ".", W_OK | X_OK, AT_EACCESS);
	struct walk *w = g_new0(struct walk, 1);
	w->tree = tree;
	w->series = texts();
	w->hosts = texts();
	w->present = texts();
	know_hosts(w, conf);
	if (datafile) {
		know_datafile(w, datafile);
	}
	walk_directory(w, fd, "", "", 0);
	g_ptr_array_sort(tree->unmatched, by_path);
	g_hash_table_unref(w->series);
	g_hash_table_unref(w->hosts);
	g_hash_table_unref(w->present);
	g_free(w);
	return true;
}

void import_tree_finish(struct import_tree *tree)
{
	g_clear_pointer(&tree->unmatched, g_ptr_array_unref);
}
