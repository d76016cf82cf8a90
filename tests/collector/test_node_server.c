#include "collector/munin/node_server.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* A node with a directory of its own; the one master sits at the other end of a pair of sockets. */
struct fixture {
	char *dir;
	struct loop *loop;
	struct spawner *spawner;
	struct node_server *server;
	struct node_dialogue *dialogue;
	bool over;
	struct error why;
	struct loop_timer *patience;
};

static void add_plugin(const struct fixture *f, const char *name, const char *script)
{
	g_autofree char *path = g_strconcat(f->dir, "/plugins/", name, NULL);
	g_autofree char *text = g_strconcat("#!/bin/sh\n", script, NULL);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	assert_int_equal(chmod(path, 0755), 0);
}

static void add_file(const struct fixture *f, const char *name, const char *text)
{
	g_autofree char *path = g_strconcat(f->dir, "/", name, NULL);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	assert_int_equal(chmod(path, 0644), 0);
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){.dir = test_directory(), .loop = loop_create()};
	assert_int_equal(chmod(f->dir, 0755), 0);
	static const char *const directories[] = {"plugins", "conf", "state"};
	for (size_t i = 0; i < ARRAY_LENGTH(directories); i++) {
		g_autofree char *path = g_strconcat(f->dir, "/", directories[i], NULL);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	f->spawner = spawner_create(f->loop);
}

static void start_with(struct fixture *f, const char *settings, bool builtin)
{
	struct error err = {.text = ""};
	g_autofree char *plugins = g_strconcat(f->dir, "/plugins", NULL);
	g_autofree char *conf_directory = g_strconcat(f->dir, "/conf", NULL);
	g_autofree char *state = g_strconcat(f->dir, "/state", NULL);
	struct node_server_options options = {.loop = f->loop,
		.spawner = f->spawner,
		.host = "Web1.example.com",
		.plugin_directory = g_intern_string(plugins),
		.conf_directory = g_intern_string(conf_directory),
		.state_directory = g_intern_string(state),
		.builtin = builtin};
	f->server = node_server_create(&options, &err);
	assert_non_null(f->server);
	struct node_conf conf;
	node_conf_init(&conf);
	AUTO(diag_list) diags = diag_list_create();
	struct diag_source source = {.name = "conf", .text = settings, .length = strlen(settings)};
	node_conf_parse(&conf, &source, diags);
	bool configured = node_server_configure(f->server, &conf, diags, &err);
	assert_string_equal(err.text, "");
	assert_true(configured);
	assert_int_equal(diag_errors(diags), 0);
}

static void finish(struct fixture *f)
{
	spawner_destroy(f->spawner);
	node_server_destroy(f->server);
	loop_destroy(f->loop);
	test_directory_remove(f->dir);
}

static void on_over(void *owner, const struct error *why)
{
	struct fixture *f = owner;
	f->over = true;
	f->why = *why;
	node_dialogue_destroy(f->dialogue);
	f->dialogue = NULL;
	loop_stop(f->loop);
}

static void on_patience(void *owner)
{
	struct fixture *f = owner;
	loop_stop(f->loop);
}

static GString *read_all(int fd)
{
	GString *text = g_string_new(NULL);
	char chunk[65536];
	ssize_t n;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		g_string_append_len(text, chunk, n);
	}
	return text;
}

/* Says all lines at once, then nothing more; gives what came back. */
static char *talk(struct fixture *f, const char *lines)
{
	int pair[2];
	int room = 4 << 20;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	assert_int_equal(write(pair[1], lines, strlen(lines)), (ssize_t)strlen(lines));
	assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
	f->over = false;
	f->dialogue = node_dialogue_create(
		&(struct node_dialogue_options){.matter = node_server_matter(f->server),
			.master = "192.0.2.1",
			.deadline_ms = 60000,
			.over = on_over,
			.owner = f},
		pair[0], NULL);
	assert_non_null(f->dialogue);
	f->patience = loop_timer_create(f->loop, on_patience, f);
	loop_timer_after(f->patience, 30000);
	loop_run(f->loop);
	loop_timer_destroy(f->patience);
	assert_true(f->over);
	GString *text = read_all(pair[1]);
	close(pair[1]);
	return g_string_free(text, FALSE);
}

