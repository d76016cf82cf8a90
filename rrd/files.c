#include "rrd/files.h"
#include "base/log.h"
#include "rrd/headerlog.h"
#include "rrd/marker.h"
#include "rrd/replace.h"

#include <time.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A batch of files is written in three steps: look at each (once per checkpoint; a bad one is set
 * aside here), make the header log durable for all of them at once, then touch them. I1: no file is
 * touched that is not in the header log. I2: a series is never written while a reader holds it or
 * while all is frozen: what comes in meanwhile waits.
 *
 * A file that was set aside is rebuilt from the journal: its series takes nothing until the feed
 * has gone back (I3, `waiting`), or it would begin in the middle.
 */
enum {
	RETRY_TICKS = 30,
	LOCK_PAUSE_US = 500, /* while somebody reads a file */
	LOCK_PAUSES = 40,    /* at most, in one batch: 20 ms */
	LOCKED_TICKS = 60,   /* locked all that time it counts as failing */
	AHEAD_MAX_S = 86400, /* a file written further ahead of now is told about */
};

struct files {
	struct tree *tree;
	struct claim *claim;
	struct headerlog *log;
	struct marker *marker;
	const struct series_table *table;
	struct files_handlers handlers;
	void *owner;
	GPtrArray *batch;
	GPtrArray *again; /* struct series: locked by a reader */
	unsigned pauses;  /* made in this batch because of that */
	struct files_counts counts;
	uint32_t ticks;
	uint32_t epoch; /* of the header log */
	bool frozen;
	uint32_t troubled; /* series whose last write failed */
	bool failing;      /* told people that writing fails, not yet that it goes on */
	bool told_ahead;
	bool lost;    /* what was collected for this batch is not in the header log */
	char *beside; /* private file that is about to take another's place */
	unsigned char bytes[HEADER_BYTES_MAX];
};

/*
 * A last update far ahead of now is not held against a file: more often it is the clock that is
 * wrong, at a start before it was set, and then every file would be set aside.
 */
static const int64_t latest_s = 7258118400; /* 2200-01-01 */

struct rrdfile_source files_source(const struct series *s)
{
	return (struct rrdfile_source){
		.type = s->type, .step_s = s->step_s, .min = s->min, .max = s->max};
}

/* -- failures and bad files -- */

/* People hear once when it begins; files_tick() tells when it is over. */
static void tell_failing(struct files *f, const char *object, const char *text)
{
	if (!f->failing) {
		f->failing = true;
		f->handlers.event(f->owner, "rrd.failing", object, text);
	}
}

/* A series that cannot be written now: later again, with what fits into the backlog. */
static void hold_off(struct files *f, struct series *s, const char *why)
{
	f->counts.failures++;
	f->troubled += !s->tries;
	s->tries += s->tries < UINT8_MAX;
	series_rest(s, f->ticks + RETRY_TICKS);
	tell_failing(f, s->path, why);
	if (s->count > FILES_BACKLOG) {
		size_t oldest = s->count - FILES_BACKLOG + FILES_BACKLOG / 8;
		f->counts.failures += oldest;
		series_drop(s, oldest);
	}
}

static void out_of_trouble(struct files *f, struct series *s)
{
	f->troubled -= s->tries != 0;
	s->tries = 0;
}

/* Whether an error of rrdfile_look() is the file's own, not one of what is full or out of reach. */
static bool is_bad(const struct error *why)
{
	return why->kind == ERR_STORAGE || why->kind == ERR_DENIED;
}

/*
 * That the journal is needed is noted first: else a death in between would leave a series that
 * begins in the middle. What was collected for a batch is noted along with it, or lost (see I1).
 */
