#pragma once
#include "base/error.h"
#include "web/web.h"

#include <jansson.h>

/*
 * A request that the engine answers: what changes something, and what only the engine knows. The
 * engine decides who may: this role hands the token over and keeps nothing of it. A page of another
 * site was refused by the router; a form of one cannot send JSON (hostile 56).
 */
struct exchange;

struct order {
	const char *verb; /* engine/query.c */
	const char *json;
	unsigned status; /* of the answer if it is done */
	bool open;       /* needs no token */
};

/* Answers now (what is refused) or later. */
void order_send(struct web *web, struct exchange *x, const struct order *order);

/* The body of a request as a JSON object (new reference); NULL: it was answered with the reason. */
MUST_USE json_t *order_body(struct exchange *x, size_t most_bytes);
