/*
 * A job is one run, wanted by one or more who asked: queued -> running -> answered. Queued ones
 * start in the order in which they came, but one whose plugin is running lets others pass.
 */
#include "collector/munin/node_runs.h"

#include <string.h>

#include "base/log.h"

#include "base/banned.h"

enum { NODE_RUNS_FILE_MAX = 1 << 30 };

#define ANSWER_BAD_EXIT  "# Bad exit\n"
#define ANSWER_TIMED_OUT "# Timed out\n"

struct node_job {
	struct node_runs *runs;
	struct node_plugin *plugin;
	enum node_verb verb;
	bool dirty, running;
	char *master;
	GPtrArray *asks; /* struct node_ask *, owned */
};

struct node_ask {
	struct node_job *job;
	node_answer_fn fn;
	void *owner;
};

struct node_runs {
	struct loop *loop;
	struct spawner *spawner;
	struct loop_timer *soon;
	GPtrArray *jobs; /* struct node_job *, in the order in which they came */
	size_t running;
	unsigned long long number;
};

static void node_job_free(struct node_job *job)
{
	node_plugin_unref(job->plugin);
	g_free(job->master);
	g_ptr_array_unref(job->asks);
	g_free(job);
}

/* -- the answer -- */

static void node_job_note(const struct node_job *job, const struct spawn_result *result)
{
	const char *name = log_safe(job->plugin->name);
	if (result->errors_length) {
		log_info("plugin.errors", "plugin=%s text=\"%s\"", name, log_safe(result->errors));
	}
	if (result->timed_out) {
		log_warn("plugin.timeout", "plugin=%s after_s=%u", name, job->plugin->timeout_s);
	} else if (!result->started) {
		log_warn("plugin.failed", "plugin=%s error=\"%s\"", name, log_safe(result->error.text));
	} else if (result->truncated) {
		log_warn("plugin.failed", "plugin=%s output beyond %d bytes", name, NODE_RUNS_OUTPUT_MAX);
	} else if (result->exit_code || result->signal) {
		log_info("plugin.failed", "plugin=%s exit=%d signal=%d", name, result->exit_code,
			result->signal);
	}
}

static GBytes *node_job_answer(const struct spawn_result *result)
{
	if (result->timed_out) {
		return g_bytes_new_static(ANSWER_TIMED_OUT, strlen(ANSWER_TIMED_OUT));
	}
	if (!result->started || result->truncated || result->exit_code || result->signal) {
		return g_bytes_new_static(ANSWER_BAD_EXIT, strlen(ANSWER_BAD_EXIT));
	}
	GString *text = g_string_sized_new(result->length + 2);
	node_plugin_answer(result->output, result->length, text);
	return g_string_free_to_bytes(text);
}

static void node_runs_next(void *owner);

/* Tells everybody who asked; the job is gone afterwards. */
static void node_job_end(struct node_job *job, const struct spawn_result *result)
{
	struct node_runs *runs = job->runs;
	g_autoptr(GBytes) answer = node_job_answer(result);
	node_job_note(job, result);
	runs->running -= job->running;
	g_ptr_array_remove(runs->jobs, job);
	while (job->asks->len) {
		struct node_ask *ask = g_ptr_array_steal_index(job->asks, 0);
		ask->fn(ask->owner, answer);
		g_free(ask);
	}
	node_job_free(job);
	loop_timer_after(runs->soon, 0);
}

static void node_job_done(void *owner, const struct spawn_result *result)
{
	node_job_end(owner, result);
}

/* -- starting -- */

