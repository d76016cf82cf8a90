#include "web/asset.h"
#include "base/attr.h"

#include <string.h>

#include "web/assets.inc"

#include "base/banned.h"

/*
 * The table is generated; it holds at least style and API, so it is never empty.
 */

const struct asset *asset_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_LENGTH(assets); i++) {
		if (!strcmp(assets[i].path, path)) {
			return &assets[i];
		}
	}
	return NULL;
}
