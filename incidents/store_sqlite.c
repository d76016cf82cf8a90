#include "incidents/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "base/banned.h"

/*
 * DATA/state.db. One connection in one process, exclusive, write-ahead log, synchronous=FULL: what
 * a commit returned for survives a power cut, and nobody else can write the file. The schema grows
 * by steps that are never changed once released; the file's user_version says how many it has.
 *
 * Statements are prepared once. Whatever fails in the middle of a batch rolls the whole batch back.
 */
static const char *const migrations[] = {
	"CREATE TABLE value(name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE service(name TEXT PRIMARY KEY, declaration BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE rule_state(key TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE host(name TEXT PRIMARY KEY, error TEXT NOT NULL, seen_at INTEGER NOT NULL,"
	" up INTEGER NOT NULL, step_s INTEGER NOT NULL, strip_hour INTEGER NOT NULL,"
	" strip TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
	" kind TEXT NOT NULL, object TEXT NOT NULL, text TEXT NOT NULL);"
	"CREATE INDEX event_at ON event(at);"
	"CREATE TABLE outbox(id INTEGER PRIMARY KEY, dedup_key TEXT NOT NULL UNIQUE,"
	" instance TEXT NOT NULL, channel TEXT NOT NULL, kind INTEGER NOT NULL,"
	" state INTEGER NOT NULL, level INTEGER NOT NULL, open INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL, since_at INTEGER NOT NULL, until_at INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL, first_at INTEGER NOT NULL, next_at INTEGER NOT NULL,"
	" code INTEGER NOT NULL, rule TEXT NOT NULL, host TEXT NOT NULL, service TEXT NOT NULL,"
	" field TEXT NOT NULL, value TEXT NOT NULL, threshold TEXT NOT NULL, summary TEXT NOT NULL,"
	" info TEXT NOT NULL, runbook TEXT NOT NULL, link TEXT NOT NULL, detail TEXT NOT NULL);"
	"CREATE INDEX outbox_unfinished ON outbox(id) WHERE state < 3 OR open;",
	"CREATE TABLE source(id TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE seen(host TEXT PRIMARY KEY, spans BLOB NOT NULL) WITHOUT ROWID;",
	"CREATE TABLE mark(id TEXT PRIMARY KEY, mark BLOB NOT NULL) WITHOUT ROWID;",
};

#define OUTBOX_COLUMNS                                                                             \
	"id, dedup_key, instance, channel, kind, state, level, open, attempt, since_at, until_at, "    \
	"created_at, first_at, next_at, code, rule, host, service, field, value, threshold, summary, " \
	"info, runbook, link, detail"

enum statement {
	PUT_VALUE,
	PUT_SERVICE,
	DROP_SERVICE,
	PUT_STATE,
	DROP_STATE,
	PUT_SOURCE,
	DROP_SOURCE,
	PUT_SEEN,
	DROP_SEEN,
	PUT_MARK,
	DROP_MARK,
	PUT_HOST,
	PUT_EVENT,
	PUT_OUTBOX,
	FORGET_EVENTS,
	FORGET_OUTBOX,
	STATEMENTS,
};

static const char *const statements[STATEMENTS] = {
	[PUT_VALUE] = "INSERT OR REPLACE INTO value VALUES(?,?)",
	[PUT_SERVICE] = "INSERT OR REPLACE INTO service VALUES(?,?)",
	[DROP_SERVICE] = "DELETE FROM service WHERE name=?",
	[PUT_STATE] = "INSERT OR REPLACE INTO rule_state VALUES(?,?)",
	[DROP_STATE] = "DELETE FROM rule_state WHERE key=?",
	[PUT_SOURCE] = "INSERT OR REPLACE INTO source VALUES(?,?)",
	[DROP_SOURCE] = "DELETE FROM source WHERE id=?",
	[PUT_SEEN] = "INSERT OR REPLACE INTO seen VALUES(?,?)",
	[DROP_SEEN] = "DELETE FROM seen WHERE host=?",
	[PUT_MARK] = "INSERT OR REPLACE INTO mark VALUES(?,?)",
	[DROP_MARK] = "DELETE FROM mark WHERE id=?",
	[PUT_HOST] = "INSERT OR REPLACE INTO host VALUES(?,?,?,?,?,?,?)",
	[PUT_EVENT] = "INSERT INTO event(at, kind, object, text) VALUES(?,?,?,?)",
	[PUT_OUTBOX] = "INSERT INTO outbox(" OUTBOX_COLUMNS
				   ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
				   " ON CONFLICT(dedup_key) DO UPDATE SET state=excluded.state, open=excluded.open,"
				   " attempt=excluded.attempt, until_at=excluded.until_at,"
				   " first_at=excluded.first_at, next_at=excluded.next_at, code=excluded.code,"
				   " detail=excluded.detail",
	[FORGET_EVENTS] = "DELETE FROM event WHERE at<?",
	[FORGET_OUTBOX] = "DELETE FROM outbox WHERE created_at<? AND state>=3 AND NOT open",
};

