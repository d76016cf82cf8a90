#include "collector/openmetrics_text.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

#include "base/banned.h"

/*
 * Sources: prometheus.io/docs/instrumenting/exposition_formats (0.0.4), the OpenMetrics 1.0
 * specification. Both are lines: comments, which may say something of a metric family, and samples
 * `name{label="value",…} value [time] [# exemplar]`.
 *
 * Reading goes once over the text. Labels are only checked here, and decoded by who asks for them
 * (openmetrics_labels_read): a scraper knows nearly all of its series by their text already. The
 * checking pass and the decoding one walk the same grammar, so what passed the first cannot fail
 * the second, but for a label that is there twice.
 */
struct openmetrics {
	enum openmetrics_form form;
	const struct openmetrics_handlers *handlers;
	void *owner;
	struct openmetrics_result *result;
	GHashTable *families;              /* name -> struct openmetrics_family *, owned */
	struct openmetrics_family *family; /* the last one, which the next line is likely of */
	size_t line;
	bool eof, full;
};

/* A piece of a line under work. */
struct cursor {
	const char *at, *end;
};

static const char *const type_names[] = {
	[OPENMETRICS_UNKNOWN] = "unknown",
	[OPENMETRICS_GAUGE] = "gauge",
	[OPENMETRICS_COUNTER] = "counter",
	[OPENMETRICS_HISTOGRAM] = "histogram",
	[OPENMETRICS_GAUGEHISTOGRAM] = "gaugehistogram",
	[OPENMETRICS_SUMMARY] = "summary",
	[OPENMETRICS_STATESET] = "stateset",
	[OPENMETRICS_INFO] = "info",
};

/* What a sample's name may have behind its family's, by type. */
enum { SUFFIXES_MAX = 5 };
static const char *const type_suffixes[OPENMETRICS_TYPES][SUFFIXES_MAX] = {
	[OPENMETRICS_UNKNOWN] = {""},
	[OPENMETRICS_GAUGE] = {""},
	[OPENMETRICS_COUNTER] = {"", "_total", "_created"},
	[OPENMETRICS_HISTOGRAM] = {"_bucket", "_count", "_sum", "_created"},
	[OPENMETRICS_GAUGEHISTOGRAM] = {"_bucket", "_gcount", "_gsum"},
	[OPENMETRICS_SUMMARY] = {"", "_count", "_sum", "_created"},
	[OPENMETRICS_STATESET] = {""},
	[OPENMETRICS_INFO] = {"", "_info"},
};
static const char *const all_suffixes[] = {
	"_total", "_created", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_info"};

static void complain(struct openmetrics *o, const char *format, ...) PRINTF_LIKE(2, 3);
static void complain(struct openmetrics *o, const char *format, ...)
{
	char text[200];
	va_list values;
	if (o->result->complaints++ >= OPENMETRICS_COMPLAINTS_MAX || !o->handlers->complaint) {
		return;
	}
	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	g_autofree char *clean = text_clean(text, strlen(text), sizeof(text));
	o->handlers->complaint(o->owner, o->line, clean);
}

/* -- characters -- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && is_blank(*c->at)) {
		c->at++;
	}
}

/* [A-Za-z_][A-Za-z0-9_]*, with ":" too where `colon`. Length 0: none there. */
static size_t take_name(struct cursor *c, bool colon)
{
	const char *from = c->at;
	while (
		c->at < c->end && (g_ascii_isalpha(*c->at) || *c->at == '_' || (colon && *c->at == ':') ||
							  (c->at > from && g_ascii_isdigit(*c->at)))) {
		c->at++;
	}
	return (size_t)(c->at - from);
}

/* Up to the next blank. */
static size_t take_word(struct cursor *c)
{
	const char *from = c->at;
	while (c->at < c->end && !is_blank(*c->at)) {
		c->at++;
	}
	return (size_t)(c->at - from);
}

/* `text` without the escapes \\ \n and \", clean, appended to nothing: the caller frees it. */
static char *unescape(const char *text, size_t length, size_t limit)
{
	g_autoptr(GString) raw = g_string_sized_new(length);
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (c == '\\' && i + 1 < length && strchr("\\\"n", text[i + 1]) && text[i + 1]) {
			i++;
			c = text[i] == 'n' ? ' ' : text[i];
		}
		g_string_append_c(raw, c);
	}
	return text_clean(raw->str, raw->len, limit);
}

/* -- families -- */

static void family_destroy(gpointer data)
{
	struct openmetrics_family *f = data;
	g_free(f->name);
	g_free(f->help);
	g_free(f->unit);
	g_free(f);
}

