/*
 * The engine's side of the runner: messages to channels that are commands go there, and what became
 * of them comes back. dispatch.c keeps them; here is only the way.
 */
#include "engine/orders.h"
#include "base/channel.h"
#include "base/log.h"
#include "engine/engine.h"
#include "model/message.h"

#include <unistd.h>

#include "base/banned.h"

enum { RUNNER_QUEUE = 1 << 20 };

bool orders_runs(void *owner, const char *channel)
{
	const struct config_channel *found = config_channel(((struct engine *)owner)->config, channel);
	return found && found->kind == CONFIG_CHANNEL_COMMAND;
}

void orders_describe(void *owner, const struct outbox_row *row, struct frame_writer *w)
{
	const struct engine *engine = owner;
	const struct host *host = catalog_host(engine->catalog, row->host);
	const struct service *service = catalog_service(engine->catalog, row->host, row->service);
	frame_put_text(w, host ? host->group : "");
	frame_put_text(w, service ? attributes_or(&service->attributes, "graph_title", "") : "");
	frame_put_text(w, service ? attributes_or(&service->attributes, "graph_category", "") : "");
}

struct channel *orders_channel(void *owner)
{
	return ((struct engine *)owner)->runner;
}

static void runner_frame(void *owner, const struct frame *frame, int fd)
{
	if (fd >= 0) {
		close(fd);
	}
	if (frame->type == MESSAGE_TOLD) {
		dispatch_told(((struct engine *)owner)->dispatch, frame);
	} else { /* nothing else was ordered by this engine */
		log_info("engine.runner", "frame=%s of an earlier order",
			frame_name(&message_table, frame->type));
	}
}

static void runner_drained(void *owner)
{
	dispatch_runner_drained(((struct engine *)owner)->dispatch);
}

static void runner_closed(void *owner, const struct error *why)
{
	struct engine *engine = owner;
	log_info("engine.runner_gone", "why=\"%s\"", log_safe(why->text));
	channel_destroy(g_steal_pointer(&engine->runner));
}

void orders_join(struct engine *engine, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = runner_frame, .closed = runner_closed, .drained = runner_drained};
	channel_destroy(engine->runner);
	engine->runner = channel_create(engine->loop, &message_table, ROLE_ENGINE, ROLE_RUNNER,
		RUNNER_QUEUE, &handlers, engine, fd);
	dispatch_runner_joined(engine->dispatch);
}
