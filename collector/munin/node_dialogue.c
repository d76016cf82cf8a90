/*
 * Lines become slots, one per answer, in their order. A slot has its answer at once (built-in
 * plugins, facts about the node), when a plugin's run ends, or when the directory of plugins is
 * known. What stands at the front and is answered is sent.
 *
 * I1: under TLS each line goes as a record of its own: stock masters read a record for a line. I2:
 * STARTTLS waits until all answers before it are sent, and what came behind it in clear ends the
 * dialogue (base/stream.h). I3: after the peer's end what it asked for is still answered; over() is
 * called when all is sent or nothing can be sent any more.
 */
#include "collector/munin/node_dialogue.h"

#include <string.h>

#include "base/log.h"
#include "model/version.h"

#include "base/banned.h"

enum { NODE_DIALOGUE_RETRY_MS = 50, NODE_DIALOGUE_HELLO_MS = 300 };

enum node_slot_kind { SLOT_TEXT, SLOT_PLUGIN, SLOT_LIST, SLOT_HOSTS };

struct node_slot {
	struct node_dialogue *dialogue;
	enum node_slot_kind kind;
	GBytes *answer;       /* NULL: not yet */
	struct node_ask *ask; /* PLUGIN, under way */
	char *host;           /* LIST: lower case; NULL: the node */
};

struct node_dialogue {
	struct node_dialogue_options options;
	struct stream *stream;
	GQueue slots; /* struct node_slot *, oldest first */
	struct loop_timer *timer;
	struct mono ends_at, idle_since;
	bool multigraph, dirty; /* what the master announced */
	bool secured, securing, quitting, ended;
	bool waiting; /* with our hello in TLS */
	char master[NODE_ACCESS_TEXT];
};

static void node_slot_free(gpointer data)
{
	struct node_slot *slot = data;
	if (slot->ask) {
		node_ask_cancel(slot->ask);
	}
	g_clear_pointer(&slot->answer, g_bytes_unref);
	g_free(slot->host);
	g_free(slot);
}

static void node_dialogue_over(struct node_dialogue *d, const struct error *why)
{
	d->options.over(d->options.owner, why);
}

/* -- sending -- */

static void node_dialogue_send(struct node_dialogue *d, const char *text, size_t length)
{
	if (!d->secured) {
		stream_send(d->stream, text, length);
		return;
	}
	while (length) { /* see I1 */
		const char *end = memchr(text, '\n', length);
		size_t n = end ? (size_t)(end - text) + 1 : length;
		stream_send(d->stream, text, n);
		text += n;
		length -= n;
	}
}

static void node_dialogue_say(struct node_dialogue *d, const char *text)
{
	node_dialogue_send(d, text, strlen(text));
}

/* -- answers that are made here -- */

