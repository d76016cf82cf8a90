#include "base/role.h"
#include "base/channel.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The main of a role. The control channel is the only thing a role is born with: all else arrives
 * over it. Signals that a terminal sends to the whole group (INT, HUP) are left to the supervisor.
 */
enum {
	HEARTBEAT_MS = 1000,
	CONTROL_QUEUE = 4 << 20,
	ROLES_MAX = 32,
	NAME_ROOM = 32,
	ROLES_TOLD_MAX = 48
};

struct role_process {
	struct role role;
	const struct role_handlers *handlers;
	const struct frame_table *table;
	struct channel *control;
	struct loop_timer *heartbeat;
	struct frame_writer *writer;
	struct bundle *bundle;
	char *data_dir;
	void *state;
	bool stopping;
	int exit_code;
	uint64_t busy; /* progress before there is a state */
	/* by role: bit set of its instances that run, as told last */
	uint16_t running[ROLES_MAX];
	/* 0 joined, else 1 + seconds without it */
	uint8_t alone_s[ROLES_MAX][ROLE_INSTANCES_MAX];
	char name[NAME_ROOM];
};

void role_stopped(struct role *role)
{
	loop_stop(role->loop);
}

static void role_end(struct role_process *p, int code)
{
	p->exit_code = code;
	loop_stop(p->role.loop);
}

static void role_progress(struct role_process *p, uint64_t progress)
{
	frame_start(p->writer, ROLE_FRAME_PROGRESS, 1);
	frame_put_u64(p->writer, progress);
	channel_send(p->control, p->writer, NULL);
}

void role_busy(struct role *role)
{
	if (role->process) {
		role_progress(role->process, ++role->process->busy);
	}
}

void role_lost_peer(struct role *role, unsigned peer, unsigned instance)
{
	if (role->process && peer < ROLES_MAX && instance < ROLE_INSTANCES_MAX &&
		!role->process->alone_s[peer][instance]) {
		role->process->alone_s[peer][instance] = 1;
	}
}

/* Each second. Only what the peer spends running without us counts. */
static void role_count_alone(struct role_process *p)
{
	for (unsigned i = 0; i < ROLES_MAX * ROLE_INSTANCES_MAX && !p->stopping; i++) {
		unsigned peer = i / ROLE_INSTANCES_MAX;
		unsigned instance = i % ROLE_INSTANCES_MAX;
		uint8_t *alone_s = &p->alone_s[peer][instance];
		if (!*alone_s) {
			continue;
		}
		*alone_s = p->running[peer] & (1U << instance) ? *alone_s + 1 : 1;
		if (*alone_s > ROLE_ALONE_S) {
			log_error("role.alone", "peer=%u instance=%u for_s=%d next=\"end, to be joined anew\"",
				peer, instance, ROLE_ALONE_S);
			role_end(p, 1);
			return;
		}
	}
}

static void role_beat(void *owner)
{
	struct role_process *p = owner;
	role_progress(p, p->handlers->progress(p->state));
	role_count_alone(p);
	loop_timer_after(p->heartbeat, HEARTBEAT_MS);
}

static bool role_take_bundle(struct role_process *p, int fd, uint64_t generation)
{
	struct error err;
	struct bundle *bundle = bundle_from_fd(fd, &err);
	if (!bundle) {
		log_error("role.bundle", "error=\"%s\"", err.text);
		return false;
	}
	bundle_destroy(p->bundle);
	p->bundle = bundle;
	p->role.bundle = bundle;
	p->role.generation = generation;
	return true;
}

/* The first instance has the plain name, which is what people and tools look for. */
static void role_take_name(struct role_process *p)
{
	if (p->role.instance) {
		snprintf(p->name, sizeof(p->name), "%.16s-%u", p->role.name, p->role.instance);
		p->role.name = p->name;
		prctl(PR_SET_NAME, p->name);
		log_name(p->name);
	}
}

static void role_start(struct role_process *p, struct frame_reader *r, int fd)
{
	char *data_dir = frame_get_text(r);
	p->role.instance = frame_get_u8(r);
	uint64_t generation = frame_get_u64(r);
	p->role.instances = frame_left(r) ? frame_get_u8(r) : p->role.instance + 1;
	if (p->state || !frame_read_done(r) || p->role.instance >= p->role.instances ||
		p->role.instances > ROLE_INSTANCES_MAX || !role_take_bundle(p, fd, generation)) {
		g_free(data_dir);
		role_end(p, 1);
		return;
	}
	p->data_dir = data_dir;
	p->role.data_dir = data_dir;
	role_take_name(p);
	struct error err = {.kind = ERR_NONE};
	p->state = p->handlers->create(&p->role, &err);
	if (!p->state) {
		log_error("role.start", "error=\"%s\"", log_safe(err.text));
		role_end(p, 1);
		return;
	}
	role_beat(p);
}

