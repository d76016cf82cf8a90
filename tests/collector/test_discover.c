#include "collector/services/discover.h"
#include "collector/services/listener.h"
#include "model/config.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/banned.h"

/* Services found in a made-up /proc. */

static void put(const char *root, const char *path, const char *text)
{
	char *whole = g_build_filename(root, path, NULL);
	char *folder = g_path_get_dirname(whole);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	assert_true(g_file_set_contents(whole, text, -1, NULL));
	g_free(folder);
	g_free(whole);
}

struct made_process {
	int pid, parent;
	const char *comm;
	int inodes[4]; /* 0: no more */
};

static void put_process(const char *root, const struct made_process *p)
{
	char path[64], text[256];
	g_snprintf(path, sizeof path, "proc/%d/comm", p->pid);
	g_snprintf(text, sizeof text, "%s\n", p->comm);
	put(root, path, text);
	g_snprintf(path, sizeof path, "proc/%d/stat", p->pid);
	g_snprintf(text, sizeof text, "%d (%s) S %d 1 1 0 -1", p->pid, p->comm, p->parent);
	put(root, path, text);
	g_snprintf(path, sizeof path, "proc/%d/fd/none", p->pid);
	put(root, path, "");
	for (size_t i = 0; i < ARRAY_LENGTH(p->inodes) && p->inodes[i]; i++) {
		char *link = g_strdup_printf("%s/proc/%d/fd/%zu", root, p->pid, i + 3);
		g_snprintf(text, sizeof text, "socket:[%d]", p->inodes[i]);
		(void)unlink(link);
		assert_int_equal(symlink(text, link), 0);
		g_free(link);
	}
}

#define TCP_HEAD                                                                                   \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "  \
	"inode\n"
#define TCP(address, state, inode)                                                                 \
	"   0: " address " 00000000:0000 " state                                                       \
	" 00000000:00000000 00:00000000 00000000     0        0 " inode " 1 ffff 100 0 0 10 0\n"
#define UNIX_HEAD "Num       RefCount Protocol Flags    Type St Inode Path\n"

static char *made_site(void)
{
	char *root = test_directory();
	put(root, "proc/net/tcp",
		TCP_HEAD TCP("00000000:1F90", "0A", "200") TCP("00000000:0050", "0A", "100")
			TCP("0100007F:18EB", "0A", "300") TCP("0100007F:9999", "0A", "301")
				TCP("0100007F:0051", "01", "666") TCP("00000000:0051", "0A", "100"));
	put(root, "proc/net/tcp6",
		TCP_HEAD TCP("00000000000000000000000000000000:0050", "0A", "101")
			TCP("00000000000000000000000001000000:2328", "0A", "900"));
	put(root, "proc/net/unix",
		UNIX_HEAD "0000000000000000: 00000002 00000000 00010000 0001 01 500 /run/php/www.sock\n"
				  "0000000000000000: 00000002 00000000 00010000 0001 01 501 /run/php/shop.sock\n"
				  "0000000000000000: 00000003 00000000 00000000 0001 03 502 /run/php/www.sock\n"
				  "0000000000000000: 00000002 00000000 00010000 0002 01 503 /run/log\n");
	static const struct made_process processes[] = {
		{10, 1, "nginx", {200}}, /* another one, on 8080, with a smaller number */
		{100, 1, "nginx", {100, 101}},
		{101, 100, "nginx", {100, 101}},
		{300, 1, "bash) S 1 (x", {300}},
		{400, 1, "nginx", {0}},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(processes); i++) {
		put_process(root, &processes[i]);
	}
	return root;
}

static char *list_text(const struct discovery *discovery)
{
	GString *text = g_string_new(NULL);
	const GPtrArray *list = discovery_list(discovery);
	for (guint i = 0; i < list->len; i++) {
		const struct discovery_found *found = list->pdata[i];
		g_string_append_printf(
			text, "%s=%s%s ", found->name, found->address, found->tls ? "+tls" : "");
	}
	return g_string_free(text, FALSE);
}

