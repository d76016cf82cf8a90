#pragma once
#include "base/clock.h"
#include "base/httpclient.h"
#include "model/config.h"
#include "notify/notice.h"

/*
 * One attempt at one notice over one channel. A table (delivery.c) says for each kind of channel
 * how an attempt is made and what an answer means.
 */
struct delivery;

enum delivery_outcome { DELIVERY_SENT, DELIVERY_RETRY, DELIVERY_NEVER };

struct delivery_result {
	enum delivery_outcome outcome;
	uint16_t code;    /* HTTP status or SMTP code, 0: none */
	char detail[240]; /* for people: "ok" or why not */
};

struct delivery_job {
	const struct config *config;
	const struct config_channel *channel;
	const struct notice *notice;
	struct wall now;
};

typedef void (*delivery_done_fn)(void *owner, const struct delivery_result *result);

/*
 * Begins; nothing of the job is needed afterwards. `done` is called once, never from inside this
 * call. NULL: it could not even begin, `*refused` says what that means.
 */
struct delivery *delivery_start(struct httpclient *http, const struct delivery_job *job,
	delivery_done_fn done, void *owner, struct delivery_result *refused);

/* Ends it without a callback. Not after `done` was called. */
void delivery_cancel(struct delivery *delivery);
