#pragma once
/*
 * The handlers that web/routes.def names; one file per resource. Each fills the exchange's reply,
 * or holds the exchange and answers later.
 */
struct web;
struct exchange;

void api_healthz(struct web *web, struct exchange *x);
void api_readyz(struct web *web, struct exchange *x);

/* A page that says what went wrong; `detail` may hold text from outside. */
void page_error(struct web *web, struct exchange *x, unsigned status, const char *detail);
