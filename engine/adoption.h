#pragma once
#include <stdint.h>

/*
 * The history of a Munin is visible before any node answers, also of nodes that never will again:
 * graphs and fields that the `datafile` in the archive's directory names are declared, those that
 * are known already stay as they are. Done at the start, once for each state of that file.
 */
struct engine;

void adoption_run(struct engine *engine);

/* What the store had: the file's time of change when it was read last. */
void adoption_restore(struct engine *engine, uint64_t changed_s);
