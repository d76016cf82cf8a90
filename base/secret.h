#pragma once
#include "base/attr.h"
#include "base/error.h"

/*
 * A secret from a file that the configuration names: one line, at most 4096 bytes, line end
 * removed. Read anew for each use, so that a changed secret holds at once. DENIED: the file is
 * readable by others, writable by the group, or belongs to somebody who is neither root nor us;
 * NOT_FOUND, CONFIG (empty, no regular file, a NUL or several lines in it), STORAGE. The caller
 * frees it with secret_free().
 */
MUST_USE char *secret_read(const char *path, struct error *err);

/* Wipes and frees; NULL allowed. */
void secret_free(char *secret);
