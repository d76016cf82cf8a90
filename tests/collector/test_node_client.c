#include "tests/collector/node_harness.h"

/* Rounds with a node that is well, or whose plugins are not. */

#define LOAD_CONFIG "graph_title Load\nload.label load\nload.warning 5\n.\n"

static const struct fake_reply ordinary[] = {
	{CAP, "cap multigraph dirtyconfig\n"},
	{"version", "munins node on web1 version: 2.0.73\n"},
	{"list", "load cpu\n"},
	{"config load", LOAD_CONFIG},
	{"fetch load", "load.value 0.25\n.\n"},
	{"config cpu", "user.label u\nuser.type DERIVE\nsystem.label s\nsystem.type DERIVE\n.\n"},
	{"fetch cpu", "user.value 10\nsystem.value U\n.\n"},
	{0},
};

static void a_round_gives_what_the_node_says(void **state)
{
	(void)state;
	struct harness h = {.script.banner = "Welcome to web1!\n\n# not yet\n# munin node at web1\n"};
	harness_start(&h, ordinary);
	harness_round(&h, 0, 5000);
	assert_fine(&h);
	assert_string_equal(h.version, "munin-node 2.0.73");
	assert_samples(&h, "cpu.user 10 @0\ncpu.system nan @0\nload.load 0.25 @0\n");
	assert_heard(&h,
		CAP "\nversion\nlist\nconfig cpu\nconfig load\n" CAP "\nfetch cpu\nfetch load\n" CAP "\n");
	assert_complaints(&h, "");
	const struct field *load =
		service_field(target_find(h.target, "load")->declaration->service, 0);
	assert_string_equal(attributes_or(&load->attributes, "warning", ""), "5");
	/* the next ones only ask for values, and ahead of all answers */
	for (int round = 1; round < 3; round++) {
		harness_round(&h, 60 * round, 5000);
		assert_fine(&h);
		assert_heard(&h, CAP "\nlist\nfetch cpu\nfetch load\n" CAP "\n");
		assert_int_equal(h.target->source.feeds->len, 2);
	}
	assert_samples(&h, "cpu.user 10 @120\ncpu.system nan @120\nload.load 0.25 @120\n");
	harness_stop(&h);
}

static void lines_may_end_in_cr_and_lf(void **state)
{
	(void)state;
	static const struct fake_reply replies[] = {
		{CAP, "cap multigraph\r\n"},
		{"version", "munin c node version: 0.0.13\r\n"},
		{"list", "load\r\n"},
		{"config load", "load.label load\r\n.\r\n"},
		{"fetch load", "load.value 1.5\r\n.\r\n"},
		{0},
	};
	struct harness h = {.script.banner = "# munin node at web1\r\n"};
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	assert_fine(&h);
	assert_samples(&h, "load.load 1.5 @0\n");
	assert_string_equal(h.version, "munin-node-c 0.0.13");
	harness_stop(&h);
}

