#include "base/httpclient_parts.h"

#include <string.h>

#include "base/banned.h"

/*
 * For commands, which have no loop: one request from begin to end, its answer kept or handed on.
 */
bool httpclient_fetch(
	const struct httpclient_request *request, struct httpclient_answer *answer, struct error *err)
{
	return httpclient_fetch_into(request, NULL, answer, err);
}

bool httpclient_fetch_into(const struct httpclient_request *request,
	const struct httpclient_sink *sink, struct httpclient_answer *answer, struct error *err)
{
	memset(answer, 0, sizeof(*answer));
	curl_global_init(CURL_GLOBAL_DEFAULT);
	struct httpclient_transfer *t = httpclient_prepare(request, err);
	if (!t) {
		curl_global_cleanup();
		return false;
	}
	t->sink = sink;
	struct httpclient_result result = {.error = {.kind = ERR_NONE}};
	httpclient_describe(t, curl_easy_perform(t->easy), &result);
	bool good = result.error.kind == ERR_NONE;
	if (good) {
		answer->status = result.status;
		answer->truncated = result.truncated;
		answer->length = t->response->len;
		answer->body = g_memdup2(t->response->str, t->response->len + 1);
	} else if (t->stopped) {
		error_set(err, ERR_CONFLICT, "the answer was not wanted any more");
	} else {
		error_set(err, result.error.kind, "%s%s", t->sunk ? "the answer broke off: " : "",
			result.error.text);
	}
	httpclient_free_transfer(t);
	curl_global_cleanup();
	return good;
}
