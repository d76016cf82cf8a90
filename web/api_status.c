#include "base/attr.h"
#include "web/api.h"
#include "web/json.h"
#include "web/server.h"
#include "web/web.h"

#include "base/banned.h"

/*
 * What the program says about itself.
 */
void api_healthz(struct web *web UNUSED, struct exchange *x)
{
	struct json j = json_begin(reply_json(&x->reply));
	json_open(&j, NULL, '{');
	json_text(&j, "status", "ok");
	json_close(&j);
	x->reply.etag = false;
	x->reply.cache = NULL;
}

void api_readyz(struct web *web, struct exchange *x)
{
	api_healthz(web, x);
}
