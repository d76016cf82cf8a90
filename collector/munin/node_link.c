#include "collector/munin/node_link.h"
#include "collector/services/address.h"

#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Credentials are read once and again when one of their files has changed: a fleet of a thousand
 * nodes would else read the same three files a thousand times a minute.
 */
enum { LINK_PORT = 4949, LINK_INPUT_MAX = 65536, LINK_GIVEN_MS = 30000, LINK_SHORT_MS = 10000 };

struct node_link {
	struct target *target;
	const struct config_node *node;
	bool execute; /* ssh://, cmd:// */
	struct service_address address;
	struct tls_credentials *credentials;
	int64_t credentials_stamp; /* newest change of their files; 0: not read */
	struct tls_settings settings;
	struct execution *execution;
	struct node_link_wish wish;
	const struct session_handlers *handlers;
	node_link_fn begun;
	void *owner;
};

struct node_link *node_link_create(struct target *target, struct error *err)
{
	const struct config_node *node = &target->settings->node;
	struct node_link *link = g_new0(struct node_link, 1);
	link->target = target;
	link->node = node;
	link->execute = node->address && (g_str_has_prefix(node->address, "ssh://") ||
										 g_str_has_prefix(node->address, "cmd://"));
	if (node->address && !link->execute &&
		!service_address_parse(node->address, &link->address, err)) {
		g_free(link);
		return NULL;
	}
	return link;
}

void node_link_cancel(struct node_link *link)
{
	if (link->execution) {
		executor_cancel(link->target->world->executor, link->execution);
		link->execution = NULL;
	}
}

void node_link_destroy(struct node_link *link)
{
	if (link) {
		node_link_cancel(link);
		tls_credentials_unref(link->credentials);
		g_free(link);
	}
}

bool node_link_opening(const struct node_link *link)
{
	return link->execution;
}

/* -- who we are -- */

static int64_t newest_change(const struct config_identity *identity)
{
	const char *const paths[] = {identity->ca, identity->certificate, identity->key};
	int64_t newest = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		struct stat st;
		if (paths[i] && stat(paths[i], &st) == 0 &&
			st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 > newest) {
			newest = st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		}
	}
	return newest;
}

static bool link_identify(struct node_link *link, struct error *err)
{
	const struct config_identity *identity = &link->node->identity;
	int64_t stamp = newest_change(identity);
	if (link->credentials_stamp != stamp) {
		struct tls_credentials *fresh =
			tls_credentials_create(&(struct tls_identity){.ca_file = identity->ca,
									   .certificate = identity->certificate,
									   .key = identity->key,
									   .trustless = !link->node->verify},
				err);
		if (!fresh) {
			return error_prefix(err, "tls");
		}
		tls_credentials_unref(link->credentials);
		link->credentials = fresh;
		link->credentials_stamp = stamp;
	}
	link->settings = (struct tls_settings){
		.credentials = link->credentials,
		.peer = link->node->verify ? link->target->settings->host->name : NULL,
		.verify = link->node->verify,
		.legacy = !link->node->verify,
	};
	return true;
}

/* -- sessions -- */

static enum session_tls link_tls(const struct node_link *link)
{
	switch ((enum config_node_tls)link->node->tls) {
	case CONFIG_NODE_TLS_AUTO: return link->wish.plain ? SESSION_TLS_NONE : SESSION_TLS_ASK;
	case CONFIG_NODE_TLS_ENABLED:
	case CONFIG_NODE_TLS_PARANOID: return SESSION_TLS_REQUIRE;
	case CONFIG_NODE_TLS_INHERIT:
	case CONFIG_NODE_TLS_DISABLED: break;
	}
	return SESSION_TLS_NONE;
}

static struct session *link_session(
	struct node_link *link, struct stream *stream, int fd, struct error *err)
{
	int64_t left = target_left_ms(link->target);
	struct stream_target target = {
		.host = link->address.host,
		.port = link->address.port ? link->address.port : LINK_PORT,
		.path = link->address.path[0] ? link->address.path : NULL,
		.anywhere = link->target->settings->host->local,
		.deadline_ms = left > 0 ? left : 1,
		.input_max = LINK_INPUT_MAX,
	};
	struct session_options options = {
		.loop = link->target->world->loop,
		.resolver = link->target->world->resolver,
		.stream = stream,
		.fd = fd,
		.target = &target,
		.tls = stream ? SESSION_TLS_NONE : link_tls(link),
		.settings = &link->settings,
		.pipelining = link->wish.pipelining,
		.greet_ms = left / 3 < LINK_SHORT_MS && !stream ? left / 3 + 1 : LINK_SHORT_MS,
		.budget_ms = stream ? LINK_GIVEN_MS : left,
	};
	if (target.deadline_ms > LINK_SHORT_MS) {
		target.deadline_ms = LINK_SHORT_MS; /* to connect */
	}
	return session_start(&options, link->handlers, link->owner, err);
}

static void link_begin(struct node_link *link, int fd)
{
	struct error err = {.kind = ERR_NONE};
	struct session *session = link_session(link, NULL, fd, &err);
	link->begun(link->owner, session, &err);
}

static void link_executed(void *owner, const struct execution_result *result)
{
	struct node_link *link = owner;
	struct error err = result->error;
	link->execution = NULL;
	if (err.kind == ERR_NONE && result->fd >= 0) {
		link_begin(link, result->fd);
		return;
	}
	if (err.kind == ERR_NONE) {
		error_set(&err, ERR_UNREACHABLE, "the program ended at once: %.*s",
			(int)(result->length < 120 ? result->length : 120), result->output);
	}
	error_prefix(&err, "connect");
	link->begun(link->owner, NULL, &err);
}

void node_link_open(struct node_link *link, const struct node_link_wish *wish,
	const struct session_handlers *handlers, node_link_fn begun, void *owner)
{
	struct error err = {.kind = ERR_NONE};
	link->wish = *wish;
	link->handlers = handlers;
	link->begun = begun;
	link->owner = owner;
	if (link_tls(link) != SESSION_TLS_NONE && !link_identify(link, &err)) {
		begun(owner, NULL, &err);
		return;
	}
	if (!link->execute) {
		link_begin(link, -1);
		return;
	}
	const struct config_source *settings = link->target->settings;
	struct execution_request request = {.what = EXECUTION_TRANSPORT,
		.host = settings->host->name,
		.name = settings->name,
		.timeout_ms = (uint32_t)MAX(target_left_ms(link->target), 1)};
	if (!link->target->world->executor) {
		error_set(&err, ERR_UNREACHABLE, "connect: nobody here may start programs");
		begun(owner, NULL, &err);
		return;
	}
	link->execution =
		executor_start(link->target->world->executor, &request, link_executed, link, &err);
	if (!link->execution) {
		begun(owner, NULL, &err);
	}
}

struct session *node_link_adopt(struct node_link *link, struct stream *stream,
	const struct session_handlers *handlers, void *owner, struct error *err)
{
	link->wish = (struct node_link_wish){.pipelining = true};
	link->handlers = handlers;
	link->owner = owner;
	return link_session(link, stream, -1, err);
}
