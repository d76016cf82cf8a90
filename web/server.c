#include "web/server.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/text.h"
#include "web/httpdate.h"
#include "web/response.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include <microhttpd.h>

#include "base/banned.h"

/*
 * libmicrohttpd runs without threads: its epoll descriptor is watched by our loop, and one
 * function, server_run(), gives it its turn.
 *
 * I1: its sockets are edge-triggered, so after every MHD_run() a timer is set from
 * MHD_get_timeout(), even for 0. I2: MHD_resume_connection() does not make its descriptor readable;
 * whoever resumes asks for a turn (server_wake), once per batch. I3: it aborts at its end if a
 * connection is suspended; server_destroy() resumes all first and sources end by themselves.
 * I4: a content reader that has nothing must suspend its connection, else it is called in a circle.
 */
enum {
	CONNECTION_MEMORY = 32768,
	CONNECTION_IDLE_S = 60,
	DISCARD_MAX = 4 << 20,
	UNREAD_MAX = 128 << 20, /* answers that clients have not taken yet, all together */
	LARGE = 1 << 20,
	SOURCE_BLOCK = 16384, /* of CONNECTION_MEMORY, at a time */
};

enum phase { PHASE_NEW, PHASE_BODY, PHASE_ASKED, PHASE_ANSWERED, PHASE_SENT };

/* What the library's per-request pointer points to; the public part comes first. */
struct exchange_private {
	struct exchange x;
	struct server *server;
	struct MHD_Connection *connection;
	struct gate_connection *gate;
	struct exchange_private *next, **link;
	enum phase phase;
	bool suspended, has_body, too_large, close, target_bad, dropped;
	size_t received, unread;
	struct error target_error;
};

struct server {
	struct loop *loop;
	struct gate *gate;
	struct MHD_Daemon *daemon;
	struct loop_watch *watch;
	struct loop_timer *timer;
	struct server_handlers handlers;
	void *owner;
	struct gate_connection *handing; /* during MHD_add_connection() */
	struct exchange_private *exchanges;
	bool wake_due, stopping;
	size_t unread; /* bytes of answers that were given to the library */
	struct server_counters counters;
};

static void server_run(struct server *server)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;
	server->wake_due = false;
	gate_inspect(server->gate);
	MHD_run(server->daemon);
	if (server->wake_due) {
		loop_timer_after(server->timer, 0);
	} else if (MHD_get_timeout(server->daemon, &ms) == MHD_YES) {
		loop_timer_after(server->timer, (int64_t)MIN(ms, 60000));
	} else {
		loop_timer_stop(server->timer);
	}
}

static void on_timer(void *owner)
{
	server_run(owner);
}

/* See I2. A timer of 0 ms and not loop_defer(): it can be taken back when the server ends. */
static void server_wake(struct server *server)
{
	if (!server->wake_due) {
		server->wake_due = true;
		loop_timer_after(server->timer, 0);
	}
}

static void on_epoll(void *owner, int fd UNUSED, unsigned events UNUSED)
{
	server_run(owner);
}

/* -- life of an exchange -- */

static struct exchange_private *private_of(struct exchange *x)
{
	return (struct exchange_private *)x;
}

static void *on_target(void *owner, const char *target, struct MHD_Connection *connection)
{
	struct server *server = owner;
	struct exchange_private *p = g_new0(struct exchange_private, 1);
	p->server = server;
	p->connection = connection;
	p->next = server->exchanges;
	p->link = &server->exchanges;
	if (p->next) {
		p->next->link = &p->next;
	}
	server->exchanges = p;
	p->x.request.now = wall_now();
	p->target_bad = !request_parse_target(&p->x.request, target, &p->target_error);
	return p;
}

static void end_source(struct exchange_private *p)
{
	struct reply_source source = p->x.reply.source;
	p->x.reply.source = (struct reply_source){0};
	if (source.closed) { /* also of an answer whose client left before it could begin */
		source.closed(source.owner);
	}
}

