#include "magpie/supervisor.h"
#include "base/channel.h"
#include "base/log.h"
#include "base/role.h"
#include "collector/collectord.h"
#include "engine/engined.h"
#include "magpie/process.h"
#include "model/message.h"
#include "notify/notifyd.h"
#include "rrd/rrdd.h"
#include "runner/runnerd.h"
#include "web/webd.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Life of a role here: start -> (START, sockets to its peers) -> progress each second -> end ->
 * start again, at once. Only a role that ends right after its start, more than five times in a row,
 * waits for the next one, twice as long each time.
 *
 * I1: sockets between two roles are made anew at every start of either, and both get their end;
 * frames of a dead process can never be read as those of its successor. I2: a new configuration
 * goes to the engine alone; only when it accepted, the others get it, and only then it is what a
 * restarted role begins with. I3: hanging is counted in ticks of our own timer, not in time: after
 * a suspend, or when we did not run ourselves, nobody is killed for it.
 */

enum {
	TICK_MS = 1000,
	START_TICKS =
		120, /* without any progress after a start: recovery of a large journal takes its time */
	HANG_TICKS = 10,
	ABORT_TICKS = 2,         /* from ABRT to KILL */
	STOP_TICKS = 15,         /* for one phase of a clean end */
	STOP_ARCHIVE_TICKS = 90, /* for the archive, while it gets on: hundreds of thousands of files */
	CRASHES_MAX =
		5, /* in a row, each within CRASH_SOON_MS of its start, before starts are delayed */
	CRASH_SOON_MS = 2000,
	DELAY_LEAST_MS = 2000,
	DELAY_MOST_MS = 60000,
	SOCKET_BUFFER = 1 << 20,
};

struct member {
	struct supervisor *supervisor;
	unsigned role, instance, instances, stop_phase;
	struct process *process;
	struct loop_timer *restart;
	uint64_t progress;
	unsigned silent_ticks;
	bool progressed, aborted, stop_sent;
	uint32_t restarts;
	unsigned crashes;
	struct mono started;
	int64_t delay_ms;
	struct wall since;
};

struct supervisor {
	const struct supervisor_plan *plan;
	struct loop *loop;
	struct loop_timer *tick;
	struct frame_writer writer;
	struct member *members;
	size_t count;
	struct bundle *bundle;   /* in force */
	struct bundle *proposed; /* with the engine to be judged */
	uint64_t generation, proposed_generation;
	bool reload_wanted;
	unsigned stop_phase, stop_ticks; /* phase 0: running */
	int exit_code;
};

static const struct role_row {
	unsigned role, stop_phase;
	int (*main)(void);
} role_rows[] = {
#define ROLE(id, phase, main) {id, phase, main},
#include "magpie/roles.def"
#undef ROLE
};

static const struct {
	unsigned a, b;
} link_rows[] = {
#define ROLE(id, phase, main)
#define LINK(a, b) {a, b},
#include "magpie/roles.def"
#undef LINK
#undef ROLE
};

enum { STOP_PHASES = 3 };

int supervisor_role_main(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(role_rows); i++) {
		if (!strcmp(role_name(role_rows[i].role), name)) {
			return role_rows[i].main();
		}
	}
	return -1;
}

static const char *member_name(const struct member *m)
{
	return role_name(m->role);
}

/* ---- telling ---- */

static void tell(struct member *m, int fd)
{
	struct error err;
	struct channel *control = process_control(m->process);
	if (control && !channel_send_fd(control, &m->supervisor->writer, fd, &err)) {
		log_warn("role.tell", "role=%s error=\"%s\"", member_name(m), err.text);
	}
}

static void tell_bundle(
	struct member *m, enum message_type type, const struct bundle *bundle, uint64_t generation)
{
	struct error err;
	AUTO_FD fd = bundle_to_fd(bundle, &err);
	if (fd < 0) {
		log_error("supervisor.bundle", "error=\"%s\"", err.text);
		return;
	}
	struct frame_writer *w = &m->supervisor->writer;
	message_start(w, type);
	if (type == MESSAGE_CONTROL_START) {
		frame_put_text(w, m->supervisor->plan->data_dir);
		frame_put_u8(w, (uint8_t)m->instance);
	}
	frame_put_u64(w, generation);
	if (type == MESSAGE_CONTROL_START) {
		frame_put_u8(w, (uint8_t)m->instances);
	}
	tell(m, fd);
}

