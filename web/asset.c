#include "web/asset.h"
#include "base/attr.h"

#include <string.h>

#include "base/banned.h"

/*
 * The table is generated; it holds at least style and API, so it is never empty.
 */
#include "web/assets.inc"

const struct asset *asset_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_LENGTH(assets); i++) {
		if (!strcmp(assets[i].path, path)) {
			return &assets[i];
		}
	}
	return NULL;
}
