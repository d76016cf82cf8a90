#include "web/router.h"
#include "model/config.h"
#include "web/api.h"
#include "web/facades/facades.h"
#include "web/server.h"
#include "web/web.h"

#include <string.h>

#include "base/banned.h"

/*
 * Routes are matched part by part against the decoded path: there is no way for an encoded slash or
 * a dot segment to become another route, because web/request refused those before.
 */
#define ROUTE(verb, path, least, parameters, handler, help)                                        \
	{VERB_##verb, path, ACCESS_##least, parameters, handler, help},
static const struct route routes[] = {
#include "web/routes.def"
};
#undef ROUTE

size_t router_count(void)
{
	return ARRAY_LENGTH(routes);
}

const struct route *router_at(size_t index)
{
	return &routes[index];
}

bool router_matches(const char *pattern, struct request *request)
{
	size_t segment = 0;
	size_t variables = 0;
	const char *at = pattern + 1;
	while (*at) {
		size_t n = strcspn(at, "/");
		bool rest = n > 4 && at[0] == '{' && !memcmp(at + n - 4, "...}", 4);
		if (segment == request->segment_count) {
			return false;
		}
		const char *part = request->segments[segment];
		if (at[0] == '{') {
			request->variable[variables++] = part;
		} else if (strlen(part) != n || memcmp(part, at, n)) {
			return false;
		}
		segment = rest ? request->segment_count : segment + 1;
		at += n + (at[n] == '/');
	}
	return segment == request->segment_count;
}

const struct route *router_find(struct request *request, unsigned *status)
{
	*status = 404;
	for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
		if (router_matches(routes[i].path, request)) {
			if (routes[i].verb == request->verb) {
				return &routes[i];
			}
			*status = 405;
		}
	}
	return NULL;
}

/* "http://HOST" or "https://HOST" of the Host that the request itself named. */
static bool origin_is_host(const char *origin, const char *host)
{
	const char *at = strstr(origin, "://");
	return at && host && !strcmp(at + 3, host);
}

/*
 * A page of somebody else must not send bodies here in its reader's name (hostile 56): browsers say
 * where a request comes from, other programs send neither field.
 */
static bool origin_is_ours(const struct web *web, const struct request *request)
{
	if (request->fetch_site && strcmp(request->fetch_site, "same-origin") &&
		strcmp(request->fetch_site, "none")) {
		return false;
	}
	return !request->origin || !strcmp(request->origin, web->config->base_url) ||
		   origin_is_host(request->origin, request->host);
}

/* The host part of "HOST", "HOST:PORT" or "[V6]:PORT" (g_malloc). */
static char *host_without_port(const char *text)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
	return text[0] == '[' && end ? g_strndup(text + 1, (gsize)(end - text - 1))
		   : end                 ? g_strndup(text, (gsize)(end - text))
								 : g_strdup(text);
}

static char *host_of_url(const char *url)
{
	const char *at = strstr(url, "://");
	g_autofree char *authority = g_strndup(at ? at + 3 : url, strcspn(at ? at + 3 : url, "/"));
	return host_without_port(authority);
}

bool router_host_is_ours(const struct config *config, const char *field)
{
	g_autofree char *host = field ? host_without_port(field) : NULL;
	g_autofree char *base = host_of_url(config->base_url);
	return !host || !strchr(host, '.') || g_str_has_suffix(host, ".localhost") ||
		   g_hostname_is_ip_address(host) || !g_ascii_strcasecmp(host, base) ||
		   !g_ascii_strcasecmp(host, config->host_name);
}

static bool wants_html(const struct request *request)
{
	return request->accept && strstr(request->accept, "text/html");
}

static void refuse(struct web *web, struct exchange *x, unsigned status, const char *detail)
{
	if (wants_html(&x->request)) {
		page_error(web, x, status, detail);
	} else {
		reply_problem(&x->reply, status, "%s", detail);
	}
}

/* What a path may be asked by, as the field Allow says it. */
static const char *verbs_of(struct request *request)
{
	static const char *const lists[] = {"", "GET, HEAD", "POST", "GET, HEAD, POST", "DELETE",
		"GET, HEAD, DELETE", "POST, DELETE", "GET, HEAD, POST, DELETE"};
	enum verb asked = request->verb;
	unsigned found = 0;
	unsigned status = 0;
	for (unsigned verb = VERB_GET; verb <= VERB_DELETE; verb++) {
		request->verb = (enum verb)verb;
		found |= router_find(request, &status) ? 1U << verb : 0;
	}
	request->verb = asked;
	return lists[found];
}

static void refuse_unrouted(struct web *web, struct exchange *x, unsigned status)
{
	const char *target = x->request.target;
	g_autofree char *path = g_strndup(target, MIN(strcspn(target, "?"), 100));
	g_autofree char *detail = NULL;
	if (status == 405) {
		const char *allow = verbs_of(&x->request);
		detail = g_strdup_printf("%s is to be asked by %s", path, allow);
		refuse(web, x, 405, detail);
		x->reply.allow = allow;
		return;
	}
	detail = g_strdup_printf("there is nothing at %s; pages are /, /problems and /hosts, and what "
							 "programs may ask for is described at /api/v1/openapi.json",
		path);
	refuse(web, x, status, detail);
}

static void refuse_name(struct web *web, struct exchange *x)
{
	g_autofree char *detail = g_strdup_printf("\"%.100s\" is no name of this server; if it is "
											  "meant to be one, set base_url in magpie.conf",
		x->request.host ? x->request.host : "");
	refuse(web, x, 421, detail);
}

void router_dispatch(struct web *web, struct exchange *x)
{
	unsigned status = 0;
	struct error err = {0};
	const struct route *route = router_find(&x->request, &status);
	if (!route) {
		refuse_unrouted(web, x, status);
	} else if (web->loopback && route->least != ACCESS_PUBLIC &&
			   !router_host_is_ours(web->config, x->request.host)) {
		refuse_name(web, x);
	} else if (!request_only(&x->request, route->parameters, &err)) {
		refuse(web, x, 400, err.text);
	} else if (route->verb != VERB_GET && !origin_is_ours(web, &x->request)) {
		refuse(web, x, 403, "a page of another site may not send this request");
	} else {
		route->handler(web, x);
	}
}
