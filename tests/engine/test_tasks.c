#include "engine/tasks.h"
#include "model/message.h"

#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/* The far ends: what was sent to which role, what was stored, what ended. */
struct bed {
	struct tasks *tasks;
	unsigned roles, sent[4], ended;
	bool deaf, good;
	char verb[32];
	char *stored;
	struct frame_writer w;
};

static const struct wall noon = {1700000000000};

static bool on_send(void *owner, unsigned instance, struct frame_writer *w)
{
	struct bed *bed = owner;
	(void)w;
	bed->sent[instance] += !bed->deaf;
	return !bed->deaf;
}

static unsigned on_roles(void *owner)
{
	return ((struct bed *)owner)->roles;
}

static void on_store(void *owner, const char *text)
{
	struct bed *bed = owner;
	g_free(bed->stored);
	bed->stored = g_strdup(text);
}

static void on_ended(void *owner, uint64_t id, const char *verb, const json_t *argument, bool good)
{
	struct bed *bed = owner;
	(void)id;
	assert_true(json_is_object(argument));
	bed->ended++;
	bed->good = good;
	g_strlcpy(bed->verb, verb, sizeof(bed->verb));
}

static const struct tasks_handlers handlers = {
	.send = on_send, .roles = on_roles, .store = on_store, .ended = on_ended};

static struct bed *bed_create(unsigned roles)
{
	struct bed *bed = g_new0(struct bed, 1);
	bed->roles = roles;
	bed->tasks = tasks_create(&handlers, bed);
	return bed;
}

static void bed_destroy(struct bed *bed)
{
	tasks_destroy(bed->tasks);
	g_free(bed->stored);
	g_free(bed);
}

static uint64_t begin(struct bed *bed, const char *verb)
{
	struct error err = {.kind = ERR_NONE};
	json_t *argument = json_pack("{s:s}", "host", "web1");
	uint64_t id = tasks_begin(bed->tasks, verb, argument, noon, &err);
	json_decref(argument);
	return id;
}

static void say(struct bed *bed, unsigned instance, uint64_t id, unsigned state, const char *json)
{
	message_start(&bed->w, MESSAGE_RRD_TASK_STATE);
	frame_put_u64(&bed->w, id);
	frame_put_u8(&bed->w, (uint8_t)state);
	frame_put_u64(&bed->w, 3);
	frame_put_u64(&bed->w, 10);
	frame_put_text(&bed->w, state == 2 ? "no\x01space" : "web1");
	frame_put_text(&bed->w, json);
	struct frame frame = {.type = MESSAGE_RRD_TASK_STATE,
		.version = 1,
		.length = (uint32_t)(bed->w.length - FRAME_HEADER),
		.payload = bed->w.packet + FRAME_HEADER};
	tasks_take(bed->tasks, instance, &frame, noon);
}

static char *state_of(struct bed *bed, uint64_t id)
{
	static char text[16];
	json_t *task = tasks_describe(bed->tasks, id);
	const char *state = json_string_value(json_object_get(task, "state"));
	g_strlcpy(text, state ? state : "none", sizeof(text));
	json_decref(task);
	return text;
}

static void ends_when_every_role_has_ended(void **state)
{
	(void)state;
	struct bed *bed = bed_create(2);
	uint64_t id = begin(bed, "survey");
	assert_int_equal(id, 1);
	assert_int_equal(bed->sent[0] + bed->sent[1], 2);
	say(bed, 0, id, 1, "{\"files\":3}");
	assert_string_equal(state_of(bed, id), "running");
	say(bed, 7, id, 1, "{}"); /* no such role */
	say(bed, 0, id, 2, "");   /* it has ended already */
	assert_int_equal(bed->ended, 0);
	say(bed, 1, id, 0, "");
	assert_int_equal(bed->ended, 0);
	say(bed, 1, id, 1, "{\"files\":4}");
	assert_string_equal(state_of(bed, id), "done");
	assert_int_equal(bed->ended, 1);
	assert_true(bed->good);
	json_t *task = tasks_describe(bed->tasks, id);
	json_t *part = json_array_get(json_object_get(task, "parts"), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(part, "result"), "files")), 4);
	json_decref(task);
	bed_destroy(bed);
}

static void fails_when_one_role_fails(void **state)
{
	(void)state;
	struct bed *bed = bed_create(2);
	uint64_t id = begin(bed, "convert");
	say(bed, 0, id, 2, "");
	assert_string_equal(state_of(bed, id), "running"); /* the other still works */
	say(bed, 1, id, 1, "");
	assert_string_equal(state_of(bed, id), "failed");
	assert_false(bed->good);
	json_t *task = tasks_describe(bed->tasks, id);
	const char *detail = json_string_value(json_object_get(task, "detail"));
	assert_non_null(strstr(detail, "no")); /* and no control character */
	assert_null(strchr(detail, '\x01'));
	json_decref(task);
	bed_destroy(bed);
}

static void is_sent_again_to_a_role_that_begins_again(void **state)
{
	(void)state;
	struct bed *bed = bed_create(1);
	bed->deaf = true;
	uint64_t id = begin(bed, "survey");
	assert_int_equal(bed->sent[0], 0);
	bed->deaf = false;
	tasks_tick(bed->tasks);
	assert_int_equal(bed->sent[0], 1);
	tasks_tick(bed->tasks);
	assert_int_equal(bed->sent[0], 1);
	tasks_ready(bed->tasks, 0);
	assert_int_equal(bed->sent[0], 2);
	say(bed, 0, id, 1, "");
	tasks_ready(bed->tasks, 0);
	assert_int_equal(bed->sent[0], 2);
	bed_destroy(bed);
}

