/*
 * The account of an import, and the words that its parts share.
 */
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "magpie/import_own.h"

#include "base/banned.h"

/* -- the report -- */

static void note_free(gpointer data)
{
	struct import_note *note = data;
	g_free(note->subject);
	g_free(note->text);
	g_free(note);
}

void import_report_init(struct import_report *report)
{
	*report = (struct import_report){.notes = g_ptr_array_new_with_free_func(note_free)};
}

void import_report_finish(struct import_report *report)
{
	g_ptr_array_unref(report->notes);
}

void import_note(struct import_report *report, enum import_note_kind kind, const char *subject,
	const struct import_setting *setting, const char *format, ...)
{
	struct import_note *note = g_new0(struct import_note, 1);
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	note->kind = kind;
	note->file = setting ? setting->file : NULL;
	note->line = setting ? setting->line : 0;
	note->subject = text_clean(subject, strlen(subject), 300);
	note->text = text_clean(text, strlen(text), 600);
	g_ptr_array_add(report->notes, note);
}

/* -- words -- */

void import_quote(GString *out, const char *text)
{
	g_string_append_c(out, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\') {
			g_string_append_c(out, '\\');
		}
		if (*p == '\n' || *p == '\t') {
			g_string_append(out, *p == '\n' ? "\\n" : "\\t");
		} else {
			g_string_append_c(out, *p);
		}
	}
	g_string_append_c(out, '"');
}

void import_indent(GString *out, unsigned depth)
{
	while (depth--) {
		g_string_append_c(out, '\t');
	}
}

char *import_subject(const struct import_section *section)
{
	g_autofree char *group = g_strdelimit(g_strdup(section->group), ";", '/');
	return section->host ? g_strconcat(group, "/", section->host, NULL) : STEAL(group);
}

bool import_flag(const char *text, bool *flag)
{
	static const char *const words[] = {
		"no", "yes", "false", "true", "off", "on", "0", "1", "n", "y"};
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (!g_ascii_strcasecmp(words[i], text)) {
			*flag = i % 2;
			return true;
		}
	}
	return false;
}
