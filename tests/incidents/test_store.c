#include "incidents/store.h"

#include "tests/support/test.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

/* Every case runs over both implementations; `reopen` of the memory store keeps it. */
struct place {
	char *directory;
	char *path;
	struct store *store;
	bool on_disk;
	char set_aside[256];
};

static void open_store(struct place *place)
{
	struct error err;
	place->store = place->on_disk
					   ? store_open_sqlite(place->path, wall_now(), place->set_aside, &err)
					   : store_open_memory();
	assert_non_null(place->store);
}

static void reopen(struct place *place)
{
	if (place->on_disk) {
		store_close(place->store);
		open_store(place);
	}
}

static int make_place(void **state, bool on_disk)
{
	struct place *place = g_new0(struct place, 1);
	place->directory = test_directory();
	place->path = g_build_filename(place->directory, "state.db", NULL);
	place->on_disk = on_disk;
	open_store(place);
	*state = place;
	return 0;
}

static int make_disk(void **state)
{
	return make_place(state, true);
}

static int make_memory(void **state)
{
	return make_place(state, false);
}

static int drop_place(void **state)
{
	struct place *place = *state;
	store_close(place->store);
	test_directory_remove(place->directory);
	g_free(place->path);
	g_free(place);
	return 0;
}

/* -- what a load gives, as text -- */

static void see_value(void *owner, const char *name, const char *text)
{
	if (strcmp(name, "started") != 0) {
		g_string_append_printf(owner, "value %s=%s\n", name, text);
	}
}

static void see_service(void *owner, const char *name, const void *declaration, size_t length)
{
	g_string_append_printf(
		owner, "service %s %.*s\n", name, (int)length, (const char *)declaration);
}

static void see_state(void *owner, const char *key, const void *bytes, size_t length)
{
	g_string_append_printf(owner, "state %s %.*s\n", key, (int)length, (const char *)bytes);
}

static void see_outbox(void *owner, const struct outbox_row *r)
{
	g_string_append_printf(owner, "outbox %d %s %s %d %d %s\n", (int)r->id, r->dedup_key,
		r->channel, (int)r->state, r->open, r->summary);
}

static void see_event(void *owner, const struct store_event *event)
{
	g_string_append_printf(
		owner, "event %d %s %s %s\n", (int)event->at.ms, event->kind, event->object, event->text);
}

static void see_host(void *owner, const struct store_host *host)
{
	g_string_append_printf(owner, "host %s %d %d %d %d %s %s\n", host->name, (int)host->seen.ms,
		host->up, (int)host->step_s, (int)host->strip_hour, host->strip, host->error);
}

static void see_source(void *owner, const char *id, const void *state, size_t length)
{
	g_string_append_printf(owner, "source %s %.*s\n", id, (int)length, (const char *)state);
}

static void see_mark(void *owner, const char *id, const void *mark, size_t length)
{
	g_string_append_printf(owner, "mark %s %.*s\n", id, (int)length, (const char *)mark);
}

static void see_seen(void *owner, const char *host, const void *spans, size_t length)
{
	g_string_append_printf(owner, "seen %s %.*s\n", host, (int)length, (const char *)spans);
}

static char *content(struct place *place)
{
	static const struct store_loader loader = {see_value, see_service, see_state, see_outbox,
		see_event, see_host, see_source, see_seen, see_mark};
	GString *seen = g_string_new("");
	assert_true(store_load(place->store, &loader, seen, NULL));
	return g_string_free(seen, FALSE);
}

static void assert_content(struct place *place, const char *expected)
{
	g_autofree char *seen = content(place);
	assert_string_equal(seen, expected);
}

static struct outbox_row message(uint64_t id, char *dedup_key, enum outbox_state state, bool open)
{
	return (struct outbox_row){.id = id,
		.dedup_key = dedup_key,
		.channel = (char *)"mail",
		.summary = (char *)"full",
		.kind = OUTBOX_PROBLEM,
		.state = state,
		.open = open,
		.created = {1000 + (int64_t)id}};
}

static void commit(struct place *place, struct store_batch *batch)
{
	struct error err = {.kind = ERR_NONE};
	bool good = store_commit(place->store, batch, &err);
	if (!good) {
		fail_msg("%s", err.text);
	}
	store_batch_destroy(batch);
}

