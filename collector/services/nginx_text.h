#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* What the page of ngx_http_stub_status_module says. */
struct nginx_status {
	double active, accepted, handled, requests, reading, writing, waiting;
};

/* False: it is no such page; then `status` is untouched. */
MUST_USE bool nginx_status_parse(const char *text, size_t length, struct nginx_status *status);
