#include "notify/notice.h"

#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/*
 * The engine is trusted to mean well, not to have clean texts: names and values in them came from
 * nodes. So everything is cleaned and cut here once, and the renderers only have to escape for
 * their own form.
 */

#define INSTANT_MS_MAX INT64_C(253402300800000)

static char *notice_line(struct frame_reader *r, size_t limit)
{
	g_autofree char *raw = frame_get_text(r);
	return text_clean(raw, strlen(raw), limit);
}

/* As notice_line, but line ends stay (LF only). */
static char *notice_lines(struct frame_reader *r, size_t limit)
{
	g_autofree char *raw = frame_get_text(r);
	return text_clean_lines(raw, strlen(raw), limit);
}

/* An instant that can be shown: from 1970 to 9999, else 0, "not known". */
static struct wall notice_instant(struct frame_reader *r)
{
	int64_t ms = frame_get_i64(r);
	return (struct wall){ms > 0 && ms < INSTANT_MS_MAX ? ms : 0};
}

struct notice *notice_read(const struct frame *frame, struct error *err)
{
	struct frame_reader r = frame_read(frame);
	AUTO(notice) n = g_new0(struct notice, 1);
	n->delivery = frame_get_u64(&r);
	n->first_tried.ms = frame_get_i64(&r);
	n->attempt = frame_get_u32(&r);
	n->channel = notice_line(&r, NOTICE_TEXT_MAX);
	n->dedup_key = notice_line(&r, NOTICE_TEXT_MAX);
	unsigned kind = frame_get_u8(&r);
	n->level = frame_get_u8(&r);
	char **const texts[] = {
		&n->rule, &n->host, &n->service, &n->field, &n->value, &n->threshold, &n->summary};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		*texts[i] = notice_line(&r, NOTICE_TEXT_MAX);
	}
	n->info = notice_lines(&r, NOTICE_INFO_MAX);
	n->runbook = notice_line(&r, NOTICE_TEXT_MAX);
	n->since = notice_instant(&r);
	n->until = notice_instant(&r);
	n->link = notice_line(&r, NOTICE_TEXT_MAX);
	if (!frame_read_done(&r) || kind < NOTICE_PROBLEM || kind > NOTICE_TEST || n->level > 4) {
		error_set(err, ERR_PROTOCOL, "a DELIVER frame is not as promised");
		return NULL;
	}
	n->kind = (enum notice_kind)kind;
	return STEAL(n);
}

void notice_destroy(struct notice *n)
{
	if (!n) {
		return;
	}
	char *const texts[] = {n->channel, n->dedup_key, n->rule, n->host, n->service, n->field,
		n->value, n->threshold, n->summary, n->info, n->runbook, n->link};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	g_free(n);
}

const char *notice_level_name(const struct notice *n)
{
	static const char *const names[] = {"ok", "notice", "warning", "critical", "unknown"};
	return names[n->level];
}

const char *notice_headline_level(const struct notice *n)
{
	static const char *const names[] = {"OK", "NOTICE", "WARNING", "CRITICAL", "UNKNOWN"};
	switch (n->kind) {
	case NOTICE_RECOVERY: return "OK";
	case NOTICE_TEST: return "TEST";
	default: return names[n->level];
	}
}

/* `summary` without the host's name in front of it. */
static const char *notice_without_host(const struct notice *n)
{
	size_t length = strlen(n->host);
	const char *s = n->summary;
	if (length && strncmp(s, n->host, length) == 0 && (s[length] == ' ' || s[length] == ':')) {
		s += length;
		s += strspn(s, ": ");
	}
	return *s ? s : n->summary;
}

char *notice_title(const struct notice *n)
{
	GString *out = g_string_new(NULL);
	if (*n->host) {
		g_string_append_printf(out, "%s: ", n->host);
	}
	if (*n->summary) {
		g_string_append(out, notice_without_host(n));
	} else {
		const char *const parts[] = {n->rule, n->service, n->field, n->value};
		for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
			if (*parts[i]) {
				g_string_append_printf(out, "%s ", parts[i]);
			}
		}
	}
	g_strchomp(out->str);
	return g_string_free(out, FALSE);
}

void notice_fingerprint(const struct notice *n, char out[NOTICE_FINGERPRINT + 1])
{
	g_autofree char *identity =
		g_strdup_printf("%s\n%s\n%s\n%s", n->rule, n->host, n->service, n->field);
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, identity, -1);
	text_copy(out, NOTICE_FINGERPRINT + 1, digest);
}

char *notice_duration(int64_t s)
{
	static const struct {
		int64_t unit_s;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	s = MAX(s, 0);
	size_t i = 0;
	while (i + 1 < ARRAY_LENGTH(units) && s < units[i].unit_s) {
		i++;
	}
	int64_t rest = i < 2 ? s % units[i].unit_s / units[i + 1].unit_s : 0;
	g_autofree char *first =
		g_strdup_printf("%" G_GINT64_FORMAT " %s", s / units[i].unit_s, units[i].unit);
	return rest ? g_strdup_printf("%s %" G_GINT64_FORMAT " %s", first, rest, units[i + 1].unit)
				: STEAL(first);
}
