#include "base/number.h"
#include "collector/services/postgresql_state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * What is asked of a PostgreSQL once it let us in: SELECT 1, which decides whether it is well; one
 * question per graph, where a refusal is only a complaint; every five minutes the canary: a
 * temporary table, made, written, read and dropped in one transaction, whose commit has to reach
 * the write-ahead log. A standby takes no writes, so it is not asked for any.
 *
 * Graphs bear the names of stock Munin's postgres_ plugins (for all databases: postgres_…_ALL). A
 * question's answer is one row with a column per field, or two columns, field and value. Sizes of
 * databases are looked up file by file, so they are asked for every five minutes only.
 */
enum { POSTGRESQL_SIZES_S = 300 };

enum postgresql_shape { POSTGRESQL_ROW, POSTGRESQL_PAIRS, POSTGRESQL_DATABASES };

struct postgresql_question {
	const char *sql;     /* NULL: the canary */
	const char *old_sql; /* up to version 16; NULL: the same */
	bool (*wanted)(const struct probe *probe);
	void (*row)(struct probe *probe, const struct pg_message *message);
	/* The answer is whole; error NULL: it went well. False: the round is over. NULL: an error is
	 * the graph's complaint, or the probe's if there is no graph. */
	bool (*end)(struct probe *probe, const struct pg_error *error);
	struct graph_row graph;
	enum postgresql_shape shape;
	const char *draw; /* of fields per database: the first, STACK behind an AREA */
	const char *unit;
};

#define POSTGRESQL_FIELDS(list) .fields = list, .field_count = ARRAY_LENGTH(list)
#define POSTGRESQL_GRAPH(name_, title_, vlabel_, args_, info_, ...)                                \
	.graph = {.name = name_,                                                                       \
		.title = title_,                                                                           \
		.vlabel = vlabel_,                                                                         \
		.args = args_,                                                                             \
		.info = info_,                                                                             \
		.category = "PostgreSQL",                                                                  \
		__VA_ARGS__}

static const struct field_row postgresql_states[] = {
	{"active", "Active", FIELD_GAUGE, .draw = "AREA", .unit = "1"},
	{"idle", "Idle", FIELD_GAUGE, .draw = "STACK", .unit = "1"},
	{"idletransaction", "Idle in transaction", FIELD_GAUGE, .draw = "STACK", .unit = "1"},
	{"unknown", "Unknown", FIELD_GAUGE, .draw = "STACK", .unit = "1"},
	{"waiting", "Waiting for lock", FIELD_GAUGE, .draw = "STACK", .unit = "1"},
};
static const struct field_row postgresql_transactions[] = {
	{"commit", "Committed transactions", FIELD_DERIVE, .min = "0", .draw = "AREA", .unit = "1/s"},
	{"rollback", "Rolled back transactions", FIELD_DERIVE, .min = "0", .draw = "STACK",
		.unit = "1/s"},
};
static const struct field_row postgresql_bgwriter[] = {
	{"buffers_checkpoint", "Buffers at checkpoint", FIELD_DERIVE, .min = "0", .draw = "LINE1",
		.unit = "1/s"},
	{"buffers_clean", "Buffers cleaned", FIELD_DERIVE, .min = "0", .draw = "LINE1", .unit = "1/s"},
	{"buffers_backend", "Buffers by backend", FIELD_DERIVE, .min = "0", .draw = "LINE1",
		.unit = "1/s"},
	{"buffers_alloc", "Buffers allocated", FIELD_DERIVE, .min = "0", .draw = "LINE1",
		.unit = "1/s"},
};
static const struct field_row postgresql_checkpoints[] = {
	{"checkpoints_timed", "Timed checkpoints", FIELD_DERIVE, .min = "0", .draw = "LINE1",
		.unit = "1/s"},
	{"checkpoints_req", "Requested checkpoints", FIELD_DERIVE, .min = "0", .draw = "STACK",
		.unit = "1/s"},
};
#define POSTGRESQL_LOCK(name_, label_, draw_)                                                      \
	{                                                                                              \
		name_, label_, FIELD_GAUGE, .draw = draw_, .unit = "1"                                     \
	}
