#include "web/html.h"
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>

#include "base/banned.h"

/*
 * For the few pages that work without script: errors and the plain list of problems. Style comes
 * from a file (the policy forbids inline style), and so does nothing else.
 */
static void append_tag(struct html *h, const char *element, va_list attributes)
{
	g_string_append_c(h->out, '<');
	g_string_append(h->out, element);
	for (const char *name = va_arg(attributes, const char *); name;
		 name = va_arg(attributes, const char *)) {
		const char *value = va_arg(attributes, const char *);
		if (value) {
			g_string_append_printf(h->out, " %s=\"", name);
			text_append_html(h->out, value);
			g_string_append_c(h->out, '"');
		}
	}
	g_string_append_c(h->out, '>');
}

void html_open(struct html *h, const char *element, ...)
{
	va_list attributes;
	assert(h->depth < HTML_DEPTH_MAX);
	va_start(attributes, element);
	append_tag(h, element, attributes);
	va_end(attributes);
	h->open[h->depth++] = element;
}

void html_void(struct html *h, const char *element, ...)
{
	va_list attributes;
	va_start(attributes, element);
	append_tag(h, element, attributes);
	va_end(attributes);
}

void html_close(struct html *h)
{
	assert(h->depth > 0);
	g_string_append_printf(h->out, "</%s>", h->open[--h->depth]);
}

void html_text(struct html *h, const char *text)
{
	text_append_html(h->out, text);
}

void html_element(struct html *h, const char *element, const char *text)
{
	html_open(h, element, NULL);
	html_text(h, text);
	html_close(h);
}

void html_append_segment(GString *out, const char *segment)
{
	g_string_append_uri_escaped(out, segment, NULL, FALSE);
}

void html_link(struct html *h, const char *text, const char *prefix, const char *segment)
{
	GString *path = g_string_new(prefix);
	html_append_segment(path, segment);
	html_open(h, "a", "href", path->str, NULL);
	html_text(h, text);
	html_close(h);
	g_string_free(path, TRUE);
}

struct html html_begin(GString *out, const char *title)
{
	struct html h = {.out = out};
	g_string_append(out, "<!doctype html>\n");
	html_open(&h, "html", "lang", "en", NULL);
	html_open(&h, "head", NULL);
	html_void(&h, "meta", "charset", "utf-8", NULL);
	html_void(
		&h, "meta", "name", "viewport", "content", "width=device-width, initial-scale=1", NULL);
	html_element(&h, "title", title);
	html_void(&h, "link", "rel", "stylesheet", "href", "/plain.css", NULL);
	html_close(&h);
	html_open(&h, "body", NULL);
	html_open(&h, "main", NULL);
	return h;
}

void html_end(struct html *h)
{
	while (h->depth) {
		html_close(h);
	}
	g_string_append_c(h->out, '\n');
}
