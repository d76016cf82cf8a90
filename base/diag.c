/*
 * Complaints about texts. A parser that knows a place and a reason calls diag_add(); what remains
 * to be done lies here: what is shown of the source line is copied at once, repeats are dropped,
 * the number is bounded, and all is printed in the order of files and places.
 *
 * Errors and warnings have a bound of their own, so that a hundred warnings in the first file do
 * not hide the error in the last one; what is shown is at most DIAG_MOST, errors first to be kept.
 */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/* Characters of a long line that are shown around the caret; a line is kept as far around it as
 * that needs, so that a hundred complaints about one line of a megabyte stay small. */
enum { LINE_SHOWN = 160, LINE_KEPT = 2 * LINE_SHOWN };

struct diag_list {
	GPtrArray *kept;   /* struct diag * */
	GHashTable *files; /* name -> order + 1 */
	GHashTable *seen;  /* "file:line:column:code", to drop repeats */
	struct diag *scratch;
	size_t counts[2]; /* ever added, by severity */
	size_t stored[2];
	size_t mark; /* errors, repeats included */
	bool sorted;
};

static void fix_destroy(void *p)
{
	struct diag_fix *fix = p;
	g_free(fix->text);
	g_free(fix);
}

static void diag_destroy(void *p)
{
	struct diag *d = p;
	if (!d) {
		return;
	}
	g_free(d->file);
	g_free(d->message);
	g_free(d->line);
	g_ptr_array_unref(d->notes);
	g_ptr_array_unref(d->fixes);
	g_free(d);
}

struct diag_list *diag_list_create(void)
{
	struct diag_list *list = g_new0(struct diag_list, 1);
	list->kept = g_ptr_array_new_with_free_func(diag_destroy);
	list->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	list->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	list->sorted = true;
	return list;
}

void diag_list_destroy(struct diag_list *list)
{
	if (!list) {
		return;
	}
	g_ptr_array_unref(list->kept);
	g_hash_table_unref(list->files);
	g_hash_table_unref(list->seen);
	diag_destroy(list->scratch);
	g_free(list);
}

static unsigned file_order(struct diag_list *list, const char *name)
{
	unsigned order = GPOINTER_TO_UINT(g_hash_table_lookup(list->files, name));
	if (!order) {
		order = g_hash_table_size(list->files) + 1;
		g_hash_table_insert(list->files, g_strdup(name), GUINT_TO_POINTER(order));
	}
	return order - 1;
}

void diag_list_file(struct diag_list *list, const char *name)
{
	(void)file_order(list, name);
}

/* Where line `number` begins and how long it is; NULL if the file ends before it. */
static const char *find_line(const struct diag_source *source, unsigned number, size_t *length)
{
	if (!source->text || !number) {
		return NULL;
	}
	const char *at = source->text;
	const char *end = at + source->length;
	if (source->length >= 3 && !memcmp(at, "\xef\xbb\xbf", 3)) {
		at += 3;
	}
	for (unsigned line = 1; line < number; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at) {
			return NULL;
		}
		at++;
	}
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	*length = (size_t)((stop ? stop : end) - at);
	if (*length && at[*length - 1] == '\r') {
		--*length;
	}
	return at;
}

/* Bytes of the first `count` characters; a byte that is none of UTF-8 counts as one. */
static size_t characters_length(const char *text, size_t length, unsigned *count)
{
	size_t at = 0;
	unsigned passed = 0;
	for (; at < length && passed < *count; passed++) {
		size_t n = text_utf8_length(text + at, length - at);
		at += n ? n : 1;
	}
	*count = passed;
	return at;
}

/* Keeps of the source line what will be shown. */
static void keep_line(struct diag *d, const struct diag_source *source)
{
	size_t length = 0;
	const char *line = find_line(source, d->place.line, &length);
	if (!line) {
		return;
	}
	d->line_from = d->place.column > LINE_SHOWN ? d->place.column - LINE_SHOWN : 0;
	size_t skipped = characters_length(line, length, &d->line_from);
	unsigned most = LINE_KEPT;
	size_t kept = characters_length(line + skipped, length - skipped, &most);
	d->line = text_clean(line + skipped, kept, (size_t)LINE_KEPT * 4);
}

static struct diag *diag_create(struct diag_place place, enum diag_severity severity)
{
	struct diag *d = g_new0(struct diag, 1);
	d->place = place;
	d->severity = severity;
	d->notes = g_ptr_array_new_with_free_func(g_free);
	d->fixes = g_ptr_array_new_with_free_func(fix_destroy);
	return d;
}

/* An entry that nobody will read, for a complaint that is not kept. */
static struct diag *spare(
	struct diag_list *list, struct diag_place place, enum diag_severity severity)
{
	if (!list->scratch) {
		list->scratch = diag_create(place, severity);
	}
	list->scratch->place = place;
	list->scratch->severity = severity;
	g_ptr_array_set_size(list->scratch->notes, 0);
	g_ptr_array_set_size(list->scratch->fixes, 0);
	return list->scratch;
}

