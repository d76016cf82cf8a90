#include "engine/dispatch.h"

#include "tests/support/test.h"

#include <sys/socket.h>

#include "base/channel.h"
#include "model/message.h"

/* The engine's side, and a notify role played by the test. */
struct place {
	struct loop *loop;
	struct loop_timer *end;
	struct dispatch *dispatch;
	struct store_batch *batch;
	uint64_t generation;
	unsigned hurries;
	GString *events;
	struct channel *notify;
	struct frame_writer *w;
	GString *got;  /* "kind:channel:dedup_key\n" */
	uint64_t last; /* delivery number */
	uint32_t last_attempt;
	bool deaf; /* to all but the number */
};

static struct store_batch *on_batch(void *owner)
{
	return ((struct place *)owner)->batch;
}

static uint64_t on_generation(void *owner)
{
	return ((struct place *)owner)->generation;
}

static void on_hurry(void *owner)
{
	((struct place *)owner)->hurries++;
}

static void on_event(void *owner, const char *kind, const char *object, const char *text)
{
	g_string_append_printf(((struct place *)owner)->events, "%s ", kind);
	assert_true(*object && *text);
}

static const struct dispatch_handlers handlers = {on_batch, on_generation, on_hurry, on_event};

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct place *place = owner;
	struct frame_reader r = frame_read(frame);
	assert_int_equal(frame->type, MESSAGE_DELIVER);
	place->last = frame_get_u64(&r);
	if (place->deaf) {
		return;
	}
	(void)frame_get_i64(&r);
	place->last_attempt = frame_get_u32(&r);
	g_autofree char *channel = frame_get_text(&r);
	g_autofree char *key = frame_get_text(&r);
	unsigned kind = frame_get_u8(&r);
	g_string_append_printf(place->got, "%u:%s:%s\n", kind, channel, key);
}

static void on_closed(void *owner, const struct error *why)
{
	struct place *place = owner;
	channel_destroy(place->notify);
	place->notify = NULL;
}

static void join(struct place *place)
{
	static const struct channel_handlers peer = {.frame = on_frame, .closed = on_closed};
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	channel_destroy(place->notify);
	place->notify = channel_create(
		place->loop, &message_table, ROLE_NOTIFY, ROLE_ENGINE, 1 << 20, &peer, place, fds[0]);
	dispatch_peer(place->dispatch, fds[1]);
}

static void stop_loop(void *owner)
{
	loop_stop(((struct place *)owner)->loop);
}

static int setup(void **state)
{
	struct place *place = g_new0(struct place, 1);
	place->loop = loop_create();
	place->end = loop_timer_create(place->loop, stop_loop, place);
	place->batch = store_batch_create();
	place->generation = 1;
	place->events = g_string_new("");
	place->got = g_string_new("");
	place->w = g_new(struct frame_writer, 1);
	place->dispatch = dispatch_create(place->loop, &handlers, place);
	join(place);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	channel_destroy(place->notify);
	dispatch_destroy(place->dispatch);
	store_batch_destroy(place->batch);
	loop_timer_destroy(place->end);
	loop_destroy(place->loop);
	g_string_free(place->events, TRUE);
	g_string_free(place->got, TRUE);
	g_free(place->w);
	g_free(place);
	return 0;
}

/* Lets frames travel. */
static void turn(struct place *place)
{
	for (int i = 0; i < 3; i++) {
		loop_timer_after(place->end, 2);
		loop_run(place->loop);
	}
}

static void assert_got(struct place *place, const char *expected)
{
	turn(place);
	assert_string_equal(place->got->str, expected);
	g_string_truncate(place->got, 0);
}

static void report(struct place *place, uint64_t delivery, unsigned outcome)
{
	message_start(place->w, MESSAGE_DELIVERED);
	frame_put_u64(place->w, delivery);
	frame_put_u8(place->w, (uint8_t)outcome);
	frame_put_u16(place->w, 250);
	frame_put_text(place->w, "said so");
	assert_true(channel_send(place->notify, place->w, NULL));
	turn(place);
}

