/*
 * The token is looked at for its form only; so what is sent on is short and holds no control
 * characters.
 */
#include "web/order.h"
#include "web/question.h"
#include "web/server.h"

#include <string.h>

#include "base/banned.h"

enum { TOKEN_MAX = 128 };

/* The token of "Bearer TOKEN"; NULL: none that could be one. */
static const char *bearer(const struct request *request)
{
	static const char scheme[] = "Bearer ";
	const char *field = request->authorization;
	if (!field || g_ascii_strncasecmp(field, scheme, sizeof(scheme) - 1) != 0) {
		return NULL;
	}
	const char *token = field + sizeof(scheme) - 1;
	size_t length = strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
								  "_-.~+/=");
	return *token && !token[length] && length <= TOKEN_MAX ? token : NULL;
}

static bool is_json(const struct request *request)
{
	static const char type[] = "application/json";
	const char *given = request->content_type ? request->content_type : "";
	size_t length = strcspn(given, "; ");
	return length == strlen(type) && !g_ascii_strncasecmp(given, type, length);
}

json_t *order_body(struct exchange *x, size_t most_bytes)
{
	const struct request *request = &x->request;
	if (!is_json(request)) {
		reply_problem(&x->reply, 415, "the body has to be application/json");
		return NULL;
	}
	json_t *body = request->body && request->body->len <= most_bytes
					   ? json_loadb((const char *)request->body->data, request->body->len,
							 JSON_REJECT_DUPLICATES, NULL)
					   : NULL;
	if (!json_is_object(body)) {
		json_decref(body);
		reply_problem(
			&x->reply, 400, "the body has to be a JSON object of at most %zu bytes", most_bytes);
		return NULL;
	}
	return body;
}

struct sent {
	struct exchange *x;
	unsigned status;
};

static void answered(void *owner, const char *json, const struct error *err)
{
	struct sent *sent = owner;
	struct exchange *x = sent->x;
	if (json) {
		g_string_append(reply_text(&x->reply, sent->status, "application/json"), json);
	} else {
		reply_error(&x->reply, err);
	}
	g_free(sent);
	exchange_answer(x);
}

void order_send(struct web *web, struct exchange *x, const struct order *order)
{
	struct error err = {.kind = ERR_NONE};
	const char *token = order->open ? "" : bearer(&x->request);
	if (!token) {
		reply_problem(&x->reply, 401,
			"this needs the administrator's token (DATA/admin.token), sent as: Authorization: "
			"Bearer TOKEN");
		return;
	}
	struct sent *sent = g_new(struct sent, 1);
	*sent = (struct sent){x, order->status};
	const struct question question = {
		.token = token, .verb = order->verb, .json = order->json, .done = answered, .owner = sent};
	if (question_ask(web->questions, web->engine, &question, &err)) {
		exchange_hold(x);
	} else {
		g_free(sent);
		reply_error(&x->reply, &err);
	}
}
