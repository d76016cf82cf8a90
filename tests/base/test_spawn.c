#include "base/spawn.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/user.h"
#include "tests/support/test.h"

#include <glib.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

struct fixture {
	struct loop *loop;
	struct spawner *spawner;
	bool called;
	struct spawn_result result; /* texts are in `output` */
	char output[4096], errors[SPAWN_ERRORS_MAX + 1];
	size_t length;
};

static void on_done(void *owner, const struct spawn_result *result)
{
	struct fixture *f = owner;
	assert_false(f->called);
	f->called = true;
	f->result = *result;
	f->length = result->length;
	text_copy(f->output, sizeof(f->output), result->output);
	text_copy(f->errors, sizeof(f->errors), result->errors);
	loop_stop(f->loop);
}

static struct fixture begin(void)
{
	struct fixture f = {.loop = loop_create()};
	f.spawner = spawner_create(f.loop);
	return f;
}

static void finish(struct fixture *f)
{
	spawner_destroy(f->spawner);
	loop_destroy(f->loop);
}

static const char *const plain_environment[] = {"PATH=/usr/bin:/bin", "TAG=1", NULL};

static struct spawn_request request_for(int program, const char *const *argv)
{
	return (struct spawn_request){.program = program,
		.argv = argv,
		.environment = plain_environment,
		.tag = "TAG=1",
		.timeout_ms = 20000,
		.grace_ms = 200,
		.output_max = 65536,
		.file_max = 1 << 20};
}

/* Runs a text of the shell: the test needs one, the program never does. `change`: NULL, or a
 * request whose fields are put in place of the usual ones where they are not 0. */
static void run_changed(struct fixture *f, const char *script, const struct spawn_request *change)
{
	AUTO_FD shell = open("/bin/sh", O_RDONLY | O_CLOEXEC);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct spawn_request request = request_for(shell, argv);
	request.timeout_ms = change->timeout_ms ? change->timeout_ms : request.timeout_ms;
	request.output_max = change->output_max ? change->output_max : request.output_max;
	request.user = change->user;
	request.errors_apart = change->errors_apart;
	request.socket = change->socket;
	request.processes_max = change->processes_max;
	request.leave_nothing = change->leave_nothing;
	f->called = false;
	assert_non_null(spawner_start(f->spawner, &request, on_done, f, NULL));
	loop_run(f->loop);
	assert_true(f->called);
}

static void run_with(struct fixture *f, const char *script, int64_t timeout_ms, size_t output_max)
{
	struct spawn_request change = {.timeout_ms = timeout_ms, .output_max = output_max};
	run_changed(f, script, &change);
}

static void run(struct fixture *f, const char *script)
{
	run_with(f, script, 20000, 65536);
}

static void output_and_exit_code_come_back(void **state UNUSED)
{
	struct fixture f = begin();
	run(&f, "echo out; echo err >&2; exit 7");
	assert_true(f.result.started);
	assert_int_equal(f.result.exit_code, 7);
	assert_int_equal(f.result.signal, 0);
	assert_false(f.result.timed_out);
	assert_string_equal(f.output, "out\nerr\n");
	finish(&f);
}

static void a_signal_is_told(void **state UNUSED)
{
	struct fixture f = begin();
	run(&f, "kill -9 $$");
	assert_int_equal(f.result.signal, SIGKILL);
	finish(&f);
}

static void the_child_has_what_it_was_given_and_nothing_else(void **state UNUSED)
{
	setenv("LD_PRELOAD_X", "evil", 1);
	setenv("IFS", "x", 1);
	AUTO_FD leak UNUSED = open("/dev/null", O_RDONLY); /* not close-on-exec */
	struct fixture f = begin();
	run(&f, "tr '\\0' '\\n' < /proc/self/environ; ls /proc/self/fd | wc -l; pwd; cat; "
			"grep NoNewPrivs /proc/self/status; ulimit -c");
	/* ls sees 0, 1, 2 and its own directory */
	assert_string_equal(f.output, "PATH=/usr/bin:/bin\nTAG=1\n4\n/\nNoNewPrivs:\t1\n0\n");
	unsetenv("LD_PRELOAD_X");
	unsetenv("IFS");
	finish(&f);
}