static void everything_comes_back_after_a_restart(void **state)
{
	struct place *place = *state;
	struct store_batch *batch = store_batch_create();
	assert_true(store_batch_is_empty(batch));
	store_put_number(batch, "position", 18446744073709551615ULL);
	store_put_value(batch, "token", "ab'c");
	store_put_service(batch, "web1:cpu", "DECL", 4);
	store_put_state(batch, "rule/web1", "S1", 2);
	store_put_state(batch, "rule/web2", "S2", 2);
	struct store_host host = {.name = (char *)"web1",
		.error = (char *)"refused",
		.seen = {5},
		.up = true,
		.step_s = 10,
		.strip_hour = 7,
		.strip = "------------------------"};
	store_put_host(batch, &host);
	store_put_source(batch, "web1/munin/munin", "SRC", 3);
	store_put_seen(batch, "web1", "SPANS", 5);
	store_put_mark(batch, 9000000000ULL, "MARK", 4);
	store_put_event(batch, (struct wall){1}, "rrd.set_aside", "a.rrd", "why");
	store_put_event(batch, (struct wall){2}, "kind", "b", "text");
	struct outbox_row row = message(1, (char *)"k1", OUTBOX_PENDING, true);
	store_put_outbox(batch, &row);
	assert_false(store_batch_is_empty(batch));
	commit(place, batch);
	const char *all = "value position=18446744073709551615\nvalue token=ab'c\n"
					  "service web1:cpu DECL\nstate rule/web1 S1\nstate rule/web2 S2\n"
					  "source web1/munin/munin SRC\nseen web1 SPANS\n"
					  "mark 9000000000 MARK\n"
					  "outbox 1 k1 mail 0 1 full\n"
					  "host web1 5 1 10 7 ------------------------ refused\n"
					  "event 1 rrd.set_aside a.rrd why\nevent 2 kind b text\n";
	assert_content(place, all);
	reopen(place);
	assert_content(place, all);
	assert_string_equal(place->set_aside, "");
}

static void later_changes_replace_and_empty_states_vanish(void **state)
{
	struct place *place = *state;
	struct store_batch *batch = store_batch_create();
	store_put_value(batch, "a", "1");
	store_put_value(batch, "a", "2");
	store_put_state(batch, "k", "one", 3);
	store_put_service(batch, "h:s", "x", 1);
	commit(place, batch);
	batch = store_batch_create();
	store_put_value(batch, "a", "3");
	store_put_state(batch, "k", NULL, 0);
	store_put_service(batch, "h:s", "y", 1);
	commit(place, batch);
	reopen(place);
	assert_content(place, "value a=3\nservice h:s y\n");
}

static void a_message_is_stored_once_and_goes_when_over(void **state)
{
	struct place *place = *state;
	struct store_batch *batch = store_batch_create();
	struct outbox_row one = message(1, (char *)"k1", OUTBOX_PENDING, true);
	struct outbox_row two = message(2, (char *)"k2", OUTBOX_PENDING, false);
	store_put_outbox(batch, &one);
	store_put_outbox(batch, &two);
	commit(place, batch);
	batch = store_batch_create();
	struct outbox_row again = message(9, (char *)"k1", OUTBOX_SENT, true);
	two.state = OUTBOX_SENT;
	store_put_outbox(batch, &again);
	store_put_outbox(batch, &two);
	commit(place, batch);
	reopen(place);
	/* k1 was sent, but its recovery is owed; k2 is over */
	assert_content(place, "outbox 1 k1 mail 3 1 full\n");
	batch = store_batch_create();
	one.state = OUTBOX_SENT;
	one.open = false;
	store_put_outbox(batch, &one);
	commit(place, batch);
	reopen(place);
	assert_content(place, "");
}

static void what_is_over_is_forgotten_by_age(void **state)
{
	struct place *place = *state;
	struct store_batch *batch = store_batch_create();
	for (int i = 1; i <= 4; i++) {
		store_put_event(batch, (struct wall){i}, "k", "o", "t");
	}
	struct outbox_row waiting = message(1, (char *)"k1", OUTBOX_RETRY, false);
	store_put_outbox(batch, &waiting);
	commit(place, batch);
	batch = store_batch_create();
	batch->forget_before.ms = 3;
	commit(place, batch);
	assert_content(place, "outbox 1 k1 mail 2 0 full\nevent 3 k o t\nevent 4 k o t\n");
	batch = store_batch_create();
	batch->forget_before.ms = 1000000;
	commit(place, batch);
	assert_content(place, "outbox 1 k1 mail 2 0 full\n"); /* what is owed is never forgotten */
}

