#include "model/message.h"
#include "base/role.h"
#include "tests/support/test.h"

static void every_row_can_be_started_and_decoded(void **state)
{
	(void)state;
	static struct frame_writer w;
	static const unsigned char zeros[FRAME_PAYLOAD_MAX];
	for (size_t i = 0; i < message_table.count; i++) {
		const struct frame_rule *rule = &message_table.rules[i];
		assert_true(rule->from && rule->to && rule->least <= rule->most);
		assert_true(rule->most <= FRAME_PAYLOAD_MAX);
		message_start(&w, (enum message_type)rule->type);
		frame_put_bytes(&w, zeros, rule->least);
		frame_finish(&w);
		for (unsigned from = 0; from < ROLE_COUNT; from++) {
			for (unsigned to = 0; to < ROLE_COUNT; to++) {
				struct frame frame;
				const char *why = NULL;
				bool good =
					frame_decode(&message_table, from, to, w.packet, w.length, &frame, &why);
				bool meant = rule->from >> from & 1 && rule->to >> to & 1;
				assert_int_equal(good, meant);
			}
		}
	}
}

static void numbers_are_given_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < message_table.count; i++) {
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(message_table.rules[i].type, message_table.rules[j].type);
			assert_string_not_equal(message_table.rules[i].name, message_table.rules[j].name);
		}
	}
}

/* Who may say what is the security of the roles: changing this is changing the design. */
static void who_talks_to_whom(void **state)
{
	(void)state;
	static const struct {
		unsigned a, b;
	} pairs[] = {
		{ROLE_COLLECTOR, ROLE_ENGINE},
		{ROLE_COLLECTOR, ROLE_RUNNER},
		{ROLE_ENGINE, ROLE_RRD},
		{ROLE_ENGINE, ROLE_WEB},
		{ROLE_WEB, ROLE_RRD},
		{ROLE_ENGINE, ROLE_NOTIFY},
		{ROLE_ENGINE, ROLE_RUNNER},
	};
	for (size_t i = 0; i < message_table.count; i++) {
		const struct frame_rule *rule = &message_table.rules[i];
		if (rule->type == MESSAGE_SERVICE || rule->type == MESSAGE_FIELDS ||
			rule->type == MESSAGE_SOURCE || rule->type == MESSAGE_SOURCE_GONE) {
			continue; /* both from a collector to the engine and on to its copies */
		}
		bool control = (rule->from | rule->to) & 1U << ROLE_SUPERVISOR;
		bool known = control;
		for (size_t p = 0; p < ARRAY_LENGTH(pairs); p++) {
			uint32_t a = 1U << pairs[p].a;
			uint32_t b = 1U << pairs[p].b;
			known |= (rule->from == a && rule->to == b) || (rule->from == b && rule->to == a);
		}
		if (!known) {
			fail_msg("%s travels between roles that have no business with each other", rule->name);
		}
		assert_int_equal(control, rule->type < 16);
	}
}

static void roles_have_names(void **state)
{
	(void)state;
	assert_string_equal(role_name(ROLE_SUPERVISOR), "supervisor");
	assert_string_equal(role_name(ROLE_RUNNER), "runner");
	assert_string_equal(role_name(ROLE_COUNT), "?");
	assert_string_equal(role_name(4000000000U), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_can_be_started_and_decoded),
		cmocka_unit_test(numbers_are_given_once),
		cmocka_unit_test(who_talks_to_whom),
		cmocka_unit_test(roles_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
