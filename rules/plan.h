#pragma once
#include "rules/alert.h"
#include "rules/rule.h"

/*
 * The settings in force for an instance: for each statement the rule's own, a default of its file,
 * or that of the most specific override. Instances with the same choice share one plan.
 */
struct plan_level {
	const struct cond *cond, *clear; /* clear NULL: the condition is false */
	const struct cond_code *code, *clear_code;
	bool fast;   /* one constant compared with the value */
	bool scaled; /* the constant is in the own scale of `operand` */
	uint16_t operand;
	double limit;
};

struct plan_parent {
	const struct rule *rule;
	int64_t settle_ms; /* 0: two steps */
};

struct plan {
	char *key;
	const struct layer *from[SLOT_COUNT]; /* NULL: nobody says anything */
	struct alert_timing timing;
	struct plan_level levels[LEVELS];
	const struct program *only_when; /* NULL: always */
	enum missing_to missing;
	int64_t missing_ms; /* 0: by samples */
	unsigned missing_samples;
	GArray *parents;     /* struct plan_parent */
	const char **notify; /* NULL-terminated */
	enum level notify_at;
	bool disabled;
};

/* What an override's scope is compared with. */
struct plan_target {
	const char *host, *group, *service, *field; /* of the driver's series */
};

/* The plan for that target; `find` gives the rule of a name (for `unless`). Two overrides that tie
 * are E310 in `diags`, and neither counts. */
struct plan *plan_create(const struct rule *rule, const struct plan_target *target,
	const struct rule *(*find)(void *owner, const char *name), void *owner,
	struct diag_list *diags);
void plan_destroy(struct plan *plan);

/* Text that is the same for all targets with the same choice of layers (g_free). */
char *plan_key(const struct rule *rule, const struct plan_target *target, struct diag_list *diags,
	const struct layer *from[SLOT_COUNT]);
