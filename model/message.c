#include "model/message.h"
#include "base/attr.h"
#include "base/role.h"

#include <assert.h>

#include "base/banned.h"

/*
 * The table of frames, made from message.def, and the names of the roles.
 */

static const struct frame_rule message_rules[] = {
#define MESSAGE(name, number, version, least, most, from, to, help)                                \
	{number, version, least, most, from, to, #name},
#include "model/message.def"
#undef MESSAGE
};

const struct frame_table message_table = {message_rules, ARRAY_LENGTH(message_rules)};

static_assert(
	(int)MESSAGE_CONTROL_START == (int)ROLE_FRAME_START, "control frames are base/role.h's");
static_assert(
	(int)MESSAGE_CONTROL_STOP == (int)ROLE_FRAME_STOP, "control frames are base/role.h's");

const char *role_name(unsigned role)
{
	static const char *const names[ROLE_COUNT] = {
		"supervisor", "collector", "engine", "rrd", "web", "notify", "runner"};
	return role < ROLE_COUNT ? names[role] : "?";
}

void message_start(struct frame_writer *w, enum message_type type)
{
	for (size_t i = 0; i < ARRAY_LENGTH(message_rules); i++) {
		if (message_rules[i].type == type) {
			frame_start(w, message_rules[i].type, message_rules[i].version);
			return;
		}
	}
	assert(!"a message type without a row");
}
