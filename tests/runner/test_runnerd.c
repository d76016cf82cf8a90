#include "runner/runnerd.h"
#include "base/auto.h"
#include "model/message.h"
#include "tests/support/role.h"
#include "tests/support/test.h"

#include <glib.h>

/* The runner in a process of its own, ordered by frames. */
struct fixture {
	struct test_role role;
	unsigned answers;
	uint64_t id;
	bool started, timed_out;
	int exit_code;
	unsigned signal;
	char output[65000];
};

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct fixture *f = owner;
	assert_int_equal(fd, -1);
	struct frame_reader r = frame_read(frame);
	f->id = frame_get_u64(&r);
	f->started = frame_get_u8(&r);
	f->exit_code = (int)frame_get_u32(&r);
	f->signal = frame_get_u8(&r);
	f->timed_out = frame_get_u8(&r);
	frame_get_text_into(&r, f->output, sizeof(f->output));
	assert_true(frame_read_done(&r));
	f->answers++;
	loop_stop(f->role.loop);
}

static void on_closed(void *owner UNUSED, const struct error *why)
{
	fail_msg("the role closed its channel: %s", why->text);
}

static const struct channel_handlers handlers = {.frame = on_frame, .closed = on_closed};

static void begin(struct fixture *f, const char *config)
{
	memset(f, 0, sizeof(*f));
	test_role_start(&f->role, runner_role_main, ROLE_RUNNER, config);
	test_role_join(&f->role, ROLE_ENGINE, &handlers, f);
}

static void order(struct fixture *f, uint64_t id, const char *action, const char *argument)
{
	message_start(f->role.writer, MESSAGE_RUN);
	frame_put_u64(f->role.writer, id);
	frame_put_text(f->role.writer, action);
	frame_put_u16(f->role.writer, argument ? 1 : 0);
	if (argument) {
		frame_put_text(f->role.writer, argument);
	}
	assert_true(channel_send(f->role.peer, f->role.writer, NULL));
}

static void run(struct fixture *f, uint64_t id, const char *action, const char *argument)
{
	order(f, id, action, argument);
	loop_run(f->role.loop);
	assert_int_equal(f->id, id);
}

static char *shell_path(void)
{
	return realpath("/bin/sh", NULL);
}

static void an_action_runs_with_its_argument_and_answers(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "action say {\n command \"/usr/bin/printf\" \"%s|\" \"--\" \"$1\"\n"
			  " argument \"[a-z ]+\"\n}\n");
	run(&f, 1, "say", "hello you");
	assert_true(f.started);
	assert_int_equal(f.exit_code, 0);
	assert_string_equal(f.output, "--|hello you|");
	assert_int_equal(test_role_end(&f.role), 0);
}

/* hostile 73 */
static void what_the_configuration_does_not_allow_is_not_started(void **state UNUSED)
{
	static const struct {
		const char *action, *argument, *why;
	} cases[] = {
		{"nothing", "a", "no action"},
		{"say", NULL, "0 arguments"},
		{"say", "-rf", "begins with"},
		{"say", "--config=/x", "begins with"},
		{"say", "a;id", "pattern"},
		{"say", "$(id)", "pattern"},
		{"say", "a\nb", "control"},
		{"say", "", "pattern"},
		{"any", "a\x01", "control"},
		{"link", NULL, "symbolic"},
		{"none", NULL, "No such file"},
		{"dir", NULL, "regular"},
		{"data", NULL, "executable"},
	};
	struct fixture f;
	begin(&f, "action say { command \"/usr/bin/printf\" \"$1\"; argument \"[-=/a-z]+\" }\n"
			  "action any { command \"/usr/bin/printf\" \"--\" \"$1\"; argument \".*\" }\n"
			  "action link { command \"/proc/self/exe\" }\n"
			  "action none { command \"/usr/bin/no-such-program\" }\n"
			  "action dir { command \"/usr/bin\" }\n"
			  "action data { command \"/etc/passwd\" }\n");
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		run(&f, i + 1, cases[i].action, cases[i].argument);
		if (f.started || !strstr(f.output, cases[i].why)) {
			fail_msg("case %zu: started %d: %s", i, f.started, f.output);
		}
	}
	char *huge = g_strnfill(50000, 'a');
	run(&f, 100, "say", huge);
	assert_false(f.started);
	g_free(huge);
	assert_int_equal(test_role_end(&f.role), 0);
}

