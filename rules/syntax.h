#pragma once
#include "base/auto.h"
#include "base/bundle.h"
#include "rules/ruleset.h"
#include "rules/tree.h"

#include <stdint.h>

/*
 * The tree of a rule text, as written: nothing is resolved here. All of it belongs to one `struct
 * syntax` and is freed with it.
 */
/* The statements that an override can replace, each as a whole. */
enum slot {
	SLOT_NOTICE,
	SLOT_WARN,
	SLOT_CRIT,
	SLOT_CLEAR,
	SLOT_MISSING,
	SLOT_ONLY_WHEN,
	SLOT_UNLESS,
	SLOT_NOTIFY,
	SLOT_SUMMARY,
	SLOT_INFO,
	SLOT_RUNBOOK,
	SLOT_DISABLED,
	SLOT_OPTIONAL,
	SLOT_COUNT,
};

enum { LEVELS = 3 }; /* notice, warn, crit: level - LEVEL_NOTICE */

struct parent {
	char *name;
	struct diag_place place;
	int64_t settle_ms; /* 0: two steps */
};

struct name {
	char *text;
	struct diag_place place;
};

enum missing_to {
	MISSING_TO_OK,
	MISSING_KEEP,
	MISSING_TO_UNKNOWN,
	MISSING_TO_WARN,
	MISSING_TO_CRIT
};

struct let {
	char *name;
	struct node *node;               /* NULL: it could not be read, and that was told */
	struct diag_place place, behind; /* of the name; from there on it is visible */
};

struct host_pattern {
	bool exclude, group;
	struct pattern pattern;
	struct diag_place place;
};

struct body {
	bool set[SLOT_COUNT];
	struct diag_place places[SLOT_COUNT]; /* of the keyword */
	char *sources[SLOT_COUNT];            /* statement as written, to compare */
	/* levels */
	struct cond levels[LEVELS], level_clears[LEVELS];
	bool off[LEVELS];
	struct cond clear; /* kind NONE: only its `for` */
	enum missing_to missing;
	int64_t missing_ms; /* 0: by samples */
	unsigned missing_samples;
	struct node *only_when;
	GArray *parents; /* struct parent */
	GArray *notify;  /* struct name */
	enum level notify_at;
	struct text summary, info, runbook;
	bool optional, disabled;
	/* what only a rule has */
	struct node *value;
	struct diag_place value_place;
	struct unit_scale unit;
	bool has_unit;
	GArray *lets;  /* struct let */
	GArray *hosts; /* struct host_pattern; NULL: all */
	GArray *tags;  /* struct name: "name=value" */
};

struct scope {
	enum { SCOPE_HOST, SCOPE_GROUP, SCOPE_SERIES } kind;
	struct pattern pattern; /* HOST, GROUP (literal path) */
	struct selector *selector;
	char *text; /* as written */
	struct diag_place place;
};

enum item_kind { ITEM_RULE, ITEM_OVERRIDE, ITEM_DEFAULTS };

struct item {
	enum item_kind kind;
	struct file *file;
	struct diag_place place, name_place; /* of the keyword; of the name */
	char *name;
	struct pattern pattern; /* OVERRIDE: rules it is for */
	GArray *scopes;         /* struct scope */
	struct body *body;
	char *source; /* whole text of the item */
};

struct file {
	char *name;
	char *text; /* copy; NUL-terminated */
	struct diag_source source;
	struct body *defaults; /* NULL: none */
	bool shipped;          /* one of the rules that come with Magpie */
};

struct include {
	struct file *file;
	char *path;
	struct diag_place place;
};

struct syntax {
	GPtrArray *files;   /* struct file * */
	GPtrArray *items;   /* struct item *, rules and overrides in order */
	GArray *includes;   /* struct include */
	GPtrArray *garbage; /* of nodes, bodies and patterns: what is freed at the end */
};

struct syntax *syntax_create(void);
void syntax_destroy(struct syntax *syntax);
DEFINE_AUTO(syntax)

/* Reads one file and adds what it holds; the text is copied. Everything that is wrong goes to
 * `diags`; what could be understood is there nevertheless. */
void syntax_read(struct syntax *syntax, const char *name, const char *text, size_t length,
	bool shipped, struct diag_list *diags);

/* Memory that lives as long as the tree. */
void *syntax_keep(struct syntax *syntax, void *memory, GDestroyNotify destroy);
