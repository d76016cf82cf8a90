#include "model/munin_datafile.h"
#include "rrd/header.h"
#include "rrd/layout.h"
#include "rrd/lines.h"
#include "rrd/drawing.h"
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * Draws graphs of a Munin for scenarios to compare: draw_munin DATAFILE TREE [LAST].
 *
 * Each line of standard input, "HOST SERVICE FROM TO NOW SUM TITLE…", is answered by the arguments
 * for rrdtool, one a line, and an empty line; "! why" if there is no such graph. With LAST every
 * file is taken to be there and to have got its last sample then.
 */
struct world {
	struct catalog *catalog;
	const char *tree;
	int64_t last_s; /* 0: look into the files */
};

static bool look(const struct world *world, const char *path, int64_t *last_s)
{
	g_autofree char *bytes = NULL;
	gsize length = 0;
	struct header header;
	struct error err;
	if (world->last_s) {
		*last_s = world->last_s;
		return true;
	}
	if (!g_file_get_contents(path, &bytes, &length, NULL) ||
		!header_read((unsigned char *)bytes, MIN(length, HEADER_BYTES_MAX), length, INT32_MAX,
			&header, &err)) {
		return false;
	}
	*last_s = header.last_update_s;
	return true;
}

static GHashTable *find_files(const struct world *world, const struct plot *plot)
{
	GHashTable *files = drawing_files_create();
	for (size_t i = 0; i < plot->count; i++) {
		for (size_t k = 0; k < plot->curves[i].source_count; k++) {
			const struct field *f = plot->curves[i].sources[k];
			const struct layout_name name = {.group = f->service->group,
				.host = f->service->host_name,
				.service = f->service->name,
				.field = f->name,
				.type = (enum field_type)f->type};
			char below[LAYOUT_PATH_MAX];
			int64_t last_s = 0;
			layout_path(&name, false, below);
			g_autofree char *path = g_strconcat(world->tree, "/", below, NULL);
			if (look(world, path, &last_s)) {
				drawing_files_add(files, f, path, last_s);
			}
		}
	}
	return files;
}

static void print(const GPtrArray *arguments)
{
	for (guint i = 2; i < arguments->len; i++) { /* behind "graph" and "-" */
		puts(arguments->pdata[i]);
	}
}

static long long number(const char *text)
{
	long long value = 0;
	if (!number_parse_int(text, strlen(text), 0, INT64_MAX / 4, &value)) {
		fprintf(stderr, "draw_munin: no number: %s\n", text);
		exit(2);
	}
	return value;
}

static void answer(const struct world *world, char **words)
{
	struct error err = {.kind = ERR_NONE};
	const struct service *service = catalog_service(world->catalog, words[0], words[1]);
	if (!service) {
		printf("! no such service: %s %s\n", words[0], words[1]);
		return;
	}
	AUTO(plot) plot = plot_create(world->catalog, service);
	g_autoptr(GHashTable) files = find_files(world, plot);
	struct drawing d = {.plot = plot,
		.files = files,
		.from_s = number(words[2]),
		.to_s = number(words[3]),
		.now_s = number(words[4]),
		.sum = (enum drawing_sum)number(words[5]),
		.width = 400,
		.height = 175,
		.theme = DRAWING_MUNIN,
		.lower = NAN,
		.upper = NAN,
		.title = words[6]};
	g_autoptr(GPtrArray) arguments = drawing_arguments(&d, &err);
	if (arguments) {
		print(arguments);
	} else {
		printf("! %s\n", err.text);
	}
}

static struct catalog *read_catalog(const char *path)
{
	struct catalog *catalog = catalog_create();
	g_autofree char *text = NULL;
	gsize length = 0;
	if (!g_file_get_contents(path, &text, &length, NULL)) {
		fprintf(stderr, "draw_munin: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	const struct diag_source source = {.name = path, .text = text, .length = length};
	AUTO(munin_datafile) datafile = munin_datafile_parse(&source, NULL);
	while (datafile->services->len) {
		catalog_declare(catalog,
			g_ptr_array_steal_index(datafile->services, datafile->services->len - 1), NULL);
	}
	return catalog;
}

int main(int argc, char **argv)
{
	char line[2000];
	if (argc < 3) {
		fprintf(stderr, "usage: draw_munin DATAFILE TREE [LAST]\n");
		return 2;
	}
	struct world world = {.catalog = read_catalog(argv[1]),
		.tree = argv[2],
		.last_s = argc > 3 ? number(argv[3]) : 0};
	while (fgets(line, sizeof(line), stdin)) {
		g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", 7);
		if (g_strv_length(words) == 7) {
			answer(&world, words);
			puts("");
			fflush(stdout);
		}
	}
	catalog_destroy(world.catalog);
	return 0;
}
