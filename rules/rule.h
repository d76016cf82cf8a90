#pragma once
#include "rules/program.h"
#include "rules/syntax.h"

/*
 * A rule that was checked: names resolved to operands, expressions to programs. What an override
 * replaces is a layer beside the rule's own; which layer gives which statement is decided for each
 * instance (rules/plan.h).
 */
enum { DIMENSIONS_MOST = 8 };
enum { DIMENSION_HOST_BIT = 1 };

struct operand {
	struct selector *selector;
	bool host_age; /* node:age: has no samples */
	bool required; /* of the value: without it there is no instance */
	unsigned dims; /* bits of rule->dims */
	uint8_t capture_dim[SELECTOR_CAPTURES];
	uint8_t service_dim, field_dim; /* 0: none */
};

struct cond_code {
	struct program a, b;
};

/* Programs for the statements of one body, in the terms of one rule. */
struct layer {
	const struct body *body;
	const struct item *item; /* NULL: defaults */
	struct cond_code levels[LEVELS], level_clears[LEVELS], clear;
	struct program only_when;
	GPtrArray *texts;   /* struct program * of `${expression}`, in order of the pieces */
	GArray *text_units; /* struct unit, beside them */
};

struct rule {
	const struct item *item;
	const char *name;
	char *dims[DIMENSIONS_MOST]; /* names; 0 is "host" */
	unsigned dim_count;
	GArray *operands;     /* struct operand */
	unsigned value_dims;  /* those that make the instances */
	unsigned driver;      /* operand that has all of them */
	struct program value; /* no ops: a rule with `when` only */
	struct layer own, defaults;
	GPtrArray *overrides; /* struct layer * */
	GPtrArray *parents;   /* of all layers: struct rule *, for the order of judging */
	unsigned rank;        /* parents have a lower one */
	bool timed;
	unsigned number;
};

void rule_destroy(struct rule *rule);

/* What became of a node: for joins, units and own scales. */
struct type {
	bool condition, ok;
	bool bare; /* a literal without a unit */
	struct unit unit;
	int operand; /* in whose own scale it is; -1: canonical */
	int literal; /* index of its PUSH; -1: no literal */
	unsigned dims;
	const char *service_pattern, *field_pattern;
	const char *host_name; /* of a selector that names one host; else NULL */
};

/*
 * Compiles the expressions of a rule. With `types` NULL the units of the table of known plugins
 * count (a check without inventory), else those of the operands of an instance; then the programs
 * made are only for the check.
 */
struct compiler {
	struct rule *rule;
	const struct diag_source *source; /* of the body at hand */
	const struct body *body;
	struct diag_list *diags;
	const struct series_type *types;
	struct type value; /* of the rule's value */
	GArray *ops;
	unsigned depth, deepest;
	bool timed, required;
	bool own; /* the body is the rule's own: `let`s count from their line on */
	bool failed;
};

/* Makes a rule of an item; NULL if nothing can be made of it. Complaints go to `diags`. */
struct rule *rule_compile(const struct item *item, struct diag_list *diags);

/* Adds an override's statements. */
void rule_add_override(struct rule *rule, const struct item *item, struct diag_list *diags);

/* Checks the rule with the units its operands have in an instance: E401 and unit warnings are put
 * into `diags`. True: it can be judged; `*unit` is that of the value. */
bool rule_fits(
	struct rule *rule, const struct series_type *types, struct unit *unit, struct diag_list *diags);

/* One expression to code (compile_expr.c). */
enum { OPS_MOST = 2000 };
struct type compile_node(struct compiler *c, const struct node *node);
bool compile_units_agree(
	struct compiler *c, const struct type *a, const struct type *b, const struct node *right);
struct diag *compile_complain(struct compiler *c, struct diag_place place, const char *code,
	const char *format, ...) PRINTF_LIKE(4, 5);

/* From the own scale of a series to canonical. */
struct unit_scale compile_scale(const struct compiler *c, int operand);

/* Makes one number of two literals without a unit: so it can take on a scale as a literal does.
 * False: they are none, and the operation is to be emitted. */
bool compile_fold(
	struct compiler *c, const struct type *a, const struct type *b, int op, struct type *out);

/* S2 of the language: the dimensions of one side contain those of the other, and both can agree. */
bool compile_join(struct compiler *c, const struct node *node, const struct type *a,
	const struct type *b, struct type *out);

/* The unit of a product and of a quotient; unknown if it has no name here. */
struct unit compile_product_unit(const struct type *a, const struct type *b);
struct unit compile_quotient_unit(const struct type *a, const struct type *b);
