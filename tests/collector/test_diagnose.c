#include "collector/diagnose.h"
#include "model/config_hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

struct heard {
	unsigned steps, bad;
};

static void on_step(void *owner, const char *source, const char *step, bool good, const char *text)
{
	struct heard *heard = owner;
	assert_string_equal(source, "h/exporter/e");
	assert_true(*step && *text);
	heard->steps++;
	heard->bad += !good;
}

/* Nothing listens at port 1; what cannot work at all says so too, and one after the other may be
 * asked in one loop. */
static void a_source_is_asked_once_and_every_step_told(void **state)
{
	(void)state;
	struct heard heard = {0};
	struct world world = {.loop = loop_create(), .trace = on_step, .trace_owner = &heard};
	struct config_host host = {.name = (char *)"h", .group = (char *)"g"};
	struct config_source settings = {.kind = CONFIG_SOURCE_EXPORTER,
		.name = (char *)"e",
		.id = (char *)"h/exporter/e",
		.host = &host,
		.interval_s = 5,
		.timeout_s = 2,
		.exporter = {.url = (char *)"http://127.0.0.1:1/", .token_file = (char *)"/nowhere"}};
	struct diagnosis diagnosis;
	world.http = httpclient_create(world.loop);
	diagnose_source(&world, &settings, &diagnosis);
	assert_int_equal(diagnosis.error.kind, ERR_NOT_FOUND);
	assert_int_equal(heard.bad, 1);
	diagnosis_finish(&diagnosis);
	settings.exporter.token_file = NULL;
	diagnose_source(&world, &settings, &diagnosis);
	assert_int_equal(diagnosis.error.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(diagnosis.error.text, "connect: "));
	assert_int_equal(heard.bad, 2);
	assert_int_equal(diagnosis.services, 1); /* exporter_e, whose field up is 0 */
	assert_false(diagnosis.alive);
	diagnosis_finish(&diagnosis);
	httpclient_destroy(world.http);
	loop_destroy(world.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_asked_once_and_every_step_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
