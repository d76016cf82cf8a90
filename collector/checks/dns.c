#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/address.h"
#include "collector/checks/check.h"
#include "collector/checks/dns_message.h"
#include "collector/services/address.h"

#include "base/banned.h"

/*
 * A question to a name server: by UDP, sent again while nothing comes, and by TCP if the answer
 * does not fit into a datagram. The socket is connected, so that only the server itself can answer;
 * the random id and the echoed question have to be ours (hostile 34), and what is not is not looked
 * at.
 */
enum { DNS_PORT = 53, DNS_DATAGRAM_MAX = 4096, DNS_AGAIN_MS = 1000, DNS_LENGTH = 2 };

enum { DNS_LATENCY, DNS_ANSWERS, DNS_TTL };

static const struct field_row dns_fields[] = {
	{"latency", "answer", FIELD_GAUGE, .min = "0", .unit = "s",
		.info = "From the question that was answered to its answer"},
	{"answers", "records", FIELD_GAUGE, .min = "0", .hidden = true},
	{"ttl", "time to live", FIELD_GAUGE, .min = "0", .unit = "s", .hidden = true},
};

struct dns_check {
	struct service_address server; /* host "": the system's first */
	struct resolver_query *query;
	struct sockaddr_storage address;
	uint16_t port;
	char where[INET6_ADDRSTRLEN + 10];
	int fd;
	struct loop_watch *watch;
	struct loop_timer *again, *deadline;
	unsigned asked; /* datagrams sent */
	int64_t asked_us;
	struct dns_question question;
	uint16_t type;
};

/* -- judging -- */

static bool dns_expected(const struct check *check, const struct dns_answer *answer)
{
	const GPtrArray *expect = check->settings->expect;
	for (size_t i = 0; expect && i < answer->count; i++) {
		for (guint k = 0; k < expect->len; k++) {
			if (dns_value_is(answer->records[i].value, expect->pdata[k])) {
				return true;
			}
		}
	}
	return !expect;
}

static void dns_judge(struct check *check, const struct dns_answer *answer)
{
	const struct dns_check *d = check->state;
	const char *record = check->settings->record ? check->settings->record : "A";
	double took_s = (double)(g_get_monotonic_time() - d->asked_us) / 1e6;
	double ttl = NAN;
	for (size_t i = 0; i < answer->count; i++) {
		ttl = fmin(ttl, answer->records[i].ttl);
	}
	check_value(check, DNS_LATENCY, took_s);
	check_value(check, DNS_ANSWERS, (double)answer->count);
	check_value(check, DNS_TTL, ttl);
	if (answer->code) {
		check_fail(check, ERR_NOT_FOUND, "%s answers %s for %.80s", d->where,
			dns_code_text(answer->code), d->question.name);
	} else if (!answer->count) {
		check_fail(check, ERR_NOT_FOUND, "%s knows %.80s, but no record %s of it", d->where,
			d->question.name, record);
	} else if (!dns_expected(check, answer)) {
		check_fail(check, ERR_PROTOCOL, "%s says that %.60s is %.60s%s, which is not expected",
			d->where, d->question.name, answer->records[0].value,
			answer->count > 1 ? " (and others)" : "");
	} else {
		check_succeed(check, NAN);
	}
}

/* The server's address as text; returns its port. */
static uint16_t dns_host(const struct dns_check *d, char host[INET6_ADDRSTRLEN])
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	memcpy(&v6, &d->address, sizeof(v6));
	memcpy(&v4, &d->address, sizeof(v4));
	if (d->address.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6.sin6_addr, host, INET6_ADDRSTRLEN);
		return ntohs(v6.sin6_port);
	}
	inet_ntop(AF_INET, &v4.sin_addr, host, INET6_ADDRSTRLEN);
	return ntohs(v4.sin_port);
}

/* -- TCP -- */

static void dns_on_open(void *owner)
{
	struct check *check = owner;
	struct dns_check *d = check->state;
	unsigned char bytes[DNS_LENGTH + DNS_QUESTION_MAX];
	check_reach(check, CHECK_QUERY);
	bytes[0] = (unsigned char)(d->question.length >> 8);
	bytes[1] = (unsigned char)d->question.length;
	memcpy(bytes + DNS_LENGTH, d->question.bytes, d->question.length);
	d->asked_us = g_get_monotonic_time();
	stream_send(check->stream, bytes, DNS_LENGTH + d->question.length);
}

