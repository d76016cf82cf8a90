#include "base/attr.h"
#include "web/api.h"
#include "web/html.h"
#include "web/server.h"
#include "web/web.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Pages that need no script: what went wrong, and the list of problems for any browser there is.
 */
void page_error(struct web *web UNUSED, struct exchange *x, unsigned status, const char *detail)
{
	char title[64];
	snprintf(title, sizeof(title), "%u %s", status, reply_reason(status));
	struct html h = html_begin(reply_text(&x->reply, status, "text/html; charset=utf-8"), title);
	html_element(&h, "h1", title);
	html_element(&h, "p", detail);
	html_open(&h, "p", NULL);
	html_link(&h, "All hosts", "/", "");
	html_text(&h, " · ");
	html_link(&h, "Problems as plain text", "/", "plain");
	html_close(&h);
	html_end(&h);
}