static const struct field_row postgresql_locks[] = {
	POSTGRESQL_LOCK("accesssharelock", "AccessShareLock", "AREA"),
	POSTGRESQL_LOCK("rowsharelock", "RowShareLock", "STACK"),
	POSTGRESQL_LOCK("rowexclusivelock", "RowExclusiveLock", "STACK"),
	POSTGRESQL_LOCK("shareupdateexclusivelock", "ShareUpdateExclusiveLock", "STACK"),
	POSTGRESQL_LOCK("sharelock", "ShareLock", "STACK"),
	POSTGRESQL_LOCK("sharerowexclusivelock", "ShareRowExclusiveLock", "STACK"),
	POSTGRESQL_LOCK("exclusivelock", "ExclusiveLock", "STACK"),
	POSTGRESQL_LOCK("accessexclusivelock", "AccessExclusiveLock", "STACK"),
};
static const struct field_row postgresql_cache[] = {
	{"blks_read", "Buffers read", FIELD_DERIVE, .min = "0", .draw = "LINE1", .unit = "1/s"},
	{"blks_hit", "Buffers hit", FIELD_DERIVE, .min = "0", .draw = "LINE1", .unit = "1/s"},
};
static const struct field_row postgresql_lengths[] = {
	{"query", "Oldest query", FIELD_GAUGE, .draw = "LINE1", .unit = "s"},
	{"transaction", "Oldest transaction", FIELD_GAUGE, .draw = "LINE1", .unit = "s"},
};
static const struct field_row postgresql_segments[] = {
	{"segments", "WAL segments", FIELD_GAUGE, .draw = "LINE1", .unit = "1"},
};

/* -- the canary -- */

static bool postgresql_wants_canary(const struct probe *probe)
{
	return probe_writes(probe);
}

static bool postgresql_may_write(const struct probe *probe)
{
	const struct postgresql_state *s = probe->state;
	return probe_writes(probe) && !s->standby;
}

static void postgresql_standby_row(struct probe *probe, const struct pg_message *message)
{
	struct postgresql_state *s = probe->state;
	struct pg_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	s->standby = pg_row_next(&row, message, &text, &length) && text && length && text[0] == 't';
}

static void postgresql_canary_row(struct probe *probe, const struct pg_message *message)
{
	struct postgresql_state *s = probe->state;
	struct pg_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	s->read_back = pg_row_next(&row, message, &text, &length) && text &&
				   length == strlen(s->value) && !memcmp(text, s->value, length);
}

static bool postgresql_fail(struct probe *probe, const struct pg_error *error)
{
	probe_fail(probe, "%s: %.*s", error->code, (int)MIN(error->length, 120U), error->text);
	return false;
}

static bool postgresql_canary_end(struct probe *probe, const struct pg_error *error)
{
	const struct postgresql_state *s = probe->state;
	if (error && !strcmp(error->code, "42501")) {
		probe_canary_forget(probe);
		probe_complain(probe, "canary",
			"the user may not make temporary tables: GRANT TEMPORARY, or say `write no`");
		return true;
	}
	if (error && !strcmp(error->code, "25006")) {
		probe_fail(probe, "refuses writes, as it is read-only (25006)");
		return false;
	}
	if (error) {
		return postgresql_fail(probe, error);
	}
	probe_content(probe, "canary");
	if (!s->read_back) {
		probe_fail(probe, "what was written a moment ago could not be read back");
		return false;
	}
	probe_canary(probe, true);
	return true;
}

/* -- the questions in order -- */

static bool postgresql_wants_graphs(const struct probe *probe)
{
	return probe->settings->metrics;
}

static bool postgresql_wants_sizes(const struct probe *probe)
{
	const struct postgresql_state *s = probe->state;
	uint64_t every = POSTGRESQL_SIZES_S / MAX(1U, probe->target->settings->interval_s);
	return probe->settings->metrics &&
		   (!s->sizes_round || probe->round - s->sizes_round >= MAX(1U, every));
}

