/*
 * The block `archive` of magpie.conf: where the RRD tree is and who writes it.
 */
#include "model/config_archive.h"

#include <stddef.h>

#include <glib.h>

#include "model/config_check.h"

#include "base/banned.h"

static void retention_free(gpointer data)
{
	struct config_retention *retention = data;
	g_free(retention->selector);
	g_free(retention->layout);
	g_free(retention);
}

static void *add_retention(void *target, const char *name)
{
	struct config_archive *archive = target;
	struct config_retention *retention = g_new0(struct config_retention, 1);
	retention->selector = g_strdup(name);
	if (!archive->retentions) {
		archive->retentions = g_ptr_array_new_with_free_func(retention_free);
	}
	g_ptr_array_add(archive->retentions, retention);
	return retention;
}

static void check_retention(const struct schema_context *context, void *target)
{
	if (!((const struct config_retention *)target)->layout) {
		schema_complain(context, NULL, "E102", "\"layout\" is missing in this block");
	}
}

static const struct schema_row retention_rows[] = {
	{"layout", SCHEMA_TEXT, .offset = offsetof(struct config_retention, layout),
		.check = layout_check, .fallback_help = "required",
		.help = "`default`, `compact`, `normal`, `huge`, or Munin's notation, such as `custom 1d, "
				"1m for 1w, 5m for 1t, 15m for 1y`"},
};
static const struct schema retention_schema = {
	"How long series are kept. Of several selectors that name a series the last one counts. Files "
	"that are there already stay as they are until they are converted (`magpie archive convert`).",
	retention_rows, ARRAY_LENGTH(retention_rows), check_retention};

#define AT(member) .offset = offsetof(struct config_archive, member)

static const struct schema_row archive_rows[] = {
	{"directory", SCHEMA_TEXT, AT(directory), .check = config_check_path,
		.fallback_help = "`rrd` in the data directory",
		.help = "top of the RRD tree; the `dbdir` of a Munin is adopted as it is. Counts from the "
				"next start on"},
	{"writers", SCHEMA_COUNT, AT(writers), .least = 1, .most = CONFIG_WRITERS_MAX,
		.fallback_help = "one, and one more for each 500 hosts, up to 4 and to the cores",
		.help = "processes that share the tree. Counts from the next start on"},
	{"backup", SCHEMA_TEXT, AT(backup), .check = config_check_path,
		.fallback_help = "`backup` in the data directory",
		.help = "where `magpie backup` lets the server put its copies, each in a directory of its "
				"own"},
	{"retention", SCHEMA_BLOCK, .body = &retention_schema, .add = add_retention,
		.check = retention_check,
		.help = "how long the series of a selector are kept: `HOST`, `HOST:SERVICE` or "
				"`HOST:SERVICE:FIELD`, globs allowed"},
};
const struct schema config_archive_schema = {
	"The archive: RRD files as Munin keeps them.", archive_rows, ARRAY_LENGTH(archive_rows), NULL};

void config_archive_finish(struct config_archive *archive)
{
	g_free(archive->directory);
	g_free(archive->backup);
	if (archive->retentions) {
		g_ptr_array_unref(archive->retentions);
	}
}