static void on_completed(void *owner UNUSED, struct MHD_Connection *connection UNUSED,
	void **context, enum MHD_RequestTerminationCode code UNUSED)
{
	struct exchange_private *p = *context;
	*context = NULL;
	if (!p) {
		return;
	}
	end_source(p);
	p->server->unread -= p->unread;
	if (p->gate) {
		gate_answered(p->gate);
	}
	*p->link = p->next;
	if (p->next) {
		p->next->link = p->link;
	}
	request_finish(&p->x.request);
	reply_finish(&p->x.reply);
	g_free(p);
}

static void on_connection(void *owner, struct MHD_Connection *connection UNUSED, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct server *server = owner;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = server->handing;
		return;
	}
	struct gate_connection *c = *context;
	if (c == server->handing) {
		server->handing = NULL;
	}
	if (c) {
		gate_left(c);
	}
}

static void on_hand(void *owner, struct gate_connection *connection, int fd)
{
	struct server *server = owner;
	struct sockaddr_in address = {.sin_family = AF_INET}; /* the gate knows the real one */
	server->handing = connection;
	if (MHD_add_connection(server->daemon, fd, (struct sockaddr *)&address, sizeof(address)) !=
			MHD_YES &&
		server->handing) {
		gate_left(connection); /* the library closed the socket in any case */
	}
	server->handing = NULL;
}

/* -- the request comes in -- */

static char *header_copy(struct MHD_Connection *connection, const char *name, size_t limit)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
	return value ? text_clean(value, strlen(value), limit) : NULL;
}

static bool accepts_gzip(const char *value)
{
	const char *at = value ? strstr(value, "gzip") : NULL;
	return at && strncmp(at, "gzip;q=0,", 9) && strcmp(at, "gzip;q=0");
}

static void read_headers(struct exchange_private *p)
{
	struct request *r = &p->x.request;
	r->content_type = header_copy(p->connection, MHD_HTTP_HEADER_CONTENT_TYPE, 200);
	r->accept = header_copy(p->connection, MHD_HTTP_HEADER_ACCEPT, 1000);
	r->if_none_match = header_copy(p->connection, MHD_HTTP_HEADER_IF_NONE_MATCH, 1000);
	g_autofree char *since = header_copy(p->connection, MHD_HTTP_HEADER_IF_MODIFIED_SINCE, 100);
	if (since && !httpdate_parse(since, &r->if_modified_since_s)) {
		r->if_modified_since_s = 0;
	}
	r->last_event_id = header_copy(p->connection, "Last-Event-ID", 100);
	r->host = header_copy(p->connection, MHD_HTTP_HEADER_HOST, 300);
	r->origin = header_copy(p->connection, "Origin", 500);
	r->fetch_site = header_copy(p->connection, "Sec-Fetch-Site", 50);
	r->authorization = header_copy(p->connection, MHD_HTTP_HEADER_AUTHORIZATION, 500);
	r->accept_gzip = accepts_gzip(MHD_lookup_connection_value(
		p->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING));
}

static enum verb verb_of(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD") ? VERB_GET
		   : !strcmp(method, "POST")                         ? VERB_POST
		   : !strcmp(method, "DELETE")                       ? VERB_DELETE
															 : VERB_OTHER;
}

struct doubled {
	unsigned lengths, encodings;
	bool odd_name;
};

static enum MHD_Result count_header(
	void *owner, enum MHD_ValueKind kind UNUSED, const char *name, const char *value UNUSED)
{
	struct doubled *d = owner;
	d->lengths += !g_ascii_strcasecmp(name, "Content-Length");
	d->encodings += !g_ascii_strcasecmp(name, "Transfer-Encoding");
	d->odd_name = d->odd_name || strpbrk(name, " \t");
	return MHD_YES;
}

/* What the handler can still see of a head that the gate did not look at (reference: H2). */
static bool head_ambiguous(struct MHD_Connection *connection)
{
	struct doubled d = {0};
	MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, &d);
	return d.lengths + d.encodings > 1 || d.odd_name;
}