static void survives_a_restart_of_the_engine(void **state)
{
	(void)state;
	struct bed *bed = bed_create(1);
	uint64_t over = begin(bed, "survey");
	say(bed, 0, over, 1, "{\"files\":3}");
	uint64_t open = begin(bed, "convert");
	struct bed *next = bed_create(1);
	tasks_restore(next->tasks, bed->stored);
	assert_string_equal(state_of(next, over), "done");
	assert_string_equal(state_of(next, open), "running");
	tasks_ready(next->tasks, 0);
	assert_int_equal(next->sent[0], 1);
	say(next, 0, open, 1, "");
	assert_string_equal(next->verb, "convert");
	assert_int_equal(begin(next, "survey"), 3); /* numbers go on */
	bed_destroy(bed);
	bed_destroy(next);
}

/* After a retirement the engine begins anew, and whoever asked wants to hear what was done. */
static void figures_of_a_long_result_survive_a_restart(void **state)
{
	(void)state;
	struct bed *bed = bed_create(1);
	uint64_t id = begin(bed, "retire");
	g_autofree char *names = g_strnfill(5000, 'x');
	g_autofree char *result = g_strdup_printf("{\"files\":300,\"names\":[\"%s\"]}", names);
	say(bed, 0, id, 1, result);
	struct bed *next = bed_create(1);
	tasks_restore(next->tasks, bed->stored);
	json_t *task = tasks_describe(next->tasks, id);
	json_t *part = json_array_get(json_object_get(task, "parts"), 0);
	json_t *kept = json_object_get(part, "result");
	assert_int_equal(json_integer_value(json_object_get(kept, "files")), 300);
	assert_null(json_object_get(kept, "names"));
	json_decref(task);
	bed_destroy(bed);
	bed_destroy(next);
}

static void takes_no_stored_nonsense(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "[]", "{\"tasks\":7}", "{\"next\":-5,\"tasks\":[{}]}",
		"{\"tasks\":[{\"id\":1,\"verb\":\"x\",\"argument\":[],\"state\":0}]}",
		"{\"tasks\":[{\"id\":1,\"verb\":\"x\",\"argument\":{},\"state\":9}]}"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct bed *bed = bed_create(1);
		tasks_restore(bed->tasks, texts[i]);
		assert_string_equal(state_of(bed, 1), "none");
		assert_int_equal(begin(bed, "survey"), 1);
		bed_destroy(bed);
	}
}

static void takes_so_many_and_no_more(void **state)
{
	(void)state;
	struct bed *bed = bed_create(1);
	for (unsigned i = 1; i <= TASKS_OPEN_MOST; i++) {
		assert_int_equal(begin(bed, "survey"), i);
	}
	assert_int_equal(begin(bed, "survey"), 0);
	assert_int_equal(begin(bed, "a/b"), 0);
	for (unsigned i = 1; i <= TASKS_OPEN_MOST; i++) {
		say(bed, 0, i, 1, "");
	}
	for (unsigned i = 0; i < TASKS_KEPT; i++) {
		say(bed, 0, begin(bed, "survey"), 1, "");
	}
	assert_string_equal(state_of(bed, TASKS_OPEN_MOST), "none"); /* the oldest are forgotten */
	json_t *list = tasks_list(bed->tasks);
	assert_int_equal(json_array_size(json_object_get(list, "tasks")), TASKS_KEPT);
	json_decref(list);
	bed_destroy(bed);
}

static bool on_hold(void *owner, uint64_t id, const char *verb, const json_t *argument)
{
	(void)id;
	(void)argument;
	return !strcmp(verb, "held") && ((struct bed *)owner)->roles;
}

static void what_the_engine_has_to_finish_is_open_until_it_has(void **state)
{
	(void)state;
	static const struct error failed = {.kind = ERR_STORAGE, .text = "the disk is full"};
	for (int good = 0; good < 2; good++) {
		struct tasks_handlers with_hold = handlers;
		with_hold.hold = on_hold;
		struct bed *bed = bed_create(2);
		tasks_destroy(bed->tasks);
		bed->tasks = tasks_create(&with_hold, bed);
		json_t *argument = json_object();
		uint64_t id = tasks_begin(bed->tasks, "held", argument, noon, NULL);
		say(bed, 0, id, TASKS_DONE, "{}");
		assert_int_equal(bed->ended, 0);
		say(bed, 1, id, TASKS_DONE, "{}");
		assert_int_equal(bed->ended, 0);
		assert_true(tasks_has_open(bed->tasks, "held"));
		tasks_close(bed->tasks, id, good ? NULL : &failed, noon);
		assert_int_equal(bed->ended, 1);
		assert_int_equal(bed->good, good);
		assert_false(tasks_has_open(bed->tasks, "held"));
		tasks_close(bed->tasks, id, NULL, noon); /* once only */
		assert_int_equal(bed->ended, 1);
		json_decref(argument);
		bed_destroy(bed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_when_every_role_has_ended),
		cmocka_unit_test(fails_when_one_role_fails),
		cmocka_unit_test(is_sent_again_to_a_role_that_begins_again),
		cmocka_unit_test(survives_a_restart_of_the_engine),
		cmocka_unit_test(figures_of_a_long_result_survive_a_restart),
		cmocka_unit_test(takes_no_stored_nonsense),
		cmocka_unit_test(takes_so_many_and_no_more),
		cmocka_unit_test(what_the_engine_has_to_finish_is_open_until_it_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
