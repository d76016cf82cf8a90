#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "harness.h"

#include "base/clock.h"
#include "web/server.h"

#include "base/banned.h"

/*
 * The server alone in a child process, with short deadlines. It answers "N" to each request, N the
 * length of the body, or 40 MB where "/large" is asked for.
 */
static const struct gate_limits limits = {
	.per_address = 5, .total = 8, .head_ms = 400, .body_ms = 400, .idle_ms = 600};

static struct harness h;

static void on_request(void *owner, struct exchange *x)
{
	if (!strcmp(x->request.target, "/large")) {
		GString *body = reply_text(&x->reply, 200, "application/octet-stream");
		g_string_set_size(body, 40 << 20);
		memset(body->str, 'x', body->len);
		return;
	}
	g_string_append_printf(
		reply_text(&x->reply, 200, "text/plain"), "%u", x->request.body ? x->request.body->len : 0);
}

static void on_term(void *owner, int number)
{
	loop_stop(owner);
}

static void serve(int fd, unsigned descriptors)
{
	static const struct server_handlers handlers = {.request = on_request};
	struct rlimit limit = {descriptors, descriptors};
	struct loop *loop = loop_create();
	if (descriptors) {
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	struct server *server = server_create(loop, &limits, &handlers, NULL, NULL);
	loop_on_signal(loop, SIGTERM, on_term, loop);
	server_listen(server, fd);
	loop_run(loop);
	server_destroy(server);
	loop_destroy(loop);
}

static void start(unsigned descriptors)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &length), 0);
	h.port = ntohs(a.sin_port);
	fflush(NULL);
	h.pid = fork();
	if (h.pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		serve(fd, descriptors);
		exit(0);
	}
	close(fd);
}

static void stop(void)
{
	int status = 0;
	kill(h.pid, SIGTERM);
	assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int setup(void **state)
{
	start(0);
	return 0;
}

static int teardown(void **state)
{
	stop();
	return 0;
}

static unsigned status_of(const GString *all)
{
	unsigned status = 0;
	return sscanf(all->str, "HTTP/1.1 %u", &status) == 1 ? status : 0;
}

/* Sends, reads until the end; the status of the first answer, 0 for none. */
static unsigned exchange_raw(const char *text, size_t length, GString **all)
{
	int fd = http_connect(&h);
	http_send(fd, text, length);
	GString *got = http_read(fd, NULL);
	unsigned status = status_of(got);
	close(fd);
	if (all) {
		*all = got;
	} else {
		g_string_free(got, TRUE);
	}
	return status;
}

static unsigned ask(const char *text)
{
	return exchange_raw(text, strlen(text), NULL);
}

/* Sends `start`, then a byte every 20 ms until the peer closes; the status it sent before. */
static unsigned trickle(const char *start, char byte, int64_t *took_ms)
{
	int fd = http_connect(&h);
	struct mono begin = mono_now();
	http_send(fd, start, strlen(start));
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 20) > 0) {
			break;
		}
		http_send(fd, &byte, 1);
		assert_true(mono_now().ms - begin.ms < 5000);
	}
	*took_ms = mono_now().ms - begin.ms;
	GString *all = http_read(fd, NULL);
	unsigned status = status_of(all);
	g_string_free(all, TRUE);
	close(fd);
	return status;
}

/* hostile 49 */
static void head_that_trickles_in_is_ended(void **state)
{
	int64_t took_ms = 0;
	assert_int_equal(trickle("GET / HTTP/1.1\r\nX: ", 'a', &took_ms), 408);
	assert_true(took_ms >= limits.head_ms && took_ms < limits.head_ms + 2000);
	int fd = http_connect(&h);
	GString *all = http_read(fd, NULL); /* says nothing at all: closed without a word */
	assert_int_equal(all->len, 0);
	g_string_free(all, TRUE);
	close(fd);
}

/* hostile 50 */
static void body_that_trickles_in_is_ended(void **state)
{
	int64_t took_ms = 0;
	assert_int_equal(
		trickle("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", 'a', &took_ms),
		408);
	assert_true(took_ms < limits.body_ms + 2000);
}

/* hostile 50 */
static void expectation_without_a_body_is_ended(void **state)
{
	GString *all = NULL;
	static const char text[] =
		"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
	exchange_raw(text, strlen(text), &all);
	assert_non_null(strstr(all->str, "HTTP/1.1 408 "));
	g_string_free(all, TRUE);
}

