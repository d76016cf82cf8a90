#include "notify/send.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "notify/render.h"
#include "base/secret.h"

#include "base/banned.h"

/*
 * A POST of the Alertmanager body. Any 2xx is success, whatever else the receiver says; 4xx but 408
 * and 429 and any redirect will never work. How long to wait before the next attempt is the
 * engine's business: Retry-After is not read, so nobody can hold us off.
 */
enum { ANSWER_MAX = 4096 };

/* The header line with the signature of `body`, NULL with an error, "" where none is wanted. */
static char *send_webhook_signature(
	const struct config_channel *channel, const char *body, struct error *err)
{
	if (!channel->secret_file) {
		return g_strdup("");
	}
	char *secret = secret_read(channel->secret_file, err);
	if (!secret) {
		if (err->kind == ERR_CONFIG) {
			err->kind = ERR_STORAGE; /* somebody may mend the file */
		}
		return NULL;
	}
	g_autofree char *mac = g_compute_hmac_for_string(
		G_CHECKSUM_SHA256, (const unsigned char *)secret, strlen(secret), body, -1);
	secret_free(secret);
	return g_strconcat("X-Magpie-Signature: sha256=", mac, NULL);
}

struct httpclient_transfer *send_webhook_start(struct httpclient *http,
	const struct delivery_job *job, httpclient_done_fn done, void *owner, struct error *err)
{
	g_autofree char *body = render_json(job->notice, job->channel->name, job->config->base_url);
	g_autofree char *signature = send_webhook_signature(job->channel, body, err);
	if (!signature) {
		return NULL;
	}
	/* a digest, because the key may hold any character */
	g_autofree char *digest =
		g_compute_checksum_for_string(G_CHECKSUM_SHA256, job->notice->dedup_key, -1);
	g_autofree char *key = g_strconcat("Idempotency-Key: ", digest, NULL);
	const char *const headers[] = {"Content-Type: application/json", "User-Agent: Magpie", key,
		*signature ? signature : NULL, NULL};
	struct httpclient_request request = {
		.method = "POST",
		.url = job->channel->address,
		.headers = headers,
		.body = body,
		.body_length = strlen(body),
		.response_max = ANSWER_MAX,
	};
	return httpclient_start(http, &request, done, owner, err);
}

static enum delivery_outcome send_webhook_outcome(long status)
{
	if (status >= 200 && status < 300) {
		return DELIVERY_SENT;
	}
	bool later = status < 300 || status == 408 || status == 429 || status >= 500;
	return later ? DELIVERY_RETRY : DELIVERY_NEVER;
}

struct delivery_result send_webhook_judge(
	const struct httpclient_result *result, uint32_t attempt UNUSED)
{
	struct delivery_result judged = {.code = (uint16_t)result->status};
	bool accepted = result->status >= 200 && result->status < 300;
	if (result->error.kind != ERR_NONE && !accepted) {
		judged.outcome = result->error.kind == ERR_CONFIG ? DELIVERY_NEVER : DELIVERY_RETRY;
		text_copy(judged.detail, sizeof(judged.detail), result->error.text);
		return judged;
	}
	judged.outcome = send_webhook_outcome(result->status);
	if (accepted) {
		text_copy(judged.detail, sizeof(judged.detail), "ok");
	} else {
		g_autofree char *said = text_clean(result->body, result->length, 120);
		snprintf(judged.detail, sizeof(judged.detail), "the receiver answered %ld%s%s%s",
			result->status, result->status / 100 == 3 ? " (redirects are not followed)" : "",
			*said ? ": " : "", said);
	}
	return judged;
}
