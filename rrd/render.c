#include "rrd/render.h"
#include "base/log.h"
#include "rrd/painter.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * A queue in front of a few children. Each child has at most one job; its request is written and
 * its answer read as the socket allows, so nothing here ever waits. A child that dies, says
 * something senseless or has not answered a moment after its own alarm fails its job and is
 * replaced; if replacing fails, or one dies without a job, the next try comes later.
 *
 * I1: `done` of a job may submit further jobs, so the queue is only walked again from its start
 * afterwards.
 */
enum { DEADLINE_MS = (RENDER_SECONDS + 2) * 1000, RETRY_MS = 1000, READ_PIECE = 65536 };

struct child {
	struct render *render;
	int fd; /* -1: none at the moment */
	struct loop_watch *watch;
	struct loop_timer *timer; /* deadline of the job, or the next try to make it */
	bool busy;
	bool resting; /* until the timer has come */
	struct render_job job;
	GByteArray *request;
	size_t sent;
	GByteArray *answer;
};

struct render {
	struct loop *loop;
	int nursery;
	struct child children[RENDER_CHILDREN_MAX];
	size_t count;
	GQueue *waiting; /* struct render_job *, g_malloc */
	uint64_t deaths;
	bool dispatching;
};

static void dispatch(struct render *render);

/* -- jobs -- */

static bool key_busy(const struct render *render, uint64_t key)
{
	for (size_t i = 0; i < render->count; i++) {
		if (render->children[i].busy && render->children[i].job.key == key) {
			return true;
		}
	}
	return false;
}

static void job_end(struct child *c, const void *picture, size_t length, const struct error *why)
{
	struct render_job job = c->job;
	c->busy = false;
	loop_timer_after(c->timer, RENDER_IDLE_MS);
	job.done(job.owner, picture, length, why);
	g_byte_array_set_size(c->answer, 0);
}

/* -- a child -- */

static void child_forget(struct child *c)
{
	loop_watch_remove(c->watch);
	c->watch = NULL;
	if (c->fd >= 0) {
		close(c->fd);
		c->fd = -1;
	}
}

static void child_lost(struct child *c, const char *how)
{
	struct render *render = c->render;
	struct error why;
	error_set(&why, ERR_STORAGE, "the drawing process %s", how);
	render->deaths++;
	log_warn("rrd.painter", "end=\"%s\" drawing=%d next=replace", how, c->busy);
	child_forget(c);
	c->resting = true; /* whatever `done` submits */
	bool drawing = c->busy;
	if (drawing) {
		job_end(c, NULL, 0, &why);
	}
	loop_timer_after(c->timer, drawing ? 0 : RETRY_MS);
	dispatch(render);
}

static void child_write(struct child *c)
{
	while (c->sent < c->request->len) {
		ssize_t n = send(c->fd, c->request->data + c->sent, c->request->len - c->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			break; /* full: later; broken: the read side tells */
		}
		c->sent += (size_t)n;
	}
	bool more = c->sent < c->request->len;
	loop_watch_change(c->watch, LOOP_READABLE | (more ? LOOP_WRITABLE : 0U));
}

/* A whole answer? Then the job is done. False: the child is not to be trusted any more. */
static bool child_take_answer(struct child *c)
{
	uint32_t header[2];
	if (c->answer->len < sizeof(header)) {
		return true;
	}
	memcpy(header, c->answer->data, sizeof(header));
	size_t whole = sizeof(header) + header[1];
	if (!c->busy || header[1] > RENDER_BYTES_MAX || c->answer->len > whole) {
		return false;
	}
	if (c->answer->len < whole) {
		return true;
	}
	const guint8 *bytes = c->answer->data + sizeof(header);
	if (header[0]) {
		struct error why;
		error_set(&why, ERR_STORAGE, "%.*s", (int)(header[1] < 200 ? header[1] : 200),
			(const char *)bytes);
		job_end(c, NULL, 0, &why);
	} else {
		job_end(c, bytes, header[1], NULL);
	}
	dispatch(c->render);
	return true;
}

static void child_event(void *owner, int fd, unsigned events)
{
	struct child *c = owner;
	if (events & LOOP_WRITABLE) {
		child_write(c);
	}
	if (!(events & LOOP_READABLE)) {
		return;
	}
	guint8 piece[READ_PIECE];
	ssize_t n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
		return;
	}
	if (n <= 0) {
		child_lost(c, "ended");
		return;
	}
	g_byte_array_append(c->answer, piece, (guint)n);
	if (!child_take_answer(c)) {
		child_lost(c, "said what it must not");
	}
}

static bool child_start(struct child *c)
{
	struct error err = {.kind = ERR_NONE};
	c->fd = painter_child(c->render->nursery, &err);
	if (c->fd < 0) {
		/* the nursery is gone: a new one, from this process */
		close(c->render->nursery);
		c->render->nursery = painter_nursery(RENDER_SECONDS, &err);
		c->fd = c->render->nursery >= 0 ? painter_child(c->render->nursery, &err) : -1;
	}
	if (c->fd >= 0) {
		c->watch = loop_watch_add(c->render->loop, c->fd, LOOP_READABLE, child_event, c, &err);
	}
	if (!c->watch) {
		log_error("rrd.painter", "error=\"%s\" retry_ms=%d", err.text, RETRY_MS);
		child_forget(c);
		c->resting = true;
		loop_timer_after(c->timer, RETRY_MS);
		return false;
	}
	loop_timer_after(c->timer, RENDER_IDLE_MS);
	g_byte_array_set_size(c->answer, 0);
	return true;
}

