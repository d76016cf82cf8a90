#include "collector/munin/node_client.h"
#include "base/text.h"
#include "collector/munin/node_link.h"
#include "collector/munin/node_spool.h"
#include "collector/munin/node_state.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * A round: connect -> greeted -> `list` (and once a day `version`) -> `config` of what is new or
 * due, `fetch` of the rest -> finished. Once it is known that the node bears questions ahead of
 * answers, all of them are sent in one go; that is tried at the first contact with the two short
 * ones.
 *
 * What ends a round early: a slow plugin costs what stands behind it in that round (and stands last
 * itself from then on); a node that is out of step costs the whole round, because nobody knows
 * whose answers they were.
 */
enum {
	CLIENT_VERSION_S = 86400, /* how often the version is asked */
	CLIENT_ALONE_S = 600,     /* how long a node that broke off is asked one by one */
	CLIENT_RETRY_MS = 250,    /* what a second try in the same round needs at least */
	CLIENT_PLAIN_S = 3600,    /* tls auto: how long a node whose TLS failed is asked in clear */
};

enum ahead { AHEAD_UNTRIED, AHEAD_TRIED, AHEAD_NEVER };

struct node_client {
	struct target *target;
	struct node_link *link;
	struct session *session;
	bool given;    /* the session is over a connection that came to us, and stays */
	bool greeted;  /* it is past its greeting */
	bool in_round; /* between begin and target_done() */
	struct node_state state;
	struct node_spool spool;
	enum ahead ahead;
	struct mono alone_until, plain_until, version_due;
	char version[64];
	char other_name[80]; /* what the node calls itself, where that is not its host's name */
	/* of the round */
	struct wall at;
	bool asked, probing, again;
	unsigned answered; /* plugins */
	size_t offered;
};

static void client_start(struct node_client *client);

/* -- the end of a round -- */

static void client_end_session(struct node_client *client)
{
	session_destroy(client->session);
	client->session = NULL;
	client->greeted = false;
	client->given = false;
}

/* `why` NULL: all went well. The client may be gone afterwards. */
static void client_done(struct node_client *client, bool alive, const struct error *why)
{
	g_autofree char *version =
		g_strdup_printf("%s%s%s", client->version[0] ? client->version : "munin-node",
			client->other_name[0] ? ", calls itself " : "", client->other_name);
	bool known = client->version[0] || client->other_name[0];
	struct target_result result = {.alive = alive, .version = known ? version : NULL};
	if (why) {
		result.error = *why;
	}
	client->in_round = false;
	node_state_end(&client->state, client->at);
	target_done(client->target, &result);
}

static void client_failed(struct node_client *client, bool alive, const struct error *why)
{
	target_trace(client->target, "node", false, "%s", why->text);
	client_done(client, alive, why);
}

/* -- questions -- */

static bool client_is_alone(const struct node_client *client)
{
	return client->ahead == AHEAD_NEVER && mono_now().ms < client->alone_until.ms;
}

static void ask_plugin(struct node_client *client, struct remote_plugin *plugin)
{
	plugin->asked_fetch = false;
	if (!plugin->listed || !remote_plugin_due(plugin, &client->state, client->at)) {
		return;
	}
	if (remote_plugin_wants_config(plugin)) {
		session_ask(client->session, SESSION_CONFIG, plugin->name, plugin);
	}
	if (plugin->configured && !plugin->dirty) {
		plugin->asked_fetch = true;
		session_ask(client->session, SESSION_FETCH, plugin->name, plugin);
	}
}

static void ask_plugins(struct node_client *client)
{
	const GPtrArray *order = client->state.order;
	client->asked = true;
	for (guint i = 0; i < order->len; i++) {
		ask_plugin(client, order->pdata[i]);
	}
	session_finish(client->session);
}

