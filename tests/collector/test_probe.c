#include "tests/collector/probe_rig.h"

#include <stdio.h>

#include "base/banned.h"

/* What is alike for all kinds of services, shown with nginx against a fake. */

static const char stub_status[] = "Active connections: 3 \nserver accepts handled requests\n 10 11 "
								  "12 \nReading: 0 Writing: 1 Waiting: 2 \n";

/* Pages by path; anything else is 404. */
struct page {
	const char *path, *answer;
};

static bool answer_pages(struct rig *rig, GString *in, GString *out)
{
	const char *end = strstr(in->str, "\r\n\r\n");
	if (!end) {
		return true;
	}
	const struct page *pages = rig->own;
	char path[256] = "";
	assert_int_equal(sscanf(in->str, "GET %255s HTTP/1.1", path), 1);
	g_string_erase(in, 0, end + 4 - in->str);
	for (; pages && pages->path; pages++) {
		if (!strcmp(pages->path, path)) {
			g_string_append(out, pages->answer);
			return !strstr(pages->answer, "close");
		}
	}
	g_string_append(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static const char page_ok[] =
	"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 2\r\n\r\nok";
static char page_status[512];

static const struct page pages_healthy[] = {
	{"/", page_ok}, {"/nginx_status", page_status}, {NULL, NULL}};

static void begin_nginx(struct rig *rig, const struct page *pages)
{
	g_snprintf(page_status, sizeof page_status, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(stub_status), stub_status);
	rig_begin(rig, "nginx", answer_pages);
	rig->own = (void *)pages;
}

static void a_service_that_answers_is_up_with_its_figures(void **state)
{
	(void)state;
	struct rig rig;
	begin_nginx(&rig, pages_healthy);
	for (int i = 0; i < 3; i++) {
		rig_round(&rig);
		assert_probe(&rig, "nginx", 1, 5, "");
		assert_int_equal(rig.result.error.kind, ERR_NONE);
		assert_true(rig.result.alive);
		assert_true(rig_value(&rig, "probe_nginx:time") > 0);
		assert_true(isnan(rig_value(&rig, "probe_nginx:canary")));
		assert_near(rig_value(&rig, "nginx_request:request"), 12, 0);
		assert_near(rig_value(&rig, "nginx_status:total"), 3, 0);
		assert_near(rig_value(&rig, "nginx_status:waiting"), 2, 0);
	}
	assert_string_equal(rig.version, "nginx/1.22.1");
	assert_int_equal(rig.declarations, 1);
	assert_int_equal(rig.accepted, 3); /* page and status over one connection */
	rig_finish(&rig);
}

static void each_failure_names_its_stage_and_reason(void **state)
{
	(void)state;
	static const struct page busy[] = {
		{"/", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"}, {NULL, NULL}};
	static const struct page other[] = {{"/", "SSH-2.0-OpenSSH\r\n"}, {NULL, NULL}};
	static const struct page silent[] = {{"/", ""}, {NULL, NULL}};
	static const struct page breaks[] = {
		{"/", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf"},
		{NULL, NULL}};
	static const struct {
		const struct page *pages;
		const char *reason;
	} cases[] = {
		{busy, "query: answers 503 Service Unavailable"},
		{other, "query: this is no HTTP response"},
		{silent, "query: no answer within 5 s"},
		{breaks, "query: the answer broke off"},
	};
	struct rig rig;
	begin_nginx(&rig, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		rig.own = (void *)cases[i].pages;
		rig_round_within(&rig, 500);
		assert_probe(&rig, "nginx", 0, 4, cases[i].reason);
		assert_string_equal(rig.result.error.text, cases[i].reason);
		assert_true(isnan(rig_value(&rig, "probe_nginx:time")));
		assert_true(rig.result.alive);
	}
	rig_unlisten(&rig);
	rig_round(&rig);
	assert_near(rig_value(&rig, "probe_nginx:stage"), 1, 0);
	assert_non_null(strstr(rig.extinfo, "connect: "));
	assert_non_null(strstr(rig.extinfo, "refused"));
	assert_false(rig.result.alive);
	rig_listen(&rig);
	rig.own = (void *)pages_healthy;
	rig_round(&rig);
	assert_probe(&rig, "nginx", 1, 5, "");
	rig_finish(&rig);
}

static void a_name_that_nobody_knows_fails_to_resolve(void **state)
{
	(void)state;
	struct rig rig;
	begin_nginx(&rig, pages_healthy);
	rig.source.service.address = g_strdup("no-such-host.invalid");
	rig_round_within(&rig, 3000);
	assert_near(rig_value(&rig, "probe_nginx:up"), 0, 0);
	assert_near(rig_value(&rig, "probe_nginx:stage"), 0, 0);
	assert_non_null(strstr(rig.extinfo, "resolve: "));
	rig_finish(&rig);
}

static void our_own_fault_leaves_the_service_unknown(void **state)
{
	(void)state;
	struct rig rig;
	begin_nginx(&rig, pages_healthy);
	rig.source.service.password_file = g_strdup("/nonexistent/secret");
	rig_round(&rig);
	assert_false(rig_has(&rig, "probe_nginx:up"));
	assert_int_not_equal(rig.result.error.kind, ERR_NONE);
	rig_finish(&rig);

	begin_nginx(&rig, pages_healthy);
	rig.source.service.path = g_strdup("/a b");
	rig_round(&rig);
	rig_round(&rig);
	assert_false(rig_has(&rig, "probe_nginx:up"));
	assert_int_equal(rig.result.error.kind, ERR_CONFIG);
	assert_int_equal(rig.accepted, 0);
	rig_finish(&rig);

	begin_nginx(&rig, pages_healthy);
	rig.source.service.address = g_strdup("not an address");
	rig_round(&rig);
	assert_false(rig_has(&rig, "probe_nginx:up"));
	assert_int_equal(rig.result.error.kind, ERR_CONFIG);
	rig_finish(&rig);
}

static void a_status_page_that_is_none_is_complained_of(void **state)
{
	(void)state;
	struct rig rig;
	begin_nginx(&rig, pages_healthy);
	rig.source.service.status = g_strdup("/elsewhere");
	rig_round(&rig);
	assert_probe(&rig, "nginx", 1, 5, "");
	assert_string_equal(
		rig_complaint(&rig, "stub_status"), "/elsewhere answers 404, not with stub_status");
	static const struct page moved[] = {{"/", page_ok}, {"/elsewhere", page_status}, {NULL, NULL}};
	rig.own = (void *)moved;
	rig_round(&rig);
	assert_string_equal(rig_complaint(&rig, "stub_status"), "");
	assert_near(rig_value(&rig, "nginx_request:request"), 12, 0);
	rig_finish(&rig);
}

static void without_metrics_only_the_page_is_asked(void **state)
{
	(void)state;
	struct rig rig;
	begin_nginx(&rig, pages_healthy);
	rig.source.service.metrics = false;
	rig_round(&rig);
	assert_probe(&rig, "nginx", 1, 5, "");
	assert_false(rig_has(&rig, "nginx_request:request"));
	rig_finish(&rig);
}

static void a_server_that_closes_each_time_is_asked_twice(void **state)
{
	(void)state;
	static const struct page old[] = {{"/", "HTTP/1.0 200 OK\r\nX: close\r\n\r\nwords"},
		{"/nginx_status", page_status}, {NULL, NULL}};
	struct rig rig;
	begin_nginx(&rig, old);
	rig_round(&rig);
	assert_probe(&rig, "nginx", 1, 5, "");
	assert_near(rig_value(&rig, "nginx_request:request"), 12, 0);
	assert_int_equal(rig.accepted, 2);
	rig_finish(&rig);
}

static void the_second_service_of_a_kind_names_its_graphs_after_itself(void **state)
{
	(void)state;
	struct rig rig;
	begin_nginx(&rig, pages_healthy);
	struct config_source first = {.kind = CONFIG_SOURCE_SERVICE,
		.name = (char[]){"nginx"},
		.service = {.kind = (char[]){"nginx"}}};
	g_ptr_array_insert(rig.host.sources, 0, &first);
	g_free(rig.source.name);
	rig.source.name = g_strdup("nginx_8080");
	rig_round(&rig);
	assert_probe(&rig, "nginx_8080", 1, 5, "");
	assert_near(rig_value(&rig, "nginx_request_8080:request"), 12, 0);
	assert_near(rig_value(&rig, "nginx_status_8080:total"), 3, 0);
	rig_finish(&rig);
}

/* hostile 13 */
static void foreign_bytes_in_a_reason_are_clean(void **state)
{
	(void)state;
	static const struct page odd[] = {
		{"/", "HTTP/1.1 500 \xff<b>\x1b[31m\r\nContent-Length: 0\r\n\r\n"}, {NULL, NULL}};
	struct rig rig;
	begin_nginx(&rig, odd);
	rig_round(&rig);
	assert_probe(&rig, "nginx", 0, 4, "query: answers 500 \xef\xbf\xbd<b> [31m");
	rig_finish(&rig);
}

static void a_round_that_is_cancelled_lets_go(void **state)
{
	(void)state;
	static const struct page silent[] = {{"/", ""}, {NULL, NULL}};
	struct rig rig;
	begin_nginx(&rig, silent);
	rig.target = target_create(&rig.source, &rig.world, &rig_sink, &rig);
	target_begin(rig.target, (struct wall){1700000000000}, 5000);
	target_expire(rig.target);
	assert_true(rig.done);
	assert_false(rig_has(&rig, "probe_nginx:up"));
	rig.own = (void *)pages_healthy;
	rig_round(&rig);
	assert_probe(&rig, "nginx", 1, 5, "");
	target_begin(rig.target, (struct wall){1700000010000}, 5000);
	rig_finish(&rig); /* in the middle of a round */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_that_answers_is_up_with_its_figures),
		cmocka_unit_test(each_failure_names_its_stage_and_reason),
		cmocka_unit_test(a_name_that_nobody_knows_fails_to_resolve),
		cmocka_unit_test(our_own_fault_leaves_the_service_unknown),
		cmocka_unit_test(a_status_page_that_is_none_is_complained_of),
		cmocka_unit_test(without_metrics_only_the_page_is_asked),
		cmocka_unit_test(a_server_that_closes_each_time_is_asked_twice),
		cmocka_unit_test(the_second_service_of_a_kind_names_its_graphs_after_itself),
		cmocka_unit_test(foreign_bytes_in_a_reason_are_clean),
		cmocka_unit_test(a_round_that_is_cancelled_lets_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