enum { SENT, AGAIN, NEVER };

static struct dispatch_news news_at(int64_t at_ms, unsigned level)
{
	return (struct dispatch_news){.instance = "full/web1",
		.level = (uint8_t)level,
		.at = {at_ms},
		.rule = "full",
		.host = "web1",
		.service = "df",
		.field = "root",
		.value = "97 %",
		.threshold = "> 92 %",
		.summary = "/ is full",
		.info = "line one\nline two",
		.runbook = "",
		.link = ""};
}

static void problem(struct place *place, int64_t at_ms, unsigned level, const char *channel)
{
	const char *channels[] = {channel, NULL};
	struct dispatch_news news = news_at(at_ms, level);
	dispatch_problem(place->dispatch, &news, channels, (struct wall){at_ms});
}

static void recovery(struct place *place, int64_t at_ms)
{
	struct dispatch_news news = news_at(at_ms, 0);
	dispatch_recovery(place->dispatch, &news, (struct wall){at_ms});
}

static void release(struct place *place, int64_t now_ms)
{
	dispatch_released(place->dispatch, place->generation++, (struct wall){now_ms});
}

static enum outbox_state stored_state(struct place *place, const char *key)
{
	const struct outbox_row *row = g_hash_table_lookup(place->batch->outbox, key);
	assert_non_null(row);
	return row->state;
}

static void a_message_leaves_after_its_transaction_and_once(void **state)
{
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	assert_true(place->hurries > 0);
	dispatch_pump(place->dispatch, (struct wall){1000});
	assert_got(place, "");
	release(place, 1000);
	assert_got(place, "1:mail:full/web1@1000/problem-2/mail\n");
	problem(place, 2000, 2, "mail"); /* the same problem again */
	release(place, 2000);
	dispatch_pump(place->dispatch, (struct wall){3000});
	assert_got(place, "");
	report(place, place->last, SENT);
	assert_int_equal(stored_state(place, "full/web1@1000/problem-2/mail"), OUTBOX_SENT);
	dispatch_pump(place->dispatch, (struct wall){1000000000});
	assert_got(place, "");
}

static void those_who_were_told_are_told_of_the_end(void **state)
{
	/* incidents I3 */
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	problem(place, 1000, 2, "hook");
	release(place, 1000);
	assert_got(
		place, "1:mail:full/web1@1000/problem-2/mail\n1:hook:full/web1@1000/problem-2/hook\n");
	report(place, 1, SENT);
	report(place, 2, NEVER);
	assert_string_equal(place->events->str, "outbox.dead ");
	recovery(place, 5000);
	release(place, 5000);
	assert_got(place, "2:mail:full/web1@1000/recovery/mail\n");
	report(place, place->last, SENT);
	recovery(place, 6000);
	release(place, 6000);
	assert_got(place, "");
	assert_int_equal(dispatch_counts(place->dispatch).waiting, 0);
	/* a new problem is a new story */
	problem(place, 9000, 2, "mail");
	release(place, 9000);
	assert_got(place, "1:mail:full/web1@9000/problem-2/mail\n");
}

static void worse_is_told_again_better_is_not(void **state)
{
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	problem(place, 2000, 3, "mail");
	problem(place, 3000, 2, "mail");
	problem(place, 4000, 3, "mail");
	release(place, 4000);
	assert_got(
		place, "1:mail:full/web1@1000/problem-2/mail\n1:mail:full/web1@1000/problem-3/mail\n");
	report(place, 1, SENT);
	report(place, 2, SENT);
	recovery(place, 5000);
	release(place, 5000);
	assert_got(place, "2:mail:full/web1@1000/recovery/mail\n"); /* one */
}

