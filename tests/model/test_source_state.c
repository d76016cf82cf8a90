#include "base/attr.h"
#include "base/error.h"
#include "model/message.h"
#include "model/source_state.h"
#include "tests/support/test.h"

#include <glib.h>

static struct frame_writer writer;

static struct frame written(void)
{
	frame_finish(&writer);
	return (struct frame){.type = MESSAGE_SOURCE,
		.version = 1,
		.length = (uint32_t)(writer.length - FRAME_HEADER),
		.payload = writer.packet + FRAME_HEADER};
}

static struct source_complaint complaints[] = {
	{(char *)"df", (char *)"# Timed out after 10 s"}, {(char *)"smart_sda", (char *)"exit code 1"}};

static struct source_state example(void)
{
	return (struct source_state){.id = (char *)"web1/munin/munin",
		.group = (char *)"web/berlin",
		.host = (char *)"web1",
		.kind = (char *)"munin",
		.name = (char *)"munin",
		.where = (char *)"10.20.1.11:4949",
		.state = SOURCE_COMPLAINING,
		.since = {1000},
		.step_s = 60,
		.last = {2000},
		.next = {62000},
		.first = {500},
		.took_ms = 310,
		.services = 24,
		.series = 219,
		.failures = 0,
		.version = (char *)"munin-node 2.0.73",
		.error = (char *)"",
		.complaint_count = 2,
		.complaints = complaints,
		.strip = "------------------oooowo",
		.found = {400}};
}

static void assert_same(const struct source_state *a, const struct source_state *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->group, b->group);
	assert_string_equal(a->host, b->host);
	assert_string_equal(a->kind, b->kind);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->where, b->where);
	assert_string_equal(a->version, b->version);
	assert_string_equal(a->error, b->error);
	assert_string_equal(a->strip, b->strip);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->since.ms, b->since.ms);
	assert_int_equal(a->last.ms, b->last.ms);
	assert_int_equal(a->next.ms, b->next.ms);
	assert_int_equal(a->first.ms, b->first.ms);
	assert_int_equal(a->found.ms, b->found.ms);
	assert_int_equal(a->step_s, b->step_s);
	assert_int_equal(a->took_ms, b->took_ms);
	assert_int_equal(a->services, b->services);
	assert_int_equal(a->series, b->series);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->complaint_count, b->complaint_count);
	for (uint32_t i = 0; i < a->complaint_count; i++) {
		assert_string_equal(a->complaints[i].plugin, b->complaints[i].plugin);
		assert_string_equal(a->complaints[i].error, b->complaints[i].error);
	}
}

static void a_state_arrives_the_same(void **state UNUSED)
{
	struct source_state given = example();
	struct source_state got;
	source_state_put(&writer, &given);
	struct frame frame = written();
	assert_true(source_state_read(&got, &frame, NULL));
	assert_same(&given, &got);
	source_state_finish(&got);
	assert_null(got.id);
}

static void a_state_of_which_little_is_known_arrives(void **state UNUSED)
{
	struct source_state given = {.id = (char *)"a/check/x",
		.group = (char *)"g",
		.host = (char *)"a",
		.kind = (char *)"check",
		.name = (char *)"x"};
	struct source_state got;
	source_state_put(&writer, &given);
	struct frame frame = written();
	assert_true(source_state_read(&got, &frame, NULL));
	assert_string_equal(got.where, "");
	assert_string_equal(got.error, "");
	assert_null(got.complaints);
	source_state_finish(&got);
}

/* hostile 13: what a plugin said is clean and bounded before it travels. */
static void texts_are_cleaned_and_cut_on_the_way(void **state UNUSED)
{
	struct source_complaint many[SOURCE_COMPLAINTS_MAX + 10];
	char *text = malloc(5001);
	memset(text, 'x', 5000);
	text[5000] = '\0';
	text[0] = '\xff';
	text[1] = '\n';
	for (size_t i = 0; i < ARRAY_LENGTH(many); i++) {
		many[i] = (struct source_complaint){text, text};
	}
	struct source_state given = example();
	given.error = given.version = given.where = text;
	given.complaints = many;
	given.complaint_count = ARRAY_LENGTH(many);
	struct source_state got;
	source_state_put(&writer, &given);
	assert_false(writer.overflow);
	struct frame frame = written();
	assert_true(source_state_read(&got, &frame, NULL));
	assert_int_equal(strlen(got.error), SOURCE_ERROR_MAX);
	assert_memory_equal(got.error, "\xef\xbf\xbd\xef\xbf\xbdxx", 8);
	assert_int_equal(got.complaint_count, SOURCE_COMPLAINTS_MAX);
	assert_int_equal(strlen(got.complaints[5].plugin), SOURCE_PLUGIN_MAX);
	source_state_finish(&got);
	free(text);
}

