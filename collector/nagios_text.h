#pragma once
#include "collector/nagios_range.h"
#include "model/service.h"

#include <glib.h>

/*
 * What a Nagios plugin says: the first line for people, more lines, and performance data
 * (Monitoring Plugins Development Guidelines, "Plugin Output for Nagios"). Pure; bytes may be
 * anything. Values come out in base units: seconds, bytes (KB, MB … are powers of 1024, as the
 * plugins that come with Nagios count), percent.
 */
enum {
	NAGIOS_FIELDS_MAX = 500, /* further ones are refused */
	NAGIOS_SUMMARY_MAX = 400,
	NAGIOS_LABEL_MAX = 200,
	NAGIOS_NOTE_MAX = 160,
};

enum nagios_state { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };
const char *nagios_state_name(enum nagios_state state); /* "OK", "WARNING" … */

struct nagios_field {
	char name[IDENT_FIELD_MAX + 1]; /* safe, no other one of this output has it */
	char *label;                    /* clean, as the plugin says it */
	enum field_type type;           /* GAUGE; DERIVE for the unit "c" */
	const char *unit;               /* "s", "B", "%", or "" if it has none or another one */
	char *foreign_unit;             /* such another one, clean; NULL: none */
	double value;                   /* NaN: "U" */
	double factor;                  /* by which all numbers of it were multiplied */
	double least, most;             /* its own limits; NaN: not said */
	struct nagios_range warning, critical;
	bool has_warning, has_critical;
};

void nagios_field_destroy(void *field);

struct nagios_text {
	char *summary;                  /* the first line without performance data, clean */
	GPtrArray *fields;              /* struct nagios_field *, owned, in the order of the output */
	unsigned refused;               /* pieces of performance data that make no sense */
	char note[NAGIOS_NOTE_MAX + 1]; /* the first of them, clean */
};

/* Names in `reserved` (NULL-terminated; NULL: none) are not given to fields. */
void nagios_text_parse(
	struct nagios_text *out, const char *bytes, size_t length, const char *const *reserved);
void nagios_text_finish(struct nagios_text *text);