struct store_sqlite {
	struct store store;
	sqlite3 *db;
	sqlite3_stmt *prepared[STATEMENTS];
};

static bool db_error(sqlite3 *db, const char *doing, struct error *err)
{
	return error_set(
		err, ERR_STORAGE, "state.db: %s: %s", doing, db ? sqlite3_errmsg(db) : "out of memory");
}

static bool run(sqlite3 *db, const char *sql, struct error *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || db_error(db, "exec", err);
}

/* -- opening -- */

static int64_t one_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW) {
		number = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	return number;
}

/* Whether the file is a whole database; "busy" and the like count as whole. */
static bool is_damaged(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &statement, NULL);
	bool damaged = false;
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(statement);
		const char *answer =
			rc == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
		damaged = answer && strcmp(answer, "ok") != 0;
	}
	sqlite3_finalize(statement);
	return damaged || rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
}

static bool migrate(sqlite3 *db, struct error *err)
{
	int64_t version = one_number(db, "PRAGMA user_version");
	if (version < 0 || version > (int64_t)ARRAY_LENGTH(migrations)) {
		return version < 0 ? db_error(db, "version", err)
						   : error_set(err, ERR_STORAGE,
								 "state.db: schema %lld is newer than this program (%zu)",
								 (long long)version, ARRAY_LENGTH(migrations));
	}
	for (size_t i = (size_t)version; i < ARRAY_LENGTH(migrations); i++) {
		char mark[64];
		snprintf(mark, sizeof(mark), "PRAGMA user_version=%zu; COMMIT", i + 1);
		if (!run(db, "BEGIN IMMEDIATE", err) || !run(db, migrations[i], err) ||
			!run(db, mark, err)) {
			(void)run(db, "ROLLBACK", NULL);
			return false;
		}
	}
	return true;
}

static bool set_up(struct store_sqlite *s, struct error *err)
{
	if (!run(s->db,
			"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY",
			err) ||
		!migrate(s->db, err)) {
		return false;
	}
	for (size_t i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &s->prepared[i],
				NULL) != SQLITE_OK) {
			return db_error(s->db, statements[i], err);
		}
	}
	/* A full disk is no reason to forget what was read: commits fail, are told of, and succeed when
	 * there is room again. Only damage that shows at the first write is one. */
	if (!run(s->db, "BEGIN IMMEDIATE; INSERT OR REPLACE INTO value VALUES('started','1'); COMMIT",
			err)) {
		int code = sqlite3_errcode(s->db);
		(void)run(s->db, "ROLLBACK", NULL);
		return code != SQLITE_CORRUPT && code != SQLITE_NOTADB;
	}
	return true;
}

static void sqlite_close(struct store *store)
{
	struct store_sqlite *s = (struct store_sqlite *)store;
	for (size_t i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(s->prepared[i]);
	}
	sqlite3_close(s->db);
	g_free(s);
}

/* -- reading -- */

static const char *text_at(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	return text ? text : "";
}

static struct outbox_row row_from(sqlite3_stmt *s)
{
	int c = 0;
	struct outbox_row r = {.id = (uint64_t)sqlite3_column_int64(s, c++)};
	char **const first[] = {&r.dedup_key, &r.instance, &r.channel};
	for (size_t i = 0; i < ARRAY_LENGTH(first); i++) {
		*first[i] = (char *)text_at(s, c++);
	}
	r.kind = (enum outbox_kind)sqlite3_column_int(s, c++);
	r.state = (enum outbox_state)sqlite3_column_int(s, c++);
	r.level = (uint8_t)sqlite3_column_int(s, c++);
	r.open = sqlite3_column_int(s, c++) != 0;
	r.attempt = (uint32_t)sqlite3_column_int64(s, c++);
	struct wall *const instants[] = {&r.since, &r.until, &r.created, &r.first_at, &r.next_at};
	for (size_t i = 0; i < ARRAY_LENGTH(instants); i++) {
		instants[i]->ms = sqlite3_column_int64(s, c++);
	}
	r.code = (uint16_t)sqlite3_column_int(s, c++);
	char **const rest[] = {&r.rule, &r.host, &r.service, &r.field, &r.value, &r.threshold,
		&r.summary, &r.info, &r.runbook, &r.link, &r.detail};
	for (size_t i = 0; i < ARRAY_LENGTH(rest); i++) {
		*rest[i] = (char *)text_at(s, c++);
	}
	return r;
}

