#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * What can be said of each kind of source in magpie.conf, read and checked. Paths and texts that
 * were not given are NULL. All of it belongs to the config.
 */
enum config_node_tls {
	CONFIG_NODE_TLS_INHERIT,
	CONFIG_NODE_TLS_DISABLED,
	CONFIG_NODE_TLS_AUTO,
	CONFIG_NODE_TLS_ENABLED,
	CONFIG_NODE_TLS_PARANOID
};

/* Who we are and whom we trust, of a source that can speak TLS; paths, NULL: not set. */
struct config_identity {
	char *ca, *certificate, *key;
};

/* A munin-node. */
struct config_node {
	char *address; /* "HOST", "HOST:PORT", "[V6]:PORT", "unix:///PATH", "ssh://USER@HOST/PROGRAM …",
					  "cmd:///PROGRAM ARGUMENT …"; NULL for PUSH */
	char *node_name; /* host to ask the node for (virtual hosts); NULL: what it calls itself */
	uint32_t tls;    /* enum config_node_tls, never INHERIT once read */
	bool verify;     /* the node's certificate has to be good (paranoid: always) */
	struct config_identity identity;
	GPtrArray *ignore; /* char *: globs of plugins that are not asked; NULL: none */
	char *token_file;  /* PUSH: holds the secret by which the node is known */
};

/* A service that speaks a protocol of its own. */
struct config_service {
	char *kind;    /* "mysql" …: a row of collector/services/services.def */
	char *address; /* "HOST", "HOST:PORT", "unix:///PATH"; NULL: the host's address */
	uint32_t port; /* 0: the address's, else the kind's own */
	char *user;
	char *password_file;
	char *path;   /* kind's own: URL path of the status page, virtual host, database */
	char *vhost;  /* HTTP: the Host header; RabbitMQ: the virtual host */
	char *status; /* kind's own: a second address (RabbitMQ's and HAProxy's HTTP, PHP-FPM's status
					 path) */
	bool tls;
	bool verify;
	bool write;   /* whether the write canary may write (default yes) */
	bool metrics; /* whether graphs beside the probe are made (default yes) */
	struct config_identity identity;
	bool found; /* not configured but found running here */
};

enum config_check_kind {
	CONFIG_CHECK_HTTP,
	CONFIG_CHECK_TCP,
	CONFIG_CHECK_TLS,
	CONFIG_CHECK_DNS,
	CONFIG_CHECK_PING,
	CONFIG_CHECK_NAGIOS
};

struct config_check {
	uint32_t kind;      /* enum config_check_kind: which of the keywords is there */
	char *target;       /* http: URL; tcp, tls: "HOST:PORT"; dns: the name asked for; ping: HOST */
	GPtrArray *command; /* nagios: char *, absolute path and arguments; `$HOST` and `$ADDRESS` are
						   replaced */
	GPtrArray *status;  /* http: char *, "200", "2xx", "200-399"; NULL: 200 to 399 */
	char *match;  /* http, tcp: extended regular expression to be found in the body or answer; NULL:
					 none */
	char *absent; /* http: one that must not be found */
	GPtrArray *headers; /* http: char *, "Name: value"; NULL: none */
	char *method;       /* http: default GET */
	char *body;         /* http */
	uint32_t redirects; /* http: how many are followed, 0 to 5 */
	char *send;         /* tcp */
	uint32_t starttls;  /* tcp, tls: index into config_starttls_words, 0 none */
	char *server;       /* dns: "ADDRESS[:PORT]"; NULL: the system's first */
	char *record;       /* dns: A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT; default A */
	GPtrArray
		*expect; /* dns: char *, values of which one at least has to be in the answer; NULL: any */
	char *peer;  /* tls: name that has to be in the certificate; default the host of target */
	bool verify; /* http, tls: the chain has to be good (default yes) */
	uint32_t warn_days, crit_days; /* http, tls: certificate ends within (default 21, 7) */
	uint32_t count;                /* ping: packets per round */
	struct config_identity identity;
	char *user; /* http basic login */
	char *password_file;
};
extern const char *const config_starttls_words[]; /* "none", "smtp", "imap", "pop3", "ftp", "xmpp",
													 "ldap", "postgres", "mysql" */

struct config_exporter {
	char *url;
	GPtrArray *select; /* char *: globs of metric names that are taken; NULL: all */
	GPtrArray *drop;   /* char *: globs of those left out; NULL: none */
	GPtrArray *labels; /* char *: labels that become part of the field name; NULL: all */
	GPtrArray *map;    /* char *, "METRIC SERVICE FIELD" triples as
						  "metric{label=value}=service:field"; NULL: none */
	char *token_file;  /* bearer token */
	char *user;
	char *password_file;
	bool verify;
	struct config_identity identity;
};

/* A Munin plugin that the runner runs on this machine. */
struct config_plugin {
	GPtrArray *command;     /* char *: absolute path and arguments */
	GPtrArray *environment; /* char *: "NAME=value"; NULL: none */
	char *user;             /* run as; NULL: as the runner */
};
