#include "notify/render.h"
#include "model/message.h"
#include "notify/mime.h"
#include "tests/support/test.h"

#include <jansson.h>

/* Notices come from frames as in life; what hostile texts in them become (hostile 66 to 68). */
struct texts {
	const char *rule, *host, *service, *field, *value, *threshold, *summary, *info, *runbook, *link;
};

static const struct texts ordinary = {"disk_full", "db1", "df", "_var", "97.5 %", "> 92 % for 10 m",
	"db1 /var: 97.5 % used", "clean up\nthen look again", "https://wiki.example/disk#_var",
	"http://127.0.0.1:8080/h/db1"};

static struct notice *notice_of(unsigned kind, unsigned level, const struct texts *t)
{
	struct frame_writer *w = g_new0(struct frame_writer, 1);
	message_start(w, MESSAGE_DELIVER);
	frame_put_u64(w, 1);
	frame_put_i64(w, 1795140860000);
	frame_put_u32(w, 1);
	frame_put_text(w, "ops");
	frame_put_text(w, "key");
	frame_put_u8(w, (uint8_t)kind);
	frame_put_u8(w, (uint8_t)level);
	const char *const texts[] = {t->rule, t->host, t->service, t->field, t->value, t->threshold,
		t->summary, t->info, t->runbook};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		frame_put_text(w, texts[i]);
	}
	frame_put_i64(w, 1795140860000);
	frame_put_i64(w, kind == NOTICE_RECOVERY ? 1795140860000 + 754000 : 0);
	frame_put_text(w, t->link);
	frame_finish(w);
	struct frame frame;
	const char *why;
	assert_true(
		frame_decode(&message_table, ROLE_ENGINE, ROLE_NOTIFY, w->packet, w->length, &frame, &why));
	struct notice *notice = notice_read(&frame, NULL);
	assert_non_null(notice);
	g_free(w);
	return notice;
}

/* hostile 67: texts are never templates */
static void the_subject_says_level_host_and_what(void **state UNUSED)
{
	static const struct {
		unsigned kind, level;
		const char *host, *summary, *subject;
	} cases[] = {
		{1, 3, "db1", "/var 97.5 % full", "[CRITICAL] db1: /var 97.5 % full"},
		{1, 2, "db1", "db1: /var 93 % full", "[WARNING] db1: /var 93 % full"},
		{1, 2, "db1", "db12 is odd", "[WARNING] db1: db12 is odd"},
		{1, 1, "", "nobody works", "[NOTICE] nobody works"},
		{1, 4, "db1", "", "[UNKNOWN] db1: disk_full df _var 97.5 %"},
		{2, 3, "db1", "/var 60 % full", "[OK] db1: /var 60 % full (after 12 min)"},
		{3, 0, "db1", "hello", "[TEST] db1: hello"},
		{1, 3, "db1", "{{7*7}} ${IFS} %s%n $(id)", "[CRITICAL] db1: {{7*7}} ${IFS} %s%n $(id)"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct texts t = ordinary;
		t.host = cases[i].host;
		t.summary = cases[i].summary;
		AUTO(notice) n = notice_of(cases[i].kind, cases[i].level, &t);
		g_autofree char *subject = render_subject(n);
		assert_string_equal(subject, cases[i].subject);
	}
}

static void the_text_holds_every_fact(void **state UNUSED)
{
	AUTO(notice) n = notice_of(1, 3, &ordinary);
	g_autofree char *text = render_text(n);
	static const char *const words[] = {"CRITICAL  db1: /var: 97.5 % used\n",
		"clean up\nthen look again\n", "Where:      db1, df, _var\n", "Level:      critical\n",
		"Value:      97.5 %\n", "Threshold:  > 92 % for 10 m\n",
		"Since:      2026-11-20 02:14:20 UTC\n", "Rule:       disk_full\n",
		"Look:       http://127.0.0.1:8080/h/db1\n",
		"Runbook:    https://wiki.example/disk#_var\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (!strstr(text, words[i])) {
			fail_msg("%s is missing in\n%s", words[i], text);
		}
	}
	AUTO(notice) over = notice_of(2, 3, &ordinary);
	g_autofree char *recovery = render_text(over);
	assert_non_null(strstr(recovery, "This is over. It lasted 12 min.\n"));
	assert_non_null(strstr(recovery, "Over:       2026-11-20 02:26:54 UTC\n"));
}

