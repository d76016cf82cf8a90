#pragma once
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The far side of rrd/render.h: the nursery process, the children it forks, and what is said
 * between them. A request is {u32 bytes} and the arguments, each with its NUL; an answer is {u32
 * status (0 or an enum error_kind), u32 bytes} and the picture or the text of the error.
 */
enum { PAINTER_REQUEST_MAX = 4 << 20, PAINTER_ARGUMENTS_MAX = 20000, PAINTER_ANSWER_HEADER = 8 };

/* Forks the nursery. The descriptor takes sockets for new children; -1 on failure. */
MUST_USE int painter_nursery(unsigned seconds, struct error *err);

/* A new child: the descriptor to talk to it, or -1. */
MUST_USE int painter_child(int nursery_fd, struct error *err);
