/* The role's main: hands over what base/role.h tells to the engine. */
#include "engine/engined.h"
#include "engine/engine.h"
#include "engine/reload.h"
#include "model/message.h"

#include "base/banned.h"

static void *create(struct role *role, struct error *err)
{
	return engine_create(role, err);
}

static void peer(void *state, unsigned role, unsigned instance, int fd)
{
	engine_peer(state, role, instance, fd);
}

static void roles(void *state, const struct role_status *all, size_t count)
{
	struct engine *engine = state;
	unsigned writers = 0;
	for (size_t i = 0; i < count; i++) {
		writers += all[i].role == ROLE_RRD;
	}
	feed_expect(engine->feed, writers);
}

static bool propose(
	void *state, const struct bundle *bundle, uint64_t generation UNUSED, char **report)
{
	return reload_propose(state, bundle, report);
}

static uint64_t progress(void *state)
{
	return ((struct engine *)state)->turns;
}

static void stop(void *state)
{
	engine_stop(state);
}

static void destroy(void *state)
{
	engine_destroy(state);
}

int engine_role_main(void)
{
	static const struct role_handlers handlers = {
		.create = create,
		.peer = peer,
		.propose = propose,
		.roles = roles,
		.progress = progress,
		.stop = stop,
		.destroy = destroy,
	};
	return role_run(ROLE_ENGINE, "engine", &message_table, &handlers);
}