static void a_problem_that_never_left_takes_its_end_with_it(void **state)
{
	/* hostile 72 */
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	recovery(place, 2000);
	release(place, 2000);
	assert_got(place, "");
	assert_int_equal(stored_state(place, "full/web1@1000/problem-2/mail"), OUTBOX_DEAD);
	problem(place, 3000, 2, "mail");
	release(place, 3000);
	turn(place);
	report(place, place->last, AGAIN); /* the provider is down */
	recovery(place, 4000);
	release(place, 4000);
	dispatch_pump(place->dispatch, (struct wall){INT64_MAX / 2});
	assert_got(place, "1:mail:full/web1@3000/problem-2/mail\n");
	assert_int_equal(dispatch_counts(place->dispatch).waiting, 0);
}

static void an_end_waits_for_the_problem_on_its_way(void **state)
{
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	release(place, 1000);
	assert_got(place, "1:mail:full/web1@1000/problem-2/mail\n");
	recovery(place, 2000);
	release(place, 2000);
	assert_got(place, "");
	report(place, 1, SENT);
	assert_got(place, "2:mail:full/web1@1000/recovery/mail\n");
}

static void who_could_not_be_told_is_not_told_of_the_end(void **state)
{
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	release(place, 1000);
	assert_got(place, "1:mail:full/web1@1000/problem-2/mail\n");
	recovery(place, 2000);
	release(place, 2000);
	report(place, 1, NEVER);
	assert_got(place, "");
	assert_int_equal(dispatch_counts(place->dispatch).waiting, 0);
}

static void failures_back_off_and_go_on(void **state)
{
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	release(place, 1000);
	turn(place);
	int64_t wait_ms = DISPATCH_FIRST_RETRY_MS;
	int64_t now_ms = 1000;
	for (uint32_t attempt = 1; attempt < 12; attempt++) {
		assert_int_equal(place->last_attempt, attempt);
		report(place, 1, AGAIN);
		dispatch_pump(place->dispatch, (struct wall){now_ms + wait_ms - 1});
		turn(place);
		assert_int_equal(place->last_attempt, attempt);
		now_ms += wait_ms;
		dispatch_pump(place->dispatch, (struct wall){now_ms});
		turn(place);
		wait_ms = MIN(wait_ms * 2, (int64_t)DISPATCH_LAST_RETRY_MS);
	}
	report(place, 1, SENT);
	assert_int_equal(dispatch_counts(place->dispatch).waiting, 0);
}

static void silence_of_notify_means_again_after_the_deadline(void **state)
{
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	release(place, 1000);
	assert_got(place, "1:mail:full/web1@1000/problem-2/mail\n");
	dispatch_pump(place->dispatch, (struct wall){1000 + DISPATCH_DEADLINE_MS - 1});
	assert_got(place, "");
	join(place); /* it was restarted */
	dispatch_pump(place->dispatch, (struct wall){1000 + DISPATCH_DEADLINE_MS});
	assert_got(place, "1:mail:full/web1@1000/problem-2/mail\n");
	report(place, 1, SENT);
	report(place, 1, SENT); /* and the first answer, late */
	report(place, 99, SENT);
	assert_int_equal(dispatch_counts(place->dispatch).sent, 1);
}

static struct dispatch_news news_of(struct dispatch_news news, char *instance, int number)
{
	snprintf(instance, 32, "full/web%d", number);
	news.instance = instance;
	return news;
}

/* 20,000 begin, none gets out, all end: far more than the run of a test if each looked at all. */
static void a_storm_that_ends_before_it_is_told_takes_little_time(void **state)
{
	enum { STORM = 20000 };
	struct place *place = *state;
	const char *channels[] = {"mail", NULL};
	char instance[32];
	place->deaf = true;
	for (int i = 0; i < STORM; i++) {
		struct dispatch_news news = news_of(news_at(1000, 2), instance, i);
		dispatch_problem(place->dispatch, &news, channels, (struct wall){1000});
	}
	release(place, 1000);
	for (int i = 0; i < 100; i++) {
		turn(place);
	}
	uint64_t arrived = place->last;
	assert_true(arrived > STORM / 2);
	for (int i = 0; i < STORM; i++) {
		struct dispatch_news news = news_of(news_at(2000, 0), instance, i);
		dispatch_recovery(place->dispatch, &news, (struct wall){2000});
	}
	struct mono began = mono_now();
	for (int i = 0; i < 20; i++) {
		release(place, 2000);
	}
	assert_true(mono_now().ms - began.ms < 5000);
	place->deaf = false;
}

