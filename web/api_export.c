#include "base/text.h"
#include "web/api.h"
#include "web/choice.h"
#include "web/extract.h"
#include "web/parcel.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/span.h"
#include "web/web.h"

#include <string.h>

#include "base/banned.h"

/*
 * GET /api/v1/export.{csv,tsv,json,xml}: values of whatever series, span and step, as a file.
 * GET /api/v1/export.tar.gz: all that is kept of them.
 */
enum { NAME_MAX_BYTES = 100 };

static const char *const cf_names[] = {"average", "min", "max", "all", NULL};
static const char *const layout_names[] = {"wide", "long", NULL};

static bool read_form(const struct request *request, struct extract_wish *wish, struct error *err)
{
	size_t cf = 0;
	size_t layout = SHEET_WIDE;
	if (!request_choice(request, "cf", cf_names, &cf, err) ||
		!request_choice(request, "layout", layout_names, &layout, err) ||
		!request_flag(request, "graphed", &wish->graphed, err)) {
		return false;
	}
	wish->layout = (enum sheet_layout)layout;
	if (wish->layout == SHEET_LONG && wish->format == SHEET_XML) {
		return error_set(err, ERR_CONFIG, "XML has the layout wide only");
	}
	bool all = cf == 3;
	wish->cf_count = all ? 3 : 1;
	for (size_t i = 0; i < wish->cf_count; i++) {
		wish->cfs[i] = (enum archive_cf)(all ? i : cf);
	}
	return true;
}

static bool read_wish(const struct request *request, struct extract_wish *wish, struct error *err)
{
	struct span span;
	const char *file = request->segments[request->segment_count - 1];
	for (unsigned format = 0; format < SHEET_FORMATS; format++) {
		if (g_str_has_suffix(file, sheet_ending((enum sheet_format)format))) {
			wish->format = (enum sheet_format)format;
		}
	}
	if (!read_form(request, wish, err) || !span_read_bounds(request, 86400, &span, err)) {
		return false;
	}
	wish->from_s = MAX(span.from_s, 0);
	wish->to_s = span.to_s;
	wish->step_s = span.step_s;
	return true;
}

/* -- which series -- */

static bool take_series(void *owner, const struct field *field)
{
	g_array_append_val((GArray *)owner, field->series_id);
	return true;
}

static bool add_named(const struct web *web, const char *list, GArray *series, struct error *err)
{
	g_auto(GStrv) names = g_strsplit(list, ",", EXTRACT_WIDE_MAX);
	g_autoptr(GHashTable) known = g_hash_table_new(g_direct_hash, g_direct_equal);
	for (size_t i = 0; names[i]; i++) {
		const struct field *field = catalog_find(replica_catalog(web->replica), names[i]);
		if (!field || !field->series_id) {
			return error_set(err, ERR_NOT_FOUND, "there is no series \"%.150s\"", names[i]);
		}
		if (g_hash_table_add(known, GUINT_TO_POINTER(field->series_id))) {
			take_series(series, field);
		}
	}
	return true;
}

static bool add_chosen(
	const struct web *web, const struct request *request, GArray *series, struct error *err)
{
	const char *match = request_text(request, "match");
	const char *group = request_text(request, "group");
	AUTO(choice) choice = choice_create(match, group, err);
	if (!choice) {
		return false;
	}
	choice_each(choice, replica_catalog(web->replica), take_series, series);
	return series->len ||
		   error_set(err, ERR_NOT_FOUND, "no series matches \"%.100s\"", match ? match : group);
}

bool api_export_series(
	const struct web *web, const struct request *request, GArray *series, struct error *err)
{
	const char *list = request_text(request, "series");
	if (list && !request_text(request, "match") && !request_text(request, "group")) {
		return add_named(web, list, series, err);
	}
	if (!list && (request_text(request, "match") || request_text(request, "group"))) {
		return add_chosen(web, request, series, err);
	}
	return error_set(err, ERR_CONFIG,
		"say what: match=HOST:SERVICE:FIELD (with * and ?), group=GROUP/SUB, or "
		"series=HOST:SERVICE:FIELD[,…]");
}

/* From what was asked for, made of plain characters: "web1-cpu", "Grp-Sub", "export". */
char *api_export_name(const struct request *request)
{
	const char *what = request_text(request, "match");
	what = what ? what : request_text(request, "group");
	what = what ? what : "export";
	GString *name = g_string_new(NULL);
	for (const char *c = what; *c && name->len < NAME_MAX_BYTES; c++) {
		bool plain = g_ascii_isalnum(*c) || *c == '_' || (*c == '.' && name->len);
		if (plain) {
			g_string_append_c(name, *c);
		} else if (name->len && name->str[name->len - 1] != '-') {
			g_string_append_c(name, '-');
		}
	}
	while (name->len && strchr("-.", name->str[name->len - 1])) {
		g_string_truncate(name, name->len - 1);
	}
	if (!name->len) {
		g_string_append(name, "export");
	}
	return g_string_free(name, FALSE);
}

void api_export(struct web *web, struct exchange *x)
{
	struct error err = {0};
	struct extract_wish wish = {0};
	g_autoptr(GArray) series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autofree char *name = api_export_name(&x->request);
	wish.name = name;
	if (!read_wish(&x->request, &wish, &err) ||
		!api_export_series(web, &x->request, series, &err) ||
		!extract_start(web, x, &wish, series, &err)) {
		reply_error(&x->reply, &err);
	}
}

/* -- all that is kept -- */

void api_export_parcel(struct web *web, struct exchange *x)
{
	static const char *const files[] = {"csv", "rrd", "all", NULL};
	struct error err = {0};
	size_t file = 0;
	g_autoptr(GArray) series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autofree char *name = api_export_name(&x->request);
	if (!request_choice(&x->request, "files", files, &file, &err) ||
		!api_export_series(web, &x->request, series, &err)) {
		reply_error(&x->reply, &err);
		return;
	}
	struct parcel_wish wish = {.csv = file != 1, .rrd = file != 0, .name = name};
	if (!parcel_start(web, x, &wish, series, &err)) {
		reply_error(&x->reply, &err);
	}
}
