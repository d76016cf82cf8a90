#pragma once
#include "collector/host/scan.h"

#include <stdint.h>

/* One line of /proc/self/mountinfo. */
enum { DF_TEXT_MAX = 4096 };

struct df_mount {
	uint64_t device;                       /* major << 32 | minor */
	struct scan root, point, type, source; /* as written, blanks as \\040 */
};

/* Takes the next mount; lines that are not as promised are passed over. False: no more. */
bool df_next(struct scan *text, struct df_mount *mount);

/* Undoes the octal escapes of mountinfo. False: does not fit. */
bool df_unescape(const struct scan *raw, char *out, size_t size);

/* Whether the filesystem's data lie elsewhere, or asking it could hang: network, FUSE, automounter.
 */
bool df_is_remote(const char *type, const char *source);

/* Field name as Munin makes it: the device, but the mount point for devices that have no name of
 * their own. */
bool df_field_name(const char *source, const char *point, char *out);