/* hostile 50 */
static void bodies_are_limited(void **state)
{
	assert_int_equal(ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n"), 413);
	assert_int_equal(
		ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na"),
		415);
	GString *chunked =
		g_string_new("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	g_autofree char *part = g_strnfill(65536, 'a');
	for (int i = 0; i < 17; i++) {
		g_string_append_printf(chunked, "10000\r\n%s\r\n", part);
	}
	g_string_append(chunked, "0\r\n\r\n");
	assert_int_equal(exchange_raw(chunked->str, chunked->len, NULL), 413);
	g_string_free(chunked, TRUE);
}

static void bodies_arrive_whole(void **state)
{
	GString *all = NULL;
	static const char chunked[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
								  "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
	assert_int_equal(exchange_raw(chunked, strlen(chunked), &all), 200);
	assert_non_null(strstr(all->str, "\r\n\r\n5"));
	g_string_free(all, TRUE);
}

/* hostile 46: what follows a body is never read */
static void nothing_behind_a_body_is_answered(void **state)
{
	GString *all = NULL;
	static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
							   "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
	assert_int_equal(exchange_raw(text, strlen(text), &all), 200);
	assert_null(strstr(all->str + 1, "HTTP/1.1"));
	assert_non_null(strstr(all->str, "Connection: close"));
	g_string_free(all, TRUE);
}

/* A head that came too fast to be looked at is answered, but nothing behind it. */
static void a_pipeline_ends_at_the_first_head_that_was_not_seen(void **state)
{
	GString *all = NULL;
	static const char text[] =
		"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
	assert_int_equal(exchange_raw(text, strlen(text), &all), 200);
	const char *second = strstr(all->str + 1, "HTTP/1.1 200");
	assert_non_null(second);
	assert_null(strstr(second + 1, "HTTP/1.1"));
	g_string_free(all, TRUE);
}

static void a_head_may_come_in_pieces(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	int fd = http_connect(&h);
	for (size_t i = 0; i < strlen(text); i++) {
		http_send(fd, text + i, 1);
		if (i % 10 == 0) {
			usleep(1000);
		}
	}
	GString *all = http_read(fd, NULL);
	assert_int_equal(status_of(all), 200);
	g_string_free(all, TRUE);
	close(fd);
}

static void an_idle_connection_is_closed(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	int fd = http_connect(&h);
	struct mono begin = mono_now();
	http_send(fd, text, strlen(text));
	GString *all = http_read(fd, NULL);
	assert_int_equal(status_of(all), 200);
	assert_true(mono_now().ms - begin.ms < limits.idle_ms + 2000);
	g_string_free(all, TRUE);
	close(fd);
}

/* hostile 51 */
static void one_address_gets_so_many_connections(void **state)
{
	int fds[5];
	for (size_t i = 0; i < 5; i++) {
		fds[i] = http_connect(&h);
	}
	int more = http_connect(&h);
	struct mono begin = mono_now();
	GString *all = http_read(more, NULL);
	assert_int_equal(all->len, 0);
	assert_true(mono_now().ms - begin.ms < limits.head_ms / 2);
	g_string_free(all, TRUE);
	close(more);
	for (size_t i = 0; i < 5; i++) {
		close(fds[i]);
	}
	for (int i = 0; i < 200; i++) {
		if (ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == 200) {
			return;
		}
		usleep(10000);
	}
	fail_msg("closed connections are still counted");
}

static double cpu_seconds(int pid)
{
	char path[64];
	unsigned long user = 0;
	unsigned long system_ticks = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
						 &system_ticks),
		2);
	fclose(f);
	return (double)(user + system_ticks) / (double)sysconf(_SC_CLK_TCK);
}

/* hostile 92 */
static unsigned status_line(int fd)
{
	GString *line = http_read(fd, "\r\n");
	unsigned status = status_of(line);
	g_string_free(line, TRUE);
	return status;
}

static int ask_large(void)
{
	static const char text[] = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
	int fd = http_connect(&h);
	http_send(fd, text, sizeof(text) - 1);
	return fd;
}

static void answers_that_nobody_reads_are_bounded(void **state)
{
	int deaf[4];
	for (size_t i = 0; i < 4; i++) {
		deaf[i] = ask_large();
		assert_int_equal(status_line(deaf[i]), i < 3 ? 200 : 503);
	}
	close(deaf[3]);
	assert_int_equal(ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 200);
	for (size_t i = 0; i < 3; i++) {
		close(deaf[i]);
	}
	unsigned status = 0;
	for (int i = 0; i < 200 && status != 200; i++) {
		int fd = ask_large();
		status = status_line(fd);
		close(fd);
		usleep(10000);
	}
	assert_int_equal(status, 200);
}

static void out_of_descriptors_does_not_spin(void **state)
{
	int fds[8];
	int pid = h.pid;
	int port = h.port;
	struct rlimit own;
	getrlimit(RLIMIT_NOFILE, &own);
	int used = dup(0);
	close(used);
	start((unsigned)used + 13); /* the loop and the library take about ten */
	for (size_t i = 0; i < 8; i++) {
		fds[i] = http_connect(&h);
	}
	double before = cpu_seconds(h.pid);
	usleep(300000);
	assert_true(cpu_seconds(h.pid) - before < 0.1);
	for (size_t i = 0; i < 8; i++) {
		close(fds[i]);
	}
	assert_int_equal(ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 200);
	stop();
	h.pid = pid;
	h.port = port;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_that_trickles_in_is_ended),
		cmocka_unit_test(body_that_trickles_in_is_ended),
		cmocka_unit_test(expectation_without_a_body_is_ended),
		cmocka_unit_test(bodies_are_limited),
		cmocka_unit_test(bodies_arrive_whole),
		cmocka_unit_test(nothing_behind_a_body_is_answered),
		cmocka_unit_test(a_pipeline_ends_at_the_first_head_that_was_not_seen),
		cmocka_unit_test(a_head_may_come_in_pieces),
		cmocka_unit_test(an_idle_connection_is_closed),
		cmocka_unit_test(one_address_gets_so_many_connections),
		cmocka_unit_test(answers_that_nobody_reads_are_bounded),
		cmocka_unit_test(out_of_descriptors_does_not_spin),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
