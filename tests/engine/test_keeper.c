#include "engine/keeper.h"

#include "tests/support/test.h"

#include <glib.h>

/* A store in memory that fails, or takes its time, when it is told to. */
struct odd_store {
	struct store store;
	struct store *memory;
	int failures;
	gint held;   /* while 1 a commit does not come to its end */
	int commits; /* good ones */
};

struct place {
	struct loop *loop;
	struct loop_timer *end;
	struct keeper *keeper;
	struct odd_store *odd;
	uint64_t position, needs;
	uint64_t released, stored, stored_position;
	unsigned hurries;
	GString *events;
};

static bool odd_commit(struct store *store, const struct store_batch *batch, struct error *err)
{
	struct odd_store *odd = (struct odd_store *)store;
	while (g_atomic_int_get(&odd->held)) {
		g_usleep(1000);
	}
	if (odd->failures > 0) {
		odd->failures--;
		return error_set(err, ERR_STORAGE, "no space");
	}
	odd->commits++;
	return store_commit(odd->memory, batch, err);
}

static bool odd_load(
	struct store *store, const struct store_loader *loader, void *owner, struct error *err)
{
	return store_load(((struct odd_store *)store)->memory, loader, owner, err);
}

static void odd_close(struct store *store)
{
	store_close(((struct odd_store *)store)->memory);
	g_free(store);
}

static uint64_t on_seal(void *owner, struct store_batch *batch)
{
	struct place *place = owner;
	store_put_number(batch, "position", place->position);
	return place->needs;
}

static void on_hurry(void *owner)
{
	((struct place *)owner)->hurries++;
}

static void on_released(void *owner, uint64_t generation)
{
	struct place *place = owner;
	place->released = generation;
	loop_stop(place->loop);
}

static void on_stored(void *owner, uint64_t generation, uint64_t position)
{
	struct place *place = owner;
	assert_true(generation > place->stored);
	place->stored = generation;
	place->stored_position = position;
	loop_stop(place->loop);
}

static void on_event(void *owner, const char *kind, const char *object, const char *text)
{
	struct place *place = owner;
	assert_true(*object && *text);
	g_string_append_printf(place->events, "%s ", kind);
}

static void stop_loop(void *owner)
{
	loop_stop(((struct place *)owner)->loop);
}

static int setup(void **state)
{
	static const struct store_class odd_class = {
		.load = odd_load, .commit = odd_commit, .close = odd_close};
	static const struct keeper_handlers handlers = {
		on_seal, on_hurry, on_released, on_stored, on_event};
	struct place *place = g_new0(struct place, 1);
	place->loop = loop_create();
	place->end = loop_timer_create(place->loop, stop_loop, place);
	place->events = g_string_new("");
	place->odd = g_new0(struct odd_store, 1);
	place->odd->store.class = &odd_class;
	place->odd->memory = store_open_memory();
	place->keeper = keeper_create(place->loop, &handlers, place, &place->odd->store);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	keeper_destroy(place->keeper, false);
	loop_timer_destroy(place->end);
	loop_destroy(place->loop);
	g_string_free(place->events, TRUE);
	g_free(place);
	return 0;
}

#define wait_for(place, condition)                                                                 \
	do {                                                                                           \
		int64_t until_ = mono_now().ms + 20000;                                                    \
		while (!(condition)) {                                                                     \
			assert_true(mono_now().ms < until_);                                                   \
			loop_timer_after((place)->end, 20);                                                    \
			loop_run((place)->loop);                                                               \
		}                                                                                          \
	} while (0)

static void see_value(void *owner, const char *name, const char *text)
{
	g_string_append_printf(owner, "%s=%s ", name, text);
}

static void see_blob(void *owner, const char *name, const void *bytes, size_t length)
{
}

static void see_row(void *owner, const struct outbox_row *row)
{
}

static void see_event(void *owner, const struct store_event *event)
{
}

static void see_host(void *owner, const struct store_host *host)
{
}

static void assert_stored(struct place *place, const char *expected)
{
	static const struct store_loader loader = {
		see_value, see_blob, see_blob, see_row, see_event, see_host};
	GString *seen = g_string_new("");
	assert_true(store_load(place->odd->memory, &loader, seen, NULL));
	assert_string_equal(seen->str, expected);
	g_string_free(seen, TRUE);
}

static void a_batch_waits_until_the_journal_is_durable(void **state)
{
	struct place *place = *state;
	place->position = 7;
	place->needs = 7;
	store_put_value(keeper_batch(place->keeper), "a", "1");
	assert_int_equal(keeper_generation(place->keeper), 1);
	keeper_hurry(place->keeper);
	assert_int_equal(place->hurries, 0); /* not inside of what hurries */
	wait_for(place, place->hurries == 1);
	assert_int_equal(keeper_generation(place->keeper), 2);
	keeper_durable(place->keeper, 6);
	loop_timer_after(place->end, 50);
	loop_run(place->loop);
	assert_int_equal(place->odd->commits, 0);
	keeper_durable(place->keeper, 7);
	wait_for(place, place->stored == 1);
	assert_int_equal(place->released, 1);
	assert_int_equal(place->stored_position, 7);
	assert_stored(place, "a=1 position=7 ");
}

