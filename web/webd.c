#include "web/webd.h"
#include "base/attr.h"
#include "base/log.h"
#include "model/message.h"
#include "web/router.h"
#include "web/server.h"
#include "web/web.h"

#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The main of the web role: it answers from a copy of the engine's state, asks rrd for archived
 * values and pictures, and has neither files nor a way out.
 */
static void web_destroy(void *state)
{
	struct web *web = state;
	if (web) {
		server_destroy(web->server);
		g_free(web->base_url);
		g_free(web);
	}
}

static void on_request(void *owner, struct exchange *x)
{
	router_dispatch(owner, x);
}

static void *web_create(struct role *role, struct error *err)
{
	static const struct server_handlers handlers = {.request = on_request};
	struct web *web = g_new0(struct web, 1);
	web->role = role;
	web->started = mono_now();
	web->started_at = wall_now();
	web->base_url = g_strdup("http://127.0.0.1:8080");
	web->server = server_create(role->loop, &gate_default_limits, &handlers, web, err);
	if (!web->server) {
		web_destroy(web);
		return NULL;
	}
	return web;
}

static void web_peer(void *state, unsigned peer, unsigned instance, int fd)
{
	close(fd);
}

static void web_listen(void *state, int fd)
{
	struct web *web = state;
	server_listen(web->server, fd);
}

static uint64_t web_progress(void *state)
{
	const struct web *web = state;
	return (uint64_t)(mono_now().ms - web->started.ms) + 1;
}

static void web_stop(void *state)
{
	struct web *web = state;
	role_stopped(web->role);
}

bool web_origin_is_ours(const struct web *web, const char *origin)
{
	return !strcmp(origin, web->base_url);
}

int web_role_main(void)
{
	static const struct role_handlers handlers = {
		.create = web_create,
		.peer = web_peer,
		.listen = web_listen,
		.progress = web_progress,
		.stop = web_stop,
		.destroy = web_destroy,
	};
	return role_run(ROLE_WEB, "web", &message_table, &handlers);
}