static void assert_list(const struct discovery *discovery, const char *expected)
{
	char *text = list_text(discovery);
	assert_string_equal(text, expected);
	g_free(text);
}

static void one_service_per_master_the_usual_port_first(void **state)
{
	(void)state;
	char *root = made_site();
	struct discovery *discovery = discovery_create(root);
	assert_true(discovery_scan(discovery, (struct mono){1000}));
	assert_list(discovery, "nginx=127.0.0.1:80 nginx_8080=127.0.0.1:8080 ");
	assert_false(discovery_scan(discovery, (struct mono){61000}));
	assert_list(discovery, "nginx=127.0.0.1:80 nginx_8080=127.0.0.1:8080 ");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

static void what_vanished_is_kept_for_a_day(void **state)
{
	(void)state;
	char *root = made_site();
	struct discovery *discovery = discovery_create(root);
	assert_true(discovery_scan(discovery, (struct mono){1000}));
	put(root, "proc/net/tcp", TCP_HEAD TCP("00000000:1F90", "0A", "200"));
	put(root, "proc/net/tcp6", TCP_HEAD);
	int64_t day = (int64_t)DISCOVERY_KEEP_S * 1000;
	assert_false(discovery_scan(discovery, (struct mono){61000}));
	assert_false(discovery_scan(discovery, (struct mono){1000 + day}));
	assert_list(discovery, "nginx=127.0.0.1:80 nginx_8080=127.0.0.1:8080 ");
	assert_true(discovery_scan(discovery, (struct mono){1001 + day}));
	assert_list(discovery, "nginx_8080=127.0.0.1:8080 ");
	/* and comes back under its name, with another socket */
	put(root, "proc/net/tcp",
		TCP_HEAD TCP("00000000:0050", "0A", "100") TCP("00000000:1F90", "0A", "200"));
	assert_true(discovery_scan(discovery, (struct mono){2000 + day}));
	assert_list(discovery, "nginx_8080=127.0.0.1:8080 nginx=127.0.0.1:80 ");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

static void what_an_earlier_process_found_is_remembered(void **state)
{
	(void)state;
	int64_t day = (int64_t)DISCOVERY_KEEP_S * 1000;
	const struct {
		const char *name, *address;
		int64_t seen_ms; /* the machine began at 0 */
		const char *list;
	} cases[] = {
		{"nginx", "127.0.0.1:81", 0, "nginx=127.0.0.1:81 "},
		{"nginx", "127.0.0.1:81", -3600000, "nginx=127.0.0.1:81 "},
		{"nginx", "127.0.0.1:81", 5000 - day, "nginx=127.0.0.1:81 "},
		{"nginx", "127.0.0.1:81", 4999 - day, ""}, /* was away for too long */
		{"php_fpm_www_sock", "unix:///run/w.sock", 0, "php_fpm_www_sock=unix:///run/w.sock "},
		{"nginx_8443", "127.0.0.1:8443", 0, "nginx_8443=127.0.0.1:8443+tls "},
		{"nginxx", "127.0.0.1:81", 0, ""}, /* no kind is called so */
		{"php", "127.0.0.1:81", 0, ""},
		{"", "127.0.0.1:81", 0, ""},
		{"nginx", "", 0, ""},
	};
	char *root = test_directory();
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct discovery *discovery = discovery_create(root);
		struct mono seen = {cases[i].seen_ms};
		bool taken = discovery_remember(
			discovery, cases[i].name, cases[i].address, seen, (struct mono){5000});
		assert_int_equal(taken, *cases[i].list != '\0');
		assert_list(discovery, cases[i].list);
		assert_false(discovery_remember(
			discovery, cases[i].name, cases[i].address, seen, (struct mono){5000}));
		assert_false(discovery_scan(discovery, (struct mono){5000}));
		assert_list(discovery, cases[i].list);
		discovery_destroy(discovery);
	}
	test_directory_remove(root);
}

static void what_was_remembered_and_does_not_come_is_forgotten_in_the_end(void **state)
{
	(void)state;
	char *root = test_directory();
	struct discovery *discovery = discovery_create(root);
	int64_t day = (int64_t)DISCOVERY_KEEP_S * 1000;
	struct mono seen = {-3600000};
	assert_true(discovery_remember(discovery, "nginx", "127.0.0.1:80", seen, (struct mono){5000}));
	assert_false(discovery_scan(discovery, (struct mono){seen.ms + day}));
	assert_true(discovery_scan(discovery, (struct mono){seen.ms + day + 1}));
	assert_list(discovery, "");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

/* The site has nginx on 80 and on 8080; before, the names were the other way round, and a third one
 * ran. */
static const struct {
	const char *name, *address;
} before[] = {
	{"nginx", "127.0.0.1:8080"}, {"nginx_80", "127.0.0.1:80"}, {"nginx_81", "127.0.0.1:81"}};

static void remember_before(struct discovery *discovery)
{
	for (size_t i = 0; i < ARRAY_LENGTH(before); i++) {
		(void)discovery_remember(discovery, before[i].name, before[i].address, (struct mono){-1000},
			(struct mono){2000});
	}
}

static void names_from_before_stay_whichever_comes_first(void **state)
{
	(void)state;
	char *root = made_site();
	struct discovery *told_first = discovery_create(root);
	remember_before(told_first);
	assert_false(discovery_scan(told_first, (struct mono){2000}));
	assert_list(told_first, "nginx=127.0.0.1:8080 nginx_80=127.0.0.1:80 nginx_81=127.0.0.1:81 ");
	struct discovery *told_last = discovery_create(root);
	assert_true(discovery_scan(told_last, (struct mono){1000}));
	remember_before(told_last);
	assert_list(told_last, "nginx_80=127.0.0.1:80 nginx=127.0.0.1:8080 nginx_81=127.0.0.1:81 ");
	assert_false(discovery_scan(told_last, (struct mono){61000}));
	assert_int_equal(discovery_named(told_last, "nginx")->seen.ms, 61000);
	assert_int_equal(discovery_named(told_last, "nginx_81")->seen.ms, -1000);
	discovery_destroy(told_first);
	discovery_destroy(told_last);
	test_directory_remove(root);
}

static void another_one_that_took_the_name_of_a_dead_one_gives_it_back(void **state)
{
	(void)state;
	char *root = made_site();
	struct discovery *discovery = discovery_create(root);
	put(root, "proc/net/tcp", TCP_HEAD TCP("00000000:1F90", "0A", "200"));
	put(root, "proc/net/tcp6", TCP_HEAD);
	assert_true(discovery_scan(discovery, (struct mono){1000}));
	assert_list(discovery, "nginx=127.0.0.1:8080 ");
	assert_true(discovery_remember(
		discovery, "nginx", "127.0.0.1:80", (struct mono){0}, (struct mono){1000}));
	assert_list(discovery, "nginx_8080=127.0.0.1:8080 nginx=127.0.0.1:80 ");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

static void the_address_that_was_asked_stays_while_it_is_there(void **state)
{
	(void)state;
	char *root = made_site();
	struct discovery *discovery = discovery_create(root);
	put(root, "proc/net/tcp", TCP_HEAD TCP("00000000:1F90", "0A", "200"));
	put(root, "proc/net/tcp6", TCP_HEAD);
	assert_true(discovery_scan(discovery, (struct mono){1000}));
	assert_list(discovery, "nginx=127.0.0.1:8080 ");
	put(root, "proc/net/tcp",
		TCP_HEAD TCP("00000000:1F90", "0A", "200") TCP("00000000:0050", "0A", "201"));
	put_process(root, &(struct made_process){10, 1, "nginx", {200, 201}});
	assert_false(discovery_scan(discovery, (struct mono){61000}));
	assert_list(discovery, "nginx=127.0.0.1:8080 ");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

static void a_socket_that_was_renamed_is_called_as_it_is(void **state)
{
	(void)state;
	char *root = test_directory();
	put(root, "run/haproxy/admin.sock", "");
	put(root, "proc/net/unix",
		UNIX_HEAD "0: 00000002 00000000 00010000 0001 01 500 /run/haproxy/admin.sock.4711.tmp\n");
	put_process(root, &(struct made_process){20, 1, "haproxy", {500}});
	struct discovery *discovery = discovery_create(root);
	assert_true(discovery_scan(discovery, (struct mono){1000}));
	assert_list(discovery, "haproxy=unix:///run/haproxy/admin.sock ");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

static void each_pool_is_a_service_of_its_own(void **state)
{
	(void)state;
	char *root = made_site();
	put_process(root, &(struct made_process){30, 1, "php-fpm8.2", {500, 501}});
	put_process(root, &(struct made_process){31, 30, "php-fpm8.2", {500}});
	struct discovery *discovery = discovery_create(root);
	assert_true(discovery_scan(discovery, (struct mono){1000}));
	assert_list(discovery,
		"php_fpm=unix:///run/php/shop.sock php_fpm_www_sock=unix:///run/php/www.sock "
		"nginx=127.0.0.1:80 nginx_8080=127.0.0.1:8080 ");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

static void a_runtime_has_to_listen_on_the_port_of_the_kind(void **state)
{
	(void)state;
	char *root = test_directory();
	put(root, "proc/net/tcp",
		TCP_HEAD TCP("00000000:1F90", "0A", "200") TCP("0100007F:23F0", "0A", "201"));
	put_process(root, &(struct made_process){40, 1, "java", {200}});
	put_process(root, &(struct made_process){41, 1, "java", {201}});
	struct discovery *discovery = discovery_create(root);
	assert_true(discovery_scan(discovery, (struct mono){1000}));
	assert_list(discovery, "elasticsearch=127.0.0.1:9200 ");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

/* What a port of theirs speaks nobody knows: only usual places are asked. */
static void proxies_are_asked_at_usual_places_only(void **state)
{
	(void)state;
	char *root = test_directory();
	put(root, "run/haproxy-master.sock", "");
	put(root, "proc/net/unix",
		UNIX_HEAD "0: 00000002 00000000 00010000 0001 01 500 /run/haproxy-master.sock\n");
	put(root, "proc/net/tcp",
		TCP_HEAD TCP("00000000:0CEA", "0A", "200") TCP("0100007F:17C2", "0A", "300")
			TCP("00000000:1F90", "0A", "301") TCP("00000000:0019", "0A", "400")
				TCP("00000000:01BB", "0A", "401"));
	put_process(root, &(struct made_process){20, 1, "haproxy", {500, 200}});  /* of MySQL */
	put_process(root, &(struct made_process){30, 1, "varnishd", {300, 301}}); /* CLI, pages */
	put_process(root, &(struct made_process){40, 1, "nginx", {400, 401}});    /* mail, pages */
	struct discovery *discovery = discovery_create(root);
	assert_true(discovery_scan(discovery, (struct mono){1000}));
	assert_list(discovery, "nginx=127.0.0.1:443+tls varnish=127.0.0.1:8080 ");
	discovery_destroy(discovery);
	test_directory_remove(root);
}

static void an_empty_or_odd_site_has_no_services(void **state)
{
	(void)state;
	char *root = test_directory();
	struct discovery *discovery = discovery_create(root);
	assert_false(discovery_scan(discovery, (struct mono){1000}));
	put(root, "proc/net/tcp", "garbage\nmore garbage\n");
	put(root, "proc/net/tcp6", "");
	put(root, "proc/net/unix", "a:b:c\n\n: : :\n");
	put(root, "proc/12/comm", "nginx");
	assert_false(discovery_scan(discovery, (struct mono){1000}));
	assert_list(discovery, "");
	assert_null(discovery_create("/nonexistent"));
	discovery_destroy(discovery);
	discovery_destroy(NULL);
	test_directory_remove(root);
}

static void what_is_configured_is_not_added_again(void **state)
{
	(void)state;
	struct config_host host = {.sources = g_ptr_array_new()};
	struct config_source own = {.kind = CONFIG_SOURCE_SERVICE,
		.name = (char[]){"shop"},
		.service = {.kind = (char[]){"nginx"}}};
	struct discovery_found found = {.kind = probe_kind_find("nginx"),
		.name = (char[]){"nginx"},
		.address = (char[]){"127.0.0.1:80"}};
	g_ptr_array_add(host.sources, &own);
	assert_null(discovery_adopt(&found, &host));
	g_ptr_array_free(host.sources, TRUE);
}

/* Asked directly the kernel tells of the same sockets as in its files. */
static void the_kernel_and_its_files_tell_the_same(void **state)
{
	(void)state;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof at;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int whole = 0; whole < 2; whole++) {
		GArray *list = listener_read(root_fd, whole);
		unsigned found = 0;
		for (guint i = 0; i < list->len; i++) {
			const struct listener *l = &g_array_index(list, struct listener, i);
			found += l->port == ntohs(at.sin_port) && !strcmp(l->address, "127.0.0.1") && !l->v6 &&
					 !l->anywhere && l->inode > 0;
		}
		assert_int_equal(found, 1);
		g_array_unref(list);
	}
	close(root_fd);
	close(fd);
}

static bool any_process(const char *comm)
{
	(void)comm;
	return true;
}

/* A socket of our own, found as the kernel shows it. */
static void real_sockets_of_this_machine_are_read(void **state)
{
	(void)state;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	g_snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "magpie-test-%d", (int)getpid());
	size_t size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(at.sun_path + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)size), 0);
	assert_int_equal(listen(fd, 1), 0);
	int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	GArray *list = listener_read(root_fd, true);
	const struct listener *found = NULL;
	for (guint i = 0; i < list->len; i++) {
		const struct listener *l = &g_array_index(list, struct listener, i);
		found = !strcmp(l->path + 1, at.sun_path + 1) ? l : found;
	}
	assert_non_null(found);
	GPtrArray *processes = listener_processes(root_fd, any_process);
	const struct listener_process *own = NULL;
	for (guint i = 0; i < processes->len; i++) {
		const struct listener_process *p = processes->pdata[i];
		own = p->pid == getpid() ? p : own;
	}
	assert_non_null(own);
	assert_int_equal(own->parent, getppid());
	assert_true(listener_owns(own, found->inode));
	assert_false(listener_owns(own, 1));
	g_ptr_array_unref(processes);
	g_array_unref(list);
	close(root_fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_service_per_master_the_usual_port_first),
		cmocka_unit_test(what_vanished_is_kept_for_a_day),
		cmocka_unit_test(what_an_earlier_process_found_is_remembered),
		cmocka_unit_test(what_was_remembered_and_does_not_come_is_forgotten_in_the_end),
		cmocka_unit_test(names_from_before_stay_whichever_comes_first),
		cmocka_unit_test(another_one_that_took_the_name_of_a_dead_one_gives_it_back),
		cmocka_unit_test(the_address_that_was_asked_stays_while_it_is_there),
		cmocka_unit_test(a_socket_that_was_renamed_is_called_as_it_is),
		cmocka_unit_test(each_pool_is_a_service_of_its_own),
		cmocka_unit_test(a_runtime_has_to_listen_on_the_port_of_the_kind),
		cmocka_unit_test(proxies_are_asked_at_usual_places_only),
		cmocka_unit_test(an_empty_or_odd_site_has_no_services),
		cmocka_unit_test(what_is_configured_is_not_added_again),
		cmocka_unit_test(the_kernel_and_its_files_tell_the_same),
		cmocka_unit_test(real_sockets_of_this_machine_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
