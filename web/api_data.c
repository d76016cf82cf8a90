#include "web/api.h"
#include "web/archive.h"
#include "web/curves.h"
#include "web/jsonout.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/span.h"
#include "web/web.h"

#include <string.h>

#include "base/banned.h"

/*
 * GET /api/v1/data: columns of values, ready to be drawn. The exchange is held while the archive
 * reads.
 */
struct asked {
	struct exchange *x;
	struct curves *curves;
};

static void write_columns(const struct asked *asked, const struct archive_data *data)
{
	GString *body = reply_json(&asked->x->reply);
	g_autofree double *values = g_new(double, data->rows + 1);
	struct jsonout j = jsonout_begin(body);
	asked->x->reply.etag = false;
	asked->x->reply.cache = NULL;
	jsonout_open(&j, NULL, '{');
	jsonout_int(&j, "t0", data->t0_s);
	jsonout_int(&j, "step", data->step_s);
	jsonout_open(&j, "series", '{');
	for (size_t i = 0; i < curves_count(asked->curves); i++) {
		curves_compute(asked->curves, i, data, wall_s(asked->x->request.now), values);
		jsonout_open(&j, curves_id(asked->curves, i), '[');
		for (size_t row = 0; row < data->rows; row++) {
			jsonout_value(&j, values[row]);
		}
		jsonout_close(&j);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

static void on_data(void *owner, const struct archive_data *data, const struct error *err)
{
	struct asked *asked = owner;
	if (err) {
		reply_error(&asked->x->reply, err);
	} else {
		write_columns(asked, data);
	}
	exchange_answer(asked->x);
	curves_destroy(asked->curves);
	g_free(asked);
}

static bool add_series(const struct request *request, struct curves *curves, struct error *err)
{
	const char *list = request_text(request, "series");
	bool graphed = false;
	if (!list || !*list) {
		return error_set(err, ERR_CONFIG, "series=HOST:SERVICE:FIELD[,…] is missing");
	}
	if (!request_flag(request, "graphed", &graphed, err)) {
		return false;
	}
	g_auto(GStrv) names = g_strsplit(list, ",", ARCHIVE_SERIES_MAX + 1);
	for (size_t i = 0; names[i]; i++) {
		if (i == ARCHIVE_SERIES_MAX) {
			return error_set(err, ERR_CONFIG, "more than %d series", ARCHIVE_SERIES_MAX);
		}
		if (!curves_add_id(curves, names[i], graphed, err)) {
			return false;
		}
	}
	return true;
}

void api_data(struct web *web, struct exchange *x)
{
	struct span span;
	struct error err = {0};
	AUTO(curves) curves = curves_create(replica_catalog(web->replica), CURVES_SERIES_MAX);
	if (!span_read(&x->request, 86400, &span, &err) || !add_series(&x->request, curves, &err)) {
		reply_error(&x->reply, &err);
		return;
	}
	struct archive_fetch question = {
		.from_s = span.from_s, .to_s = span.to_s, .step_s = span.step_s, .cf = span.cf};
	struct asked *asked = g_new0(struct asked, 1);
	asked->x = x;
	question.series = curves_series(curves, &question.count);
	if (!question.count) {
		static const struct archive_data nothing = {.step_s = 1};
		asked->curves = curves;
		write_columns(asked, &nothing);
		g_free(asked);
		return;
	}
	if (!archive_fetch(web->archive, &question, on_data, asked, &err)) {
		reply_error(&x->reply, &err);
		g_free(asked);
		return;
	}
	asked->curves = STEAL(curves);
	exchange_hold(x);
}
