#pragma once
#include "base/role.h"
#include "runner/pool.h"

/*
 * The collectors, for whom the pool executes: one channel each. What a collector had under way ends
 * when its channel does.
 */
struct clients;

struct clients *clients_create(struct role *role, struct pool *pool);

/* NULL allowed. Before the pool is destroyed. */
void clients_destroy(struct clients *clients);

/* role_handlers.peer() for a collector: takes the socket. */
void clients_join(struct clients *clients, unsigned instance, int fd);
