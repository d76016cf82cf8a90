/*
 * Accepting is all that happens here: a peer that may not ask sees an immediate close, one beyond
 * the limit takes the place of the dialogue that has been idle longest. Everything else is the
 * dialogue's.
 */
#include "collector/munin/node_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/acceptor.h"
#include "base/log.h"

#include "base/banned.h"

enum { LISTENERS_MAX = 4 };

#define NODE_KEY "/etc/munin/munin-node.pem"
#define NODE_CA  "/etc/munin/cacert.pem"

struct node_server {
	struct node_server_options options;
	struct node_conf conf;
	struct node_matter matter;
	char *host;
	struct acceptor *listeners[LISTENERS_MAX];
	size_t listener_count;
	GPtrArray *visits; /* struct visit *, oldest first */
	struct node_server_counts counts;
};

/* A dialogue and its place in the list. */
struct visit {
	struct node_server *server;
	struct node_dialogue *dialogue;
};

static void visit_free(struct visit *visit)
{
	node_dialogue_destroy(visit->dialogue);
	g_free(visit);
}

static void visit_end(struct visit *visit)
{
	g_ptr_array_remove(visit->server->visits, visit);
	visit_free(visit);
}

static void visit_over(void *owner, const struct error *why)
{
	struct visit *visit = owner;
	if (why->kind != ERR_NONE) {
		log_info("node.dialogue", "master=%s error=\"%s\"", node_dialogue_master(visit->dialogue),
			log_safe(why->text));
	}
	visit_end(visit);
}

/* -- accepting -- */

/* Ends the dialogue that has had nothing under way for the longest time. False: all are busy. */
static bool node_server_make_room(void *owner)
{
	struct node_server *server = owner;
	struct visit *idlest = NULL;
	struct mono longest = {0};
	for (guint i = 0; i < server->visits->len; i++) {
		struct visit *visit = server->visits->pdata[i];
		struct mono since;
		if (node_dialogue_idle(visit->dialogue, &since) && (!idlest || since.ms < longest.ms)) {
			idlest = visit;
			longest = since;
		}
	}
	if (idlest) {
		log_warn("node.full", "connections=%d closed the idlest, of master=%s",
			NODE_SERVER_CONNECTIONS_MAX, node_dialogue_master(idlest->dialogue));
		visit_end(idlest);
	}
	return idlest != NULL;
}

static void node_server_receive(void *owner, int fd, const struct sockaddr_storage *peer)
{
	struct node_server *server = owner;
	char address[NODE_ACCESS_TEXT];
	struct error err;
	node_access_format((const struct sockaddr *)peer, address);
	if (!node_access_admits(server->conf.access, (const struct sockaddr *)peer)) {
		server->counts.refused++;
		log_warn("node.refused", "peer=%s", address);
		close(fd);
		return;
	}
	if (server->visits->len >= NODE_SERVER_CONNECTIONS_MAX && !node_server_make_room(server)) {
		server->counts.refused++;
		close(fd);
		return;
	}
	int yes = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); /* not on Unix sockets */
	struct visit *visit = g_new0(struct visit, 1);
	visit->server = server;
	visit->dialogue =
		node_dialogue_create(&(struct node_dialogue_options){.matter = &server->matter,
								 .master = address,
								 .deadline_ms = (int64_t)server->conf.global_timeout_s * 1000,
								 .over = visit_over,
								 .owner = visit},
			fd, &err);
	if (!visit->dialogue) {
		log_warn("node.accept", "peer=%s error=\"%s\"", address, log_safe(err.text));
		g_free(visit);
		return;
	}
	server->counts.accepted++;
	g_ptr_array_add(server->visits, visit);
}

bool node_server_listen(struct node_server *server, int fd, struct error *err)
{
	if (server->listener_count >= LISTENERS_MAX) {
		close(fd);
		return error_set(err, ERR_CONFIG, "at most %d addresses to listen on", LISTENERS_MAX);
	}
	static const struct acceptor_handlers handlers = {
		.accepted = node_server_receive, .full = node_server_make_room};
	struct acceptor *acceptor = acceptor_create(server->options.loop, fd, &handlers, server, err);
	if (!acceptor) {
		return false;
	}
	server->listeners[server->listener_count++] = acceptor;
	return true;
}

/* -- configuration -- */

