#include "web/facades/graphite_path.h"

#include <string.h>

#include "base/banned.h"

/*
 * The tree is never built: it is the catalog, walked by the parts of a pattern from the left, and
 * left where they do not match. So a pattern with a host in it costs as much as that host has
 * fields.
 *
 * Braces are taken apart once, when a pattern is read; what remains are globs that are matched
 * without recursion, in at most length of pattern times length of name (hostile 40).
 */
enum { VARIANTS_MAX = 256, GLOBS_MAX = 32, GLOB_PIECE = 16 /* bytes that cost as a name */ };

struct graphite_pattern {
	GPtrArray *parts; /* struct part *, owned */
};

struct part {
	GPtrArray *variants; /* all of them */
	GHashTable *plain;   /* those without * ? [, borrowed */
	GPtrArray *globs;    /* the others, borrowed */
	size_t cost;         /* of comparing a name with it: a plain one is 1 */
};

static void part_free(gpointer data)
{
	struct part *part = data;
	g_ptr_array_unref(part->globs);
	g_hash_table_unref(part->plain);
	g_ptr_array_unref(part->variants);
	g_free(part);
}

static struct part *part_create(void)
{
	struct part *part = g_new0(struct part, 1);
	part->variants = g_ptr_array_new_with_free_func(g_free);
	part->plain = g_hash_table_new(g_str_hash, g_str_equal);
	part->globs = g_ptr_array_new();
	part->cost = 1;
	return part;
}

/* -- reading -- */

static bool read_braces(const char *text, size_t length, GPtrArray *variants, struct error *err);

/* Adds `text` with one pair of braces taken apart, or as it is. */
static bool add_variants(const char *text, size_t length, GPtrArray *variants, struct error *err)
{
	if (memchr(text, '{', length) || memchr(text, '}', length)) {
		return read_braces(text, length, variants, err);
	}
	if (variants->len == VARIANTS_MAX) {
		return error_set(err, ERR_CONFIG, "braces stand for more than %d texts", VARIANTS_MAX);
	}
	g_ptr_array_add(variants, g_strndup(text, length));
	return true;
}

static bool read_braces(const char *text, size_t length, GPtrArray *variants, struct error *err)
{
	const char *open = memchr(text, '{', length);
	const char *close = memchr(text, '}', length);
	const char *end = text + length;
	if (!open || !close || close < open || memchr(open + 1, '{', (size_t)(close - open - 1))) {
		return error_set(err, ERR_CONFIG, "braces in a path are {a,b}, not one within the other");
	}
	const char *at = open + 1;
	while (at <= close) {
		const char *comma = memchr(at, ',', (size_t)(close - at));
		const char *stop = comma ? comma : close;
		g_autoptr(GString) one = g_string_new_len(text, open - text);
		g_string_append_len(one, at, stop - at);
		g_string_append_len(one, close + 1, end - close - 1);
		if (!add_variants(one->str, one->len, variants, err)) {
			return false;
		}
		at = stop + 1;
	}
	return true;
}

static bool brackets_closed(const char *text)
{
	for (const char *open = strchr(text, '['); open; open = strchr(open, '[')) {
		const char *close = strchr(open, ']');
		if (!close || close == open + 1 || (close == open + 2 && open[1] == '!')) {
			return false;
		}
		open = close;
	}
	return true;
}

/* Chosen hosts are plain names, up to hundreds of them: those are found, not tried in turn. */
static bool sort_variants(struct part *part, struct error *err)
{
	for (guint i = 0; i < part->variants->len; i++) {
		char *variant = part->variants->pdata[i];
		if (!brackets_closed(variant)) {
			return error_set(err, ERR_CONFIG, "a bracket in a path is empty or not closed");
		}
		if (strpbrk(variant, "*?[")) {
			g_ptr_array_add(part->globs, variant);
			part->cost += strlen(variant) / GLOB_PIECE;
		} else {
			g_hash_table_add(part->plain, variant);
		}
	}
	return part->globs->len <= GLOBS_MAX ||
		   error_set(err, ERR_CONFIG, "braces stand for more than %d patterns", GLOBS_MAX);
}