/* hostile 73 */
static void arguments_are_passed_as_they_are(void **state UNUSED)
{
	struct fixture f = begin();
	AUTO_FD program = open("/usr/bin/printf", O_RDONLY | O_CLOEXEC);
	const char *const argv[] = {"printf", "%s\\n", "$(id)", ";id", "a b", "*", "", NULL};
	struct spawn_request request = request_for(program, argv);
	assert_non_null(spawner_start(f.spawner, &request, on_done, &f, NULL));
	loop_run(f.loop);
	assert_string_equal(f.output, "$(id)\n;id\na b\n*\n\n");
	finish(&f);
}

static void a_script_runs_from_its_descriptor(void **state UNUSED)
{
	struct fixture f = begin();
	char *dir = test_directory();
	g_autofree char *path = g_strconcat(dir, "/script", NULL);
	assert_true(g_file_set_contents(path, "#!/bin/sh\necho \"$1\"\n", -1, NULL));
	assert_int_equal(chmod(path, 0755), 0);
	AUTO_FD program = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(unlink(path), 0); /* what was opened runs, whatever stands at the name now */
	const char *const argv[] = {path, "hello", NULL};
	struct spawn_request request = request_for(program, argv);
	assert_non_null(spawner_start(f.spawner, &request, on_done, &f, NULL));
	loop_run(f.loop);
	assert_string_equal(f.output, "hello\n");
	test_directory_remove(dir);
	finish(&f);
}

static void a_script_started_by_its_path_knows_its_name(void **state UNUSED)
{
	struct fixture f = begin();
	char *dir = test_directory();
	g_autofree char *path = g_strconcat(dir, "/if_eth0", NULL);
	assert_true(g_file_set_contents(path, "#!/bin/sh\necho \"${0##*/} $1\"\n", -1, NULL));
	assert_int_equal(chmod(path, 0755), 0);
	const char *const argv[] = {path, "config", NULL};
	struct spawn_request request = request_for(-1, argv);
	request.path = path;
	assert_non_null(spawner_start(f.spawner, &request, on_done, &f, NULL));
	loop_run(f.loop);
	assert_string_equal(f.output, "if_eth0 config\n");
	test_directory_remove(dir);
	finish(&f);
}

static void run_apart(struct fixture *f, const char *script, const struct spawn_user *user)
{
	AUTO_FD shell = open("/bin/sh", O_RDONLY | O_CLOEXEC);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct spawn_request request = request_for(shell, argv);
	request.errors_apart = true;
	request.may_gain = true;
	request.umask = 002;
	request.user = user;
	f->called = false;
	assert_non_null(spawner_start(f->spawner, &request, on_done, f, NULL));
	loop_run(f->loop);
}

static void errors_come_apart_if_wanted(void **state UNUSED)
{
	struct fixture f = begin();
	run_apart(&f, "echo out; echo err >&2; umask; grep NoNewPrivs /proc/self/status", NULL);
	assert_string_equal(f.output, "out\n0002\nNoNewPrivs:\t0\n");
	assert_string_equal(f.errors, "err\n");
	run_apart(&f, "yes x | head -c 100000 >&2; echo done", NULL);
	assert_string_equal(f.output, "done\n");
	assert_int_equal(strlen(f.errors), SPAWN_ERRORS_MAX);
	finish(&f);
}

static void it_runs_as_another_user_with_groups(void **state UNUSED)
{
	if (geteuid()) {
		skip();
	}
	struct fixture f = begin();
	const gid_t groups[] = {4, 65534};
	struct spawn_user user = {.uid = 65534, .gid = 4, .groups = groups, .group_count = 2};
	run_apart(&f, "id -u; id -ru; id -g; id -G", &user);
	assert_string_equal(f.output, "65534\n65534\n4\n4 65534\n");
	finish(&f);
}

static void what_cannot_be_executed_was_not_started(void **state UNUSED)
{
	struct fixture f = begin();
	AUTO_FD program = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	const char *const argv[] = {"x", NULL};
	struct spawn_request request = request_for(program, argv);
	assert_non_null(spawner_start(f.spawner, &request, on_done, &f, NULL));
	loop_run(f.loop);
	assert_false(f.result.started);
	assert_int_equal(f.result.error.kind, ERR_STORAGE);
	finish(&f);
}

/* hostile 74 */
static void endless_output_is_cut_and_harms_nobody(void **state UNUSED)
{
	struct fixture f = begin();
	run_with(&f, "head -c 100000000 /dev/zero | tr '\\0' x", 20000, 1000);
	assert_int_equal(f.length, 1000);
	assert_true(f.result.truncated);
	assert_int_equal(f.result.exit_code, 0);
	finish(&f);
}

