#include "magpie/client.h"
#include "base/auto.h"
#include "base/file.h"
#include "base/httpclient.h"
#include "magpie/command.h"
#include "magpie/listen.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Where the server is: the URL given, else the address it wrote to DATA/listen at its start.
 */

enum { ANSWER_MAX = 256 << 20, PROBLEM_MAX = 1 << 20, STREAM_MS = 7 * 86400 * 1000 };

static char *client_base(const struct client *client, struct error *err)
{
	char bound[LISTEN_TEXT];
	if (client->url) {
		size_t length = strlen(client->url);
		while (length && client->url[length - 1] == '/') {
			length--;
		}
		return g_strndup(client->url, length);
	}
	bool found = client->data ? listen_recall(client->data, bound, err)
							  : listen_recall("var", bound, NULL) ||
									listen_recall("/var/lib/magpie", bound, err);
	if (!found) {
		error_set(err, ERR_UNREACHABLE,
			"no server found (%s); is magpie serve running? Name it with --url or --data",
			client->data ? client->data : "looked in ./var and /var/lib/magpie");
		return NULL;
	}
	return g_strdup_printf("http://%s", bound);
}

/* The server's own words from a problem document (RFC 9457), or nothing. */
static void client_explain(
	const struct httpclient_answer *answer, const char *url, struct error *err)
{
	json_t *problem = json_loadb(answer->body, answer->length, 0, NULL);
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *title = json_string_value(json_object_get(problem, "title"));
	error_set(err, answer->status == 404 ? ERR_NOT_FOUND : ERR_PROTOCOL,
		"%.60s answers %ld: %.150s", url, answer->status,
		detail  ? detail
		: title ? title
				: "no explanation");
	json_decref(problem);
}

bool client_get(
	const struct client *client, const char *path, char **body, size_t *length, struct error *err)
{
	g_autofree char *base = client_base(client, err);
	if (!base) {
		return false;
	}
	g_autofree char *url = g_strconcat(base, path, NULL);
	struct httpclient_request request = {.url = url, .response_max = ANSWER_MAX};
	struct httpclient_answer answer = {0};
	if (!httpclient_fetch(&request, &answer, err)) {
		return err->kind == ERR_UNREACHABLE
				   ? error_prefix(err, "is magpie serve running? %.80s", base)
				   : error_prefix(err, "%.80s", base);
	}
	if (answer.status < 200 || answer.status > 299 || answer.truncated) {
		client_explain(&answer, base, err);
		g_free(answer.body);
		return false;
	}
	*body = answer.body;
	*length = answer.length;
	return true;
}

bool client_stream(const struct client *client, const char *path,
	const struct httpclient_sink *sink, struct error *err)
{
	struct error why;
	g_autofree char *base = client_base(client, err);
	if (!base) {
		return false;
	}
	g_autofree char *url = g_strconcat(base, path, NULL);
	/* no limit of the whole: half a minute without a byte ends it (base/httpclient.c) */
	struct httpclient_request request = {
		.url = url, .response_max = PROBLEM_MAX, .timeout_ms = STREAM_MS};
	struct httpclient_answer answer = {0};
	if (!httpclient_fetch_into(&request, sink, &answer, &why)) {
		return why.kind != ERR_CONFLICT && error_set(err, why.kind, "%.80s: %s", base, why.text);
	}
	bool good = answer.status >= 200 && answer.status <= 299;
	if (!good) {
		client_explain(&answer, base, err);
	}
	g_free(answer.body);
	return good;
}

json_t *client_get_json(const struct client *client, const char *path, struct error *err)
{
	g_autofree char *body = NULL;
	size_t length;
	if (!client_get(client, path, &body, &length, err)) {
		return NULL;
	}
	json_error_t problem;
	json_t *json = json_loadb(body, length, JSON_REJECT_DUPLICATES, &problem);
	if (!json) {
		error_set(err, ERR_PROTOCOL, "%s: the answer is no JSON: %s", path, problem.text);
	}
	return json;
}

/* The administrator's token (free()). A loopback server found through a data directory has it
 * there. */
static char *client_token(const struct client *client, struct error *err)
{
	enum { TOKEN_FILE_MAX = 4096 };
	const char *const places[] = {
		client->data ? client->data : "var", client->data ? NULL : "/var/lib/magpie"};
	size_t length;
	if (client->token_file) {
		return file_read(AT_FDCWD, client->token_file, TOKEN_FILE_MAX, &length, err);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(places) && places[i]; i++) {
		g_autofree char *path = g_build_filename(places[i], "admin.token", NULL);
		char *text = file_read(AT_FDCWD, path, TOKEN_FILE_MAX, &length, err);
		if (text || (err && err->kind != ERR_NOT_FOUND)) {
			return text;
		}
	}
	return NULL;
}

/* `json` NULL: DELETE. */
static json_t *client_order(
	const struct client *client, const char *path, const json_t *json, struct error *err)
{
	g_autofree char *base = client_base(client, err);
	AUTO_FREE char *token = base ? client_token(client, err) : NULL;
	if (!token) {
		if (base) {
			error_prefix(err, "this needs the administrator's token");
		}
		return NULL;
	}
	g_autofree char *url = g_strconcat(base, path, NULL);
	g_autofree char *authorization = g_strconcat("Authorization: Bearer ", g_strstrip(token), NULL);
	const char *const headers[] = {"Content-Type: application/json", authorization, NULL};
	AUTO_FREE char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct httpclient_request request = {.method = json ? NULL : "DELETE",
		.url = url,
		.headers = headers,
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.response_max = ANSWER_MAX};
	struct httpclient_answer answer = {0};
	if (!httpclient_fetch(&request, &answer, err)) {
		error_prefix(err, "%.80s", base);
		return NULL;
	}
	json_t *result = NULL;
	if (answer.status < 200 || answer.status > 299) {
		client_explain(&answer, base, err);
	} else if (!(result = json_loadb(answer.body, answer.length, JSON_REJECT_DUPLICATES, NULL))) {
		error_set(err, ERR_PROTOCOL, "%s: the answer is no JSON", path);
	}
	g_free(answer.body);
	return result;
}

json_t *client_post_json(
	const struct client *client, const char *path, const json_t *json, struct error *err)
{
	return client_order(client, path, json, err);
}

bool client_delete(const struct client *client, const char *path, struct error *err)
{
	json_t *answer = client_order(client, path, NULL, err);
	json_decref(answer);
	return answer;
}

char *client_encode(const char *text, bool keep_slash)
{
	return g_uri_escape_string(text, keep_slash ? "/:*" : ":*", FALSE);
}

void client_add_query(GString *path, const char *name, const char *value)
{
	if (value) {
		g_autofree char *encoded = client_encode(value, false);
		g_string_append_printf(path, "%c%s=%s", strchr(path->str, '?') ? '&' : '?', name, encoded);
	}
}

const char *client_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

int client_failed(const char *command, const struct error *err)
{
	fprintf(stderr, "magpie %s: %s\n", command, err->text);
	return COMMAND_FAILED;
}
