#pragma once
#include "web/curves.h"

#include <glib.h>

/*
 * Values of a graph as a file: CSV, TSV, JSON or XML. Pure: from columns to bytes.
 */
struct export_graph {
	const char *host, *service, *title, *vlabel;
	const struct curves *curves;
	const struct archive_data *data;
	int64_t now_s;
};

void export_csv(const struct export_graph *graph, GString *out);
void export_tsv(const struct export_graph *graph, GString *out);
void export_json(const struct export_graph *graph, GString *out);
void export_xml(const struct export_graph *graph, GString *out);