/* hostile 78 */
static void a_program_that_others_may_change_is_not_run(void **state UNUSED)
{
	if (geteuid() != 0) {
		skip();
	}
	char *dir = test_directory();
	g_autofree char *path = g_strconcat(dir, "/tool", NULL);
	g_autofree char *config = g_strdup_printf("action tool { command \"%s\" }\n", path);
	assert_true(g_file_set_contents(path, "#!/bin/sh\necho ran\n", -1, NULL));
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	struct fixture f;
	begin(&f, config);
	run(&f, 1, "tool", NULL);
	assert_string_equal(f.output, "ran");
	assert_int_equal(chmod(path, 0775), 0);
	run(&f, 2, "tool", NULL);
	assert_false(f.started);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(chown(path, 65534, 0), 0);
	run(&f, 3, "tool", NULL);
	assert_false(f.started);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	run(&f, 4, "tool", NULL);
	assert_false(f.started);
	assert_int_equal(test_role_end(&f.role), 0);
	test_directory_remove(dir);
}

/* hostile 78 */
static void the_environment_is_fixed(void **state UNUSED)
{
	setenv("LD_PRELOAD_X", "evil", 1);
	struct fixture f;
	begin(&f, "action env { command \"/usr/bin/env\" }\n");
	run(&f, 5, "env", NULL);
	assert_non_null(strstr(f.output, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"));
	assert_non_null(strstr(f.output, "MAGPIE_ACTION=env"));
	assert_null(strstr(f.output, "LD_PRELOAD_X"));
	unsetenv("LD_PRELOAD_X");
	assert_int_equal(test_role_end(&f.role), 0);
}

static void one_run_is_started_once_however_often_it_is_ordered(void **state UNUSED)
{
	char *dir = test_directory();
	char *shell = shell_path();
	g_autofree char *mark = g_strconcat(dir, "/mark", NULL);
	g_autofree char *config = g_strdup_printf(
		"action mark { command \"%s\" \"-c\" \"echo x >> %s; sleep 0.2\" }\n", shell, mark);
	struct fixture f;
	begin(&f, config);
	order(&f, 9, "mark", NULL);
	order(&f, 9, "mark", NULL);
	run(&f, 9, "mark", NULL);
	test_role_join(&f.role, ROLE_ENGINE, &handlers, &f); /* the engine came back */
	run(&f, 9, "mark", NULL);
	assert_true(f.started);
	assert_int_equal(f.answers, 2);
	g_autofree char *content = NULL;
	assert_true(g_file_get_contents(mark, &content, NULL, NULL));
	assert_string_equal(content, "x\n");
	assert_int_equal(test_role_end(&f.role), 0);
	free(shell);
	test_directory_remove(dir);
}

/* hostile 74 */
static void a_hanging_action_ends_at_its_deadline(void **state UNUSED)
{
	char *shell = shell_path();
	g_autofree char *config = g_strdup_printf(
		"action hang { command \"%s\" \"-c\" \"echo begun; sleep 1000\"; timeout 1s }\n", shell);
	struct fixture f;
	begin(&f, config);
	run(&f, 1, "hang", NULL);
	assert_true(f.timed_out);
	assert_int_equal(f.signal, 15);
	assert_string_equal(f.output, "begun");
	assert_int_equal(test_role_end(&f.role), 0);
	free(shell);
}

static void output_of_any_bytes_fits_the_frame(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "action noise { command \"/usr/bin/head\" \"-c\" \"10000000\" \"/dev/urandom\" }\n");
	run(&f, 1, "noise", NULL);
	assert_true(f.started);
	assert_int_equal(f.exit_code, 0);
	assert_true(strlen(f.output) > 1000);
	assert_int_equal(test_role_end(&f.role), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_action_runs_with_its_argument_and_answers),
		cmocka_unit_test(what_the_configuration_does_not_allow_is_not_started),
		cmocka_unit_test(a_program_that_others_may_change_is_not_run),
		cmocka_unit_test(the_environment_is_fixed),
		cmocka_unit_test(one_run_is_started_once_however_often_it_is_ordered),
		cmocka_unit_test(a_hanging_action_ends_at_its_deadline),
		cmocka_unit_test(output_of_any_bytes_fits_the_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