static void what_comes_meanwhile_goes_into_the_next_batch(void **state)
{
	struct place *place = *state;
	g_atomic_int_set(&place->odd->held, 1);
	for (int i = 0; i < 10; i++) {
		store_put_number(keeper_batch(place->keeper), "a", (uint64_t)i);
		keeper_hurry(place->keeper);
		loop_timer_after(place->end, 1);
		loop_run(place->loop);
	}
	g_atomic_int_set(&place->odd->held, 0);
	wait_for(place, place->stored == 2);
	assert_int_equal(place->odd->commits, 2); /* not ten */
	assert_stored(place, "a=9 position=0 ");
}

static void a_failed_commit_is_tried_again_and_effects_leave(void **state)
{
	/* hostile 88 */
	struct place *place = *state;
	place->odd->failures = 1;
	store_put_value(keeper_batch(place->keeper), "a", "1");
	keeper_hurry(place->keeper);
	wait_for(place, place->released == 1);
	assert_true(keeper_broken(place->keeper));
	assert_int_equal(place->stored, 0);
	store_put_value(keeper_batch(place->keeper), "b", "2");
	place->released = 0;
	keeper_hurry(place->keeper);
	wait_for(place, place->released == 2); /* while it is broken nobody waits */
	wait_for(place, place->stored > 0);
	assert_stored(place, "a=1 b=2 position=0 ");
	assert_string_equal(place->events->str, "store.broken store.recovered ");
	assert_false(keeper_broken(place->keeper));
}

static void a_disk_that_hangs_does_not_hold_messages_back(void **state)
{
	/* hostile 91 */
	struct place *place = *state;
	place->needs = 1; /* and the journal never becomes durable */
	store_put_value(keeper_batch(place->keeper), "a", "1");
	struct mono began = mono_now();
	keeper_hurry(place->keeper);
	wait_for(place, place->released == 1);
	assert_true(mono_now().ms - began.ms >= KEEPER_PATIENCE_MS - 100);
	assert_int_equal(place->stored, 0);
	assert_string_equal(place->events->str, "store.slow ");

	/* nor those that come while it hangs */
	store_put_value(keeper_batch(place->keeper), "b", "2");
	keeper_hurry(place->keeper);
	wait_for(place, place->released == 2);
	assert_true(mono_now().ms - began.ms < 20000);
	assert_int_equal(place->stored, 0);
	assert_string_equal(place->events->str, "store.slow "); /* said once */
	keeper_durable(place->keeper, 1);
	wait_for(place, place->stored == 2);
	assert_stored(place, "a=1 b=2 position=0 ");
}

static void a_lazy_change_waits_for_company(void **state)
{
	struct place *place = *state;
	store_put_value(keeper_batch(place->keeper), "a", "1");
	loop_timer_after(place->end, 100);
	loop_run(place->loop);
	assert_int_equal(place->odd->commits, 0);
	store_put_value(keeper_batch(place->keeper), "b", "2");
	keeper_hurry(place->keeper);
	wait_for(place, place->stored == 1);
	assert_int_equal(place->odd->commits, 1);
	assert_stored(place, "a=1 b=2 position=0 ");
}

/* The real store, since this one is closed with the keeper. */
static void the_rest_is_stored_at_a_clean_end_only(void **state)
{
	struct place *place = *state;
	static const struct keeper_handlers handlers = {
		on_seal, on_hurry, on_released, on_stored, on_event};
	char *directory = test_directory();
	g_autofree char *path = g_build_filename(directory, "state.db", NULL);
	char aside[256];
	for (int clean = 0; clean < 2; clean++) {
		struct store *store = store_open_sqlite(path, wall_now(), aside, NULL);
		assert_non_null(store);
		struct keeper *keeper = keeper_create(place->loop, &handlers, place, store);
		store_put_value(keeper_batch(keeper), clean ? "clean" : "killed", "1");
		keeper_destroy(keeper, clean);
	}
	store_close(place->odd->memory);
	place->odd->memory = store_open_sqlite(path, wall_now(), aside, NULL);
	assert_stored(place, "clean=1 position=0 started=1 ");
	test_directory_remove(directory);
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(a_batch_waits_until_the_journal_is_durable),
		HERE(what_comes_meanwhile_goes_into_the_next_batch),
		HERE(a_failed_commit_is_tried_again_and_effects_leave),
		HERE(a_disk_that_hangs_does_not_hold_messages_back),
		HERE(a_lazy_change_waits_for_company),
		HERE(the_rest_is_stored_at_a_clean_end_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
