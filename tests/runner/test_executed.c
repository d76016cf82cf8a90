#include "base/auto.h"
#include "base/clock.h"
#include "model/message.h"
#include "runner/pool.h"
#include "runner/runnerd.h"
#include "tests/support/role.h"
#include "tests/support/test.h"

#include <glib.h>

#include <signal.h>
#include <sys/socket.h>

/* The runner in a process of its own, ordered by us as the collector. */
enum { MANY = 100 };

struct answer {
	unsigned times;
	bool started, truncated;
	uint32_t code, took_ms;
	unsigned signal, ended;
	char errors[2100];
	char output[64000];
	size_t length;
	int fd;
};

struct fixture {
	struct test_role role;
	char *dir;
	unsigned answers, expected;
	struct answer *answer; /* by run, MANY + 1 */
};

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct fixture *f = owner;
	struct frame_reader r = frame_read(frame);
	uint64_t run = frame_get_u64(&r);
	assert_true(run <= MANY);
	struct answer *a = &f->answer[run];
	a->times++;
	a->fd = fd;
	a->started = frame_get_u8(&r);
	a->code = frame_get_u32(&r);
	a->signal = frame_get_u8(&r);
	a->ended = frame_get_u8(&r);
	a->truncated = frame_get_u8(&r);
	a->took_ms = frame_get_u32(&r);
	frame_get_text_into(&r, a->errors, sizeof(a->errors));
	a->length = frame_left(&r);
	assert_true(a->length < sizeof(a->output));
	memcpy(a->output, frame_get_bytes(&r, a->length), a->length);
	a->output[a->length] = '\0';
	assert_true(frame_read_done(&r));
	if (++f->answers == f->expected) {
		loop_stop(f->role.loop);
	}
}

static void on_closed(void *owner UNUSED, const struct error *why)
{
	fail_msg("the role closed its channel: %s", why->text);
}

static const struct channel_handlers handlers = {.frame = on_frame, .closed = on_closed};

static void begin(struct fixture *f, const char *config)
{
	memset(f, 0, sizeof(*f));
	f->dir = test_directory();
	assert_int_equal(chmod(f->dir, 0755), 0);
	f->answer = g_new0(struct answer, MANY + 1);
	test_role_start_in(&f->role, runner_role_main, ROLE_RUNNER, config, f->dir);
	test_role_join(&f->role, ROLE_COLLECTOR, &handlers, f);
}

static void end(struct fixture *f)
{
	assert_int_equal(test_role_end(&f->role), 0);
	g_free(f->answer);
	test_directory_remove(f->dir);
}

static void order(struct fixture *f, uint64_t run, enum message_execute what, const char *name)
{
	message_start(f->role.writer, MESSAGE_EXECUTE);
	frame_put_u64(f->role.writer, run);
	frame_put_u8(f->role.writer, (uint8_t)what);
	frame_put_text(f->role.writer, "h.example");
	frame_put_text(f->role.writer, name);
	frame_put_u32(f->role.writer, 2000);
	assert_true(channel_send(f->role.peer, f->role.writer, NULL));
}

static void wait_for_answers(struct fixture *f, unsigned more)
{
	f->expected = f->answers + more;
	loop_run(f->role.loop);
}

static struct answer *execute(
	struct fixture *f, uint64_t run, enum message_execute what, const char *name)
{
	order(f, run, what, name);
	wait_for_answers(f, 1);
	assert_int_equal(f->answer[run].times, 1);
	return &f->answer[run];
}

#define CHECK(name, ...) " check " name " { nagios " __VA_ARGS__ " }\n"
#define SHELL(script)    "\"/bin/sh\" \"-c\" \"" script "\""

static void checks_are_executed_with_the_hosts_address(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "host h.example {\n address \"192.0.2.7\"\n" CHECK(
				  "say", "\"/usr/bin/printf\" \"%s|%s|\" \"x$HOST\" \"$ADDRESS\"")
				  CHECK("state", SHELL("echo out; echo bad >&2; exit 2"))
					  CHECK("killed", SHELL("kill -9 $$")) "}\n");
	struct answer *a = execute(&f, 1, EXECUTE_CHECK, "say");
	assert_true(a->started);
	assert_string_equal(a->output, "xh.example|192.0.2.7|");
	assert_int_equal(a->code, 0);
	a = execute(&f, 2, EXECUTE_CHECK, "state");
	assert_int_equal(a->code, 2);
	assert_string_equal(a->output, "out\n");
	assert_string_equal(a->errors, "bad");
	a = execute(&f, 3, EXECUTE_CHECK, "killed");
	assert_int_equal(a->signal, SIGKILL);
	end(&f);
}

