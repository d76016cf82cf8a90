#include "base/auto.h"
#include "base/number.h"
#include "web/api.h"
#include "web/order.h"
#include "web/server.h"
#include "web/web.h"

#include <string.h>

#include "base/banned.h"

/*
 * Long work on the archive: begun by POST, followed by GET.
 */
enum { ORDER_MAX = 40000 };

void api_archive_task(struct web *web, struct exchange *x)
{
	json_t *body = order_body(x, ORDER_MAX);
	if (!body) {
		return;
	}
	bool good = json_is_string(json_object_get(body, "verb")) && json_object_size(body) == 2 &&
				json_is_object(json_object_get(body, "argument"));
	AUTO_FREE char *json = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (good) {
		order_send(web, x,
			&(struct order){.verb = "archive.task", .json = json ? json : "{}", .status = 202});
	} else {
		reply_problem(&x->reply, 400, "{\"verb\": TEXT, \"argument\": {…}} is wanted");
	}
}

void api_archive_tasks(struct web *web, struct exchange *x)
{
	order_send(web, x,
		&(struct order){.verb = "archive.tasks", .json = "{}", .status = 200, .open = true});
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
	order_send(web, x,
		&(struct order){.verb = "archive.tasks", .json = json, .status = 200, .open = true});
}
