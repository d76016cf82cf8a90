#pragma once
#include "base/frame.h"

/*
 * The conversation between the roles: which frames exist, how long they are, who may send them to
 * whom. The rows stand in message.def; base/channel refuses whatever is outside. Payloads are
 * described there in the order in which their fields are written.
 */
enum role_id {
	ROLE_SUPERVISOR,
	ROLE_COLLECTOR,
	ROLE_ENGINE,
	ROLE_RRD,
	ROLE_WEB,
	ROLE_NOTIFY,
	ROLE_RUNNER,
	ROLE_COUNT,
};

enum message_type {
#define MESSAGE(name, number, version, least, most, from, to, help) MESSAGE_##name = (number),
#include "model/message.def"
#undef MESSAGE
};

extern const struct frame_table message_table;

/* "engine" …; "?" for what is none. */
const char *role_name(unsigned role);

/* Starts a frame of that type in the version of the table. */
void message_start(struct frame_writer *w, enum message_type type);

/* Kinds of answers. */
enum message_status { MESSAGE_OK = 0 }; /* else an enum error_kind */

/* EXECUTE: what is wanted; the same numbers as enum execution_what. EXECUTED: how it ended. */
enum message_execute { EXECUTE_CHECK, EXECUTE_CONFIG, EXECUTE_FETCH, EXECUTE_TRANSPORT };
enum message_executed { EXECUTED_BY_ITSELF, EXECUTED_TIMED_OUT, EXECUTED_TOO_MANY };
