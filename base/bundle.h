#pragma once
#include "base/auto.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The configuration as it travels: all its files, name and text, as read once by one process, in a
 * sealed memory file. So every role parses the same bytes, a reload is one object that is taken or
 * refused whole, and no role needs the right to read configuration files. Order is kept.
 */
struct bundle;

enum { BUNDLE_FILE_MAX = 8 << 20, BUNDLE_MAX = 64 << 20 };

struct bundle_file {
	const char *name; /* as shown in diagnostics */
	const char *text; /* NUL-terminated; may hold NULs inside as well, see length */
	size_t length;
};

struct bundle *bundle_create(void);
void bundle_destroy(struct bundle *bundle);
DEFINE_AUTO(bundle)

void bundle_add(struct bundle *bundle, const char *name, const char *text, size_t length);

/* As bundle_add, in place of a file of that name if there is one. */
void bundle_set(struct bundle *bundle, const char *name, const char *text, size_t length);
size_t bundle_count(const struct bundle *bundle);
const struct bundle_file *bundle_at(const struct bundle *bundle, size_t index);
const struct bundle_file *bundle_find(
	const struct bundle *bundle, const char *name); /* may be NULL */

/* One block of memory with everything (g_malloc), and back. bundle_unpack: CONFIG if the bytes are
 * no bundle. */
MUST_USE char *bundle_pack(const struct bundle *bundle, size_t *length);
MUST_USE struct bundle *bundle_unpack(const char *bytes, size_t length, struct error *err);

/* A sealed memfd with the packed bundle, or -1. bundle_from_fd reads one; `fd` stays the caller's.
 */
MUST_USE int bundle_to_fd(const struct bundle *bundle, struct error *err);
MUST_USE struct bundle *bundle_from_fd(int fd, struct error *err);