static void what_is_not_configured_is_not_executed(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "host h.example {\n" CHECK("gone",
				  "\"/usr/bin/no-such\"") " check web { http "
										  "\"http://h.example/\" }\n munin \"h.example\"\n}\n");
	static const struct {
		enum message_execute what;
		const char *name;
		enum error_kind kind;
	} cases[] = {
		{EXECUTE_CHECK, "nothing", ERR_NOT_FOUND}, {EXECUTE_CHECK, "web", ERR_NOT_FOUND},
		{EXECUTE_CHECK, "gone", ERR_NOT_FOUND}, {EXECUTE_CHECK, "../../x", ERR_NOT_FOUND},
		{EXECUTE_CONFIG, "gone", ERR_NOT_FOUND}, {EXECUTE_FETCH, "web", ERR_NOT_FOUND},
		{EXECUTE_TRANSPORT, "munin", ERR_CONFIG}, /* is asked by TCP */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct answer *a = execute(&f, i + 1, cases[i].what, cases[i].name);
		assert_false(a->started);
		assert_int_equal(a->code, cases[i].kind);
		assert_true(a->length > 0);
	}
	end(&f);
}

/* hostile 74 */
static void time_output_and_processes_are_limited(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "host h.example {\n" CHECK(
				  "hang", SHELL("echo begun; trap '' TERM; while :; do sleep 1; done"))
				  CHECK("big", "\"/usr/bin/head\" \"-c\" \"10000000\" \"/dev/zero\"")
					  CHECK("bomb", SHELL("for i in $(seq 200); do (sleep 100 &); done; sleep 100"))
						  CHECK("daemon", SHELL("setsid sleep 100 & echo $!")) "}\n");
	int64_t began_ms = mono_now().ms;
	struct answer *a = execute(&f, 1, EXECUTE_CHECK, "hang");
	assert_int_equal(a->ended, EXECUTED_TIMED_OUT);
	assert_string_equal(a->output, "begun\n");
	assert_true(mono_now().ms - began_ms < 20000);
	a = execute(&f, 2, EXECUTE_CHECK, "big");
	assert_true(a->truncated);
	assert_int_equal(a->length, POOL_OUTPUT_MAX);
	assert_int_equal(a->ended, EXECUTED_BY_ITSELF);
	a = execute(&f, 3, EXECUTE_CHECK, "bomb");
	assert_int_equal(a->ended, EXECUTED_TOO_MANY);
	a = execute(&f, 4, EXECUTE_CHECK, "daemon");
	assert_int_equal(a->ended, EXECUTED_BY_ITSELF);
	pid_t left = (pid_t)strtol(a->output, NULL, 10);
	assert_true(left > 1);
	for (int i = 0; i < 500 && kill(left, 0) == 0; i++) {
		usleep(10000);
	}
	assert_int_equal(kill(left, 0), -1);
	end(&f);
}

static void a_limited_number_runs_at_once(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "host h.example {\n" CHECK("slow", SHELL("sleep 0.5; echo done")) "}\n");
	for (unsigned i = 1; i <= MANY; i++) {
		order(&f, i, EXECUTE_CHECK, "slow");
	}
	int64_t began_ms = mono_now().ms;
	wait_for_answers(&f, MANY);
	/* 100 in places for 32: four times half a second */
	assert_true(mono_now().ms - began_ms >= 1900);
	unsigned late = 0;
	for (unsigned i = 1; i <= MANY; i++) {
		assert_int_equal(f.answer[i].times, 1);
		if (!f.answer[i].started) { /* a slow machine: it had no turn */
			assert_int_equal(f.answer[i].code, ERR_TIMEOUT);
			assert_non_null(strstr(f.answer[i].output, "no turn"));
			late++;
		} else if (f.answer[i].ended == EXECUTED_BY_ITSELF) {
			assert_string_equal(f.answer[i].output, "done\n");
		}
	}
	assert_true(late < MANY - POOL_RUNNING_MAX);
	end(&f);
}

static void plugins_run_as_munin_would_run_them(void **state UNUSED)
{
	if (geteuid() != 0) {
		skip();
	}
	struct fixture f;
	begin(&f,
		"host h.example {\n plugin show { command " SHELL(
			"echo $1; id -un; echo $MUNIN_CAP_MULTIGRAPH$MUNIN_CAP_DIRTYCONFIG $LC_ALL $FQDN "
			"$own ${x-unset}; echo kept > $MUNIN_STATEFILE; echo $MUNIN_PLUGSTATE") " \"name\""
																					"\n "
																					"environment "
																					"\"own=a b\"\n "
																					"user nobody "
																					"}\n}\n");
	setenv("x", "inherited", 1);
	g_autofree char *expected = g_strdup_printf(
		"config\nnobody\n11 C h.example a b unset\n%s/plugin-state/nobody\n", f.dir);
	struct answer *a = execute(&f, 1, EXECUTE_CONFIG, "show");
	if (!a->started || strcmp(a->output, expected) != 0) {
		fail_msg("%s instead of %s", a->output, expected);
	}
	a = execute(&f, 2, EXECUTE_FETCH, "show");
	assert_true(g_str_has_prefix(a->output, "\nnobody\n"));
	g_autofree char *kept = g_strconcat(f.dir, "/plugin-state/nobody/sh-127.0.0.1", NULL);
	g_autofree char *content = NULL;
	assert_true(g_file_get_contents(kept, &content, NULL, NULL));
	assert_string_equal(content, "kept\n");
	end(&f);
}