struct loading {
	const struct store_loader *loader;
	void *owner;
};

static void give_value(const struct loading *l, sqlite3_stmt *s)
{
	l->loader->value(l->owner, text_at(s, 0), text_at(s, 1));
}

static void give_service(const struct loading *l, sqlite3_stmt *s)
{
	const void *blob = sqlite3_column_blob(s, 1);
	l->loader->service(l->owner, text_at(s, 0), blob, (size_t)sqlite3_column_bytes(s, 1));
}

static void give_state(const struct loading *l, sqlite3_stmt *s)
{
	const void *blob = sqlite3_column_blob(s, 1);
	l->loader->state(l->owner, text_at(s, 0), blob, (size_t)sqlite3_column_bytes(s, 1));
}

static void give_source(const struct loading *l, sqlite3_stmt *s)
{
	const void *blob = sqlite3_column_blob(s, 1);
	if (l->loader->source) {
		l->loader->source(l->owner, text_at(s, 0), blob, (size_t)sqlite3_column_bytes(s, 1));
	}
}

static void give_seen(const struct loading *l, sqlite3_stmt *s)
{
	const void *blob = sqlite3_column_blob(s, 1);
	if (l->loader->seen) {
		l->loader->seen(l->owner, text_at(s, 0), blob, (size_t)sqlite3_column_bytes(s, 1));
	}
}

static void give_mark(const struct loading *l, sqlite3_stmt *s)
{
	const void *blob = sqlite3_column_blob(s, 1);
	if (l->loader->mark) {
		l->loader->mark(l->owner, text_at(s, 0), blob, (size_t)sqlite3_column_bytes(s, 1));
	}
}

static void give_outbox(const struct loading *l, sqlite3_stmt *s)
{
	struct outbox_row row = row_from(s);
	l->loader->outbox(l->owner, &row);
}

static void give_host(const struct loading *l, sqlite3_stmt *s)
{
	struct store_host host = {.name = (char *)text_at(s, 0),
		.error = (char *)text_at(s, 1),
		.seen = {sqlite3_column_int64(s, 2)},
		.up = sqlite3_column_int(s, 3) != 0,
		.step_s = (uint32_t)sqlite3_column_int64(s, 4),
		.strip_hour = sqlite3_column_int64(s, 5)};
	snprintf(host.strip, sizeof(host.strip), "%s", text_at(s, 6));
	l->loader->host(l->owner, &host);
}

static void give_event(const struct loading *l, sqlite3_stmt *s)
{
	struct store_event event = {{sqlite3_column_int64(s, 0)}, (char *)text_at(s, 1),
		(char *)text_at(s, 2), (char *)text_at(s, 3)};
	l->loader->event(l->owner, &event);
}

static const struct {
	const char *sql;
	void (*give)(const struct loading *l, sqlite3_stmt *s);
} queries[] = {
	{"SELECT name, text FROM value ORDER BY name", give_value},
	{"SELECT name, declaration FROM service ORDER BY name", give_service},
	{"SELECT key, state FROM rule_state ORDER BY key", give_state},
	{"SELECT id, state FROM source ORDER BY id", give_source},
	{"SELECT host, spans FROM seen ORDER BY host", give_seen},
	{"SELECT id, mark FROM mark ORDER BY id", give_mark},
	{"SELECT " OUTBOX_COLUMNS " FROM outbox WHERE state < 3 OR open ORDER BY id", give_outbox},
	{"SELECT name, error, seen_at, up, step_s, strip_hour, strip FROM host ORDER BY name",
		give_host},
	{"SELECT at, kind, object, text FROM (SELECT * FROM event ORDER BY id DESC LIMIT ?)"
	 " ORDER BY id",
		give_event},
};

static bool sqlite_load(
	struct store *store, const struct store_loader *loader, void *owner, struct error *err)
{
	sqlite3 *db = ((struct store_sqlite *)store)->db;
	const struct loading l = {loader, owner};
	for (size_t i = 0; i < ARRAY_LENGTH(queries); i++) {
		sqlite3_stmt *s = NULL;
		if (sqlite3_prepare_v2(db, queries[i].sql, -1, &s, NULL) != SQLITE_OK) {
			return db_error(db, queries[i].sql, err);
		}
		if (sqlite3_bind_parameter_count(s)) {
			sqlite3_bind_int(s, 1, STORE_EVENTS_LOADED);
		}
		int rc;
		while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
			queries[i].give(&l, s);
		}
		sqlite3_finalize(s);
		if (rc != SQLITE_DONE) {
			return db_error(db, queries[i].sql, err);
		}
	}
	return true;
}

