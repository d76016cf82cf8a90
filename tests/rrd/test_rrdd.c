#include "rrd/rrdd.h"
#include "support.h"
#include "base/bundle.h"
#include "base/channel.h"
#include "base/role.h"
#include "model/declare.h"
#include "model/message.h"

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * The whole role in a process of its own; this test is its supervisor, its engine and its web at
 * once. Every wait is for a frame (or the end of the process), with a deadline that fails the test.
 */
enum { BEGIN = 1700000000, WAIT_MS = 30000, QUEUE = 64 << 20 };

struct play {
	struct loop *loop;
	struct loop_timer *deadline;
	struct channel *control, *engine, *web;
	struct frame_writer w;
	char *data_dir;
	pid_t pid;
	bool ended, timed_out;
	unsigned wanted; /* frame type that stops the loop */
	/* what came */
	uint64_t ready, checkpoint, applied, values_written, rewinds, events;
	GArray *values; /* f64 of the last FETCHED answer, in order of arrival */
	int64_t t0_s, step_s;
	GByteArray *picture;
	uint8_t status;
	char text[300];
};

static void got(struct play *p, unsigned type)
{
	if (type == p->wanted) {
		p->wanted = 0;
		loop_stop(p->loop);
	}
}

static void on_engine_frame(void *owner, const struct frame *frame, int fd UNUSED)
{
	struct play *p = owner;
	struct frame_reader r = frame_read(frame);
	switch (frame->type) {
	case MESSAGE_RRD_READY: p->ready = frame_get_u64(&r); break;
	case MESSAGE_RRD_CHECKPOINT: p->checkpoint = frame_get_u64(&r); break;
	case MESSAGE_RRD_REWIND: p->rewinds++; break;
	case MESSAGE_RRD_APPLIED:
		p->applied = frame_get_u64(&r);
		p->values_written = frame_get_u64(&r);
		break;
	case MESSAGE_RRD_EVENT: p->events++; break;
	}
	got(p, frame->type);
}

static void on_fetched(struct play *p, struct frame_reader *r)
{
	frame_get_u32(r);
	p->status = frame_get_u8(r);
	bool last = frame_get_u8(r);
	frame_get_u32(r);
	p->t0_s = frame_get_i64(r);
	p->step_s = frame_get_i64(r);
	frame_get_u32(r);
	uint32_t n = frame_get_u32(r);
	if (p->status) {
		frame_get_text_into(r, p->text, sizeof(p->text));
	}
	for (uint32_t i = 0; i < n; i++) {
		double v = frame_get_f64(r);
		g_array_append_val(p->values, v);
	}
	assert_true(frame_read_done(r));
	if (last) {
		got(p, MESSAGE_FETCHED);
	}
}

static void on_graphed(struct play *p, struct frame_reader *r)
{
	frame_get_u32(r);
	p->status = frame_get_u8(r);
	bool last = frame_get_u8(r);
	uint32_t total = frame_get_u32(r);
	size_t left = frame_left(r);
	g_byte_array_append(p->picture, frame_get_bytes(r, left), (guint)left);
	if (last) {
		assert_int_equal(p->picture->len, total);
		got(p, MESSAGE_GRAPHED);
	}
}

static void on_web_frame(void *owner, const struct frame *frame, int fd UNUSED)
{
	struct frame_reader r = frame_read(frame);
	if (frame->type == MESSAGE_FETCHED) {
		on_fetched(owner, &r);
	} else if (frame->type == MESSAGE_GRAPHED) {
		on_graphed(owner, &r);
	}
}

static void on_control_frame(void *owner, const struct frame *frame, int fd UNUSED)
{
	got(owner, frame->type);
}

static void on_lost(void *owner, const struct error *why UNUSED)
{
	struct play *p = owner;
	p->ended = true;
	loop_stop(p->loop);
}

static void on_peer_lost(void *owner UNUSED, const struct error *why UNUSED)
{
}

static void on_deadline(void *owner)
{
	struct play *p = owner;
	p->timed_out = true;
	loop_stop(p->loop);
}

