/*
 * Fields per CPU second that polling munin-nodes takes: whole rounds of a source (connect,
 * greeting, list, all values, hand-over) with a node that is another process and answers from
 * memory, and the parser alone. CPU of this process, user and system.
 */
#include "base/resolve.h"
#include "collector/munin/node_values.h"
#include "collector/target.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/banned.h"

enum { PLUGINS = 25, FIELDS = 10, ROUNDS = 3000, PARSES = 200000 };

struct bench {
	struct loop *loop;
	unsigned rounds, failed;
	uint64_t values;
	struct target *target;
};

static double cpu_s(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* -- the node: a process of its own -- */

static void append_answer(GString *out, const char *line)
{
	if (g_str_has_prefix(line, "cap")) {
		g_string_append(out, "cap multigraph dirtyconfig\n");
	} else if (!strcmp(line, "version")) {
		g_string_append(out, "munins node on bench version: 2.0.73\n");
	} else if (!strcmp(line, "list")) {
		for (int i = 0; i < PLUGINS; i++) {
			g_string_append_printf(out, "plugin_%d%s", i, i + 1 < PLUGINS ? " " : "\n");
		}
	} else if (g_str_has_prefix(line, "config ")) {
		for (int i = 0; i < FIELDS; i++) {
			g_string_append_printf(out, "field_%d.label field %d\nfield_%d.type DERIVE\n", i, i, i);
		}
		g_string_append(out, ".\n");
	} else {
		for (int i = 0; i < FIELDS; i++) {
			g_string_append_printf(out, "field_%d.value %d\n", i, 1234567 * (i + 1));
		}
		g_string_append(out, ".\n");
	}
}

static void serve_connection(int fd)
{
	static const char banner[] = "# munin node at bench\n";
	char room[16384];
	size_t length = 0;
	ssize_t got = write(fd, banner, sizeof(banner) - 1);
	GString *out = g_string_new(NULL);
	while ((got = read(fd, room + length, sizeof(room) - length)) > 0) {
		length += (size_t)got;
		char *line = room;
		char *end;
		g_string_truncate(out, 0);
		while ((end = memchr(line, '\n', length - (size_t)(line - room)))) {
			*end = '\0';
			append_answer(out, line);
			line = end + 1;
		}
		length -= (size_t)(line - room);
		memmove(room, line, length);
		if (out->len && write(fd, out->str, out->len) < 0) {
			break;
		}
	}
	g_string_free(out, TRUE);
	close(fd);
}

static pid_t start_node(char address[64])
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int length = snprintf(
		name.sun_path + 1, sizeof(name.sun_path) - 1, "magpie-bench-munin-%d", (int)getpid());
	snprintf(address, 64, "unix:@%.50s", name.sun_path + 1);
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listening, (struct sockaddr *)&name,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) ||
		listen(listening, 64)) {
		exit(1);
	}
	pid_t pid = fork();
	for (int fd; !pid && (fd = accept(listening, NULL, NULL)) >= 0;) {
		serve_connection(fd);
	}
	close(listening);
	return pid;
}

/* -- rounds -- */

static void take_samples(
	void *owner, struct target *target, struct source *source, struct feed *feed, struct wall at)
{
	struct bench *bench = owner;
	(void)target;
	(void)feed;
	(void)at;
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *one = source->feeds->pdata[i];
		bench->values += one->fresh ? feed_count(one) : 0;
	}
}

static void next_round(void *owner)
{
	struct bench *bench = owner;
	target_begin(bench->target, wall_from_s(1800000000 + 60 * (int64_t)bench->rounds), 10000);
}

static void take_done(void *owner, struct target *target, const struct target_result *result)
{
	struct bench *bench = owner;
	(void)target;
	bench->rounds++;
	bench->failed += result->error.kind != ERR_NONE;
	if (bench->rounds % ROUNDS) {
		loop_defer(bench->loop, next_round, bench);
	} else {
		loop_stop(bench->loop);
	}
}

static void bench_rounds(void)
{
	static const struct target_sink sink = {take_samples, take_done};
	char address[64];
	char name[] = "bench";
	char id[] = "bench/munin/munin";
	pid_t pid = start_node(address);
	struct bench bench = {.loop = loop_create()};
	struct world world = {.loop = bench.loop, .resolver = resolver_create(bench.loop)};
	struct config_host host = {.name = name, .group = name};
	struct config_source settings = {.kind = CONFIG_SOURCE_NODE,
		.name = name,
		.id = id,
		.host = &host,
		.interval_s = 60,
		.node.address = address};
	bench.target = target_create(&settings, &world, &sink, &bench);
	double before = cpu_s();
	next_round(&bench);
	loop_run(bench.loop);
	double took = cpu_s() - before;
	printf("munin_fields_per_cpu_s %.0f /s\n", (double)bench.values / took);
	printf("munin_round_us %.1f us\n", took * 1e6 / ROUNDS);
	printf("munin_failed %u rounds\n", bench.failed);
	target_destroy(bench.target);
	resolver_destroy(world.resolver);
	loop_destroy(bench.loop);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void bench_parser(void)
{
	GString *config = g_string_new(NULL);
	GString *fetch = g_string_new(NULL);
	append_answer(config, "config p");
	append_answer(fetch, "fetch p");
	struct node_names *names = node_names_create();
	AUTO(node_config)
	parsed = node_config_parse(
		&(struct node_config_options){
			.plugin = "p", .group = "g", .host = "h", .step_s = 60, .names = names},
		config->str, config->len - 2);
	struct node_values values;
	node_values_init(&values);
	struct node_values_options options = {.plugin = "p", .graphs = parsed->graphs};
	uint64_t count = 0;
	double before = cpu_s();
	for (int i = 0; i < PARSES; i++) {
		node_values_read(&values, &options, fetch->str, fetch->len - 2);
		count += values.samples->len;
	}
	printf("munin_parse_fields_per_cpu_s %.0f /s\n", (double)count / (cpu_s() - before));
	node_values_finish(&values);
	node_names_destroy(names);
	g_string_free(config, TRUE);
	g_string_free(fetch, TRUE);
}

int main(void)
{
	bench_parser();
	bench_rounds();
	return 0;
}