/* The family of that name, made if it is not there; NULL: there are too many. */
static struct openmetrics_family *family_named(struct openmetrics *o, const char *name)
{
	if (o->family && !strcmp(o->family->name, name)) {
		return o->family;
	}
	struct openmetrics_family *f = g_hash_table_lookup(o->families, name);
	if (!f && g_hash_table_size(o->families) < OPENMETRICS_FAMILIES_MAX) {
		f = g_new0(struct openmetrics_family, 1);
		f->name = g_strdup(name);
		g_hash_table_insert(o->families, f->name, f);
	}
	o->family = f ? f : o->family;
	return f;
}

/* Whether a sample `name` is one of the family's; `*suffix` is what stands behind. */
static bool family_has(const struct openmetrics_family *f, const char *name, const char **suffix)
{
	size_t length = strlen(f->name);
	if (strncmp(f->name, name, length)) {
		return false;
	}
	for (size_t i = 0; i < SUFFIXES_MAX && type_suffixes[f->type][i]; i++) {
		if (!strcmp(name + length, type_suffixes[f->type][i])) {
			*suffix = name + length;
			return true;
		}
	}
	return false;
}

static const struct openmetrics_family *family_of_sample(
	struct openmetrics *o, const char *name, const char **suffix)
{
	if (o->family && family_has(o->family, name, suffix)) {
		return o->family;
	}
	struct openmetrics_family *f = g_hash_table_lookup(o->families, name);
	size_t length = strlen(name);
	for (size_t i = 0; !f && i < ARRAY_LENGTH(all_suffixes); i++) {
		if (g_str_has_suffix(name, all_suffixes[i])) {
			char base[OPENMETRICS_NAME_MAX + 1];
			text_copy(base, sizeof(base), name);
			base[length - strlen(all_suffixes[i])] = '\0';
			f = g_hash_table_lookup(o->families, base);
			f = f && family_has(f, name, suffix) ? f : NULL;
		}
	}
	if (f && family_has(f, name, suffix)) {
		o->family = f;
		return f;
	}
	*suffix = name + length;
	return f ? f : family_named(o, name);
}

static void read_help(struct openmetrics *o, struct openmetrics_family *f, struct cursor c)
{
	if (f->help) {
		complain(o, "HELP of %s is there twice", f->name);
		return;
	}
	f->help = unescape(c.at, (size_t)(c.end - c.at), OPENMETRICS_HELP_MAX);
}

static void read_type(struct openmetrics *o, struct openmetrics_family *f, struct cursor c)
{
	size_t length = take_word(&c);
	const char *word = c.at - length;
	enum openmetrics_type type = OPENMETRICS_TYPES;
	for (size_t i = 0; i < OPENMETRICS_TYPES; i++) {
		if (strlen(type_names[i]) == length && !g_ascii_strncasecmp(type_names[i], word, length)) {
			type = (enum openmetrics_type)i;
		}
	}
	if (length == strlen("untyped") && !g_ascii_strncasecmp(word, "untyped", length)) {
		type = OPENMETRICS_UNKNOWN;
	}
	if (type == OPENMETRICS_TYPES) {
		complain(o, "TYPE of %s: \"%.*s\" is none", f->name, (int)MIN(length, 40), word);
	} else if (f->type != OPENMETRICS_UNKNOWN && f->type != type) {
		complain(o, "TYPE of %s was said to be %s before", f->name, type_names[f->type]);
	} else {
		f->type = type;
	}
}

static void read_unit(struct openmetrics *o, struct openmetrics_family *f, struct cursor c)
{
	const char *from = c.at;
	while (c.at < c.end && (g_ascii_isalnum(*c.at) || *c.at == '_')) {
		c.at++;
	}
	size_t length = (size_t)(c.at - from);
	if (!length || length > OPENMETRICS_NAME_MAX || c.at < c.end) {
		complain(o, "UNIT of %s is none", f->name);
		return;
	}
	g_free(f->unit);
	f->unit = g_strndup(from, length);
}

