#pragma once
#include "base/channel.h"
#include "model/catalog.h"
#include "rrd/render.h"
#include "rrd/writer.h"

/*
 * From a GRAPH frame to its answer: finds the service, writes what is held back of its fields,
 * keeps their files from being written while a child reads them, and sends the picture in pieces.
 */
struct graph_shop;

struct graph_shop_parts {
	struct writer *writer;
	struct render *render;
	struct frame_writer *frame;
	/* The catalog of now: it changes with the engine. */
	const struct catalog *(*catalog)(void *owner);
	/* The channel of an asker, or NULL if it is gone. */
	struct channel *(*asker)(void *owner, uint64_t asker);
	void *owner;
};

struct graph_shop *graph_shop_create(const struct graph_shop_parts *parts);
void graph_shop_destroy(struct graph_shop *shop); /* after the render it uses */

/* Answers now (an error) or later. `asker` is what parts->asker() will be called with. */
void graph_take(struct graph_shop *shop, uint64_t asker, const struct frame *frame);
