#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <glib.h>

/*
 * The way to a munin-node that is a command: "ssh://[USER@]HOST[:PORT][/PROGRAM ARGUMENT …]" or
 * "cmd:///PROGRAM ARGUMENT …" as an argument vector (char *, with a NULL at the end;
 * g_ptr_array_unref). Parts are separated by blanks; no shell of ours ever sees them. Of ssh,
 * PROGRAM may be missing: then the key or the account decides what answers. CONFIG: it makes no
 * sense. NULL: failed.
 */
MUST_USE GPtrArray *transport_command(const char *address, struct error *err);

/* Stands before each line that is told in place of an answer when the process ended. */
#define TRANSPORT_MARK "# transport: "