static bool node_job_spawn(struct node_job *job, struct error *err)
{
	struct node_runs *runs = job->runs;
	const struct node_plugin *plugin = job->plugin;
	struct node_question question = {job->verb, job->dirty, job->master};
	g_autofree char *tag =
		g_strdup_printf("MAGPIE_RUN=node.%d.%llu", (int)getpid(), ++runs->number);
	g_auto(GStrv) words = node_plugin_words(plugin, job->verb, err);
	if (!words) {
		return false;
	}
	g_auto(GStrv) environment = node_plugin_environment(plugin, &question, tag);
	struct spawn_user user = {
		plugin->user.uid, plugin->user.gid, plugin->user.groups, plugin->user.group_count};
	struct spawn_request request = {
		.program = -1,
		.path = words[0],
		.argv = (const char *const *)words,
		.environment = (const char *const *)environment,
		.tag = tag,
		.timeout_ms = (int64_t)plugin->timeout_s * 1000,
		.grace_ms = NODE_RUNS_GRACE_MS,
		.output_max = NODE_RUNS_OUTPUT_MAX,
		.file_max = NODE_RUNS_FILE_MAX,
		.user = plugin->become ? &user : NULL,
		.errors_apart = true,
		.may_gain = true, /* plugins use sudo where root let them */
		.umask = 002,
	};
	return spawner_start(runs->spawner, &request, node_job_done, job, err) != NULL;
}

static bool node_runs_busy(const struct node_runs *runs, const char *plugin)
{
	for (guint i = 0; i < runs->jobs->len; i++) {
		const struct node_job *job = runs->jobs->pdata[i];
		if (job->running && !strcmp(job->plugin->name, plugin)) {
			return true;
		}
	}
	return false;
}

static struct node_job *node_runs_startable(const struct node_runs *runs)
{
	for (guint i = 0; runs->running < NODE_RUNS_MAX && i < runs->jobs->len; i++) {
		struct node_job *job = runs->jobs->pdata[i];
		if (!job->running && !node_runs_busy(runs, job->plugin->name)) {
			return job;
		}
	}
	return NULL;
}

static void node_runs_next(void *owner)
{
	struct node_runs *runs = owner;
	struct node_job *job;
	while ((job = node_runs_startable(runs))) {
		struct spawn_result failed = {.started = false, .errors = ""};
		job->running = true;
		runs->running++;
		if (!node_job_spawn(job, &failed.error)) {
			node_job_end(job, &failed);
		}
	}
}

/* -- the whole -- */

struct node_runs *node_runs_create(struct loop *loop, struct spawner *spawner)
{
	struct node_runs *runs = g_new0(struct node_runs, 1);
	runs->loop = loop;
	runs->spawner = spawner;
	runs->jobs = g_ptr_array_new();
	runs->soon = loop_timer_create(loop, node_runs_next, runs);
	return runs;
}

void node_runs_destroy(struct node_runs *runs)
{
	if (!runs) {
		return;
	}
	for (guint i = 0; i < runs->jobs->len; i++) {
		node_job_free(runs->jobs->pdata[i]);
	}
	g_ptr_array_unref(runs->jobs);
	loop_timer_destroy(runs->soon);
	g_free(runs);
}

static struct node_job *node_runs_same(const struct node_runs *runs,
	const struct node_plugin *plugin, const struct node_question *question)
{
	for (guint i = 0; i < runs->jobs->len; i++) {
		struct node_job *job = runs->jobs->pdata[i];
		if (job->plugin == plugin && job->verb == question->verb && job->dirty == question->dirty &&
			!strcmp(job->master, question->master)) {
			return job;
		}
	}
	return NULL;
}

struct node_ask *node_runs_ask(struct node_runs *runs, struct node_plugin *plugin,
	const struct node_question *question, node_answer_fn fn, void *owner)
{
	struct node_job *job = node_runs_same(runs, plugin, question);
	if (!job) {
		job = g_new0(struct node_job, 1);
		job->runs = runs;
		job->plugin = node_plugin_ref(plugin);
		job->verb = question->verb;
		job->dirty = question->dirty;
		job->master = g_strdup(question->master);
		job->asks = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(runs->jobs, job);
		loop_timer_after(runs->soon, 0);
	}
	struct node_ask *ask = g_new0(struct node_ask, 1);
	*ask = (struct node_ask){job, fn, owner};
	g_ptr_array_add(job->asks, ask);
	return ask;
}

void node_ask_cancel(struct node_ask *ask)
{
	struct node_job *job = ask->job;
	g_ptr_array_remove(job->asks, ask);
	if (!job->asks->len && !job->running) {
		g_ptr_array_remove(job->runs->jobs, job);
		node_job_free(job);
	}
}
