#include "collector/services/haproxy_text.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The first line of the table begins with "# pxname,svname,". Values may stand in double quotes
 * (descriptions do), with a quote doubled inside. What stands before the table ("show info") is
 * looked at for the version only.
 */
enum { HAPROXY_CELLS_MAX = 256, HAPROXY_NAME_MAX = 100 };

static const char *const haproxy_columns[HAPROXY_COLUMNS] = {
	[HAPROXY_SCUR] = "scur",
	[HAPROXY_SLIM] = "slim",
	[HAPROXY_STOT] = "stot",
	[HAPROXY_BIN] = "bin",
	[HAPROXY_BOUT] = "bout",
	[HAPROXY_EREQ] = "ereq",
	[HAPROXY_ECON] = "econ",
	[HAPROXY_ERESP] = "eresp",
	[HAPROXY_WRETR] = "wretr",
	[HAPROXY_WREDIS] = "wredis",
	[HAPROXY_DREQ] = "dreq",
	[HAPROXY_DRESP] = "dresp",
	[HAPROXY_QCUR] = "qcur",
	[HAPROXY_QLIMIT] = "qlimit",
	[HAPROXY_ACT] = "act",
	[HAPROXY_1XX] = "hrsp_1xx",
	[HAPROXY_2XX] = "hrsp_2xx",
	[HAPROXY_3XX] = "hrsp_3xx",
	[HAPROXY_4XX] = "hrsp_4xx",
	[HAPROXY_5XX] = "hrsp_5xx",
	[HAPROXY_OTHER] = "hrsp_other",
};

struct haproxy_cell {
	const char *text;
	size_t length;
};

struct haproxy_line {
	struct haproxy_cell cells[HAPROXY_CELLS_MAX];
	size_t count;
};

/* Reads one line; returns where the next one begins. */
static const char *haproxy_read_line(struct haproxy_line *line, const char *at, const char *end)
{
	line->count = 0;
	while (at < end && *at != '\n') {
		bool quoted = *at == '"';
		const char *from = at + quoted;
		at = from;
		while (at < end && *at != '\n' && (quoted ? *at != '"' : *at != ',')) {
			at++;
		}
		size_t length = (size_t)(at - from);
		while (at < end && *at != ',' && *at != '\n') {
			at++; /* behind the closing quote */
		}
		if (line->count < HAPROXY_CELLS_MAX) {
			line->cells[line->count++] = (struct haproxy_cell){from, length};
		}
		at += at < end && *at == ',';
	}
	return at < end ? at + 1 : end;
}

static bool haproxy_is(const struct haproxy_cell *cell, const char *text)
{
	return cell->length == strlen(text) && !memcmp(cell->text, text, cell->length);
}

/* Where each column stands in the lines; -1: it does not. */
static void haproxy_head(const struct haproxy_line *line, int where[HAPROXY_COLUMNS])
{
	for (int c = 0; c < HAPROXY_COLUMNS; c++) {
		where[c] = -1;
		for (size_t i = 0; i < line->count && where[c] < 0; i++) {
			where[c] = haproxy_is(&line->cells[i], haproxy_columns[c]) ? (int)i : -1;
		}
	}
}

static void haproxy_proxy_destroy(gpointer data)
{
	struct haproxy_proxy *proxy = data;
	g_free(proxy->name);
	g_free(proxy);
}

static bool haproxy_has(const GPtrArray *list, const char *name)
{
	for (guint i = 0; i < list->len; i++) {
		const struct haproxy_proxy *proxy = list->pdata[i];
		if (!strcmp(proxy->name, name)) {
			return true;
		}
	}
	return false;
}

static void haproxy_add(
	GPtrArray *list, const struct haproxy_line *line, const int where[HAPROXY_COLUMNS])
{
	char *name = text_clean(line->cells[0].text, line->cells[0].length, HAPROXY_NAME_MAX);
	if (!*name || list->len >= HAPROXY_PROXIES_MAX || haproxy_has(list, name)) {
		g_free(name);
		return;
	}
	struct haproxy_proxy *proxy = g_new(struct haproxy_proxy, 1);
	proxy->name = name;
	for (int c = 0; c < HAPROXY_COLUMNS; c++) {
		proxy->values[c] = NAN;
		if (where[c] >= 0 && (size_t)where[c] < line->count) {
			const struct haproxy_cell *cell = &line->cells[where[c]];
			(void)!number_parse(cell->text, cell->length, &proxy->values[c]);
		}
	}
	g_ptr_array_add(list, proxy);
}

static void haproxy_version(const char *text, size_t length, char *out, size_t size)
{
	static const char key[] = "Version: ";
	const char *at = memmem(text, length, key, sizeof key - 1);
	if (!at || (at > text && at[-1] != '\n')) {
		return;
	}
	at += sizeof key - 1;
	size_t n = 0;
	while (at < text + length && n + 1 < size && g_ascii_isgraph(*at)) {
		out[n++] = *at++;
	}
	out[n] = '\0';
}

bool haproxy_stat_parse(const char *text, size_t length, struct haproxy_stat *stat)
{
	static const char head[] = "# pxname,svname,";
	*stat =
		(struct haproxy_stat){.frontends = g_ptr_array_new_with_free_func(haproxy_proxy_destroy),
			.backends = g_ptr_array_new_with_free_func(haproxy_proxy_destroy)};
	const char *at = memmem(text, length, head, sizeof head - 1);
	const char *end = text + length;
	if (!at || (at > text && at[-1] != '\n')) {
		return false;
	}
	haproxy_version(text, (size_t)(at - text), stat->version, sizeof stat->version);
	struct haproxy_line line;
	int where[HAPROXY_COLUMNS];
	at = haproxy_read_line(&line, at, end);
	haproxy_head(&line, where);
	while (at < end) {
		at = haproxy_read_line(&line, at, end);
		if (line.count < 2) {
			break; /* the empty line behind the table */
		}
		if (haproxy_is(&line.cells[1], "FRONTEND")) {
			haproxy_add(stat->frontends, &line, where);
		} else if (haproxy_is(&line.cells[1], "BACKEND")) {
			haproxy_add(stat->backends, &line, where);
		}
	}
	return true;
}

void haproxy_stat_finish(struct haproxy_stat *stat)
{
	if (stat->frontends) {
		g_ptr_array_unref(stat->frontends);
		g_ptr_array_unref(stat->backends);
	}
	*stat = (struct haproxy_stat){0};
}