static void ask_first(struct node_client *client)
{
	const struct session_greeting *greeting = session_greeting(client->session);
	const char *name = client->target->settings->node.node_name;
	if (greeting->spool) {
		client->state.step_s = NODE_SPOOL_STEP_S;
		client->state.spooled = true;
		session_ask(client->session, SESSION_SPOOLFETCH,
			node_spool_since(&client->spool, client->at), NULL);
		session_finish(client->session);
		return;
	}
	bool ahead = greeting->caps && !greeting->secured && client->ahead != AHEAD_NEVER;
	if (mono_now().ms >= client->version_due.ms && !greeting->secured) {
		session_ask(client->session, SESSION_VERSION, "", NULL);
		client->probing = ahead && client->ahead == AHEAD_UNTRIED;
	}
	session_ask(client->session, SESSION_LIST, name ? name : "", NULL);
	if (ahead && client->ahead == AHEAD_TRIED && client->state.order->len) {
		ask_plugins(client);
	}
	session_flush(client->session);
}

/* -- what the node says of itself -- */

/* Whether one of two names is the other, or its first part. */
static bool same_machine(const char *a, const char *b)
{
	size_t la = strcspn(a, ".");
	size_t lb = strcspn(b, ".");
	bool one_is_short = !a[la] || !b[lb];
	return !g_ascii_strcasecmp(a, b) ||
		   (one_is_short && la == lb && !g_ascii_strncasecmp(a, b, la));
}

/* The name in the banner is only shown, and no fault: many nodes never learnt their name (hostile
 * 3). */
static void take_name(struct node_client *client, const char *claimed)
{
	const char *host = client->target->settings->host->name;
	bool same = client->target->settings->node.node_name || same_machine(claimed, host) ||
				same_machine(claimed, "localhost");
	snprintf(client->other_name, sizeof(client->other_name), "%.70s", same ? "" : claimed);
}

static void client_greeted(void *owner)
{
	struct node_client *client = owner;
	const struct session_greeting *greeting = session_greeting(client->session);
	client->greeted = true;
	target_trace(client->target, "greet", true, "%s%s%s%s", greeting->name,
		greeting->secured ? ", TLS" : ", in clear", greeting->caps ? ", cap" : ", no cap",
		greeting->spool ? ", spool" : "");
	take_name(client, greeting->name);
	if (client->in_round) {
		ask_first(client);
	}
}

/* "munins node on NAME version: 2.0.73", "munin c node version: 0.0.13" */
static void take_version(struct node_client *client, const struct session_answer *answer)
{
	static const char mark[] = "version: ";
	g_autofree char *text = node_part_text((struct node_part){answer->text, answer->length}, 200);
	const char *version = strstr(text, mark);
	client->version_due.ms = mono_now().ms + CLIENT_VERSION_S * 1000;
	if (answer->refused || !version) {
		return;
	}
	bool in_c = g_str_has_prefix(text, "munin c node");
	snprintf(client->version, sizeof(client->version), "munin-node%s %.40s", in_c ? "-c" : "",
		version + strlen(mark));
	target_trace(client->target, "version", true, "%s", client->version);
}

static bool take_list(struct node_client *client, const struct session_answer *answer)
{
	struct error err;
	const char *name = client->target->settings->node.node_name;
	client->offered = 0;
	if (!answer->refused) {
		client->offered =
			node_state_list(&client->state, answer->text, answer->length, answer->cut, client->at);
	}
	if (client->offered) {
		target_trace(client->target, "list", true, "%zu plugins", client->offered);
		return true;
	}
	error_set(&err, ERR_PROTOCOL,
		answer->refused ? "list: the node does not know the command"
		: name          ? "list: the node has no plugin of a host \"%s\""
						: "list: the node has no plugin",
		name);
	client_end_session(client);
	client_failed(client, true, &err);
	return false;
}

/* -- answers -- */

static void answer_list(struct node_client *client, const struct session_answer *answer)
{
	if (client->probing) {
		client->ahead = AHEAD_TRIED; /* it took two questions at a time */
		client->probing = false;
	}
	if (!take_list(client, answer)) {
		return;
	}
	if (!client->asked) {
		ask_plugins(client);
		return;
	}
	for (guint i = 0; i < client->state.order->len; i++) {
		struct remote_plugin *plugin = client->state.order->pdata[i];
		if (plugin->listed && !plugin->configured) {
			session_ask(client->session, SESSION_CONFIG, plugin->name, plugin);
		}
	}
	session_finish(client->session);
}