static const char *node_server_file(const char *said, const char *usual)
{
	return said ? said : access(usual, R_OK) ? NULL : usual;
}

/* NULL with `err` untouched: TLS is not spoken. */
static struct tls_credentials *node_server_credentials(
	const struct node_conf *conf, struct error *err)
{
	struct tls_identity identity = {
		.ca_file = node_server_file(conf->ca, NODE_CA),
		.key = node_server_file(conf->key, NODE_KEY),
		.certificate = node_server_file(conf->certificate, NODE_KEY),
	};
	if (!identity.key != !identity.certificate) {
		error_set(err, ERR_CONFIG, "tls_private_key and tls_certificate belong together");
		return NULL;
	}
	if (conf->tls == NODE_TLS_PARANOID && !identity.key) {
		error_set(err, ERR_CONFIG, "tls paranoid needs tls_private_key and tls_certificate");
		return NULL;
	}
	if ((conf->verify || conf->tls == NODE_TLS_PARANOID) && !identity.ca_file) {
		/* else whoever bought a certificate anywhere would be let in */
		error_set(err, ERR_CONFIG, "to verify masters, tls_ca_certificate is needed");
		return NULL;
	}
	return tls_credentials_create(&identity, err);
}

static void node_server_ready(void *owner)
{
	struct node_server *server = owner;
	for (guint i = 0; i < server->visits->len; i++) {
		const struct visit *visit = server->visits->pdata[i];
		node_dialogue_wake(visit->dialogue);
	}
	if (server->options.ready) {
		server->options.ready(server->options.owner);
	}
}

bool node_server_configure(
	struct node_server *server, struct node_conf *conf, struct diag_list *diags, struct error *err)
{
	struct tls_credentials *credentials = node_server_credentials(conf, err);
	if (!credentials) {
		node_conf_finish(conf);
		return false;
	}
	tls_credentials_unref(server->matter.credentials);
	server->matter.credentials = credentials;
	node_conf_finish(&server->conf);
	server->conf = *conf;
	*conf = (struct node_conf){0};
	const char *host = server->conf.host_name ? server->conf.host_name : server->options.host;
	if (g_strcmp0(server->host, host) != 0) {
		g_free(server->host);
		server->host = g_strdup(host);
		server->matter.host = server->host;
		node_plugins_name(server->matter.plugins, server->host);
	}
	node_plugins_load(server->matter.plugins, diags);
	return true;
}

/* -- life -- */

struct node_server *node_server_create(const struct node_server_options *options, struct error *err)
{
	AUTO(node_server) server = g_new0(struct node_server, 1);
	server->options = *options;
	server->visits = g_ptr_array_new();
	server->matter.loop = options->loop;
	server->matter.conf = &server->conf;
	if (options->builtin &&
		!(server->matter.builtin = node_builtin_create(options->host, options->root, err))) {
		return NULL;
	}
	server->matter.runs = node_runs_create(options->loop, options->spawner);
	server->matter.plugins = node_plugins_create(
		&(struct node_plugins_options){.site = {.conf = &server->conf,
										   .host = options->host,
										   .state_directory = options->state_directory},
			.directory = options->plugin_directory,
			.conf_directory = options->conf_directory,
			.builtin = server->matter.builtin,
			.loop = options->loop,
			.runs = server->matter.runs,
			.ready = node_server_ready,
			.owner = server});
	return STEAL(server);
}

void node_server_destroy(struct node_server *server)
{
	if (!server) {
		return;
	}
	for (size_t i = 0; i < server->listener_count; i++) {
		acceptor_destroy(server->listeners[i]);
	}
	for (guint i = 0; i < server->visits->len; i++) {
		visit_free(server->visits->pdata[i]);
	}
	g_ptr_array_unref(server->visits);
	node_plugins_destroy(server->matter.plugins);
	node_runs_destroy(server->matter.runs);
	node_builtin_destroy(server->matter.builtin);
	tls_credentials_unref(server->matter.credentials);
	node_conf_finish(&server->conf);
	g_free(server->host);
	g_free(server);
}

const struct node_matter *node_server_matter(const struct node_server *server)
{
	return &server->matter;
}

struct node_server_counts node_server_count(const struct node_server *server)
{
	struct node_server_counts counts = server->counts;
	counts.open = server->visits->len;
	return counts;
}