static void child_timer(void *owner)
{
	struct child *c = owner;
	if (c->busy) {
		child_lost(c, "took too long");
	} else if (c->fd >= 0) {
		if (c != c->render->children) {
			child_forget(c); /* it has had nothing to do; it ends with its socket */
		}
	} else {
		c->resting = false;
		if (c == c->render->children) {
			child_start(c);
		}
		dispatch(c->render);
	}
}

static void child_give(struct child *c, const struct render_job *job)
{
	struct error err = {.kind = ERR_NONE};
	c->job = *job;
	c->busy = true;
	GPtrArray *arguments = job->prepare(job->owner, &err);
	if (!arguments) {
		job_end(c, NULL, 0, &err);
		return;
	}
	uint32_t length = 0;
	g_byte_array_set_size(c->request, 0);
	g_byte_array_append(c->request, (const guint8 *)&length, sizeof(length));
	for (guint i = 0; i < arguments->len; i++) {
		const char *text = arguments->pdata[i];
		g_byte_array_append(c->request, (const guint8 *)text, (guint)strlen(text) + 1);
	}
	guint count = arguments->len;
	g_ptr_array_unref(arguments);
	length = c->request->len - (guint)sizeof(length);
	memcpy(c->request->data, &length, sizeof(length));
	if (length > PAINTER_REQUEST_MAX || count > PAINTER_ARGUMENTS_MAX) {
		error_set(&err, ERR_CONFIG, "the graph has too many fields to be drawn");
		job_end(c, NULL, 0, &err);
		return;
	}
	c->sent = 0;
	loop_timer_after(c->timer, DEADLINE_MS);
	child_write(c);
}

/* -- the queue -- */

/* One that is there, or may be made for the job that waits. */
static struct child *idle_child(struct render *render)
{
	struct child *absent = NULL;
	for (size_t i = 0; i < render->count; i++) {
		struct child *c = &render->children[i];
		if (!c->busy && c->fd >= 0) {
			return c;
		}
		absent = absent || c->fd >= 0 || c->resting ? absent : c;
	}
	return absent && child_start(absent) ? absent : NULL;
}

static GList *next_job(struct render *render)
{
	GList *link = render->waiting->head;
	while (link && key_busy(render, ((const struct render_job *)link->data)->key)) {
		link = link->next;
	}
	return link;
}

static void dispatch(struct render *render)
{
	if (render->dispatching) {
		return; /* see I1: the loop below sees to it */
	}
	render->dispatching = true;
	for (;;) {
		GList *link = next_job(render);
		struct child *c = link ? idle_child(render) : NULL;
		if (!c) {
			break;
		}
		struct render_job *job = link->data;
		g_queue_delete_link(render->waiting, link);
		child_give(c, job);
		g_free(job);
	}
	render->dispatching = false;
}

bool render_submit(struct render *render, const struct render_job *job, struct error *err)
{
	if (g_queue_get_length(render->waiting) >= RENDER_QUEUE_MAX) {
		return error_set(err, ERR_CONFLICT, "too many graphs are being drawn, try again later");
	}
	g_queue_push_tail(render->waiting, g_memdup2(job, sizeof(*job)));
	dispatch(render);
	return true;
}

uint64_t render_deaths(const struct render *render)
{
	return render->deaths;
}

/* -- life -- */

unsigned render_children(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 1 ? 1 : cores > RENDER_CHILDREN_MAX ? RENDER_CHILDREN_MAX : (unsigned)cores;
}

struct render *render_create(struct loop *loop, struct error *err)
{
	int nursery = painter_nursery(RENDER_SECONDS, err);
	if (nursery < 0) {
		return NULL;
	}
	struct render *render = g_new0(struct render, 1);
	render->loop = loop;
	render->nursery = nursery;
	render->waiting = g_queue_new();
	render->count = render_children();
	for (size_t i = 0; i < render->count; i++) {
		struct child *c = &render->children[i];
		c->render = render;
		c->fd = -1;
		c->timer = loop_timer_create(loop, child_timer, c);
		c->request = g_byte_array_new();
		c->answer = g_byte_array_new();
	}
	child_start(&render->children[0]);
	return render;
}

void render_destroy(struct render *render)
{
	if (!render) {
		return;
	}
	for (size_t i = 0; i < render->count; i++) {
		struct child *c = &render->children[i];
		if (c->busy) {
			c->job.drop(c->job.owner);
		}
		child_forget(c);
		loop_timer_destroy(c->timer);
		g_byte_array_unref(c->request);
		g_byte_array_unref(c->answer);
	}
	for (GList *link = render->waiting->head; link; link = link->next) {
		struct render_job *job = link->data;
		job->drop(job->owner);
		g_free(job);
	}
	g_queue_free(render->waiting);
	if (render->nursery >= 0) {
		close(render->nursery);
	}
	g_free(render);
}
