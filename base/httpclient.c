#include "base/httpclient_parts.h"

#include <assert.h>
#include <string.h>

#include <glib.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/worker.h"

#include "base/banned.h"

/*
 * HTTP: one multi handle per client, driven by the loop: libcurl says which descriptors it waits
 * for (a loop_watch each) and when it wants to be woken (one timer). Finished transfers are told
 * from httpclient_collect() only, never from inside libcurl, so a callback may start, cancel and
 * destroy.
 *
 * Mail: libcurl waits for the answer behind a message and for the one to QUIT inside of one call
 * (lib/smtp.c, smtp_done and smtp_disconnect of 7.88), which would hold up the loop for as long as
 * a server is silent. So each message is sent by one of a few workers, which touches nothing but
 * its transfer; the progress callback ends it when it was cancelled or its time is over.
 *
 * I1: `alive` (a flag on the stack that destroy clears) is looked at after each callback. I2: a
 * transfer is out of the client's set before its callback runs. I3: between worker_submit() and the
 * worker's `done` a mail transfer's fields are the worker's, all but `cancelled`.
 */
enum {
	CONNECTIONS_MAX = 512, /* a hundred that do not answer must not hold up the others */
	HOST_CONNECTIONS_MAX = 4,
	SLOW_BYTES = 1,
	SLOW_S = 30,
	MAIL_WORKERS = 4,
	QUIT_MS = 1000, /* for the answer to QUIT, when the message is long accepted */
};

struct httpclient {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	GHashTable *transfers; /* set of struct httpclient_transfer * */
	bool *alive;           /* see I1 */
	struct worker *workers[MAIL_WORKERS];
	unsigned next_worker;
	struct loop_timer *mail_timer;
	GQueue mails_done; /* struct httpclient_transfer *, back from their workers */
};

void httpclient_free_transfer(struct httpclient_transfer *t)
{
	if (t->easy) {
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->recipients);
	g_free(t->upload);
	g_string_free(t->response, TRUE);
	g_free(t);
}

void httpclient_cancel(struct httpclient_transfer *t)
{
	if (t->mail) {
		atomic_store(&t->cancelled, true); /* freed when its worker gives it back */
		return;
	}
	g_hash_table_remove(t->client->transfers, t);
	curl_multi_remove_handle(t->client->multi, t->easy);
	httpclient_free_transfer(t);
}

/* -- what libcurl calls -- */

static uint64_t httpclient_expected(CURL *easy)
{
	curl_off_t length = -1;
	struct curl_header *header = NULL;
	curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length < 0 && curl_easy_header(easy, "Magpie-Expected-Bytes", 0, CURLH_HEADER, -1,
						  &header) == CURLHE_OK) {
		length = (curl_off_t)g_ascii_strtoll(header->value, NULL, 10);
	}
	return length > 0 ? (uint64_t)length : 0;
}

/* Whether the answer is one that the sink takes. */
static bool httpclient_sinks(const struct httpclient_transfer *t)
{
	long status = 0;
	if (t->sink) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	}
	return status >= 200 && status <= 299;
}

static size_t httpclient_on_body(char *bytes, size_t size, size_t count, void *owner)
{
	struct httpclient_transfer *t = owner;
	size_t length = size * count;
	if (httpclient_sinks(t)) {
		t->sunk = true;
		t->stopped = !t->sink->take(t->sink->owner, bytes, length, httpclient_expected(t->easy));
		return t->stopped ? 0 : length; /* 0 ends the transfer */
	}
	size_t room = t->response_max - t->response->len;
	g_string_append_len(t->response, bytes, (gssize)MIN(length, room));
	if (length > room) {
		t->truncated = true;
		return 0; /* ends the transfer */
	}
	return length;
}

static size_t httpclient_on_upload(char *room, size_t size, size_t count, void *owner)
{
	struct httpclient_transfer *t = owner;
	size_t length = MIN(size * count, t->upload_length - t->upload_at);
	memcpy(room, t->upload + t->upload_at, length);
	t->upload_at += length;
	return length;
}