static bool add_part(
	struct graphite_pattern *pattern, const char *text, size_t length, struct error *err)
{
	if (!length) {
		return error_set(err, ERR_CONFIG, "a path has an empty part");
	}
	if (pattern->parts->len == GRAPHITE_PARTS_MAX) {
		return error_set(err, ERR_CONFIG, "a path has at most %d parts", GRAPHITE_PARTS_MAX);
	}
	struct part *part = part_create();
	g_ptr_array_add(pattern->parts, part);
	return add_variants(text, length, part->variants, err) && sort_variants(part, err);
}

/* Bytes until the next dot outside of braces. */
static size_t part_length(const char *text)
{
	bool inside = false;
	size_t n = 0;
	for (; text[n] && (inside || text[n] != '.'); n++) {
		inside = text[n] == '{' || (inside && text[n] != '}');
	}
	return n;
}

struct graphite_pattern *graphite_pattern_parse(const char *text, struct error *err)
{
	AUTO(graphite_pattern) pattern = g_new0(struct graphite_pattern, 1);
	pattern->parts = g_ptr_array_new_with_free_func(part_free);
	if (strlen(text) > GRAPHITE_PATTERN_MAX) {
		error_set(err, ERR_CONFIG, "a path has more than %d characters", GRAPHITE_PATTERN_MAX);
		return NULL;
	}
	for (const char *at = text;; at++) {
		size_t n = part_length(at);
		if (!add_part(pattern, at, n, err)) {
			return NULL;
		}
		at += n;
		if (!*at) {
			return STEAL(pattern);
		}
	}
}

void graphite_pattern_destroy(struct graphite_pattern *pattern)
{
	if (pattern) {
		g_ptr_array_unref(pattern->parts);
		g_free(pattern);
	}
}

size_t graphite_pattern_parts(const struct graphite_pattern *pattern)
{
	return pattern->parts->len;
}

/* -- matching -- */

/* Whether `c` is in the set at `*at` (a "["); moves `*at` to its "]". */
static bool in_set(const char **at, char c)
{
	const char *set = *at + 1;
	const char *end = strchr(set, ']');
	bool negated = *set == '!';
	bool found = false;
	for (set += negated; set < end; set++) {
		if (set + 2 < end && set[1] == '-') {
			found = found || (set[0] <= c && c <= set[2]);
			set += 2;
		} else {
			found = found || *set == c;
		}
	}
	*at = end;
	return found != negated;
}

/* Whether one pattern element at `*at` takes `c`; moves `*at` behind it. */
static bool takes(const char **at, char c)
{
	bool good = **at == '[' ? in_set(at, c) : **at == '?' || **at == c;
	++*at;
	return good;
}

static bool glob_matches(const char *glob, const char *text)
{
	const char *star = NULL;
	const char *again = NULL;
	while (*text) {
		if (*glob == '*') {
			star = ++glob;
			again = text;
			continue;
		}
		if (*glob && takes(&glob, *text)) {
			text++;
			continue;
		}
		if (!star) {
			return false;
		}
		glob = star;
		text = ++again;
	}
	while (*glob == '*') {
		glob++;
	}
	return !*glob;
}

bool graphite_part_matches(const struct graphite_pattern *pattern, size_t part, const char *name)
{
	const struct part *p = pattern->parts->pdata[part];
	bool matches = g_hash_table_contains(p->plain, name);
	for (guint i = 0; !matches && i < p->globs->len; i++) {
		matches = glob_matches(p->globs->pdata[i], name);
	}
	return matches;
}

/* -- walking -- */

struct walk {
	const struct graphite_pattern *pattern;
	bool gone;
	graphite_node_fn fn;
	void *owner;
	GHashTable *branches; /* paths that were told */
	GString *path;
	size_t depth, cost;
};

