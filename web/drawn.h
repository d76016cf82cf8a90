#pragma once
#include "model/service.h"
#include "web/archive.h"
#include "web/server.h"

/*
 * A picture as an answer. It is drawn anew only when what it shows has changed: samples, limits,
 * marks, declarations, or the place of a pixel in time. Whether it has is told by a tag made of
 * all that, without asking the archive: who has the picture with that tag is told so (304), and
 * what was drawn with that tag is sent again.
 */
struct web;

enum { DRAWN_SIDE_LEAST = 100, DRAWN_SIDE_MOST = 4000, DRAWN_TITLE_MAX = 200 /* bytes */ };

struct drawn {
	const struct service *service;
	const char *type, *extension;  /* literals: "image/png", "png" */
	struct archive_graph question; /* but for service and series, which drawn_answer() fills */
	bool moving;                   /* both ends move with now */
	bool renew;                    /* the asker does not want a kept one */
	bool marks;   /* with limits of rules, times in which something was wrong, and notes */
	bool expires; /* may be kept by the asker until the next sample is due */
};

/* The defaults: size as the graph says (graph_width, graph_height), limits of the axis its own. */
struct drawn drawn_of(const struct service *service, int64_t from_s, int64_t to_s);

/* Fills the reply, or holds the exchange until the archive has drawn. */
void drawn_answer(struct web *web, struct exchange *x, struct drawn *drawn);

/* Sides of a picture, 100 to 4000; numbers of an axis, "" is none. CONFIG if they are not. */
MUST_USE bool drawn_read_side(
	const struct request *request, const char *name, uint16_t *side, struct error *err);
MUST_USE bool drawn_read_limit(
	const struct request *request, const char *name, double *limit, struct error *err);