static void a_frame_that_is_not_as_promised_is_refused(void **state UNUSED)
{
	static const struct {
		const char *id, *group, *host, *strip;
		uint8_t condition;
	} cases[] = {
		{"", "g", "h", "", 1},
		{"h/a/b", "../g", "h", "", 1},
		{"h/a/b", "g", "h/../x", "", 1},
		{"h/a/b", "g", "h", "ooo", 1},
		{"h/a/b", "g", "h", "ooooooooooooooooooooooox", 1},
		{"h/a/b", "g", "h", "", SOURCE_CONDITIONS},
		{"h/a/b", "g", "h", "", 255},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct source_state bad = example();
		struct error err;
		bad.id = (char *)cases[i].id;
		bad.group = (char *)cases[i].group;
		bad.host = (char *)cases[i].host;
		bad.state = cases[i].condition;
		snprintf(bad.strip, sizeof(bad.strip), "%s", cases[i].strip);
		source_state_put(&writer, &bad);
		struct frame frame = written();
		struct source_state got;
		assert_false(source_state_read(&got, &frame, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_null(got.id);
	}
}

static void a_frame_cut_anywhere_is_refused(void **state UNUSED)
{
	struct source_state given = example();
	source_state_put(&writer, &given);
	struct frame frame = written();
	uint32_t whole = frame.length;
	for (frame.length = 0; frame.length < whole; frame.length++) {
		struct source_state got;
		assert_false(source_state_read(&got, &frame, NULL));
	}
	frame.length = whole + 1;
	struct source_state got;
	assert_false(source_state_read(&got, &frame, NULL));
}

static void the_end_of_a_source_arrives(void **state UNUSED)
{
	source_gone_put(&writer, "web1/munin/munin");
	struct frame frame = written();
	g_autofree char *id = source_gone_read(&frame, NULL);
	assert_string_equal(id, "web1/munin/munin");
	frame.length--;
	assert_null(source_gone_read(&frame, NULL));
	source_gone_put(&writer, "");
	frame = written();
	assert_null(source_gone_read(&frame, NULL));
}

static struct source_state known_example(const char *host, const char *name, const char *where)
{
	return (struct source_state){
		.host = (char *)host, .name = (char *)name, .where = (char *)where, .found = {7000}};
}

static void what_was_found_before_arrives(void **state UNUSED)
{
	struct source_state first = known_example("web1", "nginx", "127.0.0.1:80");
	struct source_state second = known_example("web1", "php_fpm_www", "unix:///run/www.sock");
	source_known_begin(&writer);
	assert_true(source_known_put(&writer, &first));
	assert_true(source_known_put(&writer, &second));
	struct frame frame = written();
	g_autoptr(GPtrArray) got = source_known_read(&frame, NULL);
	assert_non_null(got);
	assert_int_equal(got->len, 2);
	const struct source_state *last = got->pdata[1];
	assert_string_equal(last->host, "web1");
	assert_string_equal(last->name, "php_fpm_www");
	assert_string_equal(last->where, "unix:///run/www.sock");
	assert_int_equal(last->found.ms, 7000);
	for (frame.length--; frame.length > 0; frame.length--) {
		GPtrArray *cut = source_known_read(&frame, NULL);
		assert_true(!cut || cut->len == 1); /* cut between the two it is whole again */
		if (cut) {
			g_ptr_array_unref(cut);
		}
	}
	source_known_begin(&writer);
	frame = written();
	g_autoptr(GPtrArray) none = source_known_read(&frame, NULL);
	assert_int_equal(none->len, 0);
}

static void what_cannot_be_remembered_is_left_out(void **state UNUSED)
{
	static const char *const cases[][2] = {
		{"../x", "127.0.0.1:80"}, {"", "127.0.0.1:80"}, {"nginx", ""}};
	source_known_begin(&writer);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct source_state bad = known_example("web1", cases[i][0], cases[i][1]);
		assert_false(source_known_put(&writer, &bad));
	}
	struct source_state written_by_hand = known_example("web1", "nginx", "127.0.0.1:80");
	written_by_hand.found.ms = 0;
	assert_false(source_known_put(&writer, &written_by_hand));
	struct source_state good = known_example("web1", "nginx", "127.0.0.1:80");
	unsigned count = 0;
	while (source_known_put(&writer, &good)) {
		count++;
	}
	assert_false(writer.overflow); /* as many as there is room for */
	struct frame frame = written();
	g_autoptr(GPtrArray) got = source_known_read(&frame, NULL);
	assert_int_equal(got->len, count);
}

static void names_that_no_host_or_service_can_have_are_refused(void **state UNUSED)
{
	static const char *const cases[][3] = {{"../x", "nginx", "a:1"}, {"web1", "a/b", "a:1"},
		{"web1", "nginx", "a\n:1"}, {"web1", "nginx", ""}, {"", "nginx", "a:1"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err;
		source_known_begin(&writer);
		for (size_t k = 0; k < 3; k++) {
			frame_put_text(&writer, cases[i][k]);
		}
		frame_put_i64(&writer, 7000);
		struct frame frame = written();
		assert_null(source_known_read(&frame, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_arrives_the_same),
		cmocka_unit_test(a_state_of_which_little_is_known_arrives),
		cmocka_unit_test(texts_are_cleaned_and_cut_on_the_way),
		cmocka_unit_test(a_frame_that_is_not_as_promised_is_refused),
		cmocka_unit_test(a_frame_cut_anywhere_is_refused),
		cmocka_unit_test(the_end_of_a_source_arrives),
		cmocka_unit_test(what_was_found_before_arrives),
		cmocka_unit_test(what_cannot_be_remembered_is_left_out),
		cmocka_unit_test(names_that_no_host_or_service_can_have_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
