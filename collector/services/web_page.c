#include "collector/services/web_page.h"

#include "base/banned.h"

/*
 * A server error is told with its status, at the stage "query": the server itself runs, what it
 * should serve does not. The status page is decoration: if it is not what it should be, the probe
 * succeeds with a complaint where somebody asked for it, and silently where it was only tried.
 */
enum { WEB_BODY_MAX = 16 << 10 };

void web_begin(struct probe *probe)
{
	struct web_page *web = probe->state;
	web->asking = false;
	if (!web->found && probe->round % WEB_SEARCH_EVERY == 0) {
		web->tried = 0;
	}
	(void)!http_place_of_page(probe, &web->place);
}

void web_open(struct probe *probe)
{
	struct web_page *web = probe->state;
	probe_reach(probe, PROBE_QUERY);
	http_get(probe, &web->http, &web->place, web->asking ? web->what->body_max : WEB_BODY_MAX);
}

/* Where the status page is to be asked now; NULL: nowhere. */
static const char *web_where(const struct probe *probe)
{
	const struct web_page *web = probe->state;
	if (!probe->settings->metrics) {
		return NULL;
	}
	return probe->settings->status ? probe->settings->status : web->what->places[web->tried];
}

static void web_judge_page(struct probe *probe)
{
	struct web_page *web = probe->state;
	if (!http_judge(probe, &web->http)) {
		return;
	}
	probe_version(probe, "%s", web->http.server);
	const char *where = web_where(probe);
	if (!where) {
		probe_succeed(probe);
		return;
	}
	web->asking = true;
	if (!http_place_of_status(probe, where, &web->place)) {
		return;
	}
	if (web->http.keep) {
		web_open(probe);
	} else {
		probe_connect(probe, NULL);
	}
}

static void web_judge_status(struct probe *probe)
{
	struct web_page *web = probe->state;
	const struct http_text *http = &web->http;
	bool good = http->state == HTTP_TEXT_DONE && http->status == 200 &&
				web->what->figures(probe, http->body->str, http->body->len);
	if (probe->settings->status && good) {
		probe_content(probe, web->what->name);
	} else if (probe->settings->status) {
		probe_complain(probe, web->what->name, "%s answers %d, not with %s", web->place.path,
			http->status, web->what->name);
	} else {
		web->found = good;
		web->tried += !good;
	}
	probe_succeed(probe);
}

static void web_step(struct probe *probe)
{
	struct web_page *web = probe->state;
	if (web->http.state == HTTP_TEXT_MORE) {
		return;
	}
	if (web->asking) {
		web_judge_status(probe);
	} else {
		web_judge_page(probe);
	}
}

void web_data(struct probe *probe)
{
	struct web_page *web = probe->state;
	(void)http_read(probe, &web->http);
	web_step(probe);
}

bool web_closed(struct probe *probe)
{
	struct web_page *web = probe->state;
	http_text_end(&web->http);
	web_step(probe);
	return true;
}

void web_stop(struct probe *probe)
{
	struct web_page *web = probe->state;
	http_text_finish(&web->http);
}
