#include "web/facades/promql_labels.h"
#include "base/auto.h"
#include "model/catalog.h"

#include <string.h>
#include <time.h>

#include "base/banned.h"

/*
 * Selecting walks the catalog by host, service and field and leaves it where a label does not
 * match. A regular expression is asked once per value it meets, not once per series; it is anchored
 * on both sides, and the library gives up after a number of steps, which is an error of the query.
 * Plain names with "|" between them, as dashboards write chosen hosts, are a set of texts.
 */
enum { REGEX_MAX = 8000, STEPS_MAX = 20000, REMEMBERED_MAX = 200000 };

struct promql_matcher {
	enum promql_label label;
	enum promql_match match;
	char *value;
	GRegex *regex;
	GHashTable *set;   /* of texts, in place of an expression; NULL: none */
	GHashTable *known; /* value -> 1 no, 2 yes */
	int64_t spent_us;  /* of this thread, on the expression */
	bool broken;
};

static const char *const label_names[] = {"__name__", "field", "group", "host", "service"};

const char *promql_label_name(enum promql_label label)
{
	return label_names[label];
}

enum promql_label promql_label_find(const char *name)
{
	unsigned i = 0;
	while (i < PROMQL_LABELS && strcmp(label_names[i], name)) {
		i++;
	}
	return (enum promql_label)i;
}

/* -- names -- */

const char *promql_metric(const struct field *field, char out[PROMQL_METRIC_MAX])
{
	const char *service = field->service->name;
	size_t length = 0;
	if (g_ascii_isdigit(*service)) {
		out[length++] = '_';
	}
	for (const char *c = service; *c && length < IDENT_SERVICE_MAX + 1; c++) {
		out[length++] = g_ascii_isalnum(*c) ? *c : '_';
	}
	out[length++] = ':';
	g_strlcpy(out + length, field->name, PROMQL_METRIC_MAX - length);
	return out;
}

const char *promql_label_of(
	const struct field *field, enum promql_label label, char metric[PROMQL_METRIC_MAX])
{
	switch (label) {
	case PROMQL_NAME: return promql_metric(field, metric);
	case PROMQL_FIELD: return field->name;
	case PROMQL_GROUP: return field->service->group;
	case PROMQL_HOST: return field->service->host_name;
	case PROMQL_SERVICE: return field->service->name;
	default: return "";
	}
}

/* -- matchers -- */

/* What RE2 has not, and what sets options of the library. */
static bool is_foreign(const char *pattern)
{
	for (const char *c = pattern; *c; c++) {
		if (*c == '\\') {
			c++;
			if (!*c || (*c >= '1' && *c <= '9') || strchr("gkKXRGZC", *c)) {
				return true;
			}
		} else if (*c == '(' && (c[1] == '*' || (c[1] == '?' && !strchr("P:imsU-", c[2])))) {
			return true;
		} else if (*c == '(' && c[1] == '?' && (!c[2] || (c[2] == 'P' && c[3] != '<'))) {
			return true;
		} else if (strchr("*+?}", *c) && c[1] == '+') {
			return true;
		}
	}
	return false;
}

static GRegex *compile(const char *value, struct error *err)
{
	if (strlen(value) > REGEX_MAX || is_foreign(value)) {
		error_set(err, ERR_CONFIG,
			"a regular expression is too long, or has what RE2 has not (references backwards, "
			"looking around)");
		return NULL;
	}
	g_autoptr(GError) alone = NULL;
	g_autoptr(GRegex) plain = g_regex_new(value, 0, 0, &alone); /* "a)|(b" is none by itself */
	g_autofree char *pattern =
		g_strdup_printf("(*LIMIT_MATCH=%d)(*LIMIT_DEPTH=%d)^(?:%s)$", STEPS_MAX, STEPS_MAX, value);
	g_autoptr(GError) wrong = NULL;
	GRegex *regex =
		plain ? g_regex_new(pattern, G_REGEX_DOLLAR_ENDONLY | G_REGEX_DOTALL, 0, &wrong) : NULL;
	if (!regex) {
		error_set(err, ERR_CONFIG, "\"%.80s\" is no regular expression", value);
	}
	return regex;
}

static GHashTable *texts_of(const char *value)
{
	GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) texts = g_strsplit(value, "|", -1);
	for (size_t i = 0; texts[i]; i++) {
		g_hash_table_add(set, g_strdup(texts[i]));
	}
	if (!*value) {
		g_hash_table_add(set, g_strdup(""));
	}
	return set;
}

struct promql_matcher *promql_matcher_create(
	const char *label, enum promql_match match, const char *value, struct error *err)
{
	bool plain = match >= PROMQL_LIKE && !strpbrk(value, "\\.+*?()[]{}^$");
	GRegex *regex = match >= PROMQL_LIKE && !plain ? compile(value, err) : NULL;
	if (match >= PROMQL_LIKE && !plain && !regex) {
		return NULL;
	}
	struct promql_matcher *m = g_new0(struct promql_matcher, 1);
	m->label = promql_label_find(label);
	m->match = match;
	m->value = g_strdup(value);
	m->regex = regex;
	m->set = plain ? texts_of(value) : NULL;
	m->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return m;
}

