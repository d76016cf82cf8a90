#pragma once
#include <stddef.h>

/* The text of rules/default.magpie, NUL-terminated; put in at the build. */
extern const char rules_default[];
extern const size_t rules_default_length;
