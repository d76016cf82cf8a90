#pragma once
#include "model/entry.h"
#include "rrd/fetch.h"
#include "rrd/writer.h"

#include <glib.h>

/*
 * A writer in a directory of its own, and the far end that feeds it, as the engine does: a journal
 * in memory that can be fed again from any sequence.
 */
struct bench_tree {
	char *path;
	struct writer *writer;
	GPtrArray *journal; /* GBytes: {u16 type, payload}; sequence = index + 1 */
	struct share share; /* instances 0: the only writer */
	unsigned events, rewinds;
	char last_event[1024]; /* kind, object, text */
};

/* A fresh directory, in memory where there is such a place. g_free. */
char *support_directory(void);

void support_remove(const char *path); /* of that directory, with all that is in it */

struct bench_tree *support_tree_create(void);
void support_tree_destroy(struct bench_tree *tree); /* removes the directory */

/* Opens the writer (as a role that starts) and feeds it from where it stands. */
void support_start(struct bench_tree *tree);
/* Drops it without writing, as a death does. */
void support_crash(struct bench_tree *tree);
/* Feeds all behind what the writer has; goes back first if it asked for that. */
void support_feed(struct bench_tree *tree);
void support_checkpoint(struct bench_tree *tree);

/* Appends to the journal; the writer sees it at the next feed. */
void support_series(struct bench_tree *tree, uint32_t id, uint32_t step_s, enum field_type type,
	const char *layout, const char *field);
void support_sample(struct bench_tree *tree, uint32_t id, int64_t t_s, double value);
void support_sample_ms(struct bench_tree *tree, uint32_t id, int64_t t_ms, double value);

/* The same as support_series(), gauges every ten seconds of another host. */
void support_series_of(
	struct bench_tree *tree, uint32_t id, const char *host, const char *service, const char *field);

/* The absolute path of a series' file after writing all that is held back; NULL: none. g_free. */
char *support_file(struct bench_tree *tree, uint32_t id);
char *support_read_file(const char *path, size_t *length); /* g_free */
