#include "notify/facts.h"

#include <string.h>

#include "base/address.h"

#include "base/banned.h"

/* Which facts, under which words, in which order: the one place. */

bool facts_is_link(const char *link)
{
	static const char *const schemes[] = {"http", "https", NULL};
	struct address_url parts;
	size_t length = strcspn(link, "#"); /* a fragment is fine in a link, not in a request */
	g_autofree char *base = g_strndup(link, length);
	return address_parse_url(base, schemes, &parts, NULL) && !strpbrk(link + length, " \"'<>\\");
}

static char *facts_where(const struct notice *n)
{
	GString *out = g_string_new(n->host);
	const char *const parts[] = {n->service, n->field};
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (*parts[i]) {
			g_string_append_printf(out, "%s%s", out->len ? ", " : "", parts[i]);
		}
	}
	return g_string_free(out, FALSE);
}

static char *facts_instant(struct wall at)
{
	GDateTime *t = at.ms > 0 ? g_date_time_new_from_unix_utc(wall_s(at)) : NULL;
	if (!t) {
		return g_strdup("");
	}
	char *text = g_date_time_format(t, "%Y-%m-%d %H:%M:%S UTC");
	g_date_time_unref(t);
	return text ? text : g_strdup("");
}

void facts_each(const struct notice *n, facts_fn fn, void *owner)
{
	g_autofree char *where = facts_where(n);
	g_autofree char *since = facts_instant(n->since);
	g_autofree char *until = facts_instant(n->until);
	const struct {
		const char *label, *text;
		bool link;
	} rows[] = {
		{"Where", where, false},
		{"Level", notice_level_name(n), false},
		{"Value", n->value, false},
		{"Threshold", n->threshold, false},
		{"Since", since, false},
		{"Over", until, false},
		{"Rule", n->rule, false},
		{"Look", n->link, true},
		{"Runbook", n->runbook, true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (rows[i].text && *rows[i].text) {
			fn(owner, rows[i].label, rows[i].text, rows[i].link && facts_is_link(rows[i].text));
		}
	}
}

char *facts_lead(const struct notice *n)
{
	if (n->kind == NOTICE_TEST) {
		return g_strdup("This is a test message. Nothing is wrong.");
	}
	if (n->kind == NOTICE_RECOVERY) {
		bool known = n->until.ms > 0 && n->since.ms > 0;
		g_autofree char *took = notice_duration(wall_s(n->until) - wall_s(n->since));
		return known ? g_strdup_printf("This is over. It lasted %s.", took)
					 : g_strdup("This is over.");
	}
	return g_strdup(n->level == 4 ? "Magpie cannot tell at present: the value is unknown."
								  : "This needs a look.");
}
