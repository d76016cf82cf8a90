#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <math.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/address.h"
#include "collector/checks/check.h"
#include "collector/checks/icmp.h"
#include "collector/services/address.h"

#include "base/banned.h"

/*
 * Echo requests: `count` of them, spread over the first half of the deadline and at most a second
 * apart. An unprivileged ICMP socket is asked for first; where net.ipv4.ping_group_range does not
 * allow it, a raw one, and where that is not allowed either, the check says so and says nothing
 * about the host. A reply counts if it carries this round's random token (hostile 34).
 */
enum { PING_COUNT_MAX = 20, PING_GAP_MS = 1000, PING_GAP_LEAST_MS = 10 };

enum { PING_AVG, PING_MIN, PING_MAX, PING_LOSS };

static const struct field_row ping_fields[] = {
	{"avg", "mean", FIELD_GAUGE, .min = "0", .unit = "s"},
	{"min", "shortest", FIELD_GAUGE, .min = "0", .unit = "s"},
	{"max", "longest", FIELD_GAUGE, .min = "0", .unit = "s"},
	{"loss", "lost", FIELD_GAUGE, .min = "0", .max = "100", .unit = "%", .hidden = true},
};

struct ping_check {
	struct service_address target; /* its port means nothing here */
	struct resolver_query *query;
	struct sockaddr_storage address;
	char where[INET6_ADDRSTRLEN];
	int fd;
	struct loop_watch *watch;
	struct loop_timer *next, *deadline;
	struct icmp_echo echo;
	uint32_t sent, replies, refusals;
	int64_t gap_ms, sent_us[PING_COUNT_MAX]; /* 0: not sent, or replied */
	double sum_s, min_s, max_s;
	int trouble; /* errno that the network reported; 0: none */
};

/* -- the end -- */

static void ping_judge(struct check *check)
{
	struct ping_check *p = check->state;
	uint32_t count = check->settings->count;
	check_value(check, PING_LOSS, 100.0 * (double)(count - p->replies) / count);
	if (p->replies) {
		double average = p->sum_s / p->replies;
		check_value(check, PING_AVG, average);
		check_value(check, PING_MIN, p->min_s);
		check_value(check, PING_MAX, p->max_s);
		if (p->replies < count) {
			check_succeed_but(check, average, "%u of %u requests to %s had no reply",
				count - p->replies, count, p->where);
		} else {
			check_succeed(check, average);
		}
	} else if (p->trouble) {
		check_fail(check, ERR_UNREACHABLE, "%s: %s", p->where, g_strerror(p->trouble));
	} else {
		check_fail(check, ERR_TIMEOUT, "%s: no reply to %u requests in %.1f s", p->where, p->sent,
			check_age_s(check));
	}
}

/* -- requests and replies -- */

