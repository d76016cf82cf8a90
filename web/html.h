#pragma once
#include <glib.h>

/*
 * Writes HTML that cannot be broken by what is in it: every text and every attribute value is
 * escaped, elements close in the order in which they were opened. Names of elements and attributes
 * are literals of ours; there is no way to write markup that came from outside.
 *
 *     html_open(&h, "a", "href", link, NULL);
 *     html_text(&h, host);
 *     html_close(&h);
 */
enum { HTML_DEPTH_MAX = 24 };

struct html {
	GString *out;
	unsigned depth;
	const char *open[HTML_DEPTH_MAX];
};

/* A page up to its opened <main>; `title` is escaped. html_end() closes whatever is open. */
struct html html_begin(GString *out, const char *title);
void html_end(struct html *h);

/* Opens an element with pairs of attribute name and value, ended by NULL; a NULL value leaves the
 * attribute out. */
void html_open(struct html *h, const char *element, ...) G_GNUC_NULL_TERMINATED;
void html_close(struct html *h);

/* An element without content (<br>, <hr>, <link …>), attributes as html_open. */
void html_void(struct html *h, const char *element, ...) G_GNUC_NULL_TERMINATED;

void html_text(struct html *h, const char *text);

/* Element, text, end. */
void html_element(struct html *h, const char *element, const char *text);

/* A link to a path of ours that is built of segments: each is percent-encoded. */
void html_link(struct html *h, const char *text, const char *prefix, const char *segment);

/* Appends `segment` percent-encoded for use in a path (RFC 3986, unreserved kept). */
void html_append_segment(GString *out, const char *segment);