static void dns_on_data(void *owner)
{
	struct check *check = owner;
	struct dns_check *d = check->state;
	struct error err = {.kind = ERR_NONE};
	size_t length;
	const unsigned char *bytes = (const unsigned char *)stream_peek(check->stream, &length);
	size_t size = length >= DNS_LENGTH ? (size_t)bytes[0] << 8 | bytes[1] : 0;
	if (length < DNS_LENGTH || length < DNS_LENGTH + size) {
		return;
	}
	g_autofree struct dns_answer *answer = g_new(struct dns_answer, 1);
	enum dns_verdict verdict = dns_read(&d->question, bytes + DNS_LENGTH, size, answer, &err);
	if (verdict == DNS_GOOD && !answer->truncated) {
		dns_judge(check, answer);
	} else {
		check_fail(check, ERR_PROTOCOL, "%s: %s (by TCP)", d->where,
			verdict == DNS_BROKEN ? err.text : "the answer is to another question, or cut off");
	}
}

static void dns_on_closed(void *owner, const struct error *why)
{
	check_broken(owner, why);
}

static void dns_close(struct dns_check *d)
{
	loop_watch_remove(STEAL(d->watch));
	if (d->fd >= 0) {
		close(d->fd);
		d->fd = -1;
	}
}

static void dns_by_tcp(struct check *check)
{
	static const struct stream_handlers handlers = {dns_on_open, dns_on_data, dns_on_closed};
	struct dns_check *d = check->state;
	char host[INET6_ADDRSTRLEN];
	dns_host(d, host);
	struct stream_target target = {
		.host = host, .port = d->port, .input_max = DNS_LENGTH + DNS_MESSAGE_MAX, .anywhere = true};
	dns_close(d);
	loop_timer_stop(d->again);
	check->stage = CHECK_CONNECT;
	(void)!check_connect(check, &target, &handlers);
}

/* -- UDP -- */

static void dns_fail_errno(struct check *check)
{
	const struct dns_check *d = check->state;
	check->stage = CHECK_CONNECT; /* nobody is there to be asked */
	check_fail(check, ERR_UNREACHABLE, "%s: %s", d->where, g_strerror(errno));
}

static void dns_on_datagram(void *owner, int fd, unsigned events UNUSED)
{
	struct check *check = owner;
	struct dns_check *d = check->state;
	unsigned char bytes[DNS_DATAGRAM_MAX];
	struct error err = {.kind = ERR_NONE};
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			dns_fail_errno(check);
		}
		return;
	}
	g_autofree struct dns_answer *answer = g_new(struct dns_answer, 1);
	switch (dns_read(&d->question, bytes, (size_t)n, answer, &err)) {
	case DNS_FOREIGN: break; /* somebody's guess: ours may still come */
	case DNS_BROKEN: check_fail(check, ERR_PROTOCOL, "%s: %s", d->where, err.text); break;
	case DNS_GOOD:
		if (answer->truncated) {
			dns_by_tcp(check);
		} else {
			dns_judge(check, answer);
		}
		break;
	}
}

static void dns_send(void *owner)
{
	struct check *check = owner;
	struct dns_check *d = check->state;
	d->asked++;
	d->asked_us = g_get_monotonic_time();
	if (send(d->fd, d->question.bytes, d->question.length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		errno != EAGAIN) {
		dns_fail_errno(check);
		return;
	}
	loop_timer_after(d->again, DNS_AGAIN_MS);
}

static void dns_on_deadline(void *owner)
{
	struct check *check = owner;
	const struct dns_check *d = check->state;
	if (check->stage == CHECK_RESOLVE) {
		check_fail(check, ERR_TIMEOUT, "no name server answered for %s", d->server.host);
	} else if (!check->stream) { /* else the stream knows */
		check_fail(check, ERR_TIMEOUT, "%s: no answer to %u questions in %.1f s", d->where,
			d->asked, check_age_s(check));
	}
}

static void dns_open(struct check *check)
{
	struct dns_check *d = check->state;
	struct error err = {.kind = ERR_NONE};
	char host[INET6_ADDRSTRLEN];
	bool v6 = d->address.ss_family == AF_INET6;
	d->port = dns_host(d, host);
	snprintf(d->where, sizeof(d->where), v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)d->port);
	check_reach(check, CHECK_CONNECT);
	d->fd = socket(d->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0 || connect(d->fd, (const struct sockaddr *)&d->address,
						 v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) != 0) {
		dns_fail_errno(check);
		return;
	}
	d->watch = loop_watch_add(
		check->target->world->loop, d->fd, LOOP_READABLE, dns_on_datagram, check, &err);
	if (!d->watch) {
		check_refuse(check, &err);
		return;
	}
	check_reach(check, CHECK_QUERY);
	dns_send(check);
}

