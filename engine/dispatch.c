/*
 *     pending --offered--> sending --sent--> sent        (kept while its recovery is owed)
 *        |                  |  ^ |
 *        | over before      |  | +--never--> dead
 *        v it left     deadline| try again
 *       dead                +--+--> retry
 *
 * I1: a row leaves only when the transaction that made it is on disk, or cannot be in time.
 * I2: a recovery waits until what was said to that channel before about that instance is settled.
 * I3: rows are offered in the order in which they were made.
 */
#include "engine/dispatch.h"
#include "base/channel.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/rows.h"
#include "model/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

enum { QUEUE_MAX = 4 << 20, TEXT_MAX_BYTES = 3000 };

struct dispatch {
	struct dispatch_handlers handlers;
	void *owner;
	struct loop *loop;
	struct channel *channel; /* NULL: gone */
	struct frame_writer *writer;
	struct rows *rows; /* those that are not over */
	uint64_t next_id, released;
	struct wall now; /* as told last: a second old at most */
	struct dispatch_counts counts;
	bool full_told;
};

struct dispatch *dispatch_create(
	struct loop *loop, const struct dispatch_handlers *handlers, void *owner)
{
	struct dispatch *d = g_new0(struct dispatch, 1);
	d->loop = loop;
	d->handlers = *handlers;
	d->owner = owner;
	d->writer = g_new(struct frame_writer, 1);
	d->rows = rows_create();
	d->next_id = 1;
	return d;
}

void dispatch_destroy(struct dispatch *d)
{
	if (d) {
		channel_destroy(d->channel);
		rows_destroy(d->rows);
		g_free(d->writer);
		g_free(d);
	}
}

/* -- rows -- */

static bool is_settled(const struct outbox_row *r)
{
	return r->state == OUTBOX_SENT || r->state == OUTBOX_DEAD;
}

static struct row *enter(struct dispatch *d, struct outbox_row *r, uint64_t generation)
{
	d->next_id = MAX(d->next_id, r->id + 1);
	return rows_add(d->rows, r, generation);
}

/* Notes the row as it is now for the store; drops it from here if it is over. */
static void keep(struct dispatch *d, struct row *row)
{
	store_put_outbox(d->handlers.batch(d->owner), row->r);
	row->generation = d->handlers.generation(d->owner);
	if (outbox_row_is_over(row->r)) {
		rows_remove(d->rows, row);
	}
}

void dispatch_restore(struct dispatch *d, const struct outbox_row *row)
{
	enter(d, outbox_row_copy(row), 0);
}

void dispatch_restore_next(struct dispatch *d, uint64_t next_id)
{
	d->next_id = MAX(d->next_id, next_id);
}

static char *cut(const char *text)
{
	return text_clean(text, strlen(text), TEXT_MAX_BYTES);
}

/* `info` may have lines. */
static char *cut_lines(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
	GString *out = g_string_new("");
	for (size_t i = 0; lines[i] && out->len < TEXT_MAX_BYTES; i++) {
		g_autofree char *line = text_clean(lines[i], strlen(lines[i]), TEXT_MAX_BYTES - out->len);
		g_string_append_printf(out, "%s%s", i ? "\n" : "", line);
	}
	return g_string_free(out, FALSE);
}

static struct outbox_row *row_for(
	const struct dispatch_news *news, enum outbox_kind kind, const char *channel, char *dedup_key)
{
	struct outbox_row *r = g_new0(struct outbox_row, 1);
	r->dedup_key = dedup_key;
	r->instance = g_strdup(news->instance);
	r->channel = g_strdup(channel);
	r->kind = kind;
	r->level = news->level;
	r->rule = cut(news->rule);
	r->host = cut(news->host);
	r->service = cut(news->service);
	r->field = cut(news->field);
	r->value = cut(news->value);
	r->threshold = cut(news->threshold);
	r->summary = cut(news->summary);
	r->info = cut_lines(news->info);
	r->runbook = cut(news->runbook);
	r->link = cut(news->link);
	r->detail = g_strdup("");
	return r;
}