static enum MHD_Result begin(struct exchange_private *p, const char *method)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(p->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const char *length =
		MHD_lookup_connection_value(p->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	p->gate = info ? info->socket_context : NULL;
	p->has_body =
		(length && strcmp(length, "0")) || MHD_lookup_connection_value(p->connection,
											   MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	enum gate_pass pass = p->gate ? gate_request(p->gate, p->has_body) : GATE_DEAD;
	if (pass == GATE_DEAD || (pass == GATE_UNSEEN && head_ambiguous(p->connection))) {
		return MHD_NO;
	}
	p->close = p->has_body || pass == GATE_UNSEEN;
	p->x.request.verb = verb_of(method);
	p->x.head_only = !strcmp(method, "HEAD");
	p->phase = PHASE_BODY;
	read_headers(p);
	return MHD_YES;
}

static enum MHD_Result take_body(struct exchange_private *p, const char *bytes, size_t *length)
{
	p->received += *length;
	p->too_large = p->too_large || p->received > REQUEST_BODY_MAX;
	if (p->received > DISCARD_MAX) {
		return MHD_NO;
	}
	if (!p->too_large) {
		if (!p->x.request.body) {
			p->x.request.body = g_byte_array_new();
		}
		g_byte_array_append(p->x.request.body, (const guint8 *)bytes, (guint)*length);
	}
	*length = 0;
	return MHD_YES;
}

/* -- the reply goes out -- */

static ssize_t read_source(void *owner, uint64_t position UNUSED, char *buffer, size_t room)
{
	struct exchange_private *p = owner;
	if (p->server->stopping || p->dropped) {
		return p->x.reply.source.finite ? MHD_CONTENT_READER_END_WITH_ERROR
										: MHD_CONTENT_READER_END_OF_STREAM;
	}
	ssize_t n = p->x.reply.source.read(p->x.reply.source.owner, buffer, room);
	if (n == 0) {
		p->suspended = true;
		MHD_suspend_connection(p->connection); /* see I4 */
	}
	return n >= 0                     ? n
		   : n == REPLY_SOURCE_BROKEN ? MHD_CONTENT_READER_END_WITH_ERROR
									  : MHD_CONTENT_READER_END_OF_STREAM;
}

/* The library ends a chunked answer to HEAD with the empty chunk, which would be taken for the
 * beginning of the next answer: that one is not chunked, and is the last on its connection. */
static struct MHD_Response *make_response(struct exchange_private *p)
{
	if (!p->x.reply.source.read) {
		return response_create(&p->x.reply);
	}
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, SOURCE_BLOCK, read_source, p, NULL);
	if (response && p->x.head_only) {
		MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	}
	return response;
}

/* Small answers always go out: a client that lets large ones wait must not silence the others. */
static void bound_unread(struct exchange_private *p)
{
	size_t length = p->x.reply.body ? p->x.reply.body->len : 0;
	if (length > LARGE && p->server->unread + length > UNREAD_MAX) {
		reply_problem(&p->x.reply, 503, "too many large answers wait to be read by their clients");
	}
}

static enum MHD_Result send_reply(struct exchange_private *p)
{
	char etag[REPLY_ETAG];
	struct server *server = p->server;
	bound_unread(p);
	response_prepare(&p->x.reply, &p->x.request, etag);
	unsigned status = p->x.reply.status;
	p->unread = p->x.reply.body ? p->x.reply.body->len : 0;
	server->unread += p->unread;
	struct MHD_Response *response = make_response(p);
	if (!response) {
		return MHD_NO;
	}
	p->x.reply.close = p->x.reply.close || p->close;
	response_add_headers(response, &p->x.reply, etag);
	p->phase = PHASE_SENT;
	enum MHD_Result result = MHD_queue_response(p->connection, status, response);
	MHD_destroy_response(response);
	server->counters.requests++;
	server->counters.by_class[status / 100 < 6 ? status / 100 : 5]++;
	return result;
}

static void ask(struct exchange_private *p)
{
	p->phase = PHASE_ASKED;
	if (p->gate && p->has_body) {
		gate_body_done(p->gate);
	}
	if (p->server->stopping) {
		reply_problem(&p->x.reply, 503, "the web role is ending");
	} else if (p->too_large) {
		reply_problem(&p->x.reply, 413, "the body is larger than 1 MB");
	} else if (p->target_bad) {
		reply_problem(&p->x.reply, 400, "%s", p->target_error.text);
	} else {
		p->server->handlers.request(p->server->owner, &p->x);
	}
	if (!p->x.held) {
		p->phase = PHASE_ANSWERED;
	}
}

static enum MHD_Result on_request(void *owner UNUSED, struct MHD_Connection *connection UNUSED,
	const char *url UNUSED, const char *method, const char *version UNUSED, const char *upload,
	size_t *upload_length, void **context)
{
	struct exchange_private *p = *context;
	if (!p) {
		return MHD_NO;
	}
	if (p->phase == PHASE_NEW) {
		return begin(p, method);
	}
	if (*upload_length) {
		return take_body(p, upload, upload_length);
	}
	if (p->phase == PHASE_BODY) {
		ask(p);
	}
	if (p->phase == PHASE_ANSWERED) {
		return send_reply(p);
	}
	if (!p->suspended) {
		p->suspended = true;
		MHD_suspend_connection(p->connection);
	}
	return MHD_YES;
}

static void resume(struct exchange_private *p)
{
	if (p->suspended) {
		p->suspended = false;
		MHD_resume_connection(p->connection);
		server_wake(p->server);
	}
}

void exchange_hold(struct exchange *x)
{
	x->held = true;
}

void exchange_answer(struct exchange *x)
{
	struct exchange_private *p = private_of(x);
	x->held = false;
	x->pending = NULL;
	p->phase = PHASE_ANSWERED;
	resume(p);
}

void exchange_wake(struct exchange *x)
{
	resume(private_of(x));
}

void exchange_drop(struct exchange *x)
{
	struct exchange_private *p = private_of(x);
	p->dropped = true;
	if (p->gate) {
		gate_shut(p->gate);
	}
	resume(p);
}

/* -- the server as a whole -- */

/* The target is decoded by web/request; the library shall leave it as it came. */
static size_t leave_escaped(
	void *owner UNUSED, struct MHD_Connection *connection UNUSED, char *text)
{
	return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct server *server, unsigned total)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, on_request, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT, total + 16,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target,
		server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, server, MHD_OPTION_END);
}