/* hostile 74 */
static void at_the_deadline_it_gets_term_then_kill(void **state UNUSED)
{
	struct fixture f = begin();
	run_with(
		&f, "trap 'echo term; exit 3' TERM; echo ready; while :; do sleep 0.01; done", 200, 100);
	assert_true(f.result.timed_out);
	assert_int_equal(f.result.exit_code, 3);
	assert_non_null(strstr(f.output, "term"));
	f.called = false;
	run_with(&f, "trap '' TERM; while :; do sleep 0.01; done", 200, 100);
	assert_true(f.result.timed_out);
	assert_int_equal(f.result.signal, SIGKILL);
	finish(&f);
}

static bool is_gone(pid_t pid)
{
	for (int i = 0; i < 500; i++) {
		char path[64], state = 0;
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		FILE *file = fopen(path, "re");
		if (!file) {
			return true;
		}
		int read_fields = fscanf(file, "%*d (%*[^)]) %c", &state);
		fclose(file);
		if (read_fields == 1 && state == 'Z') {
			return true;
		}
		usleep(10000);
	}
	return false;
}

/* hostile 74: double fork */
static void what_left_the_group_is_killed_too(void **state UNUSED)
{
	struct fixture f = begin();
	run_with(&f, "setsid sh -c 'setsid sleep 1000 & echo $!' & sleep 1000", 500, 100);
	assert_true(f.result.timed_out);
	pid_t escaped = (pid_t)strtol(f.output, NULL, 10);
	assert_true(escaped > 1);
	assert_true(is_gone(escaped));
	finish(&f);
}

static void after_a_normal_end_a_daemon_goes_on(void **state UNUSED)
{
	struct fixture f = begin();
	int64_t begun_ms = mono_now().ms;
	run(&f, "setsid sleep 1000 >/dev/null 2>&1 & echo $!");
	assert_int_equal(f.result.exit_code, 0);
	assert_true(mono_now().ms - begun_ms < 15000); /* nobody waited for it */
	pid_t daemon_pid = (pid_t)strtol(f.output, NULL, 10);
	assert_true(daemon_pid > 1);
	assert_int_equal(kill(daemon_pid, 0), 0);
	kill(daemon_pid, SIGKILL);
	finish(&f);
}

static void what_was_left_behind_is_killed_where_nothing_may_stay(void **state UNUSED)
{
	static const char *const scripts[] = {
		"sleep 1000 >/dev/null 2>&1 & echo $!",        /* in its group */
		"setsid sleep 1000 >/dev/null 2>&1 & echo $!", /* beside it */
		"setsid sh -c 'sleep 1000 & echo $!; exec sleep 1000' 2>/dev/null & sleep 0.3", /* below */
	};
	struct fixture f = begin();
	for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
		run_changed(&f, scripts[i], &(struct spawn_request){.leave_nothing = true});
		assert_int_equal(f.result.exit_code, 0);
		assert_false(f.result.timed_out);
		pid_t left = (pid_t)strtol(f.output, NULL, 10);
		assert_true(left > 1);
		assert_true(is_gone(left));
	}
	finish(&f);
}

static void a_child_talks_through_a_socket(void **state UNUSED)
{
	struct fixture f = begin();
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[1], "hello\n", 6), 6);
	run_changed(
		&f, "read a; echo got $a; echo side >&2", &(struct spawn_request){.socket = pair[0]});
	char answer[32] = "";
	assert_int_equal(read(pair[1], answer, sizeof(answer) - 1), 10);
	assert_string_equal(answer, "got hello\n");
	assert_string_equal(f.output, "side\n");
	close(pair[0]);
	assert_int_equal(read(pair[1], answer, 1), 0); /* nobody else holds it */
	close(pair[1]);
	finish(&f);
}

