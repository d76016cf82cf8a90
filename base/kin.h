#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <glib.h>

/*
 * The processes that belong to a run: the leader of its session, what that started, and what left
 * the session but still carries the run's tag ("NAME=value" of the environment, unique to the run).
 */

/* Sends a signal to the leader's group and to all that left it but carry the tag. */
void kin_signal(pid_t leader, const char *tag, int signal_number);

/*
 * Kills what a leader left behind that ended (and was not waited for yet, so that its group's
 * number is still its own). Looks through all processes only if orphans were found.
 */
void kin_kill_left(pid_t leader, const char *tag);

/* All processes there are, to count in. The caller frees it (g_array_unref). */
GArray *kin_census(void);

/* How many of them belong to the run, the leader included. */
size_t kin_count(const GArray *census, pid_t leader, const char *tag);