/* -- which server -- */

static void dns_on_server(void *owner, const struct resolver_result *result)
{
	struct check *check = owner;
	struct dns_check *d = check->state;
	d->query = NULL;
	if (result->error.kind != ERR_NONE) {
		check_fail(check, result->error.kind, "%s", result->error.text);
		return;
	}
	enum address_class own = address_class_of_host(d->server.host);
	for (size_t i = 0; i < result->count; i++) {
		enum address_class class = address_classify((const struct sockaddr *)&result->addresses[i]);
		if (class == ADDRESS_WIDE || class == own) {
			uint16_t port = htons(d->server.port ? d->server.port : DNS_PORT);
			d->address = result->addresses[i];
			memcpy(
				(char *)&d->address + offsetof(struct sockaddr_in, sin_port), &port, sizeof(port));
			dns_open(check);
			return;
		}
	}
	check_fail(check, ERR_DENIED,
		"%s leads to an address of this machine or link, which has to be "
		"named itself",
		d->server.host);
}

static void dns_begin(struct check *check)
{
	struct dns_check *d = check->state;
	struct world *world = check->target->world;
	struct error err = {.kind = ERR_NONE};
	uint16_t id = 0;
	if (getrandom(&id, sizeof(id), 0) != sizeof(id) ||
		!dns_ask(&d->question, id, check->settings->target, d->type, &err)) {
		check_refuse(check, &err);
		return;
	}
	d->asked = 0;
	loop_timer_after(d->deadline, check_left_ms(check));
	if (!d->server.host[0]) {
		if (resolver_first_server(world->resolver, &d->address, &err)) {
			dns_open(check);
		} else {
			check_refuse(check, &err);
		}
		return;
	}
	d->query = resolver_start(world->resolver, d->server.host, dns_on_server, check, &err);
	if (!d->query) {
		check_refuse(check, &err);
	}
}

/* -- life -- */

static void dns_cancel(struct check *check)
{
	struct dns_check *d = check->state;
	resolver_cancel(STEAL(d->query));
	if (d->again) { /* start() came so far */
		dns_close(d);
		loop_timer_stop(d->again);
		loop_timer_stop(d->deadline);
	}
}

static bool dns_start(struct check *check, struct error *err)
{
	struct dns_check *d = check->state;
	const struct config_check *settings = check->settings;
	d->fd = -1;
	d->again = loop_timer_create(check->target->world->loop, dns_send, check);
	d->deadline = loop_timer_create(check->target->world->loop, dns_on_deadline, check);
	d->type = dns_type(settings->record ? settings->record : "A");
	if (!d->type) {
		return error_set(err, ERR_CONFIG, "there is no record \"%s\"", settings->record);
	}
	if (settings->server && !service_address_parse(settings->server, &d->server, err)) {
		return false;
	}
	return dns_ask(&d->question, 0, settings->target, d->type, err);
}

static void dns_stop(struct check *check)
{
	struct dns_check *d = check->state;
	loop_timer_destroy(d->again);
	loop_timer_destroy(d->deadline);
}

const struct check_kind check_dns = {.title = "Name",
	.info = "Whether a name server answers, with what is expected, and how fast.",
	.fields = dns_fields,
	.field_count = ARRAY_LENGTH(dns_fields),
	.state_size = sizeof(struct dns_check),
	.start = dns_start,
	.begin = dns_begin,
	.cancel = dns_cancel,
	.stop = dns_stop};
