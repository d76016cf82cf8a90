#include "web/archive.h"
#include "model/message.h"
#include "model/shard.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/* Two writers share the archive; this test is both of them. */
enum { WRITERS = 2, FROM = 1699999200, TO = FROM + 60, DEADLINE_MS = 1500, WAIT_MS = 5000 };

struct play {
	struct loop *loop;
	struct loop_timer *limit;
	struct catalog *catalog;
	struct archive *archive;
	int fd[WRITERS]; /* ours; -1: closed */
	struct frame_writer w;
	unsigned char packet[FRAME_MAX];
	char host[WRITERS][32]; /* one of each writer */
	uint32_t series[WRITERS], service[WRITERS];
	unsigned lost; /* 1 + the writer that was lost last */
	/* the answer */
	unsigned answers;
	enum error_kind error;
	struct archive_data data;
	double values[WRITERS][64];
	size_t picture;
};

static const struct catalog *the_catalog(void *owner)
{
	return ((const struct play *)owner)->catalog;
}

static void on_lost(void *owner, unsigned writer)
{
	((struct play *)owner)->lost = writer + 1;
}

static void connect_writer(struct play *p, unsigned writer)
{
	int pair[2];
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	p->fd[writer] = pair[0];
	archive_connect(p->archive, writer, pair[1]);
}

/* Host of that writer with service "load" and its one field. */
static void add_host(struct play *p, unsigned writer, const char *order)
{
	for (unsigned i = 0; i < 100; i++) {
		snprintf(p->host[writer], sizeof(p->host[writer]), "node%u", i);
		if (shard_of_host(p->host[writer], WRITERS) == writer) {
			break;
		}
	}
	struct service *s = service_create("example.com", p->host[writer], "load", 10);
	service_add_field(s, "load", "load", FIELD_GAUGE)->series_id = writer + 1;
	if (order) {
		assert_true(attributes_set(&s->attributes, ATTRIBUTES_GRAPH, "graph_order", order));
	}
	p->service[writer] = catalog_declare(p->catalog, s, NULL)->id;
	p->series[writer] = writer + 1;
}

static void on_limit(void *owner)
{
	fail_msg("nothing came within %d ms", WAIT_MS);
}

static struct play *play_create(void)
{
	static const struct archive_handlers handlers = {.catalog = the_catalog, .lost = on_lost};
	struct play *p = g_new0(struct play, 1);
	p->loop = loop_create();
	p->limit = loop_timer_create(p->loop, on_limit, p);
	p->catalog = catalog_create();
	add_host(p, 1, NULL);
	g_autofree char *order = g_strdup_printf("load other=%s:load.load", p->host[1]);
	add_host(p, 0, order); /* borrows of the other */
	p->archive = archive_create(p->loop, DEADLINE_MS, &handlers, p);
	archive_writers(p->archive, WRITERS);
	connect_writer(p, 0);
	assert_false(archive_connected(p->archive));
	connect_writer(p, 1);
	assert_true(archive_connected(p->archive));
	return p;
}

static void play_destroy(struct play *p)
{
	for (unsigned i = 0; i < WRITERS; i++) {
		if (p->fd[i] >= 0) {
			close(p->fd[i]);
		}
	}
	archive_destroy(p->archive);
	catalog_destroy(p->catalog);
	loop_timer_destroy(p->limit);
	loop_destroy(p->loop);
	g_free(p);
}

static void on_data(void *owner, const struct archive_data *data, const struct error *err)
{
	struct play *p = owner;
	p->answers++;
	p->error = err ? err->kind : ERR_NONE;
	for (size_t i = 0; data && i < data->count; i++) {
		assert_in_range(data->rows, 0, 64);
		memcpy(p->values[i], data->columns[i], data->rows * sizeof(double));
	}
	p->data = data ? *data : (struct archive_data){0};
	loop_stop(p->loop);
}

static void on_picture(void *owner, const GByteArray *picture, const struct error *err)
{
	struct play *p = owner;
	p->answers++;
	p->error = err ? err->kind : ERR_NONE;
	p->picture = picture ? picture->len : 0;
	loop_stop(p->loop);
}

/* Until the answer is there. */
static void run(struct play *p)
{
	unsigned before = p->answers;
	loop_timer_after(p->limit, WAIT_MS);
	while (p->answers == before) {
		loop_run(p->loop);
	}
	loop_timer_stop(p->limit);
}

