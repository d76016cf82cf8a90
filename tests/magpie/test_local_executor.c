#include "magpie/local_executor.h"
#include "base/auto.h"
#include "base/bundle.h"
#include "base/diag.h"
#include "tests/support/test.h"

#include <glib.h>

struct fixture {
	struct loop *loop;
	struct config *config;
	struct executor *executor;
	char *dir;
	unsigned called;
	struct error error;
	int exit_code, fd;
	char output[256];
};

static void on_done(void *owner, const struct execution_result *result)
{
	struct fixture *f = owner;
	f->called++;
	f->error = result->error;
	f->exit_code = result->exit_code;
	f->fd = result->fd;
	snprintf(f->output, sizeof(f->output), "%s", result->output);
	loop_stop(f->loop);
}

static void begin(struct fixture *f, const char *text)
{
	*f = (struct fixture){.loop = loop_create(), .dir = test_directory()};
	AUTO(bundle) bundle = bundle_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, text, strlen(text));
	f->config = config_read(bundle, NULL);
	assert_non_null(f->config);
	f->executor = local_executor_create(f->loop, f->config, f->dir);
}

static void finish(struct fixture *f)
{
	local_executor_destroy(f->executor);
	config_destroy(f->config);
	loop_destroy(f->loop);
	test_directory_remove(f->dir);
}

static struct execution *start(struct fixture *f, enum execution_what what, const char *name)
{
	struct execution_request request = {
		.what = what, .host = "h.example", .name = name, .timeout_ms = 10000};
	return executor_start(f->executor, &request, on_done, f, &f->error);
}

static void it_executes_what_the_configuration_names(void **state UNUSED)
{
	struct fixture f;
	begin(&f,
		"host h.example {\n check say { nagios \"/bin/sh\" \"-c\" \"echo hi $HOST; exit 1\" }\n"
		" munin \"cmd:///bin/cat\"\n}\n");
	assert_non_null(start(&f, EXECUTION_CHECK, "say"));
	assert_int_equal(f.called, 0); /* never from inside */
	loop_run(f.loop);
	assert_int_equal(f.error.kind, ERR_NONE);
	assert_int_equal(f.exit_code, 1);
	assert_string_equal(f.output, "hi h.example\n");
	assert_null(start(&f, EXECUTION_CHECK, "else"));
	assert_int_equal(f.error.kind, ERR_NOT_FOUND);
	assert_non_null(start(&f, EXECUTION_TRANSPORT, "munin"));
	loop_run(f.loop);
	assert_true(f.fd >= 0);
	assert_int_equal(write(f.fd, "x", 1), 1);
	close(f.fd);
	finish(&f);
}

static void what_is_cancelled_is_not_told(void **state UNUSED)
{
	struct fixture f;
	begin(&f, "host h.example {\n check slow { nagios \"/bin/sleep\" \"1000\" }\n"
			  " check quick { nagios \"/bin/true\" }\n}\n");
	struct execution *slow = start(&f, EXECUTION_CHECK, "slow");
	assert_non_null(slow);
	executor_cancel(f.executor, slow);
	assert_non_null(start(&f, EXECUTION_CHECK, "quick"));
	loop_run(f.loop);
	assert_int_equal(f.called, 1);
	assert_non_null(start(&f, EXECUTION_CHECK, "slow")); /* ended with the executor */
	finish(&f);
	assert_int_equal(f.called, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_executes_what_the_configuration_names),
		cmocka_unit_test(what_is_cancelled_is_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
