#pragma once
#include "base/error.h"

#include <stdbool.h>

/*
 * The start, in the order that reliability needs: state database, then the journal: records up to
 * the last stored position fill the window, those behind it are judged as if they came now. Nothing
 * is told twice.
 */
struct engine;
struct store;

/* Opens the store (in memory if the file cannot be used) and fills catalog, numbers, hosts, events
 * and position. STORAGE: it can be opened, but not read. */
bool recover_store(struct engine *engine, struct store **store, struct error *err);

/* Replays the journal. */
void recover_replay(struct engine *engine);