/* -- writing -- */

static void bind_text(sqlite3_stmt *s, int *at, const char *text)
{
	sqlite3_bind_text(s, (*at)++, text ? text : "", -1, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *s, int *at, int64_t number)
{
	sqlite3_bind_int64(s, (*at)++, number);
}

static void bind_blob(sqlite3_stmt *s, int *at, GBytes *bytes)
{
	gsize length;
	const void *data = g_bytes_get_data(bytes, &length);
	sqlite3_bind_blob64(s, (*at)++, length ? data : "", length, SQLITE_STATIC);
}

static bool finish(struct store_sqlite *s, enum statement which, struct error *err)
{
	int rc = sqlite3_step(s->prepared[which]);
	bool good = rc == SQLITE_DONE || db_error(s->db, "write", err);
	sqlite3_reset(s->prepared[which]);
	sqlite3_clear_bindings(s->prepared[which]);
	return good;
}

static bool write_value(struct store_sqlite *s, gpointer key, gpointer value, struct error *err)
{
	int at = 1;
	bind_text(s->prepared[PUT_VALUE], &at, key);
	bind_text(s->prepared[PUT_VALUE], &at, value);
	return finish(s, PUT_VALUE, err);
}

/* A row of name and bytes; without bytes the row goes. */
static bool write_blob(struct store_sqlite *s, enum statement put, enum statement drop,
	const char *name, GBytes *bytes, struct error *err)
{
	bool gone = drop != put && !g_bytes_get_size(bytes);
	sqlite3_stmt *statement = s->prepared[gone ? drop : put];
	int at = 1;
	bind_text(statement, &at, name);
	if (!gone) {
		bind_blob(statement, &at, bytes);
	}
	return finish(s, gone ? drop : put, err);
}

static bool write_service(struct store_sqlite *s, gpointer key, gpointer value, struct error *err)
{
	return write_blob(s, PUT_SERVICE, DROP_SERVICE, key, value, err);
}

static bool write_state(struct store_sqlite *s, gpointer key, gpointer value, struct error *err)
{
	return write_blob(s, PUT_STATE, DROP_STATE, key, value, err);
}

static bool write_source(struct store_sqlite *s, gpointer key, gpointer value, struct error *err)
{
	return write_blob(s, PUT_SOURCE, DROP_SOURCE, key, value, err);
}

static bool write_seen(struct store_sqlite *s, gpointer key, gpointer value, struct error *err)
{
	return write_blob(s, PUT_SEEN, DROP_SEEN, key, value, err);
}

static bool write_mark(struct store_sqlite *s, gpointer key, gpointer value, struct error *err)
{
	return write_blob(s, PUT_MARK, DROP_MARK, key, value, err);
}

static bool write_host(
	struct store_sqlite *s, gpointer key UNUSED, gpointer value, struct error *err)
{
	const struct store_host *host = value;
	sqlite3_stmt *statement = s->prepared[PUT_HOST];
	int at = 1;
	bind_text(statement, &at, host->name);
	bind_text(statement, &at, host->error);
	bind_number(statement, &at, host->seen.ms);
	bind_number(statement, &at, host->up);
	bind_number(statement, &at, host->step_s);
	bind_number(statement, &at, host->strip_hour);
	bind_text(statement, &at, host->strip);
	return finish(s, PUT_HOST, err);
}

static bool write_outbox(
	struct store_sqlite *s, gpointer key UNUSED, gpointer value, struct error *err)
{
	const struct outbox_row *r = value;
	sqlite3_stmt *statement = s->prepared[PUT_OUTBOX];
	int at = 1;
	bind_number(statement, &at, (int64_t)r->id);
	bind_text(statement, &at, r->dedup_key);
	bind_text(statement, &at, r->instance);
	bind_text(statement, &at, r->channel);
	const int64_t numbers[] = {r->kind, r->state, r->level, r->open, r->attempt, r->since.ms,
		r->until.ms, r->created.ms, r->first_at.ms, r->next_at.ms, r->code};
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		bind_number(statement, &at, numbers[i]);
	}
	const char *const texts[] = {r->rule, r->host, r->service, r->field, r->value, r->threshold,
		r->summary, r->info, r->runbook, r->link, r->detail};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		bind_text(statement, &at, texts[i]);
	}
	return finish(s, PUT_OUTBOX, err);
}

