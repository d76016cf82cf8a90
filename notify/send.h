#pragma once
#include "notify/delivery.h"

/*
 * The kinds of channels. Each has a start (builds the message and hands it to the HTTP client; NULL
 * with CONFIG: will never work, else: may work later) and a judge (what an answer means, by the
 * table in docs/configuration.md; pure).
 */
struct httpclient_transfer *send_mail_start(struct httpclient *http, const struct delivery_job *job,
	httpclient_done_fn done, void *owner, struct error *err);
struct delivery_result send_mail_judge(const struct httpclient_result *result, uint32_t attempt);

struct httpclient_transfer *send_webhook_start(struct httpclient *http,
	const struct delivery_job *job, httpclient_done_fn done, void *owner, struct error *err);
struct delivery_result send_webhook_judge(const struct httpclient_result *result, uint32_t attempt);
