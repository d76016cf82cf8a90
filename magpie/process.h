#pragma once
#include "base/channel.h"
#include "base/loop.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * One role as a process: start by executing this program again, the control channel to it, its end.
 * The owner is told of frames and of the end; it decides whether there is a next start.
 */
struct process;

struct process_handlers {
	void (*frame)(void *owner, const struct frame *frame);
	/* It is gone, reaped. `how` says why, for people ("signal 9", "exit 1"). */
	void (*ended)(void *owner, const char *how);
};

struct process *process_create(
	struct loop *loop, unsigned role, const struct process_handlers *handlers, void *owner);

/* Kills it if it runs (KILL), waits for it. NULL allowed. */
void process_destroy(struct process *process);

/* STORAGE: no process or socket could be made. */
MUST_USE bool process_start(struct process *process, struct error *err);

bool process_running(const struct process *process);
pid_t process_pid(const struct process *process);
struct channel *process_control(struct process *process); /* NULL if not running */
void process_signal(struct process *process, int signal_number);
