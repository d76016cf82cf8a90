/* What may be asked of the archive by those who may ask, and what is refused whole. */
#include "tests/engine/fake.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* hostile: wrong orders to the archive change nothing, above all not a part of something */
static void wrong_work_on_the_archive_changes_nothing(void **state)
{
	struct fake *fake = *state;
	fake_join(fake, ROLE_COLLECTOR);
	fake_join(fake, ROLE_WEB);
	fake_declare(fake, "web1", "cpu", 1, 7);
	fake_wait(fake, catalog_host(fake->engine->catalog, "web1"));
	g_autofree char *path = g_build_filename(fake->directory, "admin.token", NULL);
	g_autofree char *token = NULL;
	assert_true(g_file_get_contents(path, &token, NULL, NULL));
	g_strchomp(token);
	g_autofree char *junk = g_strnfill(40000, 'x');
	g_autofree char *long_rename =
		g_strdup_printf("{\"verb\":\"rename\",\"argument\":{\"host\":\"web1\",\"into\":\"web2\","
						"\"junk\":\"%s\"}}",
			junk);
	const struct {
		const char *json;
		unsigned status;
	} rows[] = {
		{"{}", ERR_CONFIG},
		{"[]", ERR_CONFIG},
		{"{\"verb\":7,\"argument\":{}}", ERR_CONFIG},
		{"{\"verb\":\"clean\",\"argument\":[]}", ERR_CONFIG},
		{"{\"verb\":\"\",\"argument\":{}}", ERR_CONFIG},
		{"{\"verb\":\"../x\",\"argument\":{}}", ERR_CONFIG},
		{"{\"verb\":\"rename\",\"argument\":{}}", ERR_CONFIG},
		{"{\"verb\":\"rename\",\"argument\":{\"host\":\"web1\",\"into\":[]}}", ERR_CONFIG},
		{"{\"verb\":\"rename\",\"argument\":{\"host\":\"web1\",\"into\":\"../web2\"}}", ERR_CONFIG},
		{"{\"verb\":\"rename\",\"argument\":{\"host\":\"web1\",\"into\":\"web1\"}}", ERR_CONFIG},
		{"{\"verb\":\"merge\",\"argument\":{\"host\":\"nobody\",\"into\":\"web1\"}}",
			ERR_NOT_FOUND},
		{"{\"verb\":\"move\",\"argument\":{\"host\":\"a\",\"into\":\"web1\",\"from_group\":\"a\","
		 "\"into_group\":\"a\"}}",
			ERR_CONFIG},
		{long_rename, ERR_CONFIG},
		{"{\"verb\":\"retire\",\"argument\":{\"selector\":\"*\",\"silent\":true}}", ERR_CONFIG},
		{"{\"verb\":\"retire\",\"argument\":{\"selector\":\"*\",\"silent\":true,\"older_s\":\"1y\"}"
		 "}",
			ERR_CONFIG},
		{"{\"verb\":\"retire\",\"argument\":{\"selector\":\"*\",\"older_s\":-1}}", ERR_CONFIG},
		{"{\"verb\":\"retire\",\"argument\":{\"selector\":\"*\",\"older_s\":1e9}}", ERR_CONFIG},
		{"{\"verb\":\"backup\",\"argument\":{\"name\":\"../x\"}}", ERR_CONFIG},
		{"{\"verb\":\"backup\",\"argument\":{\"directory\":\"/\"}}", ERR_CONFIG},
		{"{\"verb\":\"cancel\",\"argument\":{}}", ERR_CONFIG},
		{"{\"verb\":\"cancel\",\"argument\":{\"id\":77}}", ERR_NOT_FOUND},
		{"{\"verb\":\"backup\",\"argument\":{\"name\":\"one\"}}", MESSAGE_OK},
		/* while that is under way */
		{"{\"verb\":\"backup\",\"argument\":{\"name\":\"two\"}}", ERR_CONFLICT},
		{"{\"verb\":\"rename\",\"argument\":{\"host\":\"web1\",\"into\":\"web2\"}}", ERR_CONFLICT},
		{"{\"verb\":\"retire\",\"argument\":{\"selector\":\"*\",\"older_s\":1}}", ERR_CONFLICT},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		g_autofree char *text = NULL;
		fake_ask(fake, token, "archive.task", rows[i].json);
		unsigned status = fake_answer(fake, &text);
		if (status != rows[i].status) {
			fail_msg("%.100s: %u, not %u: %s", rows[i].json, status, rows[i].status, text);
		}
	}
	assert_false(fake->engine->anew);
	assert_non_null(catalog_host(fake->engine->catalog, "web1"));
	assert_null(catalog_host(fake->engine->catalog, "web2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			wrong_work_on_the_archive_changes_nothing, fake_setup, fake_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
