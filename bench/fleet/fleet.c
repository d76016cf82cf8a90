#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "base/attr.h"
#include "base/number.h"

#include "base/banned.h"

/*
 * A fleet of munin-nodes in one process: who is asked is known by the address that was connected
 * to, 127.1.0.0 and those behind it, all on one port of the loopback device. Most nodes are
 * healthy, a share is slow, dead or hostile, each in one of several ways (table of kinds). All
 * nodes have the same plugins; texts are made once a second, so that answering costs next to
 * nothing beside asking.
 *
 * It prints a line "node INDEX ADDRESS:PORT KIND" per node, then "ready"; and at SIGTERM or SIGINT
 * what it saw: for healthy nodes each round is a `fetch` of the first and later of the last plugin;
 * a gap between two rounds that is longer than the interval and some slack is late.
 *
 *     fleet NODES PLUGINS FIELDS [PORT [SICK_PERCENT [INTERVAL_S [SLOW_MS]]]]
 */
enum kind { HEALTHY, SLOW, REFUSING, SILENT, ENDLESS, DRIPPING, BABBLING, CLOSING, KINDS };
static const char *const kind_names[KINDS] = {
	"healthy", "slow", "refusing", "silent", "endless", "dripping", "babbling", "closing"};

enum {
	LINE_ROOM = 512,
	EVENTS = 256,
	OUT_MAX = 1 << 20, /* nothing more is read from who does not take its answers */
	SLACK_MS = 2000,
	DRIP_MS = 1000,
	TICK_MS = 20,
	CLOSED_PORT = 1,
};

struct node {
	enum kind kind;
	int64_t begun_ms;   /* of the last round, 0: none yet */
	bool open;          /* a round was begun and not ended */
	int64_t settled_ms; /* when a second round was seen: the first gap is that of the start */
};

struct connection {
	int fd;
	struct node *node;
	size_t index;
	char in[LINE_ROOM];
	size_t in_length;
	GString *out;
	size_t sent;
	int64_t wake_ms; /* slow, dripping: nothing is done before; 0: at once */
	unsigned wanted; /* events */
	bool ending;
};

struct fleet {
	size_t node_count, plugins, fields;
	uint16_t port;
	int sick_percent;
	int64_t interval_ms, slow_ms;
	int epoll, listener;
	struct node *nodes;
	GHashTable *connections; /* set */
	GString *list;
	GString **configs, **values; /* per plugin */
	int64_t values_s;
	/* counted */
	uint64_t accepted, commands, rounds, gaps, late, torn;
	int64_t longest_ms;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number UNUSED)
{
	stopping = 1;
}

static int64_t clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -- texts -- */

static void make_configs(struct fleet *f)
{
	f->list = g_string_new(NULL);
	f->configs = g_new0(GString *, f->plugins);
	f->values = g_new0(GString *, f->plugins);
	for (size_t p = 0; p < f->plugins; p++) {
		g_string_append_printf(f->list, "%splugin%zu", p ? " " : "", p);
		GString *text = f->configs[p] = g_string_new(NULL);
		f->values[p] = g_string_new(NULL);
		g_string_append_printf(text,
			"graph_title Plugin %zu\ngraph_args --base 1000 -l 0\ngraph_vlabel things per "
			"${graph_period}\ngraph_category simulated\n",
			p);
		for (size_t i = 0; i < f->fields; i++) {
			g_string_append_printf(text,
				"field%zu.label field %zu\nfield%zu.type %s\nfield%zu.min 0\n", i, i, i,
				i % 2 ? "DERIVE" : "GAUGE", i);
		}
		g_string_append(text, ".\n");
	}
	g_string_append_c(f->list, '\n');
}

static void make_values(struct fleet *f)
{
	int64_t now_s = time(NULL);
	if (now_s == f->values_s) {
		return;
	}
	f->values_s = now_s;
	for (size_t p = 0; p < f->plugins; p++) {
		g_string_truncate(f->values[p], 0);
		for (size_t i = 0; i < f->fields; i++) {
			double value = i % 2 ? (double)(now_s * (int64_t)(i + 1))
								 : (double)((now_s + (int64_t)(p * i)) % 100) + 0.25;
			char text[NUMBER_TEXT];
			number_format(value, text);
			g_string_append_printf(f->values[p], "field%zu.value %s\n", i, text);
		}
		g_string_append(f->values[p], ".\n");
	}
}