static void ping_send(void *owner)
{
	struct check *check = owner;
	struct ping_check *p = check->state;
	unsigned char bytes[ICMP_SIZE];
	if (p->sent >= check->settings->count) {
		return;
	}
	icmp_request(&p->echo, (uint16_t)p->sent, bytes);
	p->sent_us[p->sent++] = g_get_monotonic_time();
	if (send(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
		p->trouble = errno;
	}
	if (p->sent < check->settings->count) {
		loop_timer_after(p->next, p->gap_ms);
	}
}

static void ping_count(struct ping_check *p, uint16_t sequence)
{
	if (sequence >= p->sent || !p->sent_us[sequence]) {
		return; /* twice */
	}
	double took_s = (double)(g_get_monotonic_time() - p->sent_us[sequence]) / 1e6;
	p->sent_us[sequence] = 0;
	p->min_s = p->replies ? fmin(p->min_s, took_s) : took_s;
	p->max_s = p->replies ? fmax(p->max_s, took_s) : took_s;
	p->sum_s += took_s;
	p->replies++;
}

/* Errors that routers reported wait in a queue of their own, which has to be emptied. */
static void ping_drain(struct ping_check *p)
{
	char bytes[512], control[512];
	struct iovec room = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_iov = &room,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	if (recvmsg(p->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		return;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		struct sock_extended_err reported;
		if (((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
				(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) &&
			c->cmsg_len >= CMSG_LEN(sizeof(reported))) {
			memcpy(&reported, CMSG_DATA(c), sizeof(reported));
			p->trouble = (int)reported.ee_errno;
			p->refusals++;
		}
	}
}

static void ping_on_bytes(void *owner, int fd, unsigned events UNUSED)
{
	struct check *check = owner;
	struct ping_check *p = check->state;
	enum { AT_ONCE = 50 }; /* a raw socket gets the replies to everybody else as well */
	for (unsigned i = 0; i < AT_ONCE; i++) {
		unsigned char bytes[1500];
		uint16_t sequence;
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			break;
		}
		if (n < 0) {
			p->trouble = errno;
			ping_drain(p);
		} else if (icmp_is_reply(&p->echo, bytes, (size_t)n, &sequence)) {
			ping_count(p, sequence);
		}
	}
	ping_drain(p);
	if (p->replies + p->refusals >= check->settings->count) {
		ping_judge(check);
	}
}

static void ping_on_deadline(void *owner)
{
	struct check *check = owner;
	if (check->stage == CHECK_RESOLVE) {
		check_fail(check, ERR_TIMEOUT, "no name server answered for %s",
			((const struct ping_check *)check->state)->target.host);
	} else {
		ping_judge(check);
	}
}

/* -- the socket -- */

static int ping_socket(struct icmp_echo *echo, struct error *err)
{
	int family = echo->v6 ? AF_INET6 : AF_INET, protocol = echo->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	echo->raw = false;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd >= 0) {
		return fd;
	}
	echo->raw = true;
	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0) {
		error_set(err, ERR_DENIED,
			"this machine does not let us send echo requests: neither does "
			"net.ipv4.ping_group_range hold our group, nor have we CAP_NET_RAW (%s)",
			g_strerror(errno));
	}
	return fd;
}

static void ping_options(struct ping_check *p)
{
	int yes = 1;
	if (p->echo.v6) {
		setsockopt(p->fd, SOL_IPV6, IPV6_RECVERR, &yes, sizeof(yes));
	} else {
		setsockopt(p->fd, SOL_IP, IP_RECVERR, &yes, sizeof(yes));
	}
	if (p->echo.v6 && p->echo.raw) {
		struct icmp6_filter filter;
		ICMP6_FILTER_SETBLOCKALL(&filter);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
		setsockopt(p->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
	}
}

static void ping_open(struct check *check)
{
	struct ping_check *p = check->state;
	struct error err = {.kind = ERR_NONE};
	p->echo.v6 = p->address.ss_family == AF_INET6;
	if (getrandom(p->echo.token, ICMP_TOKEN, 0) != ICMP_TOKEN ||
		getrandom(&p->echo.id, sizeof(p->echo.id), 0) != sizeof(p->echo.id) ||
		(p->fd = ping_socket(&p->echo, &err)) < 0) {
		check_refuse(check, &err);
		return;
	}
	ping_options(p);
	check_reach(check, CHECK_CONNECT);
	if (connect(p->fd, (const struct sockaddr *)&p->address,
			p->echo.v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) != 0) {
		check_fail(check, ERR_UNREACHABLE, "%s: %s", p->where, g_strerror(errno));
		return;
	}
	p->watch = loop_watch_add(
		check->target->world->loop, p->fd, LOOP_READABLE, ping_on_bytes, check, &err);
	if (!p->watch) {
		check_refuse(check, &err);
		return;
	}
	check_reach(check, CHECK_QUERY);
	ping_send(check);
}

static bool ping_take_address(struct ping_check *p, const struct sockaddr_storage *address)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	memcpy(&v6, address, sizeof(v6));
	memcpy(&v4, address, sizeof(v4));
	p->address = *address;
	return inet_ntop(address->ss_family,
		address->ss_family == AF_INET6 ? (const void *)&v6.sin6_addr : (const void *)&v4.sin_addr,
		p->where, sizeof(p->where));
}

static void ping_on_address(void *owner, const struct resolver_result *result)
{
	struct check *check = owner;
	struct ping_check *p = check->state;
	enum address_class own = address_class_of_host(p->target.host);
	p->query = NULL;
	if (result->error.kind != ERR_NONE) {
		check_fail(check, result->error.kind, "%s", result->error.text);
		return;
	}
	for (size_t i = 0; i < result->count; i++) {
		enum address_class class = address_classify((const struct sockaddr *)&result->addresses[i]);
		if ((class == ADDRESS_WIDE || (class == own && class != ADDRESS_NO_HOST)) &&
			ping_take_address(p, &result->addresses[i])) {
			ping_open(check);
			return;
		}
	}
	check_fail(check, ERR_DENIED,
		"%s leads to an address of this machine or link, which has to be named itself",
		p->target.host);
}

/* -- life -- */

static void ping_begin(struct check *check)
{
	struct ping_check *p = check->state;
	struct world *world = check->target->world;
	struct error err = {.kind = ERR_NONE};
	uint32_t count = check->settings->count;
	int64_t left_ms = check_left_ms(check);
	p->sent = p->replies = p->refusals = 0;
	p->sum_s = p->min_s = p->max_s = 0;
	p->trouble = 0;
	p->gap_ms = CLAMP(left_ms / 2 / count, (int64_t)PING_GAP_LEAST_MS, (int64_t)PING_GAP_MS);
	loop_timer_after(p->deadline, left_ms);
	p->query = resolver_start(world->resolver, p->target.host, ping_on_address, check, &err);
	if (!p->query) {
		check_refuse(check, &err);
	}
}

static void ping_cancel(struct check *check)
{
	struct ping_check *p = check->state;
	resolver_cancel(STEAL(p->query));
	loop_watch_remove(STEAL(p->watch));
	if (p->next) { /* start() came so far */
		loop_timer_stop(p->next);
		loop_timer_stop(p->deadline);
		if (p->fd >= 0) {
			close(p->fd);
			p->fd = -1;
		}
	}
}

static bool ping_start(struct check *check, struct error *err)
{
	struct ping_check *p = check->state;
	p->fd = -1;
	p->next = loop_timer_create(check->target->world->loop, ping_send, check);
	p->deadline = loop_timer_create(check->target->world->loop, ping_on_deadline, check);
	uint32_t count = check->settings->count;
	if (count < 1 || count > PING_COUNT_MAX) {
		return error_set(err, ERR_CONFIG, "1 to %d requests a round", PING_COUNT_MAX);
	}
	return service_address_parse(check->settings->target, &p->target, err) &&
		   (p->target.host[0] || error_set(err, ERR_CONFIG, "a socket's path cannot be pinged"));
}

static void ping_stop(struct check *check)
{
	struct ping_check *p = check->state;
	loop_timer_destroy(p->next);
	loop_timer_destroy(p->deadline);
}

const struct check_kind check_ping = {.title = "Ping of",
	.info = "Whether a host replies to echo requests, how fast, and how many are lost.",
	.fields = ping_fields,
	.field_count = ARRAY_LENGTH(ping_fields),
	.state_size = sizeof(struct ping_check),
	.start = ping_start,
	.begin = ping_begin,
	.cancel = ping_cancel,
	.stop = ping_stop};
