#include "magpie/client.h"
#include "base/httpclient.h"
#include "magpie/command.h"
#include "magpie/listen.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Where the server is: the URL given, else the address it wrote to DATA/listen at its start.
 */

enum { ANSWER_MAX = 256 << 20 };

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

char *client_encode(const char *text, bool keep_slash)
{
	return g_uri_escape_string(text, keep_slash ? "/:*" : ":*", FALSE);
}

int client_failed(const char *command, const struct error *err)
{
	fprintf(stderr, "magpie %s: %s\n", command, err->text);
	return COMMAND_FAILED;
}