static void set_aside(struct files *f, struct series *s, const char *why)
{
	struct error err = {.kind = ERR_NONE};
	f->counts.failures++;
	headerlog_add_restart(f->log);
	bool noted = headerlog_commit(f->log, &err);
	f->lost = f->lost || !noted;
	if (!noted || !tree_set_aside(f->tree, s->path, &err)) {
		log_error("rrd.set_aside", "file=%s error=\"%s\"", s->path, err.text);
		hold_off(f, s, err.text);
		return;
	}
	log_warn("rrd.set_aside", "file=%s why=\"%s\" next=rebuild", s->path, log_safe(why));
	f->handlers.event(f->owner, "rrd.set_aside", s->path, why);
	out_of_trouble(f, s);
	series_wait(s, f->ticks); /* see I3 */
	f->handlers.rewind(f->owner);
}

/* Whether its data source has to be changed before it is written to, and how. */
static void compare(struct series *s, const struct header *header)
{
	struct rrdfile_source source = files_source(s);
	s->tune = rrdfile_differs(header, &source);
	/* an adopted file may be slower than we are: its own is long enough then */
	s->tune_heartbeat = header->heartbeat_s < 2 * (uint64_t)s->step_s;
}

static void check_ahead(struct files *f, const struct series *s, const struct header *header)
{
	if (!f->told_ahead && header->last_update_s > wall_s(wall_now()) + AHEAD_MAX_S) {
		f->told_ahead = true;
		log_warn("rrd.ahead", "file=%s next=skip_samples", s->path);
		f->handlers.event(f->owner, "rrd.ahead", s->path,
			"the file was written ahead of the clock; samples are skipped until that time");
	}
}

/* -- step one: look -- */

/* If there is a good file at `path` that is nobody's: it is to go on under the series' own name. */
static bool adopt_file(struct files *f, struct series *s, const char *path)
{
	struct header header;
	if (series_table_path_taken(f->table, path) ||
		!rrdfile_look(f->tree, path, latest_s, &header, f->bytes, NULL)) {
		return false;
	}
	headerlog_add_image(f->log, path, f->bytes, header.length);
	headerlog_add_moved(f->log, path, s->path);
	s->adopt = g_strdup(path);
	compare(s, &header);
	return true;
}

/* The file it had under other names a moment ago, or one of another type letter. */
static bool adopt_any(struct files *f, struct series *s)
{
	if (s->earlier && adopt_file(f, s, s->earlier)) {
		return true;
	}
	for (unsigned type = 0; type < FIELD_TYPES; type++) {
		char path[LAYOUT_PATH_MAX];
		series_path_of_type(s, (enum field_type)type, path);
		if (type != s->type && adopt_file(f, s, path)) {
			return true;
		}
	}
	return false;
}

/* Looks at the file and notes in the header log what step three will do; false: nothing to do. */
static bool look(struct files *f, struct series *s)
{
	struct error err = {.kind = ERR_NONE};
	struct header header;
	if (s->exists && s->logged_epoch == f->epoch) {
		return true;
	}
	g_clear_pointer(&s->adopt, g_free);
	if (rrdfile_look(f->tree, s->path, latest_s, &header, f->bytes, &err)) {
		s->exists = true;
		compare(s, &header);
		check_ahead(f, s, &header);
		headerlog_add_image(f->log, s->path, f->bytes, header.length);
		return true;
	}
	if (err.kind == ERR_NOT_FOUND) {
		s->exists = false;
		if (!adopt_any(f, s)) {
			headerlog_add_created(f->log, s->path);
		}
		return true;
	}
	if (is_bad(&err)) {
		set_aside(f, s, err.text);
	} else {
		log_warn("rrd.look", "error=\"%s\" retry_s=%d", log_safe(err.text), RETRY_TICKS);
		hold_off(f, s, err.text);
	}
	return false;
}

/* -- step three: touch -- */

