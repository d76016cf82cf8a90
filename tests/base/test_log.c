#include "base/log.h"
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>

/* stderr goes into a pipe during each test. */
struct fixture {
	int kept, pipe[2];
	char text[65536];
};

static int enter(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	f->kept = dup(STDERR_FILENO);
	if (pipe2(f->pipe, O_NONBLOCK | O_CLOEXEC)) {
		return -1;
	}
	dup2(f->pipe[1], STDERR_FILENO);
	log_name("test");
	log_least(LOG_INFO_);
	return 0;
}

static int leave(void **state)
{
	struct fixture *f = *state;
	dup2(f->kept, STDERR_FILENO);
	close(f->kept);
	close(f->pipe[0]);
	close(f->pipe[1]);
	free(f);
	return 0;
}

static const char *written(struct fixture *f)
{
	ssize_t n = read(f->pipe[0], f->text, sizeof(f->text) - 1);
	f->text[n > 0 ? n : 0] = '\0';
	return f->text;
}

static unsigned lines(const char *text)
{
	unsigned n = 0;
	for (; *text; text++) {
		n += *text == '\n';
	}
	return n;
}

static void a_line_has_time_level_role_event_and_fields(void **state)
{
	struct fixture *f = *state;
	log_warn("node.unreachable", "node=%s after_ms=%d", "web1", 12);
	const char *line = written(f);
	assert_int_equal(strlen(line),
		strlen("2026-11-20T02:14:20Z warn test node.unreachable node=web1 after_ms=12\n"));
	assert_int_equal(line[19], 'Z');
	assert_string_equal(line + 20, " warn test node.unreachable node=web1 after_ms=12\n");
}

static void levels_below_the_least_are_silent(void **state)
{
	struct fixture *f = *state;
	log_debug("a.event", "x=%d", 1);
	assert_string_equal(written(f), "");
	log_least(LOG_DEBUG_);
	log_debug("a.event", "x=%d", 1);
	assert_int_equal(lines(written(f)), 1);
	log_least(LOG_ERROR_);
	log_warn("a.event", "x=%d", 1);
	assert_string_equal(written(f), "");
	log_error("a.event", "x=%d", 1);
	assert_int_equal(lines(written(f)), 1);
}

/* hostile 96: a flood of lines */
static void an_event_speaks_twenty_times_a_minute(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 1000; i++) {
		log_info("flood.one", "i=%d", i);
	}
	unsigned n = lines(written(f));
	assert_true(n >= 20 && n <= 40); /* twice that if a minute ended meanwhile */
	log_info("another.event", "x=%d", 1);
	assert_int_equal(lines(written(f)), 1); /* has its own count */
}

static void many_events_do_not_lift_each_others_limit(void **state)
{
	struct fixture *f = *state;
	enum { EVENTS = 400 }; /* more than there is room for */
	static char names[EVENTS][16];
	unsigned n = 0;
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < EVENTS; i++) {
			snprintf(names[i], sizeof(names[i]), "event.%d", i);
			log_info(names[i], "round=%d", round);
		}
		n += lines(written(f));
	}
	assert_true(n >= EVENTS / 2 && n <= 2 * 20 * EVENTS);
}

static void a_full_pipe_loses_the_line_and_waits_for_nothing(void **state)
{
	struct fixture *f = *state;
	char filler[4096];
	memset(filler, 'x', sizeof(filler));
	while (write(f->pipe[1], filler, sizeof(filler)) > 0) {
	}
	errno = 77;
	log_info("to.nobody", "x=%d", 1);
	assert_int_equal(errno, 77);
}

static void a_long_line_is_cut_and_ends(void **state)
{
	struct fixture *f = *state;
	char text[5000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("long.line", "text=%s", text);
	const char *line = written(f);
	assert_int_equal(lines(line), 1);
	assert_true(strlen(line) < 2100 && strlen(line) > 1900);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void foreign_bytes_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(log_safe("plain text"), "plain text");
	assert_string_equal(log_safe("a\nb\x1b[31m\xff\\"), "a\\x0ab\\x1b[31m\\xff\\x5c");
	assert_string_equal(log_safe(NULL), "-");
	char text[1000];
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(strlen(log_safe(text)) <= 204);
	const char *a = log_safe("a");
	const char *b = log_safe("b");
	const char *c = log_safe("c");
	const char *d = log_safe("d");
	assert_string_equal(a, "a"); /* four at a time */
	assert_string_equal(b, "b");
	assert_string_equal(c, "c");
	assert_string_equal(d, "d");
}

int main(void)
{
#define WITH_PIPE(t) cmocka_unit_test_setup_teardown(t, enter, leave)
	const struct CMUnitTest tests[] = {
		WITH_PIPE(a_line_has_time_level_role_event_and_fields),
		WITH_PIPE(levels_below_the_least_are_silent),
		WITH_PIPE(an_event_speaks_twenty_times_a_minute),
		WITH_PIPE(a_full_pipe_loses_the_line_and_waits_for_nothing),
		WITH_PIPE(a_long_line_is_cut_and_ends), WITH_PIPE(foreign_bytes_are_escaped),
		WITH_PIPE(many_events_do_not_lift_each_others_limit), /* last: it fills the table */
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