static void role_propose(struct role_process *p, struct frame_reader *r, int fd)
{
	uint64_t generation = frame_get_u64(r);
	struct error err = {.kind = ERR_NONE};
	AUTO(bundle) bundle = bundle_from_fd(fd, &err);
	g_autofree char *report = NULL;
	bool accepted = bundle && p->handlers->propose &&
					p->handlers->propose(p->state, bundle, generation, &report);
	if (accepted) {
		bundle_destroy(p->bundle);
		p->bundle = STEAL(bundle);
		p->role.bundle = p->bundle;
		p->role.generation = generation;
	}
	frame_start(p->writer, ROLE_FRAME_VERDICT, 1);
	frame_put_u64(p->writer, generation);
	frame_put_u8(p->writer, accepted);
	frame_put_text(p->writer, report ? report : err.kind ? err.text : "");
	channel_send(p->control, p->writer, NULL);
}

static void role_statuses(struct role_process *p, struct frame_reader *r)
{
	struct role_status all[ROLES_TOLD_MAX];
	size_t count = frame_get_u8(r);
	uint16_t running[ROLES_MAX] = {0};
	for (size_t i = 0; i < count && i < ROLES_TOLD_MAX; i++) {
		all[i].role = frame_get_u8(r);
		all[i].instance = frame_get_u8(r);
		all[i].running = frame_get_u8(r);
		all[i].pid = frame_get_u32(r);
		all[i].restarts = frame_get_u32(r);
		all[i].since.ms = frame_get_i64(r);
		if (all[i].running && all[i].role < ROLES_MAX && all[i].instance < ROLE_INSTANCES_MAX) {
			running[all[i].role] |= (uint16_t)(1U << all[i].instance);
		}
	}
	if (!frame_read_done(r)) {
		return;
	}
	memcpy(p->running, running, sizeof(running));
	if (p->handlers->roles) {
		p->handlers->roles(p->state, all, count);
	}
}

static void role_stop(struct role_process *p)
{
	if (!p->stopping) {
		p->stopping = true;
		p->handlers->stop(p->state);
	}
}

static void role_peer(struct role_process *p, struct frame_reader *r, int fd)
{
	unsigned peer = frame_get_u8(r);
	unsigned instance = frame_get_u8(r);
	if (frame_read_done(r) && fd >= 0) {
		if (peer < ROLES_MAX && instance < ROLE_INSTANCES_MAX) {
			p->alone_s[peer][instance] = 0;
		}
		p->handlers->peer(p->state, peer, instance, fd);
	}
}

static void role_frame(void *owner, const struct frame *frame, int received)
{
	struct role_process *p = owner;
	struct frame_reader r = frame_read(frame);
	AUTO_FD fd = received;
	if (!p->state && frame->type != ROLE_FRAME_START) {
		return;
	}
	switch (frame->type) {
	case ROLE_FRAME_START: role_start(p, &r, fd); break;
	case ROLE_FRAME_PEER: role_peer(p, &r, STEAL_FD(fd)); break;
	case ROLE_FRAME_PROPOSE: role_propose(p, &r, fd); break;
	case ROLE_FRAME_ROLES: role_statuses(p, &r); break;
	case ROLE_FRAME_STOP: role_stop(p); break;
	case ROLE_FRAME_LISTEN:
		if (p->handlers->listen) {
			p->handlers->listen(p->state, STEAL_FD(fd));
		}
		break;
	case ROLE_FRAME_APPLY:
		if (role_take_bundle(p, fd, frame_get_u64(&r)) && p->handlers->apply) {
			p->handlers->apply(p->state);
		}
		break;
	}
}

static void role_lost(void *owner, const struct error *why UNUSED)
{
	role_end(owner, 0); /* the supervisor is gone, so is its plan */
}

int role_run(unsigned id, const char *name, const struct frame_table *table,
	const struct role_handlers *handlers)
{
	static const struct channel_handlers control_handlers = {
		.frame = role_frame, .closed = role_lost};
	pid_t parent = getppid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		return 0; /* the supervisor died before the call above took effect */
	}
	prctl(PR_SET_NAME, name);
	signal(SIGPIPE, SIG_IGN);
	/* sent to the whole group by terminals and service managers: the supervisor says what is next
	 */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	log_name(name);

	struct role_process *p = g_new0(struct role_process, 1);
	p->role.loop = loop_create();
	p->role.id = id;
	p->role.name = name;
	p->role.process = p;
	p->handlers = handlers;
	p->table = table;
	p->writer = g_new0(struct frame_writer, 1);
	p->heartbeat = loop_timer_create(p->role.loop, role_beat, p);
	p->control = channel_create(p->role.loop, table, id, ROLE_SUPERVISOR_ID, CONTROL_QUEUE,
		&control_handlers, p, ROLE_CONTROL_FD);
	loop_run(p->role.loop);

	if (p->state) {
		handlers->destroy(p->state);
	}
	channel_destroy(p->control);
	loop_timer_destroy(p->heartbeat);
	loop_destroy(p->role.loop);
	bundle_destroy(p->bundle);
	g_free(p->data_dir);
	g_free(p->writer);
	int code = p->exit_code;
	g_free(p);
	return code;
}
