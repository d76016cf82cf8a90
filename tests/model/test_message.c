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

/* What a role writes when names and texts are as short as they may be: a row that refuses it ends
 * the receiver's channel. */
static void short_names_and_empty_texts_fit(void **state)
{
	(void)state;
	static const struct {
		enum message_type type;
		uint32_t fixed; /* bytes beside texts */
		uint32_t texts; /* each at least its length */
	} rows[] = {
		{MESSAGE_SERVICE, 14, 3},
		{MESSAGE_HOST_SEEN, 21, 3},
		{MESSAGE_EXECUTE, 13, 2},
		{MESSAGE_EXECUTED, 20, 1},
		{MESSAGE_RRD_EVENT, 0, 3},
		{MESSAGE_RRD_TASK, 8, 2},
		{MESSAGE_RRD_TASK_STATE, 25, 2},
		{MESSAGE_GRAPH, 54, 1},
		{MESSAGE_HOST, 16, 4},
		{MESSAGE_ALERT, 26, 10},
		{MESSAGE_STATUS, 40, 1},
		{MESSAGE_EVENT, 8, 3},
		{MESSAGE_LIMIT, 5, 1},
		{MESSAGE_MARK, 26, 6},
		{MESSAGE_STATISTIC, 8, 1},
		{MESSAGE_ASK, 4, 3},
		{MESSAGE_ANSWER, 5, 1},
		{MESSAGE_DELIVER, 38, 11},
		{MESSAGE_DELIVERED, 11, 1},
		{MESSAGE_RUN, 10, 1},
		{MESSAGE_RAN, 15, 1},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		for (size_t r = 0; r < message_table.count; r++) {
			const struct frame_rule *rule = &message_table.rules[r];
			if (rule->type == rows[i].type && rule->least > rows[i].fixed + 2 * rows[i].texts) {
				fail_msg("%s wants %u bytes", rule->name, (unsigned)rule->least);
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
		cmocka_unit_test(short_names_and_empty_texts_fit),
		cmocka_unit_test(numbers_are_given_once),
		cmocka_unit_test(who_talks_to_whom),
		cmocka_unit_test(roles_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