static const struct postgresql_question postgresql_questions[] = {
	{.sql = "SELECT 1"},
	{.sql = "SELECT d.datname, count(a.pid) FROM pg_database d LEFT JOIN pg_stat_activity a "
			"ON a.datid = d.oid AND a.pid <> pg_backend_pid() WHERE d.datallowconn "
			"GROUP BY d.datname ORDER BY d.datname",
		.wanted = postgresql_wants_graphs,
		.shape = POSTGRESQL_DATABASES,
		.draw = "LINE1",
		.unit = "1",
		POSTGRESQL_GRAPH("postgres_connections_db", "PostgreSQL connections per database",
			"Connections", "--base 1000",
			"Who is connected to which database, ourselves left out.")},
	{.sql = "SELECT count(*) FILTER (WHERE state NOT LIKE 'idle%' AND state <> 'disabled' "
			"AND wait_event_type IS DISTINCT FROM 'Lock') AS active, "
			"count(*) FILTER (WHERE state NOT LIKE 'idle%' AND wait_event_type = 'Lock') AS "
			"waiting, "
			"count(*) FILTER (WHERE state = 'idle') AS idle, "
			"count(*) FILTER (WHERE state LIKE 'idle in%') AS idletransaction, "
			"count(*) FILTER (WHERE state IS NULL OR state = 'disabled') AS unknown "
			"FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client "
			"backend'",
		.wanted = postgresql_wants_graphs,
		POSTGRESQL_GRAPH("postgres_connections_ALL", "PostgreSQL connections", "Connections",
			"--base 1000", "What the connections of all databases are doing.",
			POSTGRESQL_FIELDS(postgresql_states))},
	{.sql = "SELECT datname, pg_database_size(oid) FROM pg_database WHERE datallowconn "
			"ORDER BY datname",
		.wanted = postgresql_wants_sizes,
		.shape = POSTGRESQL_DATABASES,
		.draw = "AREA",
		.unit = "B",
		POSTGRESQL_GRAPH("postgres_size_ALL", "PostgreSQL database size", "Size",
			"--base 1024 -l 0",
			"Room that each database takes on disk, looked up every 5 minutes.")},
	{.sql = "SELECT sum(xact_commit) AS commit, sum(xact_rollback) AS rollback "
			"FROM pg_stat_database",
		.wanted = postgresql_wants_graphs,
		POSTGRESQL_GRAPH("postgres_transactions_ALL", "PostgreSQL transactions", "Trans / sec",
			"--base 1000 -l 0", "Transactions that ended well and that were given up.",
			POSTGRESQL_FIELDS(postgresql_transactions))},
	{.sql = "SELECT c.buffers_written AS buffers_checkpoint, b.buffers_clean, b.buffers_alloc "
			"FROM pg_stat_bgwriter b, pg_stat_checkpointer c",
		.old_sql = "SELECT buffers_checkpoint, buffers_clean, buffers_backend, buffers_alloc "
				   "FROM pg_stat_bgwriter",
		.wanted = postgresql_wants_graphs,
		POSTGRESQL_GRAPH("postgres_bgwriter", "PostgreSQL bgwriter", "buffers / second",
			"--base 1000 -l 0", "Who wrote changed buffers, and how many were newly taken.",
			POSTGRESQL_FIELDS(postgresql_bgwriter))},
	{.sql = "SELECT num_timed AS checkpoints_timed, num_requested AS checkpoints_req "
			"FROM pg_stat_checkpointer",
		.old_sql = "SELECT checkpoints_timed, checkpoints_req FROM pg_stat_bgwriter",
		.wanted = postgresql_wants_graphs,
		POSTGRESQL_GRAPH("postgres_checkpoints", "PostgreSQL checkpoints", "Checkpoints / minute",
			"--base 1000 -l 0", "Checkpoints begun by the clock, and by need.", .period = "minute",
			POSTGRESQL_FIELDS(postgresql_checkpoints))},
	{.sql = "SELECT lower(mode), count(*) FROM pg_locks WHERE database IS NOT NULL "
			"GROUP BY lower(mode)",
		.wanted = postgresql_wants_graphs,
		.shape = POSTGRESQL_PAIRS,
		POSTGRESQL_GRAPH("postgres_locks_ALL", "PostgreSQL locks", "Locks", "--base 1000",
			"Locks held or waited for, by their mode.", POSTGRESQL_FIELDS(postgresql_locks))},
	{.sql = "SELECT sum(blks_read) AS blks_read, sum(blks_hit) AS blks_hit FROM pg_stat_database",
		.wanted = postgresql_wants_graphs,
		POSTGRESQL_GRAPH("postgres_cache_ALL", "PostgreSQL buffer cache", "Buffers / second",
			"--base 1000 -l 0", "Blocks found in the buffer cache, and those that had to be read.",
			POSTGRESQL_FIELDS(postgresql_cache))},
	{.sql = "SELECT coalesce(max(extract(epoch FROM now() - query_start)) "
			"FILTER (WHERE state NOT LIKE 'idle%' AND xact_start IS NOT NULL), 0) AS query, "
			"coalesce(max(extract(epoch FROM now() - xact_start)), 0) AS transaction "
			"FROM pg_stat_activity",
		.wanted = postgresql_wants_graphs,
		POSTGRESQL_GRAPH("postgres_querylength_ALL", "PostgreSQL query length", "Age (seconds)",
			"--base 1000", "Age of the oldest statement and of the oldest transaction.",
			POSTGRESQL_FIELDS(postgresql_lengths))},
	{.sql = "SELECT count(*) AS segments FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'",
		.wanted = postgresql_wants_graphs,
		POSTGRESQL_GRAPH("postgres_xlog", "PostgreSQL transaction log", "Log segments",
			"--base 1000", "Files of the write-ahead log that are kept.",
			POSTGRESQL_FIELDS(postgresql_segments))},
	{.sql = "SELECT pg_is_in_recovery()",
		.wanted = postgresql_wants_canary,
		.row = postgresql_standby_row},
	{.wanted = postgresql_may_write, .row = postgresql_canary_row, .end = postgresql_canary_end},
};
enum { POSTGRESQL_QUESTIONS = ARRAY_LENGTH(postgresql_questions) };
static_assert(POSTGRESQL_QUESTIONS - 3 == POSTGRESQL_GRAPHS, "each graph has room for its feed");