/* The node's own words for not answering a question. */
static void answer_refused(struct node_client *client, const struct session_answer *answer)
{
	g_autofree char *words = node_part_text((struct node_part){answer->text, answer->length}, 120);
	g_autofree char *text = g_strdup_printf("the node answers: %s", words);
	node_state_fail(&client->state, answer->tag, text);
}

static void answer_config(struct node_client *client, const struct session_answer *answer)
{
	struct remote_plugin *plugin = answer->tag;
	struct node_part text = {answer->text, answer->length};
	client->answered++;
	if (answer->refused) {
		answer_refused(client, answer);
		return;
	}
	bool good = node_state_config(&client->state, plugin, text, client->at);
	if (target_traced(client->target)) {
		target_trace(
			client->target, "config", good, "%s: %u graphs", plugin->name, plugin->graphs->len);
	}
	if (good && !plugin->dirty && !plugin->asked_fetch) {
		plugin->asked_fetch = true;
		session_ask(client->session, SESSION_FETCH, plugin->name, plugin);
		session_finish(client->session);
	}
}

static void answer_fetch(struct node_client *client, const struct session_answer *answer)
{
	struct remote_plugin *plugin = answer->tag;
	client->answered++;
	if (answer->refused) {
		answer_refused(client, answer);
		return;
	}
	struct node_part text = {answer->text, answer->length};
	bool good = plugin->configured && node_state_fetch(&client->state, plugin, text, client->at);
	if (target_traced(client->target)) {
		target_trace(client->target, "fetch", good, "%s: %u values", plugin->name,
			client->state.values.samples->len);
	}
}

static void answer_spool(struct node_client *client, const struct session_answer *answer)
{
	struct error err;
	client->answered += answer->last;
	if (answer->refused) {
		return;
	}
	switch (node_spool_take(&client->spool, answer->text, answer->length, answer->last)) {
	case NODE_SPOOL_MORE: return;
	case NODE_SPOOL_ENOUGH:
		target_trace(client->target, "spoolfetch", true, "%zu samples, the rest in the next round",
			client->spool.taken);
		client_end_session(client);
		client_done(client, true, NULL);
		return;
	case NODE_SPOOL_WRONG:
		error_set(&err, ERR_PROTOCOL, "spoolfetch: more than 1 MiB of one graph");
		client_end_session(client);
		client_failed(client, true, &err);
	}
}

static void client_answered(void *owner, const struct session_answer *answer)
{
	struct node_client *client = owner;
	switch (answer->verb) {
	case SESSION_VERSION: take_version(client, answer); break;
	case SESSION_LIST: answer_list(client, answer); break;
	case SESSION_CONFIG: answer_config(client, answer); break;
	case SESSION_FETCH: answer_fetch(client, answer); break;
	case SESSION_SPOOLFETCH: answer_spool(client, answer); break;
	case SESSION_CAP: break;
	}
}

static void client_finished(void *owner)
{
	struct node_client *client = owner;
	if (!client->given) {
		client_end_session(client);
	}
	if (client->in_round) {
		client_done(client, true, NULL);
	}
}

/* -- the end of a dialogue before that of its round -- */

/* Whether the round begins once more, in another manner. */
static bool client_retry(struct node_client *client, const struct session_greeting *was,
	size_t outstanding, const struct error *why)
{
	int64_t now = mono_now().ms;
	bool time_left = target_left_ms(client->target) >= CLIENT_RETRY_MS;
	bool ahead = (outstanding > 1 || client->probing) && !was->secured;
	bool broken = why->kind == ERR_UNREACHABLE || why->kind == ERR_PROTOCOL;
	if (client->given || client->again) {
		return false;
	}
	if (was->tls_failed && client->target->settings->node.tls == CONFIG_NODE_TLS_AUTO) {
		client->plain_until.ms = now + CLIENT_PLAIN_S * 1000;
		target_complain(client->target, "tls", "asked in clear: %s", why->text);
		return time_left;
	}
	if (ahead && client->ahead != AHEAD_NEVER && (client->probing || broken)) {
		client->ahead = AHEAD_NEVER;
		client->alone_until.ms = now + CLIENT_ALONE_S * 1000;
		return time_left;
	}
	return false;
}

