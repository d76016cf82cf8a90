#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/secret.h"
#include "base/text.h"
#include "collector/checks/http_url.h"
#include "collector/checks/check.h"
#include "collector/services/http_text.h"

#include "base/banned.h"

/*
 * A web page: GET (or what is configured) of a URL, redirects followed by ourselves, each hop
 * checked like the first: http and https only, and an address of this machine or link only where
 * the configured URL names that kind itself. Then status and body are judged. What a server may
 * send is bounded (hostile 33): head and lines by collector/services/http_text.h, the body by what
 * is kept, compression is not asked for, and one deadline stands over all hops.
 *
 * The login and the configured headers go to the configured host only, not to where that one
 * points.
 */
enum { HTTP_BODY_MAX = 1 << 20, HTTP_REQUEST_MAX = 64 << 10, HTTP_SHOWN_MAX = 100 };

enum {
	HTTP_RESOLVE,
	HTTP_CONNECT,
	HTTP_TLS,
	HTTP_FIRST_BYTE,
	HTTP_TOTAL,
	HTTP_STATUS,
	HTTP_SIZE,
	HTTP_REDIRECTS,
	HTTP_DAYS_LEFT
};

static const struct field_row http_fields[] = {
	{"resolve", "name to address", FIELD_GAUGE, .min = "0", .unit = "s"},
	{"connect", "connection", FIELD_GAUGE, .min = "0", .unit = "s"},
	{"tls", "TLS handshake", FIELD_GAUGE, .min = "0", .unit = "s"},
	{"first_byte", "first byte of the answer", FIELD_GAUGE, .min = "0", .unit = "s",
		.info =
			"From the request on; this and the steps before are those of the last page asked for"},
	{"total", "all of it", FIELD_GAUGE, .min = "0", .unit = "s",
		.info = "With all redirects, also if the answer is not the wanted one"},
	{"status", "status", FIELD_GAUGE, .min = "100", .max = "599", .hidden = true},
	{"size", "size of the page", FIELD_GAUGE, .min = "0", .unit = "B", .hidden = true,
		.info = "At most 1 MiB is read"},
	{"redirects", "redirects followed", FIELD_GAUGE, .min = "0", .hidden = true},
	{"days_left", "days the certificate is valid", FIELD_GAUGE, .hidden = true},
};

struct http_check {
	regex_t match, absent;
	bool has_match, has_absent;
	enum address_class own_class; /* that the configured URL names */
	char own_host[ADDRESS_HOST_MAX + 1];
	uint16_t own_port;
	char *url;                     /* of this hop */
	struct address_url parts;      /* inside url */
	bool own_secure, secure, bare; /* https; a GET without body, whatever is configured */
	unsigned hops;
	char *login; /* header, NULL: none */
	struct http_text text;
	int64_t sent_us; /* of the request */
	bool answered;
};

static void http_hop(struct check *check);

/* What may be shown of a URL: not its query, which may hold secrets. */
static const char *http_shown(const struct http_check *h, char out[HTTP_SHOWN_MAX])
{
	size_t length = strcspn(h->url, "?");
	snprintf(out, HTTP_SHOWN_MAX, "%.*s", (int)MIN(length, (size_t)HTTP_SHOWN_MAX - 1), h->url);
	return out;
}

/* The same of where a server points: no login either, it is not even ours to tell. */
static const char *http_shown_location(const struct http_check *h, char out[HTTP_SHOWN_MAX])
{
	const char *text = h->text.location;
	const char *host = strstr(text, "//");
	const char *login = host ? memchr(host + 2, '@', strcspn(host + 2, "/?#")) : NULL;
	const char *from = login ? login + 1 : text;
	snprintf(
		out, HTTP_SHOWN_MAX, "%s%.*s", login ? "…@" : "", (int)MIN(strcspn(from, "?#"), 60U), from);
	return out;
}

/* -- the request -- */

static uint16_t http_port(const struct address_url *parts, bool secure)
{
	return parts->port ? parts->port : secure ? 443 : 80;
}

/* Whether this hop goes to where the configured URL does, or from its usual http to its https. */
static bool http_is_own(const struct http_check *h)
{
	uint16_t port = http_port(&h->parts, h->secure);
	bool same = h->secure == h->own_secure && port == h->own_port;
	bool upgrade = h->secure && !h->own_secure && port == 443 && h->own_port == 80;
	return strcasecmp(h->parts.host, h->own_host) == 0 && (same || upgrade);
}

