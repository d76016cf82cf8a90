/*
 * A telling lives from its frame to the end of the program, and for a while in memory: the engine
 * repeats what it heard nothing of.
 *
 * I1: a delivery is under way at most once; one that was told, or never will be, is answered from
 * memory when it is ordered again. So a message is repeated only over an end of this process.
 */
#include "runner/teller.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "model/message.h"
#include "notify/render.h"
#include "runner/program.h"

#include "base/banned.h"

enum {
	RUNNING_MAX = 16,
	REMEMBERED_MAX = 1000,
	OUTPUT_MAX = 2000,
	DETAIL_MAX = 500,
	FILE_MAX = 64 << 20,
	GRACE_MS = 2000,
	EXIT_TRY_AGAIN = 75, /* EX_TEMPFAIL of sysexits.h */
};

enum outcome { OUTCOME_SENT, OUTCOME_RETRY, OUTCOME_NEVER };

struct telling {
	struct teller *teller;
	uint64_t delivery;
	char *channel;
	bool over, told;
	enum outcome outcome;
	uint16_t code;
	char *detail;
};

struct teller {
	struct spawner *spawner;
	struct partner *engine;
	struct frame_writer *writer;
	GHashTable *tellings; /* delivery -> struct telling *, owned */
	GQueue over;          /* struct telling *, oldest first */
	unsigned running;
	bool stopping;
};

static void telling_free(gpointer data)
{
	struct telling *telling = data;
	g_free(telling->channel);
	g_free(telling->detail);
	g_free(telling);
}

struct teller *teller_create(struct spawner *spawner, struct partner *engine)
{
	struct teller *teller = g_new0(struct teller, 1);
	teller->spawner = spawner;
	teller->engine = engine;
	teller->writer = g_new0(struct frame_writer, 1);
	teller->tellings = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, telling_free);
	return teller;
}

void teller_destroy(struct teller *teller)
{
	if (teller) {
		g_queue_clear(&teller->over);
		g_hash_table_unref(teller->tellings);
		g_free(teller->writer);
		g_free(teller);
	}
}

void teller_stop(struct teller *teller)
{
	teller->stopping = true;
}

/* -- results -- */

static void say(struct telling *telling)
{
	struct teller *teller = telling->teller;
	struct frame_writer *w = teller->writer;
	message_start(w, MESSAGE_TOLD);
	frame_put_u64(w, telling->delivery);
	frame_put_u8(w, (uint8_t)telling->outcome);
	frame_put_u16(w, telling->code);
	frame_put_text(w, telling->detail);
	telling->told = partner_send(teller->engine, w, NULL);
}

void teller_tell_untold(struct teller *teller)
{
	for (GList *at = teller->over.head; at; at = at->next) {
		struct telling *telling = at->data;
		if (!telling->told) {
			say(telling);
		}
	}
}

static void end(struct telling *telling, enum outcome outcome, const char *detail)
{
	struct teller *teller = telling->teller;
	telling->over = true;
	telling->outcome = outcome;
	telling->detail = text_clean(detail, strlen(detail), DETAIL_MAX);
	log_info("runner.told", "delivery=%llu channel=%s outcome=%d code=%u detail=\"%s\"",
		(unsigned long long)telling->delivery, log_safe(telling->channel), (int)outcome,
		(unsigned)telling->code, log_safe(telling->detail));
	say(telling);
	g_queue_push_tail(&teller->over, telling);
	if (teller->over.length > REMEMBERED_MAX) {
		struct telling *oldest = g_queue_pop_head(&teller->over);
		g_hash_table_remove(teller->tellings, &oldest->delivery);
	}
}

static void ended(void *owner, const struct spawn_result *result)
{
	struct telling *telling = owner;
	g_autofree char *output = text_clean(
		result->output ? result->output : "", result->output ? result->length : 0, DETAIL_MAX / 2);
	g_autofree char *detail = NULL;
	enum outcome outcome = OUTCOME_RETRY;
	telling->teller->running--;
	if (!result->started) {
		detail = g_strdup(result->error.text);
	} else if (result->timed_out || result->signal) {
		detail = g_strdup_printf(
			"the command %s", result->timed_out ? "did not end in time" : "was ended by a signal");
	} else {
		telling->code = (uint16_t)result->exit_code;
		outcome = result->exit_code == 0                ? OUTCOME_SENT
				  : result->exit_code == EXIT_TRY_AGAIN ? OUTCOME_RETRY
														: OUTCOME_NEVER;
		detail =
			g_strdup_printf("exit code %d%s%s", result->exit_code, *output ? ": " : "", output);
	}
	end(telling, outcome, detail);
}

/* -- what is executed -- */

static const char *fact(
	const struct notice *n, const struct teller_place *place, const char *name, size_t length)
{
	static const char *const kinds[] = {"", "problem", "recovery", "test"};
	const struct {
		const char *name, *text;
	} facts[] = {{"rule", n->rule}, {"host", n->host}, {"group", place->group},
		{"service", n->service}, {"title", place->title}, {"category", place->category},
		{"field", n->field}, {"level", notice_level_name(n)}, {"value", n->value},
		{"threshold", n->threshold}, {"summary", n->summary}, {"info", n->info}, {"link", n->link},
		{"runbook", n->runbook}, {"kind", kinds[n->kind]}};
	for (size_t i = 0; i < ARRAY_LENGTH(facts); i++) {
		if (strlen(facts[i].name) == length && !strncmp(facts[i].name, name, length)) {
			return facts[i].text;
		}
	}
	return NULL;
}

