/*
 * What plugin-conf.d and munin-node.conf have in common. Text is taken as bytes: a value may be in
 * any encoding, since it is handed on to plugins; only what is printed is cleaned.
 */
#include "collector/munin/conf_line.h"
#include "base/text.h"

#include <string.h>

#include "base/banned.h"

void conf_lines_init(
	struct conf_lines *lines, const struct diag_source *source, struct diag_list *diags)
{
	*lines = (struct conf_lines){.source = source, .diags = diags};
}

static struct diag_place conf_lines_place(const struct conf_lines *lines)
{
	size_t length = strlen(lines->text);
	return (struct diag_place){lines->number, lines->column, lines->column + (unsigned)length};
}

static void PRINTF_LIKE(4, 0) conf_lines_complain(const struct conf_lines *lines,
	enum diag_severity severity, const char *code, const char *format, va_list arguments)
{
	g_autofree char *raw = g_strdup_vprintf(format, arguments);
	g_autofree char *clean = text_clean(raw, strlen(raw), 400);
	diag_add(lines->diags, lines->source, conf_lines_place(lines), severity, code, "%s", clean);
}

void conf_lines_error(const struct conf_lines *lines, const char *code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	conf_lines_complain(lines, DIAG_ERROR, code, format, arguments);
	va_end(arguments);
}

void conf_lines_warning(const struct conf_lines *lines, const char *code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	conf_lines_complain(lines, DIAG_WARNING, code, format, arguments);
	va_end(arguments);
}

/* Removes the comment, turns "\#" into "#". */
static void conf_lines_strip(char *text)
{
	char *to = text;
	for (const char *from = text; *from && *from != '#'; from++) {
		if (from[0] == '\\' && from[1] == '#') {
			from++;
		}
		*to++ = *from;
	}
	*to = '\0';
}

/* Takes `length` raw bytes as the line at hand. False: nothing in it that counts. */
static bool conf_lines_take(struct conf_lines *lines, const char *raw, size_t length)
{
	lines->text[0] = '\0';
	lines->column = 1;
	if (length > CONF_LINE_MAX || memchr(raw, '\0', length)) {
		conf_lines_error(
			lines, "N101", "a line may have at most %d bytes and no NUL", (int)CONF_LINE_MAX);
		return false;
	}
	memcpy(lines->text, raw, length);
	lines->text[length] = '\0';
	conf_lines_strip(lines->text);
	size_t blank = strspn(lines->text, " \t\r\f\v");
	memmove(lines->text, lines->text + blank, strlen(lines->text) - blank + 1);
	lines->column = (unsigned)blank + 1;
	g_strchomp(lines->text);
	return lines->text[0] != '\0';
}

bool conf_lines_next(struct conf_lines *lines)
{
	const struct diag_source *source = lines->source;
	while (lines->at < source->length) {
		const char *begin = source->text + lines->at;
		const char *end = memchr(begin, '\n', source->length - lines->at);
		size_t length = end ? (size_t)(end - begin) : source->length - lines->at;
		lines->at += length + 1;
		lines->number++;
		if (conf_lines_take(lines, begin, length)) {
			return true;
		}
	}
	return false;
}

bool conf_lines_split(struct conf_lines *lines, char **word, char **value)
{
	size_t length = 0;
	while (g_ascii_isalnum(lines->text[length]) || lines->text[length] == '_' ||
		   lines->text[length] == '.') {
		length++;
	}
	size_t blank = strspn(lines->text + length, " \t");
	if (!length || !blank || !lines->text[length + blank]) {
		return false;
	}
	lines->text[length] = '\0';
	*word = lines->text;
	*value = lines->text + length + blank;
	return true;
}
