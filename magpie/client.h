#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>
#include <jansson.h>

/*
 * The command line as a client of the running server: finds it, asks, says plainly what went wrong.
 */
struct client {
	const char *url;  /* --url: "http://127.0.0.1:8080"; NULL: look in `data` */
	const char *data; /* --data: the server's data directory; NULL: ./var, then /var/lib/magpie */
	const char *token_file; /* --token-file; NULL: admin.token in the data directory */
};

/* Rows that every command with a client has; for struct option_row tables. */
#define CLIENT_OPTIONS(client)                                                                     \
	{"url", "URL", "address of the server (default: found through --data)", &(client).url, NULL},  \
	{                                                                                              \
		"data", "DIR", "data directory of the server (default: ./var, /var/lib/magpie)",           \
			&(client).data, NULL                                                                   \
	}

/*
 * GET of `path` ("/api/v1/status"). The caller frees `*body` (g_free). An answer other than 2xx is
 * an error with the server's own explanation.
 */
MUST_USE bool client_get(
	const struct client *client, const char *path, char **body, size_t *length, struct error *err);

/*
 * The same for an answer of any length, handed on as it comes (base/httpclient.h). False and `err`
 * untouched: `take` gave false.
 */
struct httpclient_sink;
MUST_USE bool client_stream(const struct client *client, const char *path,
	const struct httpclient_sink *sink, struct error *err);

/* The same, parsed. The caller decrefs. NULL on failure. */
MUST_USE json_t *client_get_json(const struct client *client, const char *path, struct error *err);

/* A row for commands that change something. */
#define CLIENT_TOKEN_OPTION(client)                                                                \
	{                                                                                              \
		"token-file", "FILE", "file with the administrator's token (default: DIR/admin.token)",    \
			&(client).token_file, NULL                                                             \
	}

/*
 * POST of `json` to `path` with the administrator's token; the answer parsed, the caller decrefs.
 * NULL on failure; DENIED: the token is not to be had or not taken.
 */
MUST_USE json_t *client_post_json(
	const struct client *client, const char *path, const json_t *json, struct error *err);

/* DELETE of `path` in the same way. */
MUST_USE bool client_delete(const struct client *client, const char *path, struct error *err);

/* `text` percent-encoded for a query value or a path segment (g_malloc); "/" stays if `keep_slash`.
 */
char *client_encode(const char *text, bool keep_slash);

/* The text member `name` of an answer; "" if there is none. Lives as long as the answer. */
const char *client_text(const json_t *object, const char *name);

/* Adds the parameter `name` to a path, with "?" or "&" in front; NULL adds nothing. */
void client_add_query(GString *path, const char *name, const char *value);

/* Prints "magpie COMMAND: TEXT" to stderr and returns COMMAND_FAILED. */
int client_failed(const char *command, const struct error *err);