/* One plugin did not answer in time: that is its failure, if others did. */
static bool client_forgive(struct node_client *client, void *tag, const struct error *why)
{
	struct remote_plugin *plugin = tag;
	if (!plugin || why->kind != ERR_TIMEOUT) {
		return false;
	}
	node_state_slow(&client->state, plugin, why->text);
	return client->answered > 0;
}

static void client_closed(void *owner, const struct error *why)
{
	struct node_client *client = owner;
	struct session_greeting was = *session_greeting(client->session);
	struct error told = *why;
	bool greeted = client->greeted;
	size_t outstanding = session_outstanding(client->session);
	void *tag = session_tag(client->session);
	bool round = client->in_round;
	if (round && why->kind == ERR_PROTOCOL) {
		node_state_drop(&client->state);
	}
	bool retry = round && client_retry(client, &was, outstanding, why);
	client_end_session(client);
	if (!round) {
		return;
	}
	if (retry) {
		client->again = true;
		node_state_drop(&client->state);
		client_start(client);
	} else if (client_forgive(client, tag, &told)) {
		client_done(client, true, NULL);
	} else {
		client_failed(client, greeted, &told);
	}
}

static const struct session_handlers client_calls = {.greeted = client_greeted,
	.answered = client_answered,
	.finished = client_finished,
	.closed = client_closed};

/* -- life -- */

static void client_begun(void *owner, struct session *session, const struct error *why)
{
	struct node_client *client = owner;
	client->session = session;
	if (!session) {
		struct error told = *why;
		client_failed(client, false, &told);
	}
}

static void client_start(struct node_client *client)
{
	client->asked = false;
	client->probing = false;
	client->answered = 0;
	bool plain = mono_now().ms < client->plain_until.ms;
	if (!plain) {
		target_content(client->target, "tls");
	}
	node_link_open(client->link,
		&(struct node_link_wish){.pipelining = !client_is_alone(client), .plain = plain},
		&client_calls, client_begun, client);
}

void node_client_begin(struct node_client *client, struct wall at)
{
	struct error err;
	client->at = at;
	client->in_round = true;
	client->again = false;
	client->asked = false;
	client->answered = 0;
	if (client->ahead == AHEAD_NEVER && !client_is_alone(client)) {
		client->ahead = AHEAD_UNTRIED;
		client->version_due.ms = 0;
	}
	if (client->session) {
		session_resume(client->session, target_left_ms(client->target));
		if (client->greeted) {
			ask_first(client);
		}
	} else if (client->target->settings->node.address) {
		client_start(client);
	} else {
		error_set(&err, ERR_UNREACHABLE, "connect: the node has not connected to us");
		client_failed(client, false, &err);
	}
}

void node_client_cancel(struct node_client *client)
{
	client->in_round = false;
	node_link_cancel(client->link);
	client_end_session(client);
	node_state_drop(&client->state);
}

void node_client_give(struct node_client *client, struct stream *stream)
{
	struct error err;
	client_end_session(client);
	client->session = node_link_adopt(client->link, stream, &client_calls, client, &err);
	client->given = client->session;
}

bool node_client_connected(const struct node_client *client)
{
	return client->given;
}

struct node_client *node_client_create(struct target *target, struct error *err)
{
	struct node_link *link = node_link_create(target, err);
	if (!link) {
		return NULL;
	}
	struct node_client *client = g_new0(struct node_client, 1);
	client->target = target;
	client->link = link;
	node_state_init(&client->state, target, target->source.step_s);
	node_spool_init(&client->spool, &client->state);
	return client;
}

void node_client_destroy(struct node_client *client)
{
	if (client) {
		node_link_destroy(client->link);
		client_end_session(client);
		node_spool_finish(&client->spool);
		node_state_finish(&client->state);
		g_free(client);
	}
}
