#pragma once
#include "base/attr.h"
#include "model/ident.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What this machine is called if the configuration does not say: its host name if that is
 * qualified, else the qualified name that /etc/hosts gives for it, else the bare name. No name
 * server is asked: that could hang. Always a valid name.
 */
void hostname_find(char name[IDENT_HOST_MAX + 1]);

/*
 * The first name of the line in a hosts(5) text that has `name` among its names, if it has a dot.
 * False: there is none; then `out` is untouched.
 */
MUST_USE bool hostname_qualify(
	const char *text, size_t length, const char *name, char out[IDENT_HOST_MAX + 1]);
