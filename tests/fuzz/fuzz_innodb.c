/* The text of SHOW ENGINE INNODB STATUS, made up: what comes out are whole numbers under known
 * names.
 */
#include "collector/services/mysql_innodb.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stats stats;
	GHashTableIter iter;
	gpointer name = NULL;
	gpointer value = NULL;
	stats_init(&stats);
	mysql_innodb_parse(&stats, (const char *)data, size);
	g_hash_table_iter_init(&iter, stats.values);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		assert(!strncmp(name, "ib_", 3) && strspn(value, "0123456789") == strlen(value));
	}
	stats_finish(&stats);
	return 0;
}