/* The listening socket of a role that has one. */
static void tell_listen(struct member *m)
{
	const struct supervisor_plan *plan = m->supervisor->plan;
	int fd = m->role == ROLE_WEB ? plan->listen_fd : m->role == ROLE_COLLECTOR ? plan->push_fd : -1;
	if (fd >= 0) {
		message_start(&m->supervisor->writer, MESSAGE_CONTROL_LISTEN);
		tell(m, fd);
	}
}

static void tell_roles(struct supervisor *s, struct member *to)
{
	struct frame_writer *w = &s->writer;
	message_start(w, MESSAGE_CONTROL_ROLES);
	frame_put_u8(w, (uint8_t)s->count);
	for (size_t i = 0; i < s->count; i++) {
		const struct member *m = &s->members[i];
		frame_put_u8(w, (uint8_t)m->role);
		frame_put_u8(w, (uint8_t)m->instance);
		frame_put_u8(w, process_running(m->process));
		frame_put_u32(w, (uint32_t)process_pid(m->process));
		frame_put_u32(w, m->restarts);
		frame_put_i64(w, m->since.ms);
	}
	tell(to, -1);
}

static void tell_all_roles(struct supervisor *s)
{
	for (size_t to = 0; to < s->count; to++) {
		tell_roles(s, &s->members[to]);
	}
}

static void tell_peer(struct member *m, const struct member *peer, int fd)
{
	struct frame_writer *w = &m->supervisor->writer;
	message_start(w, MESSAGE_CONTROL_PEER);
	frame_put_u8(w, (uint8_t)peer->role);
	frame_put_u8(w, (uint8_t)peer->instance);
	tell(m, fd);
}

/* ---- joining ---- */

static bool linked(unsigned a, unsigned b)
{
	for (size_t i = 0; i < ARRAY_LENGTH(link_rows); i++) {
		if ((link_rows[i].a == a && link_rows[i].b == b) ||
			(link_rows[i].a == b && link_rows[i].b == a)) {
			return true;
		}
	}
	return false;
}

static void join(struct member *a, struct member *b)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
		log_error("supervisor.socketpair", "errno=%d", errno);
		return;
	}
	for (int i = 0; i < 2; i++) {
		int size = SOCKET_BUFFER;
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size))) {
			setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		}
	}
	tell_peer(a, b, pair[0]);
	tell_peer(b, a, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void join_all(struct member *m)
{
	struct supervisor *s = m->supervisor;
	for (size_t i = 0; i < s->count; i++) {
		struct member *other = &s->members[i];
		if (other != m && linked(m->role, other->role) && process_running(other->process)) {
			join(m, other);
		}
	}
}

/* ---- starting ---- */

static struct member *engine_of(struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->members[i].role == ROLE_ENGINE) {
			return &s->members[i];
		}
	}
	return NULL;
}

static void propose(struct supervisor *s)
{
	struct member *engine = engine_of(s);
	if (s->proposed && process_running(engine->process)) {
		tell_bundle(engine, MESSAGE_CONTROL_PROPOSE, s->proposed, s->proposed_generation);
	}
}

static void member_delay(struct member *m)
{
	if (mono_now().ms - m->started.ms > CRASH_SOON_MS) {
		m->crashes = 0;
		m->delay_ms = 0;
	}
	if (++m->crashes > CRASHES_MAX) {
		m->delay_ms = m->delay_ms ? MIN(m->delay_ms * 2, DELAY_MOST_MS) : DELAY_LEAST_MS;
		log_error("role.crashing", "role=%s crashes=%u retry_ms=%lld", member_name(m), m->crashes,
			(long long)m->delay_ms);
	}
	loop_timer_after(m->restart, m->delay_ms);
}

static void member_start(void *owner)
{
	struct member *m = owner;
	struct supervisor *s = m->supervisor;
	struct error err;
	if (s->stop_phase) {
		return;
	}
	m->started = mono_now();
	if (!process_start(m->process, &err)) {
		log_error("role.start_failed", "role=%s error=\"%s\"", member_name(m), err.text);
		member_delay(m);
		return;
	}
	m->since = wall_now();
	m->progress = 0;
	m->silent_ticks = 0;
	m->progressed = false;
	m->aborted = false;
	tell_bundle(m, MESSAGE_CONTROL_START, s->bundle, s->generation);
	tell_listen(m);
	tell_roles(s, m); /* how many there are of each, before it is joined to them */
	join_all(m);
	if (m->role == ROLE_ENGINE) {
		propose(s);
	}
	tell_all_roles(s);
	log_info("role.started", "role=%s instance=%u pid=%d", member_name(m), m->instance,
		(int)process_pid(m->process));
}

