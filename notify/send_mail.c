#include "notify/send.h"

#include <stdio.h>

#include "base/text.h"
#include "notify/mime.h"
#include "notify/render.h"
#include "base/secret.h"

#include "base/banned.h"

/*
 * E-mail by SMTP. Success is the server's 250 behind the message. 5xx will never work, 4xx and no
 * connection may. If the whole message was handed over and no answer came, it may have arrived: the
 * first attempt is repeated once under the same Message-ID, a later one counts as sent. So such a
 * page comes at least once and at most once too often.
 */
static struct httpclient_transfer *send_mail_with_password(struct httpclient *http,
	const struct delivery_job *job, const char *password, httpclient_done_fn done, void *owner,
	struct error *err)
{
	const struct notice *n = job->notice;
	const struct config_smtp *smtp = &job->config->smtp;
	char thread[NOTICE_FINGERPRINT + 1];
	notice_fingerprint(n, thread);
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, n->dedup_key, -1);
	g_autofree char *id = g_strndup(digest, 32);
	g_autofree char *subject = render_subject(n);
	g_autofree char *text = render_text(n);
	g_autofree char *html = render_html(n);
	struct mime_message message = {
		.from_name = "Magpie",
		.from = smtp->from,
		.to = job->channel->address,
		.subject = subject,
		.date = job->now,
		.id = id,
		.thread = thread,
		.domain = job->config->host_name,
		.urgent = n->kind == NOTICE_PROBLEM && n->level == 3,
		.text = text,
		.html = html,
	};
	size_t length;
	g_autofree char *bytes = mime_format(&message, &length);
	static const enum httpclient_tls tls[] = {
		[CONFIG_TLS_REQUIRED] = HTTPCLIENT_TLS_REQUIRED,
		[CONFIG_TLS_OPTIONAL] = HTTPCLIENT_TLS_OPTIONAL,
		[CONFIG_TLS_NONE] = HTTPCLIENT_TLS_NONE,
	};
	struct httpclient_mail mail = {
		.url = smtp->server,
		.helo = job->config->host_name,
		.from = smtp->from,
		.recipient = job->channel->address,
		.user = smtp->user,
		.password = password,
		.message = bytes,
		.message_length = length,
		.tls = tls[smtp->tls],
	};
	return httpclient_send_mail(http, &mail, done, owner, err);
}

struct httpclient_transfer *send_mail_start(struct httpclient *http, const struct delivery_job *job,
	httpclient_done_fn done, void *owner, struct error *err)
{
	const struct config_smtp *smtp = &job->config->smtp;
	if (!smtp->server || !smtp->from) {
		error_set(err, ERR_UNREACHABLE, "no mail server is configured (block smtp)");
		return NULL;
	}
	char *password = NULL;
	if (smtp->password_file) {
		password = secret_read(smtp->password_file, err);
		if (!password) {
			if (err->kind == ERR_CONFIG) {
				err->kind = ERR_STORAGE; /* somebody may mend the file */
			}
			return NULL;
		}
	}
	struct httpclient_transfer *transfer =
		send_mail_with_password(http, job, password, done, owner, err);
	secret_free(password);
	return transfer;
}

struct delivery_result send_mail_judge(const struct httpclient_result *result, uint32_t attempt)
{
	struct delivery_result judged = {.outcome = DELIVERY_SENT, .code = (uint16_t)result->status};
	const struct error *error = &result->error;
	bool refused = error->kind != ERR_NONE && result->status >= 400 && result->status < 600;
	if (error->kind == ERR_NONE) {
		text_copy(judged.detail, sizeof(judged.detail), "ok");
	} else if (refused) {
		judged.outcome = result->status >= 500 ? DELIVERY_NEVER : DELIVERY_RETRY;
		snprintf(judged.detail, sizeof(judged.detail), "the mail server said %ld: %.190s",
			result->status, error->text);
	} else if (result->handed_over && attempt > 1) {
		text_copy(judged.detail, sizeof(judged.detail),
			"no answer behind the message, twice: counts as sent");
	} else {
		judged.outcome = DELIVERY_RETRY;
		text_copy(judged.detail, sizeof(judged.detail), error->text);
	}
	return judged;
}
