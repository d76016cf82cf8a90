/*
 * Rule files under tests/data/rules: what each must be told is in `expected`, a line of
 * "LINE:COLUMN CODE [FIX]" for every complaint, in order. A new complaint is a new folder, no C.
 */
#include "base/bundle.h"
#include "base/diag.h"
#include "base/file.h"
#include "rules/ruleset.h"
#include "tests/support/test.h"

#include <fcntl.h>

#include "base/banned.h"

static char *told(const char *text, size_t length, bool *taken)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, "input.magpie", text, length);
	AUTO(ruleset) set = ruleset_load(bundle, false, NULL, diags);
	*taken = set != NULL;
	GString *out = g_string_new(NULL);
	for (size_t i = 0; i < diag_count(diags); i++) {
		const struct diag *d = diag_at(diags, i);
		g_string_append_printf(out, "%u:%u %s", d->place.line, d->place.column, d->code);
		if (d->fixes->len) {
			const struct diag_fix *fix = g_ptr_array_index(d->fixes, 0);
			g_string_append_printf(out, " %s", fix->text);
		}
		g_string_append_c(out, '\n');
	}
	return g_string_free(out, FALSE);
}

/* How many of the cases in that folder are not as expected. */
static unsigned run_folder(const char *folder, bool valid)
{
	char *path = g_build_filename(TEST_DATA, folder, NULL);
	GDir *dir = g_dir_open(path, 0, NULL);
	assert_non_null(dir);
	unsigned wrong = 0;
	unsigned cases = 0;
	for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
		char *input = g_build_filename(path, name, "input.magpie", NULL);
		char *wanted = g_build_filename(path, name, "expected", NULL);
		size_t length = 0;
		AUTO_FREE char *text = file_read(AT_FDCWD, input, 1 << 20, &length, NULL);
		AUTO_FREE char *expected = file_read(AT_FDCWD, wanted, 1 << 20, &(size_t){0}, NULL);
		assert_non_null(text);
		assert_non_null(expected);
		bool taken = false;
		char *found = told(text, length, &taken);
		if (strcmp(found, expected) || taken != valid) {
			print_error("%s/%s (%s):\n%s--- expected\n%s", folder, name,
				taken ? "taken" : "refused", found, expected);
			wrong++;
		}
		cases++;
		g_free(found);
		g_free(input);
		g_free(wanted);
	}
	g_dir_close(dir);
	g_free(path);
	assert_true(cases > 5);
	return wrong;
}

static void wrong_files_are_refused_with_every_fault_at_its_place(void **state)
{
	(void)state;
	assert_int_equal(run_folder("invalid", false), 0);
}

static void right_files_are_taken_with_only_the_expected_warnings(void **state)
{
	(void)state;
	assert_int_equal(run_folder("valid", true), 0);
}

/* Whatever stands in a file that was cut off in the middle is refused or taken, never half. */
static void a_file_cut_at_any_byte_is_whole_or_refused(void **state)
{
	(void)state;
	static const char text[] =
		"defaults { clear for 5m }\nrule a {\n  value df:*\n  warn > 92% for 10m\n"
		"  crit > 98%, clear < 95%\n  summary \"${host}: ${value}\"\n}\n"
		"override a for host db* { warn > 5% }\n";
	size_t whole = 0;
	for (size_t length = 0; length < sizeof(text); length++) {
		bool taken = false;
		g_free(told(text, length, &taken));
		whole += taken;
	}
	/* nothing; "defaults" whole with and without its line end; the rule; the override */
	assert_int_equal(whole, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_files_are_refused_with_every_fault_at_its_place),
		cmocka_unit_test(right_files_are_taken_with_only_the_expected_warnings),
		cmocka_unit_test(a_file_cut_at_any_byte_is_whole_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