static void html_escapes_all_that_is_foreign(void **state UNUSED)
{
	struct texts t = ordinary;
	t.summary = "<script>alert(1)</script>";
	t.info = "\"><img src=x onerror=y>&amp;";
	t.runbook = "javascript:alert(1)";
	t.link = "http://h/\" onclick=\"x";
	AUTO(notice) n = notice_of(1, 3, &t);
	g_autofree char *html = render_html(n);
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "<img"));
	assert_null(strstr(html, "onclick=\""));
	assert_null(strstr(html, "href=\"javascript"));
	assert_non_null(strstr(html, "&lt;script&gt;"));
	AUTO(notice) good = notice_of(1, 3, &ordinary);
	g_autofree char *links = render_html(good);
	assert_non_null(strstr(links, "<a href=\"http://127.0.0.1:8080/h/db1\">"));
	assert_non_null(strstr(links, "<a href=\"https://wiki.example/disk#_var\">"));
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "(none)";
}

static void the_webhook_body_is_alertmanagers(void **state UNUSED)
{
	AUTO(notice) n = notice_of(2, 3, &ordinary);
	g_autofree char *text = render_json(n, "ops", "https://magpie.example");
	json_t *body = json_loads(text, 0, NULL);
	assert_non_null(body);
	assert_string_equal(member(body, "version"), "4");
	assert_string_equal(member(body, "status"), "resolved");
	assert_string_equal(member(body, "receiver"), "ops");
	assert_string_equal(member(body, "externalURL"), "https://magpie.example");
	assert_true(g_str_has_prefix(member(body, "groupKey"), "magpie/"));
	assert_string_equal(member(json_object_get(body, "groupLabels"), "alertname"), "disk_full");
	assert_string_equal(member(json_object_get(body, "commonLabels"), "severity"), "critical");
	const json_t *alert = json_array_get(json_object_get(body, "alerts"), 0);
	assert_string_equal(member(alert, "startsAt"), "2026-11-20T02:14:20Z");
	assert_string_equal(member(alert, "endsAt"), "2026-11-20T02:26:54Z");
	assert_string_equal(member(json_object_get(alert, "labels"), "field"), "_var");
	assert_int_equal(strlen(member(alert, "fingerprint")), 16);
	assert_string_equal(member(json_object_get(alert, "annotations"), "value"), "97.5 %");
	json_decref(body);
	AUTO(notice) firing = notice_of(1, 3, &ordinary);
	g_autofree char *problem = render_json(firing, "ops", "https://magpie.example");
	assert_non_null(strstr(problem, "\"endsAt\":\"0001-01-01T00:00:00Z\""));
	g_autofree char *same = g_strdup(strstr(text, "\"fingerprint\""));
	assert_non_null(strstr(problem, same)); /* a problem and its recovery belong together */
}

/* hostile 68 */
static void any_bytes_give_valid_json_and_a_sound_message(void **state UNUSED)
{
	char *huge = g_strnfill(30000, 'x');
	const char *const hostile[] = {"\"quotes\" \\ and \x01\x02\x1f",
		"\xe2\x80\xa8 line \xe2\x80\xa9", "\xff\xfe broken \xc3",
		"a\r\nBcc: evil@example.org\r\n\r\nbody", "a\nb\rc", huge,
		"\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5", "=?UTF-8?B?eA==?=", "."};
	for (size_t i = 0; i < ARRAY_LENGTH(hostile); i++) {
		const char *h = hostile[i];
		struct texts t = {h, "db1", "df", h, h, "", h, h, "", ""};
		if (h == huge) {
			t = ordinary;
			t.info = huge;
		}
		AUTO(notice) n = notice_of(1, 3, &t);
		g_autofree char *json = render_json(n, "ops", "https://magpie.example");
		json_t *body = json_loads(json, 0, NULL);
		assert_non_null(body);
		json_decref(body);
		g_autofree char *subject = render_subject(n);
		assert_null(strpbrk(subject, "\r\n"));
	}
	g_free(huge);
}

/* -- the message -- */

static char *message_with(const char *subject, const char *text)
{
	const struct mime_message m = {.from_name = "Magpie",
		.from = "magpie@example.org",
		.to = "ops@example.org",
		.subject = subject,
		.date = {1795140860000},
		.id = "abc",
		.thread = "def",
		.domain = "db1.example.org",
		.urgent = true,
		.text = text,
		.html = "<p>x</p>\n"};
	size_t length;
	char *bytes = mime_format(&m, &length);
	assert_int_equal(strlen(bytes), length);
	return bytes;
}

