#include "base/number.h"
#include "collector/services/mysql_innodb.h"
#include "collector/services/mysql_state.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

/*
 * What is asked of a MySQL or MariaDB once it let us in: COM_PING and SELECT 1, which decide
 * whether it is well; figures for graphs, where a refusal is only a complaint; and every five
 * minutes the canary: a table is made, written, read and dropped, which takes room of the disk, as
 * a full one hangs or refuses writes only. Questions are rows of a table, asked in order.
 *
 * C1. From the first statement of the canary until its last answer the canary counts as failed, so
 *     that the deadline of a write that hangs says the right thing.
 * C2. A write that hung may hang for days, each new one would take another connection of the
 *     server: so the next round first looks whether it is still there.
 * C3. Nothing is written to a replica: its data would be others than its source's.
 */
struct mysql_question {
	const char *sql; /* NULL: see `text`; the canary's table stands for "%s" */
	void (*text)(struct probe *probe, GString *out);
	bool (*wanted)(const struct probe *probe);
	void (*row)(struct probe *probe, const struct mysql_packet *packet);
	/* The answer is whole, or an error. False: the round is over. NULL: an error is the probe's. */
	bool (*end)(struct probe *probe, const struct mysql_error *error);
	enum probe_stage stage;
	const char *complaint; /* an error is shown under this name and the round goes on */
};

static bool mysql_fail(struct probe *probe, const struct mysql_error *error)
{
	probe_fail(probe, "error %u: %.*s", error->code, (int)MIN(error->length, 120U), error->text);
	return false;
}

static bool mysql_is_denied(const struct mysql_error *error)
{
	static const unsigned codes[] = {1044, 1045, 1142, 1143, 1227, 1370};
	for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
		if (codes[i] == error->code) {
			return true;
		}
	}
	return false;
}

/* -- figures -- */

static bool mysql_wants_figures(const struct probe *probe)
{
	return probe->settings->metrics;
}

static bool mysql_wants_replica(const struct probe *probe)
{
	return probe->settings->metrics || probe_writes(probe);
}

/* Two columns: a name, its value. */
static void mysql_keep_pair(struct probe *probe, const struct mysql_packet *packet)
{
	struct mysql_state *s = probe->state;
	struct mysql_row row = {0};
	const char *name = NULL;
	const char *value = NULL;
	size_t name_length = 0;
	size_t value_length = 0;
	if (mysql_row_next(&row, packet, &name, &name_length) && name &&
		mysql_row_next(&row, packet, &value, &value_length) && value) {
		stats_set(&s->figures, name, name_length, value, value_length);
	}
}

static void mysql_keep(struct mysql_state *s, const char *name, const char *value, size_t length)
{
	stats_set(&s->figures, name, strlen(name), value, length);
}

/* The columns of a replica's state that matter, under their old and new names. */
static void mysql_keep_replica(struct probe *probe, const struct mysql_packet *packet)
{
	static const struct {
		const char *column, *figure;
		bool runs; /* "Yes" becomes 0, all else 1: stock Munin's way */
	} columns[] = {
		{"Slave_IO_Running", "slave_io_running", true},
		{"Replica_IO_Running", "slave_io_running", true},
		{"Slave_SQL_Running", "slave_sql_running", true},
		{"Replica_SQL_Running", "slave_sql_running", true},
		{"Seconds_Behind_Master", "seconds_behind_master", false},
		{"Seconds_Behind_Source", "seconds_behind_master", false},
		{"Relay_Log_Space", "relay_log_space", false},
	};
	struct mysql_state *s = probe->state;
	struct mysql_row row = {0};
	const char *value = NULL;
	size_t length = 0;
	s->replica = true;
	for (guint i = 0; i < s->table.names->len; i++) {
		if (!mysql_row_next(&row, packet, &value, &length)) {
			return;
		}
		for (size_t n = 0; value && n < ARRAY_LENGTH(columns); n++) {
			bool yes = length == 3 && !memcmp(value, "Yes", 3);
			if (!g_ascii_strcasecmp(columns[n].column, s->table.names->pdata[i])) {
				mysql_keep(s, columns[n].figure, columns[n].runs ? (yes ? "0" : "1") : value,
					columns[n].runs ? 1 : length);
			}
		}
	}
}

/* MySQL 8.4 knows the new wording only, MariaDB and older ones the old. MariaDB (since 10.0) tells
 * of sources that have a name only where it is asked for all of them; MySQL always tells of all. */