static void what_is_of_no_use_any_more_holds_up_nobody(void **state)
{
	struct place *place = *state;
	for (int i = 0; i < 5; i++) {
		dispatch_test(place->dispatch, "mail", (struct wall){1000});
	}
	release(place, 1000);
	turn(place);
	g_string_truncate(place->got, 0);
	int64_t later = 1000 + DISPATCH_USEFUL_MS + 1;
	problem(place, later, 2, "mail");
	dispatch_released(place->dispatch, place->generation++, (struct wall){later});
	turn(place);
	assert_non_null(strstr(place->got->str, "/problem-2/mail\n"));
	assert_int_equal(dispatch_counts(place->dispatch).dead, 5);
}

static void rows_survive_a_restart(void **state)
{
	struct place *place = *state;
	problem(place, 1000, 2, "mail");
	problem(place, 1000, 2, "hook");
	release(place, 1000);
	turn(place);
	report(place, 1, SENT);
	g_string_truncate(place->got, 0);
	dispatch_destroy(place->dispatch);
	place->dispatch = dispatch_create(place->loop, &handlers, place);
	GHashTableIter iter;
	gpointer row;
	g_hash_table_iter_init(&iter, place->batch->outbox);
	while (g_hash_table_iter_next(&iter, NULL, &row)) {
		dispatch_restore(place->dispatch, row);
	}
	join(place);
	dispatch_pump(place->dispatch, (struct wall){1001});
	assert_got(place, "1:hook:full/web1@1000/problem-2/hook\n"); /* was on its way: at once */
	report(place, 2, SENT);
	problem(place, 2000, 2, "mail"); /* still the same problem */
	recovery(place, 3000);
	release(place, 3000);
	turn(place);
	assert_int_equal(dispatch_counts(place->dispatch).waiting, 2);
	assert_non_null(strstr(place->got->str, "2:mail:full/web1@1000/recovery/mail\n"));
	assert_non_null(strstr(place->got->str, "2:hook:full/web1@1000/recovery/hook\n"));
	assert_null(strstr(place->got->str, "1:"));
}

static void texts_of_any_size_fit_into_a_frame(void **state)
{
	struct place *place = *state;
	g_autofree char *huge = g_strnfill(200000, 'x');
	struct dispatch_news news = news_at(1000, 2);
	news.summary = huge;
	news.info = huge;
	news.value = huge;
	news.threshold = huge;
	news.runbook = huge;
	news.link = huge;
	news.rule = huge;
	const char *channels[] = {"mail", NULL};
	dispatch_problem(place->dispatch, &news, channels, (struct wall){1000});
	release(place, 1000);
	turn(place);
	assert_int_equal(place->last_attempt, 1);
	dispatch_test(place->dispatch, "mail", (struct wall){1000});
	release(place, 1000);
	turn(place);
	assert_non_null(strstr(place->got->str, "\n3:mail:test@"));
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(a_message_leaves_after_its_transaction_and_once),
		HERE(those_who_were_told_are_told_of_the_end),
		HERE(worse_is_told_again_better_is_not),
		HERE(a_problem_that_never_left_takes_its_end_with_it),
		HERE(an_end_waits_for_the_problem_on_its_way),
		HERE(who_could_not_be_told_is_not_told_of_the_end),
		HERE(failures_back_off_and_go_on),
		HERE(silence_of_notify_means_again_after_the_deadline),
		HERE(a_storm_that_ends_before_it_is_told_takes_little_time),
		HERE(what_is_of_no_use_any_more_holds_up_nobody),
		HERE(rows_survive_a_restart),
		HERE(texts_of_any_size_fit_into_a_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
