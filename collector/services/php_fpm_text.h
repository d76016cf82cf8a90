#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* What the status page of a pool says; unknown is NaN. */
struct php_fpm_status {
	double accepted, slow;                  /* since the start */
	double queue, queue_max, queue_length;  /* waiting now, most so far, room */
	double idle, active, total, active_max; /* processes */
	double children_reached;                /* times that no more were allowed */
};

/* False: it is no such page. */
MUST_USE bool php_fpm_status_parse(const char *text, size_t length, struct php_fpm_status *status);
