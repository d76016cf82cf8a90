#pragma once
#include "tests/collector/probe_rig.h"

/* A literal as a setting, which nobody frees or changes here. */
#define TEXT(literal) ((char *)(uintptr_t)(literal))

/* A check of the fake service of probe_rig.h, in place of a probe. */
static inline void bed_begin(struct rig *rig, struct config_check check, rig_answer_fn answer)
{
	rig_begin(rig, "it", answer);
	g_free(rig->source.service.kind);
	memset(&rig->source.service, 0, sizeof(rig->source.service));
	rig->source.kind = CONFIG_SOURCE_CHECK;
	rig->source.check = check;
}

static inline void bed_finish(struct rig *rig)
{
	target_destroy(rig->target);
	rig->target = NULL;
	memset(&rig->source.check, 0, sizeof(rig->source.check));
	rig_finish(rig);
}

/* Ends the round with these first fields; the reason begins with `reason`. */
#define assert_check(rig, is_up, stages, reason)                                                   \
	do {                                                                                           \
		if (rig_value(rig, "check_it:up") != (is_up) ||                                            \
			rig_value(rig, "check_it:stage") != (stages) ||                                        \
			strncmp((rig)->extinfo, reason, strlen(reason)) != 0 ||                                \
			(!*(reason) && *(rig)->extinfo)) {                                                     \
			fail_msg("up %g, stage %g, \"%s\"; error \"%s\"", rig_value(rig, "check_it:up"),       \
				rig_value(rig, "check_it:stage"), (rig)->extinfo, (rig)->result.error.text);       \
		}                                                                                          \
	} while (0)
