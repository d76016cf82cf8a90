#pragma once
#include "base/attr.h"
#include "collector/services/stats.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Replies of memcached's text protocol (protocol.txt of its source): lines, and behind a VALUE line
 * as many bytes as it announces. Pure.
 */
enum { MEMCACHED_LINE_MAX = 2048, MEMCACHED_VALUE_MAX = 256 };

enum memcached_kind {
	MEMCACHED_MORE,    /* not whole yet */
	MEMCACHED_BROKEN,  /* no reply of memcached */
	MEMCACHED_MN,      /* answer to `mn` */
	MEMCACHED_STORED,  /* set did it */
	MEMCACHED_REFUSED, /* NOT_STORED, SERVER_ERROR, CLIENT_ERROR, ERROR: text says which */
	MEMCACHED_VALUE,   /* text is what was kept; END follows */
	MEMCACHED_STAT,    /* name and value */
	MEMCACHED_END,
	MEMCACHED_OTHER, /* another line: DELETED, NOT_FOUND, VERSION … */
};

/* Texts point into the parsed bytes; not ended by NUL. */
struct memcached_reply {
	enum memcached_kind kind;
	const char *name, *text;
	size_t name_length, length;
	size_t used; /* bytes of it */
};

void memcached_parse(const char *bytes, size_t length, struct memcached_reply *reply);