/* Takes `r`. NULL: twice the same dedup key is one message; or there is no room. */
static struct row *add(struct dispatch *d, struct outbox_row *r, struct wall now)
{
	bool full = rows_count(d->rows) >= DISPATCH_ROWS_MAX;
	if (full && !d->full_told) {
		d->handlers.event(
			d->owner, "outbox.full", r->channel, "too many messages wait: new ones are not sent");
	}
	d->full_told = full;
	if (full || rows_has_key(d->rows, r->dedup_key)) {
		outbox_row_free(r);
		return NULL;
	}
	r->id = d->next_id;
	r->created = now;
	struct row *row = enter(d, r, 0);
	keep(d, row);
	store_put_number(d->handlers.batch(d->owner), "next_delivery", d->next_id);
	d->handlers.hurry(d->owner);
	return row;
}

/* -- problems and their ends -- */

/* Start of the problem as it was told first; `otherwise` if nobody was told yet. */
static struct wall episode_of(const struct dispatch *d, const char *instance, struct wall otherwise)
{
	struct row *const *rows;
	size_t count = rows_about(d->rows, instance, &rows);
	for (size_t i = 0; i < count; i++) {
		if (rows[i]->r->open) {
			return rows[i]->r->since;
		}
	}
	return otherwise;
}

/* Whether that channel has been told, or is about to be, of that level or a worse one. */
static bool knows(const struct dispatch *d, const struct dispatch_news *news, const char *channel)
{
	struct row *const *rows;
	size_t count = rows_about(d->rows, news->instance, &rows);
	for (size_t i = 0; i < count; i++) {
		const struct outbox_row *r = rows[i]->r;
		if (r->level >= news->level && r->open && !strcmp(r->channel, channel)) {
			return true;
		}
	}
	return false;
}

void dispatch_problem(struct dispatch *d, const struct dispatch_news *news,
	const char *const *channels, struct wall now)
{
	struct wall since = episode_of(d, news->instance, news->at);
	for (size_t i = 0; channels[i]; i++) {
		if (knows(d, news, channels[i])) {
			continue;
		}
		char *key = g_strdup_printf("%s@%" PRId64 "/problem-%u/%s", news->instance, since.ms,
			(unsigned)news->level, channels[i]);
		struct outbox_row *r = row_for(news, OUTBOX_PROBLEM, channels[i], key);
		r->since = since;
		r->open = true;
		add(d, r, now);
	}
}

/* Pending, or failed so far: it can be taken back. */
static bool never_left(const struct outbox_row *r)
{
	return r->state == OUTBOX_PENDING || r->state == OUTBOX_RETRY;
}

static void close_row(struct dispatch *d, struct row *row, struct wall at)
{
	row->r->open = false;
	row->r->until = at;
	if (never_left(row->r)) {
		row->r->state = OUTBOX_DEAD;
		g_free(row->r->detail);
		row->r->detail = g_strdup("over before it could be told");
	}
	keep(d, row);
}

/* Whether a message about the problem is known to have arrived there. */
static bool was_told(const struct dispatch *d, const struct outbox_row *told)
{
	struct row *const *rows;
	size_t count = rows_about(d->rows, told->instance, &rows);
	for (size_t i = 0; i < count; i++) {
		const struct outbox_row *r = rows[i]->r;
		if (r->state == OUTBOX_SENT && r->open && !strcmp(r->channel, told->channel)) {
			return true;
		}
	}
	return false;
}