/* -- lists -- */

void postgresql_list_finish(struct postgresql_list *list)
{
	if (list->names) {
		g_ptr_array_unref(list->names);
		g_ptr_array_unref(list->labels);
		g_array_unref(list->values);
	}
	*list = (struct postgresql_list){0};
}

static void postgresql_list_begin(struct postgresql_list *list)
{
	postgresql_list_finish(list);
	list->names = g_ptr_array_new_with_free_func(g_free);
	list->labels = g_ptr_array_new_with_free_func(g_free);
	list->values = g_array_new(FALSE, FALSE, sizeof(double));
}

static void postgresql_list_add(
	struct postgresql_list *list, const char *name, size_t length, double value)
{
	char field[IDENT_FIELD_MAX + 1];
	char *raw = g_strndup(name, MIN(length, (size_t)PG_NAME_MAX));
	if (list->names->len < POSTGRESQL_DATABASES_MAX && ident_clean_field(raw, field)) {
		g_ptr_array_add(list->names, g_strdup(field));
		g_ptr_array_add(list->labels, raw);
		g_array_append_val(list->values, value);
		return;
	}
	g_free(raw);
}

/* A field per database. */
static struct feed *postgresql_declare(struct probe *probe,
	const struct postgresql_question *question, const struct postgresql_list *list)
{
	struct service *service = probe_graph_begin(probe, &question->graph, NULL);
	bool stacked = !strcmp(question->draw, "AREA");
	for (guint i = 0; i < list->names->len; i++) {
		const struct field_row row = {list->names->pdata[i], list->labels->pdata[i], FIELD_GAUGE,
			.draw = stacked && i ? "STACK" : question->draw, .min = stacked ? "0" : NULL,
			.unit = question->unit};
		(void)graph_field(service, &row);
	}
	return probe_graph_declare(probe, service);
}

static void postgresql_fill(struct feed *feed, const struct postgresql_list *list)
{
	for (guint i = 0; i < list->names->len; i++) {
		probe_value(feed, list->names->pdata[i], g_array_index(list->values, double, i));
	}
}

/* -- answers -- */

static double postgresql_number(const char *text, size_t length)
{
	double value = NAN;
	return text && number_parse(text, length, &value) ? value : NAN;
}

/* A row of a graph's answer goes into the list, as names and values. */
static void postgresql_graph_row(
	struct probe *probe, enum postgresql_shape shape, const struct pg_message *message)
{
	struct postgresql_state *s = probe->state;
	struct pg_row row = {0};
	const char *text = NULL;
	const char *name = NULL;
	size_t length = 0;
	size_t name_length = 0;
	if (shape == POSTGRESQL_ROW) {
		for (guint i = 0; s->columns && i < s->columns->len; i++) {
			const char *column = s->columns->pdata[i];
			if (pg_row_next(&row, message, &text, &length)) {
				postgresql_list_add(
					&s->list, column, strlen(column), postgresql_number(text, length));
			}
		}
	} else if (pg_row_next(&row, message, &name, &name_length) && name &&
			   pg_row_next(&row, message, &text, &length)) {
		postgresql_list_add(&s->list, name, name_length, postgresql_number(text, length));
	}
}

/* The answer to a graph's question is whole: declare what is new, set the values. */
static void postgresql_graph_end(struct probe *probe, const struct postgresql_question *question)
{
	struct postgresql_state *s = probe->state;
	struct feed **feed = &s->feeds[question - postgresql_questions - 1];
	if (question->shape == POSTGRESQL_DATABASES) {
		*feed = postgresql_declare(probe, question, &s->list);
	} else if (!*feed) {
		*feed = probe_graph(probe, &question->graph);
	}
	for (size_t i = 0; question->shape == POSTGRESQL_PAIRS && i < question->graph.field_count;
		 i++) {
		probe_value(*feed, question->graph.fields[i].name, 0); /* what is not told is none */
	}
	postgresql_fill(*feed, &s->list);
	if (question->wanted == postgresql_wants_sizes) {
		postgresql_list_finish(&s->sizes);
		s->sizes = s->list;
		s->list = (struct postgresql_list){0};
		s->sizes_round = probe->round;
	}
}

