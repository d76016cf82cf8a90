/*
 * An arrival goes from accepted through the TLS handshake and one line to a seat, or is closed. It
 * learns nothing of why: an unknown host, a wrong token and a host that is connected already look
 * alike and take alike long.
 *
 * A connection whose peer vanished without a word is noticed by the kernel's keepalive within a
 * minute; until then it counts as live.
 */
#include "collector/munin/push_hub.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/acceptor.h"
#include "base/log.h"
#include "base/secret.h"
#include "collector/munin/push_proof.h"

#include "base/banned.h"

enum { PUSH_KEEPALIVE_S = 20, PUSH_DEAD_MS = 50000 };

struct push_hub {
	struct loop *loop;
	struct acceptor *acceptor;
	struct tls_credentials *credentials;
	GPtrArray *arrivals; /* struct arrival * */
	GPtrArray *seats;    /* struct push_seat * */
	struct push_counts counts;
};

struct push_seat {
	struct push_hub *hub;
	char *host, *token_file;
	struct push_handlers handlers;
	void *owner;
};

/* One that is in its greeting. */
struct arrival {
	struct push_hub *hub;
	struct stream *stream;
	struct in6_addr origin; /* see arrival_origin() */
	char nonce[PUSH_HEX + 1];
};

static void arrival_end(struct arrival *arrival)
{
	g_ptr_array_remove_fast(arrival->hub->arrivals, arrival);
	stream_destroy(arrival->stream);
	g_free(arrival);
}

static void arrival_refuse(struct arrival *arrival, const char *host, const char *why)
{
	arrival->hub->counts.refused++;
	log_warn("push.refused", "peer=%s host=%s reason=\"%s\"", stream_address(arrival->stream),
		log_safe(host), log_safe(why));
	stream_send_text(arrival->stream, PUSH_REFUSED "\n");
	arrival_end(arrival);
}

/* -- who it is -- */

static struct push_seat *push_hub_seat(const struct push_hub *hub, const char *host)
{
	for (guint i = 0; i < hub->seats->len; i++) {
		struct push_seat *seat = hub->seats->pdata[i];
		if (!strcmp(seat->host, host)) {
			return seat;
		}
	}
	return NULL;
}

/* The token of a seat. Without one, a text that nobody can know, so that it takes as long. */
static char *push_seat_token(const struct push_seat *seat, struct error *err)
{
	char *token = seat ? secret_read(seat->token_file, err) : NULL;
	if (!seat) {
		error_set(err, ERR_NOT_FOUND, "no such host with push");
	}
	if (!token) {
		token = g_malloc(PUSH_HEX + 1);
		push_nonce(token);
	}
	return token;
}

static void arrival_admit(struct arrival *arrival, struct push_seat *seat, const char *proof)
{
	struct stream *stream = STEAL(arrival->stream);
	g_autofree char *line = g_strconcat(PUSH_OK, proof, "\n", NULL);
	arrival->hub->counts.accepted++;
	log_info("push.connected", "host=%s peer=%s", seat->host, stream_address(stream));
	arrival_end(arrival);
	stream_send_text(stream, line);
	seat->handlers.arrived(seat->owner, stream);
}

static void arrival_judge(struct arrival *arrival, const char *line)
{
	char host[IDENT_HOST_MAX + 1];
	char nonce[PUSH_HEX + 1];
	char claimed[PUSH_HEX + 1];
	char expected[PUSH_HEX + 1];
	char own[PUSH_HEX + 1];
	if (!push_parse_claim(line, host, nonce, claimed)) {
		arrival_refuse(arrival, NULL, "its first line is none of this protocol");
		return;
	}
	struct error err = {.kind = ERR_NONE};
	struct push_claim claim = {host, arrival->nonce, nonce};
	struct push_seat *seat = push_hub_seat(arrival->hub, host);
	char *token = push_seat_token(seat, &err);
	push_proof(&claim, PUSH_NODE, token, expected);
	push_proof(&claim, PUSH_SERVER, token, own);
	secret_free(token);
	bool proven = push_proof_same(claimed, expected) && err.kind == ERR_NONE;
	if (!proven) {
		arrival_refuse(arrival, host, err.kind != ERR_NONE ? err.text : "it has another token");
	} else if (seat->handlers.taken(seat->owner)) {
		arrival_refuse(arrival, host, "its node is connected already");
	} else {
		arrival_admit(arrival, seat, own);
	}
}

/* -- the stream -- */

static void arrival_on_open(void *owner)
{
	struct arrival *arrival = owner;
	g_autofree char *hello = g_strconcat(PUSH_HELLO, arrival->nonce, "\n", NULL);
	stream_send_text(arrival->stream, hello);
}

static void arrival_on_data(void *owner)
{
	struct arrival *arrival = owner;
	size_t length;
	const char *line = stream_line(arrival->stream, &length, NULL);
	if (line && strlen(line) == length && length <= PUSH_LINE_MAX) {
		g_autofree char *copy = g_strdup(line);
		arrival_judge(arrival, copy);
		return;
	}
	(void)stream_peek(arrival->stream, &length);
	if (line || length > PUSH_LINE_MAX) {
		arrival_refuse(arrival, NULL, "its first line is none of this protocol");
	}
}

static void arrival_on_closed(void *owner, const struct error *why)
{
	struct arrival *arrival = owner;
	log_info(
		"push.left", "peer=%s error=\"%s\"", stream_address(arrival->stream), log_safe(why->text));
	arrival->hub->counts.refused++;
	arrival_end(arrival);
}

