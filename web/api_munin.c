#include "base/number.h"
#include "model/plot.h"
#include "web/api.h"
#include "web/drawn.h"
#include "web/replica.h"
#include "web/web.h"

#include <string.h>
#include <time.h>

#include "base/banned.h"

/*
 * Pictures at Munin's addresses, in Munin's colours: GROUP/…/HOST/SERVICE[/SUB]-PERIOD.png, for who
 * has them in pages and mails (reference: munin, 8). The end is rounded down to a row of the
 * archive a pixel of that span shows; so is the begin here (Munin's is that of the moment of
 * drawing), so that the picture is the same for all of that time. What marks Magpie's own graphs
 * (thresholds of rules, alerts, notes) is not in them.
 */
static const struct period {
	const char *suffix, *title;
	int64_t span_s, round_s;
	enum archive_sum sum;
} periods[] = {
	{"-day", "by day", 2000 * 60, 300, ARCHIVE_AS_MEASURED},
	{"-week", "by week", 12000 * 60, 1500, ARCHIVE_AS_MEASURED},
	{"-month", "by month", 48000 * 60, 7200, ARCHIVE_AS_MEASURED},
	{"-year", "by year", 400 * 86400, 86400, ARCHIVE_AS_MEASURED},
	{"-week-sum", "by week", 12000 * 60, 1500, ARCHIVE_PER_HOUR},
	{"-year-sum", "by year", 400 * 86400, 86400, ARCHIVE_PER_DAY},
};

/* Joins segments [from, to) by `by`; NULL if there is none. */
static char *join(const struct request *request, size_t from, size_t to, const char *by)
{
	GString *out = g_string_new(NULL);
	for (size_t i = from; i < to; i++) {
		g_string_append_printf(out, "%s%s", i > from ? by : "", request->segments[i]);
	}
	return g_string_free(out, from >= to);
}

/*
 * The service whose picture is at the address, without the last `behind` bytes of it. Where the
 * host stands in the path is not written in it: the first place that fits the catalog.
 */
static const struct service *find_service(
	const struct web *web, const struct request *request, size_t behind)
{
	const struct catalog *catalog = replica_catalog(web->replica);
	if (strlen(request->segments[request->segment_count - 1]) <= behind) {
		return NULL;
	}
	for (size_t host = 2; host + 1 < request->segment_count; host++) {
		g_autofree char *group = join(request, 1, host, "/");
		g_autofree char *name = join(request, host + 1, request->segment_count, ".");
		name[strlen(name) - behind] = '\0';
		const struct service *service = catalog_service(catalog, request->segments[host], name);
		if (service && !strcmp(service->group, group)) {
			return service;
		}
	}
	return NULL;
}

/* -- parameters -- */

/* Whatever is neither empty nor a word for no. */
static bool is_set(const struct request *request, const char *name)
{
	static const char *const no[] = {"", "0", "no", "false", "off", NULL};
	const char *text = request_text(request, name);
	return text && !g_strv_contains(no, text);
}

static bool read_parameters(const struct request *request, struct drawn *d, struct error *err)
{
	d->question.full_size = is_set(request, "full_size_mode");
	d->question.only_graph = is_set(request, "only_graph");
	d->renew = is_set(request, "no_cache");
	d->expires = !d->renew;
	return drawn_read_side(request, "size_x", &d->question.width, err) &&
		   drawn_read_side(request, "size_y", &d->question.height, err) &&
		   drawn_read_limit(request, "lower_limit", &d->question.lower, err) &&
		   drawn_read_limit(request, "upper_limit", &d->question.upper, err);
}

static void answer(struct web *web, struct exchange *x, struct drawn *d)
{
	struct error err = {0};
	d->question.theme = ARCHIVE_MUNIN;
	if (read_parameters(&x->request, d, &err)) {
		drawn_answer(web, x, d);
	} else {
		reply_error(&x->reply, &err);
	}
}

/* -- periods -- */

static int64_t rows_ahead(const struct service *service)
{
	enum { ROWS_MAX = 4000 };
	long long rows = 0;
	const char *text = attributes_or(&service->attributes, "graph_future", "0");
	return number_parse_int(text, strlen(text), 0, ROWS_MAX, &rows) ? rows : 0;
}

static void answer_period(
	struct web *web, struct exchange *x, const struct service *service, const struct period *p)
{
	AUTO(plot) plot = plot_create(replica_catalog(web->replica), service);
	int64_t now_s = wall_s(x->request.now);
	int64_t end_s = now_s - now_s % p->round_s;
	int64_t rows = rows_ahead(service) - plot->combined;
	struct drawn drawn = drawn_of(service, end_s - p->span_s, end_s + rows * p->round_s);
	drawn.question.title = p->title;
	drawn.question.sum = p->sum;
	answer(web, x, &drawn);
}

/* -- pinpoint=START,STOP -- */

static bool read_pinpoint(const char *text, size_t length, long long *from_s, long long *to_s)
{
	const long long last_s = 7258118400; /* 2200-01-01 */
	const char *comma = memchr(text, ',', length);
	return comma && number_parse_int(text, (size_t)(comma - text), 0, last_s, from_s) &&
		   number_parse_int(comma + 1, length - (size_t)(comma - text) - 1, 0, last_s, to_s);
}

static void format_time(int64_t at_s, char out[40])
{
	time_t t = (time_t)at_s;
	struct tm local = {0};
	localtime_r(&t, &local);
	strftime(out, 40, "%a %b %e %H:%M:%S %Y", &local);
}

/* False: the address is no such one. */
static bool answer_pinpoint(struct web *web, struct exchange *x, const char *last)
{
	static const char mark[] = "-pinpoint=";
	const char *at = g_strrstr(last, mark);
	const char *end = g_strrstr(last, ".png");
	long long from_s = 0;
	long long to_s = 0;
	if (!at || !end ||
		!read_pinpoint(at + strlen(mark), (size_t)(end - at) - strlen(mark), &from_s, &to_s)) {
		return false;
	}
	const struct service *service = find_service(web, &x->request, strlen(at));
	if (!service) {
		return false;
	}
	char from[40];
	char to[40];
	if (from_s >= to_s) {
		reply_problem(&x->reply, 400, "START must be before STOP");
		return true;
	}
	format_time(from_s, from);
	format_time(to_s, to);
	g_autofree char *title = g_strdup_printf("from %s to %s", from, to);
	struct drawn drawn = drawn_of(service, from_s, to_s);
	drawn.question.title = title;
	answer(web, x, &drawn);
	return true;
}

void api_munin(struct web *web, struct exchange *x)
{
	const char *last = x->request.segments[x->request.segment_count - 1];
	for (size_t i = 0; i < ARRAY_LENGTH(periods); i++) {
		g_autofree char *suffix = g_strconcat(periods[i].suffix, ".png", NULL);
		const struct service *service =
			g_str_has_suffix(last, suffix) ? find_service(web, &x->request, strlen(suffix)) : NULL;
		if (service) {
			answer_period(web, x, service, &periods[i]);
			return;
		}
	}
	if (!g_str_has_suffix(last, ".png") || !answer_pinpoint(web, x, last)) {
		reply_problem(&x->reply, 404,
			"there is no such picture; Munin's addresses are GROUP/HOST/SERVICE-day.png, with "
			"week, month, year, week-sum, year-sum or pinpoint=START,STOP");
	}
}