static void users_are_found_with_their_groups(void **state UNUSED)
{
	struct user user;
	struct error err;
	assert_true(user_find("nobody", &user, &err));
	assert_int_equal(user.uid, 65534);
	assert_string_equal(user.name, "nobody");
	size_t groups = user.group_count;
	assert_true(user_add_group(&user, "daemon", false, &err));
	assert_int_equal(user.groups[groups], 1);
	assert_int_equal(user.gid, 65534);
	assert_true(user_add_group(&user, "2", true, &err));
	assert_int_equal(user.gid, 2);
	assert_true(user_find("0", &user, &err));
	assert_string_equal(user.name, "root");
	assert_false(user_find("no-such-user", &user, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_false(user_add_group(&user, "no-such-group", false, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* hostile 74: fork bomb */
static void too_many_processes_are_killed(void **state UNUSED)
{
	struct fixture f = begin();
	run_changed(&f, "for i in $(seq 40); do (sleep 1000 & echo $!); done; sleep 1000",
		&(struct spawn_request){.processes_max = 20});
	assert_true(f.result.too_many);
	assert_false(f.result.timed_out);
	assert_int_equal(f.result.signal, SIGKILL);
	size_t told = 0;
	for (char *at = f.output, *end; *at; at = end, told++) {
		pid_t pid = (pid_t)strtol(at, &end, 10);
		if (end == at) {
			break;
		}
		assert_true(is_gone(pid));
	}
	assert_true(told > 20);
	run_changed(&f, "for i in $(seq 10); do (sleep 0.8 &) ; done; sleep 0.8; exit 5",
		&(struct spawn_request){.processes_max = 20});
	assert_false(f.result.too_many);
	assert_int_equal(f.result.exit_code, 5);
	finish(&f);
}

static void a_run_can_be_ended_before_its_time(void **state UNUSED)
{
	struct fixture f = begin();
	AUTO_FD shell = open("/bin/sh", O_RDONLY | O_CLOEXEC);
	const char *const argv[] = {"/bin/sh", "-c", "sleep 1000", NULL};
	struct spawn_request request = request_for(shell, argv);
	struct spawn *s = spawner_start(f.spawner, &request, on_done, &f, NULL);
	assert_non_null(s);
	spawn_end(s);
	spawn_end(s);
	loop_run(f.loop);
	assert_true(f.result.timed_out);
	assert_true(f.result.signal == SIGTERM || f.result.signal == SIGKILL);
	finish(&f);
}

static void many_run_side_by_side(void **state UNUSED)
{
	enum { MANY = 20 };
	struct fixture f[MANY];
	struct fixture base = begin();
	AUTO_FD shell = open("/bin/sh", O_RDONLY | O_CLOEXEC);
	const char *const argv[] = {"/bin/sh", "-c", "echo x", NULL};
	struct spawn_request request = request_for(shell, argv);
	for (int i = 0; i < MANY; i++) {
		f[i] = (struct fixture){.loop = base.loop};
		assert_non_null(spawner_start(base.spawner, &request, on_done, &f[i], NULL));
	}
	while (spawner_running(base.spawner)) {
		loop_run(base.loop);
	}
	for (int i = 0; i < MANY; i++) {
		assert_true(f[i].called);
		assert_string_equal(f[i].output, "x\n");
	}
	finish(&base);
}

static void the_end_of_the_spawner_kills_what_runs(void **state UNUSED)
{
	struct fixture f = begin();
	AUTO_FD shell = open("/bin/sh", O_RDONLY | O_CLOEXEC);
	const char *const argv[] = {"/bin/sh", "-c", "sleep 1000", NULL};
	struct spawn_request request = request_for(shell, argv);
	struct spawn *s = spawner_start(f.spawner, &request, on_done, &f, NULL);
	pid_t pid = spawn_pid(s);
	finish(&f);
	assert_false(f.called);
	assert_true(is_gone(pid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_exit_code_come_back),
		cmocka_unit_test(a_signal_is_told),
		cmocka_unit_test(the_child_has_what_it_was_given_and_nothing_else),
		cmocka_unit_test(arguments_are_passed_as_they_are),
		cmocka_unit_test(a_script_runs_from_its_descriptor),
		cmocka_unit_test(a_script_started_by_its_path_knows_its_name),
		cmocka_unit_test(errors_come_apart_if_wanted),
		cmocka_unit_test(it_runs_as_another_user_with_groups),
		cmocka_unit_test(what_cannot_be_executed_was_not_started),
		cmocka_unit_test(endless_output_is_cut_and_harms_nobody),
		cmocka_unit_test(at_the_deadline_it_gets_term_then_kill),
		cmocka_unit_test(what_left_the_group_is_killed_too),
		cmocka_unit_test(after_a_normal_end_a_daemon_goes_on),
		cmocka_unit_test(what_was_left_behind_is_killed_where_nothing_may_stay),
		cmocka_unit_test(a_child_talks_through_a_socket),
		cmocka_unit_test(users_are_found_with_their_groups),
		cmocka_unit_test(too_many_processes_are_killed),
		cmocka_unit_test(a_run_can_be_ended_before_its_time),
		cmocka_unit_test(many_run_side_by_side),
		cmocka_unit_test(the_end_of_the_spawner_kills_what_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
