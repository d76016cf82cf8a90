#include "notify/render.h"

#include <string.h>

#include "base/text.h"
#include "notify/facts.h"

#include "base/banned.h"

/* The form for mail programs: styles inline, one table, no picture, nothing fetched from anywhere.
 */

static const char *render_html_colour(const struct notice *n)
{
	static const char *const colours[] = {"#2e7d32", "#1565c0", "#b26a00", "#c62828", "#6a4c93"};
	return n->kind == NOTICE_RECOVERY ? colours[0] : colours[n->level];
}

static void render_html_row(void *owner, const char *label, const char *text, bool is_link)
{
	GString *out = owner;
	g_string_append_printf(out,
		"<tr><th align=\"left\" style=\"padding:2px 16px 2px 0;color:#555;"
		"font-weight:normal\">%s</th>\n<td>",
		label);
	if (is_link) {
		g_string_append(out, "<a href=\"");
		text_append_html(out, text);
		g_string_append(out, "\">");
	}
	text_append_html(out, text);
	g_string_append_printf(out, "%s</td></tr>\n", is_link ? "</a>" : "");
}

static void render_html_info(GString *out, const char *info)
{
	g_auto(GStrv) lines = g_strsplit(info, "\n", -1);
	g_string_append(out, "<p>");
	for (size_t i = 0; lines[i]; i++) {
		g_string_append(out, i ? "<br>\n" : "");
		text_append_html(out, lines[i]);
	}
	g_string_append(out, "</p>\n");
}

char *render_html(const struct notice *n)
{
	g_autofree char *title = notice_title(n);
	g_autofree char *lead = facts_lead(n);
	GString *out =
		g_string_new("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
					 "<title>Magpie</title></head>\n"
					 "<body style=\"font:15px/1.45 sans-serif;color:#1d1d1f\">\n");
	g_string_append_printf(out,
		"<p style=\"font-size:18px\"><b style=\"background:%s;color:#fff;padding:2px 8px;"
		"border-radius:4px\">%s</b>\n",
		render_html_colour(n), notice_headline_level(n));
	text_append_html(out, title);
	g_string_append(out, "</p>\n<p>");
	text_append_html(out, lead);
	g_string_append(out, "</p>\n");
	if (*n->info) {
		render_html_info(out, n->info);
	}
	g_string_append(out, "<table cellspacing=\"0\">\n");
	facts_each(n, render_html_row, out);
	g_string_append(out, "</table>\n</body></html>\n");
	return g_string_free(out, FALSE);
}
