#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "model/mark.h"
#include "rules/ruleset.h"

#include <stdint.h>

/*
 * Writes down what graphs are marked with: an episode for each level of each instance of a rule,
 * from the sample that began it to the one that ended it, and what people note. All of it is kept
 * in the store and told to web.
 */
struct engine;
struct marks;

struct marks *marks_create(void);
void marks_destroy(struct marks *marks);
struct mark_table *marks_table(struct marks *marks);

/* At the start, from the store. */
void marks_restore(struct engine *engine, const void *payload, size_t length);

/* The level of an instance is another one since `at`. */
void marks_level(
	struct engine *engine, const struct instance_view *view, struct wall at, const char *summary);

/* Episodes of instances that are not among `keys` (a set of texts) end now: their rule is gone. */
void marks_end_lost(struct engine *engine, GHashTable *keys);

/* Notes something; the id and time of `note` are set here. CONFIG: it makes no sense. */
MUST_USE bool marks_note(struct engine *engine, struct mark *note, uint64_t *id, struct error *err);
/* NOT_FOUND: there is no such annotation. */
MUST_USE bool marks_note_remove(struct engine *engine, uint64_t id, struct error *err);

/* Now and then: forgets what is too old or too much. */
void marks_forget(struct engine *engine, struct wall now);
