#include "collector/collectord.h"
#include "base/channel.h"
#include "base/log.h"
#include "base/role.h"
#include "collector/munin/push_hub.h"
#include "collector/poller.h"
#include "collector/remote_executor.h"
#include "collector/services/discover.h"
#include "model/config.h"
#include "model/message.h"
#include "model/source_state.h"

#include <string.h>
#include <sys/resource.h>

#include "base/banned.h"

/*
 * The role: the world that sources need, the poller that asks them, the outbox. All of it outlives
 * the channel to the engine; while there is none, rounds wait in the outbox.
 */
struct collector {
	struct role *role;
	struct world world;
	struct outbox *outbox;
	struct poller *poller;
	struct channel *engine;
	struct discovery *discovery; /* NULL: not wanted, or /proc cannot be read */
	struct loop_timer *look;     /* for services of this machine */
	GPtrArray *known; /* struct source_state *: found before, not yet remembered; NULL: none */
	struct mono begun;
	bool told;         /* the engine said what was found before */
	char *push_listen; /* where the socket for nodes that connect to us is; NULL: none */
	uint64_t turns;
};

enum {
	COLLECTOR_LATE_MS = 5000,
	COLLECTOR_WORD_MS = 5000 /* so long the engine is waited for before services are looked for */
};

/* The table lets the engine say one thing: which services were found before. The first time counts;
 * after that we know better. */
static void collector_frame(void *owner, const struct frame *frame, int fd)
{
	struct collector *c = owner;
	struct error err = {.kind = ERR_NONE};
	if (fd >= 0) {
		close(fd);
	}
	if (c->told) {
		return;
	}
	c->known = source_known_read(frame, &err);
	if (!c->known) {
		log_warn("engine.known", "error=\"%s\" next=\"go on without\"", log_safe(err.text));
	}
	c->told = true;
	loop_timer_after(c->look, 0);
}

static void collector_closed(void *owner, const struct error *why)
{
	struct collector *c = owner;
	log_info(
		"engine.lost", "error=\"%s\" next=\"keep rounds and wait for it\"", log_safe(why->text));
	poller_connect(c->poller, NULL);
	channel_destroy(c->engine);
	c->engine = NULL;
	role_lost_peer(c->role, ROLE_ENGINE, 0);
}

static void collector_drained(void *owner)
{
	poller_push(((struct collector *)owner)->poller);
}

/* Every source under way holds a descriptor or two. */
static void collector_raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* What the engine knew of this machine; true: that brought something. */
static bool collector_remember(struct collector *c, const struct config_host *local)
{
	g_autoptr(GPtrArray) known = g_steal_pointer(&c->known);
	struct mono now = mono_now();
	bool changed = false;
	for (guint i = 0; known && i < known->len; i++) {
		const struct source_state *one = known->pdata[i];
		int64_t ago_ms = MAX(wall_now().ms - one->found.ms, 0);
		changed |=
			!strcmp(one->host, local->name) && discovery_remember(c->discovery, one->name,
												   one->where, (struct mono){now.ms - ago_ms}, now);
	}
	return changed;
}

/* Looks for services of this machine. Those known from before come first: their names are theirs.
 */
static void collector_look(void *owner)
{
	struct collector *c = owner;
	const struct config_host *local = poller_config(c->poller)->hosts->pdata[0];
	int64_t wait_ms = c->begun.ms + COLLECTOR_WORD_MS - mono_now().ms;
	if (!c->told && wait_ms > 0) {
		loop_timer_after(c->look, wait_ms);
		return;
	}
	if (local->discover && !c->discovery) {
		c->discovery = discovery_create("/");
	}
	if (local->discover && c->discovery) {
		bool changed = collector_remember(c, local);
		if (discovery_scan(c->discovery, mono_now()) || changed) {
			poller_discovered(c->poller, c->discovery);
		}
	}
	g_clear_pointer(&c->known, g_ptr_array_unref);
	loop_timer_after(c->look, DISCOVERY_EVERY_S * 1000);
}

/* Our certificate for nodes that connect to us is read anew each time; the socket is that of the
 * start. */
