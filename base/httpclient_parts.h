#pragma once
#include "base/address.h"
#include "base/clock.h"
#include "base/httpclient.h"

#include <stdatomic.h>

#include <curl/curl.h>
#include <glib.h>

/*
 * What base/httpclient.c (on a loop) and base/httpclient_fetch.c (for commands) share.
 */
struct httpclient_transfer {
	struct httpclient *client;
	CURL *easy;
	struct curl_slist *headers, *recipients;
	char *upload;
	size_t upload_length, upload_at;
	GString *response;
	size_t response_max;
	bool truncated;
	enum address_class allowed; /* beside ADDRESS_WIDE */
	bool refused;               /* an address was */
	bool mail;
	atomic_bool cancelled; /* mail: see I3 */
	CURLcode code;         /* mail: how it ended */
	int64_t timeout_ms;
	struct mono deadline, quit_deadline; /* mail */
	httpclient_done_fn done;
	void *owner;
	const struct httpclient_sink *sink; /* NULL: the response is kept */
	bool sunk, stopped;                 /* something was handed to it; it wanted no more */
	char message[CURL_ERROR_SIZE];
};

/* A transfer that is not begun yet; NULL: CONFIG. */
struct httpclient_transfer *httpclient_prepare(
	const struct httpclient_request *request, struct error *err);

/* How it ended; `result` (zeroed before) borrows from the transfer. */
void httpclient_describe(
	struct httpclient_transfer *t, CURLcode code, struct httpclient_result *result);
void httpclient_free_transfer(struct httpclient_transfer *t);