/* -- rounds of healthy nodes -- */

static void round_begins(struct fleet *f, struct node *node)
{
	int64_t now = clock_ms();
	if (node->kind != HEALTHY) {
		return;
	}
	f->torn += node->open;
	if (node->begun_ms && node->settled_ms) {
		int64_t gap = now - node->begun_ms;
		f->gaps++;
		f->late += gap > f->interval_ms + SLACK_MS;
		f->longest_ms = MAX(f->longest_ms, gap);
	} else if (node->begun_ms) {
		node->settled_ms = now;
	}
	node->begun_ms = now;
	node->open = true;
}

static void round_ends(struct fleet *f, struct node *node)
{
	f->rounds += node->open;
	node->open = false;
}

/* At the end: nodes that were not asked again in time have no gap that could show it. */
static void count_forgotten(struct fleet *f)
{
	int64_t now = clock_ms();
	for (size_t i = 0; i < f->node_count; i++) {
		const struct node *node = &f->nodes[i];
		if (node->kind == HEALTHY && now - node->begun_ms > f->interval_ms + SLACK_MS) {
			f->gaps++;
			f->late++;
		}
	}
}

/* -- a dialogue -- */

static size_t plugin_number(const struct fleet *f, const char *name)
{
	long long number;
	return g_str_has_prefix(name, "plugin") && number_parse_int(name + 6, strlen(name) - 6, 0,
												   (long long)f->plugins - 1, &number)
			   ? (size_t)number
			   : SIZE_MAX;
}

static void answer_plugin(struct fleet *f, struct connection *c, const char *name, bool config)
{
	size_t p = plugin_number(f, name);
	if (p == SIZE_MAX) {
		g_string_append(c->out, "# Unknown service\n.\n");
		return;
	}
	if (!config && p == 0) {
		round_begins(f, c->node);
	}
	const GString *text = config ? f->configs[p] : f->values[p];
	g_string_append_len(c->out, text->str, (gssize)text->len);
	if (!config && p == f->plugins - 1) {
		round_ends(f, c->node);
	}
}

static void answer(struct fleet *f, struct connection *c, const char *line)
{
	f->commands++;
	if (g_str_has_prefix(line, "fetch ")) {
		answer_plugin(f, c, line + 6, false);
	} else if (g_str_has_prefix(line, "config ")) {
		answer_plugin(f, c, line + 7, true);
	} else if (g_str_has_prefix(line, "list")) {
		g_string_append_len(c->out, f->list->str, (gssize)f->list->len);
	} else if (g_str_has_prefix(line, "cap")) {
		g_string_append(c->out, "cap multigraph dirtyconfig\n");
	} else if (g_str_has_prefix(line, "nodes")) {
		g_string_append_printf(c->out, "node%zu.example.com\n.\n", c->index);
	} else if (g_str_has_prefix(line, "version")) {
		g_string_append(c->out, "munins node on simulated version: 2.0.73\n");
	} else if (g_str_has_prefix(line, "quit")) {
		c->ending = true;
	} else {
		g_string_append(
			c->out, "# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n");
	}
}

static void greet(struct fleet *f, struct connection *c)
{
	static const char babble[] = "SSH-2.0-OpenSSH_9.2\r\n\x01\xff\xfe lots\tof words 1e400 \0 . \n";
	switch (c->node->kind) {
	case SILENT: return;
	case BABBLING: g_string_append_len(c->out, babble, sizeof(babble) - 1); return;
	case CLOSING: c->ending = true; return;
	case DRIPPING: c->wake_ms = clock_ms() + DRIP_MS; return;
	case SLOW: c->wake_ms = clock_ms() + f->slow_ms; break;
	default: break;
	}
	g_string_append_printf(c->out, "# munin node at node%zu.example.com\n", c->index);
}

