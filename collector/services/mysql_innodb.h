#pragma once
#include "collector/services/stats.h"

/*
 * The text of SHOW ENGINE INNODB STATUS, in the wordings of MySQL 5.0 to 8 and MariaDB: what it
 * says becomes figures under the names that Munin gave them (ib_bpool_size, ib_log_flush …). What a
 * release does not say is left out. Pure.
 */
void mysql_innodb_parse(struct stats *stats, const char *text, size_t length);