struct diag *diag_add(struct diag_list *list, const struct diag_source *source,
	struct diag_place place, enum diag_severity severity, const char *code, const char *format, ...)
{
	unsigned order = file_order(list, source->name);
	char key[64];
	(void)snprintf(key, sizeof(key), "%u:%u:%u:%.7s", order, place.line, place.column, code);
	bool repeat = g_hash_table_contains(list->seen, key);
	list->counts[severity] += !repeat;
	list->mark += severity == DIAG_ERROR;
	if (repeat || list->stored[severity] >= DIAG_MOST) {
		return spare(list, place, severity);
	}
	struct diag *d = diag_create(place, severity);
	d->file = text_clean(source->name, strlen(source->name), 4096);
	d->order = order;
	(void)text_copy(d->code, sizeof(d->code), code);
	va_list args;
	va_start(args, format);
	char *message = g_strdup_vprintf(format, args);
	va_end(args);
	d->message = text_clean(message, strlen(message), 2048);
	g_free(message);
	keep_line(d, source);
	g_hash_table_add(list->seen, g_strdup(key));
	g_ptr_array_add(list->kept, d);
	list->stored[severity]++;
	list->sorted = false;
	return d;
}

void diag_note(struct diag *diag, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *note = g_strdup_vprintf(format, args);
	va_end(args);
	g_ptr_array_add(diag->notes, text_clean(note, strlen(note), 2048));
	g_free(note);
}

void diag_fix(struct diag *diag, struct diag_place place, const char *text)
{
	struct diag_fix *fix = g_new0(struct diag_fix, 1);
	fix->place = place;
	fix->text = text_clean(text, strlen(text), 2048);
	g_ptr_array_add(diag->fixes, fix);
}

void diag_suggest(struct diag *diag, struct diag_place place, const char *text)
{
	diag_fix(diag, place, text);
	diag_note(diag, "did you mean \"%s\"?", text);
}

size_t diag_errors(const struct diag_list *list)
{
	return list->counts[DIAG_ERROR];
}

size_t diag_warnings(const struct diag_list *list)
{
	return list->counts[DIAG_WARNING];
}

size_t diag_mark(const struct diag_list *list)
{
	return list->mark;
}

static int compare(const void *a, const void *b)
{
	const struct diag *x = *(struct diag *const *)a;
	const struct diag *y = *(struct diag *const *)b;
	if (x->order != y->order) {
		return x->order < y->order ? -1 : 1;
	}
	if (x->place.line != y->place.line) {
		return x->place.line < y->place.line ? -1 : 1;
	}
	if (x->place.column != y->place.column) {
		return x->place.column < y->place.column ? -1 : 1;
	}
	if (x->severity != y->severity) {
		return x->severity < y->severity ? -1 : 1;
	}
	return strcmp(x->code, y->code);
}

/* Sorts, and lets go of the last warnings beyond the bound. */
static void settle(struct diag_list *list)
{
	if (list->sorted) {
		return;
	}
	g_ptr_array_sort(list->kept, compare);
	for (unsigned i = list->kept->len; i-- > 0 && list->kept->len > DIAG_MOST;) {
		const struct diag *d = g_ptr_array_index(list->kept, i);
		if (d->severity == DIAG_WARNING) {
			g_ptr_array_remove_index(list->kept, i);
			list->stored[DIAG_WARNING]--;
		}
	}
	list->sorted = true;
}

size_t diag_count(struct diag_list *list)
{
	settle(list);
	return list->kept->len;
}

const struct diag *diag_at(struct diag_list *list, size_t index)
{
	settle(list);
	return g_ptr_array_index(list->kept, index);
}

static const char *severity_name(enum diag_severity severity)
{
	return severity == DIAG_ERROR ? "error" : "warning";
}

/* Appends characters [from, to) of `line` (counted from 0); with `blank` as blanks, tabs stay. */
static void append_characters(GString *out, const char *line, long from, long to, bool blank)
{
	long at = 0;
	for (const char *p = line; *p && at < to; p = g_utf8_next_char(p), at++) {
		if (at < from) {
			continue;
		}
		if (blank) {
			g_string_append_c(out, *p == '\t' ? '\t' : ' ');
		} else {
			g_string_append_len(out, p, g_utf8_next_char(p) - p);
		}
	}
	for (; blank && at < to; at++) {
		g_string_append_c(out, ' ');
	}
}

