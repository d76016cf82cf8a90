/*
 * Comes after the replay of the journal: numbers that are met there must not be given out again.
 * The fields are of Munin's last words about them; when the node answers, its own declaration takes
 * their place and the numbers stay.
 */
#include "engine/adoption.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/engine.h"
#include "model/munin_datafile.h"

#include <dirent.h>
#include <fcntl.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

enum { BUSY_SERVICES = 500, WALK_DEPTH = 12 };

void adoption_restore(struct engine *engine, uint64_t changed_s)
{
	engine->datafile_changed_s = changed_s;
}

struct tally {
	size_t services, fields, files;
	GHashTable *hosts; /* names, of the datafile */
};

static void declare_all(struct engine *engine, struct munin_datafile *datafile, struct tally *tally)
{
	bool numbered = false;
	while (datafile->services->len) {
		struct service *service =
			g_ptr_array_steal_index_fast(datafile->services, datafile->services->len - 1);
		if (catalog_service(engine->catalog, service->host_name, service->name) ||
			service_field_count(service) > INVENTORY_FIELDS_MAX ||
			!strcmp(service->name, APPLY_NODE_SERVICE)) {
			service_destroy(service);
			continue;
		}
		const struct service *entry =
			inventory_adopt(engine->inventory, service, engine->steady.now, &numbered);
		if (entry) {
			tally->fields += service_field_count(entry);
			g_hash_table_add(tally->hosts, entry->host_name);
		}
		if (++tally->services % BUSY_SERVICES == 0) {
			role_busy(engine->role);
		}
	}
	if (tally->services) {
		intake_numbered(engine->intake);
	}
}

/* Names only; a tree that cannot be walked has none. */
static size_t count_files(const char *path, unsigned depth)
{
	size_t count = 0;
	DIR *directory = depth < WALK_DEPTH ? opendir(path) : NULL;
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (entry->d_name[0] == '.') {
			continue;
		}
		if (entry->d_type == DT_DIR) {
			g_autofree char *below = g_strconcat(path, "/", entry->d_name, NULL);
			count += count_files(below, depth + 1);
		} else {
			count += g_str_has_suffix(entry->d_name, ".rrd");
		}
	}
	if (directory) {
		closedir(directory);
	}
	return count;
}

static void tell(struct engine *engine, const char *path, const struct tally *tally)
{
	char text[256];
	snprintf(text, sizeof(text),
		"a tree of Munin's is adopted: %zu files; %zu graphs with %zu fields of %u hosts are known "
		"from its datafile",
		tally->files, tally->services, tally->fields, g_hash_table_size(tally->hosts));
	engine_event(engine, "archive.adopted", path, text);
}

static void read_datafile(struct engine *engine, const char *directory, const char *path)
{
	size_t length;
	struct error err = {.kind = ERR_NONE};
	AUTO_FREE char *text = file_read(AT_FDCWD, path, MUNIN_DATAFILE_BYTES_MAX, &length, &err);
	if (!text) {
		engine_event(engine, "archive.datafile", path, err.text);
		return;
	}
	struct diag_source source = {.name = path, .text = text, .length = length};
	AUTO(munin_datafile) datafile = munin_datafile_parse(&source, NULL);
	struct tally tally = {.hosts = g_hash_table_new(g_str_hash, g_str_equal)};
	declare_all(engine, datafile, &tally);
	if (tally.services) {
		tally.files = count_files(directory, 0);
		tell(engine, directory, &tally);
	}
	g_hash_table_unref(tally.hosts);
}

void adoption_run(struct engine *engine)
{
	struct stat st;
	const char *wished = engine->config ? engine->config->archive.directory : NULL;
	g_autofree char *directory =
		wished ? g_strdup(wished) : g_build_filename(engine->role->data_dir, "rrd", NULL);
	g_autofree char *path = g_build_filename(directory, "datafile", NULL);
	if (stat(path, &st) || st.st_mtime <= 0 ||
		(uint64_t)st.st_mtime == engine->datafile_changed_s) {
		return;
	}
	read_datafile(engine, directory, path);
	engine->datafile_changed_s = (uint64_t)st.st_mtime;
	store_put_number(
		keeper_batch(engine->keeper), "datafile_changed_s", engine->datafile_changed_s);
}