/* Appends a part, dots in it as "_" if it is `one` part whatever it holds. False: no match. */
static bool enter(struct walk *w, const char *name, size_t length)
{
	if (w->depth == w->pattern->parts->len) {
		return false;
	}
	g_autofree char *part = g_strndup(name, length);
	g_strdelimit(part, ".", '_');
	w->cost += ((const struct part *)w->pattern->parts->pdata[w->depth])->cost;
	if (!graphite_part_matches(w->pattern, w->depth, part)) {
		return false;
	}
	g_string_append_printf(w->path, "%s%s", w->depth ? "." : "", part);
	w->depth++;
	return true;
}

static bool at_end(const struct walk *w)
{
	return w->depth == w->pattern->parts->len;
}

static void tell(struct walk *w, const struct field *field)
{
	const char *dot = strrchr(w->path->str, '.');
	struct graphite_node node = {w->path->str, dot ? dot + 1 : w->path->str, field};
	if (field || g_hash_table_add(w->branches, g_strdup(w->path->str))) {
		w->fn(w->owner, &node);
	}
}

/* Enters the parts of `text` between `separator`; false: no match, or the pattern ended there and
 * the branch was told. */
static bool enter_all(struct walk *w, const char *text, char separator)
{
	while (*text) {
		const char *stop = strchr(text, separator);
		size_t n = stop ? (size_t)(stop - text) : strlen(text);
		if (!enter(w, text, n)) {
			return false;
		}
		if (at_end(w)) {
			tell(w, NULL);
			return false;
		}
		text += n + (stop ? 1 : 0);
	}
	return true;
}

static void leave(struct walk *w, size_t length, size_t depth)
{
	g_string_truncate(w->path, length);
	w->depth = depth;
}

static void walk_service(struct walk *w, const struct service *service)
{
	if (!enter_all(w, service->name, '.')) {
		return;
	}
	size_t length = w->path->len;
	size_t depth = w->depth;
	for (size_t i = 0; depth + 1 == w->pattern->parts->len && i < service_field_count(service);
		 i++) {
		const struct field *field = service_field(service, i);
		if (field->series_id && (!field->gone || w->gone) &&
			enter(w, field->name, strlen(field->name))) {
			tell(w, field);
			leave(w, length, depth);
		}
	}
}

static void walk_host(struct walk *w, const struct host *host)
{
	if (!enter_all(w, host->group, '/') || !enter(w, host->name, strlen(host->name))) {
		return;
	}
	if (at_end(w)) {
		tell(w, NULL);
		return;
	}
	size_t length = w->path->len;
	size_t depth = w->depth;
	for (guint i = 0; i < host->services->len; i++) {
		walk_service(w, host->services->pdata[i]);
		leave(w, length, depth);
	}
}

size_t graphite_find(const struct catalog *catalog, const struct graphite_pattern *pattern,
	bool gone, graphite_node_fn fn, void *owner)
{
	struct walk w = {.pattern = pattern, .gone = gone, .fn = fn, .owner = owner};
	const GPtrArray *hosts = catalog_hosts(catalog);
	w.branches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	w.path = g_string_new(NULL);
	for (guint i = 0; i < hosts->len; i++) {
		walk_host(&w, hosts->pdata[i]);
		leave(&w, 0, 0);
	}
	g_string_free(w.path, TRUE);
	g_hash_table_unref(w.branches);
	return w.cost;
}

char *graphite_path(const struct field *field)
{
	const struct service *service = field->service;
	g_autofree char *group = g_strdup(service->group);
	g_autofree char *host = g_strdup(service->host_name);
	g_strdelimit(g_strdelimit(group, ".", '_'), "/", '.');
	g_strdelimit(host, ".", '_');
	return g_strdup_printf(
		"%s%s%s.%s.%s", group, *group ? "." : "", host, service->name, field->name);
}