/* ---- stopping ---- */

static bool phase_over(const struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->members[i].stop_phase == s->stop_phase && process_running(s->members[i].process)) {
			return false;
		}
	}
	return true;
}

static void stop_phase(struct supervisor *s)
{
	while (s->stop_phase <= STOP_PHASES && phase_over(s)) {
		s->stop_phase++;
		s->stop_ticks = 0;
	}
	if (s->stop_phase > STOP_PHASES) {
		loop_stop(s->loop);
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		struct member *m = &s->members[i];
		if (m->stop_phase == s->stop_phase && process_running(m->process) && !m->stop_sent) {
			m->stop_sent = true;
			message_start(&s->writer, MESSAGE_CONTROL_STOP);
			tell(m, -1);
		}
	}
}

/* The archive may take long, as long as it goes on; what it does not write the journal has. */
static bool may_stop_longer(struct supervisor *s, struct member *m)
{
	m->silent_ticks++;
	return m->role == ROLE_RRD && m->silent_ticks < STOP_TICKS &&
		   s->stop_ticks < STOP_ARCHIVE_TICKS;
}

static void stop_tick(struct supervisor *s)
{
	s->stop_ticks++;
	for (size_t i = 0; i < s->count; i++) {
		struct member *m = &s->members[i];
		if (m->stop_phase == s->stop_phase && process_running(m->process) &&
			!may_stop_longer(s, m) && s->stop_ticks >= STOP_TICKS) {
			log_error(
				"role.stop_failed", "role=%s killed after_s=%u", member_name(m), s->stop_ticks);
			s->exit_code = 1;
			process_signal(m->process, SIGKILL);
		}
	}
}

static void on_stop(void *owner, int signal_number)
{
	struct supervisor *s = owner;
	if (!s->stop_phase) {
		log_info("supervisor.stop", "signal=%d", signal_number);
		s->stop_phase = 1;
		stop_phase(s);
	}
}

/* ---- watching ---- */

static void member_ended(void *owner, const char *how)
{
	struct member *m = owner;
	struct supervisor *s = m->supervisor;
	if (s->stop_phase) {
		if (!m->stop_sent) {
			log_warn("role.ended", "role=%s how=\"%s\" while stopping", member_name(m), how);
		}
		stop_phase(s);
		return;
	}
	m->restarts++;
	log_error("role.ended", "role=%s instance=%u how=\"%s\" restarts=%u", member_name(m),
		m->instance, how, m->restarts);
	tell_all_roles(s);
	member_delay(m);
}

static void member_watch(struct member *m)
{
	if (!process_running(m->process)) {
		return;
	}
	m->silent_ticks++;
	unsigned most = m->aborted ? ABORT_TICKS : m->progressed ? HANG_TICKS : START_TICKS;
	if (m->silent_ticks <= most) {
		return;
	}
	log_error("role.hung", "role=%s pid=%d silent_s=%u sending=%s", member_name(m),
		(int)process_pid(m->process), m->silent_ticks, m->aborted ? "KILL" : "ABRT");
	process_signal(m->process, m->aborted ? SIGKILL : SIGABRT);
	process_signal(m->process, SIGCONT);
	m->aborted = true;
	m->silent_ticks = 0;
}

static void reload_now(struct supervisor *s)
{
	struct error err;
	s->reload_wanted = false;
	struct bundle *bundle = s->plan->read_again(s->plan->owner, &err);
	if (!bundle) {
		log_error("config.unreadable", "error=\"%s\" the configuration in force goes on",
			log_safe(err.text));
		return;
	}
	bundle_destroy(s->proposed);
	s->proposed = bundle;
	s->proposed_generation = MAX(s->generation, s->proposed_generation) + 1;
	propose(s);
}

/* Signals that come while one reading is being judged are one more reading afterwards, not a
 * thousand. */
static void on_reload(void *owner, int signal_number UNUSED)
{
	struct supervisor *s = owner;
	s->reload_wanted = true;
	if (!s->proposed && !s->stop_phase) {
		reload_now(s);
	}
}

static void on_tick(void *owner)
{
	struct supervisor *s = owner;
	if (s->stop_phase) {
		stop_tick(s);
	} else {
		for (size_t i = 0; i < s->count; i++) {
			member_watch(&s->members[i]);
		}
	}
	loop_timer_after(s->tick, TICK_MS);
}

