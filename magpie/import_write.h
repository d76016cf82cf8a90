#pragma once
#include "magpie/import_conf.h"
#include "model/munin_datafile.h"

/*
 * A munin.conf as a magpie.conf, and what could not be taken over or is another now. Pure.
 */
enum import_note_kind {
	IMPORT_LOST,    /* a host is not watched */
	IMPORT_DROPPED, /* something that was said has no place in Magpie */
	IMPORT_CHANGED, /* it is kept, but means something else, or has another name */
};

struct import_note {
	enum import_note_kind kind;
	const char *file; /* the conf's; NULL: of no line */
	unsigned line;
	char *subject; /* "Grp/host", "contact ops"; "": the whole */
	char *text;
};

struct import_report {
	GPtrArray *notes; /* struct import_note *, owned, in the order of the files */
	unsigned asked, drawn, unasked,
		lost; /* hosts: with a node, with graphs only, not asked, lost */
	unsigned overrides, graphs, channels;
};

struct import_options {
	const char *origin;                    /* munin.conf's path, for the first comment */
	const char *directory;                 /* of the RRD tree; absolute */
	const struct munin_datafile *datafile; /* NULL: there is none */
};

void import_report_init(struct import_report *report);
void import_report_finish(struct import_report *report);

void import_note(struct import_report *report, enum import_note_kind kind, const char *subject,
	const struct import_setting *setting, const char *format, ...) PRINTF_LIKE(5, 6);

/* The text; it passes `magpie config check`: what does not is a note. Also marks hosts as lost. */
char *import_write(
	struct import_conf *conf, const struct import_options *options, struct import_report *report);
