#pragma once
#include "notify/notice.h"

#include <glib.h>

/*
 * A notice in the three forms it is sent in. `base_url` is Magpie's own address for people. Nothing
 * in a notice is ever read as a template, a format or markup. The caller frees the results
 * (g_free).
 */

/* The subject line: "[CRITICAL] db1: /var 97.5 % full", "[OK] db1: … (after 12 min)"; cut at about
 * 200 bytes. */
char *render_subject(const struct notice *notice);

/* For people, in plain text with LF line ends. */
char *render_text(const struct notice *notice);

/* The same as a whole HTML document, everything foreign escaped. */
char *render_html(const struct notice *notice);

/* The body of an Alertmanager webhook, version 4 (one alert). */
char *render_json(const struct notice *notice, const char *receiver, const char *base_url);
