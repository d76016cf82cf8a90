#pragma once
#include "collector/services/probe.h"
#include "model/config.h"
#include "tests/support/test.h"

#include <glib.h>

/*
 * A probe of one kind and the service it asks, both on one loop: the service is a function that is
 * given what came and says what it answers. One connection at a time or many, each alike.
 */
struct rig;

/* What a fake service does with `in`: takes the bytes it understood from its front, puts the answer
 * into `out`. False: it closes the connection behind the answer. */
typedef bool (*rig_answer_fn)(struct rig *rig, GString *in, GString *out);

struct rig {
	struct loop *loop;
	struct resolver *resolver;
	struct world world;
	struct config_host host;
	struct config_source source;
	struct target *target;
	struct loop_timer *guard;
	int listener;
	uint16_t port;
	struct loop_watch *accepting;
	GPtrArray *connections; /* struct rig_connection * */
	rig_answer_fn answer;
	const char *greeting;   /* sent when a connection comes; NULL: none */
	size_t greeting_length; /* 0: it is a text */
	void *own;              /* the test's */
	unsigned accepted;
	/* of the last round */
	bool done, late;
	struct target_result result;
	char version[64];
	GHashTable *values;    /* "service:field" -> double * */
	unsigned declarations; /* how many different declarations of the probe's service came */
	const void *declaration;
	char extinfo[512];
};

extern const struct target_sink rig_sink;

void rig_listen(struct rig *rig);
/* The service is gone: its port is closed. */
void rig_unlisten(struct rig *rig);
/* Settings may be changed (rig->source.service) before rig_round() is called first. */
void rig_begin(struct rig *rig, const char *kind, rig_answer_fn answer);
/* One round, which has `deadline_ms`, or 5 s. */
void rig_round_within(struct rig *rig, int64_t deadline_ms);
void rig_round(struct rig *rig);
/* A value of the last round; unknown if there was none. */
double rig_value(const struct rig *rig, const char *series);
bool rig_has(const struct rig *rig, const char *series);
/* What was complained about `plugin`; "": nothing. Borrowed. */
const char *rig_complaint(const struct rig *rig, const char *plugin);
void rig_finish(struct rig *rig);

/* All of "service:up/stage" and the reason at once. */
#define assert_probe(rig, name, is_up, stages, reason)                                             \
	do {                                                                                           \
		if (rig_value(rig, "probe_" name ":up") != (is_up) ||                                      \
			rig_value(rig, "probe_" name ":stage") != (stages) ||                                  \
			strcmp((rig)->extinfo, reason) != 0) {                                                 \
			fail_msg("up %g, stage %g, \"%s\"; error \"%s\"", rig_value(rig, "probe_" name ":up"), \
				rig_value(rig, "probe_" name ":stage"), (rig)->extinfo, (rig)->result.error.text); \
		}                                                                                          \
	} while (0)