struct server *server_create(struct loop *loop, const struct gate_limits *limits,
	const struct server_handlers *handlers, void *owner, struct error *err)
{
	static const struct gate_handlers gate_handlers = {.hand = on_hand};
	struct server *server = g_new0(struct server, 1);
	server->loop = loop;
	server->handlers = *handlers;
	server->owner = owner;
	server->gate = gate_create(loop, limits, &gate_handlers, server);
	server->timer = loop_timer_create(loop, on_timer, server);
	server->daemon = start_daemon(server, limits->total);
	const union MHD_DaemonInfo *info =
		server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		error_set(err, ERR_STORAGE, "libmicrohttpd does not start");
		server_destroy(server);
		return NULL;
	}
	server->watch = loop_watch_add(loop, info->epoll_fd, LOOP_READABLE, on_epoll, server, err);
	if (!server->watch) {
		server_destroy(server);
		return NULL;
	}
	return server;
}

static void end_all(struct server *server)
{
	server->stopping = true;
	for (struct exchange_private *p = server->exchanges; p; p = p->next) {
		if (p->x.held) {
			reply_problem(&p->x.reply, 503, "the web role is ending");
			exchange_answer(&p->x);
		} else {
			resume(p);
		}
	}
	for (unsigned turn = 0; turn < 3; turn++) {
		MHD_run(server->daemon); /* see I3 */
	}
	MHD_stop_daemon(server->daemon);
}

void server_destroy(struct server *server)
{
	if (!server) {
		return;
	}
	gate_close(server->gate);
	if (server->daemon) {
		end_all(server);
	}
	loop_watch_remove(server->watch);
	loop_timer_destroy(server->timer);
	gate_destroy(server->gate);
	g_free(server);
}

void server_listen(struct server *server, int fd)
{
	gate_listen(server->gate, fd);
}

const struct server_counters *server_count(const struct server *server)
{
	return &server->counters;
}

const struct gate_counters *server_gate_count(const struct server *server)
{
	return gate_count(server->gate);
}
