#include "runner/teller.h"

#include "tests/support/test.h"

/* Arguments of a channel's command: facts are put in once, and each element stays one. */
static const struct {
	const char *element, *argument;
} cases[] = {
	{"-s", "-s"}, {"${host}", "db1"}, {"[${level}] ${host}: ${value}", "[critical] db1: -5"},
	{"${value}", "-5"}, {"${summary}", "$(touch /x) ${host} `id`"}, {"${title}", " -rf"},
	{"x${title}", "x-rf"}, {"${group}/${category}", "a/b/disk"}, {"${nothing} ${", "${nothing} ${"},
	{"${kind}", "problem"}, {"", ""}, {"--", "--"},
	{"${title}", "-rf"}, /* behind "--" it is none */
};

static void facts_stay_inside_their_argument(void **state UNUSED)
{
	struct notice notice = {.channel = (char[]){"c"},
		.dedup_key = (char[]){"k"},
		.kind = NOTICE_PROBLEM,
		.level = 3,
		.rule = (char[]){"r"},
		.host = (char[]){"db1"},
		.service = (char[]){"df"},
		.field = (char[]){"_var"},
		.value = (char[]){"-5"},
		.threshold = (char[]){"1"},
		.summary = (char[]){"$(touch /x) ${host} `id`"},
		.info = (char[]){""},
		.runbook = (char[]){""},
		.link = (char[]){""}};
	const struct teller_place place = {(char[]){"a/b"}, (char[]){"-rf"}, (char[]){"disk"}};
	struct config_channel channel = {.command = g_ptr_array_new()};
	g_ptr_array_add(channel.command, (gpointer) "/bin/tool");
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_ptr_array_add(channel.command, (gpointer)cases[i].element);
	}
	g_autoptr(GPtrArray) argv = teller_arguments(&channel, &notice, &place);
	assert_int_equal(argv->len, ARRAY_LENGTH(cases) + 2);
	assert_string_equal(argv->pdata[0], "/bin/tool");
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_string_equal(argv->pdata[i + 1], cases[i].argument);
	}
	assert_null(argv->pdata[argv->len - 1]);
	g_ptr_array_unref(channel.command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_stay_inside_their_argument),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