/* hostile 3 */
static void a_node_of_another_name_is_well_and_its_name_is_shown(void **state)
{
	(void)state;
	static const struct {
		const char *banner, *version;
	} cases[] = {
		{"# munin node at vm\n", "munin-node 2.0.73, calls itself vm"},
		{"# munin node at web1.example.org\n", "munin-node 2.0.73"},
		{"# munin node at WEB1\n", "munin-node 2.0.73"},
		{"# munin node at localhost.localdomain\n", "munin-node 2.0.73"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct harness h = {.script.banner = cases[i].banner};
		harness_start(&h, ordinary);
		harness_round(&h, 0, 5000);
		assert_fine(&h);
		assert_string_equal(h.version, cases[i].version);
		assert_complaints(&h, "");
		harness_stop(&h);
	}
}

/* hostile 25 */
static void a_plugin_that_fails_is_unknown_and_says_why(void **state)
{
	(void)state;
	static const struct {
		const char *fetch, *samples, *complaints;
	} cases[] = {
		{"load.value 1\n# Timed out\n.\n",
			"cpu.user 10 @60\ncpu.system nan @60\nload.load nan @60\n",
			"load: the node says that it timed out\n"},
		{"load.value 1\n# Bad exit\nload.value 2\n.\n",
			"cpu.user 10 @60\ncpu.system nan @60\nload.load nan @60\n",
			"load: the node says that it ended with an error\n"},
		{"# timeout\n.\n", "cpu.user 10 @60\ncpu.system nan @60\nload.load nan @60\n",
			"load: the node says that it timed out\n"},
		{"# Unknown service\n.\n", "cpu.user 10 @60\ncpu.system nan @60\nload.load nan @60\n",
			"load: the node says that it does not know it\n"},
		{".\n", "cpu.user 10 @60\ncpu.system nan @60\nload.load nan @60\n",
			"load: fetch: no value\n"},
		{"load.value hello\n.\n", "cpu.user 10 @60\ncpu.system nan @60\nload.load nan @60\n",
			"load: fetch: a value that is no number: \"load.value hello\"\n"},
		{"other.value 1\n.\n", "cpu.user 10 @60\ncpu.system nan @60\nload.load nan @60\n",
			"load: fetch: values of no field that config names\n"},
		{"load.value 7\n.\n", "cpu.user 10 @60\ncpu.system nan @60\nload.load 7 @60\n", ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct harness h = {0};
		struct fake_reply replies[ARRAY_LENGTH(ordinary)];
		memcpy(replies, ordinary, sizeof(ordinary));
		harness_start(&h, replies);
		harness_round(&h, 0, 5000);
		replies[4].reply = cases[i].fetch;
		harness_round(&h, 60, 5000);
		assert_fine(&h);
		assert_samples(&h, cases[i].samples);
		assert_complaints(&h, cases[i].complaints);
		replies[4].reply = ordinary[4].reply;
		harness_round(&h, 120, 5000);
		assert_complaints(&h, "");
		assert_samples(&h, "cpu.user 10 @120\ncpu.system nan @120\nload.load 0.25 @120\n");
		harness_stop(&h);
	}
}

static void a_plugin_whose_config_fails_is_asked_again(void **state)
{
	(void)state;
	struct harness h = {0};
	struct fake_reply replies[ARRAY_LENGTH(ordinary)];
	memcpy(replies, ordinary, sizeof(ordinary));
	replies[3].reply = "# Bad exit\n.\n";
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	assert_fine(&h);
	assert_samples(&h, "cpu.user 10 @0\ncpu.system nan @0\n");
	assert_complaints(&h, "load: config: the node says that it ended with an error\n");
	replies[3].reply = "# Unknown command. Try cap, list\n"; /* and no closing dot */
	harness_round(&h, 60, 5000);
	assert_fine(&h);
	assert_complaints(&h, "load: the node answers: # Unknown command. Try cap, list\n");
	replies[3].reply = LOAD_CONFIG;
	harness_round(&h, 120, 5000);
	assert_samples(&h, "cpu.user 10 @120\ncpu.system nan @120\nload.load 0.25 @120\n");
	assert_complaints(&h, "");
	harness_stop(&h);
}

static void a_plugin_that_is_not_offered_any_more_is_unknown_for_a_day(void **state)
{
	(void)state;
	struct harness h = {0};
	struct fake_reply replies[ARRAY_LENGTH(ordinary)];
	memcpy(replies, ordinary, sizeof(ordinary));
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	replies[2].reply = "cpu\n";
	for (int64_t at = 60; at <= 86400; at += 43170) {
		harness_round(&h, at, 5000);
		assert_fine(&h);
		g_autofree char *expected =
			g_strdup_printf("cpu.user 10 @%lld\ncpu.system nan @%lld\nload.load nan @%lld\n",
				(long long)at, (long long)at, (long long)at);
		assert_samples(&h, expected);
		assert_complaints(
			&h, "load: not offered by the node any more since 2026-11-20T05:04:00Z\n");
	}
	/* it comes back as if nothing had been */
	replies[2].reply = "cpu load\n";
	harness_round(&h, 86400, 5000);
	assert_samples(&h, "cpu.user 10 @86400\ncpu.system nan @86400\nload.load 0.25 @86400\n");
	assert_complaints(&h, "");
	replies[2].reply = "cpu\n";
	harness_round(&h, 90000, 5000);
	harness_round(&h, 90000 + 86400, 5000);
	assert_samples(&h, "end load\ncpu.user 10 @176400\ncpu.system nan @176400\n");
	assert_complaints(&h, "");
	assert_null(target_find(h.target, "load"));
	harness_stop(&h);
}

/* Asked ahead of the list, a node may answer for what it does not offer any more: that must not
 * bring it back half, as something that nobody asks and nobody ends. */
static void an_answer_for_a_plugin_that_just_went_does_not_revive_it(void **state)
{
	(void)state;
	static struct fake_reply replies[] = {
		{CAP, "cap multigraph dirtyconfig\n"},
		{"version", "munins node on web1 version: 2.0.73\n"},
		{"list", "cpu load\n"},
		{"config load", "load.label l\nload.value 1\n.\n"},
		{"config cpu", "cpu.label c\ncpu.value 2\n.\n"},
		{0},
	};
	struct harness h = {0};
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	assert_samples(&h, "cpu.cpu 2 @0\nload.load 1 @0\n");
	replies[2].reply = "cpu\n";
	harness_round(&h, 60, 5000);
	assert_samples(&h, "cpu.cpu 2 @60\nload.load nan @60\n");
	harness_round(&h, 60 + 86400, 5000);
	assert_samples(&h, "end load\ncpu.cpu 2 @86460\n");
	assert_complaints(&h, "");
	harness_stop(&h);
}

static void a_graph_that_config_does_not_name_any_more_stays_for_a_day(void **state)
{
	(void)state;
	struct fake_reply replies[] = {
		{CAP, "cap multigraph dirtyconfig\n"},
		{"version", "x\n"},
		{"list", "d\n"},
		{"config d", "multigraph d\nv.label v\nmultigraph d.sda\nr.label r\n.\n"},
		{"fetch d", "multigraph d\nv.value 1\nmultigraph d.sda\nr.value 2\n.\n"},
		{0},
	};
	struct harness h = {0};
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	assert_samples(&h, "d.v 1 @0\nd.sda.r 2 @0\n");
	/* a plugin comes, so all are configured anew */
	replies[2].reply = "d e\n";
	replies[3].reply = "multigraph d\nv.label v\n.\n";
	replies[4].reply = "multigraph d\nv.value 1\n.\n";
	harness_round(&h, 60, 5000);
	harness_round(&h, 120, 5000);
	assert_samples(&h, "d.v 1 @120\nd.sda.r nan @120\n");
	harness_round(&h, 120 + 86400, 5000);
	assert_samples(&h, "end d.sda\nd.v 1 @86520\n");
	harness_stop(&h);
}

/* hostile 19, hostile 22 */
static void values_with_times_are_handed_over_in_order_and_once(void **state)
{
	(void)state;
	struct fake_reply replies[] = {
		{CAP, "cap multigraph dirtyconfig\n"},
		{"version", "x\n"},
		{"list", "t\n"},
		{"config t", "update_rate 30\na.label a\nb.label b\n"
					 "a.value 1795150950:2\na.value 1795150920:1\nb.value 1795150950:7\n"
					 "a.value 1795150950:9\nb.value 4000000000:1\nb.value -5:1\n.\n"},
		{0},
	};
	struct harness h = {0};
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	assert_fine(&h);
	assert_samples(&h, "t.a 1 @-60\nt.b nan @-60\nt.a 2 @-30\nt.b 7 @-30\n");
	assert_complaints(&h,
		"clock: 1 values are of the future: the clock of the node, or ours, is wrong\n"
		"t: fetch: a value that is no number: \"b.value -5:1\"\n");
	assert_int_equal(target_find(h.target, "t")->declaration->service->step_s, 30);
	replies[3].reply = "update_rate 30\na.label a\nb.label b\n"
					   "a.value 1795150950:2\na.value 1795150980:3\n.\n";
	harness_round(&h, 60, 5000);
	assert_samples(&h, "t.a 3 @0\nt.b nan @0\n");
	assert_complaints(&h, "");
	g_free(fake_node_heard(h.node));
	harness_round(&h, 120, 5000);
	assert_samples(&h, "");
	assert_heard(&h, CAP "\nlist\nconfig t\n" CAP "\n");
	harness_stop(&h);
}

static void a_slow_rate_is_honoured(void **state)
{
	(void)state;
	struct fake_reply replies[] = {
		{CAP, "cap multigraph dirtyconfig\n"},
		{"version", "x\n"},
		{"list", "s\n"},
		{"config s", "update_rate 2m aligned\na.label a\n.\n"},
		{"fetch s", "a.value N:3\n.\n"},
		{0},
	};
	struct harness h = {0};
	harness_start(&h, replies);
	static const char *const expected[] = {"s.a 3 @-60\n", "", "s.a 3 @60\n", "", "s.a 3 @180\n"};
	for (int i = 0; i < 5; i++) {
		harness_round(&h, 60 * i, 5000);
		assert_fine(&h);
		assert_samples(&h, expected[i]);
	}
	harness_stop(&h);
}

static void fetch_may_say_more_about_a_value(void **state)
{
	(void)state;
	struct fake_reply replies[ARRAY_LENGTH(ordinary)];
	memcpy(replies, ordinary, sizeof(ordinary));
	replies[4].reply = "load.value 9\nload.extinfo make -j\n.\n";
	struct harness h = {0};
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	assert_samples(&h, "cpu.user 10 @0\ncpu.system nan @0\nload.load 9 @0\n");
	const struct field *load =
		service_field(target_find(h.target, "load")->declaration->service, 0);
	assert_string_equal(attributes_or(&load->attributes, "extinfo", ""), "make -j");
	assert_string_equal(attributes_or(&load->attributes, "warning", ""), "5");
	harness_stop(&h);
}

static void the_same_graph_of_two_plugins_is_the_first_ones(void **state)
{
	(void)state;
	static const struct fake_reply replies[] = {
		{CAP, "cap multigraph dirtyconfig\n"},
		{"version", "x\n"},
		{"list", "b a\n"},
		{"config a", "multigraph same\nx.label x\n.\n"},
		{"fetch a", "multigraph same\nx.value 1\n.\n"},
		{"config b", "multigraph same\nx.label x\nmultigraph own\ny.label y\n.\n"},
		{"fetch b", "multigraph same\nx.value 2\nmultigraph own\ny.value 3\n.\n"},
		{0},
	};
	struct harness h = {0};
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	assert_samples(&h, "same.x 1 @0\nown.y 3 @0\n");
	assert_complaints(
		&h, "b: config: service collision: another plugin of the node gives the graph: \"same\"\n");
	harness_stop(&h);
}

static void a_virtual_host_is_asked_for_by_its_name(void **state)
{
	(void)state;
	struct fake_reply replies[] = {
		{CAP, "cap multigraph dirtyconfig\n"},
		{"version", "x\n"},
		{"list router1", "load\n"},
		{"config load", LOAD_CONFIG},
		{"fetch load", "load.value 0.25\n.\n"},
		{0},
	};
	char name[] = "router1";
	struct harness h = {.settings.node.node_name = name};
	harness_start(&h, replies);
	harness_round(&h, 0, 5000);
	assert_fine(&h);
	assert_samples(&h, "load.load 0.25 @0\n");
	replies[2].reply = "\n";
	harness_round(&h, 60, 5000);
	assert_string_equal(h.result.error.text, "list: the node has no plugin of a host \"router1\"");
	assert_true(h.result.alive);
	assert_samples(&h, "");
	replies[2].reply = "load\n";
	harness_round(&h, 120, 5000);
	assert_samples(&h, "load.load 0.25 @120\n");
	harness_stop(&h);
}

static void plugins_can_be_left_out(void **state)
{
	(void)state;
	struct harness h = {0};
	char glob[] = "c*";
	h.settings.node.ignore = g_ptr_array_new();
	g_ptr_array_add(h.settings.node.ignore, glob);
	harness_start(&h, ordinary);
	harness_round(&h, 0, 5000);
	assert_samples(&h, "load.load 0.25 @0\n");
	harness_stop(&h);
	g_ptr_array_unref(h.settings.node.ignore);
}

static void not_called(void *owner)
{
	(void)owner;
	fail();
}

static void not_closed(void *owner, const struct error *why)
{
	(void)owner;
	fail_msg("%s", why->text);
}

static void a_connection_can_be_given(void **state)
{
	(void)state;
	struct harness h = {.address = "unix:@magpie-nobody-listens"};
	harness_start(&h, ordinary);
	static const struct stream_handlers nobody = {not_called, not_called, not_closed};
	struct stream_target target = {.deadline_ms = 5000, .input_max = 65536};
	struct stream *stream =
		stream_adopt(h.loop, fake_node_pair(h.node), &target, &nobody, NULL, NULL);
	node_client_give(h.target->state, stream);
	for (int round = 0; round < 3; round++) {
		harness_round(&h, 60 * round, 5000);
		assert_fine(&h);
		assert_true(node_client_connected(h.target->state));
	}
	assert_samples(&h, "cpu.user 10 @120\ncpu.system nan @120\nload.load 0.25 @120\n");
	assert_int_equal(fake_node_connections(h.node), 1);
	harness_stop(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_gives_what_the_node_says),
		cmocka_unit_test(lines_may_end_in_cr_and_lf),
		cmocka_unit_test(a_node_of_another_name_is_well_and_its_name_is_shown),
		cmocka_unit_test(a_plugin_that_fails_is_unknown_and_says_why),
		cmocka_unit_test(a_plugin_whose_config_fails_is_asked_again),
		cmocka_unit_test(a_plugin_that_is_not_offered_any_more_is_unknown_for_a_day),
		cmocka_unit_test(an_answer_for_a_plugin_that_just_went_does_not_revive_it),
		cmocka_unit_test(a_graph_that_config_does_not_name_any_more_stays_for_a_day),
		cmocka_unit_test(values_with_times_are_handed_over_in_order_and_once),
		cmocka_unit_test(a_slow_rate_is_honoured),
		cmocka_unit_test(fetch_may_say_more_about_a_value),
		cmocka_unit_test(the_same_graph_of_two_plugins_is_the_first_ones),
		cmocka_unit_test(a_virtual_host_is_asked_for_by_its_name),
		cmocka_unit_test(plugins_can_be_left_out),
		cmocka_unit_test(a_connection_can_be_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
