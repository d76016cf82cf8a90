#include "base/number.h"
#include "web/facades/prom.h"
#include "web/facades/promql_eval.h"
#include "web/jsonout.h"
#include "web/replica.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * /prom/api/v1/query and query_range, in the shapes of Prometheus' HTTP API. What is no PromQL is
 * 400 bad_data, what is PromQL but not answered here 422 execution; the exchange is held while the
 * archive reads.
 */
enum { ERROR_TEXT = 300 };

struct query {
	struct exchange *x;
	struct promql_evaluation *evaluation;
	struct basket *basket;
	bool ranged; /* query_range */
};

static void query_destroy(struct query *q)
{
	if (q) {
		promql_evaluation_destroy(q->evaluation);
		basket_destroy(q->basket);
		g_free(q);
	}
}
DEFINE_AUTO(query)

/* -- the form of all answers -- */

void prom_refuse(struct exchange *x, const struct error *err)
{
	static const struct {
		enum error_kind kind;
		unsigned status;
		const char *type;
	} kinds[] = {
		{ERR_CONFIG, 400, "bad_data"},
		{ERR_NOT_FOUND, 422, "execution"},
		{ERR_TIMEOUT, 503, "timeout"},
		{ERR_UNREACHABLE, 503, "unavailable"},
	};
	unsigned status = 500;
	const char *type = "internal";
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (kinds[i].kind == err->kind) {
			status = kinds[i].status;
			type = kinds[i].type;
		}
	}
	struct jsonout j = jsonout_begin(reply_text(&x->reply, status, "application/json"));
	jsonout_open(&j, NULL, '{');
	jsonout_text(&j, "status", "error");
	jsonout_text(&j, "errorType", type);
	jsonout_text(&j, "error", err->text);
	jsonout_close(&j);
}

struct jsonout prom_begin(struct exchange *x)
{
	struct jsonout j = jsonout_begin(reply_text(&x->reply, 200, "application/json"));
	jsonout_open(&j, NULL, '{');
	jsonout_text(&j, "status", "success");
	return j;
}

bool prom_read(struct exchange *x, const char *parameters)
{
	struct error err = {0};
	if (request_read_form(&x->request, &err) && request_only(&x->request, parameters, &err)) {
		return true;
	}
	prom_refuse(x, &err);
	return false;
}

bool prom_time(
	const struct request *request, const char *name, int64_t *value_ms, struct error *err)
{
	const char *text = request_text(request, name);
	double seconds = 0;
	int64_t whole_s = 0;
	if (!text || !*text) {
		return true;
	}
	if (number_parse(text, strlen(text), &seconds) && seconds >= 0 && seconds < 7258118400) {
		*value_ms = (int64_t)llround(seconds * 1000);
		return true;
	}
	if (strlen(text) > 12 && request_parse_time(text, wall_s(request->now), &whole_s)) {
		*value_ms = whole_s * 1000;
		return true;
	}
	return error_set(err, ERR_CONFIG, "%s is to be seconds since 1970 or RFC 3339", name);
}

/* -- results -- */

static void append_time(GString *out, int64_t t_ms)
{
	g_string_append_printf(out, "%lld", (long long)(t_ms / 1000));
	if (t_ms % 1000) {
		g_string_append_printf(out, ".%03lld", (long long)(t_ms % 1000));
	}
}