static void mysql_replica_text(struct probe *probe, GString *out)
{
	const struct mysql_state *s = probe->state;
	const char *version = s->greeting.version;
	bool maria = strstr(version, "MariaDB");
	int major = (int)g_ascii_strtoll(version, NULL, 10);
	const char *dot = strchr(version, '.');
	int minor = dot ? (int)g_ascii_strtoll(dot + 1, NULL, 10) : 0;
	bool now = !maria && (major > 8 || (major == 8 && minor >= 4));
	bool named = maria && (major >= 10 || g_str_has_prefix(version, "5.5.5-"));
	g_string_assign(out, named ? "SHOW ALL SLAVES STATUS"
						 : now ? "SHOW REPLICA STATUS"
							   : "SHOW SLAVE STATUS");
}

static bool mysql_replica_end(struct probe *probe, const struct mysql_error *error)
{
	struct mysql_state *s = probe->state;
	s->hidden = error;
	if (error) {
		probe_complain(probe, "replication", "error %u: %.*s", error->code,
			(int)MIN(error->length, 120U), error->text);
	} else {
		probe_content(probe, "replication");
	}
	return true;
}

/* Type, name, and the text in the third column. */
static void mysql_keep_innodb(struct probe *probe, const struct mysql_packet *packet)
{
	struct mysql_state *s = probe->state;
	struct mysql_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	for (int i = 0; i < 3; i++) {
		if (!mysql_row_next(&row, packet, &text, &length)) {
			return;
		}
	}
	if (text) {
		mysql_innodb_parse(&s->figures, text, length);
	}
}

static bool mysql_wants_binlogs(const struct probe *probe)
{
	const struct mysql_state *s = probe->state;
	return probe->settings->metrics && stats_number(&s->figures, "log_bin") > 0;
}

/* Name and size of each file. */
static void mysql_keep_binlog(struct probe *probe, const struct mysql_packet *packet)
{
	struct mysql_state *s = probe->state;
	struct mysql_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	double size = 0;
	if (mysql_row_next(&row, packet, &text, &length) &&
		mysql_row_next(&row, packet, &text, &length) && text && number_parse(text, length, &size)) {
		s->binlogs_bytes += size;
	}
}

static bool mysql_binlogs_end(struct probe *probe, const struct mysql_error *error)
{
	struct mysql_state *s = probe->state;
	char text[NUMBER_TEXT];
	if (!error) {
		mysql_keep(s, "ma_binlog_size", text, number_format(s->binlogs_bytes, text));
		probe_content(probe, "binary logs");
	} else {
		probe_complain(probe, "binary logs", "error %u: %.*s", error->code,
			(int)MIN(error->length, 120U), error->text);
	}
	return true;
}

/* -- the canary -- */

static bool mysql_writing(const struct probe *probe)
{
	const struct mysql_state *s = probe->state;
	return s->writing;
}

/* C3. A server that is read-only and does not say whether it is a replica counts as one. */
static bool mysql_wants_canary(const struct probe *probe)
{
	const struct mysql_state *s = probe->state;
	bool cluster = stats_number(&s->figures, "wsrep_on") > 0;
	bool read_only = stats_number(&s->figures, "read_only") > 0;
	return probe_writes(probe) && !s->replica && !(s->hidden && read_only) &&
		   !(probe->settings->found && (cluster || read_only));
}

static bool mysql_wants_hung(const struct probe *probe)
{
	const struct mysql_state *s = probe->state;
	return s->hung && mysql_wants_canary(probe);
}

static void mysql_hung_text(struct probe *probe, GString *out)
{
	struct mysql_state *s = probe->state;
	s->hangs = false;
	/* numbers begin anew with the server: what it does tells ours from others */
	g_string_printf(out,
		"SELECT 1 FROM information_schema.processlist WHERE id = %" PRIu32
		" AND info LIKE '%%magpie!_canary!_%%' ESCAPE '!'",
		s->hung);
}

static void mysql_hung_row(struct probe *probe, const struct mysql_packet *packet UNUSED)
{
	struct mysql_state *s = probe->state;
	s->hangs = true;
}

/* C2. */
static bool mysql_hung_end(struct probe *probe, const struct mysql_error *error UNUSED)
{
	struct mysql_state *s = probe->state;
	if (s->hangs) {
		probe_canary(probe, false);
		probe_fail(probe, "a write that was begun before still hangs (is the disk full?)");
		return false;
	}
	s->hung = 0;
	return true;
}

