#include "runner/order.h"
#include "base/auto.h"
#include "runner/program.h"
#include "runner/transport.h"
#include "tests/support/test.h"

#include <glib.h>

static void names_of_hosts_are_put_into_arguments(void **state UNUSED)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"$HOST", "web1.example"},
		{"$ADDRESS", "192.0.2.7"},
		{"http://$HOST:80/$ADDRESS", "http://web1.example:80/192.0.2.7"},
		{"$HOSTNAME", "$HOSTNAME"},
		{"$HOSTADDRESS$", "$HOSTADDRESS$"},
		{"$HOST$", "web1.example$"},
		{"$", "$"},
		{"", ""},
		{"$ADDRES", "$ADDRES"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *text = order_expand(cases[i].text, "web1.example", "192.0.2.7");
		assert_string_equal(text, cases[i].expected);
	}
}

/* Options of ssh that are always there are left out of the comparison. */
static void ways_to_nodes_become_argument_vectors(void **state UNUSED)
{
	static const struct {
		const char *address, *expected; /* NULL: refused */
	} cases[] = {
		{"ssh://host", "/usr/bin/ssh -- host"},
		{"ssh://host/", "/usr/bin/ssh -- host"},
		{"ssh://host/usr/bin/nc localhost 4949", "/usr/bin/ssh -- host /usr/bin/nc localhost 4949"},
		{"ssh://munin@host:2222/bin/x  a\tb", "/usr/bin/ssh -lmunin -p2222 -- host /bin/x a b"},
		{"ssh://u@[2001:db8::1]:22/bin/x", "/usr/bin/ssh -lu -p22 -- 2001:db8::1 /bin/x"},
		{"ssh://[fe80::1%eth0]", "/usr/bin/ssh -- fe80::1%eth0"},
		{"ssh://host/bin/sh -c $(id);reboot", "/usr/bin/ssh -- host /bin/sh -c '$(id);reboot'"},
		{"ssh://host/bin/x it's", "/usr/bin/ssh -- host /bin/x 'it'\\''s'"},
		{"cmd:///bin/nc -U /run/x", "/bin/nc -U /run/x"},
		{"cmd:///bin/echo $(id) ;", "/bin/echo $(id) ;"},
		{"ssh://-oProxyCommand=id", NULL},
		{"ssh://-oProxyCommand=id/x", NULL},
		{"ssh://-l@host", NULL},
		{"ssh://a b@host", NULL},
		{"ssh://a;b@host", NULL},
		{"ssh://ho$st", NULL},
		{"ssh://host:0", NULL},
		{"ssh://host:22x", NULL},
		{"ssh://host:65536", NULL},
		{"ssh://[::1]x/y", NULL},
		{"ssh://[]", NULL},
		{"ssh://", NULL},
		{"ssh://@host", NULL},
		{"ssh://host nc localhost", NULL},
		{"ssh://host/bin/x a\nb", NULL},
		{"cmd://relative", NULL},
		{"cmd://", NULL},
		{"host:4949", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err = {.kind = ERR_NONE};
		g_autoptr(GPtrArray) argv = transport_command(cases[i].address, &err);
		if (!cases[i].expected) {
			assert_null(argv);
			assert_int_equal(err.kind, ERR_CONFIG);
			continue;
		}
		assert_non_null(argv);
		for (guint k = 0; k < argv->len;) {
			const char *text = g_ptr_array_index(argv, k);
			bool fixed = text && (g_str_has_prefix(text, "-o") || g_str_equal(text, "-T") ||
									 g_str_equal(text, "-a") || g_str_equal(text, "-x"));
			if (fixed) {
				g_ptr_array_remove_index(argv, k);
			} else {
				k++;
			}
		}
		g_autofree char *line = g_strjoinv(" ", (char **)argv->pdata);
		assert_string_equal(line, cases[i].expected);
	}
}

static bool checked(const char *path, const char *why)
{
	struct error err = {.kind = ERR_NONE};
	bool good = program_check(path, &err);
	if (why && (good || !strstr(err.text, why))) {
		fail_msg("%s: %d \"%s\" instead of \"%s\"", path, good, err.text, why);
	}
	if (!why && !good) {
		fail_msg("%s: %s", path, err.text);
	}
	return good;
}

/* hostile 78 */
static void links_to_programs_are_followed_where_only_root_can_change_them(void **state UNUSED)
{
	if (geteuid() != 0) {
		skip();
	}
	char *dir = test_directory();
	g_autofree char *program = g_strconcat(dir, "/tool", NULL);
	g_autofree char *link = g_strconcat(dir, "/link", NULL);
	g_autofree char *chain = g_strconcat(dir, "/chain", NULL);
	g_autofree char *loop = g_strconcat(dir, "/loop", NULL);
	g_autofree char *open_dir = g_strconcat(dir, "/open", NULL);
	g_autofree char *through = g_strconcat(dir, "/open/../tool", NULL);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_true(g_file_set_contents(program, "#!/bin/sh\n", -1, NULL));
	assert_int_equal(chmod(program, 0755), 0);
	assert_int_equal(symlink("tool", link), 0);
	assert_int_equal(symlink("link", chain), 0);
	assert_int_equal(symlink("loop", loop), 0);
	checked(program, NULL);
	checked(link, NULL);
	checked(chain, NULL);
	checked(loop, "symbolic links");
	checked("relative", "absolute");
	assert_int_equal(lchown(link, 65534, 65534), 0);
	checked(chain, "not root's");
	assert_int_equal(lchown(link, 0, 0), 0);
	/* a directory that others may write, on the way of the link only */
	assert_int_equal(mkdir(open_dir, 0777), 0);
	assert_int_equal(chmod(open_dir, 0777), 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(through, link), 0);
	checked(link, "root's alone");
	assert_int_equal(chmod(open_dir, 0755), 0);
	checked(link, NULL);
	assert_int_equal(chmod(program, 0757), 0);
	checked(chain, "others than root");
	test_directory_remove(dir);
}

/* hostile 78: a directory of root's inside one of somebody else's can be renamed by that one. */
static void directories_that_are_links_are_followed_likewise(void **state UNUSED)
{
	if (geteuid() != 0) {
		skip();
	}
	char *dir = test_directory();
	g_autofree char *theirs = g_strconcat(dir, "/theirs", NULL);
	g_autofree char *ours = g_strconcat(theirs, "/ours", NULL);
	g_autofree char *program = g_strconcat(ours, "/tool", NULL);
	g_autofree char *way = g_strconcat(dir, "/way", NULL);
	g_autofree char *through = g_strconcat(way, "/tool", NULL);
	g_autofree char *loop = g_strconcat(dir, "/loop", NULL);
	g_autofree char *round = g_strconcat(loop, "/tool", NULL);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(mkdir(theirs, 0755), 0);
	assert_int_equal(mkdir(ours, 0755), 0);
	assert_true(g_file_set_contents(program, "#!/bin/sh\n", -1, NULL));
	assert_int_equal(chmod(program, 0755), 0);
	assert_int_equal(symlink("theirs/ours", way), 0);
	assert_int_equal(symlink("loop", loop), 0);
	checked(through, NULL);
	checked(round, "symbolic links");
	assert_int_equal(chown(theirs, 65534, 65534), 0);
	checked(through, "root's alone");
	assert_int_equal(chown(theirs, 0, 0), 0);
	assert_int_equal(lchown(way, 65534, 65534), 0);
	checked(through, "not root's");
	test_directory_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_hosts_are_put_into_arguments),
		cmocka_unit_test(ways_to_nodes_become_argument_vectors),
		cmocka_unit_test(links_to_programs_are_followed_where_only_root_can_change_them),
		cmocka_unit_test(directories_that_are_links_are_followed_likewise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