static bool make_file(struct files *f, struct series *s, struct error *err)
{
	struct rrdfile_source source = files_source(s);
	if (s->adopt) {
		g_autofree char *from = STEAL(s->adopt);
		g_clear_pointer(&s->earlier, g_free);
		log_info("rrd.renamed", "from=%s to=%s", from, s->path);
		return tree_make_parents(f->tree, s->path, err) && tree_rename(f->tree, from, s->path, err);
	}
	struct layout_plan plan;
	layout_plan(s->layout, s->step_s, &plan);
	/* Munin's rule: one step before the first sample */
	int64_t start_s = wall_s(s->pending[0].at) - plan.step_s;
	return rrdfile_create(f->tree, s->path, &plan, &source, start_s, err);
}

/*
 * A drawing process of another role reads the file in that moment, some microseconds long: librrd
 * refuses instead of waiting (reliability, L2).
 */
static bool update_patiently(struct files *f, const struct series *s, size_t n, struct error *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_US * 1000L};
	while (!rrdfile_update(f->tree, s->path, s->type, s->pending, n, err)) {
		if (err->kind != ERR_TIMEOUT || f->pauses >= LOCK_PAUSES) {
			return false;
		}
		f->pauses++;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool touch(struct files *f, struct series *s, struct error *err)
{
	if (!s->count) {
		return true; /* named twice in the batch */
	}
	if (!s->exists) {
		s->made_epoch = f->epoch;
		if (!make_file(f, s, err)) {
			return false;
		}
		s->exists = true;
	}
	s->logged_epoch = f->epoch;
	if (s->tune) {
		struct rrdfile_source source = files_source(s);
		if (!rrdfile_tune(f->tree, s->path, &source, s->tune_heartbeat, err)) {
			return false;
		}
		s->tune = false;
	}
	while (s->count) {
		size_t n = s->count < RRDFILE_BATCH_MAX ? s->count : RRDFILE_BATCH_MAX;
		if (!update_patiently(f, s, n, err)) {
			return false;
		}
		f->counts.values += n;
		series_drop(s, n);
	}
	f->counts.touched++;
	s->locked = 0;
	out_of_trouble(f, s);
	return true;
}

/* Held by others all the time: its samples stay, at the next tick it is tried again. */
static bool postpone(struct files *f, struct series *s)
{
	if (s->locked >= LOCKED_TICKS) {
		s->locked = 0;
		return false;
	}
	s->locked++;
	f->counts.locked++;
	if (!s->again) {
		s->again = true;
		g_ptr_array_add(f->again, s);
	}
	return true;
}

static void after_failure(struct files *f, struct series *s, const struct error *why)
{
	struct error err = {.kind = ERR_NONE};
	struct header header;
	if (why->kind == ERR_TIMEOUT && postpone(f, s)) {
		return;
	}
	log_warn("rrd.write", "error=\"%s\" retry_s=%d", log_safe(why->text), RETRY_TICKS);
	hold_off(f, s, why->text);
	if (!rrdfile_look(f->tree, s->path, latest_s, &header, f->bytes, &err)) {
		s->exists = err.kind != ERR_NOT_FOUND;
		if (is_bad(&err)) {
			set_aside(f, s, err.text);
		}
	}
}

static bool writable(const struct files *f, const struct series *s)
{
	return s->count && !s->readers && !s->waiting && s->layout && !series_resting(s, f->ticks);
}

void files_write(struct files *f, struct series *const *list, size_t count)
{
	if (f->frozen) {
		return; /* see I2 */
	}
	f->lost = false;
	g_ptr_array_set_size(f->batch, 0);
	for (size_t i = 0; i < count; i++) {
		if (writable(f, list[i]) && look(f, list[i])) {
			g_ptr_array_add(f->batch, list[i]);
		}
	}
	struct error err = {.kind = ERR_STORAGE, .text = "the header log cannot be written"};
	if (!headerlog_commit(f->log, &err) || f->lost) {
		log_warn("rrd.headerlog", "error=\"%s\" retry_s=%d", err.text, RETRY_TICKS);
		for (guint i = 0; i < f->batch->len; i++) {
			hold_off(f, f->batch->pdata[i], err.text);
		}
		return; /* see I1 */
	}
	f->pauses = 0;
	for (guint i = 0; i < f->batch->len; i++) {
		struct series *s = f->batch->pdata[i];
		marker_set(f->marker, s->path);
		bool done = touch(f, s, &err);
		marker_clear(f->marker);
		if (!done) {
			after_failure(f, s, &err);
		}
	}
}

/* -- readers -- */

bool files_readable(struct files *f, struct series *s)
{
	struct header header;
	struct error err = {.kind = ERR_NONE};
	if (s->exists && s->logged_epoch == f->epoch) {
		return true;
	}
	if (rrdfile_look(f->tree, s->path, latest_s, &header, f->bytes, &err)) {
		return true;
	}
	if (is_bad(&err) && !f->frozen && !s->readers && !s->foreign) {
		set_aside(f, s, err.text);
	}
	return false;
}

void files_mark(struct files *f, const char *path)
{
	if (path) {
		marker_set(f->marker, path);
	} else {
		marker_clear(f->marker);
	}
}

/* -- checkpoint -- */

void files_freeze(struct files *f, bool frozen)
{
	f->frozen = frozen;
}

bool files_sync(const struct files *f, struct error *err)
{
	return tree_sync(f->tree, err);
}

bool files_checkpoint(struct files *f, uint64_t sequence, struct error *err)
{
	if (!headerlog_checkpoint(f->log, sequence, err)) {
		return false;
	}
	marker_forget(f->marker);
	f->epoch++;
	return true;
}

/* -- life -- */

static void try_again(struct files *f)
{
	g_autoptr(GPtrArray) list = f->again;
	f->again = g_ptr_array_new();
	for (guint i = 0; i < list->len; i++) {
		((struct series *)list->pdata[i])->again = false;
	}
	files_write(f, (struct series *const *)list->pdata, list->len);
}

void files_tick(struct files *f)
{
	f->ticks++;
	try_again(f);
	if (f->failing && !f->troubled) {
		f->failing = false;
		f->handlers.event(f->owner, "rrd.working", "files", "all are written again");
	}
}

uint32_t files_ticks(const struct files *f)
{
	return f->ticks;
}

bool files_frozen(const struct files *f)
{
	return f->frozen;
}

struct files_counts files_counts(const struct files *f)
{
	return f->counts;
}

uint64_t files_log_bytes(const struct files *f)
{
	return headerlog_bytes(f->log);
}

const char *files_tree_path(const struct files *f)
{
	return tree_path(f->tree);
}

const struct tree *files_tree(const struct files *f)
{
	return f->tree;
}

bool files_look(struct files *f, const char *path, struct header *header, struct error *err)
{
	return rrdfile_look(f->tree, path, latest_s, header, f->bytes, err);
}

/* -- replacing -- */

bool files_is_young(const struct files *f, const struct series *s)
{
	return s->made_epoch == f->epoch;
}

bool files_replace(
	struct files *f, struct series *s, const void *content, size_t length, struct error *err)
{
	struct header header;
	uint64_t inode;
	if (f->frozen || files_is_young(f, s)) {
		return error_set(err, ERR_CONFLICT, "%s: not before the next checkpoint", s->path);
	}
	if (!header_read(content, length, length, latest_s, &header, err) ||
		!tree_make_parents(f->tree, s->path, err)) {
		return false;
	}
	struct replacement made = {f->beside, s->path, content, length};
	bool good = replace_write(f->tree, &made, &inode, err);
	if (good) {
		headerlog_add_replaced(f->log, s->path, inode, content, header.length);
		good = headerlog_commit(f->log, err) && tree_put(f->tree, f->beside, s->path, err);
	}
	if (!good) {
		if (!tree_private_remove(f->tree, f->beside, NULL)) {
			log_warn("rrd.replace", "file=%s next=\"a part of it stays in .magpie\"", s->path);
		}
		return false;
	}
	s->exists = true;
	s->logged_epoch = f->epoch;
	compare(s, &header);
	return true;
}

void files_feed_again(struct files *f, struct series *s)
{
	series_wait(s, f->ticks);
	headerlog_add_restart(f->log);
	if (!headerlog_commit(f->log, NULL)) {
		log_warn("rrd.headerlog", "next=feed_unless_ended");
	}
	f->handlers.rewind(f->owner);
}

uint32_t files_epoch(const struct files *f)
{
	return f->epoch;
}

bool files_take_over(struct files *f, struct series *s, const char *from, struct error *err)
{
	struct header header;
	if (f->frozen) {
		return error_set(err, ERR_CONFLICT, "a checkpoint is made");
	}
	if (!rrdfile_look(f->tree, from, latest_s, &header, f->bytes, err)) {
		return false;
	}
	headerlog_add_image(f->log, from, f->bytes, header.length);
	headerlog_add_moved(f->log, from, s->path);
	if (!headerlog_commit(f->log, err) || !tree_make_parents(f->tree, s->path, err) ||
		!tree_rename(f->tree, from, s->path, err)) {
		return false;
	}
	s->exists = true;
	s->logged_epoch = f->epoch;
	s->made_epoch = f->epoch;
	compare(s, &header);
	g_clear_pointer(&s->earlier, g_free);
	return true;
}

/* A file that killed the role twice goes before anything else touches it. */
static bool remove_suspect(
	struct files *f, const char *suspect, struct headerlog_report *report, struct error *err)
{
	if (!*suspect) {
		return true;
	}
	log_warn("rrd.set_aside", "file=%s why=\"it ended this role twice\" next=rebuild",
		log_safe(suspect));
	headerlog_add_restart(f->log);
	if (!headerlog_commit(f->log, err)) {
		return false;
	}
	report->sequence = 0;
	if (!tree_set_aside(f->tree, suspect, err)) {
		return err->kind == ERR_NOT_FOUND;
	}
	f->handlers.event(f->owner, "rrd.set_aside", suspect, "it ended the role twice");
	return true;
}

/* The right to write to our part; if the tree is to be shared otherwise than before, it is brought
 * back as a whole first. */
static struct claim *claim_part(
	const struct tree *tree, const struct share *share, struct error *err)
{
	bool anew;
	AUTO(claim) claim = claim_open(tree, share, &anew, err);
	if (!claim || (anew && (!headerlog_share_anew(tree, share->instances, err) ||
							   !claim_settle(claim, err)))) {
		return NULL;
	}
	return STEAL(claim);
}

struct files *files_open(const char *path, const struct series_table *table,
	const struct files_plan *plan, struct headerlog_report *report, struct error *err)
{
	char suspect[LAYOUT_PATH_MAX];
	AUTO(files) f = g_new0(struct files, 1);
	f->table = table;
	f->handlers = plan->handlers;
	f->owner = plan->owner;
	f->epoch = 1;
	f->batch = g_ptr_array_new();
	f->again = g_ptr_array_new();
	f->tree = tree_open(path, err);
	f->claim = f->tree ? claim_part(f->tree, &plan->share, err) : NULL;
	unsigned instance = plan->share.instance;
	f->beside = share_file_name("beside", instance);
	f->marker = f->claim ? marker_open(f->tree, instance, suspect, err) : NULL;
	f->log = f->marker ? headerlog_open(f->tree, instance, report, err) : NULL;
	if (!f->log || !remove_suspect(f, suspect, report, err)) {
		return NULL;
	}
	return STEAL(f);
}

void files_destroy(struct files *f)
{
	if (f) {
		headerlog_destroy(f->log);
		marker_destroy(f->marker);
		claim_destroy(f->claim);
		tree_destroy(f->tree);
		g_ptr_array_unref(f->batch);
		g_ptr_array_unref(f->again);
		g_free(f->beside);
		g_free(f);
	}
}