void prom_append_number(GString *out, double value)
{
	char text[NUMBER_TEXT];
	if (isfinite(value)) {
		number_format(value, text);
		g_string_append(out, text);
	} else {
		g_string_append(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
	}
}

/* [time,"value"] */
static void append_sample(GString *out, int64_t t_ms, double value)
{
	g_string_append_c(out, '[');
	append_time(out, t_ms);
	g_string_append(out, ",\"");
	prom_append_number(out, value);
	g_string_append(out, "\"]");
}

static void append_raw_sample(struct jsonout *j, const char *name, int64_t t_ms, double value)
{
	g_autoptr(GString) text = g_string_new(NULL);
	append_sample(text, t_ms, value);
	jsonout_raw(j, name, text->str);
}

static void append_metric(struct jsonout *j, const char *const *labels)
{
	jsonout_open(j, "metric", '{');
	for (unsigned label = 0; label < PROMQL_LABELS; label++) {
		if (labels[label]) {
			jsonout_text(j, promql_label_name((enum promql_label)label), labels[label]);
		}
	}
	jsonout_close(j);
}

static int64_t instant_ms(const struct promql_question *q, size_t i)
{
	return q->start_ms + (int64_t)i * q->step_ms;
}

/* "values" of one series, without those that are not there. */
static void append_values(struct jsonout *j, const struct promql_question *q, const double *values)
{
	bool more = false;
	jsonout_open(j, "values", '[');
	for (size_t i = 0; i < q->instants; i++) {
		if (!promql_is_absent(values[i])) {
			g_string_append(j->out, more ? "," : "");
			append_sample(j->out, instant_ms(q, i), values[i]);
			more = true;
		}
	}
	jsonout_close(j);
}

static bool has_any(const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!promql_is_absent(values[i])) {
			return true;
		}
	}
	return false;
}

static void append_series(
	struct jsonout *j, const struct promql_question *q, const struct promql_series *s, bool ranged)
{
	if (!has_any(s->values, q->instants)) {
		return;
	}
	jsonout_open(j, NULL, '{');
	append_metric(j, s->labels);
	if (ranged) {
		append_values(j, q, s->values);
	} else {
		append_raw_sample(j, "value", q->start_ms, s->values[0]);
	}
	jsonout_close(j);
}

/* A number over a range is a series without labels. */
static void append_result(struct jsonout *j, const struct promql_question *q,
	const struct promql_value *value, bool ranged)
{
	struct promql_series alone = {.values = value->numbers};
	jsonout_open(j, "data", '{');
	if (value->numbers && !ranged) {
		jsonout_text(j, "resultType", "scalar");
		append_raw_sample(j, "result", q->start_ms, value->numbers[0]);
		jsonout_close(j);
		return;
	}
	jsonout_text(j, "resultType", ranged ? "matrix" : "vector");
	jsonout_open(j, "result", '[');
	if (value->numbers) {
		append_series(j, q, &alone, true);
	}
	for (guint i = 0; value->series && i < value->series->len; i++) {
		append_series(j, q, value->series->pdata[i], ranged);
	}
	jsonout_close(j);
	jsonout_close(j);
}

static void append_samples(
	void *owner, const char *const *labels, const struct promql_window *window)
{
	struct jsonout *j = owner;
	jsonout_open(j, NULL, '{');
	append_metric(j, labels);
	jsonout_open(j, "values", '[');
	for (size_t i = 0; i < window->count; i++) {
		g_string_append(j->out, i ? "," : "");
		append_sample(j->out, window->times_ms[i], window->values[i]);
	}
	jsonout_close(j);
	jsonout_close(j);
}

static void answer_samples(struct query *q)
{
	struct jsonout j = prom_begin(q->x);
	jsonout_open(&j, "data", '{');
	jsonout_text(&j, "resultType", "matrix");
	jsonout_open(&j, "result", '[');
	promql_evaluation_samples(q->evaluation, q->basket, append_samples, &j);
	jsonout_close(&j);
	jsonout_close(&j);
	jsonout_close(&j);
}

static void answer_text(struct query *q, const char *text)
{
	g_autoptr(GString) json = g_string_new(NULL);
	struct jsonout j = prom_begin(q->x);
	struct jsonout pair = jsonout_begin(json);
	jsonout_open(&pair, NULL, '[');
	jsonout_number(&pair, NULL, (double)promql_question(q->evaluation)->start_ms / 1000);
	jsonout_text(&pair, NULL, text);
	jsonout_close(&pair);
	jsonout_open(&j, "data", '{');
	jsonout_text(&j, "resultType", "string");
	jsonout_raw(&j, "result", json->str);
	jsonout_close(&j);
	jsonout_close(&j);
}

static void answer_value(struct query *q)
{
	struct error err = {0};
	struct promql_value value = {0};
	if (promql_evaluation_run(q->evaluation, q->basket, &value, &err)) {
		struct jsonout j = prom_begin(q->x);
		append_result(&j, promql_question(q->evaluation), &value, q->ranged);
		jsonout_close(&j);
	} else {
		prom_refuse(q->x, &err);
	}
	promql_value_finish(&value);
}

