#pragma once
#include "base/auto.h"
#include "model/service.h"

#include <stdint.h>

/*
 * A declaration in force: the service as it is told to the engine, under one number of this process
 * (the handle of the SERVICE frame). When the fields or attributes of a service change, a new
 * declaration with a new handle takes its place; the old one lives on while rounds that wait to be
 * sent were measured under it. Counted references.
 */
struct declaration {
	unsigned refs;
	uint32_t handle;     /* given by the outbox when it is first used; 0: not yet */
	uint64_t connection; /* the last connection on which it was told */
	struct service *service;
};

/* Takes `service`. */
struct declaration *declaration_create(struct service *service);
struct declaration *declaration_ref(struct declaration *declaration);
void declaration_unref(struct declaration *declaration); /* NULL allowed */
