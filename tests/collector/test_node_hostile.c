#include "tests/collector/node_harness.h"
#include "collector/munin/node_spool.h"
#include "tests/support/certs.h"

/* Nodes that do not keep their protocol. Each test ends in a round that says why, within its time.
 */

enum { SHORT_MS = 600 };

#define assert_error(h, expected) assert_string_equal((h)->result.error.text, expected)

static const struct fake_reply good[] = {
	{CAP, "cap multigraph dirtyconfig\n"},
	{"version", "x\n"},
	{"list", "a b\n"},
	{"config a", "x.label x\n.\n"},
	{"config b", "y.label y\n.\n"},
	{"fetch a", "x.value 1\n.\n"},
	{"fetch b", "y.value 2\n.\n"},
	{0},
};
enum { LIST = 2, CONFIG_A, CONFIG_B, FETCH_A, FETCH_B, GOOD_ROWS = 8 };

/* A harness with a table of its own, that can be changed between rounds. */
struct hostile {
	struct harness h;
	struct fake_reply replies[GOOD_ROWS];
};

static void start(struct hostile *t)
{
	memcpy(t->replies, good, sizeof(good));
	harness_start(&t->h, t->replies);
}

/* hostile 1, hostile 2, hostile 4, hostile 29 */
static void a_node_that_does_not_greet_is_given_up(void **state)
{
	(void)state;
	g_autofree char *large = g_strnfill(10 << 20, 'x');
	g_autofree char *motd = g_strnfill(200000, '\n');
	const struct {
		const char *banner;
		enum fake_manner manner;
		const char *error;
	} cases[] = {
		{"", FAKE_SILENT, "greet: no answer within 0.2 s"},
		{large, FAKE_ANSWER, "greet: a line without end"},
		{motd, FAKE_ANSWER, "greet: too much text before the banner"},
		{"# munin node at web1, but slowly, byte by byte, for ever and a day, without an end of "
		 "the line "
		 "that anybody would live to see\n",
			FAKE_DRIBBLE, "greet: no answer within 0.2 s"},
		{"", FAKE_CLOSE,
			"greet: the node closed the connection without a word, as it does if this server is "
			"not "
			"in its allow list"},
		{"220 mail.example.com ESMTP\r\n", FAKE_CLOSE,
			"greet: no greeting of a munin-node, but \"220 mail.example.com ESMTP\""},
		{"# munin no", FAKE_FINISH, NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct hostile t = {
			.h.script = {.banner = cases[i].banner, .banner_manner = cases[i].manner}};
		start(&t);
		harness_round(&t.h, 0, SHORT_MS);
		assert_false(t.h.result.alive);
		if (cases[i].error) {
			assert_error(&t.h, cases[i].error);
		}
		assert_samples(&t.h, "");
		/* the next round is as good as the node */
		t.h.script.banner = NULL;
		t.h.script.banner_manner = FAKE_ANSWER;
		harness_round(&t.h, 60, 5000);
		assert_fine(&t.h);
		harness_stop(&t.h);
	}
}

/* hostile 3 */
static void the_name_in_the_banner_is_only_shown(void **state)
{
	(void)state;
	static const struct {
		const char *banner, *shown;
	} cases[] = {
		{"# munin node at ../../etc\n", "calls itself ../../etc"},
		{"# munin node at other.example.com\n", "calls itself other.example.com"},
		{"# munin node at web1.example.com\n", ""},
		{"# lrrd client at WEB1 and more\n", ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct hostile t = {.h.script.banner = cases[i].banner};
		start(&t);
		harness_round(&t.h, 0, 5000);
		assert_fine(&t.h);
		assert_complaints(&t.h, "");
		const char *shown = strstr(t.h.version, "calls itself");
		assert_string_equal(shown ? shown : "", cases[i].shown);
		assert_samples(&t.h, "a.x 1 @0\nb.y 2 @0\n");
		assert_string_equal(target_find(t.h.target, "a")->declaration->service->host_name, "web1");
		harness_stop(&t.h);
	}
}

/* hostile 5, hostile 6 */
static void long_answers_to_cap_and_list_are_cut(void **state)
{
	(void)state;
	GString *cap = g_string_new("cap");
	GString *list = g_string_new(NULL);
	for (int i = 0; i < 1000; i++) {
		g_string_append_printf(cap, " w%d", i);
	}
	g_string_append(cap, " spool\n"); /* behind the 64 words that count */
	for (int i = 0; i < 200000; i++) {
		g_string_append_printf(list, "p%d ", i);
	}
	g_string_append_c(list, '\n');
	struct hostile t = {0};
	start(&t);
	t.replies[0].reply = cap->str;
	t.replies[LIST].reply = list->str;
	harness_round(&t.h, 0, 20000);
	assert_true(t.h.result.alive);
	g_autofree char *complaints = harness_complaints(&t.h);
	assert_non_null(strstr(complaints, "list: "));
	assert_non_null(strstr(complaints, "plugins are not asked: at most 1000 are"));
	assert_int_equal(t.h.target->source.feeds->len, 0);
	harness_stop(&t.h);
	g_string_free(cap, TRUE);
	g_string_free(list, TRUE);
}

/* hostile 12 */
static void an_answer_without_end_closes_the_dialogue(void **state)
{
	(void)state;
	GString *large = g_string_new(NULL);
	while (large->len < 2 << 20) {
		g_string_append(large, "graph_title this goes on and on\n");
	}
	g_autofree char *line = g_strnfill(200000, 'x');
	const struct {
		const char *reply, *error;
	} cases[] = {
		{large->str, "config b: an answer of more than 1 MiB"},
		{line, "config b: a line without end"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct hostile t = {0};
		start(&t);
		t.replies[CONFIG_B].reply = cases[i].reply;
		harness_round(&t.h, 0, 5000);
		assert_error(&t.h, cases[i].error);
		assert_true(t.h.result.alive);
		harness_stop(&t.h);
	}
	g_string_free(large, TRUE);
}

static void a_slow_plugin_costs_only_itself(void **state)
{
	(void)state;
	struct hostile t = {0};
	start(&t);
	harness_round(&t.h, 0, 5000);
	t.replies[FETCH_A].manner = FAKE_SILENT;
	harness_round(&t.h, 60, SHORT_MS);
	/* it came first, so nothing else was answered */
	assert_error(&t.h, "fetch a: no answer within 0.5 s");
	g_free(fake_node_heard(t.h.node));
	harness_round(&t.h, 120, SHORT_MS);
	assert_fine(&t.h); /* it comes last */
	assert_samples(&t.h, "a.x nan @120\nb.y 2 @120\n");
	assert_complaints(&t.h, "a: fetch a: no answer within 0.5 s\n");
	t.replies[FETCH_A].manner = FAKE_ANSWER;
	harness_round(&t.h, 180, 5000);
	assert_samples(&t.h, "a.x 1 @180\nb.y 2 @180\n");
	assert_complaints(&t.h, "");
	harness_stop(&t.h);
}

/* hostile 28 */
static void a_node_out_of_step_is_not_believed(void **state)
{
	(void)state;
	struct hostile t = {0};
	start(&t);
	harness_round(&t.h, 0, 5000);
	/* one answer too many: all behind it are those of the question before */
	t.replies[FETCH_A].reply = "x.value 1\n.\nx.value 666\n.\n";
	harness_round(&t.h, 60, 5000);
	assert_int_equal(t.h.result.error.kind, ERR_PROTOCOL);
	assert_samples(&t.h, "");
	t.replies[FETCH_A].reply = "x.value 1\n.\n";
	harness_round(&t.h, 120, 5000);
	assert_fine(&t.h);
	assert_samples(&t.h, "a.x 1 @120\nb.y 2 @120\n");
	/* a question that is passed over: the answers are those of the next ones */
	t.replies[FETCH_A].manner = FAKE_DROP;
	harness_round(&t.h, 150, SHORT_MS);
	assert_error(&t.h, "fetch b: the node is out of step: it passed a question over");
	assert_samples(&t.h, "");
	t.replies[FETCH_A].manner = FAKE_ANSWER;
	/* a word that nobody asked for */
	t.h.script.banner = "# munin node at web1\nhello\ncap multigraph dirtyconfig\n";
	harness_round(&t.h, 180, 5000);
	assert_int_equal(t.h.result.error.kind, ERR_PROTOCOL);
	assert_samples(&t.h, "");
	harness_stop(&t.h);
}

/* hostile 29 */
static void a_connection_that_breaks_off_says_where(void **state)
{
	(void)state;
	static const enum fake_manner manners[] = {FAKE_CLOSE, FAKE_FINISH};
	for (size_t i = 0; i < ARRAY_LENGTH(manners); i++) {
		struct hostile t = {0};
		start(&t);
		harness_round(&t.h, 0, 5000);
		t.replies[FETCH_B] = (struct fake_reply){"fetch b", "y.val", 0, manners[i]};
		harness_round(&t.h, 60, 5000);
		assert_error(&t.h, "fetch b: the node closed the connection");
		assert_samples(&t.h, "a.x 1 @60\n"); /* what had come whole counts */
		harness_stop(&t.h);
	}
}

static void a_node_that_takes_one_question_at_a_time_is_asked_so(void **state)
{
	(void)state;
	struct hostile t = {.h.script.one_per_read = true};
	start(&t);
	harness_round(&t.h, 0, SHORT_MS);
	harness_round(&t.h, 60, 5000);
	assert_fine(&t.h);
	assert_non_null(strstr(t.h.samples->str, "a.x 1 @60\n"));
	assert_non_null(strstr(t.h.samples->str, "b.y 2 @60\n"));
	harness_stop(&t.h);
}

static void a_node_may_not_know_cap(void **state)
{
	(void)state;
	struct hostile t = {0};
	start(&t);
	t.replies[0].command = "nothing";
	harness_round(&t.h, 0, 5000);
	assert_fine(&t.h);
	assert_samples(&t.h, "a.x 1 @0\nb.y 2 @0\n");
	harness_stop(&t.h);
}

/* hostile 26 */
static void tls_is_never_left_where_it_is_required(void **state)
{
	(void)state;
	static const struct {
		enum config_node_tls tls;
		const char *starttls, *error;
	} cases[] = {
		{CONFIG_NODE_TLS_AUTO, "# Unknown command.\n", ""},
		{CONFIG_NODE_TLS_AUTO, "TLS OK\nthis is no handshake\n", ""},
		{CONFIG_NODE_TLS_AUTO, "TLS MAYBE\n", ""},
		{CONFIG_NODE_TLS_ENABLED, "# Unknown command.\n",
			"starttls: the node does not offer TLS: \"# Unknown command.\""},
		{CONFIG_NODE_TLS_PARANOID, "# Unknown command.\n",
			"starttls: the node does not offer TLS: \"# Unknown command.\""},
		{CONFIG_NODE_TLS_ENABLED, "TLS MAYBE\n",
			"starttls: the node has no key, and for this direction we have none either: give it "
			"one, or configure ours"},
		{CONFIG_NODE_TLS_DISABLED, "", ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fake_reply replies[GOOD_ROWS + 1];
		struct harness h = {.settings.node.tls = cases[i].tls};
		replies[0] = (struct fake_reply){"STARTTLS", cases[i].starttls, 0, FAKE_ANSWER};
		memcpy(replies + 1, good, sizeof(good));
		harness_start(&h, replies);
		harness_round(&h, 0, 3000);
		assert_string_equal(h.result.error.text, cases[i].error);
		assert_int_equal(h.samples->len > 0, !cases[i].error[0]);
		harness_stop(&h);
	}
}

/* hostile 26, hostile 27 */
static void certificates_are_looked_at_where_that_is_wanted(void **state)
{
	(void)state;
	struct certs certs;
	certs_begin(&certs);
	certs_make(&certs, &(struct certs_wish){.file = "good.pem", .name = "web1"});
	certs_make(&certs, &(struct certs_wish){.file = "other.pem", .name = "web2"});
	certs_make(
		&certs, &(struct certs_wish){.file = "self.pem", .name = "web1", .self_signed = true});
	certs_make(&certs,
		&(struct certs_wish){.file = "old.pem", .name = "web1", .not_before = 1, .not_after = 2});
	g_autofree char *ca = g_strdup_printf("%s/ca.pem", certs.dir);
	static const struct {
		const char *file;
		bool verify, fine;
	} cases[] = {
		{"good.pem", true, true},
		{"other.pem", true, false},
		{"self.pem", true, false},
		{"old.pem", true, false},
		{"other.pem", false, true},
		{"old.pem", false, true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fake_reply replies[GOOD_ROWS + 1];
		struct tls_credentials *credentials = certs_credentials(&certs, cases[i].file);
		struct tls_settings settings = {.credentials = credentials, .server = true};
		struct harness h = {.script.tls = &settings,
			.settings.node = {.tls = CONFIG_NODE_TLS_ENABLED, .verify = cases[i].verify}};
		h.settings.node.identity.ca = ca;
		replies[0] = (struct fake_reply){"STARTTLS", "TLS OK\n", 0, FAKE_TLS};
		memcpy(replies + 1, good, sizeof(good));
		harness_start(&h, replies);
		harness_round(&h, 0, 3000);
		assert_int_equal(h.result.error.kind == ERR_NONE, cases[i].fine);
		if (cases[i].fine) {
			/* one question at a time, and never `version` */
			assert_heard(
				&h, "STARTTLS\n" CAP "\nlist\nconfig a\nconfig b\nfetch a\nfetch b\n" CAP "\n");
			assert_samples(&h, "a.x 1 @0\nb.y 2 @0\n");
		} else {
			assert_int_equal(h.result.error.kind, ERR_DENIED);
			assert_samples(&h, "");
		}
		harness_stop(&h);
		tls_credentials_unref(credentials);
	}
	certs_finish(&certs);
}

/* hostile 32 */
static void spooled_data_comes_in_batches_and_whole(void **state)
{
	(void)state;
	GString *spool = g_string_new("multigraph a\nx.label x\nmultigraph b\ny.label y\n");
	for (int i = 0; i < 60000; i++) {
		g_string_append_printf(spool, "multigraph a\nx.value %d:%d\n", HARNESS_AT_S - 70000 + i, i);
	}
	g_string_append_printf(
		spool, "multigraph b\ny.value %d:7\nmultigraph b\ny.value 1:7\n.\n", HARNESS_AT_S - 86000);
	struct fake_reply replies[] = {
		{CAP, "cap spool\n"},
		{"spoolfetch *", spool->str},
		{0},
	};
	struct harness h = {0};
	harness_start(&h, replies);
	harness_round(&h, 0, 20000);
	assert_fine(&h);
	assert_non_null(strstr(h.samples->str, "a.x 49999 @-20001\n"));
	assert_null(strstr(h.samples->str, "a.x 50000 @"));
	harness_round(&h, 60, 20000);
	assert_null(strstr(h.samples->str, "a.x 49999 @")); /* not twice */
	assert_non_null(strstr(h.samples->str, "a.x 59999 @-10001\n"));
	/* what was behind is not lost (reference: munin, 1.4) */
	assert_non_null(strstr(h.samples->str, "b.y 7 @-86000\n"));
	g_autofree char *heard = fake_node_heard(h.node);
	assert_non_null(strstr(heard, "spoolfetch 1795064580\n"));
	/* from now on since the graph that is furthest behind */
	harness_round(&h, 120, 20000);
	g_autofree char *again = fake_node_heard(h.node);
	g_autofree char *since = g_strdup_printf("spoolfetch %d\n", HARNESS_AT_S - 86000);
	assert_non_null(strstr(again, since));
	assert_samples(&h, "");
	harness_stop(&h);
	g_string_free(spool, TRUE);
}

/* Lines that come one by one, all of one graph: each is looked at once, not with all before it. */
static void a_spool_that_trickles_in_costs_no_more_than_one_at_once(void **state)
{
	(void)state;
	enum { LINES = 40000 };
	struct harness h = {0};
	harness_start(&h, good);
	struct node_state nodes;
	struct node_spool spool;
	node_state_init(&nodes, h.target, HARNESS_STEP_S);
	nodes.spooled = true;
	node_spool_init(&spool, &nodes);
	(void)node_spool_since(&spool, wall_from_s(HARNESS_AT_S));
	assert_int_equal(
		node_spool_take(&spool, "multigraph a\nx.label x\n", 23, false), NODE_SPOOL_MORE);
	clock_t before = clock();
	for (int i = 0; i < LINES; i++) {
		char line[40];
		int length = snprintf(line, sizeof(line), "x.value %d:1\n", HARNESS_AT_S - LINES + i);
		assert_int_equal(node_spool_take(&spool, line, (size_t)length, false), NODE_SPOOL_MORE);
	}
	assert_in_range(clock() - before, 0, CLOCKS_PER_SEC); /* some milliseconds; else seconds */
	static const char next[] = "multigraph b\ny.label y\n";
	assert_int_equal(node_spool_take(&spool, next, sizeof(next) - 1, false), NODE_SPOOL_MORE);
	assert_int_equal(spool.taken, LINES);
	assert_int_equal(node_spool_take(&spool, "", 0, true), NODE_SPOOL_MORE);
	node_spool_finish(&spool);
	node_state_finish(&nodes);
	harness_stop(&h);
}

/* hostile 6, hostile 23: each plugin keeps its limit, all together do not. */
static void fields_of_all_plugins_together_are_bounded(void **state)
{
	(void)state;
	struct harness h = {0};
	harness_start(&h, good);
	struct node_state nodes;
	node_state_init(&nodes, h.target, HARNESS_STEP_S);
	g_autoptr(GString) text = g_string_new(NULL);
	for (int i = 0; i < NODE_CONFIG_FIELDS_MAX; i++) {
		g_string_append_printf(text, "f%d.label x\n", i);
	}
	struct node_part config = {text->str, text->len};
	struct wall at = wall_from_s(HARNESS_AT_S);
	unsigned taken = 0;
	for (int i = 0; i < 60; i++) {
		g_autofree char *name = g_strdup_printf("p%d", i);
		struct remote_plugin *plugin = node_state_plugin(&nodes, name);
		plugin->listed = true;
		taken += node_state_config(&nodes, plugin, config, at);
	}
	assert_int_equal(taken, NODE_FIELDS_MAX / NODE_CONFIG_FIELDS_MAX);
	assert_int_equal(nodes.fields, NODE_FIELDS_MAX);
	g_autofree char *complaints = harness_complaints(&h);
	assert_non_null(strstr(complaints, "p59: config: left out: the node has more fields"));
	/* one that says the same or less again is no more than it was */
	struct remote_plugin *first = node_state_plugin(&nodes, "p0");
	assert_true(node_state_config(&nodes, first, (struct node_part){text->str, 24}, at));
	assert_int_equal(nodes.fields, NODE_FIELDS_MAX - NODE_CONFIG_FIELDS_MAX + 2);
	struct remote_plugin *last = node_state_plugin(&nodes, "p59");
	assert_true(node_state_config(&nodes, last, (struct node_part){text->str, 24}, at));
	node_state_finish(&nodes);
	harness_stop(&h);
}

/* hostile 24 */
static void names_that_change_each_round_do_not_pile_up(void **state)
{
	(void)state;
	struct hostile t = {0};
	start(&t);
	char list[64];
	char config[64];
	for (int round = 0; round < 300; round++) {
		g_snprintf(list, sizeof(list), "p%d a\n", round);
		g_snprintf(config, sizeof(config), "config p%d", round);
		t.replies[LIST].reply = list;
		t.replies[CONFIG_B] = (struct fake_reply){config, "z.label z\n.\n", 0, FAKE_ANSWER};
		harness_round(&t.h, 3600 * (int64_t)round, 5000);
	}
	assert_fine(&t.h);
	assert_true(t.h.target->source.feeds->len < 40); /* those of a day */
	harness_stop(&t.h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_that_does_not_greet_is_given_up),
		cmocka_unit_test(the_name_in_the_banner_is_only_shown),
		cmocka_unit_test(long_answers_to_cap_and_list_are_cut),
		cmocka_unit_test(an_answer_without_end_closes_the_dialogue),
		cmocka_unit_test(a_slow_plugin_costs_only_itself),
		cmocka_unit_test(a_node_out_of_step_is_not_believed),
		cmocka_unit_test(a_connection_that_breaks_off_says_where),
		cmocka_unit_test(a_node_that_takes_one_question_at_a_time_is_asked_so),
		cmocka_unit_test(a_node_may_not_know_cap),
		cmocka_unit_test(tls_is_never_left_where_it_is_required),
		cmocka_unit_test(certificates_are_looked_at_where_that_is_wanted),
		cmocka_unit_test(spooled_data_comes_in_batches_and_whole),
		cmocka_unit_test(a_spool_that_trickles_in_costs_no_more_than_one_at_once),
		cmocka_unit_test(fields_of_all_plugins_together_are_bounded),
		cmocka_unit_test(names_that_change_each_round_do_not_pile_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
