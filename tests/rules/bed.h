#pragma once
/*
 * A rule set on a small world: a catalog, a window, a clock that the test moves, and the
 * transitions as lines of text.
 */
#include "base/bundle.h"
#include "base/diag.h"
#include "model/catalog.h"
#include "model/window.h"
#include "rules/ruleset.h"

struct bed {
	struct catalog *catalog;
	struct window *window;
	struct ruleset *set;
	struct wall now;
	uint32_t last_id;
	GString *log; /* "disk_full web1 field=_a ok>warning\n" */
};

/* Loads the text as a rule file; NULL rule set if it has errors (the test prints them). */
void bed_init(struct bed *bed, const char *rules);
void bed_finish(struct bed *bed);

/* Only the rule set, for another text on the same world. */
struct ruleset *bed_load(const char *rules);

/* Declares host:service with its fields ("a b c"; all GAUGE), step in seconds; returns the first
 * field's number. */
uint32_t bed_service(
	struct bed *bed, const char *host, const char *service, const char *fields, uint32_t step_s);

/* The clock goes on. */
void bed_wait(struct bed *bed, int64_t s);

/* Samples at the clock's instant: one batch. Then a tick. */
void bed_push(struct bed *bed, uint32_t series_id, double value);
void bed_push2(struct bed *bed, uint32_t a, double va, uint32_t b, double vb);

/* Judges what is in the window already, at the clock's instant. */
void bed_step(struct bed *bed, uint32_t series_id);

/* Nobody watches the host, or that service of it, any more. */
void bed_retire(struct bed *bed, const char *host, const char *service);

/* Ticks once a second for so long. */
void bed_ticks(struct bed *bed, int64_t s);

/* What happened since the last call; the text is valid until the next one. */
const char *bed_log(struct bed *bed);

/* The level of the instance with that key, or "none". */
const char *bed_level(struct bed *bed, const char *key);
struct instance *bed_instance(struct bed *bed, const char *key);