static void wait_for(struct play *p, unsigned type)
{
	p->wanted = type;
	loop_timer_after(p->deadline, WAIT_MS);
	while (p->wanted && !p->timed_out && !p->ended) {
		loop_run(p->loop);
	}
	loop_timer_stop(p->deadline);
	assert_false(p->timed_out);
	assert_int_equal(p->wanted, 0);
}

/* One more socket between the role and us. */
static struct channel *connect_peer(
	struct play *p, unsigned self, const struct channel_handlers *handlers)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	message_start(&p->w, MESSAGE_CONTROL_PEER);
	frame_put_u8(&p->w, (uint8_t)self);
	frame_put_u8(&p->w, 0);
	assert_true(channel_send_fd(p->control, &p->w, pair[1], NULL));
	close(pair[1]);
	return channel_create(p->loop, &message_table, self, ROLE_RRD, QUEUE, handlers, p, pair[0]);
}

static void start_role(struct play *p)
{
	static const struct channel_handlers control = {.frame = on_control_frame, .closed = on_lost};
	static const struct channel_handlers engine = {
		.frame = on_engine_frame, .closed = on_peer_lost};
	static const struct channel_handlers web = {.frame = on_web_frame, .closed = on_peer_lost};
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	p->pid = fork();
	if (p->pid == 0) {
		if (pair[1] != ROLE_CONTROL_FD) {
			dup2(pair[1], ROLE_CONTROL_FD);
		} else {
			fcntl(pair[1], F_SETFD, 0);
		}
		close_range(ROLE_CONTROL_FD + 1, ~0U, 0);
		_exit(rrd_role_main());
	}
	close(pair[1]);
	p->ended = false;
	p->control = channel_create(
		p->loop, &message_table, ROLE_SUPERVISOR, ROLE_RRD, QUEUE, &control, p, pair[0]);
	AUTO(bundle) bundle = bundle_create();
	AUTO_FD fd = bundle_to_fd(bundle, NULL);
	message_start(&p->w, MESSAGE_CONTROL_START);
	frame_put_text(&p->w, p->data_dir);
	frame_put_u8(&p->w, 0);
	frame_put_u64(&p->w, 1);
	assert_true(channel_send_fd(p->control, &p->w, fd, NULL));
	p->engine = connect_peer(p, ROLE_ENGINE, &engine);
	p->web = connect_peer(p, ROLE_WEB, &web);
	p->ready = UINT64_MAX;
	wait_for(p, MESSAGE_RRD_READY);
}

static int end_role(struct play *p)
{
	int status = 0;
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	channel_destroy(p->control);
	channel_destroy(p->engine);
	channel_destroy(p->web);
	p->pid = 0;
	return status;
}

static int stop_role(struct play *p)
{
	message_start(&p->w, MESSAGE_CONTROL_STOP);
	assert_true(channel_send(p->control, &p->w, NULL));
	loop_timer_after(p->deadline, WAIT_MS);
	while (!p->ended && !p->timed_out) {
		loop_run(p->loop);
	}
	loop_timer_stop(p->deadline);
	assert_false(p->timed_out);
	return end_role(p);
}

static int kill_role(struct play *p)
{
	kill(p->pid, SIGKILL);
	return end_role(p);
}

static struct play *play_create(void)
{
	struct play *p = g_new0(struct play, 1);
	p->loop = loop_create();
	p->deadline = loop_timer_create(p->loop, on_deadline, p);
	p->values = g_array_new(FALSE, FALSE, sizeof(double));
	p->picture = g_byte_array_new();
	p->data_dir = support_directory();
	return p;
}

