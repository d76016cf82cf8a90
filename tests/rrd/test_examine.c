#include "rrd/examine.h"
#include "support.h"

#include "tests/support/test.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/* What is told of many files: what is wrong is never hidden behind what is not. */
enum { BEGIN = 1700000100, FILES = 120 };

static const char *text_of(const json_t *finding, const char *key)
{
	return json_string_value(json_object_get(finding, key));
}

static void what_is_wrong_is_told_behind_any_number_of_notes(void **state UNUSED)
{
	struct examination e;
	examination_init(&e, false, BEGIN);
	for (int i = 0; i < FILES; i++) {
		examination_add(&e, "a/note.rrd", false, "", "note %d", i);
	}
	examination_add(&e, "a/wrong.rrd", true, "", "damaged");
	json_t *result = examination_finish(&e);
	const json_t *findings = json_object_get(result, "findings");
	assert_int_equal(json_array_size(findings), EXAMINE_FINDINGS_MOST);
	assert_string_equal(text_of(json_array_get(findings, 0), "path"), "a/wrong.rrd");
	assert_int_equal(json_integer_value(json_object_get(result, "wrong")), 1);
	assert_int_equal(json_integer_value(json_object_get(result, "notes")), FILES);
	json_decref(result);
}

static void no_more_is_kept_than_there_is_room_for(void **state UNUSED)
{
	struct examination e;
	examination_init(&e, false, BEGIN);
	for (int i = 0; i < FILES; i++) {
		examination_add(&e, "a/wrong.rrd", true, "", "damage %d", i);
	}
	json_t *result = examination_finish(&e);
	assert_int_equal(json_array_size(json_object_get(result, "findings")), EXAMINE_FINDINGS_MOST);
	assert_int_equal(json_integer_value(json_object_get(result, "wrong")), FILES);
	json_decref(result);
}

/* A tree of Munin's, asked every minute, has rows of 300 s throughout. */
static void files_with_other_rows_are_one_note(void **state UNUSED)
{
	struct error err = {.kind = ERR_NONE};
	g_autofree char *directory = support_directory();
	struct tree *tree = tree_open(directory, &err);
	assert_non_null(tree);
	struct layout_plan plan;
	layout_plan(layout_find("normal"), 300, &plan);
	struct rrdfile_source source = {
		.type = FIELD_GAUGE, .step_s = 300, .min = (double)NAN, .max = (double)NAN};
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct examination e;
	examination_init(&e, false, BEGIN + 10);
	for (int i = 0; i < 3; i++) {
		g_autofree char *path = g_strdup_printf("h-load-f%d-g.rrd", i);
		source.step_s = 300;
		if (!rrdfile_create(tree, path, &plan, &source, BEGIN, &err)) {
			fail_msg("%s", err.text);
		}
		source.step_s = 60;
		assert_true(examine_file(&e, fd, path, &source));
	}
	close(fd);
	json_t *result = examination_finish(&e);
	assert_int_equal(json_integer_value(json_object_get(result, "wrong")), 0);
	const json_t *findings = json_object_get(result, "findings");
	unsigned told = 0;
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const json_t *finding = json_array_get(findings, i);
		told += g_str_has_prefix(text_of(finding, "what"), "3 files have rows of another length");
	}
	assert_int_equal(told, 1);
	json_decref(result);
	tree_destroy(tree);
	support_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_told_behind_any_number_of_notes),
		cmocka_unit_test(no_more_is_kept_than_there_is_room_for),
		cmocka_unit_test(files_with_other_rows_are_one_note),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
