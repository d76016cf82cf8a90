#pragma once
#include "collector/services/http_text.h"
#include "collector/services/probe.h"

/*
 * GET over the stream of a probe, for services that speak HTTP.
 */

/* What is asked for and of whom: "/PATH", "HOST/PATH", "HOST". */
struct http_place {
	char host[256]; /* of the Host header; "": where the probe connects to */
	char path[1024];
};

/* False: `text` cannot be part of a request line (blanks, control characters), or is too long. */
MUST_USE bool http_place_parse(const char *text, struct http_place *place);

/* The place a kind asks: `path` of the settings in the virtual host `vhost` of the settings. The
 * same for `text` where it is no page but a status page: then only its own host counts. False: the
 * probe is over, a setting makes no sense. */
MUST_USE bool http_place_of_page(struct probe *probe, struct http_place *place);
MUST_USE bool http_place_of_status(struct probe *probe, const char *text, struct http_place *place);

/* Sends the request, with the settings' user and password if there are any, and begins `text` anew.
 */
void http_get(
	struct probe *probe, struct http_text *text, const struct http_place *place, size_t body_max);

/* Reads what waits in the stream. */
enum http_text_state http_read(struct probe *probe, struct http_text *text);

/*
 * Judges the answer for "running and responsive": true, it is one and no server error. False: the
 * probe is over ("answers 503 Service Unavailable").
 */
MUST_USE bool http_judge(struct probe *probe, const struct http_text *text);