static bool http_has_header(const struct check *check, const char *name)
{
	const GPtrArray *headers = check->settings->headers;
	size_t length = strlen(name);
	for (guint i = 0; headers && i < headers->len; i++) {
		const char *header = headers->pdata[i];
		if (g_ascii_strncasecmp(header, name, length) == 0 && header[length] == ':') {
			return true;
		}
	}
	return false;
}

static void http_put_headers(const struct check *check, const struct http_check *h, GString *out)
{
	bool own = http_is_own(h);
	const GPtrArray *headers = check->settings->headers;
	if (!own || !http_has_header(check, "Host")) {
		bool v6 = strchr(h->parts.host, ':') != NULL;
		g_string_append_printf(out, v6 ? "Host: [%s]" : "Host: %s", h->parts.host);
		g_string_append_printf(out, h->parts.port ? ":%u\r\n" : "\r\n", (unsigned)h->parts.port);
	}
	if (!http_has_header(check, "User-Agent")) {
		g_string_append(out, "User-Agent: magpie/" MAGPIE_VERSION "\r\n");
	}
	if (!http_has_header(check, "Accept")) {
		g_string_append(out, "Accept: */*\r\n");
	}
	for (guint i = 0; own && headers && i < headers->len; i++) {
		g_string_append_printf(out, "%s\r\n", (const char *)headers->pdata[i]);
	}
	if (own && h->login) {
		g_string_append_printf(out, "%s\r\n", h->login);
	}
}

static void http_send(struct check *check)
{
	struct http_check *h = check->state;
	const char *method = h->bare || !check->settings->method ? "GET" : check->settings->method;
	const char *body = h->bare ? NULL : check->settings->body;
	const char *path = h->parts.path;
	GString *out = g_string_new(NULL);
	g_string_append_printf(out, "%s %s%s HTTP/1.1\r\n", method, path[0] == '/' ? "" : "/", path);
	http_put_headers(check, h, out);
	if (body) {
		g_string_append_printf(out, "Content-Length: %zu\r\n", strlen(body));
	}
	g_string_append(out, "Accept-Encoding: identity\r\nConnection: close\r\n\r\n");
	g_string_append(out, body ? body : "");
	http_text_begin(&h->text, HTTP_BODY_MAX, strcmp(method, "HEAD") == 0);
	h->sent_us = g_get_monotonic_time();
	h->answered = false;
	stream_send(check->stream, out->str, out->len);
	explicit_bzero(out->str, out->len);
	g_string_free(out, TRUE);
}

/* -- judging -- */

static bool http_status_is(const char *wanted, int status)
{
	if (strcmp(wanted + 1, "xx") == 0) {
		return status / 100 == wanted[0] - '0';
	}
	int least = (wanted[0] - '0') * 100 + (wanted[1] - '0') * 10 + (wanted[2] - '0');
	int most = least;
	if (wanted[3] == '-') {
		most = (wanted[4] - '0') * 100 + (wanted[5] - '0') * 10 + (wanted[6] - '0');
	}
	return status >= least && status <= most;
}

static bool http_status_good(const struct check *check, int status)
{
	const GPtrArray *wanted = check->settings->status;
	for (guint i = 0; wanted && i < wanted->len; i++) {
		if (http_status_is(wanted->pdata[i], status)) {
			return true;
		}
	}
	return !wanted && status >= 200 && status <= 399;
}

static char *http_wanted(const struct check *check)
{
	const GPtrArray *wanted = check->settings->status;
	GString *out = g_string_new(wanted ? "" : "200-399");
	for (guint i = 0; wanted && i < wanted->len; i++) {
		g_string_append_printf(out, "%s%s", i ? " " : "", (const char *)wanted->pdata[i]);
	}
	return g_string_free(out, FALSE);
}

