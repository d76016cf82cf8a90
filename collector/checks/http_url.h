#pragma once
#include "base/attr.h"
#include "base/error.h"

/*
 * Where a redirect leads (RFC 3986, section 5): `location` as seen from `base`, without a fragment.
 * The caller frees it (g_free). NULL (DENIED): it is no URL of http or https that may be followed,
 * has a login in it, or is too long; the text says which.
 */
MUST_USE char *http_url_resolve(const char *base, const char *location, struct error *err);