static void only_the_latest_events_are_loaded(void **state)
{
	struct place *place = *state;
	struct store_batch *batch = store_batch_create();
	for (int i = 1; i <= STORE_EVENTS_LOADED + 5; i++) {
		store_put_event(batch, (struct wall){i}, "k", "o", "t");
	}
	commit(place, batch);
	g_autofree char *seen = content(place);
	assert_true(g_str_has_prefix(seen, "event 6 k"));
}

static void a_failed_batch_is_merged_below_what_came_since(void **state)
{
	struct place *place = *state;
	struct store_batch *older = store_batch_create();
	store_put_value(older, "a", "old");
	store_put_value(older, "b", "old");
	store_put_event(older, (struct wall){1}, "first", "o", "t");
	struct outbox_row pending = message(1, (char *)"k1", OUTBOX_PENDING, true);
	struct outbox_row other = message(2, (char *)"k2", OUTBOX_PENDING, true);
	store_put_outbox(older, &pending);
	store_put_outbox(older, &other);
	struct store_batch *newer = store_batch_create();
	store_put_value(newer, "a", "new");
	store_put_event(newer, (struct wall){2}, "second", "o", "t");
	pending.state = OUTBOX_SENDING;
	store_put_outbox(newer, &pending);
	store_batch_merge_older(newer, older);
	commit(place, newer);
	assert_content(place, "value a=new\nvalue b=old\noutbox 1 k1 mail 1 1 full\n"
						  "outbox 2 k2 mail 0 1 full\nevent 1 first o t\nevent 2 second o t\n");
}

/* -- the file -- */

static void fill(struct place *place)
{
	struct store_batch *batch = store_batch_create();
	char key[32];
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "rule/%06d", i);
		store_put_state(batch, key, key, strlen(key));
	}
	commit(place, batch);
}

static void a_damaged_file_is_set_aside(void **state)
{
	/* hostile 84: corrupt page */
	struct place *place = *state;
	fill(place);
	store_close(place->store);
	int fd = open(place->path, O_RDWR);
	char rubbish[3000];
	memset(rubbish, 0x5a, sizeof(rubbish));
	assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), 2 * 4096 + 7), sizeof(rubbish));
	close(fd);
	open_store(place);
	assert_true(g_str_has_prefix(place->set_aside, place->path));
	assert_int_equal(access(place->set_aside, R_OK), 0);
	assert_content(place, "");
	fill(place);
}

static void rubbish_in_its_place_is_set_aside(void **state)
{
	struct place *place = *state;
	store_close(place->store);
	assert_true(file_replace(
		AT_FDCWD, place->path, "no database at all, but long enough to see", 42, 0600, NULL));
	open_store(place);
	assert_true(*place->set_aside);
	assert_content(place, "");
}

static void a_missing_write_ahead_log_is_no_damage(void **state)
{
	/* hostile 84: -wal deleted */
	struct place *place = *state;
	fill(place);
	store_close(place->store);
	g_autofree char *wal = g_strconcat(place->path, "-wal", NULL);
	(void)unlink(wal);
	open_store(place);
	assert_string_equal(place->set_aside, "");
}

