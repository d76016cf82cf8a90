#pragma once
#include "web/reply.h"
#include "web/request.h"

struct MHD_Response;

/*
 * Settles what is sent: fills `etag` ("" if there is none), makes it a 304 without content if the
 * client has it, compresses or unpacks as the client accepts.
 */
void response_prepare(struct reply *reply, const struct request *request, char etag[REPLY_ETAG]);

/* The content of a reply that is no source; takes its body. NULL: out of memory. */
struct MHD_Response *response_create(struct reply *reply);

/* All headers, with those that every answer carries. */
void response_add_headers(
	struct MHD_Response *response, const struct reply *reply, const char *etag);
