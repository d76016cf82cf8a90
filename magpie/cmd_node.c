/*
 * `magpie node`: this machine's munin-node, in the foreground. Reads the configuration, binds,
 * answers until SIGTERM; SIGHUP reads the configuration again, whole or not at all.
 */
#include "base/auto.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "collector/munin/node_push.h"
#include "collector/munin/node_server.h"
#include "magpie/command.h"
#include "magpie/listen.h"
#include "magpie/options.h"
#include "model/hostname.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/banned.h"

enum { NODE_PORT = 4949, NODE_CONF_MAX = 1 << 20 };

struct node {
	const char *config, *listen, *name, *allow, *plugins, *conf_directory, *state, *tls;
	const char *connect, *token_file, *ca;
	bool no_builtin, verbose;
	char host[IDENT_HOST_MAX + 1];
	struct loop *loop;
	struct spawner *spawner;
	struct node_server *server;
	struct resolver *resolver;
	struct node_push *push;
};

static void node_print(struct diag_list *diags)
{
	GString *text = g_string_new(NULL);
	diag_print(diags, DIAG_HUMAN, text);
	fputs(text->str, stderr);
	g_string_free(text, TRUE);
}

/* -- the configuration: a file, and options over it -- */

static bool node_read_file(
	const struct node *node, struct node_conf *conf, struct diag_list *diags, struct error *err)
{
	size_t length;
	AUTO_FREE char *text = file_read(AT_FDCWD, node->config, NODE_CONF_MAX, &length, err);
	if (!text) {
		return false;
	}
	struct diag_source source = {.name = node->config, .text = text, .length = length};
	node_conf_parse(conf, &source, diags);
	if (diag_errors(diags)) {
		return error_set(err, ERR_CONFIG, "%s has errors", node->config);
	}
	return true;
}

static bool node_allow(const struct node *node, struct node_conf *conf, struct error *err)
{
	g_auto(GStrv) words = g_strsplit_set(node->allow ? node->allow : "", ", ", -1);
	for (char **word = words; *word; word++) {
		if (**word && !node_access_add_network(conf->access, NODE_ALLOW, *word, err)) {
			return error_prefix(err, "--allow");
		}
	}
	return node_access_allows_any(conf->access) ||
		   (node_access_add_network(conf->access, NODE_ALLOW, "127.0.0.0/8", err) &&
			   node_access_add_network(conf->access, NODE_ALLOW, "::1", err));
}

static bool node_options(const struct node *node, struct node_conf *conf, struct error *err)
{
	if (node->tls && !node_conf_set_tls(conf, node->tls, err)) {
		return error_prefix(err, "--tls");
	}
	if (node->name) {
		if (!ident_is_host(node->name)) {
			return error_set(err, ERR_CONFIG, "--name: this is no name of a host");
		}
		g_free(conf->host_name);
		conf->host_name = g_strdup(node->name);
	}
	return node_allow(node, conf, err);
}

/* Makes `conf`; false: it is finished again. */
static bool node_read(
	const struct node *node, struct node_conf *conf, struct diag_list *diags, struct error *err)
{
	node_conf_init(conf);
	if ((!node->config || node_read_file(node, conf, diags, err)) &&
		node_options(node, conf, err)) {
		return true;
	}
	node_conf_finish(conf);
	return false;
}

static bool node_configure(struct node *node, struct node_conf *conf, struct diag_list *diags)
{
	struct error err;
	bool good = node_server_configure(node->server, conf, diags, &err);
	node_print(diags);
	if (!good) {
		fprintf(stderr, "magpie node: %s\n", err.text);
	}
	return good;
}

static void node_reload(void *owner, int signal_number UNUSED)
{
	struct node *node = owner;
	struct node_conf conf;
	struct error err;
	AUTO(diag_list) diags = diag_list_create();
	if (!node_read(node, &conf, diags, &err)) {
		node_print(diags);
		log_error("config.refused", "error=\"%s\" the one in force goes on", log_safe(err.text));
	} else if (node_configure(node, &conf, diags)) {
		log_info("config.accepted", "host=%s", node_server_matter(node->server)->host);
	}
}

/* -- listening -- */

/* Binds `text`, or what the configuration says, or the usual port. */
static bool node_bind(struct node *node, const struct node_conf *conf, struct error *err)
{
	char bound[LISTEN_TEXT];
	char address[300];
	uint32_t port = conf->port ? conf->port : NODE_PORT;
	bool wide = conf->host ? !strcmp(conf->host, "*") : node->config || node->allow;
	bool v6 = conf->host && strchr(conf->host, ':') && conf->host[0] != '[';
	if (node->listen) {
		snprintf(address, sizeof(address), "%s", node->listen);
	} else if (wide) {
		snprintf(address, sizeof(address), "[::]:%u", port);
	} else {
		snprintf(address, sizeof(address), v6 ? "[%.255s]:%u" : "%.255s:%u",
			conf->host ? conf->host : "127.0.0.1", port);
	}
	int fd = listen_open(address, true, bound, err);
	if (fd < 0 && wide && !node->listen) {
		snprintf(address, sizeof(address), "0.0.0.0:%u", port); /* a kernel without IPv6 */
		fd = listen_open(address, true, bound, err);
	}
	if (fd < 0 || !node_server_listen(node->server, fd, err)) {
		return false;
	}
	printf("magpie node: %s answers on %s\n", node_server_matter(node->server)->host, bound);
	fflush(stdout);
	return true;
}