/* Sizes between two times they are asked for: as they were. */
static void postgresql_keep_sizes(struct probe *probe, const struct postgresql_question *question)
{
	struct postgresql_state *s = probe->state;
	if (question->wanted == postgresql_wants_sizes && probe->settings->metrics && s->sizes.names) {
		postgresql_fill(s->feeds[question - postgresql_questions - 1], &s->sizes);
	}
}

/* -- asking -- */

static void postgresql_send(struct probe *probe, const struct postgresql_question *question)
{
	struct postgresql_state *s = probe->state;
	bool old = s->major && s->major < 17 && question->old_sql;
	if (question->sql) {
		pg_append_query(s->out, old ? question->old_sql : question->sql);
	} else {
		probe_canary(probe, false); /* until the answer says otherwise */
		s->read_back = false;
		g_snprintf(s->value, sizeof(s->value), "%08x", g_random_int());
		char *sql = g_strdup_printf("BEGIN; CREATE TEMPORARY TABLE magpie_canary (value text) "
									"ON COMMIT DROP; INSERT INTO magpie_canary VALUES ('%s'); "
									"SELECT value FROM magpie_canary; COMMIT",
			s->value);
		pg_append_query(s->out, sql);
		g_free(sql);
	}
	s->failed = false;
	postgresql_list_begin(&s->list);
	if (s->columns) {
		g_ptr_array_unref(s->columns);
		s->columns = NULL;
	}
	stream_send(probe->stream, s->out->str, s->out->len);
	g_string_truncate(s->out, 0);
}

static bool postgresql_ask(struct probe *probe, size_t next)
{
	struct postgresql_state *s = probe->state;
	for (; next < POSTGRESQL_QUESTIONS; next++) {
		const struct postgresql_question *question = &postgresql_questions[next];
		if (!question->wanted || question->wanted(probe)) {
			s->question = next;
			probe_reach(probe, question->end ? PROBE_WRITE : PROBE_QUERY);
			postgresql_send(probe, question);
			return true;
		}
		postgresql_keep_sizes(probe, question);
	}
	pg_append_end(s->out);
	stream_send(probe->stream, s->out->str, s->out->len);
	g_string_truncate(s->out, 0);
	probe_succeed(probe);
	return false;
}

void postgresql_ask_first(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	s->standby = false;
	(void)postgresql_ask(probe, 0);
}

static bool postgresql_error(struct probe *probe, const struct pg_message *message)
{
	struct postgresql_state *s = probe->state;
	const struct postgresql_question *question = &postgresql_questions[s->question];
	struct pg_error error;
	if (!pg_error_parse(message, &error)) {
		probe_fail(probe, "the answer is none of PostgreSQL");
		return false;
	}
	s->failed = true;
	if (question->end) {
		return question->end(probe, &error);
	}
	if (!question->graph.name) {
		return postgresql_fail(probe, &error);
	}
	probe_complain(probe, question->graph.name, "%s: %.*s", error.code,
		(int)MIN(error.length, 120U), error.text);
	return true;
}

/* The server is ready for the next question. */
static bool postgresql_ready(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	const struct postgresql_question *question = &postgresql_questions[s->question];
	if (!s->failed && question->end && !question->end(probe, NULL)) {
		return false;
	}
	if (!s->failed && question->graph.name) {
		postgresql_graph_end(probe, question);
		probe_content(probe, question->graph.name);
	}
	return postgresql_ask(probe, s->question + 1);
}

bool postgresql_ask_take(struct probe *probe, const struct pg_message *message)
{
	struct postgresql_state *s = probe->state;
	const struct postgresql_question *question = &postgresql_questions[s->question];
	switch (message->type) {
	case 'T':
		if (s->columns) {
			g_ptr_array_unref(s->columns);
		}
		s->columns = pg_columns_parse(message);
		if (s->columns) {
			return true;
		}
		break;
	case 'D':
		if (question->row) {
			question->row(probe, message);
		} else if (question->graph.name) {
			postgresql_graph_row(probe, question->shape, message);
		}
		return true;
	case 'C': return true;
	case 'E': return postgresql_error(probe, message);
	case 'Z': return postgresql_ready(probe);
	default: break;
	}
	probe_fail(probe, "the answer is none of PostgreSQL");
	return false;
}
