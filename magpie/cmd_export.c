#include "base/attr.h"
#include "base/httpclient.h"
#include "magpie/client.h"
#include "magpie/command.h"
#include "magpie/options.h"
#include "magpie/output.h"
#include "magpie/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * `magpie export WHAT…`: values of any series over any span, as the server writes them
 * (web/api_export.c), into a file that is whole or not there.
 */
struct export
{
	struct client client;
	const char *format, *file, *from, *to, *step, *cf, *layout, *files;
	bool graphed, quiet;
	struct output *output; /* opened when the answer begins */
	struct progress *progress;
	uint64_t done;
	struct error failure; /* of the output */
};

static const char *const export_formats[] = {"csv", "tsv", "json", "xml", "tar.gz"};

/* What was said, else what the file's ending says, else CSV. NULL: there is no such format. */
static const char *export_format(const struct export *export)
{
	for (size_t i = 0; i < ARRAY_LENGTH(export_formats); i++) {
		g_autofree char *ending = g_strconcat(".", export_formats[i], NULL);
		if (export->format ? !strcmp(export->format, export_formats[i])
						   : export->file && g_str_has_suffix(export->file, ending)) {
			return export_formats[i];
		}
	}
	return export->format ? NULL : "csv";
}

/* `group`: what is named is one. */
static char *export_path(
	const struct export *export, const char *format, const char *what, bool group)
{
	g_autofree char *name = g_strdup(what);
	size_t length = strlen(name);
	while (group && length && name[length - 1] == '/') {
		name[--length] = '\0';
	}
	GString *path = g_string_new("/api/v1/export.");
	g_string_append(path, format);
	client_add_query(path, group ? "group" : "match", name);
	client_add_query(path, "from", export->from);
	client_add_query(path, "to", export->to);
	client_add_query(path, "step", export->step);
	client_add_query(path, "cf", export->cf);
	client_add_query(path, "layout", export->layout);
	client_add_query(path, "files", export->files);
	client_add_query(path, "graphed", export->graphed ? "1" : NULL);
	return g_string_free(path, FALSE);
}

static bool export_take(void *owner, const char *bytes, size_t length, uint64_t expected)
{
	struct export *export = owner;
	if (!export->output) {
		export->output = output_open(export->file, &export->failure);
	}
	if (!export->output || !output_write(export->output, bytes, length, &export->failure)) {
		return false;
	}
	export->done += length;
	/* the server estimates: while something comes, something is left */
	progress_step(export->progress, export->done,
		expected && export->done >= expected ? export->done + export->done / 100 + 1 : expected,
		NULL);
	return true;
}

static bool export_ask(
	struct export *export, const char *format, const char *what, bool group, struct error *err)
{
	struct httpclient_sink sink = {.take = export_take, .owner = export};
	g_autofree char *path = export_path(export, format, what, group);
	*err = (struct error){0};
	if (client_stream(&export->client, path, &sink, err)) {
		return true;
	}
	if (export->failure.kind != ERR_NONE) {
		*err = export->failure;
	}
	return false;
}

/* A name without ":" and "/" may be a host or, if there is none, a group. */
static bool export_fetch(
	struct export *export, const char *format, const char *what, struct error *err)
{
	struct error second;
	if (strchr(what, '/')) {
		return export_ask(export, format, what, true, err);
	}
	if (export_ask(export, format, what, false, err)) {
		return true;
	}
	if (err->kind != ERR_NOT_FOUND || strpbrk(what, ":*?,")) {
		return false;
	}
	return export_ask(export, format, what, true, &second);
}

static int export_run(struct export *export, const char *format, const char *what)
{
	struct error err;
	bool shown = export->file && strcmp(export->file, "-");
	signal(SIGPIPE, SIG_IGN);
	export->progress = progress_create(&(struct progress_options){
		.what = "export", .quiet = export->quiet || (!shown && isatty(STDOUT_FILENO))});
	bool good = export_fetch(export, format, what, &err) &&
				(!export->output || output_commit(export->output, &err));
	progress_destroy(export->progress);
	output_destroy(export->output);
	return good ? COMMAND_DONE : client_failed("export", &err);
}

/* SELECTOR… is one list for the server. */
static char *export_what(int count, char **words)
{
	GString *what = g_string_new(NULL);
	for (int i = 0; i < count; i++) {
		g_string_append_printf(what, "%s%s", i ? "," : "", words[i]);
	}
	return g_string_free(what, FALSE);
}

static int export_with(
	const struct option_row *rows, size_t count, struct export *export, int argc, char **argv)
{
	const struct options options = {.command = "export",
		.operands = "SELECTOR|HOST|GROUP/…",
		.about = "Writes the values of all series that are named, for example:\n"
				 "  magpie export 'web*:cpu:*' --from -1w -o cpu.csv\n"
				 "  magpie export web1 -o web1.tar.gz     all that is kept of a host\n"
				 "  magpie export Shop/Front/ --layout long --format tsv",
		.rows = rows,
		.row_count = count,
		.least_operands = 1,
		.most_operands = 100};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	const char *format = export_format(export);
	if (!format) {
		fprintf(stderr, "magpie export: --format takes csv|tsv|json|xml|tar.gz, not \"%s\"\n",
			export->format);
		return COMMAND_USAGE;
	}
	g_autofree char *what = export_what(operands, argv);
	return export_run(export, format, what);
}

int cmd_export(int argc, char **argv)
{
	struct export e = {.client = {0}};
	const struct option_row rows[] = {
		{"format", "csv|tsv|json|xml|tar.gz", "form of the output (default: as FILE ends, or csv)",
			&e.format, NULL},
		{"o", "FILE", "where to; it is there when it is whole (default: stdout)", &e.file, NULL},
		{"from", "TIME", "begin: -1d, 2026-11-20T03:00:00Z, epoch seconds (default: -1d)", &e.from,
			NULL},
		{"to", "TIME", "end (default: now)", &e.to, NULL},
		{"step", "SECONDS", "seconds per row (default: the finest kept since --from)", &e.step,
			NULL},
		{"cf", "average|min|max|all", "how rows are consolidated (default: average)", &e.cf, NULL},
		{"layout", "wide|long", "a column per series, or a row per value (default: wide)",
			&e.layout, NULL},
		{"graphed", NULL, "as graphs show it: with cdef and per minute or hour", NULL, &e.graphed},
		{"files", "csv|rrd|all", "what a tar.gz holds (default: csv)", &e.files, NULL},
		{"q", NULL, "show no progress", NULL, &e.quiet}, CLIENT_OPTIONS(e.client)};
	return export_with(rows, ARRAY_LENGTH(rows), &e, argc, argv);
}