/* A node that connects out listens only where it is told to. */
static bool node_connect(struct node *node, struct error *err)
{
	if (!node->token_file) {
		return error_set(err, ERR_CONFIG, "--connect needs --token-file");
	}
	char *token = secret_read(node->token_file, err);
	if (!token) {
		return false;
	}
	secret_free(token);
	node->resolver = resolver_create(node->loop);
	node->push =
		node_push_create(&(struct node_push_options){.matter = node_server_matter(node->server),
							 .resolver = node->resolver,
							 .server = node->connect,
							 .token_file = node->token_file,
							 .ca = node->ca},
			err);
	if (!node->push) {
		return error_prefix(err, "--connect %.100s", node->connect);
	}
	printf(
		"magpie node: %s connects to %s\n", node_server_matter(node->server)->host, node->connect);
	fflush(stdout);
	return true;
}

/* -- the whole -- */

static void node_ready(void *owner)
{
	struct node *node = owner;
	if (node->push) {
		node_push_wake(node->push);
	}
}

static void node_stop(void *owner, int signal_number UNUSED)
{
	struct node *node = owner;
	loop_stop(node->loop);
}

static bool node_start(struct node *node, struct error *err)
{
	struct node_conf conf;
	AUTO(diag_list) diags = diag_list_create();
	if (!node_read(node, &conf, diags, err)) {
		node_print(diags);
		return false;
	}
	hostname_find(node->host);
	node->server = node_server_create(&(struct node_server_options){.loop = node->loop,
										  .spawner = node->spawner,
										  .host = node->host,
										  .plugin_directory = node->plugins,
										  .conf_directory = node->conf_directory,
										  .state_directory = node->state,
										  .builtin = !node->no_builtin,
										  .ready = node_ready,
										  .owner = node},
		err);
	if (!node->server) {
		node_conf_finish(&conf);
		return false;
	}
	struct node_conf bind = {.port = conf.port, .host = g_strdup(conf.host)};
	bool good = node_server_configure(node->server, &conf, diags, err);
	node_print(diags);
	good = good && (!node->connect || node_connect(node, err));
	good = good && ((node->connect && !node->listen) || node_bind(node, &bind, err));
	g_free(bind.host);
	return good;
}

static int node_run(struct node *node)
{
	struct error err;
	struct rlimit files;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	log_name("node");
	node->loop = loop_create();
	node->spawner = spawner_create(node->loop);
	loop_on_signal(node->loop, SIGTERM, node_stop, node);
	loop_on_signal(node->loop, SIGINT, node_stop, node);
	loop_on_signal(node->loop, SIGHUP, node_reload, node);
	bool started = node_start(node, &err);
	if (started) {
		loop_run(node->loop);
	} else {
		fprintf(stderr, "magpie node: %s\n", err.text);
	}
	spawner_destroy(node->spawner);
	node_push_destroy(node->push);
	resolver_destroy(node->resolver);
	node_server_destroy(node->server);
	loop_destroy(node->loop);
	return started ? COMMAND_DONE : COMMAND_FAILED;
}

int cmd_node(int argc, char **argv)
{
	struct node node = {.plugins = "/etc/munin/plugins",
		.conf_directory = "/etc/munin/plugin-conf.d",
		.state = "/var/lib/munin-node/plugin-state"};
	const struct option_row rows[] = {
		{"config", "FILE", "a munin-node.conf to follow (default: none)", &node.config, NULL},
		{"listen", "ADDR:PORT",
			"where to answer (default: port 4949, of this machine only unless --allow\n"
			"                           or --config let others ask)",
			&node.listen, NULL},
		{"allow", "NETWORK,…", "who may ask besides what the file says (default: this machine)",
			&node.allow, NULL},
		{"name", "HOST", "what the node calls itself (default: this host's name)", &node.name,
			NULL},
		{"tls", "MODE", "disabled, auto, enabled or paranoid (default: auto)", &node.tls, NULL},
		{"plugins", "DIR", "external plugins (default: /etc/munin/plugins)", &node.plugins, NULL},
		{"plugin-conf", "DIR", "how they are run (default: /etc/munin/plugin-conf.d)",
			&node.conf_directory, NULL},
		{"state", "DIR", "where plugins keep state (default: /var/lib/munin-node/plugin-state)",
			&node.state, NULL},
		{"connect", "HOST:PORT", "connect out to a Magpie server and be asked over that connection",
			&node.connect, NULL},
		{"token-file", "FILE", "holds the secret that proves who we are to it", &node.token_file,
			NULL},
		{"ca", "FILE", "authorities that vouch for it (default: the system's)", &node.ca, NULL},
		{"no-builtin", NULL, "external plugins only", NULL, &node.no_builtin},
		{"verbose", NULL, "log more", NULL, &node.verbose},
	};
	const struct options options = {.command = "node",
		.operands = "",
		.about =
			"Answers as a munin-node does, in the foreground: built-in plugins without starting "
			"a\nprocess, external ones in parallel. Logs to stderr. SIGHUP reads the "
			"configuration\nagain; SIGTERM ends.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (node.verbose) {
		log_least(LOG_DEBUG_);
	}
	return node_run(&node);
}
