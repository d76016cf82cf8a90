/*
 * The block `archive` of magpie.conf: where the RRD tree is and who writes it.
 */
#include "model/config_archive.h"

#include <stddef.h>

#include <glib.h>

#include "model/config_check.h"

#include "base/banned.h"

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
};
const struct schema config_archive_schema = {
	"The archive: RRD files as Munin keeps them.", archive_rows, ARRAY_LENGTH(archive_rows), NULL};

void config_archive_finish(struct config_archive *archive)
{
	g_free(archive->directory);
	g_free(archive->backup);
}