static void collector_configure_push(struct collector *c, const struct config *config)
{
	struct error err;
	const char *listen = config->push.listen ? config->push.listen : "";
	if (!c->push_listen) {
		c->push_listen = g_strdup(listen);
	} else if (strcmp(c->push_listen, listen) != 0) {
		log_warn("push.listen", "was=\"%s\" is=\"%s\" next=\"takes effect at the next start\"",
			c->push_listen, listen);
	}
	if (config->push.listen && !push_hub_configure(c->world.push, &config->push, &err)) {
		log_error("push.certificate", "error=\"%s\" next=\"go on with the one before\"",
			log_safe(err.text));
	}
}

/* Brings the sources in line with the role's bundle. False: it cannot be; then nothing changed. */
static bool collector_configure(struct collector *c, struct error *err)
{
	struct config *config = config_read(c->role->bundle, err);
	if (!config) {
		return false;
	}
	collector_configure_push(c, config);
	poller_configure(c->poller, config);
	loop_timer_after(c->look, 0);
	log_info("collector.configured", "hosts=%u sources=%zu", config->hosts->len,
		poller_state(c->poller).sources);
	return true;
}

static void collector_destroy(void *state)
{
	struct collector *c = state;
	channel_destroy(c->engine);
	loop_timer_destroy(c->look);
	poller_destroy(c->poller);
	push_hub_destroy(c->world.push);
	discovery_destroy(c->discovery);
	g_clear_pointer(&c->known, g_ptr_array_unref);
	outbox_destroy(c->outbox);
	remote_executor_destroy(c->world.executor);
	httpclient_destroy(c->world.http);
	resolver_destroy(c->world.resolver);
	g_hash_table_destroy(c->world.claims);
	g_free(c->push_listen);
	g_free(c);
}

static void *collector_create(struct role *role, struct error *err)
{
	struct collector *c = g_new0(struct collector, 1);
	collector_raise_files();
	c->role = role;
	c->begun = mono_now();
	c->world = (struct world){.loop = role->loop,
		.resolver = resolver_create(role->loop),
		.http = httpclient_create(role->loop),
		.executor = remote_executor_create(role),
		.push = push_hub_create(role->loop),
		.claims = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	c->outbox = outbox_create();
	c->poller = poller_create(&c->world, c->outbox);
	c->look = loop_timer_create(role->loop, collector_look, c);
	if (!collector_configure(c, err)) {
		collector_destroy(c);
		return NULL;
	}
	return c;
}

static void collector_peer(void *state, unsigned peer, unsigned instance UNUSED, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = collector_frame, .closed = collector_closed, .drained = collector_drained};
	struct collector *c = state;
	if (peer == ROLE_RUNNER) {
		remote_executor_connect(c->world.executor, fd);
		return;
	}
	if (peer != ROLE_ENGINE) {
		close(fd);
		return;
	}
	channel_destroy(c->engine);
	c->engine = channel_create(
		c->role->loop, &message_table, ROLE_COLLECTOR, peer, OUTBOX_QUEUE_BYTES, &handlers, c, fd);
	poller_connect(c->poller, c->engine);
}

static void collector_listen(void *state, int fd)
{
	struct collector *c = state;
	push_hub_listen(c->world.push, fd);
}

static void collector_apply(void *state)
{
	struct error err;
	if (!collector_configure(state, &err)) {
		log_error(
			"config.apply", "error=\"%s\" next=\"go on with the old one\"", log_safe(err.text));
	}
}

/*
 * Being asked shows that the loop turns; whether the work is done shows in the sources: the number
 * grows with every question unless one that is due is not begun.
 */
static uint64_t collector_progress(void *state)
{
	struct collector *c = state;
	struct poller_state now = poller_state(c->poller);
	if (now.overdue_ms <= COLLECTOR_LATE_MS || now.busy >= POLLER_BUSY_MAX) {
		c->turns++;
	}
	return now.rounds + c->turns;
}

static void collector_stop(void *state)
{
	struct collector *c = state;
	loop_timer_stop(c->look);
	poller_stop(c->poller);
	role_stopped(c->role);
}

int collector_role_main(void)
{
	static const struct role_handlers handlers = {
		.create = collector_create,
		.peer = collector_peer,
		.listen = collector_listen,
		.apply = collector_apply,
		.progress = collector_progress,
		.stop = collector_stop,
		.destroy = collector_destroy,
	};
	return role_run(ROLE_COLLECTOR, "collector", &message_table, &handlers);
}
