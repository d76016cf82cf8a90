#include "base/attr.h"
#include "magpie/client.h"
#include "magpie/command.h"
#include "magpie/options.h"
#include "magpie/output.h"
#include "magpie/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * `magpie graph HOST/SERVICE -o FILE`: a picture (or its data) of any span into a file, drawn by
 * the running server; with * and ? in it a picture of each into a directory.
 */
struct graph_wish {
	struct client client;
	const char *file, *format, *from, *to, *width, *height, *theme, *title, *sum, *lower, *upper;
	bool no_marks, only_graph, full_size, quiet;
};

static const char *const graph_endings[] = {
	"png", "svg", "pdf", "eps", "csv", "tsv", "json", "xml"};

/* One of graph_endings; NULL: it is none of them. */
static const char *graph_known(const char *ending)
{
	for (size_t i = 0; ending && i < ARRAY_LENGTH(graph_endings); i++) {
		if (!strcmp(ending, graph_endings[i])) {
			return graph_endings[i];
		}
	}
	return NULL;
}

static bool graph_write(const char *file, const char *body, size_t length, struct error *err)
{
	AUTO(output) output = output_open(file, err);
	return output && output_write(output, body, length, err) && output_commit(output, err);
}

static bool graph_fetch(const struct graph_wish *wish, const char *target, const char *ending,
	const char *file, struct error *err)
{
	g_autofree char *encoded = client_encode(target, true);
	GString *path = g_string_new(NULL);
	g_string_append_printf(path, "/graph/%s.%s", encoded, ending);
	client_add_query(path, "from", wish->from);
	client_add_query(path, "to", wish->to);
	client_add_query(path, "width", wish->width);
	client_add_query(path, "height", wish->height);
	client_add_query(path, "theme", wish->theme);
	client_add_query(path, "title", wish->title);
	client_add_query(path, "sum", wish->sum);
	client_add_query(path, "lower", wish->lower);
	client_add_query(path, "upper", wish->upper);
	client_add_query(path, "marks", wish->no_marks ? "0" : NULL);
	client_add_query(path, "only_graph", wish->only_graph ? "1" : NULL);
	client_add_query(path, "full_size", wish->full_size ? "1" : NULL);
	g_autofree char *whole = g_string_free(path, FALSE);
	g_autofree char *body = NULL;
	size_t length;
	return client_get(&wish->client, whole, &body, &length, err) &&
		   graph_write(file, body, length, err);
}

/* -- many -- */

/* "HOST/SERVICE" of all graphs that match "HOST/SERVICE" with * and ?, each once. */
static GPtrArray *graph_find(const struct graph_wish *wish, const char *pattern, struct error *err)
{
	g_autofree char *selector = g_strdelimit(g_strdup(pattern), "/", ':');
	g_autofree char *encoded = client_encode(selector, false);
	g_autofree char *path = g_strconcat("/api/v1/series?match=", encoded, NULL);
	json_t *answer = client_get_json(&wish->client, path, err);
	size_t i;
	json_t *series;
	if (!answer) {
		return NULL;
	}
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
	bool truncated = json_is_true(json_object_get(answer, "truncated"));
	json_array_foreach(json_object_get(answer, "series"), i, series)
	{
		const char *host = json_string_value(json_object_get(series, "host"));
		const char *service = json_string_value(json_object_get(series, "service"));
		g_autofree char *name = g_strdup_printf("%s/%s", host ? host : "", service ? service : "");
		if (!found->len || strcmp(found->pdata[found->len - 1], name) != 0) {
			g_ptr_array_add(found, g_steal_pointer(&name));
		}
	}
	json_decref(answer);
	if (!found->len || truncated) {
		error_set(err, truncated ? ERR_CONFIG : ERR_NOT_FOUND,
			truncated ? "too many graphs match \"%.100s\"; ask for fewer at a time"
					  : "no graph matches \"%.100s\"",
			pattern);
		g_ptr_array_unref(found);
		return NULL;
	}
	return found;
}