#define BANNER "# munin node at Web1.example.com\n"

static void assert_talk(struct fixture *f, const char *lines, const char *expected)
{
	g_autofree char *answer = talk(f, lines);
	if (!g_str_has_prefix(answer, BANNER) || strcmp(answer + strlen(BANNER), expected) != 0) {
		fail_msg("%s\ngave\n%s\nnot\n%s", lines, answer, expected);
	}
}

static void commands_are_answered_as_a_munin_node_does(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	add_plugin(&f, "a_plain", "[ \"$1\" = config ] && echo graph_title A || echo a.value 1\n");
	add_plugin(&f, "many", "echo multigraph m1; echo graph_title M\n");
	add_plugin(&f, "forward", "echo graph_title D; echo d.value 2\n");
	add_plugin(&f, "router",
		"[ \"$1\" = config ] && echo host_name Router1.Example.COM; echo graph_title R\n");
	add_plugin(&f, "fails", "echo x.value 1; exit 3\n");
	add_plugin(&f, "config_fails", "[ \"$1\" = config ] && exit 1; echo y.value 1\n");
	add_plugin(&f, "nothing", "true\n");
	add_plugin(&f, "no.conf", "echo no\n");
	start_with(&f, "", false);
	static const struct {
		const char *lines, *expected;
	} cases[] = {
		{"list\n", "a_plain config_fails fails\n"},
		{"cap multigraph\nlist\n", "cap multigraph dirtyconfig\na_plain config_fails fails many\n"},
		{"cap multigraph dirtyconfig\r\nlist\r\n",
			"cap multigraph dirtyconfig\na_plain config_fails fails forward many\n"},
		{"list ROUTER1.example.com\nlist web1.EXAMPLE.com\nlist no_such\nlist other\n",
			"router\na_plain config_fails fails\n\n\n"},
		{"nodes\n", "router1.example.com\nweb1.example.com\n.\n"},
		{"version\n", "munins node on Web1.example.com version: magpie-" MAGPIE_VERSION "\n"},
		{"config a_plain\nfetch a_plain\n", "graph_title A\n.\na.value 1\n.\n"},
		{"FETCH a_plain\nfetcha_plain\nfetch a_plain rest\n",
			"a.value 1\n.\na.value 1\n.\na.value 1\n.\n"},
		{"fetch fails\nfetch config_fails\n", "# Bad exit\n.\ny.value 1\n.\n"},
		{"fetch nope\nconfig\nfetch ../plugins/a_plain\nfetch no.conf\nfetch nothing\n",
			"# Unknown service\n.\n# Unknown service\n.\n# Unknown service\n.\n"
			"# Unknown service\n.\n# Unknown service\n.\n"},
		{"help\n\n", "# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n"
					 "# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n"},
		{"quit \nfetch a_plain\n", ""},
		{"fetch a_plain\nquit now\nfetch a_plain\n", "a.value 1\n.\n"},
		{".\nversion\n", ""},
		{"spoolfetch 0\n",
			"# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_talk(&f, cases[i].lines, cases[i].expected);
	}
	finish(&f);
}

static void a_plugin_runs_as_plugin_conf_says(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	add_plugin(&f, "env_if",
		"echo \"$0\" | sed 's#.*/##'; echo $1; echo $MUNIN_CAP_MULTIGRAPH $MUNIN_CAP_DIRTYCONFIG;"
		" echo $MUNIN_MASTER_IP; echo $FQDN $a $b; basename $MUNIN_STATEFILE; echo $LC_ALL $PATH;"
		" umask; echo err >&2\n");
	add_plugin(&f, "nice", "nice\n");
	add_file(&f, "conf/10", "[env_*]\nenv.a wild\nenv.b wild\n[nice]\ncommand nice -n 5 %c\n");
	add_file(&f, "conf/20", "[env_if]\nenv.b exact\n");
	add_file(&f, "conf/.hidden", "[env_if]\nenv.b hidden\n");
	start_with(&f, "", false);
	assert_talk(&f, "cap dirtyconfig\nconfig env_if\nfetch nice\n",
		"cap multigraph dirtyconfig\nenv_if\nconfig\n1 1\n192.0.2.1\nWeb1.example.com wild exact\n"
		"env_if-192.0.2.1\nC /usr/sbin:/usr/bin:/sbin:/bin\n0002\n.\n5\n.\n");
	finish(&f);
}

static void users_and_groups_are_those_of_plugin_conf(void **state UNUSED)
{
	if (geteuid()) {
		skip();
	}
	struct fixture f;
	begin(&f);
	add_plugin(&f, "who", "id -un; id -gn; id -G; ls -ldn $MUNIN_PLUGSTATE | cut -d' ' -f3\n");
	add_plugin(&f, "who_root", "id -un\n");
	add_plugin(&f, "who_nobody_knows", "id -un\n");
	add_plugin(&f, "who_with", "id -un; id -gn; id -Gn\n");
	add_plugin(&f, "who_without", "id -un\n");
	add_file(&f, "conf/x",
		"[who_root]\nuser root\n[who_nobody_knows]\nuser no-such-user\n"
		"[who_with]\nuser daemon\ngroup adm, (no-such-group), tty\n"
		"[who_without]\ngroup no-such-group\n");
	start_with(&f, "default_plugin_group daemon\n", false);
	assert_talk(&f,
		"fetch who\nfetch who_root\nfetch who_with\nfetch who_without\nfetch who_nobody_knows\n",
		"nobody\ndaemon\n1\n65534\n.\nroot\n.\ndaemon\nadm\nadm tty\n.\n"
		"# Unknown service\n.\n# Unknown service\n.\n");
	finish(&f);
}

/* hostile 25 */
static void a_slow_plugin_delays_only_its_own_answer(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	add_plugin(&f, "slow", "[ \"$1\" = config ] && echo graph_title S && exit; sleep 30\n");
	add_plugin(&f, "s1", "[ \"$1\" = config ] || sleep 0.4; echo s.value 1\n");
	add_plugin(&f, "s2", "[ \"$1\" = config ] || sleep 0.4; echo s.value 2\n");
	add_plugin(&f, "s3", "[ \"$1\" = config ] || sleep 0.4; echo s.value 3\n");
	add_file(&f, "conf/x", "[slow]\ntimeout 1\n");
	start_with(&f, "", false);
	g_free(talk(&f, "list\n")); /* all is known */
	struct mono began = mono_now();
	assert_talk(&f, "fetch s1\nfetch s2\nfetch s3\nfetch slow\nversion\n",
		"s.value 1\n.\ns.value 2\n.\ns.value 3\n.\n# Timed out\n.\n"
		"munins node on Web1.example.com version: magpie-" MAGPIE_VERSION "\n");
	assert_true(mono_now().ms - began.ms >= 1000);
	began = mono_now();
	assert_talk(&f, "fetch s1\nfetch s2\nfetch s3\n", "s.value 1\n.\ns.value 2\n.\ns.value 3\n.\n");
	assert_true(mono_now().ms - began.ms < 1100); /* one after the other would take 1,200 */
	finish(&f);
}

/* hostile 12, 13 */
static void what_a_plugin_says_is_bounded_and_ends_no_answer(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	add_plugin(&f, "dots", "printf 'a.value 1\\n.\\nb.value 2\\n.\\r\\nlast'\n");
	add_plugin(&f, "flood",
		"[ \"$1\" = config ] && echo graph_title F && exit;"
		" head -c 3000000 /dev/zero | tr '\\0' x\n");
	add_plugin(&f, "bytes", "printf 'a.label \\377\\376 x\\n'\n");
	start_with(&f, "", false);
	assert_talk(&f, "fetch dots\nfetch flood\nfetch bytes\n",
		"a.value 1\nb.value 2\nlast\n.\n# Bad exit\n.\na.label \377\376 x\n.\n");
	finish(&f);
}

static void those_who_ask_the_same_share_one_run(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	add_plugin(&f, "count",
		"echo run >> $MUNIN_PLUGSTATE/runs; [ \"$1\" = config ] || sleep 0.3; echo a.value 1\n");
	start_with(&f, "", false);
	g_free(talk(&f, "list\n"));
	assert_talk(&f, "fetch count\nfetch count\nfetch count\n",
		"a.value 1\n.\na.value 1\n.\na.value 1\n.\n");
	g_autofree char *log = NULL;
	g_autofree char *command = g_strconcat(f.dir, "/state", NULL);
	GDir *dir = g_dir_open(command, 0, NULL);
	g_autofree char *path = g_strconcat(command, "/", g_dir_read_name(dir), "/runs", NULL);
	g_dir_close(dir);
	assert_true(g_file_get_contents(path, &log, NULL, NULL));
	assert_string_equal(log, "run\nrun\n"); /* once to learn about it, once for the three */
	finish(&f);
}

static void built_in_plugins_answer_without_a_process(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	start_with(&f, "", true);
	g_autofree char *plain = talk(&f, "list\n");
	assert_non_null(strstr(plain, "cpu "));
	assert_null(strstr(plain, "diskstats")); /* several graphs: only who understands that gets it */
	g_autofree char *capable = talk(&f, "cap multigraph\nlist\nconfig load\nfetch load\n");
	assert_non_null(strstr(capable, "netstat"));
	assert_non_null(strstr(capable, "\nload.label "));
	assert_non_null(strstr(capable, ".\nload.value "));
	g_autofree char *dirty = talk(&f, "cap multigraph dirtyconfig\nconfig load\n");
	assert_non_null(strstr(dirty, "\nload.label "));
	assert_non_null(strstr(dirty, "\nload.value "));
	finish(&f);
}

static void a_plugin_of_ones_own_wins_over_the_built_in_one(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	add_plugin(&f, "load", "echo mine.value 1\n");
	start_with(&f, "", true);
	assert_talk(&f, "fetch load\n", "mine.value 1\n.\n");
	g_autofree char *list = talk(&f, "cap dirtyconfig\nlist\n");
	const char *first = strstr(list, " load ");
	assert_non_null(first);
	assert_null(strstr(first + 1, " load "));
	finish(&f);
}

static void plugins_come_and_go_and_reload_reads_plugin_conf_again(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	add_plugin(&f, "one", "echo $who.value 1\n");
	add_file(&f, "conf/x", "[one]\nenv.who a\n");
	start_with(&f, "", false);
	assert_talk(&f, "fetch one\n", "a.value 1\n.\n");
	add_plugin(&f, "two", "echo b.value 1\n");
	add_file(&f, "conf/x", "[one]\nenv.who c\n");
	struct node_conf conf;
	node_conf_init(&conf);
	AUTO(diag_list) diags = diag_list_create();
	assert_true(node_server_configure(f.server, &conf, diags, NULL));
	/* whoever asks at once sees no node without plugins */
	assert_talk(&f, "fetch one\nfetch two\n", "c.value 1\n.\nb.value 1\n.\n");
	node_conf_init(&conf);
	assert_true(node_server_configure(f.server, &conf, diags, NULL));
	assert_talk(&f, "cap dirtyconfig\nlist\n", "cap multigraph dirtyconfig\none two\n");
	finish(&f);
}

/* hostile 2, 12 */
static void a_line_without_end_ends_the_dialogue(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	start_with(&f, "", false);
	char line[NODE_DIALOGUE_LINE * 3];
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_talk(&f, line, "");
	assert_int_equal(f.why.kind, ERR_PROTOCOL);
	finish(&f);
}

static void a_node_that_requires_tls_says_so_and_closes(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	start_with(&f, "tls enabled\n", false);
	assert_talk(&f, "list\nlist\n", "# I require TLS. Closing.\n");
	assert_talk(&f, "starttls please\n", "# I require TLS. Closing.\n");
	finish(&f);
}

static void what_tls_needs_is_asked_for_at_the_start(void **state UNUSED)
{
	static const struct {
		const char *settings, *complaint;
	} cases[] = {
		{"tls_private_key /no/such.key\n", "belong together"},
		{"tls_private_key /no/such\ntls_certificate /no/such\n", "/no/such"},
		{"tls paranoid\n", "needs tls_private_key"},
		{"tls_verify_certificate yes\n", "tls_ca_certificate is needed"},
	};
	struct fixture f;
	begin(&f);
	start_with(&f, "", false);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct node_conf conf;
		struct error err = {.text = ""};
		AUTO(diag_list) diags = diag_list_create();
		struct diag_source source = {
			.name = "conf", .text = cases[i].settings, .length = strlen(cases[i].settings)};
		node_conf_init(&conf);
		node_conf_parse(&conf, &source, diags);
		assert_false(node_server_configure(f.server, &conf, diags, &err));
		if (!strstr(err.text, cases[i].complaint)) {
			fail_msg("%s: %s", cases[i].settings, err.text);
		}
	}
	assert_talk(&f, "list\n", "\n"); /* what was in force goes on */
	finish(&f);
}

