#pragma once
#include "base/error.h"
#include "model/config_hosts.h"

/*
 * What to do about a source that fails: advice for people, from one table (hints.def), for `magpie
 * doctor` and for the page "Sources".
 */

/* The first row that fits a source of that kind and its error; never NULL, "" if no row fits. */
const char *hint_for(enum config_source_kind kind, const struct error *error);

/* The same where only the text of the error is at hand and the source's kind by its name. */
const char *hint_for_text(const char *kind_name, const char *text);
