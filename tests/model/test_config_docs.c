#include "model/config.h"
#include "base/diag.h"
#include "base/file.h"
#include "tests/support/test.h"

#include <fcntl.h>

/*
 * The reference in docs/configuration.md is the table in model/config.c. If this fails after a
 * change of the table: run it once with MAGPIE_WRITE_DOCS=1 in the environment, which writes the
 * reference anew.
 */
#define BEGIN                                                                                      \
	"<!-- settings: made from the table in model/config.c, checked by "                            \
	"tests/model/test_config_docs.c -->\n"
#define END "<!-- end of settings -->\n"

static void the_reference_says_what_the_parser_does(void **state UNUSED)
{
	size_t length;
	AUTO_FREE char *page =
		file_read(AT_FDCWD, SOURCE_ROOT "/docs/configuration.md", 1 << 20, &length, NULL);
	assert_non_null(page);
	const char *begin = strstr(page, BEGIN);
	const char *end = strstr(page, END);
	assert_true(begin && end && begin < end);
	begin += strlen(BEGIN);
	GString *reference = g_string_new("\n");
	config_append_reference(reference);
	g_string_append_c(reference, '\n');
	if (getenv("MAGPIE_WRITE_DOCS")) {
		GString *whole = g_string_new_len(page, begin - page);
		g_string_append_printf(whole, "%s%s", reference->str, end);
		assert_true(
			g_file_set_contents(SOURCE_ROOT "/docs/configuration.md", whole->str, -1, NULL));
		g_string_free(whole, TRUE);
	} else {
		g_autofree char *written = g_strndup(begin, (gsize)(end - begin));
		if (strcmp(written, reference->str) != 0) {
			fail_msg("docs/configuration.md is out of date: MAGPIE_WRITE_DOCS=1 "
					 "build/tests/model/test_config_docs writes it anew");
		}
	}
	g_string_free(reference, TRUE);
}

/* The examples that people copy have to work, with their comments taken away too. */
static void the_example_is_valid_as_it_is_and_with_everything_switched_on(void **state UNUSED)
{
	size_t length;
	AUTO_FREE char *example =
		file_read(AT_FDCWD, SOURCE_ROOT "/packaging/magpie.conf", 1 << 20, &length, NULL);
	assert_non_null(example);
	g_auto(GStrv) lines = g_strsplit(example, "\n", -1);
	GString *on = g_string_new(NULL);
	bool prose = true;
	for (size_t i = 0; lines[i]; i++) {
		prose = prose && *lines[i]; /* the first paragraph is text */
		bool setting =
			!prose && g_str_has_prefix(lines[i], "# ") && !g_str_has_prefix(lines[i], "# --");
		g_string_append_printf(on, "%s\n", setting ? lines[i] + 2 : "");
	}
	const char *const texts[] = {example, on->str};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		AUTO(bundle) bundle = bundle_create();
		AUTO(diag_list) diags = diag_list_create();
		bundle_add(bundle, CONFIG_MAIN_FILE, texts[i], strlen(texts[i]));
		AUTO(config) config = config_parse(bundle, diags);
		GString *report = g_string_new(NULL);
		diag_print(diags, DIAG_HUMAN, report);
		if (!config) {
			fail_msg("%s", report->str);
		}
		g_string_free(report, TRUE);
		assert_int_equal(config->channels->len, i ? 2 : 0);
	}
	g_string_free(on, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_says_what_the_parser_does),
		cmocka_unit_test(the_example_is_valid_as_it_is_and_with_everything_switched_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