static void push_hub_keep_alive(int fd)
{
	const struct {
		int level, name, value;
	} rows[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, PUSH_KEEPALIVE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, 10},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, PUSH_DEAD_MS},
		{IPPROTO_TCP, TCP_NODELAY, 1},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		(void)setsockopt(fd, rows[i].level, rows[i].name, &rows[i].value, sizeof(int));
	}
}

/* Whom a connection is put down to: an IPv4 address, or the network of an IPv6 one. */
static struct in6_addr arrival_origin(const struct sockaddr_storage *peer)
{
	struct in6_addr origin = {.s6_addr = {0}};
	if (peer->ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, peer, sizeof(v4));
		memcpy(&origin.s6_addr[12], &v4.sin_addr, sizeof(v4.sin_addr));
	} else if (peer->ss_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, peer, sizeof(v6));
		bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
		memcpy(&origin.s6_addr[mapped ? 12 : 0], &v6.sin6_addr.s6_addr[mapped ? 12 : 0],
			mapped ? 4 : 8);
	}
	return origin;
}

/* Why no more may be in their greeting; NULL: they may. */
static const char *push_hub_objects(const struct push_hub *hub, const struct in6_addr *origin)
{
	unsigned same = 0;
	for (guint i = 0; i < hub->arrivals->len; i++) {
		const struct arrival *arrival = hub->arrivals->pdata[i];
		same += IN6_ARE_ADDR_EQUAL(&arrival->origin, origin);
	}
	return !hub->credentials                          ? "there is no certificate to show"
		   : hub->arrivals->len >= PUSH_HALF_OPEN_MAX ? "too many in their greeting"
		   : same >= PUSH_ADDRESS_MAX ? "too many from one address in their greeting"
									  : NULL;
}

static void push_hub_receive(void *owner, int fd, const struct sockaddr_storage *peer)
{
	struct push_hub *hub = owner;
	static const struct stream_handlers handlers = {
		.open = arrival_on_open, .data = arrival_on_data, .closed = arrival_on_closed};
	struct error err;
	struct in6_addr origin = arrival_origin(peer);
	const char *objection = push_hub_objects(hub, &origin);
	if (objection) {
		hub->counts.refused++;
		log_warn("push.full", "half_open=%u error=\"%s\"", hub->arrivals->len, objection);
		close(fd);
		return;
	}
	push_hub_keep_alive(fd);
	struct arrival *arrival = g_new0(struct arrival, 1);
	struct tls_settings tls = {.credentials = hub->credentials, .server = true};
	struct stream_target target = {
		.tls = &tls, .deadline_ms = PUSH_GREETING_MS, .input_max = PUSH_INPUT_MAX};
	arrival->hub = hub;
	arrival->origin = origin;
	push_nonce(arrival->nonce);
	arrival->stream = stream_adopt(hub->loop, fd, &target, &handlers, arrival, &err);
	if (!arrival->stream) {
		log_warn("push.accept", "error=\"%s\"", log_safe(err.text));
		g_free(arrival);
		return;
	}
	g_ptr_array_add(hub->arrivals, arrival);
}

/* -- life -- */

struct push_hub *push_hub_create(struct loop *loop)
{
	struct push_hub *hub = g_new0(struct push_hub, 1);
	hub->loop = loop;
	hub->arrivals = g_ptr_array_new();
	hub->seats = g_ptr_array_new();
	return hub;
}

void push_hub_destroy(struct push_hub *hub)
{
	if (!hub) {
		return;
	}
	acceptor_destroy(hub->acceptor);
	while (hub->arrivals->len) {
		arrival_end(hub->arrivals->pdata[0]);
	}
	tls_credentials_unref(hub->credentials);
	g_ptr_array_unref(hub->arrivals);
	g_ptr_array_unref(hub->seats);
	g_free(hub);
}

bool push_hub_configure(struct push_hub *hub, const struct config_push *push, struct error *err)
{
	struct tls_identity identity = {.certificate = push->certificate, .key = push->key};
	struct tls_credentials *credentials = tls_credentials_create(&identity, err);
	if (!credentials) {
		return error_prefix(err, "push");
	}
	tls_credentials_unref(hub->credentials);
	hub->credentials = credentials;
	return true;
}

void push_hub_listen(struct push_hub *hub, int fd)
{
	static const struct acceptor_handlers handlers = {.accepted = push_hub_receive};
	struct error err;
	acceptor_destroy(hub->acceptor);
	hub->acceptor = acceptor_create(hub->loop, fd, &handlers, hub, &err);
	if (!hub->acceptor) {
		log_error("push.listen", "error=\"%s\"", log_safe(err.text));
	}
}

struct push_seat *push_hub_add(struct push_hub *hub, const char *host, const char *token_file,
	const struct push_handlers *handlers, void *owner)
{
	struct push_seat *seat = g_new0(struct push_seat, 1);
	*seat = (struct push_seat){hub, g_strdup(host), g_strdup(token_file), *handlers, owner};
	g_ptr_array_add(hub->seats, seat);
	return seat;
}

void push_hub_remove(struct push_seat *seat)
{
	if (seat) {
		g_ptr_array_remove_fast(seat->hub->seats, seat);
		g_free(seat->host);
		g_free(seat->token_file);
		g_free(seat);
	}
}

struct push_counts push_hub_count(const struct push_hub *hub)
{
	struct push_counts counts = hub->counts;
	counts.half_open = hub->arrivals->len;
	return counts;
}