static curl_socket_t httpclient_on_open(
	void *owner, curlsocktype purpose UNUSED, struct curl_sockaddr *address)
{
	struct httpclient_transfer *t = owner;
	enum address_class class = address_classify(&address->addr);
	if (class != ADDRESS_WIDE && (class != t->allowed || class == ADDRESS_NO_HOST)) {
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* -- results -- */

static enum error_kind httpclient_kind(const struct httpclient_transfer *t, CURLcode code)
{
	if (t->refused) {
		return ERR_DENIED;
	}
	switch (code) {
	case CURLE_OK: return ERR_NONE;
	case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
	case CURLE_LOGIN_DENIED: return ERR_DENIED;
	case CURLE_URL_MALFORMAT: return ERR_CONFIG;
	case CURLE_UNSUPPORTED_PROTOCOL: /* the answer is none of HTTP */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
	case CURLE_USE_SSL_FAILED:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_BAD_CONTENT_ENCODING: return ERR_PROTOCOL;
	default: return ERR_UNREACHABLE;
	}
}

void httpclient_describe(
	struct httpclient_transfer *t, CURLcode code, struct httpclient_result *result)
{
	char *type = NULL;
	curl_off_t connect_us = 0;
	curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
	result->connected = connect_us > 0;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &result->status);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	if (t->truncated && code == CURLE_WRITE_ERROR) {
		code = CURLE_OK;
	}
	enum error_kind kind = httpclient_kind(t, code);
	if (t->refused && code == CURLE_OK) {
		kind = ERR_NONE; /* one of several addresses was refused, another one served */
	}
	if (kind != ERR_NONE) {
		const char *text = t->message[0] ? t->message : curl_easy_strerror(code);
		g_autofree char *clean = text_clean(text, strlen(text), 200);
		error_set(&result->error, kind, "%s",
			t->refused ? "the name leads to an address of this machine or link, which only a URL "
						 "that names it may reach"
					   : clean);
	}
	result->body = t->response->str;
	result->length = t->response->len;
	result->truncated = t->truncated;
	result->handed_over = t->mail && t->upload_at == t->upload_length;
	result->content_type = type ? type : "";
}

static void httpclient_tell(struct httpclient *client, struct httpclient_transfer *t, CURLcode code)
{
	struct httpclient_result result = {.error = {.kind = ERR_NONE}};
	httpclient_describe(t, code, &result);
	g_hash_table_remove(client->transfers, t);
	if (!t->mail) {
		curl_multi_remove_handle(client->multi, t->easy);
	}
	if (!atomic_load(&t->cancelled)) {
		t->done(t->owner, &result);
	}
	httpclient_free_transfer(t);
}

static void httpclient_collect(struct httpclient *client)
{
	bool alive = true;
	bool *outer = client->alive;
	client->alive = &alive;
	int left;
	CURLMsg *message;
	while (alive && (message = curl_multi_info_read(client->multi, &left))) {
		if (message->msg == CURLMSG_DONE) {
			struct httpclient_transfer *t = NULL;
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
			httpclient_tell(client, t, message->data.result);
		}
	}
	struct httpclient_transfer *mail;
	while (alive && (mail = g_queue_pop_head(&client->mails_done))) {
		httpclient_tell(client, mail, mail->code);
	}
	if (alive) {
		client->alive = outer;
	} else if (outer) {
		*outer = false;
	}
}

/* -- libcurl and the loop (reliability C6) -- */

static void httpclient_on_event(void *owner, int fd, unsigned events)
{
	struct httpclient *client = owner;
	int running;
	int mask = (events & LOOP_READABLE ? CURL_CSELECT_IN : 0) |
			   (events & LOOP_WRITABLE ? CURL_CSELECT_OUT : 0);
	curl_multi_socket_action(client->multi, fd, mask, &running);
	httpclient_collect(client);
}

static void httpclient_on_time(void *owner)
{
	struct httpclient *client = owner;
	int running;
	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	httpclient_collect(client);
}

static void httpclient_on_mail(void *owner)
{
	httpclient_collect(owner);
}

static int httpclient_want_time(CURLM *multi UNUSED, long ms, void *owner)
{
	struct httpclient *client = owner;
	if (ms < 0) {
		loop_timer_stop(client->timer);
	} else {
		loop_timer_after(client->timer, ms);
	}
	return 0;
}

static int httpclient_want_socket(
	CURL *easy UNUSED, curl_socket_t fd, int what, void *owner, void *socket_owner)
{
	struct httpclient *client = owner;
	struct loop_watch *watch = socket_owner;
	if (what == CURL_POLL_REMOVE) {
		loop_watch_remove(watch);
		curl_multi_assign(client->multi, fd, NULL);
		return 0;
	}
	unsigned events =
		(what & CURL_POLL_IN ? LOOP_READABLE : 0U) | (what & CURL_POLL_OUT ? LOOP_WRITABLE : 0U);
	if (watch) {
		loop_watch_change(watch, events);
		return 0;
	}
	watch = loop_watch_add(client->loop, fd, events, httpclient_on_event, client, NULL);
	curl_multi_assign(client->multi, fd, watch);
	return watch ? 0 : -1;
}

struct httpclient *httpclient_create(struct loop *loop)
{
	struct httpclient *client = g_new0(struct httpclient, 1);
	curl_global_init(CURL_GLOBAL_DEFAULT); /* counted by libcurl; taken back in destroy */
	client->loop = loop;
	client->multi = curl_multi_init();
	assert(client->multi);
	client->timer = loop_timer_create(loop, httpclient_on_time, client);
	client->mail_timer = loop_timer_create(loop, httpclient_on_mail, client);
	client->transfers = g_hash_table_new(NULL, NULL);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, httpclient_want_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, httpclient_want_time);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
	curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HOST_CONNECTIONS_MAX);
	return client;
}