/* ---- frames from roles ---- */

static void take_progress(struct member *m, struct frame_reader *r)
{
	uint64_t progress = frame_get_u64(r);
	if (frame_read_done(r) && progress != m->progress) {
		m->progress = progress;
		m->progressed = true;
		m->silent_ticks = 0;
	}
}

static void take_verdict(struct supervisor *s, struct frame_reader *r)
{
	uint64_t generation = frame_get_u64(r);
	bool accepted = frame_get_u8(r);
	g_autofree char *report = frame_get_text(r);
	if (!frame_read_done(r) || !s->proposed || generation != s->proposed_generation) {
		return; /* of a proposal that was replaced meanwhile */
	}
	if (accepted) {
		bundle_destroy(s->bundle);
		s->bundle = STEAL(s->proposed);
		s->generation = generation;
		log_info("config.accepted", "generation=%llu", (unsigned long long)generation);
		for (size_t i = 0; i < s->count; i++) {
			if (s->members[i].role != ROLE_ENGINE) {
				tell_bundle(&s->members[i], MESSAGE_CONTROL_APPLY, s->bundle, generation);
			}
		}
	} else {
		bundle_destroy(s->proposed);
		s->proposed = NULL;
		log_error("config.refused", "the configuration in force goes on; report=\"%s\"",
			log_safe(report));
	}
	if (s->reload_wanted) {
		reload_now(s);
	}
}

static void member_frame(void *owner, const struct frame *frame)
{
	struct member *m = owner;
	struct frame_reader r = frame_read(frame);
	if (frame->type == MESSAGE_CONTROL_PROGRESS) {
		take_progress(m, &r);
	} else if (frame->type == MESSAGE_CONTROL_VERDICT) {
		take_verdict(m->supervisor, &r);
	}
}

/* ---- the whole ---- */

static unsigned instances_of(const struct supervisor *s, unsigned role)
{
	unsigned writers = MIN(s->plan->writers, (unsigned)ROLE_INSTANCES_MAX);
	return role == ROLE_RRD && writers ? writers : 1;
}

static void members_create(struct supervisor *s)
{
	static const struct process_handlers handlers = {.frame = member_frame, .ended = member_ended};
	s->members = g_new0(struct member, ARRAY_LENGTH(role_rows) * ROLE_INSTANCES_MAX);
	for (size_t i = 0; i < ARRAY_LENGTH(role_rows); i++) {
		unsigned instances = instances_of(s, role_rows[i].role);
		for (unsigned instance = 0; instance < instances; instance++) {
			struct member *m = &s->members[s->count++];
			m->supervisor = s;
			m->role = role_rows[i].role;
			m->instance = instance;
			m->instances = instances;
			m->stop_phase = role_rows[i].stop_phase;
			m->process = process_create(s->loop, m->role, &handlers, m);
			m->restart = loop_timer_create(s->loop, member_start, m);
		}
	}
}

static void supervisor_finish(struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++) {
		process_destroy(s->members[i].process);
		loop_timer_destroy(s->members[i].restart);
	}
	loop_timer_destroy(s->tick);
	loop_destroy(s->loop);
	bundle_destroy(s->bundle);
	bundle_destroy(s->proposed);
	g_free(s->members);
	if (s->plan->listen_fd >= 0) {
		close(s->plan->listen_fd);
	}
	if (s->plan->push_fd >= 0) {
		close(s->plan->push_fd);
	}
}

int supervisor_run(const struct supervisor_plan *plan)
{
	struct supervisor *s = g_new0(struct supervisor, 1);
	signal(SIGPIPE, SIG_IGN);
	log_name("supervisor");
	s->plan = plan;
	s->bundle = plan->bundle;
	s->generation = 1;
	s->proposed = plan->retry;
	s->proposed_generation = 2;
	s->loop = loop_create();
	s->tick = loop_timer_create(s->loop, on_tick, s);
	loop_timer_after(s->tick, TICK_MS);
	loop_on_signal(s->loop, SIGTERM, on_stop, s);
	loop_on_signal(s->loop, SIGINT, on_stop, s);
	loop_on_signal(s->loop, SIGHUP, on_reload, s);
	members_create(s);
	for (size_t i = 0; i < s->count; i++) {
		member_start(&s->members[i]);
	}
	loop_run(s->loop);
	supervisor_finish(s);
	int code = s->exit_code;
	log_info("supervisor.ended", "exit=%d", code);
	g_free(s);
	return code;
}
