#pragma once
#include "engine/dispatch.h"

/* What struct dispatch_handlers asks of the engine about channels that are commands. */
bool orders_runs(void *engine, const char *channel);
void orders_describe(void *engine, const struct outbox_row *row, struct frame_writer *w);
struct channel *orders_channel(void *engine);

struct engine;

/* A new socket to the runner (taken). */
void orders_join(struct engine *engine, int fd);
