#include "collector/checks/check.h"
#include "collector/checks/http_url.h"

#include "tests/collector/check_bed.h"

static bool answer_with(struct rig *rig, GString *in, GString *out)
{
	if (strstr(in->str, "\r\n\r\n")) {
		g_string_append(out, rig->own);
		g_string_truncate(in, 0);
		return false;
	}
	return true;
}

static char *url_of(const struct rig *rig, const char *path)
{
	return g_strdup_printf("http://127.0.0.1:%u%s", (unsigned)rig->port, path);
}

static void begin(struct rig *rig, struct config_check check, const char *answer)
{
	check.kind = CONFIG_CHECK_HTTP;
	check.redirects = 5;
	bed_begin(rig, check, answer_with);
	rig->own = (void *)answer;
	rig->source.check.target = url_of(rig, "/page?token=secret");
}

static void finish(struct rig *rig)
{
	g_free(rig->source.check.target);
	bed_finish(rig);
}

static void answers_are_judged_by_status_and_body(void **state UNUSED)
{
	static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
	char *only_404[] = {TEXT("404")}, *two[] = {TEXT("3xx"), TEXT("200-204")};
	GPtrArray list_404 = {(void **)only_404, 1}, list_two = {(void **)two, 2};
	const struct {
		const char *answer;
		struct config_check check;
		double up, stage;
		const char *reason;
	} rows[] = {
		{good, {0}, 1, 5, ""},
		{good, {.match = TEXT("^hello w.rld$")}, 1, 5, ""},
		{good, {.match = TEXT("good ?bye")}, 0, 4, "query: http://127.0.0.1:"},
		{good, {.absent = TEXT("error")}, 1, 5, ""},
		{good, {.absent = TEXT("world")}, 0, 4, "query: http://127.0.0.1:"},
		{good, {.status = &list_404}, 0, 4, "query: http://127.0.0.1:"},
		{good, {.status = &list_two}, 1, 5, ""},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", {.status = &list_404}, 1, 5, ""},
		{"HTTP/1.1 503 Service Unavailable\r\n\r\n", {0}, 0, 4, "query: http://127.0.0.1:"},
		{"SSH-2.0-OpenSSH\r\n", {0}, 0, 4, "query: http://127.0.0.1:"},
		{"", {0}, 0, 4, "query: http://127.0.0.1:"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", {0}, 0, 4, "query: http://"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct rig rig;
		begin(&rig, rows[i].check, rows[i].answer);
		rig_round(&rig);
		assert_check(&rig, rows[i].up, rows[i].stage, rows[i].reason);
		assert_null(strstr(rig.extinfo, "secret"));
		assert_int_equal(rig.result.error.kind == ERR_NONE, rows[i].up == 1);
		finish(&rig);
	}
}

static void a_failure_says_what_came_and_what_was_wanted(void **state UNUSED)
{
	struct rig rig;
	begin(&rig, (struct config_check){0}, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
	rig_round(&rig);
	char expected[200];
	snprintf(expected, sizeof(expected),
		"query: http://127.0.0.1:%u/page answers 503 Service Unavailable, not 200-399",
		(unsigned)rig.port);
	assert_string_equal(rig.extinfo, expected);
	assert_string_equal(rig.result.error.text, expected);
	assert_near(rig_value(&rig, "check_it:status"), 503, 0);
	assert_true(isnan(rig_value(&rig, "check_it:time")));
	assert_true(rig_value(&rig, "check_it:total") > 0);
	rig.own = TEXT("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
	rig_round(&rig);
	assert_check(&rig, 1, 5, "");
	assert_near(rig_value(&rig, "check_it:size"), 3, 0);
	assert_true(rig_value(&rig, "check_it:first_byte") >= 0);
	assert_true(rig_value(&rig, "check_it:connect") >= 0);
	assert_true(isnan(rig_value(&rig, "check_it:tls")));
	finish(&rig);
}

static void a_closed_port_fails_at_connect(void **state UNUSED)
{
	struct rig rig;
	begin(&rig, (struct config_check){0}, "");
	rig_unlisten(&rig);
	rig_round(&rig);
	assert_check(&rig, 0, 1, "connect: 127.0.0.1:");
	assert_int_equal(rig.result.error.kind, ERR_UNREACHABLE);
	assert_false(rig.result.alive);
	rig_listen(&rig);
	finish(&rig);
}

static bool answer_never(struct rig *rig UNUSED, GString *in UNUSED, GString *out)
{
	g_string_append(out, "HTTP/1.1 100 Continue\r\n\r\n");
	return true;
}

/* hostile 33: a "100 Continue" that stalls */
static void silence_fails_at_query_before_the_deadline(void **state UNUSED)
{
	struct rig rig;
	begin(&rig, (struct config_check){0}, "");
	rig.answer = answer_never;
	rig_round_within(&rig, 300);
	assert_check(&rig, 0, 4, "query: 127.0.0.1:");
	assert_int_equal(rig.result.error.kind, ERR_TIMEOUT);
	finish(&rig);
}

/* -- redirects -- */

struct hops {
	const char *location;
	unsigned asked, until;
	GString *seen;
};

static bool answer_redirect(struct rig *rig, GString *in, GString *out)
{
	struct hops *hops = rig->own;
	if (!strstr(in->str, "\r\n\r\n")) {
		return true;
	}
	g_string_append(hops->seen, in->str);
	if (hops->asked++ < hops->until) {
		g_string_append_printf(
			out, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", hops->location);
	} else {
		g_string_append(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	}
	return false;
}

/* hostile 33 */
static void redirects_are_followed_five_times_and_to_pages_only(void **state UNUSED)
{
	static const struct {
		const char *location;
		unsigned until;
		double up;
		const char *why;
	} rows[] = {
		{"/next", 1, 1, ""},
		{"next?a=1#part", 5, 1, ""},
		{"/next", 6, 0, "more than 5 redirects"},
		{"/next", 10000, 0, "more than 5 redirects"},
		{"/next?session=secret", 6, 0, "more than 5 redirects"},
		{"file:///etc/passwd", 1, 0, "not followed"},
		{"gopher://127.0.0.1/", 1, 0, "not followed"},
		{"http://user:secret@127.0.0.1/", 1, 0, "not followed"},
		{"http://169.254.169.254/latest/meta-data", 1, 0, "not followed"},
		{"http://[fe80::1]/", 1, 0, "not followed"},
		{"http://a b/", 1, 0, "not followed"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct rig rig;
		struct hops hops = {rows[i].location, .until = rows[i].until, .seen = g_string_new(NULL)};
		begin(&rig, (struct config_check){0}, "");
		rig.answer = answer_redirect;
		rig.own = &hops;
		rig_round(&rig);
		if (rig_value(&rig, "check_it:up") != rows[i].up || !strstr(rig.extinfo, rows[i].why) ||
			strstr(rig.extinfo, "secret")) { /* of the URL, or of where it points */
			fail_msg("%s: %s", rows[i].location, rig.extinfo);
		}
		assert_null(strstr(hops.seen->str, "#"));
		g_string_free(hops.seen, TRUE);
		finish(&rig);
	}
}

static void a_login_does_not_go_to_another_port_of_the_host(void **state UNUSED)
{
	struct rig rig, other;
	char location[64];
	char *list[] = {TEXT("X-Own: yes")};
	GPtrArray headers = {(void **)list, 1};
	struct hops hops = {location, .until = 1, .seen = g_string_new(NULL)};
	struct hops there = {"", .until = 0, .seen = g_string_new(NULL)};
	begin(&rig, (struct config_check){.headers = &headers}, "");
	other = (struct rig){.loop = rig.loop, .answer = answer_redirect, .own = &there};
	other.connections = rig.connections;
	rig_listen(&other);
	snprintf(location, sizeof(location), "http://127.0.0.1:%u/", (unsigned)other.port);
	rig.answer = answer_redirect;
	rig.own = &hops;
	rig_round(&rig);
	assert_check(&rig, 1, 5, "");
	assert_non_null(strstr(hops.seen->str, "X-Own"));
	assert_non_null(strstr(there.seen->str, "GET / "));
	assert_null(strstr(there.seen->str, "X-Own"));
	rig_unlisten(&other);
	g_string_free(hops.seen, TRUE);
	g_string_free(there.seen, TRUE);
	finish(&rig);
}

/* A page outside may not lead inside: 127.0.0.1 is named, localhost leads there as well. */
static void a_redirect_from_loopback_to_loopback_is_followed(void **state UNUSED)
{
	struct rig rig;
	char location[64];
	struct hops hops = {location, .until = 1, .seen = g_string_new(NULL)};
	begin(&rig, (struct config_check){0}, "");
	snprintf(location, sizeof(location), "http://localhost:%u/", (unsigned)rig.port);
	rig.answer = answer_redirect;
	rig.own = &hops;
	rig_round(&rig);
	assert_check(&rig, 1, 5, "");
	assert_near(rig_value(&rig, "check_it:redirects"), 1, 0);
	g_string_free(hops.seen, TRUE);
	finish(&rig);
}

static void headers_and_login_do_not_go_to_another_host(void **state UNUSED)
{
	struct rig rig;
	char location[64], *dir = test_directory(), path[512];
	char *list[] = {TEXT("X-Own: yes")};
	GPtrArray headers = {(void **)list, 1};
	struct hops hops = {location, .until = 1, .seen = g_string_new(NULL)};
	snprintf(path, sizeof(path), "%s/password", dir);
	FILE *file = fopen(path, "w");
	fputs("geheim\n", file);
	fclose(file);
	chmod(path, 0600);
	begin(&rig,
		(struct config_check){.headers = &headers, .user = TEXT("me"), .password_file = path}, "");
	snprintf(location, sizeof(location), "http://localhost:%u/", (unsigned)rig.port);
	rig.answer = answer_redirect;
	rig.own = &hops;
	rig_round(&rig);
	assert_check(&rig, 1, 5, "");
	const char *second = strstr(hops.seen->str, "GET / ");
	assert_non_null(second);
	assert_non_null(strstr(hops.seen->str, "Authorization: Basic bWU6Z2VoZWlt\r\n"));
	assert_non_null(strstr(hops.seen->str, "X-Own: yes\r\n"));
	assert_null(strstr(second, "Authorization"));
	assert_null(strstr(second, "X-Own"));
	chmod(path, 0644); /* readable by others: our own fault, not the page's */
	rig_round(&rig);
	assert_int_equal(rig.result.error.kind, ERR_DENIED);
	assert_false(rig_has(&rig, "check_it:up"));
	g_string_free(hops.seen, TRUE);
	test_directory_remove(dir);
	finish(&rig);
}

/* hostile 33 */
static void a_head_without_end_is_refused(void **state UNUSED)
{
	GString *heads = g_string_new("HTTP/1.1 200 OK\r\n");
	while (heads->len < (1 << 20)) {
		g_string_append(heads, "X-Header: value\r\n");
	}
	struct rig rig;
	begin(&rig, (struct config_check){0}, "");
	rig.own = heads->str;
	rig_round(&rig);
	assert_check(&rig, 0, 4, "query: http://");
	assert_non_null(strstr(rig.extinfo, "head is too long"));
	finish(&rig);
	g_string_free(heads, TRUE);
}

static void targets_of_redirects_are_resolved_and_strict(void **state UNUSED)
{
	static const struct {
		const char *location, *result;
	} rows[] = {
		{"/x", "http://a.example/x"},
		{"y", "http://a.example/b/y"},
		{"../z?q=1#f", "http://a.example/z?q=1"},
		{"https://b.example:8443/", "https://b.example:8443/"},
		{"//c.example/p", "http://c.example/p"},
		{"?n", "http://a.example/b/c?n"},
		{"javascript:alert(1)", NULL},
		{"ftp://a.example/", NULL},
		{"http://", NULL},
		{"http://a.example:99999/", NULL},
		{"http://a.example/\x01", NULL},
		{"/\x1b[1m", NULL},
		{"", "http://a.example/b/c?d"},
		{"./", "http://a.example/b/"},
		{"..", "http://a.example/"},
		{"../../../../x", "http://a.example/x"},
		{"/a/./b/../c/", "http://a.example/a/c/"},
		{"////x", NULL},
		{"x:y", NULL},
		{"a/b?c=../d", "http://a.example/b/a/b?c=../d"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct error err = {0};
		g_autofree char *url = http_url_resolve("http://a.example/b/c?d", rows[i].location, &err);
		if (g_strcmp0(url, rows[i].result) != 0) {
			fail_msg("%s: %s (%s)", rows[i].location, url ? url : "refused", err.text);
		}
	}
}

static void patterns_that_refer_back_are_no_checks(void **state UNUSED)
{
	struct rig rig;
	begin(&rig, (struct config_check){.match = TEXT("(a+)\\1")}, "");
	rig_round(&rig);
	assert_int_equal(rig.result.error.kind, ERR_CONFIG);
	assert_non_null(strstr(rig.result.error.text, "refers back"));
	finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_judged_by_status_and_body),
		cmocka_unit_test(a_failure_says_what_came_and_what_was_wanted),
		cmocka_unit_test(a_closed_port_fails_at_connect),
		cmocka_unit_test(silence_fails_at_query_before_the_deadline),
		cmocka_unit_test(redirects_are_followed_five_times_and_to_pages_only),
		cmocka_unit_test(a_redirect_from_loopback_to_loopback_is_followed),
		cmocka_unit_test(headers_and_login_do_not_go_to_another_host),
		cmocka_unit_test(a_login_does_not_go_to_another_port_of_the_host),
		cmocka_unit_test(a_head_without_end_is_refused),
		cmocka_unit_test(targets_of_redirects_are_resolved_and_strict),
		cmocka_unit_test(patterns_that_refer_back_are_no_checks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