/* One pass: what was put in is not looked at again. */
static char *fill(const char *element, const struct notice *n, const struct teller_place *place)
{
	GString *out = g_string_new(NULL);
	for (const char *at = element; *at;) {
		const char *close = at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;
		const char *text = close ? fact(n, place, at + 2, (size_t)(close - at - 2)) : NULL;
		if (text) {
			g_string_append(out, text);
			at = close + 1;
		} else {
			g_string_append_c(out, *at++);
		}
	}
	return g_string_free(out, FALSE);
}

static bool looks_like_option(const char *text)
{
	return text[0] == '-' && !g_ascii_isdigit(text[1]) && text[1] != '.' && text[1];
}

GPtrArray *teller_arguments(const struct config_channel *channel, const struct notice *notice,
	const struct teller_place *place)
{
	GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
	bool options_over = false;
	for (guint i = 0; i < channel->command->len; i++) {
		const char *element = channel->command->pdata[i];
		char *filled = i ? fill(element, notice, place) : g_strdup(element);
		bool foreign = element[0] == '$' && strcmp(element, filled) != 0;
		if (foreign && !options_over && looks_like_option(filled)) {
			char *plain = g_strconcat(" ", filled, NULL);
			g_free(filled);
			filled = plain;
		}
		options_over |= !strcmp(element, "--");
		g_ptr_array_add(argv, filled);
	}
	g_ptr_array_add(argv, NULL);
	return argv;
}

/* The message as a file to be read from its beginning. -1: STORAGE. */
static int message_open(const struct notice *notice, struct error *err)
{
	g_autofree char *text = render_text(notice);
	size_t length = strlen(text);
	int fd = memfd_create("message", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, text, length) == (ssize_t)length && lseek(fd, 0, SEEK_SET) == 0) {
		return fd;
	}
	error_errno(err, ERR_STORAGE, errno, "cannot hold the message");
	if (fd >= 0) {
		close(fd);
	}
	return -1;
}

static bool begin(struct telling *telling, const struct config_channel *channel,
	const struct notice *notice, const struct teller_place *place, struct error *err)
{
	struct teller *teller = telling->teller;
	g_autoptr(GPtrArray) argv = teller_arguments(channel, notice, place);
	AUTO_FD program = program_open(argv->pdata[0], err);
	AUTO_FD input = program >= 0 ? message_open(notice, err) : -1;
	if (input < 0) {
		return false;
	}
	g_autofree char *tag = g_strdup_printf(
		"MAGPIE_TELL=%d.%llu", (int)getpid(), (unsigned long long)telling->delivery);
	const char *const environment[] = {
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/", tag, NULL};
	struct spawn_request request = {
		.program = program,
		.argv = (const char *const *)argv->pdata,
		.environment = environment,
		.tag = tag,
		.timeout_ms = (int64_t)channel->timeout_s * 1000,
		.grace_ms = GRACE_MS,
		.output_max = OUTPUT_MAX,
		.file_max = FILE_MAX,
		.input = input,
	};
	return spawner_start(teller->spawner, &request, ended, telling, err) != NULL;
}

/* What an administrator may set right meanwhile is tried again. */
static void start(struct telling *telling, const struct config *config, const struct notice *notice,
	const struct teller_place *place)
{
	struct teller *teller = telling->teller;
	const struct config_channel *channel = config_channel(config, notice->channel);
	struct error err = {.kind = ERR_NONE};
	if (!channel || channel->kind != CONFIG_CHANNEL_COMMAND) {
		end(telling, OUTCOME_RETRY, "the configuration has no command of that name (yet)");
	} else if (teller->stopping || teller->running >= RUNNING_MAX) {
		end(telling, OUTCOME_RETRY, "too many commands are running");
	} else if (begin(telling, channel, notice, place, &err)) {
		teller->running++;
	} else {
		end(telling, err.kind == ERR_CONFIG ? OUTCOME_NEVER : OUTCOME_RETRY, err.text);
	}
}

/* -- orders -- */

/* I1 */
static bool is_known(struct teller *teller, uint64_t delivery)
{
	struct telling *telling = g_hash_table_lookup(teller->tellings, &delivery);
	if (!telling) {
		return false;
	}
	if (telling->over && telling->outcome == OUTCOME_RETRY) {
		g_queue_remove(&teller->over, telling);
		g_hash_table_remove(teller->tellings, &delivery);
		return false;
	}
	if (telling->over) {
		say(telling);
	}
	return true;
}

static char *get_clean(struct frame_reader *r)
{
	g_autofree char *raw = frame_get_text(r);
	return text_clean(raw, strlen(raw), NOTICE_TEXT_MAX);
}

void teller_take(struct teller *teller, const struct frame *frame, const struct config *config)
{
	struct error err = {.kind = ERR_NONE};
	struct frame_reader r = frame_read(frame);
	g_autofree char *group = get_clean(&r);
	g_autofree char *title = get_clean(&r);
	g_autofree char *category = get_clean(&r);
	size_t left = frame_left(&r);
	struct frame inner = {.type = MESSAGE_DELIVER,
		.length = (uint32_t)left,
		.payload = frame->payload + (frame->length - left)};
	AUTO(notice) notice = r.failed ? NULL : notice_read(&inner, &err);
	if (!notice) {
		log_error("runner.tell", "error=\"a TELL frame is not as promised\"");
		return;
	}
	if (is_known(teller, notice->delivery)) {
		return;
	}
	struct telling *telling = g_new0(struct telling, 1);
	telling->teller = teller;
	telling->delivery = notice->delivery;
	telling->channel = g_strdup(notice->channel);
	g_hash_table_insert(teller->tellings, &telling->delivery, telling);
	start(telling, config, notice, &(struct teller_place){group, title, category});
}
