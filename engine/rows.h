#pragma once
#include "incidents/store_batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The messages that are not over (engine/dispatch.h, the only user): in the order in which they
 * were made, by dedup key, and by the instance of a rule they are about. Nothing here takes longer
 * because there are many messages about other instances.
 */
struct rows;

struct row {
	struct outbox_row *r;
	uint64_t generation; /* that stores it */
	bool unsure;         /* a recovery of what was on its way when it ended */
};

struct rows *rows_create(void);
void rows_destroy(struct rows *rows); /* with all rows; NULL allowed */

/* Takes `r`, whose number and dedup key nobody has yet. The row lives until rows_remove(). */
struct row *rows_add(struct rows *rows, struct outbox_row *r, uint64_t generation);

/* Frees the row and what it holds. */
void rows_remove(struct rows *rows, struct row *row);

size_t rows_count(const struct rows *rows);
struct row *rows_at(const struct rows *rows, size_t index); /* by number, rising */

/* NULL: none has it. */
struct row *rows_find(const struct rows *rows, uint64_t id);
bool rows_has_key(const struct rows *rows, const char *dedup_key);

/* Those about one instance, by number, rising; returns how many. `*first` is valid until a row is
 * added or removed. */
size_t rows_about(const struct rows *rows, const char *instance, struct row *const **first);