void httpclient_destroy(struct httpclient *client)
{
	if (!client) {
		return;
	}
	if (client->alive) {
		*client->alive = false;
	}
	GHashTableIter iter;
	gpointer key;
	g_hash_table_iter_init(&iter, client->transfers);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		struct httpclient_transfer *t = key;
		atomic_store(&t->cancelled, true);
	}
	for (size_t i = 0; i < MAIL_WORKERS; i++) {
		worker_destroy(client->workers[i]); /* from here on all transfers are ours again */
	}
	g_hash_table_iter_init(&iter, client->transfers);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		struct httpclient_transfer *t = key;
		if (!t->mail) {
			curl_multi_remove_handle(client->multi, t->easy);
		}
		httpclient_free_transfer(t);
	}
	g_hash_table_destroy(client->transfers);
	g_queue_clear(&client->mails_done);
	curl_multi_cleanup(client->multi);
	loop_timer_destroy(client->timer);
	loop_timer_destroy(client->mail_timer);
	curl_global_cleanup();
	g_free(client);
}

/* -- starting -- */

static struct httpclient_transfer *httpclient_begin(const char *url, const char *const *schemes,
	const char *protocols, int64_t timeout_ms, struct error *err)
{
	struct address_url parts;
	if (!address_parse_url(url, schemes, &parts, err)) {
		return NULL;
	}
	struct httpclient_transfer *t = g_new0(struct httpclient_transfer, 1);
	timeout_ms = timeout_ms ? timeout_ms : HTTPCLIENT_TIMEOUT_MS;
	t->timeout_ms = timeout_ms;
	t->response = g_string_new(NULL);
	t->allowed = address_class_of_host(parts.host);
	t->easy = curl_easy_init();
	assert(t->easy);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->message);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTPCLIENT_CONNECT_MS);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
	/* else the end of a transfer waits for its name server, however long that is silent */
	curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(
		t->easy, CURLOPT_PROXY, ""); /* an environment's proxy would hide the address */
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, httpclient_on_open);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, httpclient_on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_URL, url);
	return t;
}

static void httpclient_enter(
	struct httpclient *client, struct httpclient_transfer *t, httpclient_done_fn done, void *owner)
{
	t->client = client;
	t->done = done;
	t->owner = owner;
	g_hash_table_add(client->transfers, t);
}

static bool httpclient_set_headers(
	struct httpclient_transfer *t, const char *const *headers, struct error *err)
{
	for (size_t i = 0; headers && headers[i]; i++) {
		for (const char *p = headers[i]; *p; p++) {
			if ((unsigned char)*p < ' ' || *p == 0x7f) {
				return error_set(err, ERR_CONFIG, "a header holds a control character");
			}
		}
		t->headers = curl_slist_append(t->headers, headers[i]);
	}
	t->headers = curl_slist_append(t->headers, "Expect:"); /* no waiting for "100 Continue" */
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	return true;
}

static void httpclient_set_tls(
	struct httpclient_transfer *t, const struct httpclient_request *request)
{
	if (request->unverified) {
		curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (request->ca_file) {
		curl_easy_setopt(t->easy, CURLOPT_CAINFO, request->ca_file);
		curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
	}
	if (request->certificate && request->key) {
		curl_easy_setopt(t->easy, CURLOPT_SSLCERT, request->certificate);
		curl_easy_setopt(t->easy, CURLOPT_SSLKEY, request->key);
	}
}

struct httpclient_transfer *httpclient_prepare(
	const struct httpclient_request *request, struct error *err)
{
	static const char *const schemes[] = {"http", "https", NULL};
	struct httpclient_transfer *t =
		httpclient_begin(request->url, schemes, "http,https", request->timeout_ms, err);
	if (!t) {
		return NULL;
	}
	t->response_max = request->response_max;
	httpclient_set_tls(t, request);
	if (!httpclient_set_headers(t, request->headers, err)) {
		httpclient_free_transfer(t);
		return NULL;
	}
	if (request->body) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
		curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, request->body);
	}
	if (request->method) {
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, request->method);
	}
	return t;
}

