#include "collector/host/tcp.h"
#include "collector/host/plugin.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * Sockets by state: tcp. The kernel can list them in two ways: as text in /proc/net/tcp, which
 * takes 4 ms per file on a machine with a table of 262,144 buckets, empty or not, or by
 * sock_diag(7), 0.2 ms for both families at once with the request of the first version. So the text
 * is only read where sock_diag is not to be had.
 */
enum { TCP_PIECE = 32 << 10 };

#define TCP_STATE(name)                                                                            \
	{                                                                                              \
		name, name, FIELD_GAUGE, .info = "Sockets in this state"                                   \
	}

static const struct field_row tcp_fields[TCP_STATES - 1] = {
	TCP_STATE("established"),
	TCP_STATE("syn_sent"),
	TCP_STATE("syn_recv"),
	TCP_STATE("fin_wait1"),
	TCP_STATE("fin_wait2"),
	TCP_STATE("time_wait"),
	TCP_STATE("close"),
	TCP_STATE("close_wait"),
	TCP_STATE("last_ack"),
	TCP_STATE("listen"),
	TCP_STATE("closing"),
};

static const struct graph_row tcp_graph = {
	.name = "tcp",
	.title = "TCP",
	.args = "-l 0",
	.vlabel = "TCP Sockets",
	.category = "network",
	.info = "TCP sockets of this machine by state.",
	.fields = tcp_fields,
	.field_count = ARRAY_LENGTH(tcp_fields),
};

static void tcp_add(struct tcp_reading *reading, unsigned state)
{
	if (state < TCP_STATES) {
		reading->sockets[state]++;
	}
}

static unsigned tcp_digit(char c)
{
	return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
		   : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
								  : 99;
}

/* SLOT: LOCAL REMOTE STATE …, the state as two hexadecimal digits */
void tcp_parse(const char *text, size_t length, struct tcp_reading *reading)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	struct scan state;
	while (scan_line(&all, &line)) {
		scan_skip(&line, 3);
		if (scan_word(&line, &state) && scan_length(&state) == 2) {
			tcp_add(reading, tcp_digit(state.at[0]) * 16 + tcp_digit(state.at[1]));
		}
	}
}

enum tcp_answer tcp_parse_diag(const void *bytes, size_t length, struct tcp_reading *reading)
{
	const char *at = bytes;
	while (length >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr head;
		struct inet_diag_msg socket;
		memcpy(&head, at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > length ||
			head.nlmsg_type == NLMSG_ERROR) {
			return TCP_FAILED;
		}
		if (head.nlmsg_type == NLMSG_DONE) {
			return TCP_DONE;
		}
		if (head.nlmsg_len >= NLMSG_HDRLEN + sizeof(socket)) {
			memcpy(&socket, at + NLMSG_HDRLEN, sizeof(socket));
			tcp_add(reading, socket.idiag_state);
		}
		size_t step = NLMSG_ALIGN(head.nlmsg_len);
		step = step < length ? step : length;
		at += step;
		length -= step;
	}
	return TCP_MORE;
}

struct tcp_state {
	struct kept v4, v6;
	int diag_fd; /* -1: not to be had */
	struct feed *feed;
};

/* Asks for all TCP sockets of both families. */
static bool tcp_ask(int fd)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req request;
	} ask = {
		.head = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = TCPDIAG_GETSOCK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.idiag_family = AF_INET, .idiag_states = ~0U},
	};
	return send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask);
}

static bool tcp_read_diag(const struct tcp_state *s, struct tcp_reading *reading)
{
	char piece[TCP_PIECE];
	if (!tcp_ask(s->diag_fd)) {
		return false;
	}
	for (;;) {
		ssize_t n = recv(s->diag_fd, piece, sizeof(piece), 0);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		enum tcp_answer answer = n > 0 ? tcp_parse_diag(piece, (size_t)n, reading) : TCP_FAILED;
		if (answer != TCP_MORE) {
			return answer == TCP_DONE;
		}
	}
}

static bool tcp_read_text(struct plugin *plugin, struct tcp_reading *reading)
{
	struct tcp_state *s = plugin->state;
	struct kept *files[] = {&s->v4, &s->v6};
	bool any = false;
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		struct scan text;
		if (kept_read(&plugin->site->files, files[i], &text)) {
			tcp_parse(text.at, scan_length(&text), reading);
			any = true;
		}
	}
	return any;
}

static bool tcp_read(struct plugin *plugin, struct tcp_reading *reading)
{
	struct tcp_state *s = plugin->state;
	*reading = (struct tcp_reading){{0}};
	if (s->diag_fd >= 0) {
		if (tcp_read_diag(s, reading)) {
			return true;
		}
		close(s->diag_fd); /* what it had not said yet would mix with the next answer */
		s->diag_fd = -1;
		*reading = (struct tcp_reading){{0}};
	}
	return tcp_read_text(plugin, reading);
}

static int tcp_open_diag(void)
{
	const struct timeval patience = {.tv_sec = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool tcp_start(struct plugin *plugin)
{
	struct tcp_state *s = plugin->state;
	struct tcp_reading reading;
	s->v4 = kept_file("proc/net/tcp");
	s->v6 = kept_file("proc/net/tcp6");
	s->diag_fd = plugin->site->whole_host ? tcp_open_diag() : -1;
	if (!tcp_read(plugin, &reading)) {
		return false;
	}
	s->feed = plugin_feed(plugin, &tcp_graph);
	return true;
}

static void tcp_sample(struct plugin *plugin)
{
	struct tcp_state *s = plugin->state;
	struct tcp_reading reading;
	s->feed->fresh = true;
	if (!tcp_read(plugin, &reading)) {
		return;
	}
	for (size_t i = 1; i < TCP_STATES; i++) {
		s->feed->values[i - 1] = reading.sockets[i];
	}
}

static void tcp_stop(struct plugin *plugin)
{
	struct tcp_state *s = plugin->state;
	kept_close(&s->v4);
	kept_close(&s->v6);
	if (s->v4.path && s->diag_fd >= 0) {
		close(s->diag_fd);
	}
}

const struct plugin_kind plugin_tcp = {
	.name = "tcp",
	.state_size = sizeof(struct tcp_state),
	.slow = true,
	.start = tcp_start,
	.sample = tcp_sample,
	.stop = tcp_stop,
};
