#include "collector/services/http_probe.h"
#include "base/text.h"

#include <string.h>

#include "base/banned.h"

/*
 * Requests are made of settings only, which are checked before: no setting can put a line of its
 * own into the head.
 */

bool http_place_parse(const char *text, struct http_place *place)
{
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at <= ' ' || *at == 0x7f) {
			return false;
		}
	}
	const char *slash = strchrnul(text, '/');
	size_t host = (size_t)(slash - text);
	if (host >= sizeof place->host || strlen(slash) >= sizeof place->path) {
		return false;
	}
	g_strlcpy(place->host, text, host + 1);
	g_strlcpy(place->path, *slash ? slash : "/", sizeof place->path);
	return true;
}

bool http_place_of_page(struct probe *probe, struct http_place *place)
{
	const struct config_service *settings = probe->settings;
	const char *path = settings->path ? settings->path : "/";
	if (!http_place_of_status(probe, path, place)) {
		return false;
	}
	struct http_place vhost;
	if (settings->vhost &&
		(!http_place_parse(settings->vhost, &vhost) || strchr(settings->vhost, '/'))) {
		probe_misconfigured(probe, "vhost \"%s\" is no name of a host", settings->vhost);
		return false;
	}
	if (settings->vhost) {
		g_strlcpy(place->host, vhost.host, sizeof place->host);
	}
	return true;
}

bool http_place_of_status(struct probe *probe, const char *text, struct http_place *place)
{
	if (!http_place_parse(text, place)) {
		probe_misconfigured(probe, "\"%s\" is no path of a page", text);
		return false;
	}
	return true;
}

/* "web1", "web1:8080", "[::1]:8080". */
static void http_host(const struct probe *probe, char *out, size_t size)
{
	const char *host = probe_host(probe);
	uint16_t port = probe_port(probe);
	bool v6 = strchr(host, ':');
	bool usual = !port || port == (probe->settings->tls ? 443 : 80);
	int length = g_snprintf(out, size, v6 ? "[%s]" : "%s", host);
	if (!usual) {
		g_snprintf(out + length, size - (size_t)length, ":%u", port);
	}
}

/* "Authorization: Basic …", "" without a login. */
static char *http_login(const struct probe *probe)
{
	if (!probe->settings->user || !probe->password) {
		return g_strdup("");
	}
	char *plain = g_strdup_printf("%s:%s", probe->settings->user, probe->password);
	char *coded = g_base64_encode((const guchar *)plain, strlen(plain));
	char *line = g_strdup_printf("Authorization: Basic %s\r\n", coded);
	explicit_bzero(plain, strlen(plain));
	explicit_bzero(coded, strlen(coded));
	g_free(plain);
	g_free(coded);
	return line;
}

void http_get(
	struct probe *probe, struct http_text *text, const struct http_place *place, size_t body_max)
{
	char own[288];
	http_host(probe, own, sizeof own);
	char *login = http_login(probe);
	char *head = g_strdup_printf(
		"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: magpie\r\nAccept: */*\r\n%s\r\n", place->path,
		place->host[0] ? place->host : own, login);
	http_text_begin(text, body_max, false);
	stream_send_text(probe->stream, head); /* at once: one packet, one record */
	explicit_bzero(login, strlen(login));
	explicit_bzero(head, strlen(head));
	g_free(login);
	g_free(head);
}

enum http_text_state http_read(struct probe *probe, struct http_text *text)
{
	size_t length;
	const char *bytes = stream_peek(probe->stream, &length);
	stream_take(probe->stream, http_text_feed(text, bytes, length));
	return text->state;
}

bool http_judge(struct probe *probe, const struct http_text *text)
{
	if (text->state == HTTP_TEXT_BROKEN) {
		probe_fail(probe, "%s", text->broken);
		return false;
	}
	if (text->status >= 500) {
		probe_fail(probe, "answers %d %s", text->status, text->reason);
		return false;
	}
	return true;
}
