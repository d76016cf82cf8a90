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
		.strip = "------------------oooowo"};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_arrives_the_same),
		cmocka_unit_test(a_state_of_which_little_is_known_arrives),
		cmocka_unit_test(texts_are_cleaned_and_cut_on_the_way),
		cmocka_unit_test(a_frame_that_is_not_as_promised_is_refused),
		cmocka_unit_test(a_frame_cut_anywhere_is_refused),
		cmocka_unit_test(the_end_of_a_source_arrives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
