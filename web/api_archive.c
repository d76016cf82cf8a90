#include "base/auto.h"
#include "base/number.h"
#include "web/api.h"
#include "web/question.h"
#include "web/server.h"
#include "web/web.h"

#include <string.h>

#include <jansson.h>

#include "base/banned.h"

/*
 * Long work on the archive: begun by POST, followed by GET. The engine decides who may: this role
 * hands the token over and keeps nothing of it. A page of another site was refused by the router; a
 * form of one cannot send JSON (hostile 56).
 */
enum { TOKEN_MAX = 128, ARGUMENT_MAX = 40000 };

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

static void answer(struct exchange *x, unsigned status, const char *json, const struct error *err)
{
	if (json) {
		g_string_append(reply_text(&x->reply, status, "application/json"), json);
	} else {
		reply_error(&x->reply, err);
	}
	exchange_answer(x);
}

static void begun(void *owner, const char *json, const struct error *err)
{
	answer(owner, 202, json, err);
}

static void shown(void *owner, const char *json, const struct error *err)
{
	answer(owner, 200, json, err);
}

static void ask(struct web *web, struct exchange *x, struct question question)
{
	struct error err = {.kind = ERR_NONE};
	question.owner = x;
	if (question_ask(web->questions, web->engine, &question, &err)) {
		exchange_hold(x);
	} else {
		reply_error(&x->reply, &err);
	}
}

/* The body as one line of JSON with nothing but a verb and its argument in it (free()). */
static char *read_order(const struct request *request, struct error *err)
{
	json_error_t why;
	json_t *body = request->body ? json_loadb((const char *)request->body->data, request->body->len,
									   JSON_REJECT_DUPLICATES, &why)
								 : NULL;
	json_t *argument = json_object_get(body, "argument");
	char *text = NULL;
	if (json_is_string(json_object_get(body, "verb")) && json_object_size(body) == 2 &&
		json_is_object(argument)) {
		text = json_dumps(body, JSON_COMPACT);
	}
	json_decref(body);
	if (!text || strlen(text) > ARGUMENT_MAX) {
		free(text);
		error_set(err, ERR_CONFIG,
			"{\"verb\": TEXT, \"argument\": {…}} is wanted, at most %d bytes", ARGUMENT_MAX);
		return NULL;
	}
	return text;
}

void api_archive_task(struct web *web, struct exchange *x)
{
	struct error err = {.kind = ERR_NONE};
	const char *token = bearer(&x->request);
	if (!token) {
		reply_problem(&x->reply, 401,
			"this needs the administrator's token (DATA/admin.token), sent as: Authorization: "
			"Bearer TOKEN");
		return;
	}
	if (!is_json(&x->request)) {
		reply_problem(&x->reply, 415, "the body has to be application/json");
		return;
	}
	AUTO_FREE char *order = read_order(&x->request, &err);
	if (!order) {
		reply_error(&x->reply, &err);
		return;
	}
	ask(web, x,
		(struct question){.token = token, .verb = "archive.task", .json = order, .done = begun});
}

void api_archive_tasks(struct web *web, struct exchange *x)
{
	ask(web, x,
		(struct question){.token = "", .verb = "archive.tasks", .json = "{}", .done = shown});
}

void api_archive_one(struct web *web, struct exchange *x)
{
	const char *text = x->request.variable[0];
	long long id;
	if (!number_parse_int(text, strlen(text), 1, INT64_MAX, &id)) {
		reply_problem(&x->reply, 404, "tasks have numbers");
		return;
	}
	g_autofree char *json = g_strdup_printf("{\"id\":%lld}", id);
	ask(web, x,
		(struct question){.token = "", .verb = "archive.tasks", .json = json, .done = shown});
}
