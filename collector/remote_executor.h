#pragma once
#include "base/role.h"
#include "collector/executor.h"

/*
 * The executor of the collector: the runner role executes, over the channel between the two. While
 * there is no runner everything is refused; what was under way when it goes fails as UNREACHABLE.
 */
MUST_USE struct executor *remote_executor_create(struct role *role);

/* What is under way is dropped without a callback. NULL allowed. */
void remote_executor_destroy(struct executor *executor);

/* role_handlers.peer() for the runner: takes the socket. */
void remote_executor_connect(struct executor *executor, int fd);