/* Reads until the other side closes. */
static char *read_all(int fd)
{
	GString *text = g_string_new(NULL);
	char chunk[512];
	for (int i = 0; i < 2000; i++) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n == 0) {
			return g_string_free(text, FALSE);
		}
		if (n > 0) {
			g_string_append_len(text, chunk, n);
		} else {
			usleep(5000);
		}
	}
	fail_msg("nobody closed the socket");
	return NULL;
}

static void a_way_to_a_node_is_a_socket(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "host h.example {\n munin \"cmd:///bin/cat\"\n}\n");
	struct answer *a = execute(&f, 1, EXECUTE_TRANSPORT, "munin");
	assert_true(a->started);
	assert_true(a->fd >= 0);
	assert_int_equal(write(a->fd, "list\n", 5), 5);
	char answer[8] = "";
	for (int i = 0; i < 2000 && read(a->fd, answer, 5) != 5; i++) {
		usleep(5000);
	}
	assert_string_equal(answer, "list\n");
	assert_int_equal(shutdown(a->fd, SHUT_WR), 0);
	g_autofree char *rest = read_all(a->fd);
	assert_string_equal(rest, "");
	close(a->fd);
	end(&f);
}

static void why_a_way_to_a_node_ended_is_its_last_word(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "host h.example {\n munin \"cmd:///bin/cat /no/such/node\"\n}\n");
	struct answer *a = execute(&f, 1, EXECUTE_TRANSPORT, "munin");
	g_autofree char *words = read_all(a->fd);
	assert_string_equal(words, "# transport: /bin/cat: /no/such/node: No such file or directory\n"
							   "# transport: the command ended with code 1\n");
	close(a->fd);
	end(&f);
}

/* True when no process has `mark` in its command line any more. */
static bool nobody_runs(const char *mark)
{
	char *argv[] = {(char[]){"/usr/bin/pgrep"}, (char[]){"-f"}, (char *)mark, NULL};
	int status = 0;
	for (int i = 0; i < 200; i++) {
		assert_true(
			g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
				NULL, NULL, NULL, NULL, &status, NULL));
		if (status) {
			return true;
		}
		usleep(20000);
	}
	return false;
}

static void what_nobody_waits_for_is_ended(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "host h.example {\n munin \"cmd:///bin/sleep 1000.125\"\n" CHECK(
				  "slow", "\"/bin/sleep\" \"1000.25\"") CHECK("quick", "\"/bin/true\"") "}\n");
	struct answer *a = execute(&f, 1, EXECUTE_TRANSPORT, "munin");
	close(a->fd); /* the far end is deserted */
	assert_true(nobody_runs("sleep 1000[.]125"));
	order(&f, 2, EXECUTE_CHECK, "slow");
	(void)execute(&f, 3, EXECUTE_CHECK, "quick");
	message_start(f.role.writer, MESSAGE_EXECUTE_CANCEL);
	frame_put_u64(f.role.writer, 2);
	assert_true(channel_send(f.role.peer, f.role.writer, NULL));
	assert_true(nobody_runs("sleep 1000[.]25"));
	order(&f, 4, EXECUTE_CHECK, "slow");
	(void)execute(&f, 5, EXECUTE_CHECK, "quick");
	test_role_join(&f.role, ROLE_COLLECTOR, &handlers, &f); /* the collector came back */
	assert_true(nobody_runs("sleep 1000[.]25"));
	assert_int_equal(f.answer[2].times, 0);
	assert_int_equal(f.answer[4].times, 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_are_executed_with_the_hosts_address),
		cmocka_unit_test(what_is_not_configured_is_not_executed),
		cmocka_unit_test(time_output_and_processes_are_limited),
		cmocka_unit_test(a_limited_number_runs_at_once),
		cmocka_unit_test(plugins_run_as_munin_would_run_them),
		cmocka_unit_test(a_way_to_a_node_is_a_socket),
		cmocka_unit_test(why_a_way_to_a_node_ended_is_its_last_word),
		cmocka_unit_test(what_nobody_waits_for_is_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
