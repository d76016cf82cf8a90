#pragma once
#include "magpie/import_write.h"

/*
 * What the parts of import_write share: one run of it.
 */
struct import_run {
	struct import_conf *conf;
	const struct import_options *options;
	struct import_report *report;
	GString *out;
	GHashTable *services; /* "host\nservice" of the datafile */
	bool globals_told;    /* what is wrong with settings that hold for all */
};

/* Appends `text` in quotes, with what the lexer of magpie.conf wants escaped. */
void import_quote(GString *out, const char *text);

/* Appends `depth` tabs. */
void import_indent(GString *out, unsigned depth);

/* "Grp/Sub/host" or "Grp/Sub", for people; g_free. */
char *import_subject(const struct import_section *section);

/* "yes", "true", "on", "1" and their opposites, in any case; false: none of them. */
bool import_flag(const char *text, bool *flag);

/* Whether it is a keyword of Munin's that is no attribute of graphs or fields. */
bool import_key_known(const char *key);

/* import_override.c: the override and graph blocks of a host or group; how many graphs it draws. */
unsigned import_overrides(
	struct import_run *run, const struct import_section *section, unsigned depth);

/* Whether anything of a group has to be written at all. */
bool import_has_overrides(const struct import_section *section);

/* import_contact.c: smtp, channel and notify. */
void import_contacts(struct import_run *run);