static int remove_one(
	const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void play_destroy(struct play *p)
{
	if (p->pid) {
		kill_role(p);
	}
	nftw(p->data_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	loop_timer_destroy(p->deadline);
	loop_destroy(p->loop);
	g_array_unref(p->values);
	g_byte_array_unref(p->picture);
	g_free(p->data_dir);
	g_free(p);
}

/* Declares host a, service load (1) with fields load (11) and peak (12). */
static void declare(struct play *p)
{
	AUTO(service) s = service_create("example.com", "a.example.com", "load", 10);
	assert_true(attributes_set(&s->attributes, ATTRIBUTES_GRAPH, "graph_title", "Load"));
	service_add_field(s, "load", "load", FIELD_GAUGE)->series_id = 11;
	service_add_field(s, "peak", "peak", FIELD_GAUGE)->series_id = 12;
	assert_true(declare_send(p->engine, &p->w, s, 1, NULL));
}

static void feed(struct play *p, uint64_t from, uint64_t to)
{
	struct entry_writer *e = g_new0(struct entry_writer, 1);
	for (uint64_t sequence = from; sequence <= to; sequence++) {
		struct wall at = wall_from_s(BEGIN + 10 * (int64_t)sequence);
		entry_samples_start(e, at);
		assert_true(entry_samples_add(e, at, 11, (double)sequence));
		assert_true(entry_samples_add(e, at, 12, 2.0 * (double)sequence));
		message_start(&p->w, MESSAGE_RRD_FEED);
		frame_put_u64(&p->w, sequence);
		frame_put_u16(&p->w, ENTRY_SAMPLES);
		frame_put_bytes(&p->w, e->payload, e->length);
		assert_true(channel_send(p->engine, &p->w, NULL));
	}
	g_free(e);
	while (p->applied < to) {
		wait_for(p, MESSAGE_RRD_APPLIED);
	}
}

struct ask {
	int64_t from_s, to_s, step_s;
	uint8_t cf;
	uint16_t count;
	uint32_t ids[4];
};

static void fetch(struct play *p, const struct ask *ask)
{
	g_array_set_size(p->values, 0);
	message_start(&p->w, MESSAGE_FETCH);
	frame_put_u32(&p->w, 77);
	frame_put_i64(&p->w, ask->from_s);
	frame_put_i64(&p->w, ask->to_s);
	frame_put_i64(&p->w, ask->step_s);
	frame_put_u8(&p->w, ask->cf);
	frame_put_u16(&p->w, ask->count);
	for (uint16_t i = 0; i < (ask->count ? ask->count : 1); i++) {
		frame_put_u32(&p->w, ask->ids[i % 4]);
	}
	assert_true(channel_send(p->web, &p->w, NULL));
	wait_for(p, MESSAGE_FETCHED);
}

static void expect_values(struct play *p, uint64_t last)
{
	fetch(p,
		&(struct ask){
			.from_s = BEGIN, .to_s = BEGIN + 10 * (int64_t)last, .count = 3, .ids = {11, 12, 999}});
	assert_int_equal(p->status, 0);
	assert_int_equal(p->t0_s, BEGIN);
	assert_int_equal(p->step_s, 10);
	assert_int_equal(p->values->len, 3 * last);
	for (uint64_t i = 1; i < last; i++) {
		assert_true(g_array_index(p->values, double, i) == (double)(i + 1));
		assert_true(g_array_index(p->values, double, last + i) == 2.0 * (double)(i + 1));
		assert_true(isnan(g_array_index(p->values, double, 2 * last + i)));
	}
}

static void values_come_back_and_survive(void **state UNUSED)
{
	struct play *p = play_create();
	start_role(p);
	assert_int_equal(p->ready, 0);
	declare(p);
	feed(p, 1, 100);
	expect_values(p, 100);
	/* killed: everything is wanted again, nothing is doubled or lost */
	kill_role(p);
	start_role(p);
	assert_int_equal(p->ready, 0);
	declare(p);
	p->applied = 0;
	feed(p, 1, 150);
	expect_values(p, 150);
	/* a clean end is a checkpoint */
	assert_int_equal(stop_role(p), 0);
	assert_int_equal(p->checkpoint, 150);
	start_role(p);
	assert_int_equal(p->ready, 150);
	declare(p);
	feed(p, 151, 200);
	expect_values(p, 200);
	kill_role(p);
	start_role(p);
	assert_int_equal(p->ready, 150);
	play_destroy(p);
}

static void a_bad_file_is_asked_for_again(void **state UNUSED)
{
	struct play *p = play_create();
	start_role(p);
	declare(p);
	feed(p, 1, 100);
	assert_int_equal(stop_role(p), 0);
	g_autofree char *file =
		g_strdup_printf("%s/rrd/example.com/a.example.com-load-peak-g.rrd", p->data_dir);
	assert_int_equal(truncate(file, 100), 0);
	start_role(p);
	declare(p);
	assert_int_equal(p->ready, 100);
	uint64_t rewinds = p->rewinds;
	fetch(p, &(struct ask){.from_s = BEGIN, .to_s = BEGIN + 100, .count = 1, .ids = {12}});
	while (p->rewinds == rewinds) {
		wait_for(p, MESSAGE_RRD_REWIND);
	}
	assert_int_equal(p->events, 1);
	p->applied = 0;
	feed(p, 1, 100);
	expect_values(p, 100);
	play_destroy(p);
}

/* hostile 53 */
static void senseless_questions_get_an_answer(void **state UNUSED)
{
	static const struct ask asks[] = {
		{.from_s = 10, .to_s = 5, .count = 1, .ids = {11}},
		{.from_s = 0, .to_s = INT64_MAX, .count = 1, .ids = {11}},
		{.from_s = INT64_MIN, .to_s = 5, .count = 1, .ids = {11}},
		{.from_s = 0, .to_s = 5, .step_s = -1, .count = 1, .ids = {11}},
		{.from_s = 0, .to_s = 5, .cf = 3, .count = 1, .ids = {11}},
		{.from_s = 0, .to_s = 5, .count = 0},
		{.from_s = 0, .to_s = 5, .count = FETCH_SERIES_MAX + 1},
	};
	struct play *p = play_create();
	start_role(p);
	declare(p);
	feed(p, 1, 10);
	for (size_t i = 0; i < ARRAY_LENGTH(asks); i++) {
		fetch(p, &asks[i]);
		assert_int_equal(p->status, ERR_CONFIG);
		assert_true(strlen(p->text) > 0);
	}
	fetch(p, &(struct ask){.from_s = 0, .to_s = 7258118400, .step_s = 1, .count = 1, .ids = {11}});
	assert_int_equal(p->status, 0);
	assert_in_range(p->values->len, 1, FETCH_POINTS_MAX);
	play_destroy(p);
}

/* More than its queue holds is asked for at once: it has to be answered one after the other. */
static void many_large_questions_are_all_answered(void **state UNUSED)
{
	enum { QUESTIONS = 8, SERIES = 200 };
	struct play *p = play_create();
	start_role(p);
	for (uint32_t q = 1; q <= QUESTIONS; q++) {
		message_start(&p->w, MESSAGE_FETCH);
		frame_put_u32(&p->w, q);
		frame_put_i64(&p->w, BEGIN);
		frame_put_i64(&p->w, BEGIN + (FETCH_POINTS_MAX - 2) * 10LL);
		frame_put_i64(&p->w, 10);
		frame_put_u8(&p->w, 0);
		frame_put_u16(&p->w, SERIES);
		for (uint32_t i = 1; i <= SERIES; i++) {
			frame_put_u32(&p->w, i);
		}
		assert_true(channel_send(p->web, &p->w, NULL));
	}
	for (unsigned q = 0; q < QUESTIONS; q++) {
		g_array_set_size(p->values, 0);
		wait_for(p, MESSAGE_FETCHED);
		assert_int_equal(p->status, 0);
		assert_true(p->values->len > SERIES); /* some frames of the next one may be there, too */
	}
	play_destroy(p);
}

static void graph(struct play *p, uint32_t service, uint16_t width, uint8_t format)
{
	g_byte_array_set_size(p->picture, 0);
	message_start(&p->w, MESSAGE_GRAPH);
	frame_put_u32(&p->w, 5);
	frame_put_u32(&p->w, service);
	frame_put_i64(&p->w, BEGIN);
	frame_put_i64(&p->w, BEGIN + 3600);
	frame_put_u16(&p->w, width);
	frame_put_u16(&p->w, 175);
	frame_put_u8(&p->w, format);
	frame_put_u8(&p->w, 1);
	frame_put_u8(&p->w, 0);
	frame_put_u8(&p->w, 0);
	frame_put_f64(&p->w, NAN);
	frame_put_f64(&p->w, NAN);
	frame_put_text(&p->w, "by hour");
	frame_put_u16(&p->w, 1);
	frame_put_f64(&p->w, 90);
	frame_put_u8(&p->w, 2);
	frame_put_u16(&p->w, 1);
	frame_put_i64(&p->w, BEGIN + 600);
	frame_put_i64(&p->w, 0);
	frame_put_u8(&p->w, 3);
	frame_put_u16(&p->w, 1);
	frame_put_i64(&p->w, BEGIN + 900);
	frame_put_i64(&p->w, 0);
	frame_put_text(&p->w, "deployed 1.2");
	assert_true(channel_send(p->web, &p->w, NULL));
	wait_for(p, MESSAGE_GRAPHED);
}

static void pictures_come_in_pieces(void **state UNUSED)
{
	struct play *p = play_create();
	start_role(p);
	declare(p);
	graph(p, 1, 400, 0);
	assert_int_equal(p->status, ERR_NOT_FOUND);
	assert_memory_equal(p->picture->data, "no data yet", 11);
	feed(p, 1, 300);
	graph(p, 1, 400, 0);
	assert_int_equal(p->status, 0);
	assert_memory_equal(p->picture->data, "\x89PNG", 4);
	graph(p, 1, 4000, 1); /* more than one frame holds */
	assert_int_equal(p->status, 0);
	assert_memory_equal(p->picture->data, "<?xml", 5);
	assert_true(p->picture->len > FRAME_MAX);
	graph(p, 1, 99, 0);
	assert_int_equal(p->status, ERR_CONFIG);
	graph(p, 1, 400, 9);
	assert_int_equal(p->status, ERR_CONFIG);
	graph(p, 2, 400, 0);
	assert_int_equal(p->status, ERR_NOT_FOUND);
	/* the files are written on while they are drawn */
	feed(p, 301, 320);
	expect_values(p, 320);
	assert_int_equal(stop_role(p), 0);
	play_destroy(p);
}

/* hostile 80 */
static void a_graph_is_drawn_without_its_bad_file(void **state UNUSED)
{
	struct play *p = play_create();
	start_role(p);
	declare(p);
	feed(p, 1, 300);
	graph(p, 1, 400, 1);
	assert_int_equal(p->status, 0);
	g_autofree char *whole = g_strndup((char *)p->picture->data, p->picture->len);
	static const char *const names[] = {"peak", "load"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		g_autofree char *file = g_strdup_printf(
			"%s/rrd/example.com/a.example.com-load-%s-g.rrd", p->data_dir, names[i]);
		assert_int_equal(truncate(file, 8192), 0);
		graph(p, 1, 400, 1);
		assert_int_equal(p->status, i ? ERR_STORAGE : 0);
		assert_string_not_equal((char *)p->picture->data, whole);
	}
	g_byte_array_append(p->picture, (const guint8 *)"", 1);
	assert_non_null(strstr((char *)p->picture->data, "its file cannot be read"));
	kill_role(p);
	play_destroy(p);
}

static void a_new_engine_is_told_where_to_go_on(void **state UNUSED)
{
	static const struct channel_handlers engine = {
		.frame = on_engine_frame, .closed = on_peer_lost};
	struct play *p = play_create();
	start_role(p);
	declare(p);
	feed(p, 1, 50);
	channel_destroy(p->engine);
	p->engine = connect_peer(p, ROLE_ENGINE, &engine);
	wait_for(p, MESSAGE_RRD_READY);
	assert_int_equal(p->ready, 50);
	declare(p);
	feed(p, 51, 60);
	expect_values(p, 60);
	play_destroy(p);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back_and_survive),
		cmocka_unit_test(a_bad_file_is_asked_for_again),
		cmocka_unit_test(senseless_questions_get_an_answer),
		cmocka_unit_test(many_large_questions_are_all_answered),
		cmocka_unit_test(pictures_come_in_pieces),
		cmocka_unit_test(a_graph_is_drawn_without_its_bad_file),
		cmocka_unit_test(a_new_engine_is_told_where_to_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