/* Two messages to one channel, for two levels: one recovery, by its key. */
static void add_recovery(struct dispatch *d, const struct dispatch_news *news,
	const struct outbox_row *told, struct wall now)
{
	char *key = g_strdup_printf(
		"%s@%" PRId64 "/recovery/%s", news->instance, told->since.ms, told->channel);
	struct outbox_row *recovery = row_for(news, OUTBOX_RECOVERY, told->channel, key);
	recovery->since = told->since;
	recovery->until = news->at;
	struct row *row = add(d, recovery, now);
	if (row) {
		row->unsure = !was_told(d, told);
	}
}

void dispatch_recovery(struct dispatch *d, const struct dispatch_news *news, struct wall now)
{
	struct row *const *rows;
	size_t count = rows_about(d->rows, news->instance, &rows); /* those made here come behind */
	g_autofree struct row **before = g_memdup2(rows, count * sizeof(rows[0]));
	for (size_t i = 0; i < count; i++) {
		const struct outbox_row *r = before[i]->r;
		if (r->open && !never_left(r) && r->state != OUTBOX_DEAD) {
			add_recovery(d, news, r, now);
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (before[i]->r->open) {
			close_row(d, before[i], news->at);
		}
	}
}

void dispatch_test(struct dispatch *d, const char *channel, struct wall now)
{
	const struct dispatch_news news = {.instance = "",
		.at = now,
		.rule = "test",
		.host = "",
		.service = "",
		.field = "",
		.value = "",
		.threshold = "",
		.summary = "This is a test: messages of Magpie arrive here",
		.info = "Somebody asked for it; nothing is wrong.",
		.runbook = "",
		.link = ""};
	char *key = g_strdup_printf("test@%" PRId64 "-%" PRIu64 "/%s", now.ms, d->next_id, channel);
	struct outbox_row *r = row_for(&news, OUTBOX_TEST, channel, key);
	r->since = now;
	add(d, r, now);
}

void dispatch_each_open(
	struct dispatch *d, void (*fn)(void *owner, const struct outbox_row *row), void *owner)
{
	for (size_t i = 0; i < rows_count(d->rows); i++) {
		if (rows_at(d->rows, i)->r->open) {
			fn(owner, rows_at(d->rows, i)->r);
		}
	}
}

/* -- offering -- */

enum way { WAY_NOTIFY, WAY_RUNNER, WAYS };

static enum way way_of(const struct dispatch *d, const struct outbox_row *r)
{
	return d->handlers.runs && d->handlers.runs(d->owner, r->channel) ? WAY_RUNNER : WAY_NOTIFY;
}

static struct channel *way_channel(const struct dispatch *d, enum way way)
{
	return way == WAY_RUNNER ? d->handlers.runner(d->owner) : d->channel;
}

static bool send_row(struct dispatch *d, const struct outbox_row *r, enum way way)
{
	struct frame_writer *w = d->writer;
	message_start(w, way == WAY_RUNNER ? MESSAGE_TELL : MESSAGE_DELIVER);
	if (way == WAY_RUNNER) {
		d->handlers.describe(d->owner, r, w);
	}
	frame_put_u64(w, r->id);
	frame_put_i64(w, r->first_at.ms);
	frame_put_u32(w, r->attempt);
	frame_put_text(w, r->channel);
	frame_put_text(w, r->dedup_key);
	frame_put_u8(w, (uint8_t)r->kind);
	frame_put_u8(w, r->level);
	const char *const texts[] = {r->rule, r->host, r->service, r->field, r->value, r->threshold,
		r->summary, r->info, r->runbook};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		frame_put_text(w, texts[i]);
	}
	frame_put_i64(w, r->since.ms);
	frame_put_i64(w, r->until.ms);
	frame_put_text(w, r->link);
	return channel_send(way_channel(d, way), w, NULL);
}

/* I2 */
static bool must_wait(const struct dispatch *d, const struct outbox_row *r)
{
	struct row *const *rows;
	size_t count = r->kind == OUTBOX_RECOVERY ? rows_about(d->rows, r->instance, &rows) : 0;
	for (size_t i = 0; i < count && rows[i]->r->id < r->id; i++) {
		if (!is_settled(rows[i]->r) && !strcmp(rows[i]->r->channel, r->channel)) {
			return true;
		}
	}
	return false;
}

