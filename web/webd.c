#include "web/webd.h"
#include "base/attr.h"
#include "base/channel.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/worker.h"
#include "model/config.h"
#include "model/message.h"
#include "rules/ruleset.h"
#include "web/api.h"
#include "web/archive.h"
#include "web/long.h"
#include "web/picture.h"
#include "web/question.h"
#include "web/replica.h"
#include "web/router.h"
#include "web/server.h"
#include "web/stream.h"
#include "web/view.h"
#include "web/web.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The main of the web role: it answers from a copy of the engine's state, asks rrd for archived
 * values and pictures, and has neither files nor a way out.
 *
 * Order of the end: the archive is cut off (what is held gets its answer), the server ends (streams
 * are closed), then go the parts that its handlers used.
 */
enum { ENGINE_QUEUE = 1 << 20, PICTURES_MAX = 128, PICTURES_BYTES = 16 << 20 };

static void web_destroy(void *state)
{
	struct web *web = state;
	if (web) {
		channel_destroy(web->engine);
		worker_destroy(web->worker);
		g_ptr_array_unref(web->checks);
		archive_disconnect(web->archive);
		question_table_destroy(web->questions);
		server_destroy(web->server);
		archive_destroy(web->archive);
		long_answers_destroy(web->long_answers);
		event_stream_destroy(web->stream);
		view_destroy(web->view);
		replica_destroy(web->replica);
		picture_cache_destroy(web->pictures);
		ruleset_destroy(web->rules);
		config_destroy(web->config);
		g_free(web);
	}
}

static void on_request(void *owner, struct exchange *x)
{
	router_dispatch(owner, x);
}

static void on_change(void *owner, enum replica_change change, const void *object)
{
	struct web *web = owner;
	stream_changed(web->stream, change, object);
	if (change == CHANGE_PICTURE || change == CHANGE_DECLARED) {
		picture_cache_clear(web->pictures);
	}
}

/* The engine accepted this configuration before it came here; if it cannot be read all the same,
 * the one before goes on, at a start the defaults. */
static void web_configure(void *state)
{
	struct web *web = state;
	AUTO(diag_list) diags = diag_list_create();
	struct config *config = config_parse(web->role->bundle, diags);
	if (!config) {
		log_error("web.config", "errors=%zu", diag_errors(diags));
		if (web->config) {
			return;
		}
		AUTO(bundle) empty = bundle_create();
		config = config_parse(empty, diags);
	}
	config_destroy(web->config);
	web->config = config;
	ruleset_destroy(web->rules);
	web->rules = api_rules_load(config, web->role->bundle, diags);
}

static void archive_lost(void *owner, unsigned writer)
{
	role_lost_peer(((struct web *)owner)->role, ROLE_RRD, writer);
}

static const struct catalog *archive_catalog(void *owner)
{
	const struct web *web = owner;
	return replica_catalog(web->replica);
}

static void *web_create(struct role *role, struct error *err)
{
	static const struct server_handlers handlers = {.request = on_request};
	static const struct archive_handlers archive = {
		.catalog = archive_catalog, .lost = archive_lost};
	struct web *web = g_new0(struct web, 1);
	web->role = role;
	web->started_at = wall_now();
	web_configure(web);
	web->replica = replica_create(on_change, web);
	web->view = view_create(web->replica);
	web->stream = event_stream_create(role->loop, web->replica, web->view);
	stream_on_status(web->stream, api_status_event, web);
	web->worker = worker_create(role->loop, "rules");
	web->checks = api_rules_checks();
	web->archive = archive_create(role->loop, ARCHIVE_DEADLINE_MS, &archive, web);
	web->questions = question_table_create(role->loop, QUESTION_DEADLINE_MS);
	web->long_answers = long_answers_create();
	web->pictures = picture_cache_create(PICTURES_MAX, PICTURES_BYTES);
	web->server = server_create(role->loop, &gate_default_limits, &handlers, web, err);
	if (!web->server) {
		web_destroy(web);
		return NULL;
	}
	return web;
}

/* -- the engine -- */

static void engine_closed(void *owner, const struct error *why)
{
	struct web *web = owner;
	log_info("web.engine_lost", "why=\"%s\"", log_safe(why->text));
	channel_destroy(web->engine);
	web->engine = NULL;
	question_table_lost(web->questions);
	replica_lost(web->replica, wall_now());
	role_lost_peer(web->role, ROLE_ENGINE, 0);
}

static void engine_frame(void *owner, const struct frame *frame, int fd)
{
	struct web *web = owner;
	struct error err;
	if (fd >= 0) {
		close(fd);
	}
	if (frame->type == MESSAGE_ANSWER) {
		question_take(web->questions, frame);
	} else if (!replica_take(web->replica, frame, &err)) {
		/* Only a restart gives a new socket, and with it the whole picture again. */
		log_error(
			"web.engine_frame", "error=\"%s\" next=\"end, to be restarted\"", log_safe(err.text));
		engine_closed(web, &err);
		role_stopped(web->role);
	}
}

static void connect_engine(struct web *web, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = engine_frame, .closed = engine_closed};
	if (web->engine) {
		channel_destroy(web->engine);
		question_table_lost(web->questions);
		replica_lost(web->replica, wall_now());
	}
	web->engine = channel_create(
		web->role->loop, &message_table, ROLE_WEB, ROLE_ENGINE, ENGINE_QUEUE, &handlers, web, fd);
}

static void web_peer(void *state, unsigned peer, unsigned instance, int fd)
{
	struct web *web = state;
	if (peer == ROLE_ENGINE) {
		connect_engine(web, fd);
	} else if (peer == ROLE_RRD) {
		archive_connect(web->archive, instance, fd);
	} else {
		close(fd);
	}
}

/* -- the supervisor -- */

static bool is_loopback(int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t length = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &length)) {
		return false;
	}
	if (a.ss_family == AF_INET) {
		return ntohl(((struct sockaddr_in *)&a)->sin_addr.s_addr) >> 24 == 127;
	}
	return a.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&a)->sin6_addr);
}

static void web_listen(void *state, int fd)
{
	struct web *web = state;
	web->loopback = is_loopback(fd);
	server_listen(web->server, fd);
}

static void web_roles(void *state, const struct role_status *roles, size_t count)
{
	struct web *web = state;
	web->role_count = count < WEB_ROLES_MAX ? count : WEB_ROLES_MAX;
	memcpy(web->roles, roles, web->role_count * sizeof(*roles));
	unsigned writers = 0;
	for (size_t i = 0; i < web->role_count; i++) {
		writers += roles[i].role == ROLE_RRD;
	}
	archive_writers(web->archive, writers);
}

/* Asked from the loop: whoever comes here has had its turn. */
static uint64_t web_progress(void *state)
{
	struct web *web = state;
	return ++web->beats;
}

static void web_stop(void *state)
{
	struct web *web = state;
	role_stopped(web->role);
}

int web_role_main(void)
{
	static const struct role_handlers handlers = {
		.create = web_create,
		.peer = web_peer,
		.listen = web_listen,
		.roles = web_roles,
		.apply = web_configure,
		.progress = web_progress,
		.stop = web_stop,
		.destroy = web_destroy,
	};
	return role_run(ROLE_WEB, "web", &message_table, &handlers);
}