/* A line that begins with "#". */
static void read_comment(struct openmetrics *o, struct cursor c)
{
	static const struct {
		const char *word;
		void (*read)(struct openmetrics *o, struct openmetrics_family *f, struct cursor c);
	} rows[] = {{"HELP", read_help}, {"TYPE", read_type}, {"UNIT", read_unit}};
	c.at++;
	skip_blanks(&c);
	size_t length = take_word(&c);
	const char *word = c.at - length;
	if (length == 3 && !memcmp(word, "EOF", 3)) {
		o->eof = true;
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (strlen(rows[i].word) != length || memcmp(rows[i].word, word, length)) {
			continue;
		}
		skip_blanks(&c);
		char name[OPENMETRICS_NAME_MAX + 1];
		size_t named = take_name(&c, true);
		if (!named || named >= sizeof(name) || (c.at < c.end && !is_blank(*c.at))) {
			complain(o, "%s of something that is no name of a metric", rows[i].word);
			return;
		}
		memcpy(name, c.at - named, named);
		name[named] = '\0';
		skip_blanks(&c);
		struct openmetrics_family *f = family_named(o, name);
		if (!f) {
			complain(o, "more than %d metrics; the rest is left out", OPENMETRICS_FAMILIES_MAX);
			o->full = true;
			return;
		}
		rows[i].read(o, f, c);
		return;
	}
}

/* -- samples -- */

/* A label: name, "=", quoted value with escapes. False: it is none. */
static bool take_label(struct cursor *c, struct cursor *name, struct cursor *value)
{
	name->at = c->at;
	if (!take_name(c, false) || c->at - name->at > OPENMETRICS_NAME_MAX) {
		return false;
	}
	name->end = c->at;
	skip_blanks(c);
	if (c->at == c->end || *c->at++ != '=') {
		return false;
	}
	skip_blanks(c);
	if (c->at == c->end || *c->at++ != '"') {
		return false;
	}
	value->at = c->at;
	while (c->at < c->end && *c->at != '"') {
		c->at += *c->at == '\\' && c->at + 1 < c->end ? 2 : 1;
	}
	if (c->at >= c->end) {
		return false;
	}
	value->end = c->at++;
	return true;
}

/*
 * "{…}" if there is one, each label given to `labels` if that is not NULL. Says what is wrong, or
 * NULL.
 */
static const char *take_labels(
	struct cursor *c, void (*each)(void *, struct cursor, struct cursor), void *owner)
{
	if (c->at == c->end || *c->at != '{') {
		return NULL;
	}
	c->at++;
	for (size_t n = 0;; n++) {
		struct cursor name, value;
		skip_blanks(c);
		if (c->at < c->end && *c->at == '}') {
			c->at++;
			return NULL;
		}
		if (n == OPENMETRICS_LABELS_MAX) {
			return "too many labels";
		}
		if (!take_label(c, &name, &value)) {
			return "a label is not of the form name=\"value\"";
		}
		if (each) {
			each(owner, name, value);
		}
		skip_blanks(c);
		if (c->at < c->end && *c->at == ',') {
			c->at++;
		} else if (c->at == c->end || *c->at != '}') {
			return "labels without their end \"}\"";
		}
	}
}

/* A number as Go prints it. NaN and the infinities are values, but none that could be kept. */
static bool read_number(const char *text, size_t length, double *value)
{
	static const char *const unknown[] = {
		"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"};
	for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
		if (strlen(unknown[i]) == length && !g_ascii_strncasecmp(unknown[i], text, length)) {
			*value = NAN;
			return true;
		}
	}
	return !(length == 1 && *text == 'U') && number_parse(text, length, value);
}

/* Milliseconds in 0.0.4, seconds in 1.0. */
static bool read_time(const struct openmetrics *o, const char *text, size_t length, int64_t *at_ms)
{
	double value;
	if (!read_number(text, length, &value) || isnan(value)) {
		return false;
	}
	value *= o->form == OPENMETRICS_STRICT ? 1000 : 1;
	if (fabs(value) > 1e15) {
		return false;
	}
	*at_ms = (int64_t)value;
	return true;
}

/* Value, time and exemplar behind the labels. Says what is wrong, or NULL. */
static const char *read_rest(
	const struct openmetrics *o, struct cursor c, struct openmetrics_sample *sample)
{
	skip_blanks(&c);
	size_t length = take_word(&c);
	if (!length) {
		return "no value";
	}
	if (!read_number(c.at - length, length, &sample->value)) {
		return "the value is no number";
	}
	skip_blanks(&c);
	if (c.at < c.end && *c.at != '#') {
		length = take_word(&c);
		if (!read_time(o, c.at - length, length, &sample->at_ms)) {
			return "the time is no number";
		}
		sample->stamped = true;
		skip_blanks(&c);
	}
	return c.at < c.end && *c.at != '#' ? "there is something behind the value" : NULL;
}