static bool is_due(const struct dispatch *d, const struct row *row, struct wall now)
{
	switch (row->r->state) {
	case OUTBOX_PENDING: return row->generation <= d->released && !must_wait(d, row->r); /* I1 */
	case OUTBOX_SENDING:
	case OUTBOX_RETRY: return row->r->next_at.ms <= now.ms;
	default: return false;
	}
}

static bool is_useless(const struct outbox_row *r, struct wall now)
{
	return r->kind != OUTBOX_PROBLEM && !is_settled(r) && r->state != OUTBOX_PENDING &&
		   r->created.ms < now.ms - DISPATCH_USEFUL_MS;
}

/* Who was not told of the problem is not told of its end. */
static void drop_recoveries(struct dispatch *d, const struct outbox_row *problem)
{
	struct row *const *rows;
	for (size_t i = rows_about(d->rows, problem->instance, &rows); i-- > 0;) {
		struct row *row = rows[i];
		if (row->unsure && row->r->state == OUTBOX_PENDING &&
			row->r->since.ms == problem->since.ms && !strcmp(row->r->channel, problem->channel)) {
			row->r->state = OUTBOX_DEAD;
			keep(d, row);
		}
	}
}

static void settle(struct dispatch *d, struct row *row, enum outbox_state state, const char *detail)
{
	row->r->state = state;
	g_free(row->r->detail);
	row->r->detail = cut(detail);
	d->counts.sent += state == OUTBOX_SENT;
	d->counts.dead += state == OUTBOX_DEAD;
	if (state == OUTBOX_DEAD) {
		g_autofree char *text =
			g_strdup_printf("a message (%s) cannot be delivered: %s", row->r->rule, row->r->detail);
		d->handlers.event(d->owner, "outbox.dead", row->r->channel, text);
		if (row->r->kind == OUTBOX_PROBLEM) {
			drop_recoveries(d, row->r);
		}
	}
	keep(d, row);
	d->handlers.hurry(d->owner);
}

/* From the end: each is over with this and leaves the array. */
static void drop_useless(struct dispatch *d, struct wall now)
{
	for (size_t i = rows_count(d->rows); i-- > 0;) {
		if (is_useless(rows_at(d->rows, i)->r, now)) {
			settle(d, rows_at(d->rows, i), OUTBOX_DEAD, "tried for a day");
		}
	}
}

void dispatch_pump(struct dispatch *d, struct wall now)
{
	d->now = now;
	drop_useless(d, now);
	bool full[WAYS] = {false};
	for (size_t i = 0; i < rows_count(d->rows); i++) {
		struct row *row = rows_at(d->rows, i);
		enum way way = way_of(d, row->r);
		if (full[way] || !way_channel(d, way) || !is_due(d, row, now)) {
			continue;
		}
		struct outbox_row before = *row->r;
		row->r->attempt++;
		row->r->first_at = before.first_at.ms ? before.first_at : now;
		if (!send_row(d, row->r, way)) {
			row->r->attempt = before.attempt;
			row->r->first_at = before.first_at;
			full[way] = true; /* on_drained() goes on */
			continue;
		}
		row->r->state = OUTBOX_SENDING;
		row->r->next_at.ms = now.ms + DISPATCH_DEADLINE_MS;
		d->counts.attempts++;
		uint64_t generation = row->generation;
		keep(d, row);
		row->generation = generation; /* it has left already */
	}
}

void dispatch_released(struct dispatch *d, uint64_t generation, struct wall now)
{
	d->released = MAX(d->released, generation);
	dispatch_pump(d, now);
}

/* -- what notify says -- */