/* What a node of this kind does about one line. */
static void take_line(struct fleet *f, struct connection *c, const char *line)
{
	switch (c->node->kind) {
	case ENDLESS:
		for (int i = 0; i < 1000; i++) {
			g_string_append(c->out, "graph_title and so on, for ever and ever\n");
		}
		return;
	case BABBLING: g_string_append(c->out, "what.value 1,5\n\xff\x01\n# Bad exit\nno\n"); return;
	case SILENT:
	case DRIPPING: return;
	case SLOW: c->wake_ms = clock_ms() + f->slow_ms; break;
	default: break;
	}
	answer(f, c, line);
}

static void take_lines(struct fleet *f, struct connection *c)
{
	while (!c->wake_ms && !c->ending && c->out->len - c->sent < OUT_MAX) {
		char *end = memchr(c->in, '\n', c->in_length);
		if (!end) {
			c->ending |= c->in_length == sizeof(c->in);
			return;
		}
		*end = '\0';
		if (end > c->in && end[-1] == '\r') {
			end[-1] = '\0';
		}
		take_line(f, c, c->in);
		c->in_length -= (size_t)(end + 1 - c->in);
		memmove(c->in, end + 1, c->in_length);
	}
}

/* -- sockets -- */

static void connection_destroy(struct fleet *f, struct connection *c)
{
	g_hash_table_remove(f->connections, c);
	close(c->fd);
	g_string_free(c->out, TRUE);
	g_free(c);
}

/* Waits for what can be dealt with; a wish that is not wanted would be told again and again. */
static void want(struct fleet *f, struct connection *c)
{
	bool room = c->in_length < sizeof(c->in) && !(c->wake_ms && c->node->kind == SLOW);
	unsigned wanted = (room ? (unsigned)EPOLLIN : 0U) |
					  (c->sent < c->out->len && !c->wake_ms ? (unsigned)EPOLLOUT : 0U);
	if (c->wanted != wanted) {
		struct epoll_event event = {.events = wanted, .data.ptr = c};
		epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->fd, &event);
		c->wanted = wanted;
	}
}

/* False: it is over. */
static bool send_out(struct connection *c)
{
	while (c->sent < c->out->len) {
		ssize_t n = send(c->fd, c->out->str + c->sent, c->out->len - c->sent, MSG_NOSIGNAL);
		if (n < 0) {
			return errno == EAGAIN;
		}
		c->sent += (size_t)n;
	}
	g_string_truncate(c->out, 0);
	c->sent = 0;
	return !c->ending;
}

static bool read_in(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_length, sizeof(c->in) - c->in_length, 0);
	if (n > 0) {
		c->in_length += (size_t)n;
	}
	return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Reads and answers until there is no more to do now. False: it is over. */
static bool converse(struct fleet *f, struct connection *c)
{
	for (;;) {
		size_t before = c->in_length;
		if (before < sizeof(c->in) && !read_in(c)) {
			return false;
		}
		bool more = c->in_length > before;
		take_lines(f, c);
		if (c->wake_ms && c->node->kind == SLOW) {
			return true; /* said when it wakes */
		}
		if (!send_out(c)) {
			return false;
		}
		if (!more) {
			return true;
		}
	}
}

static void serve(struct fleet *f, struct connection *c)
{
	if (converse(f, c)) {
		want(f, c);
	} else {
		connection_destroy(f, c);
	}
}

static void wake(struct fleet *f, struct connection *c)
{
	int64_t now = clock_ms();
	if (!c->wake_ms || c->wake_ms > now) {
		return;
	}
	c->wake_ms = 0;
	if (c->node->kind == DRIPPING) {
		g_string_append_c(c->out, '#');
		c->wake_ms = now + DRIP_MS;
	}
	if (send_out(c)) {
		serve(f, c);
	} else {
		connection_destroy(f, c);
	}
}

static void wake_all(struct fleet *f)
{
	g_autofree gpointer *all = g_hash_table_get_keys_as_array(f->connections, NULL);
	for (size_t i = 0; all[i]; i++) {
		wake(f, all[i]);
	}
}

