#include "notify/delivery.h"

#include "base/text.h"
#include "notify/send.h"

#include "base/banned.h"

/* The table of channel kinds, and what is common to all: begin, wait for the answer, judge it. */

struct delivery_kind {
	struct httpclient_transfer *(*start)(struct httpclient *http, const struct delivery_job *job,
		httpclient_done_fn done, void *owner, struct error *err);
	struct delivery_result (*judge)(const struct httpclient_result *result, uint32_t attempt);
};

static const struct delivery_kind kinds[] = {
	[CONFIG_CHANNEL_EMAIL] = {send_mail_start, send_mail_judge},
	[CONFIG_CHANNEL_WEBHOOK] = {send_webhook_start, send_webhook_judge},
};

struct delivery {
	const struct delivery_kind *kind;
	struct httpclient_transfer *transfer;
	uint32_t attempt;
	delivery_done_fn done;
	void *owner;
};

static void delivery_answered(void *owner, const struct httpclient_result *result)
{
	struct delivery *delivery = owner;
	struct delivery_result judged = delivery->kind->judge(result, delivery->attempt);
	delivery->done(delivery->owner, &judged);
	g_free(delivery);
}

struct delivery *delivery_start(struct httpclient *http, const struct delivery_job *job,
	delivery_done_fn done, void *owner, struct delivery_result *refused)
{
	struct delivery *delivery = g_new0(struct delivery, 1);
	struct error err = {.kind = ERR_NONE};
	delivery->kind = &kinds[job->channel->kind];
	delivery->attempt = job->notice->attempt;
	delivery->done = done;
	delivery->owner = owner;
	delivery->transfer = delivery->kind->start(http, job, delivery_answered, delivery, &err);
	if (!delivery->transfer) {
		*refused = (struct delivery_result){
			.outcome = err.kind == ERR_CONFIG ? DELIVERY_NEVER : DELIVERY_RETRY};
		text_copy(refused->detail, sizeof(refused->detail), err.text);
		g_free(delivery);
		return NULL;
	}
	return delivery;
}

void delivery_cancel(struct delivery *delivery)
{
	if (delivery) {
		httpclient_cancel(delivery->transfer);
		g_free(delivery);
	}
}
