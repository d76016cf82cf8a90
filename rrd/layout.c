#include "rrd/layout.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * File names cannot leave the tree: every part was checked by model/ident.h, and the letters that
 * join them hold no "/" (hostile 7, 82).
 */

void layout_path(const struct layout_name *name, bool apart, char out[LAYOUT_PATH_MAX])
{
	static const char letters[FIELD_TYPES] = {
		[FIELD_GAUGE] = 'g', [FIELD_COUNTER] = 'c', [FIELD_DERIVE] = 'd', [FIELD_ABSOLUTE] = 'a'};
	enum { HASH_DIGITS = 16, TAIL = sizeof("-x.rrd") - 1 };
	char file[IDENT_SERIES_MAX + 4];
	int length = snprintf(file, sizeof(file), "%s-%s-%s", name->host, name->service, name->field);
	for (char *p = file + strlen(name->host); *p; p++) {
		*p = *p == '.' ? '-' : *p;
	}
	if (apart || length + TAIL > LAYOUT_NAME_MAX) {
		g_autofree char *series =
			g_strdup_printf("%s:%s:%s", name->host, name->service, name->field);
		g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, series, -1);
		int most = LAYOUT_NAME_MAX - TAIL - HASH_DIGITS - 1;
		int kept = length < most ? length : most;
		snprintf(file + kept, sizeof(file) - (size_t)kept, "-%.*s", HASH_DIGITS, hash);
	}
	snprintf(out, LAYOUT_PATH_MAX, "%s/%s-%c.rrd", name->group, file, letters[name->type]);
}
