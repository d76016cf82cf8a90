#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* What mod_status says at "?auto"; unknown is NaN. */
struct apache_status {
	double accesses, kbytes; /* unknown without ExtendedStatus */
	double busy, idle, free; /* workers, and slots without one */
};

/* False: it is no such page. */
MUST_USE bool apache_status_parse(const char *text, size_t length, struct apache_status *status);