void promql_matcher_destroy(struct promql_matcher *m)
{
	if (m) {
		g_clear_pointer(&m->regex, g_regex_unref);
		g_clear_pointer(&m->set, g_hash_table_unref);
		g_hash_table_unref(m->known);
		g_free(m->value);
		g_free(m);
	}
}

static int64_t thread_us(void)
{
	struct timespec ts = {0};
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Once an expression was too slow it is not asked again. */
static bool like(struct promql_matcher *m, const char *value)
{
	if (m->set) {
		return g_hash_table_contains(m->set, value);
	}
	gpointer known = g_hash_table_lookup(m->known, value);
	g_autoptr(GError) wrong = NULL;
	if (known || m->broken) {
		return GPOINTER_TO_INT(known) == 2;
	}
	int64_t begun_us = thread_us();
	bool matches = g_regex_match_full(m->regex, value, -1, 0, 0, NULL, &wrong);
	m->spent_us += thread_us() - begun_us;
	m->broken = wrong || m->spent_us > PROMQL_MATCHING_US;
	if (g_hash_table_size(m->known) < REMEMBERED_MAX) {
		g_hash_table_insert(m->known, g_strdup(value), GINT_TO_POINTER(matches ? 2 : 1));
	}
	return matches;
}

bool promql_matcher_matches(struct promql_matcher *m, const char *value)
{
	switch (m->match) {
	case PROMQL_IS: return !strcmp(m->value, value);
	case PROMQL_IS_NOT: return strcmp(m->value, value);
	case PROMQL_LIKE: return like(m, value);
	default: return !like(m, value);
	}
}

bool promql_matcher_sane(const struct promql_matcher *m)
{
	return !m->broken;
}

bool promql_matchers_sane(const GPtrArray *matchers, int64_t *spent_us, struct error *err)
{
	bool sane = true;
	for (guint i = 0; i < matchers->len; i++) {
		const struct promql_matcher *m = matchers->pdata[i];
		*spent_us += m->spent_us;
		sane = sane && !m->broken;
	}
	return (sane && *spent_us <= PROMQL_MATCHING_US) ||
		   error_set(err, ERR_NOT_FOUND, "a regular expression takes too long");
}

enum promql_label promql_matcher_label(const struct promql_matcher *m)
{
	return m->label;
}

enum promql_match promql_matcher_kind(const struct promql_matcher *m)
{
	return m->match;
}

const char *promql_matcher_value(const struct promql_matcher *m)
{
	return m->value;
}

/* -- selection -- */

/* Whether all matchers of one label take `value`. */
static bool takes(const GPtrArray *matchers, enum promql_label label, const char *value)
{
	for (guint i = 0; i < matchers->len; i++) {
		struct promql_matcher *m = matchers->pdata[i];
		if (m->label == label && !promql_matcher_matches(m, value)) {
			return false;
		}
	}
	return true;
}

static bool has_label(const GPtrArray *matchers, enum promql_label label)
{
	for (guint i = 0; i < matchers->len; i++) {
		if (((const struct promql_matcher *)matchers->pdata[i])->label == label) {
			return true;
		}
	}
	return false;
}

static size_t select_fields(const struct service *service, const struct promql_selection *s)
{
	char metric[PROMQL_METRIC_MAX];
	bool named = has_label(s->matchers, PROMQL_NAME);
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (field->series_id && (s->visible ? s->visible(s->owner, field) : !field->gone) &&
			takes(s->matchers, PROMQL_FIELD, field->name) &&
			(!named || takes(s->matchers, PROMQL_NAME, promql_metric(field, metric)))) {
			s->found(s->owner, field);
		}
	}
	return service_field_count(service);
}

size_t promql_select(const struct catalog *catalog, const struct promql_selection *s)
{
	const GPtrArray *hosts = catalog_hosts(catalog);
	size_t looked = 0;
	if (!takes(s->matchers, PROMQL_LABELS, "")) {
		return 0;
	}
	for (guint h = 0; h < hosts->len; h++) {
		const struct host *host = hosts->pdata[h];
		looked++;
		if (!takes(s->matchers, PROMQL_HOST, host->name)) {
			continue;
		}
		for (guint i = 0; i < host->services->len; i++) {
			const struct service *service = host->services->pdata[i];
			looked++;
			if (takes(s->matchers, PROMQL_GROUP, service->group) &&
				takes(s->matchers, PROMQL_SERVICE, service->name)) {
				looked += select_fields(service, s);
			}
		}
	}
	return looked * MAX(s->matchers->len, 1);
}