static int connect_to(int listener)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
	return fd;
}

static void whoever_may_not_ask_sees_a_close(void **state UNUSED)
{
	static const struct {
		const char *settings;
		uint64_t refused;
	} cases[] = {{"cidr_allow 192.0.2.0/24\n", 1}, {"allow ^127\\.\n", 0}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fixture f;
		begin(&f);
		start_with(&f, cases[i].settings, false);
		struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
		assert_int_equal(listen(listener, 5), 0);
		int fd = connect_to(listener);
		assert_true(node_server_listen(f.server, listener, NULL));
		f.patience = loop_timer_create(f.loop, on_patience, &f);
		loop_timer_after(f.patience, 200);
		loop_run(f.loop);
		loop_timer_destroy(f.patience);
		struct node_server_counts counts = node_server_count(f.server);
		assert_int_equal(counts.refused, cases[i].refused);
		assert_int_equal(counts.open, 1 - cases[i].refused);
		char byte;
		fcntl(fd, F_SETFL, O_NONBLOCK);
		assert_int_equal(read(fd, &byte, 1), cases[i].refused ? 0 : 1);
		close(fd);
		finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_answered_as_a_munin_node_does),
		cmocka_unit_test(a_plugin_runs_as_plugin_conf_says),
		cmocka_unit_test(users_and_groups_are_those_of_plugin_conf),
		cmocka_unit_test(a_slow_plugin_delays_only_its_own_answer),
		cmocka_unit_test(what_a_plugin_says_is_bounded_and_ends_no_answer),
		cmocka_unit_test(those_who_ask_the_same_share_one_run),
		cmocka_unit_test(built_in_plugins_answer_without_a_process),
		cmocka_unit_test(a_plugin_of_ones_own_wins_over_the_built_in_one),
		cmocka_unit_test(plugins_come_and_go_and_reload_reads_plugin_conf_again),
		cmocka_unit_test(a_line_without_end_ends_the_dialogue),
		cmocka_unit_test(a_node_that_requires_tls_says_so_and_closes),
		cmocka_unit_test(what_tls_needs_is_asked_for_at_the_start),
		cmocka_unit_test(whoever_may_not_ask_sees_a_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