static bool write_table(struct store_sqlite *s, GHashTable *table,
	bool (*write)(struct store_sqlite *s, gpointer key, gpointer value, struct error *err),
	struct error *err)
{
	GHashTableIter iter;
	gpointer key;
	gpointer value;
	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (!write(s, key, value, err)) {
			return false;
		}
	}
	return true;
}

static bool write_events(struct store_sqlite *s, const struct store_batch *batch, struct error *err)
{
	for (size_t i = 0; i < batch->events->len; i++) {
		const struct store_event *event = batch->events->pdata[i];
		int at = 1;
		bind_number(s->prepared[PUT_EVENT], &at, event->at.ms);
		bind_text(s->prepared[PUT_EVENT], &at, event->kind);
		bind_text(s->prepared[PUT_EVENT], &at, event->object);
		bind_text(s->prepared[PUT_EVENT], &at, event->text);
		if (!finish(s, PUT_EVENT, err)) {
			return false;
		}
	}
	return true;
}

static bool write_forget(struct store_sqlite *s, struct wall before, struct error *err)
{
	static const enum statement which[] = {FORGET_EVENTS, FORGET_OUTBOX};
	for (size_t i = 0; before.ms && i < ARRAY_LENGTH(which); i++) {
		sqlite3_bind_int64(s->prepared[which[i]], 1, before.ms);
		if (!finish(s, which[i], err)) {
			return false;
		}
	}
	return true;
}

static bool sqlite_commit(struct store *store, const struct store_batch *batch, struct error *err)
{
	struct store_sqlite *s = (struct store_sqlite *)store;
	if (!run(s->db, "BEGIN IMMEDIATE", err)) {
		return false;
	}
	if (write_table(s, batch->values, write_value, err) &&
		write_table(s, batch->services, write_service, err) &&
		write_table(s, batch->states, write_state, err) &&
		write_table(s, batch->hosts, write_host, err) &&
		write_table(s, batch->sources, write_source, err) &&
		write_table(s, batch->seen, write_seen, err) &&
		write_table(s, batch->marks, write_mark, err) &&
		write_table(s, batch->outbox, write_outbox, err) && write_events(s, batch, err) &&
		write_forget(s, batch->forget_before, err) && run(s->db, "COMMIT", err)) {
		return true;
	}
	(void)run(s->db, "ROLLBACK", NULL);
	return false;
}

/* -- opening, in the end -- */

static void *sqlite_database(struct store *store)
{
	return ((struct store_sqlite *)store)->db;
}

static const struct store_class sqlite_class = {
	sqlite_load, sqlite_commit, sqlite_close, sqlite_database};

static struct store_sqlite *try_open(const char *path, bool *damaged, struct error *err)
{
	struct store_sqlite *s = g_new0(struct store_sqlite, 1);
	s->store.class = &sqlite_class;
	*damaged = false;
	int rc = sqlite3_open_v2(path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		NULL);
	/* exclusive from the first access on: then no shared memory file is made, for which a full disk
	 * may have no room */
	if (rc != SQLITE_OK || !run(s->db, "PRAGMA locking_mode=EXCLUSIVE", NULL)) {
		db_error(s->db, "open", err);
	} else if (is_damaged(s->db)) {
		*damaged = true;
		error_set(err, ERR_STORAGE, "state.db is damaged");
	} else if (set_up(s, err)) {
		return s;
	} else {
		int code = sqlite3_errcode(s->db);
		*damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	}
	sqlite_close(&s->store);
	return NULL;
}

static bool move_aside(const char *path, struct wall now, char set_aside[256], struct error *err)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < ARRAY_LENGTH(tails); i++) {
		g_autofree char *from = g_strconcat(path, tails[i], NULL);
		g_autofree char *to =
			g_strdup_printf("%s.corrupt-%" PRId64 "%s", path, wall_s(now), tails[i]);
		if (rename(from, to) && i == 0) {
			return error_set(err, ERR_STORAGE, "%s cannot be renamed", path);
		}
		if (i == 0) {
			snprintf(set_aside, 256, "%s", to);
		}
	}
	return true;
}

struct store *store_open_sqlite(
	const char *path, struct wall now, char set_aside[256], struct error *err)
{
	bool damaged;
	set_aside[0] = '\0';
	mode_t before = umask(0077);
	struct store_sqlite *s = try_open(path, &damaged, err);
	if (!s && damaged && move_aside(path, now, set_aside, err)) {
		s = try_open(path, &damaged, err);
	}
	umask(before);
	return s ? &s->store : NULL;
}