static void mysql_canary_text(struct probe *probe, GString *out)
{
	struct mysql_state *s = probe->state;
	probe_canary(probe, false); /* C1 */
	s->writing = true;
	s->read_back = false;
	s->hung = s->greeting.thread;
	g_snprintf(s->value, sizeof(s->value), "%08x", g_random_int());
	g_string_printf(out, "DROP TABLE IF EXISTS %s", s->canary_table);
}

/* The canary cannot be tried: that is said, and nothing more of it is asked in this round. */
static bool mysql_no_canary(struct probe *probe, const char *why)
{
	struct mysql_state *s = probe->state;
	s->writing = false;
	s->hung = 0;
	probe_canary_forget(probe);
	if (!probe->settings->found) {
		probe_complain(probe, "canary", "%s", why);
	}
	return true;
}

static bool mysql_canary_end(struct probe *probe, const struct mysql_error *error)
{
	struct mysql_state *s = probe->state;
	if (!error) {
		return true;
	}
	if (error->code == 1049) {
		return mysql_no_canary(probe,
			"the database for it is not there: create it, name another by `path`, or say "
			"`write no`");
	}
	if (mysql_is_denied(error)) {
		return mysql_no_canary(probe,
			"the user may not create, write and drop its table: grant it, or say `write no`");
	}
	s->hung = 0;
	probe_canary(probe, false);
	return mysql_fail(probe, error);
}

static void mysql_create_text(struct probe *probe, GString *out)
{
	const struct mysql_state *s = probe->state;
	g_string_printf(
		out, "CREATE TABLE %s (id INT PRIMARY KEY, value VARCHAR(16))", s->canary_table);
}

static void mysql_insert_text(struct probe *probe, GString *out)
{
	const struct mysql_state *s = probe->state;
	g_string_printf(out, "INSERT INTO %s VALUES (1, '%s')", s->canary_table, s->value);
}

static void mysql_read_text(struct probe *probe, GString *out)
{
	const struct mysql_state *s = probe->state;
	g_string_printf(out, "SELECT value FROM %s", s->canary_table);
}

static void mysql_read_row(struct probe *probe, const struct mysql_packet *packet)
{
	struct mysql_state *s = probe->state;
	struct mysql_row row = {0};
	const char *text = NULL;
	size_t length = 0;
	s->read_back = mysql_row_next(&row, packet, &text, &length) && text &&
				   length == strlen(s->value) && !memcmp(text, s->value, length);
}

static void mysql_drop_text(struct probe *probe, GString *out)
{
	const struct mysql_state *s = probe->state;
	g_string_printf(out, "DROP TABLE %s", s->canary_table);
}

static bool mysql_drop_end(struct probe *probe, const struct mysql_error *error)
{
	struct mysql_state *s = probe->state;
	if (error) {
		return mysql_canary_end(probe, error);
	}
	s->hung = 0;
	if (!s->read_back) {
		probe_fail(probe, "what was written a moment ago could not be read back");
		return false;
	}
	probe_canary(probe, true);
	probe_content(probe, "canary");
	return true;
}

/* -- the questions in order -- */