static void http_judge_page(struct check *check)
{
	struct http_check *h = check->state;
	const struct http_text *text = &h->text;
	const struct tls_report *report = stream_tls_report(check->stream);
	char shown[HTTP_SHOWN_MAX], note[CHECK_REASON_MAX] = "";
	http_shown(h, shown);
	if (!http_status_good(check, text->status)) {
		g_autofree char *wanted = http_wanted(check);
		check_fail(check, ERR_PROTOCOL, "%s answers %d %s, not %s", shown, text->status,
			text->reason, wanted);
	} else if (h->has_match && !check_matches(&h->match, text->body->str, text->body->len)) {
		check_fail(check, ERR_PROTOCOL, "%s: \"%.60s\" is not in the %s%zu bytes of the page",
			shown, check->settings->match, text->cut ? "first " : "", text->body->len);
	} else if (h->has_absent && check_matches(&h->absent, text->body->str, text->body->len)) {
		check_fail(check, ERR_PROTOCOL, "%s: \"%.60s\" is in the page, which it must not be", shown,
			check->settings->absent);
	} else {
		if (report) {
			check_certificate_text(report, check->at, note, sizeof(note));
		}
		check_succeed_but(check, NAN, "%s", note);
	}
}

/* -- redirects -- */

static bool http_is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void http_follow(struct check *check)
{
	struct http_check *h = check->state;
	const struct http_text *text = &h->text;
	struct error err = {.kind = ERR_NONE};
	char shown[HTTP_SHOWN_MAX], location[HTTP_SHOWN_MAX];
	http_shown(h, shown);
	http_shown_location(h, location);
	if (h->hops >= check->settings->redirects) {
		check_fail(check, ERR_PROTOCOL, "more than %u redirects, the last one from %s to %s",
			(unsigned)check->settings->redirects, shown, location);
		return;
	}
	char *next = http_url_resolve(h->url, text->location, &err);
	if (!next) {
		check_fail(check, ERR_PROTOCOL, "%s redirects to %s: %s", shown, location, err.text);
		return;
	}
	g_free(h->url);
	h->url = next;
	h->hops++;
	h->bare = h->bare || text->status == 303 ||
			  (text->status <= 302 && g_strcmp0(check->settings->method, "POST") == 0);
	http_hop(check);
}

/* -- an answer -- */

static void http_answered(struct check *check)
{
	struct http_check *h = check->state;
	const struct http_text *text = &h->text;
	char shown[HTTP_SHOWN_MAX];
	if (text->state == HTTP_TEXT_BROKEN) {
		check_fail(check, ERR_PROTOCOL, "%s: %s", http_shown(h, shown), text->broken);
		return;
	}
	check_value(check, HTTP_TOTAL, check_age_s(check));
	check_value(check, HTTP_STATUS, text->status);
	check_value(check, HTTP_SIZE, (double)text->body->len);
	check_value(check, HTTP_REDIRECTS, h->hops);
	bool wanted = check->settings->status && http_status_good(check, text->status);
	if (http_is_redirect(text->status) && text->location[0] && check->settings->redirects &&
		!wanted) {
		http_follow(check);
	} else {
		http_judge_page(check);
	}
}

static void http_note_times(struct check *check)
{
	const struct http_check *h = check->state;
	struct stream_times times = stream_times(check->stream);
	const struct tls_report *report = stream_tls_report(check->stream);
	if (times.resolved_us) {
		check_value(check, HTTP_RESOLVE, (double)times.resolved_us / 1e6);
	}
	if (times.connected_us) {
		check_value(check, HTTP_CONNECT, (double)(times.connected_us - times.resolved_us) / 1e6);
	}
	if (times.open_us && h->secure) {
		check_value(check, HTTP_TLS, (double)(times.open_us - times.connected_us) / 1e6);
	}
	if (report && report->count) {
		check_value(check, HTTP_DAYS_LEFT, check_days_left(&report->chain[0], check->at));
	}
}

static void http_on_open(void *owner)
{
	struct check *check = owner;
	check_reach(check, CHECK_QUERY);
	http_note_times(check);
	http_send(check);
}

static void http_on_data(void *owner)
{
	struct check *check = owner;
	struct http_check *h = check->state;
	size_t length;
	const char *bytes = stream_peek(check->stream, &length);
	if (length && !h->answered) {
		h->answered = true;
		check_value(check, HTTP_FIRST_BYTE, (double)(g_get_monotonic_time() - h->sent_us) / 1e6);
	}
	stream_take(check->stream, http_text_feed(&h->text, bytes, length));
	if (h->text.state != HTTP_TEXT_MORE) {
		http_answered(check);
	}
}

