#pragma once
#include "engine/feed.h"
#include "engine/tasks.h"

#include <glib.h>

/*
 * What joins the tasks on the archive with the rest of the engine: who carries their words, where
 * they are stored, what a verb changes here.
 */
struct engine;

/* The engine's tasks, empty. */
struct tasks *work_create(struct engine *engine);

/* What the feed tells (struct feed_handlers); the owner is the engine. */
void work_ready(void *owner, unsigned instance);
void work_state(void *owner, unsigned instance, const struct frame *frame);

/* archive.task: {"verb", "argument"}; appends {"id": N}. */
MUST_USE bool work_begin(
	struct engine *engine, const json_t *question, GString *out, struct error *err);

/* archive.tasks: {} or {"id": N}. */
MUST_USE bool work_show(
	struct engine *engine, const json_t *question, GString *out, struct error *err);
