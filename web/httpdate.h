#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* Dates of HTTP: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), whatever the locale. */
enum { HTTPDATE_TEXT = 32 };

void httpdate_format(int64_t at_s, char out[HTTPDATE_TEXT]);

/* False: `text` is not of that form (the two obsolete ones are not read), or no date. */
MUST_USE bool httpdate_parse(const char *text, int64_t *at_s);