static void take_connection(struct fleet *f)
{
	int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct sockaddr_in own;
	socklen_t length = sizeof(own);
	if (fd < 0) {
		return;
	}
	size_t index = SIZE_MAX;
	if (!getsockname(fd, (struct sockaddr *)&own, &length)) {
		index = ntohl(own.sin_addr.s_addr) - 0x7f010000U;
	}
	if (index >= f->node_count) {
		close(fd);
		return;
	}
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct connection *c = g_new0(struct connection, 1);
	*c = (struct connection){
		.fd = fd, .index = index, .node = &f->nodes[index], .out = g_string_new(NULL)};
	g_hash_table_add(f->connections, c);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	c->wanted = EPOLLIN;
	epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event);
	f->accepted++;
	greet(f, c);
	serve(f, c);
}

static bool fleet_listen(struct fleet *f)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(f->port)};
	socklen_t length = sizeof(any);
	struct epoll_event event = {.events = EPOLLIN};
	int on = 1;
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (setsockopt(f->listener, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) ||
		bind(f->listener, (struct sockaddr *)&any, sizeof(any)) || listen(f->listener, 4096) ||
		getsockname(f->listener, (struct sockaddr *)&any, &length) ||
		epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &event)) {
		fprintf(stderr, "fleet: port %u: %s\n", f->port, g_strerror(errno));
		return false;
	}
	f->port = ntohs(any.sin_port);
	return true;
}

static void fleet_run(struct fleet *f)
{
	struct epoll_event events[EVENTS];
	int64_t ticked = 0;
	while (!stopping) {
		int n = epoll_wait(f->epoll, events, EVENTS, TICK_MS);
		make_values(f);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr) {
				serve(f, events[i].data.ptr);
			} else {
				take_connection(f);
			}
		}
		if (clock_ms() - ticked >= TICK_MS) {
			ticked = clock_ms();
			wake_all(f);
		}
	}
}

/* -- telling -- */

static void fleet_announce(struct fleet *f)
{
	for (size_t i = 0; i < f->node_count; i++) {
		struct node *node = &f->nodes[i];
		/* spread evenly: the sick ones are every so many */
		bool sick = (i + 1) * (size_t)f->sick_percent / 100 > i * (size_t)f->sick_percent / 100;
		size_t nth = i * (size_t)f->sick_percent / 100;
		node->kind = sick ? (enum kind)(1 + nth % (KINDS - 1)) : HEALTHY;
		printf(
			"node %zu 127.1.%zu.%zu:%u %s\n", i, i / 256, i % 256, f->port, kind_names[node->kind]);
	}
	printf("ready\n");
	fflush(stdout);
}

static void fleet_tell(const struct fleet *f)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	double cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	printf("connections %llu\ncommands %llu\nrounds %llu\ngaps %llu\nlate %llu\ntorn %llu\n"
		   "longest_gap_ms %lld\ncpu_s %.3f\n",
		(unsigned long long)f->accepted, (unsigned long long)f->commands,
		(unsigned long long)f->rounds, (unsigned long long)f->gaps, (unsigned long long)f->late,
		(unsigned long long)f->torn, (long long)f->longest_ms, cpu_s);
}

static long long argument(char **argv, int argc, int at, long long least, long long otherwise)
{
	long long value = otherwise;
	if (at < argc && !number_parse_int(argv[at], strlen(argv[at]), least, 1000000, &value)) {
		fprintf(stderr, "fleet: \"%s\" is no number from %lld on\n", argv[at], least);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	struct fleet f = {.node_count = (size_t)argument(argv, argc, 1, 1, 10),
		.plugins = (size_t)argument(argv, argc, 2, 1, 25),
		.fields = (size_t)argument(argv, argc, 3, 1, 10),
		.port = (uint16_t)argument(argv, argc, 4, 0, 0),
		.sick_percent = (int)argument(argv, argc, 5, 0, 0),
		.interval_ms = argument(argv, argc, 6, 1, 60) * 1000,
		.slow_ms = argument(argv, argc, 7, 1, 250),
		.connections = g_hash_table_new(NULL, NULL)};
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	f.nodes = g_new0(struct node, f.node_count);
	make_configs(&f);
	make_values(&f);
	if (!fleet_listen(&f)) {
		return 1;
	}
	fleet_announce(&f);
	fleet_run(&f);
	count_forgotten(&f);
	fleet_tell(&f);
	return 0;
}
