/*
 * The table, and the search in it. Where the kind of an error is not known any more, the words that
 * our own texts use for it stand in.
 */
#include "model/hint.h"

#include <string.h>

#include <glib.h>

#include "base/text.h"

#include "base/banned.h"

enum {
	NODES = 1 << CONFIG_SOURCE_NODE | 1 << CONFIG_SOURCE_PUSH,
	PUSHES = 1 << CONFIG_SOURCE_PUSH,
	EXPORTERS = 1 << CONFIG_SOURCE_EXPORTER,
	PLUGINS = 1 << CONFIG_SOURCE_PLUGIN,
	CHECKS = 1 << CONFIG_SOURCE_CHECK,
	ALL = (1 << CONFIG_SOURCE_KINDS) - 1,
};
enum { ERR_ANY = -1 };

static const struct hint {
	int sources, kind;
	const char *text, *advice;
} hints[] = {
#define HINT(sources, kind, text, advice) {sources, ERR_##kind, text, advice},
#include "model/hints.def"
#undef HINT
};

static const struct {
	const char *words;
	enum error_kind kind;
} spoken[] = {
	{"* within *", ERR_TIMEOUT},
	{"*no host named*", ERR_NOT_FOUND},
	{"*magpie.conf*", ERR_CONFIG},
	{"*refuses*", ERR_DENIED},
};

const char *hint_for(enum config_source_kind kind, const struct error *error)
{
	g_autofree char *text = g_ascii_strdown(error->text, -1);
	for (size_t i = 0; i < ARRAY_LENGTH(hints); i++) {
		if (hints[i].sources & 1 << kind &&
			(hints[i].kind == ERR_ANY || hints[i].kind == (int)error->kind) &&
			text_glob(hints[i].text, text)) {
			return hints[i].advice;
		}
	}
	return ""; /* not reached: the last row fits all */
}

const char *hint_for_text(const char *kind_name, const char *text)
{
	struct error error = {.kind = ERR_UNREACHABLE};
	unsigned kind = 0;
	while (kind < CONFIG_SOURCE_KINDS &&
		   strcmp(kind_name, config_source_kind_name((enum config_source_kind)kind)) != 0) {
		kind++;
	}
	text_copy(error.text, sizeof(error.text), text);
	for (size_t i = 0; i < ARRAY_LENGTH(spoken); i++) {
		if (text_glob(spoken[i].words, text)) {
			error.kind = spoken[i].kind;
			break;
		}
	}
	return kind < CONFIG_SOURCE_KINDS ? hint_for((enum config_source_kind)kind, &error) : "";
}
