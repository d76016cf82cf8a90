#pragma once
#include "base/clock.h"
#include "base/frame.h"
#include "incidents/store_batch.h"
#include "rules/ruleset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Samples to verdicts to what follows from them: asks the rules, and turns their transitions into
 * rows of the outbox, events and the page's alerts.
 */
struct engine;

/* The array for struct engine's alerts_waiting, and the table for its alerts_told. */
GArray *evaluate_waiting_new(void);
GHashTable *evaluate_told_new(void);

/* Puts a rule set in force; takes it. States of instances that both sets know are carried over; a
 * problem of which people were told and whose rule is gone is closed. */
void evaluate_swap(struct engine *engine, struct ruleset *ruleset);

/* What engine/apply.h calls. */
void evaluate_seen(struct engine *engine, const char *host, struct wall at);
void evaluate_samples(
	struct engine *engine, const uint32_t *series_ids, size_t count, struct wall now);
void evaluate_tick(struct engine *engine, struct wall now);

/* Nobody watches that host, or that service of it, any more: its problems end. */
void evaluate_retire(struct engine *engine, const char *host, const char *service);

/* Episodes of instances that are no more end. */
void evaluate_end_lost_marks(struct engine *engine);

/* Tells of what became known of the rules only when they met series. */
void evaluate_complaints(struct engine *engine);

/* Adds the states that changed since the last time. */
void evaluate_save(struct engine *engine, struct store_batch *batch);

/* Effects of generations up to this one may leave. */
void evaluate_released(struct engine *engine, uint64_t generation);

/* Shows alerts again whose value is another one than was shown last; once a second is enough. */
void evaluate_refresh(struct engine *engine);

/* Notes the worst level of each host for its strip. */
void evaluate_strips(struct engine *engine, struct wall now);

/* What engine/publish.h calls. */
void evaluate_alerts(struct engine *engine, GPtrArray *out);
void evaluate_alert(struct engine *engine, struct instance *instance, struct frame_writer *w);
bool evaluate_limit(
	struct engine *engine, uint32_t series_id, size_t index, struct frame_writer *w);
