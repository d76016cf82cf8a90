/* Between two interfaces that say the same, in folders that do not know each other: the executor
 * the collector's code asks, and the pool that the runner executes with. */
#include "magpie/local_executor.h"

#include <glib.h>

#include "base/auto.h"
#include "base/spawn.h"
#include "runner/pool.h"
#include "runner/transport.h"

#include "base/banned.h"

_Static_assert((int)EXECUTION_CHECK == (int)EXECUTE_CHECK &&
				   (int)EXECUTION_PLUGIN_CONFIG == (int)EXECUTE_CONFIG &&
				   (int)EXECUTION_PLUGIN_FETCH == (int)EXECUTE_FETCH &&
				   (int)EXECUTION_TRANSPORT == (int)EXECUTE_TRANSPORT,
	"what is wanted has one number in the collector and in the runner");
_Static_assert((int)EXECUTION_OUTPUT_MAX == (int)POOL_OUTPUT_MAX, "one limit");
_Static_assert(sizeof(EXECUTION_TRANSPORT_MARK) == sizeof(TRANSPORT_MARK), "one mark");

struct local_executor {
	struct executor executor; /* first */
	struct spawner *spawner;
	struct pool *pool;
	GHashTable *under_way; /* struct execution *, owned */
};

struct execution {
	struct local_executor *local;
	struct job *job;
	execution_fn done;
	void *owner;
};

static void local_done(void *owner, const struct job_result *job)
{
	struct execution *execution = owner;
	struct execution_result result = {.error = job->error,
		.exit_code = job->exit_code,
		.signal = job->signal,
		.timed_out = job->ended == EXECUTED_TIMED_OUT,
		.too_many = job->ended == EXECUTED_TOO_MANY,
		.truncated = job->truncated,
		.took_ms = job->took_ms,
		.output = job->output,
		.length = job->length,
		.errors = job->errors,
		.fd = job->fd};
	g_hash_table_steal(execution->local->under_way, execution);
	execution->done(execution->owner, &result);
	g_free(execution);
}

static struct execution *local_start(struct executor *executor,
	const struct execution_request *request, execution_fn done, void *owner, struct error *err)
{
	struct local_executor *local = (struct local_executor *)executor;
	struct order order = {.what = (enum message_execute)request->what,
		.host = request->host,
		.name = request->name,
		.timeout_ms = request->timeout_ms};
	struct execution *execution = g_new0(struct execution, 1);
	execution->local = local;
	execution->done = done;
	execution->owner = owner;
	execution->job = pool_start(local->pool, &order, local_done, execution, err);
	if (!execution->job) {
		g_free(execution);
		return NULL;
	}
	g_hash_table_add(local->under_way, execution);
	return execution;
}

static void local_cancel(struct execution *execution)
{
	pool_cancel(execution->local->pool, execution->job);
	g_hash_table_remove(execution->local->under_way, execution);
}

struct executor *local_executor_create(
	struct loop *loop, const struct config *config, const char *state_dir)
{
	static const struct executor_kind kind = {.start = local_start, .cancel = local_cancel};
	struct local_executor *local = g_new0(struct local_executor, 1);
	local->executor.kind = &kind;
	local->under_way = g_hash_table_new_full(NULL, NULL, g_free, NULL);
	local->spawner = spawner_create(loop);
	local->pool = pool_create(
		&(struct pool_options){.loop = loop, .spawner = local->spawner, .state_dir = state_dir});
	pool_configure(local->pool, config);
	return &local->executor;
}

void local_executor_destroy(struct executor *executor)
{
	struct local_executor *local = (struct local_executor *)executor;
	if (local) {
		spawner_destroy(local->spawner);
		pool_destroy(local->pool);
		g_hash_table_destroy(local->under_way);
		g_free(local);
	}
}