static int64_t back_off_ms(uint32_t attempt)
{
	int64_t ms = DISPATCH_FIRST_RETRY_MS;
	for (uint32_t i = 1; i < attempt && ms < DISPATCH_LAST_RETRY_MS; i++) {
		ms *= 2;
	}
	return MIN(ms, DISPATCH_LAST_RETRY_MS);
}

/* It failed for now. A problem that is over meanwhile is not tried again. */
static void try_again(struct dispatch *d, struct row *row, const char *detail)
{
	if (row->r->kind == OUTBOX_PROBLEM && !row->r->open) {
		settle(d, row, OUTBOX_DEAD, detail);
		return;
	}
	row->r->state = OUTBOX_RETRY;
	row->r->next_at.ms = d->now.ms + back_off_ms(row->r->attempt);
	g_free(row->r->detail);
	row->r->detail = cut(detail);
	keep(d, row);
}

static void on_delivered(struct dispatch *d, const struct frame *frame)
{
	enum { OUTCOME_SENT, OUTCOME_RETRY, OUTCOME_NEVER };
	struct frame_reader r = frame_read(frame);
	uint64_t id = frame_get_u64(&r);
	unsigned outcome = frame_get_u8(&r);
	uint16_t code = frame_get_u16(&r);
	g_autofree char *detail = frame_get_text(&r);
	struct row *row = frame_read_done(&r) ? rows_find(d->rows, id) : NULL;
	if (!row || is_settled(row->r)) {
		return; /* said twice */
	}
	row->r->code = code;
	switch (outcome) {
	case OUTCOME_SENT: settle(d, row, OUTBOX_SENT, detail); break;
	case OUTCOME_NEVER: settle(d, row, OUTBOX_DEAD, detail); break;
	default: try_again(d, row, detail); break;
	}
	dispatch_pump(d, d->now);
}

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	if (fd >= 0) {
		close(fd);
	}
	if (frame->type == MESSAGE_DELIVERED) {
		on_delivered(owner, frame);
	}
}

static void on_closed(void *owner, const struct error *why)
{
	struct dispatch *d = owner;
	log_info("dispatch.closed", "why=\"%s\"", log_safe(why->text));
	channel_destroy(g_steal_pointer(&d->channel));
}

static void on_drained(void *owner)
{
	struct dispatch *d = owner;
	dispatch_pump(d, d->now);
}

/*
 * The answers to what was on its way over the old socket will not come. A notify that lives on
 * knows the deliveries by their numbers and does not repeat them; of one that died each may come
 * once more.
 */
static void offer_again(struct dispatch *d, enum way way)
{
	for (size_t i = 0; i < rows_count(d->rows); i++) {
		struct outbox_row *r = rows_at(d->rows, i)->r;
		if (r->state == OUTBOX_SENDING && way_of(d, r) == way) {
			r->next_at.ms = 0;
		}
	}
}

void dispatch_peer(struct dispatch *d, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = on_frame, .closed = on_closed, .drained = on_drained};
	channel_destroy(d->channel);
	d->channel = channel_create(
		d->loop, &message_table, ROLE_ENGINE, ROLE_NOTIFY, QUEUE_MAX, &handlers, d, fd);
	offer_again(d, WAY_NOTIFY);
	dispatch_pump(d, d->now);
}

/* -- the runner -- */

void dispatch_runner_joined(struct dispatch *d)
{
	offer_again(d, WAY_RUNNER);
	dispatch_pump(d, d->now);
}

void dispatch_runner_drained(struct dispatch *d)
{
	dispatch_pump(d, d->now);
}

void dispatch_told(struct dispatch *d, const struct frame *frame)
{
	on_delivered(d, frame);
}

struct dispatch_counts dispatch_counts(const struct dispatch *d)
{
	struct dispatch_counts counts = d->counts;
	for (size_t i = 0; i < rows_count(d->rows); i++) {
		counts.waiting += !is_settled(rows_at(d->rows, i)->r);
	}
	return counts;
}