static void on_values(void *owner, const struct error *failed)
{
	struct query *q = owner;
	const struct promql_node *query = promql_evaluation_query(q->evaluation);
	if (failed) {
		prom_refuse(q->x, failed);
	} else if (query->type == PROMQL_STRING) {
		answer_text(q, query->text);
	} else if (query->type == PROMQL_RANGE) {
		answer_samples(q);
	} else {
		answer_value(q);
	}
	exchange_answer(q->x);
	query_destroy(q);
}

/* -- questions -- */

static bool known_last(void *owner, uint32_t series_id, struct sample *sample)
{
	return replica_last(((const struct web *)owner)->replica, series_id, sample);
}

static int64_t known_last_s(void *owner, uint32_t series_id)
{
	return replica_span(((const struct web *)owner)->replica, series_id).last_s;
}

static bool read_step(const struct request *request, int64_t *step_ms, struct error *err)
{
	const char *text = request_text(request, "step");
	double seconds = 0;
	if (!text) {
		return error_set(err, ERR_CONFIG, "step is missing");
	}
	if (number_parse(text, strlen(text), &seconds) && seconds >= 0.001 && seconds < 1e10) {
		*step_ms = (int64_t)llround(seconds * 1000);
		return true;
	}
	return promql_read_duration(text, step_ms) == strlen(text) ||
		   error_set(err, ERR_CONFIG, "step is to be seconds or a duration as 15s, more than 0");
}

static bool read_range(
	const struct request *request, struct promql_question *question, struct error *err)
{
	int64_t end_ms = -1;
	question->start_ms = -1;
	if (!prom_time(request, "start", &question->start_ms, err) ||
		!prom_time(request, "end", &end_ms, err) || !read_step(request, &question->step_ms, err)) {
		return false;
	}
	if (question->start_ms < 0 || end_ms < question->start_ms) {
		return error_set(err, ERR_CONFIG, "start and end are to be given, start not behind end");
	}
	int64_t instants = (end_ms - question->start_ms) / question->step_ms + 1;
	if (instants > PROMQL_INSTANTS_MAX) {
		return error_set(err, ERR_CONFIG,
			"exceeded maximum resolution of %d points per timeseries; ask for a coarser step",
			PROMQL_INSTANTS_MAX);
	}
	question->instants = (size_t)instants;
	return true;
}

static bool read_query(struct web *web, struct query *q, struct error *err)
{
	const struct request *request = &q->x->request;
	struct promql_question question = {.start_ms = request->now.ms, .instants = 1};
	const char *text = request_text(request, "query");
	if (!text) {
		return error_set(err, ERR_CONFIG, "query is missing");
	}
	if (q->ranged ? !read_range(request, &question, err)
				  : !prom_time(request, "time", &question.start_ms, err)) {
		return false;
	}
	struct promql_node *query = promql_parse(text, err);
	if (!query) {
		return false;
	}
	q->evaluation = promql_evaluation_create(&question, query);
	if (q->ranged && query->type > PROMQL_VECTOR) {
		return error_set(err, ERR_CONFIG, "over a range, a query gives a number or a vector");
	}
	struct promql_known known = {.catalog = replica_catalog(web->replica),
		.last = known_last,
		.last_s = known_last_s,
		.owner = web};
	q->basket = basket_create(&web->values_held);
	return promql_evaluation_plan(q->evaluation, &known, q->basket, err);
}

static void answer_query(struct web *web, struct exchange *x, bool ranged)
{
	struct error err = {0};
	AUTO(query) q = g_new0(struct query, 1);
	q->x = x;
	q->ranged = ranged;
	if (!prom_read(x, PROM_QUERY_PARAMETERS)) {
		return;
	}
	if (!read_query(web, q, &err)) {
		prom_refuse(x, &err);
		return;
	}
	exchange_hold(x);
	basket_fetch(q->basket, web->archive, on_values, q);
	q = NULL;
}

void api_prom_query(struct web *web, struct exchange *x)
{
	answer_query(web, x, false);
}

void api_prom_query_range(struct web *web, struct exchange *x)
{
	answer_query(web, x, true);
}
