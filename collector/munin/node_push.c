/*
 * connect -> hello of the server -> our claim -> its proof -> dialogue, until the connection ends;
 * then wait and connect anew. A dialogue that lasted shows that the server takes us, so the wait
 * begins short again.
 */
#include "collector/munin/node_push.h"

#include <string.h>

#include "base/address.h"
#include "base/log.h"
#include "base/secret.h"
#include "collector/munin/push_proof.h"

#include "base/banned.h"

enum { PUSH_WAIT_LEAST_MS = 1000, PUSH_WAIT_MOST_MS = 60000, PUSH_LASTED_MS = 60000 };
enum { PUSH_CONNECT_MS = 30000, PUSH_KEEPALIVE_S = 20 };
#define PUSH_FOREVER_MS                                                                            \
	INT64_C(315360000000) /* ten years: a dead server is the keepalive's matter */

struct node_push {
	struct node_push_options options;
	char host[ADDRESS_HOST_MAX + 1]; /* of the server */
	uint16_t port;
	struct tls_credentials *credentials;
	struct loop_timer *timer;
	struct stream *stream;          /* in its greeting */
	struct node_dialogue *dialogue; /* afterwards */
	struct mono since;
	int64_t wait_ms;
	char *claimed; /* our name in the greeting under way */
	char nonce[PUSH_HEX + 1], expected[PUSH_HEX + 1];
	bool has_claimed, failing;
};

static void node_push_drop(struct node_push *push)
{
	stream_destroy(STEAL(push->stream));
	node_dialogue_destroy(STEAL(push->dialogue));
	g_clear_pointer(&push->claimed, g_free);
	push->has_claimed = false;
}

static void node_push_again(struct node_push *push, const char *why)
{
	node_push_drop(push);
	int64_t wait_ms = (int64_t)((double)push->wait_ms * (0.75 + g_random_double() / 2));
	if (!push->failing) {
		log_warn("push.lost", "server=%s error=\"%s\" next=\"connect again, in %lld ms first\"",
			push->options.server, log_safe(why), (long long)wait_ms);
	}
	push->failing = true;
	push->wait_ms = MIN(push->wait_ms * 2, PUSH_WAIT_MOST_MS);
	loop_timer_after(push->timer, wait_ms);
}

/* -- the dialogue -- */

static void node_push_over(void *owner, const struct error *why)
{
	struct node_push *push = owner;
	if (mono_now().ms - push->since.ms >= PUSH_LASTED_MS) {
		push->wait_ms = PUSH_WAIT_LEAST_MS;
	}
	node_push_again(push, why->kind == ERR_NONE ? "the server ended the connection" : why->text);
}

static void node_push_serve(struct node_push *push)
{
	struct stream *stream = STEAL(push->stream);
	log_info("push.connected", "server=%s as=%s", push->options.server, push->claimed);
	push->since = mono_now();
	push->failing = false;
	push->dialogue =
		node_dialogue_take(&(struct node_dialogue_options){.matter = push->options.matter,
							   .master = push->host,
							   .deadline_ms = PUSH_FOREVER_MS,
							   .secured = true,
							   .over = node_push_over,
							   .owner = push},
			stream);
}

/* -- the greeting -- */

static void node_push_claim(struct node_push *push, const char *server_nonce)
{
	struct error err;
	char proof[PUSH_HEX + 1];
	char *token = secret_read(push->options.token_file, &err);
	if (!token) {
		node_push_again(push, err.text);
		return;
	}
	g_free(push->claimed);
	push->claimed = g_strdup(push->options.matter->host);
	struct push_claim claim = {push->claimed, server_nonce, push->nonce};
	push_nonce(push->nonce);
	push_proof(&claim, PUSH_NODE, token, proof);
	push_proof(&claim, PUSH_SERVER, token, push->expected);
	secret_free(token);
	g_autofree char *line =
		g_strconcat(PUSH_CLAIM, push->claimed, " ", push->nonce, " ", proof, "\n", NULL);
	push->has_claimed = true;
	stream_send_text(push->stream, line);
}

static void node_push_line(struct node_push *push, const char *line)
{
	char hex[PUSH_HEX + 1];
	if (!push->has_claimed && push_parse_word(line, PUSH_HELLO, hex)) {
		node_push_claim(push, hex);
	} else if (push->has_claimed && push_parse_word(line, PUSH_OK, hex)) {
		if (push_proof_same(hex, push->expected)) {
			node_push_serve(push);
		} else {
			node_push_again(push, "the server does not know our token");
		}
	} else if (!strcmp(line, PUSH_REFUSED)) {
		node_push_again(push, "the server refused us: another token or name than it knows, or "
							  "this host is connected already");
	} else {
		node_push_again(push, "what answers there is no server of Magpie's");
	}
}

static void node_push_on_open(void *owner UNUSED)
{
	/* the server speaks first */
}

static void node_push_on_data(void *owner)
{
	struct node_push *push = owner;
	size_t length;
	bool too_long = false;
	const char *line;
	while (push->stream && (line = stream_line(push->stream, &length, &too_long))) {
		g_autofree char *copy = g_strndup(line, length);
		node_push_line(push, copy);
	}
	if (push->stream && too_long) {
		node_push_again(push, "what answers there is no server of Magpie's");
	}
}

static void node_push_on_closed(void *owner, const struct error *why)
{
	node_push_again(owner, why->kind == ERR_NONE ? "the server closed the connection" : why->text);
}

static void node_push_connect(void *owner)
{
	static const struct stream_handlers handlers = {
		.open = node_push_on_open, .data = node_push_on_data, .closed = node_push_on_closed};
	struct node_push *push = owner;
	struct error err;
	struct tls_settings tls = {
		.credentials = push->credentials, .peer = push->host, .verify = true};
	struct stream_target target = {.host = push->host,
		.port = push->port,
		.tls = &tls,
		.anywhere = true,
		.deadline_ms = PUSH_CONNECT_MS,
		.keepalive_s = PUSH_KEEPALIVE_S,
		.input_max = NODE_DIALOGUE_LINE};
	push->stream = stream_connect(
		push->options.matter->loop, push->options.resolver, &target, &handlers, push, &err);
	if (!push->stream) {
		node_push_again(push, err.text);
	}
}

/* -- life -- */

struct node_push *node_push_create(const struct node_push_options *options, struct error *err)
{
	struct node_push *push = g_new0(struct node_push, 1);
	struct tls_identity identity = {.ca_file = options->ca};
	push->options = *options;
	push->wait_ms = PUSH_WAIT_LEAST_MS;
	push->timer = loop_timer_create(options->matter->loop, node_push_connect, push);
	if (!address_parse_endpoint(options->server, push->host, &push->port, err) ||
		!(push->credentials = tls_credentials_create(&identity, err))) {
		node_push_destroy(push);
		return NULL;
	}
	loop_timer_after(push->timer, 0);
	return push;
}

void node_push_destroy(struct node_push *push)
{
	if (!push) {
		return;
	}
	node_push_drop(push);
	loop_timer_destroy(push->timer);
	tls_credentials_unref(push->credentials);
	g_free(push);
}

void node_push_wake(struct node_push *push)
{
	if (push->dialogue) {
		node_dialogue_wake(push->dialogue);
	}
}
