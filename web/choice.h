#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "model/catalog.h"

/*
 * Which series are meant: HOST[:SERVICE[:FIELD]], each with * and ?, several by comma; or a group
 * and all below it. What is gone or not numbered yet is never meant.
 */
struct choice;

enum { CHOICE_MAX = 100 };

/*
 * `match` NULL: all series. `group` NULL: of any group; else only those of it and of the groups
 * below it, written "Grp/Sub" ("" is every group). CONFIG: too many, or not three parts.
 */
MUST_USE struct choice *choice_create(const char *match, const char *group, struct error *err);
void choice_destroy(struct choice *choice);
DEFINE_AUTO(choice)

MUST_USE bool choice_takes(const struct choice *choice, const struct field *field);

/* Whether any series of that service could be meant. */
MUST_USE bool choice_takes_service(const struct choice *choice, const struct service *service);

/* Calls `fn` for each, sorted by group, host, service and place, until it gives false; then false.
 */
bool choice_each(const struct choice *choice, const struct catalog *catalog,
	bool (*fn)(void *owner, const struct field *field), void *owner);