static int graph_run_many(const struct graph_wish *wish, const char *pattern)
{
	struct error err;
	const char *ending = graph_known(wish->format ? wish->format : "png");
	if (!ending || !g_file_test(wish->file, G_FILE_TEST_IS_DIR)) {
		fprintf(stderr, ending
							? "magpie graph: of several graphs -o is a directory; make it first\n"
							: "magpie graph: there is no such --format\n");
		return COMMAND_USAGE;
	}
	GPtrArray *names = graph_find(wish, pattern, &err);
	if (!names) {
		return client_failed("graph", &err);
	}
	struct progress *progress = progress_create(
		&(struct progress_options){.what = "graph", .unit = "graphs", .quiet = wish->quiet});
	bool good = true;
	for (guint i = 0; good && i < names->len; i++) {
		const char *name = names->pdata[i];
		g_autofree char *plain = g_strdelimit(g_strdup(name), "/", '-');
		g_autofree char *file = g_strdup_printf("%s/%s.%s", wish->file, plain, ending);
		progress_step(progress, i, names->len, name);
		good = graph_fetch(wish, name, ending, file, &err);
	}
	progress_destroy(progress);
	g_ptr_array_unref(names);
	return good ? COMMAND_DONE : client_failed("graph", &err);
}

/* -- one -- */

static int graph_run(const struct graph_wish *wish, const char *target)
{
	struct error err;
	const char *dot = strrchr(wish->file, '.');
	const char *ending = graph_known(wish->format ? wish->format : dot ? dot + 1 : NULL);
	if (!ending) {
		fprintf(stderr,
			"magpie graph: -o FILE must end in .png, .svg, .pdf, .eps, .csv, .tsv, .json or .xml "
			"(or say --format)\n");
		return COMMAND_USAGE;
	}
	return graph_fetch(wish, target, ending, wish->file, &err) ? COMMAND_DONE
															   : client_failed("graph", &err);
}

static int graph_with(const struct option_row *rows, size_t count, const struct graph_wish *wish,
	int argc, char **argv)
{
	const struct options options = {.command = "graph",
		.operands = "HOST/SERVICE",
		.about = "Writes the graph of a service, or of each that matches, for example:\n"
				 "  magpie graph web1/cpu -o cpu.png --from -1w\n"
				 "  magpie graph 'web*/if_*' -o pictures/ --format svg",
		.rows = rows,
		.row_count = count,
		.least_operands = 1,
		.most_operands = 1};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!wish->file || !strchr(argv[0], '/')) {
		fprintf(stderr,
			!wish->file
				? "magpie graph: where to? Say -o FILE\n"
				: "magpie graph: what is asked for is HOST/SERVICE, for example web1/cpu\n");
		return COMMAND_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	return strpbrk(argv[0], "*?") ? graph_run_many(wish, argv[0]) : graph_run(wish, argv[0]);
}

int cmd_graph(int argc, char **argv)
{
	struct graph_wish wish = {.from = "-1d", .to = "now"};
	const struct option_row rows[] = {
		{"o", "FILE|DIRECTORY",
			"picture.png, .svg, .pdf, .eps or data .csv, .tsv, .json, .xml; - is stdout",
			&wish.file, NULL},
		{"format", "FORMAT", "what to draw if the file's ending does not say it", &wish.format,
			NULL},
		{"from", "TIME", "begin: -1d, 2026-11-20T03:00:00Z, epoch seconds (default: -1d)",
			&wish.from, NULL},
		{"to", "TIME", "end (default: now)", &wish.to, NULL},
		{"width", "PIXELS", "of the plot (default: 400)", &wish.width, NULL},
		{"height", "PIXELS", "of the plot (default: 175)", &wish.height, NULL},
		{"theme", "light|dark|munin", "colours (default: light)", &wish.theme, NULL},
		{"title", "TEXT", "stands behind the graph's own title", &wish.title, NULL},
		{"sum", "hour|day", "values added up per hour or per day", &wish.sum, NULL},
		{"lower", "VALUE", "least value of the axis", &wish.lower, NULL},
		{"upper", "VALUE", "greatest value of the axis", &wish.upper, NULL},
		{"no-marks", NULL, "without episodes and annotations", NULL, &wish.no_marks},
		{"only-graph", NULL, "the plot alone, without legend", NULL, &wish.only_graph},
		{"full-size", NULL, "width and height are those of the whole picture", NULL,
			&wish.full_size},
		{"q", NULL, "show no progress", NULL, &wish.quiet}, CLIENT_OPTIONS(wish.client)};
	return graph_with(rows, ARRAY_LENGTH(rows), &wish, argc, argv);
}