static void http_on_closed(void *owner, const struct error *why)
{
	struct check *check = owner;
	struct http_check *h = check->state;
	http_note_times(check);
	if (why->kind == ERR_NONE && h->text.body && stream_stage(check->stream) == STREAM_OPEN) {
		http_text_end(&h->text);
		http_answered(check);
	} else if (why->kind == ERR_TIMEOUT && h->answered) {
		check_fail(check, ERR_TIMEOUT, "%s: the answer began (status %d) and did not end in time",
			stream_address(check->stream), h->text.status);
	} else {
		check_broken(check, why);
	}
}

/* -- a round -- */

static void http_hop(struct check *check)
{
	static const char *const schemes[] = {"http", "https", NULL};
	static const struct stream_handlers handlers = {http_on_open, http_on_data, http_on_closed};
	struct http_check *h = check->state;
	struct error err = {.kind = ERR_NONE};
	struct tls_settings tls;
	if (!address_parse_url(h->url, schemes, &h->parts, &err)) {
		check_refuse(check, &err);
		return;
	}
	enum address_class class = address_class_of_host(h->parts.host);
	if (class != ADDRESS_WIDE && class != h->own_class) {
		check_fail(check, ERR_DENIED,
			"redirected to %s, an address of this machine or link, which is not followed",
			h->parts.host);
		return;
	}
	h->secure = strcmp(h->parts.scheme, "https") == 0;
	struct stream_target target = {.host = h->parts.host, .port = http_port(&h->parts, h->secure)};
	check->stage = CHECK_RESOLVE;
	h->answered = false;
	if (h->secure) {
		if (!check_tls(check, h->parts.host, &tls)) {
			return;
		}
		tls.alpn = "http/1.1";
		target.tls = &tls;
	}
	(void)!check_connect(check, &target, &handlers);
}

static bool http_login(struct check *check, struct http_check *h)
{
	struct error err = {.kind = ERR_NONE};
	if (!check->settings->password_file) {
		return true;
	}
	char *secret = secret_read(check->settings->password_file, &err);
	if (!secret) {
		check_refuse(check, &err);
		return false;
	}
	const char *user = check->settings->user ? check->settings->user : "";
	g_autofree char *pair = g_strconcat(user, ":", secret, NULL);
	g_autofree char *coded = g_base64_encode((const guchar *)pair, strlen(pair));
	h->login = g_strconcat("Authorization: Basic ", coded, NULL);
	explicit_bzero(pair, strlen(pair));
	explicit_bzero(coded, strlen(coded));
	secret_free(secret);
	return true;
}

static void http_begin(struct check *check)
{
	struct http_check *h = check->state;
	h->hops = 0;
	h->bare = false;
	h->url = g_strdup(check->settings->target);
	h->url[strcspn(h->url, "#")] = '\0';
	if (http_login(check, h)) {
		http_hop(check);
	}
}

static void http_cancel(struct check *check)
{
	struct http_check *h = check->state;
	if (h->login) {
		explicit_bzero(h->login, strlen(h->login));
		g_free(STEAL(h->login));
	}
	http_text_finish(&h->text); /* up to 1 MiB need not be kept until the next round */
	g_free(STEAL(h->url));
}

/* -- life -- */

static bool http_start(struct check *check, struct error *err)
{
	static const char *const schemes[] = {"http", "https", NULL};
	struct http_check *h = check->state;
	const struct config_check *settings = check->settings;
	if (!address_parse_url(settings->target, schemes, &h->parts, err)) {
		return false;
	}
	text_copy(h->own_host, sizeof(h->own_host), h->parts.host);
	h->own_class = address_class_of_host(h->parts.host);
	h->own_secure = strcmp(h->parts.scheme, "https") == 0;
	h->own_port = http_port(&h->parts, h->own_secure);
	h->has_match = settings->match && check_pattern(settings->match, &h->match, err);
	h->has_absent = settings->absent && check_pattern(settings->absent, &h->absent, err);
	return h->has_match == !!settings->match && h->has_absent == !!settings->absent;
}

static void http_stop(struct check *check)
{
	struct http_check *h = check->state;
	if (h->has_match) {
		regfree(&h->match);
	}
	if (h->has_absent) {
		regfree(&h->absent);
	}
}

const struct check_kind check_http = {.title = "Page",
	.info = "Whether a page is answered as it should be, and how long each step takes.",
	.fields = http_fields,
	.field_count = ARRAY_LENGTH(http_fields),
	.days = "days_left",
	.state_size = sizeof(struct http_check),
	.start = http_start,
	.begin = http_begin,
	.cancel = http_cancel,
	.stop = http_stop};
