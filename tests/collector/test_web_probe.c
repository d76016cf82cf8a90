#include "tests/collector/probe_rig.h"

#include <stdio.h>

#include "base/banned.h"

/* Apache, HAProxy, PHP-FPM and Varnish where real ones are hard to bring to it: odd and hostile
 * answers. The scenario services_web has the real ones. */

/* The service answers each request with the next of these, whatever it was; a text that begins with
 * "!" is followed by a close. */
struct script {
	const char *const *answers;
	const size_t *lengths; /* NULL: texts */
	size_t next;
	const char *until; /* what ends a request */
};

static bool answer_script(struct rig *rig, GString *in, GString *out)
{
	struct script *script = rig->own;
	if (!strstr(in->str, script->until)) {
		return true;
	}
	const char *answer = script->answers[script->next];
	size_t length = script->lengths ? script->lengths[script->next] : answer ? strlen(answer) : 0;
	assert_non_null(answer);
	script->next++;
	g_string_truncate(in, 0);
	bool closes = answer[0] == '!';
	g_string_append_len(out, answer + closes, (gssize)(length - closes));
	return !closes;
}

#define PAGE "HTTP/1.1 200 OK\r\nServer: Apache/2.4.62\r\nContent-Length: 2\r\n\r\nok"

static void apache_bears_its_port_in_the_fields(void **state)
{
	(void)state;
	static const char *const answers[] = {PAGE,
		"!HTTP/1.1 200 OK\r\n\r\nTotal Accesses: 12\nTotal kBytes: 1.5\nBusyWorkers: 2\n"
		"IdleWorkers: 3\nScoreboard: __W..\n"};
	struct script script = {.answers = answers, .until = "\r\n\r\n"};
	struct rig rig;
	rig_begin(&rig, "apache", answer_script);
	rig.own = &script;
	rig_round(&rig);
	assert_probe(&rig, "apache", 1, 5, "");
	char name[64];
	g_snprintf(name, sizeof name, "apache_volume:volume%u", rig.port);
	assert_near(rig_value(&rig, name), 1536, 0);
	g_snprintf(name, sizeof name, "apache_processes:free%u", rig.port);
	assert_near(rig_value(&rig, name), 2, 0);
	assert_string_equal(rig.version, "Apache/2.4.62");
	rig_finish(&rig);
}

static void haproxys_table_may_come_from_its_page(void **state)
{
	(void)state;
	static const char *const answers[] = {PAGE,
		"!HTTP/1.1 200 OK\r\n\r\n# pxname,svname,scur,slim,stot,\nweb,FRONTEND,5,9,7,\n", PAGE,
		"!HTTP/1.1 200 OK\r\n\r\n# pxname,svname,scur,slim,stot,\nweb,FRONTEND,6,9,8,\n"
		"new,FRONTEND,1,2,3,\n",
		PAGE, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"};
	struct script script = {.answers = answers, .until = "\r\n\r\n"};
	struct rig rig;
	rig_begin(&rig, "haproxy", answer_script);
	rig.own = &script;
	rig.source.service.status = g_strdup("/stats;csv");
	char *line = g_compute_checksum_for_string(G_CHECKSUM_MD5, "web\n", -1);
	char *series = g_strconcat("haproxy_sessions_frontend:scur", line, NULL);
	rig_round(&rig);
	assert_probe(&rig, "haproxy", 1, 5, "");
	assert_near(rig_value(&rig, series), 5, 0);
	rig_round(&rig); /* a proxy came */
	assert_near(rig_value(&rig, series), 6, 0);
	rig_round(&rig);
	assert_probe(&rig, "haproxy", 1, 5, "");
	assert_false(rig_has(&rig, series));
	assert_string_equal(rig_complaint(&rig, "stats"), "/stats;csv gives no table of HAProxy");
	g_free(series);
	g_free(line);
	rig_finish(&rig);
}

#define RECORD(type, length) "\x01" type "\x00\x01\x00" length "\x00\x00"
#define NOT_FOUND                                                                                  \
	RECORD("\x06", "\x1d")                                                                         \
	"Status: 404 Not Found\r\n\r\nnone" RECORD("\x03", "\x08") "\0\0\0\0\0"                        \
															   "\0\0\0"
#define OVERLOADED RECORD("\x03", "\x08") "\0\0\0\0\x02\0\0\0"

static void a_pool_is_judged_by_its_worker(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		size_t length;
		const char *path, *reason;
		double up, stage;
	} cases[] = {
		{NOT_FOUND, sizeof NOT_FOUND - 1, NULL, "", 1, 5},
		{NOT_FOUND, sizeof NOT_FOUND - 1, "/ping", "query: answers 404 to /ping", 0, 4},
		{OVERLOADED, sizeof OVERLOADED - 1, NULL, "query: is overloaded (FastCGI)", 0, 4},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", 28, NULL, "query: this is no FastCGI", 0, 4},
		{"!", 1, NULL, "query: the service closed the connection", 0, 4},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *const answers[] = {cases[i].answer};
		const size_t lengths[] = {cases[i].length};
		struct script script = {.answers = answers, .lengths = lengths, .until = ""};
		struct rig rig;
		rig_begin(&rig, "php_fpm", answer_script);
		rig.own = &script;
		rig.source.service.metrics = false;
		rig.source.service.path = g_strdup(cases[i].path);
		rig_round(&rig);
		assert_probe(&rig, "php_fpm", cases[i].up, cases[i].stage, cases[i].reason);
		rig_finish(&rig);
	}
}

