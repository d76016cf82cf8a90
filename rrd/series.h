#pragma once
#include "model/sample.h"
#include "rrd/layout.h"
#include "rrd/share.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A series as the writer knows it: names, what its file must be, what is known of the file, and the
 * samples held back. The table finds it by its number and sees to it that no two series share a
 * file.
 */
enum { SERIES_ID_MAX = 50000000 }; /* greater numbers are refused */

struct series {
	uint32_t id, step_s;
	double min, max;
	const struct layout *layout; /* of a file to be made */
	char *names;                 /* group, host, service and field, each with its NUL */
	char *path;                  /* of the file, owned */
	char *earlier;               /* path of its file before its names changed, or NULL */
	char *adopt;                 /* path of a file that is about to be renamed to `path`, or NULL */
	struct sample *pending;
	int64_t last_ms; /* newest sample taken in; 0: none */
	uint32_t count, room;
	uint32_t logged_epoch;  /* header log that knows the file; 0: none */
	uint32_t made_epoch;    /* header log in which the file was made or renamed; 0: none */
	uint32_t waiting_since; /* tick, with `waiting` */
	uint32_t rest_until;    /* tick before which it is not tried again; 0: none */
	uint16_t readers;
	uint8_t tries;  /* writes that failed in a row */
	uint8_t type;   /* enum field_type */
	uint8_t locked; /* writes in a row that found the file locked */
	bool again;     /* waits for the next tick because of that */
	bool foreign;   /* another writer's: nothing is held back of it, its file is read only */
	bool exists;    /* the file was seen */
	bool apart;     /* its path carries a hash: another series has the plain one */
	bool tune, fresh, full;
	bool tune_heartbeat; /* with `tune` */
	bool waiting;        /* for the feed to go back: it takes no samples until then */
};

struct series_table;

/* Series of hosts that are not in `share` are only known by name: `foreign`. */
struct series_table *series_table_create(const struct share *share);
void series_table_destroy(struct series_table *table);

/* NULL if there is none. Ids are below the limit. */
struct series *series_table_find(const struct series_table *table, uint32_t id);
uint32_t series_table_limit(const struct series_table *table);

/* Number of those that are not foreign. */
uint32_t series_table_own(const struct series_table *table);

/* As series_table_find(id)->foreign, without a look at the series. */
bool series_table_is_foreign(const struct series_table *table, uint32_t id);

/*
 * Makes a series known or gives it other names; then it knows nothing of its file any more. Step
 * and limits of a new one are the caller's to set.
 */
struct series *series_table_define(
	struct series_table *table, uint32_t id, const struct layout_name *name);

/* The series gives its file to another: its own has a name apart from now on. */
void series_table_give_up(struct series_table *table, struct series *series);
/* Its file is no series' own any more; nothing is written for it. */
void series_table_release(struct series_table *table, struct series *series);

/* NULL: that path is no series' own. */
struct series *series_table_owner(const struct series_table *table, const char *path);

bool series_table_path_taken(const struct series_table *table, const char *path);
void series_table_end_waiting(struct series_table *table);

/* Whether it has these names and this type already. */
bool series_is_called(const struct series *series, const struct layout_name *name);

/* The path it would have with another type. */
void series_path_of_type(
	const struct series *series, enum field_type type, char out[LAYOUT_PATH_MAX]);

void series_push(struct series *series, struct wall at, double value);

/* Drops the `count` oldest samples held back. */
void series_drop(struct series *series, size_t count);

void series_forget_file(struct series *series);

/* Back to knowing nothing of samples, until the feed has gone back. */
void series_wait(struct series *series, uint32_t tick);

/* Not to be tried again before that tick. */
void series_rest(struct series *series, uint32_t tick);
bool series_resting(const struct series *series, uint32_t tick);