static void a_newer_schema_is_left_alone(void **state)
{
	/* hostile 84: newer schema */
	struct place *place = *state;
	fill(place);
	store_close(place->store);
	int fd = open(place->path, O_RDWR);
	const unsigned char version[4] = {0, 0, 0, 99}; /* user_version, SQLite file format 1.3.13 */
	assert_int_equal(pwrite(fd, version, 4, 60), 4);
	close(fd);
	struct error err;
	assert_null(store_open_sqlite(place->path, wall_now(), place->set_aside, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
	assert_string_equal(place->set_aside, "");
	assert_int_equal(access(place->path, R_OK), 0);
	place->store = NULL;
}

static void a_full_disk_fails_the_batch_whole_and_later_not(void **state)
{
	/* hostile 88 */
	struct place *place = *state;
	fill(place);
	g_autofree char *before = content(place);
	struct rlimit old;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	struct rlimit full = {.rlim_cur = 16 << 10, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	struct store_batch *batch = store_batch_create();
	char key[32];
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "x%d", i);
		store_put_value(batch, key, "a value that takes some room");
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	struct error err;
	bool good = store_commit(place->store, batch, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_false(good);
	assert_int_equal(err.kind, ERR_STORAGE);
	g_autofree char *after = content(place);
	assert_string_equal(before, after);
	commit(place, batch);
	reopen(place);
	g_autofree char *in_the_end = content(place);
	assert_non_null(strstr(in_the_end, "value x1999="));
}

/* The process was killed, the log holds what was committed, and no byte can be written. */
static void a_full_disk_at_the_start_forgets_nothing(void **state)
{
	struct place *place = *state;
	store_close(g_steal_pointer(&place->store));
	fflush(NULL);
	pid_t child = fork();
	if (!child) {
		open_store(place);
		struct store_batch *batch = store_batch_create();
		store_put_value(batch, "position", "4711");
		_exit(!store_commit(place->store, batch, NULL));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);

	struct rlimit old;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	struct rlimit full = {0, old.rlim_max};
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	struct error err = {.kind = ERR_NONE};
	place->store = store_open_sqlite(place->path, wall_now(), place->set_aside, &err);
	struct store_batch *batch = store_batch_create();
	store_put_value(batch, "later", "1");
	bool stored = place->store && store_commit(place->store, batch, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, before);
	assert_non_null(place->store);
	assert_string_equal(place->set_aside, "");
	assert_false(stored);
	g_autofree char *then = content(place);
	assert_string_equal(then, "value position=4711\n");
	commit(place, batch); /* there is room again */
	reopen(place);
	g_autofree char *now = content(place);
	assert_string_equal(now, "value later=1\nvalue position=4711\n");
}

#define BOTH(f)                                                                                    \
	cmocka_unit_test_setup_teardown(f, make_disk, drop_place),                                     \
		cmocka_unit_test_setup_teardown(f, make_memory, drop_place)
#define DISK(f) cmocka_unit_test_setup_teardown(f, make_disk, drop_place)

/* Changes between two steps come along; the copy is whole, and looking at it changes nothing. */
static void a_copy_is_made_beside_commits(void **state)
{
	struct place *place = *state;
	static const struct store_loader loader = {.value = see_value,
		.service = see_service,
		.state = see_state,
		.outbox = see_outbox,
		.event = see_event,
		.host = see_host};
	struct error err = {.kind = ERR_NONE};
	g_autofree char *path = g_build_filename(place->directory, "copy.db", NULL);
	for (int i = 0; i < 3000; i++) { /* more than one step */
		g_autofree char *name = g_strdup_printf("n%04d", i);
		g_autofree char *text = g_strnfill(2000, 'x');
		struct store_batch *batch = store_batch_create();
		store_put_value(batch, name, text);
		commit(place, batch);
	}
	struct store_copy *copy = store_copy_begin(place->store, path, &err);
	assert_non_null(copy);
	bool more = true;
	assert_true(store_copy_step(copy, &more, &err) && more);
	struct store_batch *batch = store_batch_create();
	store_put_value(batch, "n0000", "changed");
	commit(place, batch);
	while (more) {
		assert_true(store_copy_step(copy, &more, &err));
	}
	store_copy_end(copy);
	g_autofree char *wanted = content(place);
	g_autoptr(GString) seen = g_string_new("");
	assert_true(store_examine(path, &loader, seen, &err));
	assert_string_equal(seen->str, wanted);
	assert_int_equal(truncate(path, 40000), 0);
	assert_false(store_examine(path, &loader, seen, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
	g_autofree char *set_aside = g_strconcat(path, "-wal", NULL);
	assert_int_not_equal(access(set_aside, F_OK), 0);
	assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(everything_comes_back_after_a_restart),
		BOTH(later_changes_replace_and_empty_states_vanish),
		BOTH(a_message_is_stored_once_and_goes_when_over),
		BOTH(what_is_over_is_forgotten_by_age),
		BOTH(only_the_latest_events_are_loaded),
		BOTH(a_failed_batch_is_merged_below_what_came_since),
		DISK(a_damaged_file_is_set_aside),
		DISK(rubbish_in_its_place_is_set_aside),
		DISK(a_missing_write_ahead_log_is_no_damage),
		DISK(a_newer_schema_is_left_alone),
		DISK(a_full_disk_fails_the_batch_whole_and_later_not),
		DISK(a_full_disk_at_the_start_forgets_nothing),
		DISK(a_copy_is_made_beside_commits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
