#include "collector/services/probe.h"
#include "collector/services/discover.h"
#include "model/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * Probes of nginx per CPU-second of the collector's process, over TCP on loopback, against a server
 * in another process that gives each connection one answer. 200 probes are under way at a time, as
 * with a fleet; each begins anew when it is over. Beside it: what looking for services costs while
 * nothing changes.
 *
 *   bench_probe [SECONDS]
 */
enum { BENCH_PROBES = 200, BENCH_EVENTS = 64, BENCH_LOOKS = 200 };

static const char bench_page[] =
	"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 2\r\n\r\nok";
static const char bench_status[] =
	"HTTP/1.1 200 OK\r\nContent-Length: 97\r\n\r\nActive connections: 1 \nserver accepts handled "
	"requests\n 1 1 1 \nReading: 0 Writing: 1 Waiting: 0 \n";

/* -- the server, in a process of its own -- */

static void serve_connection(int poll, int fd)
{
	char bytes[4096];
	ssize_t got = read(fd, bytes, sizeof bytes);
	if (got <= 0) {
		(void)epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
		return;
	}
	bool status = got > 10 && !memcmp(bytes, "GET /nginx", 10);
	const char *page = status ? bench_status : bench_page;
	(void)!send(fd, page, strlen(page), MSG_NOSIGNAL);
}

static void serve(int listener)
{
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
	(void)epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		struct epoll_event events[BENCH_EVENTS];
		int count = epoll_wait(poll, events, BENCH_EVENTS, -1);
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;
			if (fd != listener) {
				serve_connection(poll, fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				event.data.fd = fd;
				(void)epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
			}
		}
	}
}

static pid_t start_server(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&at, size) || listen(listener, 4096) ||
		getsockname(listener, (struct sockaddr *)&at, &size)) {
		perror("bench_probe");
		exit(1);
	}
	*port = ntohs(at.sin_port);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener);
	}
	close(listener);
	return pid;
}

/* -- the probes -- */

struct bench {
	struct loop *loop;
	struct config_host host;
	struct config_source sources[BENCH_PROBES];
	struct target *targets[BENCH_PROBES];
	uint64_t done, failed;
	unsigned busy;
	bool over;
};

static void bench_samples(
	void *owner, struct target *target, struct source *source, struct feed *feed, struct wall at)
{
	(void)owner;
	(void)target;
	(void)source;
	(void)feed;
	(void)at;
}

static void bench_done(void *owner, struct target *target, const struct target_result *result)
{
	struct bench *bench = owner;
	bench->done++;
	bench->failed += result->error.kind != ERR_NONE;
	if (!bench->over) {
		target_begin(target, (struct wall){1700000000000}, 5000);
	} else if (!--bench->busy) {
		loop_stop(bench->loop);
	}
}

static const struct target_sink bench_sink = {.samples = bench_samples, .done = bench_done};

static void bench_end(void *owner)
{
	((struct bench *)owner)->over = true;
}

static double cpu_s(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static char bench_kind[] = "nginx", bench_name[] = "bench", bench_address[] = "127.0.0.1";

static struct config_source bench_source(struct bench *bench, uint16_t port, size_t i, bool metrics)
{
	return (struct config_source){.kind = CONFIG_SOURCE_SERVICE,
		.name = g_strdup_printf("web%zu", i),
		.id = g_strdup_printf("bench/service/web%zu", i),
		.host = &bench->host,
		.interval_s = 10,
		.timeout_s = 5,
		.service = {.kind = bench_kind, .port = port, .metrics = metrics}};
}

static void bench_probes(uint16_t port, bool metrics, const char *name, double seconds)
{
	struct bench *bench = g_new0(struct bench, 1);
	bench->loop = loop_create();
	struct resolver *resolver = resolver_create(bench->loop);
	struct world world = {.loop = bench->loop, .resolver = resolver};
	bench->host = (struct config_host){.name = bench_name,
		.group = bench_name,
		.address = bench_address,
		.sources = g_ptr_array_new()};
	struct loop_timer *timer = loop_timer_create(bench->loop, bench_end, bench);
	for (size_t i = 0; i < BENCH_PROBES; i++) {
		bench->sources[i] = bench_source(bench, port, i, metrics);
		bench->targets[i] = target_create(&bench->sources[i], &world, &bench_sink, bench);
	}
	bench->busy = BENCH_PROBES;
	double began = cpu_s();
	loop_timer_after(timer, (int64_t)(seconds * 1000));
	for (size_t i = 0; i < BENCH_PROBES; i++) {
		target_begin(bench->targets[i], (struct wall){1700000000000}, 5000);
	}
	loop_run(bench->loop);
	double took = cpu_s() - began;
	printf("%s %.0f probes per CPU-second\n%s_us %.2f us each\n%s_failed %.0f of all\n", name,
		(double)bench->done / took, name, took / (double)bench->done * 1e6, name,
		(double)bench->failed);
	for (size_t i = 0; i < BENCH_PROBES; i++) {
		target_destroy(bench->targets[i]);
		g_free(bench->sources[i].name);
		g_free(bench->sources[i].id);
	}
	loop_timer_destroy(timer);
	resolver_destroy(resolver);
	loop_destroy(bench->loop);
	g_ptr_array_free(bench->host.sources, TRUE);
	g_free(bench);
}

/* The least a probe can cost: its system calls on the same bytes, one connection at a time. */
static void bench_floor(uint16_t port, double seconds)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1:40000\r\nUser-Agent: "
								  "magpie\r\nAccept: */*\r\n\r\n";
	const struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int64_t end = mono_now().ms + (int64_t)(seconds * 1000);
	uint64_t done = 0;
	double began = cpu_s();
	for (; mono_now().ms < end; done++) {
		char bytes[4096];
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (const struct sockaddr *)&at, sizeof at) ||
			send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0 ||
			read(fd, bytes, sizeof bytes) <= 0) {
			perror("bench_probe");
			exit(1);
		}
		close(fd);
	}
	printf("probe_floor %.0f exchanges per CPU-second by system calls alone\n",
		(double)done / (cpu_s() - began));
}

static void bench_discovery(void)
{
	struct discovery *discovery = discovery_create("/");
	double first = cpu_s();
	(void)discovery_scan(discovery, mono_now());
	first = cpu_s() - first;
	double again = cpu_s();
	for (int i = 0; i < BENCH_LOOKS; i++) {
		(void)discovery_scan(discovery, mono_now());
	}
	again = (cpu_s() - again) / BENCH_LOOKS;
	printf("discovery_first %.3f ms\ndiscovery %.3f ms\n", first * 1000, again * 1000);
	discovery_destroy(discovery);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;
	uint16_t port;
	pid_t server = start_server(&port);
	bench_probes(port, false, "probe", seconds);
	bench_probes(port, true, "probe_metrics", seconds);
	bench_floor(port, seconds);
	bench_discovery();
	kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	return 0;
}
