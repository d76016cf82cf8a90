#include "collector/metric_map.h"

#include <string.h>

#include "base/text.h"
#include "model/ident.h"

#include "base/banned.h"

/* See the header. A text is cut at "{", the last "}", "=" and ":"; blanks around the parts do not
 * count. */
struct metric_map {
	GPtrArray *rows; /* struct metric_map_row *, owned */
};

static void row_destroy(gpointer data)
{
	struct metric_map_row *row = data;
	g_free(row->metric);
	g_free(row->service);
	g_free(row->field);
	g_ptr_array_unref(row->labels);
	g_free(row);
}

/* Without blanks around it, and without quotes. */
static char *plain(const char *text)
{
	char *copy = g_strstrip(g_strdup(text));
	size_t length = strlen(copy);
	if (length >= 2 && copy[0] == '"' && copy[length - 1] == '"') {
		memmove(copy, copy + 1, length - 2);
		copy[length - 2] = '\0';
	}
	return copy;
}

/* "label=value,label=value" */
static bool row_read_labels(struct metric_map_row *row, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	for (size_t i = 0; parts[i]; i++) {
		char *equal = strchr(parts[i], '=');
		if (!equal) {
			return false;
		}
		*equal = '\0';
		g_ptr_array_add(row->labels, plain(parts[i]));
		g_ptr_array_add(row->labels, plain(equal + 1));
	}
	return true;
}

static bool row_read(struct metric_map_row *row, const char *text)
{
	const char *open = strchr(text, '{');
	const char *close = open ? strrchr(text, '}') : NULL;
	const char *equal = strchr(close ? close : text, '=');
	if ((open && (!close || close < open)) || !equal) {
		return false;
	}
	row->metric = g_strstrip(g_strndup(text, (size_t)((open ? open : equal) - text)));
	if (open) {
		g_autofree char *labels = g_strndup(open + 1, (size_t)(close - open - 1));
		if (!row_read_labels(row, labels)) {
			return false;
		}
	}
	g_auto(GStrv) ends = g_strsplit(equal + 1, ":", 3);
	if (g_strv_length(ends) != 2) {
		return false;
	}
	row->service = g_strstrip(g_strdup(ends[0]));
	row->field = g_strstrip(g_strdup(ends[1]));
	return *row->metric && ident_is_service(row->service) && ident_is_field(row->field);
}

struct metric_map *metric_map_create(const GPtrArray *rows, struct error *err)
{
	struct metric_map *map = g_new0(struct metric_map, 1);
	map->rows = g_ptr_array_new_with_free_func(row_destroy);
	for (size_t i = 0; rows && i < rows->len; i++) {
		struct metric_map_row *row = g_new0(struct metric_map_row, 1);
		row->labels = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(map->rows, row);
		if (!row_read(row, rows->pdata[i])) {
			error_set(err, ERR_CONFIG,
				"map \"%.120s\" is not of the form metric{label=value}=service:field",
				(const char *)rows->pdata[i]);
			metric_map_destroy(map);
			return NULL;
		}
	}
	return map;
}

void metric_map_destroy(struct metric_map *map)
{
	if (map) {
		g_ptr_array_unref(map->rows);
		g_free(map);
	}
}

static bool row_fits(
	const struct metric_map_row *row, const char *metric, const struct openmetrics_labels *labels)
{
	if (!text_glob(row->metric, metric)) {
		return false;
	}
	for (size_t i = 0; i < row->labels->len; i += 2) {
		const char *value = openmetrics_labels_find(labels, row->labels->pdata[i]);
		if (!text_glob(row->labels->pdata[i + 1], value ? value : "")) {
			return false;
		}
	}
	return true;
}

const struct metric_map_row *metric_map_find(
	const struct metric_map *map, const char *metric, const struct openmetrics_labels *labels)
{
	for (size_t i = 0; i < map->rows->len; i++) {
		const struct metric_map_row *row = map->rows->pdata[i];
		if (row_fits(row, metric, labels)) {
			return row;
		}
	}
	return NULL;
}