static void stop_soon(void *owner)
{
	loop_stop(((struct play *)owner)->loop);
}

/* What is there to be done, without an answer. */
static void turn(struct play *p)
{
	struct loop_timer *soon = loop_timer_create(p->loop, stop_soon, p);
	loop_timer_after(soon, 20);
	loop_run(p->loop);
	loop_timer_destroy(soon);
}

static bool fetch(struct play *p, size_t count, struct error *err)
{
	struct archive_fetch question = {
		.series = p->series, .count = count, .from_s = FROM, .to_s = TO};
	return archive_fetch(p->archive, &question, on_data, p, err);
}

static bool graph(struct play *p, unsigned writer)
{
	struct archive_graph question = {.service_id = p->service[writer],
		.from_s = FROM,
		.to_s = TO,
		.width = 400,
		.height = 175,
		.lower = NAN,
		.upper = NAN,
		.title = ""};
	return archive_graph(p->archive, &question, on_picture, p, NULL);
}

/* The frame that came for that writer, or type 0. */
static struct frame receive(struct play *p, unsigned writer)
{
	struct frame frame = {0};
	const char *why;
	ssize_t n = recv(p->fd[writer], p->packet, sizeof(p->packet), MSG_DONTWAIT);
	assert_true(n < 0 || frame_decode(&message_table, ROLE_WEB, ROLE_RRD, p->packet, (size_t)n,
							 &frame, &why));
	return frame;
}

/* The number of a FETCH for one series. */
static uint32_t expect_fetch(struct play *p, unsigned writer, uint32_t series)
{
	struct frame frame = receive(p, writer);
	assert_int_equal(frame.type, MESSAGE_FETCH);
	struct frame_reader r = frame_read(&frame);
	uint32_t number = frame_get_u32(&r);
	frame_get_bytes(&r, 8 + 8 + 8 + 1);
	assert_int_equal(frame_get_u16(&r), 1);
	assert_int_equal(frame_get_u32(&r), series);
	assert_true(frame_read_done(&r));
	assert_int_equal(receive(p, writer).type, 0);
	return number;
}

static uint32_t expect_graph(struct play *p, unsigned writer)
{
	struct frame frame = receive(p, writer);
	assert_int_equal(frame.type, MESSAGE_GRAPH);
	struct frame_reader r = frame_read(&frame);
	return frame_get_u32(&r);
}

static void send_to_web(struct play *p, unsigned writer)
{
	frame_finish(&p->w);
	assert_true(send(p->fd[writer], p->w.packet, p->w.length, MSG_NOSIGNAL) > 0);
}

/* `count` times the value, in steps of that many seconds. */
static void answer(struct play *p, unsigned writer, uint32_t number, int64_t step_s, double value)
{
	uint32_t count = (uint32_t)((TO - FROM) / step_s);
	message_start(&p->w, MESSAGE_FETCHED);
	frame_put_u32(&p->w, number);
	frame_put_u8(&p->w, 0);
	frame_put_u8(&p->w, 1);
	frame_put_u32(&p->w, writer + 1);
	frame_put_i64(&p->w, FROM);
	frame_put_i64(&p->w, step_s);
	frame_put_u32(&p->w, 0);
	frame_put_u32(&p->w, count);
	for (uint32_t i = 0; i < count; i++) {
		frame_put_f64(&p->w, value);
	}
	send_to_web(p, writer);
}

static void refuse(struct play *p, unsigned writer, uint32_t number, enum error_kind kind)
{
	static const char text[] = "try again later";
	message_start(&p->w, MESSAGE_GRAPHED);
	frame_put_u32(&p->w, number);
	frame_put_u8(&p->w, (uint8_t)kind);
	frame_put_u8(&p->w, 1);
	frame_put_u32(&p->w, sizeof(text) - 1);
	frame_put_bytes(&p->w, text, sizeof(text) - 1);
	send_to_web(p, writer);
}

static void answer_picture(struct play *p, unsigned writer, uint32_t number)
{
	refuse(p, writer, number, ERR_NONE);
}

