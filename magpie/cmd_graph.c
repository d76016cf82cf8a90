#include "base/auto.h"
#include "base/file.h"
#include "magpie/client.h"
#include "magpie/command.h"
#include "magpie/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * `magpie graph HOST/SERVICE -o FILE`: a picture (or its data) of any span into a file, drawn by
 * the running server.
 */

static const char *const graph_endings[] = {"png", "svg", "pdf", "eps", "csv", "json", "xml"};

static const char *graph_ending(const char *file)
{
	const char *dot = strrchr(file, '.');
	for (size_t i = 0; dot && i < ARRAY_LENGTH(graph_endings); i++) {
		if (!strcmp(dot + 1, graph_endings[i])) {
			return graph_endings[i];
		}
	}
	return NULL;
}

static void graph_query(GString *path, const char *name, const char *value)
{
	if (value) {
		g_autofree char *encoded = client_encode(value, false);
		g_string_append_printf(path, "%c%s=%s", strchr(path->str, '?') ? '&' : '?', name, encoded);
	}
}

static bool graph_write(const char *file, const char *body, size_t length, struct error *err)
{
	if (!strcmp(file, "-")) {
		return file_write_all(STDOUT_FILENO, body, length, err);
	}
	AUTO_FD fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		return error_set(err, ERR_STORAGE, "%s: %s", file, g_strerror(errno));
	}
	return file_write_all(fd, body, length, err);
}

struct graph_request {
	const char *file, *format, *from, *to, *width, *height, *theme;
};

static int graph_run(
	const struct client *client, const struct graph_request *wish, const char *target)
{
	struct error err;
	const char *ending = wish->format ? wish->format : graph_ending(wish->file);
	if (!ending) {
		fprintf(stderr,
			"magpie graph: -o FILE must end in .png, .svg, .pdf, .eps, .csv, .json or .xml "
			"(or say --format)\n");
		return COMMAND_USAGE;
	}
	g_autofree char *encoded = client_encode(target, true);
	GString *path = g_string_new(NULL);
	g_string_append_printf(path, "/graph/%s.%s", encoded, ending);
	graph_query(path, "from", wish->from);
	graph_query(path, "to", wish->to);
	graph_query(path, "width", wish->width);
	graph_query(path, "height", wish->height);
	graph_query(path, "theme", wish->theme);
	g_autofree char *whole = g_string_free(path, FALSE);
	g_autofree char *body = NULL;
	size_t length;
	if (!client_get(client, whole, &body, &length, &err) ||
		!graph_write(wish->file, body, length, &err)) {
		return client_failed("graph", &err);
	}
	return COMMAND_DONE;
}

int cmd_graph(int argc, char **argv)
{
	struct client client = {0};
	struct graph_request wish = {.from = "-1d", .to = "now"};
	const struct option_row rows[] = {
		{"o", "FILE", "picture.png, .svg, .pdf, .eps or data .csv, .json, .xml; - is stdout",
			&wish.file, NULL},
		{"format", "FORMAT", "what to draw if the file's ending does not say it", &wish.format,
			NULL},
		{"from", "TIME", "begin: -1d, 2026-11-20T03:00:00Z, epoch seconds (default: -1d)",
			&wish.from, NULL},
		{"to", "TIME", "end (default: now)", &wish.to, NULL},
		{"width", "PIXELS", "of the plot (default: 400)", &wish.width, NULL},
		{"height", "PIXELS", "of the plot (default: 175)", &wish.height, NULL},
		{"theme", "light|dark", "colours (default: light)", &wish.theme, NULL},
		CLIENT_OPTIONS(client)};
	const struct options options = {.command = "graph",
		.operands = "HOST/SERVICE",
		.about = "Writes the graph of a service, for example: magpie graph web1/cpu -o cpu.png "
				 "--from -1w",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.least_operands = 1,
		.most_operands = 1};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!wish.file || !strchr(argv[0], '/')) {
		fprintf(stderr,
			!wish.file ? "magpie graph: where to? Say -o FILE\n"
					   : "magpie graph: what is asked for is HOST/SERVICE, for example web1/cpu\n");
		return COMMAND_USAGE;
	}
	return graph_run(&client, &wish, argv[0]);
}