static gint node_dialogue_order(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in their order, each once, `between` them and `end` behind. */
static GBytes *node_dialogue_join(GPtrArray *names, const char *between, const char *end)
{
	GString *text = g_string_new(NULL);
	g_ptr_array_sort(names, node_dialogue_order);
	for (guint i = 0; i < names->len; i++) {
		if (i == 0 || strcmp(names->pdata[i], names->pdata[i - 1]) != 0) {
			g_string_append(text, text->len ? between : "");
			g_string_append(text, names->pdata[i]);
		}
	}
	g_string_append(text, end);
	return g_string_free_to_bytes(text);
}

static GBytes *node_dialogue_list(const struct node_dialogue *d, const char *host)
{
	const struct node_matter *matter = d->options.matter;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	bool own = !host || !g_ascii_strcasecmp(host, matter->host);
	struct node_list wanted = {own ? NULL : host, d->multigraph, d->dirty};
	if (own && matter->builtin) {
		node_builtin_list(matter->builtin, d->multigraph, names);
	}
	node_plugins_list(matter->plugins, &wanted, names);
	return node_dialogue_join(names, " ", "\n");
}

static GBytes *node_dialogue_hosts(const struct node_dialogue *d)
{
	const struct node_matter *matter = d->options.matter;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(names, g_ascii_strdown(matter->host, -1));
	node_plugins_hosts(matter->plugins, names);
	return node_dialogue_join(names, "\n", "\n.\n");
}

/* -- slots -- */

static struct node_slot *node_dialogue_slot(struct node_dialogue *d, enum node_slot_kind kind)
{
	struct node_slot *slot = g_new0(struct node_slot, 1);
	slot->dialogue = d;
	slot->kind = kind;
	g_queue_push_tail(&d->slots, slot);
	return slot;
}

static void node_dialogue_answer(struct node_dialogue *d, const char *text)
{
	node_dialogue_slot(d, SLOT_TEXT)->answer = g_bytes_new(text, strlen(text));
}

/* What waited for the directory of plugins to be known. */
static void node_slot_settle(struct node_slot *slot)
{
	const struct node_dialogue *d = slot->dialogue;
	if (slot->answer || slot->kind < SLOT_LIST || !node_plugins_ready(d->options.matter->plugins)) {
		return;
	}
	slot->answer =
		slot->kind == SLOT_LIST ? node_dialogue_list(d, slot->host) : node_dialogue_hosts(d);
}

/* Sends what is answered at the front, in one piece. */
static void node_dialogue_flush(struct node_dialogue *d)
{
	g_autoptr(GString) all = g_string_new(NULL);
	struct node_slot *slot;
	while ((slot = g_queue_peek_head(&d->slots))) {
		node_slot_settle(slot);
		if (!slot->answer) {
			break;
		}
		gsize length;
		const char *text = g_bytes_get_data(slot->answer, &length);
		g_string_append_len(all, text, (gssize)length);
		if (slot->kind == SLOT_PLUGIN) {
			g_string_append(all, ".\n");
		}
		node_slot_free(g_queue_pop_head(&d->slots));
		d->idle_since = mono_now();
	}
	node_dialogue_send(d, all->str, all->len);
}

/* -- commands -- */

static void node_slot_answered(void *owner, GBytes *answer)
{
	struct node_slot *slot = owner;
	struct node_dialogue *d = slot->dialogue;
	slot->ask = NULL;
	slot->answer = g_bytes_ref(answer);
	node_dialogue_flush(d);
	loop_timer_after(d->timer, 0); /* to read on, and not from inside the run's end */
}

static void node_dialogue_ask(struct node_dialogue *d, enum node_verb verb, const char *name)
{
	const struct node_matter *matter = d->options.matter;
	struct node_slot *slot = node_dialogue_slot(d, SLOT_PLUGIN);
	struct node_plugin *plugin = node_plugins_find(matter->plugins, name);
	if (plugin) {
		struct node_question question = {verb, d->dirty, d->master};
		slot->ask = node_runs_ask(matter->runs, plugin, &question, node_slot_answered, slot);
		return;
	}
	GString *text = g_string_new(NULL);
	if (!matter->builtin || !node_builtin_answer(matter->builtin, name, verb, d->dirty, text)) {
		g_string_assign(text, "# Unknown service\n");
	}
	slot->answer = g_string_free_to_bytes(text);
}

static void node_command_config(struct node_dialogue *d, const char *rest)
{
	node_dialogue_ask(d, NODE_CONFIG, rest);
}

static void node_command_fetch(struct node_dialogue *d, const char *rest)
{
	node_dialogue_ask(d, NODE_FETCH, rest);
}

static void node_command_cap(struct node_dialogue *d, const char *rest)
{
	g_auto(GStrv) words = g_strsplit(rest, " ", 65); /* hostile 5 in the other direction */
	d->multigraph = g_strv_contains((const char *const *)words, "multigraph");
	d->dirty = g_strv_contains((const char *const *)words, "dirtyconfig");
	node_dialogue_answer(d, "cap multigraph dirtyconfig\n");
}

static void node_command_list(struct node_dialogue *d, const char *rest)
{
	struct node_slot *slot = node_dialogue_slot(d, SLOT_LIST);
	size_t length = 0;
	while (g_ascii_isalnum(rest[length]) || rest[length] == '.' || rest[length] == '-') {
		length++;
	}
	slot->host = length ? g_ascii_strdown(rest, (gssize)length) : NULL;
}

static void node_command_nodes(struct node_dialogue *d, const char *rest UNUSED)
{
	node_dialogue_slot(d, SLOT_HOSTS);
}

static void node_command_version(struct node_dialogue *d, const char *rest UNUSED)
{
	g_autofree char *text = g_strdup_printf(
		"munins node on %s version: magpie-%s\n", d->options.matter->host, MAGPIE_VERSION);
	node_dialogue_answer(d, text);
}

static void node_command_quit(struct node_dialogue *d, const char *rest UNUSED)
{
	d->quitting = true;
}

static const struct node_command {
	const char *begin;
	void (*run)(struct node_dialogue *d, const char *rest);
} node_commands[] = {
	{"list", node_command_list},
	{"cap", node_command_cap},
	{"quit", node_command_quit},
	{".", node_command_quit},
	{"version", node_command_version},
	{"nodes", node_command_nodes},
	{"fetch", node_command_fetch},
	{"config", node_command_config},
};

static bool node_command_is_starttls(const char *line)
{
	return !g_ascii_strncasecmp(line, "starttls", 8) && !line[8 + strspn(line + 8, " \t\r")];
}

static void node_dialogue_command(struct node_dialogue *d, char *line)
{
	for (size_t i = 0; i < ARRAY_LENGTH(node_commands); i++) {
		const struct node_command *command = &node_commands[i];
		size_t length = strlen(command->begin);
		if (!g_ascii_strncasecmp(line, command->begin, length)) {
			char *rest = g_strchug(line + length);
			rest[command->run == node_command_cap ? strlen(rest) : strcspn(rest, " \t")] = '\0';
			command->run(d, rest);
			return;
		}
	}
	node_dialogue_answer(
		d, "# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n");
}

/* -- STARTTLS -- */

static void node_dialogue_shake(struct node_dialogue *d)
{
	const struct node_matter *matter = d->options.matter;
	struct tls_settings settings = {.credentials = matter->credentials,
		.server = tls_credentials_have_key(matter->credentials),
		.verify = matter->conf->verify || matter->conf->tls == NODE_TLS_PARANOID};
	struct error err;
	d->waiting = false;
	if (!stream_start_tls(d->stream, &settings, &err)) {
		node_dialogue_over(d, &err);
	}
}

/*
 * Without a key the node is the one that says hello in TLS. Stock masters read the line before it
 * through a buffer and lose what has come behind it by then, so that hello has to come later.
 */
static void node_dialogue_secure(struct node_dialogue *d)
{
	bool key = tls_credentials_have_key(d->options.matter->credentials);
	node_dialogue_say(d, key ? "TLS OK\n" : "TLS MAYBE\n");
	d->securing = true;
	if (key) {
		node_dialogue_shake(d);
	} else {
		d->waiting = true;
		loop_timer_after(d->timer, NODE_DIALOGUE_HELLO_MS);
	}
}

/* Whether the peer's certificate is one that tls_match wants. */
static bool node_dialogue_matches(const struct node_dialogue *d)
{
	const struct tls_report *report = stream_tls_report(d->stream);
	GRegex *match = d->options.matter->conf->match;
	if (!match) {
		return true;
	}
	if (!report || !report->count) {
		return false;
	}
	g_autofree char *text = g_strdup_printf(
		"Subject Name: %s\nIssuer  Name: %s\n", report->chain[0].subject, report->chain[0].issuer);
	return g_regex_match(match, text, 0, NULL);
}

/* -- the stream -- */

/* Whether the next command may be begun. */
static bool node_dialogue_may_begin(const struct node_dialogue *d)
{
	return !d->quitting && !d->securing && d->slots.length < NODE_DIALOGUE_AHEAD &&
		   stream_unsent(d->stream) < NODE_DIALOGUE_UNSENT;
}

/* Takes a line. False: it has to wait, or the dialogue is over. */
static bool node_dialogue_obey(struct node_dialogue *d, const char *line, size_t length)
{
	const struct node_conf *conf = d->options.matter->conf;
	g_autofree char *command = g_strndup(line, length);
	g_strchomp(command);
	d->idle_since = mono_now();
	if (node_command_is_starttls(command) && d->options.matter->credentials && !d->secured) {
		node_dialogue_secure(d);
		return false;
	}
	if (conf->tls >= NODE_TLS_ENABLED && !d->secured) {
		node_dialogue_say(d, "# I require TLS. Closing.\n");
		d->quitting = true;
		return true;
	}
	node_dialogue_command(d, command);
	return true;
}

/* See I2: whether a STARTTLS stands at the front and answers are still due. */
static bool node_dialogue_holds(const struct node_dialogue *d)
{
	size_t length;
	const char *bytes = stream_peek(d->stream, &length);
	return d->slots.length && length >= 8 && !g_ascii_strncasecmp(bytes, "starttls", 8);
}

/* Whether all is said that was asked for; `drained`: no whole line is left of what came. */
static bool node_dialogue_is_done(const struct node_dialogue *d, bool drained)
{
	bool late = mono_now().ms - d->idle_since.ms > NODE_DIALOGUE_OVER_MS;
	return (d->quitting || (d->ended && drained)) && !d->slots.length &&
		   (!stream_unsent(d->stream) || late);
}

/* Begins all commands that may be begun. It may be over then. */
static void node_dialogue_read(struct node_dialogue *d)
{
	static const struct error none;
	size_t length;
	bool too_long = false;
	bool drained = false;
	while (!drained && node_dialogue_may_begin(d)) {
		if (d->slots.length >= NODE_DIALOGUE_AHEAD / 2 || node_dialogue_holds(d)) {
			node_dialogue_flush(d);
		}
		if (!node_dialogue_may_begin(d) || node_dialogue_holds(d)) {
			break;
		}
		const char *line = stream_line(d->stream, &length, &too_long);
		drained = !line;
		if (line && !node_dialogue_obey(d, line, length)) {
			return;
		}
	}
	node_dialogue_flush(d);
	if (too_long) {
		struct error err;
		error_set(&err, ERR_PROTOCOL, "a line of more than %d bytes", NODE_DIALOGUE_LINE);
		node_dialogue_over(d, &err);
	} else if (node_dialogue_is_done(d, drained)) {
		node_dialogue_over(d, &none);
	} else if (d->quitting || d->ended || stream_unsent(d->stream) >= NODE_DIALOGUE_UNSENT) {
		loop_timer_after(d->timer, NODE_DIALOGUE_RETRY_MS);
	}
}

static void node_dialogue_on_time(void *owner)
{
	struct node_dialogue *d = owner;
	if (mono_now().ms >= d->ends_at.ms) {
		struct error err;
		error_set(&err, ERR_TIMEOUT, "the dialogue took too long");
		node_dialogue_over(d, &err);
	} else if (d->waiting) {
		node_dialogue_shake(d);
	} else {
		node_dialogue_read(d);
	}
}

static void node_dialogue_on_open(void *owner)
{
	struct node_dialogue *d = owner;
	struct error err;
	if (!d->securing) {
		g_autofree char *banner = g_strdup_printf("# munin node at %s\n", d->options.matter->host);
		node_dialogue_say(d, banner);
		return;
	}
	d->securing = false;
	d->secured = true;
	if (!node_dialogue_matches(d)) {
		error_set(&err, ERR_DENIED, "the peer's certificate is not one that tls_match wants");
		node_dialogue_over(d, &err);
		return;
	}
	node_dialogue_read(d);
}

static void node_dialogue_on_data(void *owner)
{
	node_dialogue_read(owner);
}

static void node_dialogue_on_closed(void *owner, const struct error *why)
{
	struct node_dialogue *d = owner;
	if (why->kind != ERR_NONE || d->securing) {
		node_dialogue_over(d, why);
		return;
	}
	d->ended = true; /* see I3 */
	loop_timer_after(d->timer, 0);
}

/* -- life -- */

static const struct stream_handlers node_dialogue_handlers = {.open = node_dialogue_on_open,
	.data = node_dialogue_on_data,
	.closed = node_dialogue_on_closed};

static struct node_dialogue *node_dialogue_new(const struct node_dialogue_options *options)
{
	struct node_dialogue *d = g_new0(struct node_dialogue, 1);
	d->options = *options;
	d->idle_since = mono_now();
	d->ends_at.ms = d->idle_since.ms + options->deadline_ms;
	d->secured = options->secured;
	g_strlcpy(d->master, options->master, sizeof(d->master));
	g_queue_init(&d->slots);
	d->timer = loop_timer_create(options->matter->loop, node_dialogue_on_time, d);
	return d;
}

struct node_dialogue *node_dialogue_take(
	const struct node_dialogue_options *options, struct stream *stream)
{
	struct node_dialogue *d = node_dialogue_new(options);
	d->stream = stream;
	stream_deadline(stream, options->deadline_ms);
	stream_hand_on(stream, &node_dialogue_handlers, d);
	return d;
}

struct node_dialogue *node_dialogue_create(
	const struct node_dialogue_options *options, int fd, struct error *err)
{
	struct stream_target target = {
		.deadline_ms = options->deadline_ms, .input_max = NODE_DIALOGUE_LINE};
	struct node_dialogue *d = node_dialogue_new(options);
	d->stream = stream_adopt(options->matter->loop, fd, &target, &node_dialogue_handlers, d, err);
	if (!d->stream) {
		node_dialogue_destroy(d);
		return NULL;
	}
	return d;
}

void node_dialogue_destroy(struct node_dialogue *d)
{
	if (!d) {
		return;
	}
	g_queue_clear_full(&d->slots, node_slot_free);
	loop_timer_destroy(d->timer);
	stream_destroy(d->stream);
	g_free(d);
}

void node_dialogue_wake(struct node_dialogue *d)
{
	if (!d->waiting) {
		node_dialogue_flush(d);
		loop_timer_after(d->timer, 0);
	}
}

bool node_dialogue_idle(const struct node_dialogue *d, struct mono *since)
{
	*since = d->idle_since;
	return !d->slots.length;
}

const char *node_dialogue_master(const struct node_dialogue *d)
{
	return d->master;
}