#define VARNISH_OWN                                                                                \
	"HTTP/1.1 503 Backend fetch failed\r\nServer: Varnish\r\nContent-Length: 0\r\n\r\n"
#define VARNISH_PASSED                                                                             \
	"HTTP/1.1 500 Internal Server Error\r\nX-Varnish: 5\r\nContent-Length: 0\r\n\r\n"
#define BEHIND "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

static void an_error_of_what_stands_behind_is_an_answer_of_varnish(void **state)
{
	(void)state;
	static const struct {
		const char *answer, *reason;
		double up, stage;
	} cases[] = {
		{VARNISH_OWN, "answers 503 Backend fetch failed: what stands behind it fails", 1, 5},
		{VARNISH_PASSED, "answers 500 Internal Server Error: what stands behind it fails", 1, 5},
		{BEHIND, "query: answers 503 Busy", 0, 4},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *const answers[] = {cases[i].answer};
		struct script script = {.answers = answers, .until = "\r\n\r\n"};
		struct rig rig;
		rig_begin(&rig, "varnish", answer_script);
		rig.own = &script;
		rig_round(&rig);
		assert_probe(&rig, "varnish", cases[i].up, cases[i].stage, cases[i].reason);
		rig_finish(&rig);
	}
}

/* The manager's port is the page's port here: both are answered by one script. */
static void a_manager_that_is_none_does_no_harm(void **state)
{
	(void)state;
	static const char *const greetings[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
		"107 59      \nixslvvxrgkjptxmcgnnsdxsvdmvfympg\n\nAuthentication required.\n\n",
		"107 5       \nshort\n", "999 5       \nshort\n"};
	static const char *const complaints[] = {"what answers is no manager of Varnish",
		"the manager asks for a secret: password_file is missing",
		"the manager asks for a secret: password_file is missing",
		"the manager answers with an error"};
	for (size_t i = 0; i < ARRAY_LENGTH(greetings); i++) {
		struct rig rig, manager;
		static const char *const answers[] = {PAGE};
		struct script script = {.answers = answers, .until = "\r\n\r\n"};
		rig_begin(&rig, "varnish", answer_script);
		rig.own = &script;
		/* the manager's listener lives on the same loop */
		memset(&manager, 0, sizeof manager);
		manager.loop = rig.loop;
		manager.greeting = greetings[i];
		manager.connections = rig.connections;
		rig_listen(&manager);
		rig.source.service.status = g_strdup_printf("127.0.0.1:%u", manager.port);
		rig.source.service.metrics = false;
		rig_round(&rig);
		assert_probe(&rig, "varnish", 1, 5, "");
		assert_string_equal(rig_complaint(&rig, "manager"), complaints[i]);
		rig_unlisten(&manager);
		rig_finish(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apache_bears_its_port_in_the_fields),
		cmocka_unit_test(haproxys_table_may_come_from_its_page),
		cmocka_unit_test(a_pool_is_judged_by_its_worker),
		cmocka_unit_test(an_error_of_what_stands_behind_is_an_answer_of_varnish),
		cmocka_unit_test(a_manager_that_is_none_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
