#include "notify/render.h"

#include <string.h>

#include "base/text.h"
#include "notify/facts.h"

#include "base/banned.h"

/* The plain form: headline, one sentence, what the rule's author has to say, the facts. */
enum { SUBJECT_MAX = 200 };

char *render_subject(const struct notice *n)
{
	g_autofree char *title = notice_title(n);
	char cut[SUBJECT_MAX];
	bool whole = text_copy(cut, sizeof(cut), title);
	bool timed = n->kind == NOTICE_RECOVERY && n->until.ms > 0 && n->since.ms > 0;
	g_autofree char *took = timed ? notice_duration(wall_s(n->until) - wall_s(n->since)) : NULL;
	return g_strdup_printf("[%s] %s%s%s%s%s", notice_headline_level(n), cut, whole ? "" : "...",
		timed ? " (after " : "", timed ? took : "", timed ? ")" : "");
}

static void render_text_row(void *owner, const char *label, const char *text, bool is_link UNUSED)
{
	g_string_append_printf(owner, "%s:%*s%s\n", label, (int)(11 - strlen(label)), "", text);
}

char *render_text(const struct notice *n)
{
	g_autofree char *title = notice_title(n);
	g_autofree char *lead = facts_lead(n);
	GString *out = g_string_new(NULL);
	g_string_append_printf(out, "%s  %s\n%s\n\n", notice_headline_level(n), title, lead);
	if (*n->info) {
		g_string_append_printf(out, "%s\n\n", n->info);
	}
	facts_each(n, render_text_row, out);
	return g_string_free(out, FALSE);
}
