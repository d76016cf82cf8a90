#pragma once
#include "base/clock.h"
#include "incidents/store_batch.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A strip: the worst of each of the last 24 hours as one letter each, oldest first, with the hour
 * of its last letter beside it. Hours in which nothing was noted are '-'.
 */

/* All '-'. */
void strip_clear(char strip[STORE_STRIP + 1]);

/* Takes over a stored one; letters that are none become '-'. */
void strip_restore(char strip[STORE_STRIP + 1], const char *stored);

/* The strip as of `now`. */
void strip_read(const char *strip, int64_t hour, struct wall now, char shown[STORE_STRIP + 1]);

/* Notes a letter (o n u w c, by rising weight) for the hour of `now`; true if the strip changed. */
bool strip_note(char strip[STORE_STRIP + 1], int64_t *hour, char letter, struct wall now);
