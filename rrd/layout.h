#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "model/layout.h"
#include "model/service.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Where a series lies on disk. Names follow Munin, so that its trees are read and go on growing;
 * which archives a file has says model/layout.h.
 */
enum { LAYOUT_PATH_MAX = 1024, LAYOUT_NAME_MAX = 255 };

struct layout_name {
	const char *group, *host, *service, *field; /* valid: model/ident.h */
	enum field_type type;
};

/*
 * The path below the tree: GROUP[/SUB]/HOST-SERVICE[-SUB]-FIELD-T.rrd with T the first letter of
 * the type. A name longer than a file name may be, and one that `apart` asks to be set apart from
 * another series of the same name, ends in a hash of the series' own name: stable over restarts.
 */
void layout_path(const struct layout_name *name, bool apart, char out[LAYOUT_PATH_MAX]);