static void print_source(const struct diag *d, GString *out)
{
	long skipped = (long)d->line_from;
	long length = skipped + g_utf8_strlen(d->line, -1);
	long first = (long)d->place.column - 1;
	long from = 0;
	if (length > LINE_SHOWN && first > LINE_SHOWN / 2) {
		from = first - LINE_SHOWN / 2;
	}
	long to = MIN(length, from + LINE_SHOWN);
	char number[16];
	(void)snprintf(number, sizeof(number), "%u", d->place.line);
	int width = MAX(3, (int)strlen(number) + 2);
	g_string_append_printf(out, "%*s | %s", width, number, from ? "…" : "");
	append_characters(out, d->line, from - skipped, to - skipped, false);
	g_string_append(out, to < length ? "…\n" : "\n");

	GString *indent = g_string_new(NULL);
	g_string_append_printf(indent, "%*s | %s", width, "", from ? " " : "");
	append_characters(indent, d->line, from - skipped, first - skipped, true);
	long carets = MAX(1, (long)d->place.end_column - (long)d->place.column);
	carets = MIN(carets, MAX(1, to - first));
	g_string_append(out, indent->str);
	for (long i = 0; i < carets; i++) {
		g_string_append_c(out, '^');
	}
	for (unsigned i = 0; i < d->notes->len; i++) {
		if (i) {
			g_string_append_printf(out, "\n%s", indent->str);
		} else {
			g_string_append_c(out, ' ');
		}
		g_string_append(out, g_ptr_array_index(d->notes, i));
	}
	g_string_append_c(out, '\n');
	g_string_free(indent, TRUE);
}

static void print_human(const struct diag *d, GString *out)
{
	g_string_append_printf(out, "%s:%u:%u: %s[%s]: %s\n", d->file, d->place.line, d->place.column,
		severity_name(d->severity), d->code, d->message);
	if (d->line) {
		print_source(d, out);
		return;
	}
	for (unsigned i = 0; i < d->notes->len; i++) {
		g_string_append_printf(out, "    | %s\n", (char *)g_ptr_array_index(d->notes, i));
	}
}

static void print_gcc(const struct diag *d, GString *out)
{
	g_string_append_printf(out, "%s:%u:%u: %s: %s [%s]\n", d->file, d->place.line, d->place.column,
		severity_name(d->severity), d->message, d->code);
	for (unsigned i = 0; i < d->notes->len; i++) {
		g_string_append_printf(out, "%s:%u:%u: note: %s\n", d->file, d->place.line, d->place.column,
			(char *)g_ptr_array_index(d->notes, i));
	}
}

/* A JSON text (RFC 8259, section 7); `text` is clean UTF-8, so that TAB is its only control. */
static void append_json(GString *out, const char *text)
{
	g_string_append_c(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\') {
			g_string_append_c(out, '\\');
			g_string_append_c(out, *text);
		} else if ((unsigned char)*text < 0x20) {
			g_string_append_printf(out, "\\u%04x", (unsigned)(unsigned char)*text);
		} else {
			g_string_append_c(out, *text);
		}
	}
	g_string_append_c(out, '"');
}

static void append_place(GString *out, struct diag_place place)
{
	g_string_append_printf(out, "\"line\":%u,\"column\":%u,\"end_column\":%u", place.line,
		place.column, place.end_column);
}

static void print_json(const struct diag *d, GString *out)
{
	g_string_append(out, "{\"file\":");
	append_json(out, d->file);
	g_string_append_c(out, ',');
	append_place(out, d->place);
	g_string_append_printf(out, ",\"severity\":\"%s\",\"code\":", severity_name(d->severity));
	append_json(out, d->code);
	g_string_append(out, ",\"message\":");
	append_json(out, d->message);
	g_string_append(out, ",\"notes\":[");
	for (unsigned i = 0; i < d->notes->len; i++) {
		g_string_append(out, i ? "," : "");
		append_json(out, g_ptr_array_index(d->notes, i));
	}
	g_string_append(out, "],\"fixes\":[");
	for (unsigned i = 0; i < d->fixes->len; i++) {
		const struct diag_fix *fix = g_ptr_array_index(d->fixes, i);
		g_string_append(out, i ? ",{" : "{");
		append_place(out, fix->place);
		g_string_append(out, ",\"text\":");
		append_json(out, fix->text);
		g_string_append_c(out, '}');
	}
	g_string_append(out, "]}");
}

void diag_print(struct diag_list *list, enum diag_format format, GString *out)
{
	size_t count = diag_count(list);
	if (format == DIAG_JSON) {
		g_string_append(out, "{\"diagnostics\":[");
	}
	for (size_t i = 0; i < count; i++) {
		const struct diag *d = diag_at(list, i);
		switch (format) {
		case DIAG_HUMAN: print_human(d, out); break;
		case DIAG_GCC: print_gcc(d, out); break;
		case DIAG_JSON:
			g_string_append(out, i ? "," : "");
			print_json(d, out);
			break;
		}
	}
	if (format == DIAG_JSON) {
		g_string_append(out, "]}\n");
		return;
	}
	size_t all = list->counts[DIAG_ERROR] + list->counts[DIAG_WARNING];
	if (format == DIAG_HUMAN && all > count) {
		g_string_append_printf(out, "and %zu more\n", all - count);
	}
}

bool diag_format_parse(const char *name, enum diag_format *format)
{
	static const char *const names[] = {
		[DIAG_HUMAN] = "human", [DIAG_GCC] = "gcc", [DIAG_JSON] = "json"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (!strcmp(name, names[i])) {
			*format = (enum diag_format)i;
			return true;
		}
	}
	return false;
}

int diag_exit_code(const struct diag_list *list, bool strict)
{
	if (list->counts[DIAG_ERROR]) {
		return 1;
	}
	return strict && list->counts[DIAG_WARNING] ? 2 : 0;
}
