#pragma once
#include "model/service.h"
#include "web/archive.h"
#include "web/replica.h"
#include "web/span.h"

/*
 * What a graph of a service is marked with in a span: its own episodes, annotations of the graph,
 * of its host and of everything. const struct mark * by their begin; the caller's array, the marks
 * live until the loop's next turn. `service` NULL: all of the host; `host` "": what is everybody's.
 */
GPtrArray *marks_of(
	const struct replica *replica, const char *host, const char *service, const struct span *span);

/* Puts them into the question for a picture; the newest, if they are too many. */
void marks_fill(const struct replica *replica, const struct service *service,
	const struct span *span, struct archive_graph *question);
