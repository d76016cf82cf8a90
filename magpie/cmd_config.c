#include "base/attr.h"
#include "base/diag.h"
#include "magpie/command.h"
#include "magpie/options.h"
#include "model/config_files.h"
#include "rules/configuration.h"

#include <stdio.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * `magpie config check`: what a start or a reload would say about the files, without a running
 * Magpie: the same reading, the same checks, every complaint in one run.
 */
static const char default_path[] = "/etc/magpie/magpie.conf";

static void append_count(GString *out, size_t count, const char *what)
{
	g_string_append_printf(out, "%zu %s%s, ", count, what, count == 1 ? "" : "s");
}

static void config_summary(const struct bundle *bundle, const struct configuration *configuration,
	const struct diag_list *diags, const char *path)
{
	const struct config *config = configuration->config;
	GString *out = g_string_new(NULL);
	size_t sources = 0;
	for (guint i = 0; i < config->hosts->len; i++) {
		sources += ((const struct config_host *)config->hosts->pdata[i])->sources->len;
	}
	append_count(out, bundle_count(bundle), "file");
	append_count(out, config->hosts->len, "host");
	append_count(out, sources, "source");
	append_count(out, config->channels->len, "channel");
	append_count(out, config->actions->len, "action");
	append_count(out, ruleset_rule_count(configuration->ruleset), "rule");
	append_count(out, diag_warnings(diags), "warning");
	printf("%s: %sno error\n", path ? path : "embedded defaults", out->str);
	g_string_free(out, TRUE);
}

static int config_report(
	const struct bundle *bundle, const char *path, enum diag_format format, bool strict)
{
	AUTO(diag_list) diags = diag_list_create();
	struct configuration configuration = {0};
	bool good = configuration_load(bundle, &configuration, diags);
	GString *out = g_string_new(NULL);
	diag_print(diags, format, out);
	fwrite(out->str, 1, out->len, stdout);
	g_string_free(out, TRUE);
	if (good) {
		if (format == DIAG_HUMAN) {
			config_summary(bundle, &configuration, diags, path);
		}
		configuration_finish(&configuration);
	}
	return good ? diag_exit_code(diags, strict) : COMMAND_FAILED;
}

int cmd_config_check(int argc, char **argv)
{
	const char *path = NULL;
	const char *format_name = "human";
	enum diag_format format;
	bool strict = false;
	const struct option_row rows[] = {
		{"config", "FILE", "the configuration (default: /etc/magpie/magpie.conf if it is there)",
			&path, NULL},
		{"format", "human|gcc|json", "form of the complaints (default: human)", &format_name, NULL},
		{"strict", NULL, "warnings make the command fail as well", NULL, &strict},
	};
	const struct options options = {.command = "config check",
		.operands = "",
		.about =
			"Reads magpie.conf and the rule files and tells everything that is wrong with them.\n"
			"Exit code: 0 fine, 1 errors, 2 wrong usage, or warnings with --strict.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!diag_format_parse(format_name, &format)) {
		fprintf(stderr, "magpie config check: --format takes human, gcc or json, not \"%s\"\n",
			format_name);
		return COMMAND_USAGE;
	}
	if (!path && access(default_path, F_OK) == 0) {
		path = default_path;
	}
	struct error err = {.kind = ERR_NONE};
	AUTO(bundle) bundle = config_files_read(path, &err);
	if (!bundle) {
		fprintf(stderr, "magpie config check: %s\n", err.text);
		return COMMAND_FAILED;
	}
	return config_report(bundle, path, format, strict);
}