static const struct mysql_question mysql_questions[] = {
	{.sql = "SELECT 1", .stage = PROBE_QUERY},
	{.sql = "SHOW GLOBAL STATUS",
		.wanted = mysql_wants_figures,
		.row = mysql_keep_pair,
		.stage = PROBE_QUERY,
		.complaint = "status"},
	{.sql = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('max_connections', 'table_open_cache', "
			"'innodb_log_buffer_size', 'query_cache_size', 'log_bin', 'read_only', 'wsrep_on')",
		.wanted = mysql_wants_replica,
		.row = mysql_keep_pair,
		.stage = PROBE_QUERY,
		.complaint = "variables"},
	{.text = mysql_replica_text,
		.wanted = mysql_wants_replica,
		.row = mysql_keep_replica,
		.end = mysql_replica_end,
		.stage = PROBE_QUERY},
	{.sql = "SHOW ENGINE INNODB STATUS",
		.wanted = mysql_wants_figures,
		.row = mysql_keep_innodb,
		.stage = PROBE_QUERY,
		.complaint = "InnoDB"},
	{.sql = "SHOW BINARY LOGS",
		.wanted = mysql_wants_binlogs,
		.row = mysql_keep_binlog,
		.end = mysql_binlogs_end,
		.stage = PROBE_QUERY},
	{.text = mysql_hung_text,
		.wanted = mysql_wants_hung,
		.row = mysql_hung_row,
		.end = mysql_hung_end,
		.stage = PROBE_WRITE},
	{.text = mysql_canary_text,
		.wanted = mysql_wants_canary,
		.end = mysql_canary_end,
		.stage = PROBE_WRITE},
	{.text = mysql_create_text,
		.wanted = mysql_writing,
		.end = mysql_canary_end,
		.stage = PROBE_WRITE},
	{.text = mysql_insert_text,
		.wanted = mysql_writing,
		.end = mysql_canary_end,
		.stage = PROBE_WRITE},
	{.text = mysql_read_text,
		.wanted = mysql_writing,
		.row = mysql_read_row,
		.end = mysql_canary_end,
		.stage = PROBE_WRITE},
	{.text = mysql_drop_text, .wanted = mysql_writing, .end = mysql_drop_end, .stage = PROBE_WRITE},
};
enum { MYSQL_QUESTIONS = ARRAY_LENGTH(mysql_questions), MYSQL_PING = MYSQL_QUESTIONS };

static void mysql_send(struct probe *probe)
{
	struct mysql_state *s = probe->state;
	mysql_table_finish(&s->table);
	stream_send(probe->stream, s->out->str, s->out->len);
	g_string_truncate(s->out, 0);
}

void mysql_ask_first(struct probe *probe)
{
	struct mysql_state *s = probe->state;
	stats_clear(&s->figures);
	s->binlogs_bytes = 0;
	s->replica = s->hidden = false;
	s->writing = false;
	s->question = MYSQL_PING;
	mysql_append_ping(s->out);
	mysql_send(probe);
}

static void mysql_over(struct probe *probe)
{
	struct mysql_state *s = probe->state;
	if (probe->settings->metrics) {
		mysql_graphs_fill(&s->graphs, probe, &s->figures);
	}
	mysql_append(s->out, 0, "\x01", 1); /* COM_QUIT: no connection is counted as aborted */
	mysql_send(probe);
	probe_succeed(probe);
}

/* The next question that is wanted; false: there was none, the round is over. */
static bool mysql_ask_next(struct probe *probe)
{
	struct mysql_state *s = probe->state;
	size_t next = s->question == MYSQL_PING ? 0 : s->question + 1;
	while (next < MYSQL_QUESTIONS && mysql_questions[next].wanted &&
		   !mysql_questions[next].wanted(probe)) {
		next++;
	}
	if (next == MYSQL_QUESTIONS) {
		mysql_over(probe);
		return false;
	}
	const struct mysql_question *question = &mysql_questions[next];
	s->question = next;
	probe_reach(probe, question->stage);
	GString *sql = g_string_new(question->sql);
	if (question->text) {
		question->text(probe, sql);
	}
	mysql_append_query(s->out, sql->str);
	g_string_free(sql, TRUE);
	mysql_send(probe);
	return true;
}

/* The answer to the question under way is whole. */
static bool mysql_ask_end(struct probe *probe, const struct mysql_error *error)
{
	const struct mysql_state *s = probe->state;
	const struct mysql_question *question = &mysql_questions[s->question];
	if (question->end) {
		return question->end(probe, error) && mysql_ask_next(probe);
	}
	if (error && !question->complaint) {
		return mysql_fail(probe, error);
	}
	if (error) {
		probe_complain(probe, question->complaint, "error %u: %.*s", error->code,
			(int)MIN(error->length, 120U), error->text);
	} else if (question->complaint) {
		probe_content(probe, question->complaint);
	}
	return mysql_ask_next(probe);
}

bool mysql_ask_take(struct probe *probe, const struct mysql_packet *packet)
{
	struct mysql_state *s = probe->state;
	struct mysql_error error = {0};
	switch (mysql_table_take(&s->table, packet)) {
	case MYSQL_STEP_ON: return true;
	case MYSQL_STEP_ROW:
		if (s->question != MYSQL_PING && mysql_questions[s->question].row) {
			mysql_questions[s->question].row(probe, packet);
		}
		return true;
	case MYSQL_STEP_END:
		return s->question == MYSQL_PING ? mysql_ask_next(probe) : mysql_ask_end(probe, NULL);
	case MYSQL_STEP_ERROR:
		if (mysql_error_parse(packet, &error)) {
			return s->question == MYSQL_PING ? mysql_fail(probe, &error)
											 : mysql_ask_end(probe, &error);
		}
		break;
	case MYSQL_STEP_BROKEN: break;
	}
	probe_fail(probe, "the answer is none of MySQL");
	return false;
}