struct httpclient_transfer *httpclient_start(struct httpclient *client,
	const struct httpclient_request *request, httpclient_done_fn done, void *owner,
	struct error *err)
{
	struct httpclient_transfer *t = httpclient_prepare(request, err);
	if (t) {
		httpclient_enter(client, t, done, owner);
		CURLMcode code = curl_multi_add_handle(client->multi, t->easy);
		assert(code == CURLM_OK);
	}
	return t;
}

/* -- mail -- */

/* In the worker's thread, at least once a second while libcurl waits; non-zero ends the transfer.
 */
static int httpclient_on_progress(void *owner, curl_off_t down_total UNUSED, curl_off_t down UNUSED,
	curl_off_t up_total UNUSED, curl_off_t up UNUSED)
{
	struct httpclient_transfer *t = owner;
	long code = 0;
	int64_t now_ms = mono_now().ms;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
	if (t->upload_at == t->upload_length && code == 250 && !t->quit_deadline.ms) {
		t->quit_deadline.ms = now_ms + QUIT_MS;
	}
	return atomic_load(&t->cancelled) || now_ms >= t->deadline.ms ||
		   (t->quit_deadline.ms && now_ms >= t->quit_deadline.ms);
}

static void httpclient_run_mail(void *job)
{
	struct httpclient_transfer *t = job;
	t->code = CURLE_ABORTED_BY_CALLBACK;
	if (!atomic_load(&t->cancelled)) {
		t->deadline.ms =
			mono_now().ms + t->timeout_ms; /* what it waited for a worker is no fault */
		t->code = curl_easy_perform(t->easy);
	}
	if (t->code == CURLE_ABORTED_BY_CALLBACK) {
		t->code = CURLE_OPERATION_TIMEDOUT;
	}
}

static void httpclient_mail_back(void *job)
{
	struct httpclient_transfer *t = job;
	g_queue_push_tail(&t->client->mails_done, t);
	loop_timer_after(t->client->mail_timer, 0); /* so that no callback runs inside the worker's */
}

static struct worker *httpclient_worker(struct httpclient *client)
{
	unsigned index = client->next_worker++ % MAIL_WORKERS;
	if (!client->workers[index]) {
		client->workers[index] = worker_create(client->loop, "mail");
	}
	return client->workers[index];
}

static void httpclient_set_mail(
	struct httpclient_transfer *t, const struct httpclient_mail *mail, const char *url)
{
	static const long tls[] = {
		[HTTPCLIENT_TLS_REQUIRED] = CURLUSESSL_ALL, /* not TRY: that sends in clear (C2) */
		[HTTPCLIENT_TLS_OPTIONAL] = CURLUSESSL_TRY,
		[HTTPCLIENT_TLS_NONE] = CURLUSESSL_NONE,
	};
	g_autofree char *from = g_strdup_printf("<%s>", mail->from);
	g_autofree char *recipient = g_strdup_printf("<%s>", mail->recipient);
	t->mail = true;
	t->upload = g_memdup2(mail->message, mail->message_length);
	t->upload_length = mail->message_length;
	t->recipients = curl_slist_append(NULL, recipient);
	curl_easy_setopt(t->easy, CURLOPT_URL, url);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT, t->recipients);
	curl_easy_setopt(t->easy, CURLOPT_USE_SSL, tls[mail->tls]);
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->message_length);
	curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, httpclient_on_upload);
	curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L); /* so QUIT is said in the worker, too */
	curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, httpclient_on_progress);
	curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
	if (mail->user && mail->password) {
		curl_easy_setopt(t->easy, CURLOPT_USERNAME, mail->user);
		curl_easy_setopt(t->easy, CURLOPT_PASSWORD, mail->password);
	}
}

struct httpclient_transfer *httpclient_send_mail(struct httpclient *client,
	const struct httpclient_mail *mail, httpclient_done_fn done, void *owner, struct error *err)
{
	static const char *const schemes[] = {"smtp", "smtps", NULL};
	/* libcurl would put a line end in an address on the wire (C1) */
	if (!address_check_mail(mail->from, err) || !address_check_mail(mail->recipient, err)) {
		return NULL;
	}
	if (mail->helo && !text_is_plain(mail->helo, ADDRESS_HOST_MAX)) {
		error_set(err, ERR_CONFIG, "own name for EHLO is no host name");
		return NULL;
	}
	struct httpclient_transfer *t =
		httpclient_begin(mail->url, schemes, "smtp,smtps", mail->timeout_ms, err);
	if (!t) {
		return NULL;
	}
	g_autofree char *url = g_strconcat(mail->url, mail->helo ? "/" : "", mail->helo, NULL);
	httpclient_set_mail(t, mail, url);
	httpclient_enter(client, t, done, owner);
	worker_submit(httpclient_worker(client), httpclient_run_mail, httpclient_mail_back, t);
	return t;
}