/* Every line ends in CRLF, is at most 998 bytes of ASCII, and there is no other CR or LF. */
static void assert_sound(const char *message)
{
	size_t column = 0;
	for (const char *p = message; *p; p++) {
		assert_true((unsigned char)*p < 0x7f);
		if (*p == '\r') {
			assert_int_equal(p[1], '\n');
			p++;
			column = 0;
			continue;
		}
		assert_int_not_equal(*p, '\n');
		assert_true(++column <= 998);
	}
	assert_int_equal(column, 0);
}

static void a_message_has_the_headers_it_needs(void **state UNUSED)
{
	g_autofree char *m = message_with("[CRITICAL] db1: x", "hello\nyou\n");
	static const char *const lines[] = {"Date: Fri, 20 Nov 2026 02:14:20 +0000\r\n",
		"From: Magpie <magpie@example.org>\r\n", "To: <ops@example.org>\r\n",
		"Subject: [CRITICAL] db1: x\r\n", "Message-ID: <abc@db1.example.org>\r\n",
		"References: <def@db1.example.org>\r\n", "MIME-Version: 1.0\r\n",
		"Auto-Submitted: auto-generated\r\n", "\r\n\r\nhello\r\nyou\r\n",
		"Content-Type: text/html; charset=utf-8\r\n", "--magpie-abc--\r\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		if (!strstr(m, lines[i])) {
			fail_msg("%s is missing in\n%s", lines[i], m);
		}
	}
	assert_sound(m);
}

/* hostile 66 */
static void no_subject_makes_a_header_of_its_own(void **state UNUSED)
{
	static const char *const subjects[] = {"a\r\nBcc: evil@example.org", "a\nb", "\xc3\xa4\xc3\xb6",
		"=?UTF-8?B?eA==?=", "a\tb", "a\x7f"};
	for (size_t i = 0; i < ARRAY_LENGTH(subjects); i++) {
		g_autofree char *m = message_with(subjects[i], "x");
		assert_null(strstr(m, "\r\nBcc:"));
		assert_non_null(strstr(m, "\r\nSubject: =?UTF-8?B?"));
		assert_sound(m);
	}
	char *long_one = g_strnfill(900, 'x');
	g_autofree char *m = message_with(long_one, "x");
	for (const char *at = strstr(m, "Subject:"); at && *at != '\0';) {
		const char *end = strstr(at, "\r\n");
		assert_true(end - at <= 78); /* RFC 2047, section 2 */
		at = end[2] == ' ' ? end + 2 : NULL;
	}
	g_free(long_one);
}

/* hostile 66 */
static void bodies_of_any_bytes_are_sound(void **state UNUSED)
{
	char *long_line = g_strnfill(5000, 'y');
	const char *const bodies[] = {"\xc3\xa4 \n.\n..x\n", "a\rb\n", "trailing \t\nblank ", "=",
		long_line, "\x01\x02\n", "\r\n.\r\n", ""};
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		g_autofree char *m = message_with("s", bodies[i]);
		assert_sound(m);
	}
	g_free(long_line);
	g_autofree char *umlaut = message_with("s", "\xc3\xa4=b \n");
	assert_non_null(strstr(umlaut, "\r\n=C3=A4=3Db=20\r\n"));
}

static void durations_are_told_in_two_units(void **state UNUSED)
{
	static const struct {
		int64_t s;
		const char *text;
	} cases[] = {{-5, "0 s"}, {0, "0 s"}, {59, "59 s"}, {60, "1 min"}, {754, "12 min"},
		{3600, "1 h"}, {11100, "3 h 5 min"}, {187200, "2 d 4 h"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *text = notice_duration(cases[i].s);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_subject_says_level_host_and_what),
		cmocka_unit_test(the_text_holds_every_fact),
		cmocka_unit_test(html_escapes_all_that_is_foreign),
		cmocka_unit_test(the_webhook_body_is_alertmanagers),
		cmocka_unit_test(any_bytes_give_valid_json_and_a_sound_message),
		cmocka_unit_test(a_message_has_the_headers_it_needs),
		cmocka_unit_test(no_subject_makes_a_header_of_its_own),
		cmocka_unit_test(bodies_of_any_bytes_are_sound),
		cmocka_unit_test(durations_are_told_in_two_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