static void each_owner_is_asked_for_its_own(void **state UNUSED)
{
	struct play *p = play_create();
	assert_true(fetch(p, 2, NULL));
	uint32_t first = expect_fetch(p, 0, 1);
	uint32_t second = expect_fetch(p, 1, 2);
	answer(p, 1, second, 30, 2);
	turn(p);
	assert_int_equal(p->answers, 0); /* not the half of it */
	answer(p, 0, first, 10, 1);
	run(p);
	assert_int_equal(p->error, ERR_NONE);
	assert_int_equal(p->data.step_s, 30);
	assert_int_equal(p->data.t0_s, FROM);
	assert_int_equal(p->data.rows, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(p->values[0][i] == 1 && p->values[1][i] == 2);
	}
	/* who is not concerned is not asked */
	assert_true(fetch(p, 1, NULL));
	answer(p, 0, expect_fetch(p, 0, 1), 10, 7);
	assert_int_equal(receive(p, 1).type, 0);
	run(p);
	assert_int_equal(p->data.rows, 6);
	assert_true(p->values[0][5] == 7);
	play_destroy(p);
}

static void answers_of_another_do_not_count(void **state UNUSED)
{
	struct play *p = play_create();
	assert_true(fetch(p, 2, NULL));
	uint32_t first = expect_fetch(p, 0, 1);
	answer(p, 1, first, 10, 66);
	answer(p, 1, expect_fetch(p, 1, 2), 10, 2);
	turn(p);
	assert_int_equal(p->answers, 0);
	answer(p, 0, first, 10, 1);
	run(p);
	assert_true(p->values[0][0] == 1 && p->values[1][0] == 2);
	play_destroy(p);
}

static void one_that_is_lost_ends_only_what_waits_for_it(void **state UNUSED)
{
	struct play *p = play_create();
	struct error err = {.kind = ERR_NONE};
	assert_true(fetch(p, 2, NULL));
	uint32_t late = expect_fetch(p, 0, 1);
	close(p->fd[1]);
	p->fd[1] = -1;
	run(p);
	assert_int_equal(p->error, ERR_UNREACHABLE);
	assert_int_equal(p->lost, 2);
	assert_false(archive_connected(p->archive));
	assert_false(fetch(p, 2, &err));
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	/* the first part of that was asked already: nobody waits for its answer */
	uint32_t half = expect_fetch(p, 0, 1);
	answer(p, 0, late, 10, 1);
	answer(p, 0, half, 10, 1);
	assert_true(fetch(p, 1, NULL));
	uint32_t good = expect_fetch(p, 0, 1);
	answer(p, 0, good, 10, 5);
	run(p);
	assert_int_equal(p->answers, 2);
	assert_true(p->error == ERR_NONE && p->values[0][0] == 5);
	connect_writer(p, 1);
	assert_true(fetch(p, 2, NULL));
	run(p); /* its deadline */
	assert_int_equal(p->error, ERR_TIMEOUT);
	play_destroy(p);
}

static void what_a_graph_borrows_is_written_before_it_is_drawn(void **state UNUSED)
{
	struct play *p = play_create();
	assert_true(graph(p, 0));
	assert_int_equal(receive(p, 0).type, 0);
	uint32_t flush = expect_fetch(p, 1, 2);
	turn(p);
	assert_int_equal(receive(p, 0).type, 0);
	answer(p, 1, flush, 10, 1);
	turn(p);
	answer_picture(p, 0, expect_graph(p, 0));
	run(p);
	assert_int_equal(p->error, ERR_NONE);
	assert_int_equal(p->picture, 15);
	/* one that borrows nothing is asked for at once */
	assert_true(graph(p, 1));
	refuse(p, 1, expect_graph(p, 1), ERR_CONFLICT);
	run(p);
	assert_int_equal(p->error, ERR_UNREACHABLE); /* 503: try again */
	/* and so is one whose lender is away */
	close(p->fd[1]);
	p->fd[1] = -1;
	turn(p);
	assert_true(graph(p, 0));
	answer_picture(p, 0, expect_graph(p, 0));
	run(p);
	assert_int_equal(p->error, ERR_NONE);
	play_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_owner_is_asked_for_its_own),
		cmocka_unit_test(answers_of_another_do_not_count),
		cmocka_unit_test(one_that_is_lost_ends_only_what_waits_for_it),
		cmocka_unit_test(what_a_graph_borrows_is_written_before_it_is_drawn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