static void read_sample(struct openmetrics *o, struct cursor c)
{
	struct openmetrics_sample sample = {.series = c.at};
	size_t length = take_name(&c, true);
	if (!length || length > OPENMETRICS_NAME_MAX) {
		complain(o, "this is no name of a metric: \"%.*s\"", (int)MIN(c.end - sample.series, 40),
			sample.series);
		return;
	}
	memcpy(sample.name, sample.series, length);
	struct cursor behind = c;
	skip_blanks(&behind);
	if (behind.at < behind.end && *behind.at == '{') {
		c = behind;
	}
	const char *wrong = take_labels(&c, NULL, NULL);
	sample.series_length = (size_t)(c.at - sample.series);
	wrong = wrong ? wrong : read_rest(o, c, &sample);
	if (wrong) {
		complain(o, "%s: %s", sample.name, wrong);
		return;
	}
	sample.family = family_of_sample(o, sample.name, &sample.suffix);
	if (!sample.family || o->result->samples == OPENMETRICS_SAMPLES_MAX) {
		complain(o, "more than %d %s; the rest is left out",
			sample.family ? OPENMETRICS_SAMPLES_MAX : OPENMETRICS_FAMILIES_MAX,
			sample.family ? "samples" : "metrics");
		o->full = true;
		return;
	}
	o->result->samples++;
	o->handlers->sample(o->owner, &sample);
}

static void read_line(struct openmetrics *o, struct cursor c)
{
	if (c.at < c.end && c.end[-1] == '\r') {
		c.end--;
	}
	if (c.end - c.at > OPENMETRICS_LINE_MAX) {
		complain(o, "line of more than %d bytes", OPENMETRICS_LINE_MAX);
		return;
	}
	skip_blanks(&c);
	if (c.at == c.end) {
		return;
	}
	if (o->eof) {
		complain(o, "there is something behind # EOF");
		o->full = true;
	} else if (*c.at == '#') {
		read_comment(o, c);
	} else {
		read_sample(o, c);
	}
}

void openmetrics_read(const char *text, size_t length, enum openmetrics_form form,
	const struct openmetrics_handlers *handlers, void *owner, struct openmetrics_result *result)
{
	struct openmetrics o = {.form = form,
		.handlers = handlers,
		.owner = owner,
		.result = result,
		.families = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, family_destroy)};
	*result = (struct openmetrics_result){0};
	const char *end = text + length;
	bool whole = true;
	while (text < end && !o.full) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		whole = stop != NULL;
		o.line++;
		read_line(&o, (struct cursor){text, stop ? stop : end});
		text = stop ? stop + 1 : end;
	}
	result->complete = form == OPENMETRICS_STRICT ? o.eof : whole;
	g_hash_table_destroy(o.families);
}

/* -- labels of one sample -- */

static void labels_add(void *owner, struct cursor name, struct cursor value)
{
	struct openmetrics_labels *labels = owner;
	g_autofree char *clean =
		unescape(value.at, (size_t)(value.end - value.at), OPENMETRICS_VALUE_MAX);
	g_string_append_len(labels->storage, name.at, name.end - name.at);
	g_string_append_c(labels->storage, '\0');
	g_string_append_len(labels->storage, clean, (gssize)strlen(clean) + 1);
	labels->count++;
}

static int label_compare(const void *a, const void *b)
{
	const struct openmetrics_label *x = a, *y = b;
	return strcmp(x->name, y->name);
}

bool openmetrics_labels_read(
	struct openmetrics_labels *labels, const struct openmetrics_sample *sample)
{
	*labels = (struct openmetrics_labels){.storage = g_string_new(NULL)};
	struct cursor c = {sample->series, sample->series + sample->series_length};
	(void)take_name(&c, true);
	skip_blanks(&c);
	const char *wrong = take_labels(&c, labels_add, labels);
	assert(!wrong);                        /* it was read before */
	const char *at = labels->storage->str; /* which does not move any more */
	for (size_t i = 0; i < labels->count; i++) {
		labels->label[i].name = at;
		at += strlen(at) + 1;
		labels->label[i].value = at;
		at += strlen(at) + 1;
	}
	qsort(labels->label, labels->count, sizeof(labels->label[0]), label_compare);
	for (size_t i = 1; i < labels->count; i++) {
		if (!strcmp(labels->label[i - 1].name, labels->label[i].name)) {
			labels->count = 0;
			return false;
		}
	}
	return true;
}

void openmetrics_labels_finish(struct openmetrics_labels *labels)
{
	if (labels->storage) {
		g_string_free(labels->storage, TRUE);
	}
	*labels = (struct openmetrics_labels){0};
}

const char *openmetrics_labels_find(const struct openmetrics_labels *labels, const char *name)
{
	for (size_t i = 0; i < labels->count; i++) {
		if (!strcmp(labels->label[i].name, name)) {
			return labels->label[i].value;
		}
	}
	return NULL;
}
