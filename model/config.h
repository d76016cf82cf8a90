#pragma once
#include "base/auto.h"
#include "base/bundle.h"
#include "base/error.h"
#include "model/config_archive.h"
#include "model/config_hosts.h"

#include <stdint.h>

#include <glib.h>

/*
 * magpie.conf as one immutable snapshot. It names who is watched, who is told, and how; rule files
 * only refer to those names. Every role builds its own from the same bundle, by the same parser,
 * and takes from it what it needs. Texts belong to the config.
 */
struct diag_list;

enum config_channel_kind { CONFIG_CHANNEL_EMAIL, CONFIG_CHANNEL_WEBHOOK, CONFIG_CHANNEL_COMMAND };

/*
 * Somewhere a message can go: `channel NAME { email "ADDRESS" }`, `{ webhook "URL" }` or
 * `{ command "/path" "text" … }`. "${NAME}" in an argument stands for a fact of the message.
 */
struct config_channel {
	char *name;
	enum config_channel_kind kind;
	char *address;      /* mail address or URL, checked when read */
	char *secret_file;  /* webhook: key of the HMAC-SHA-256 signature; NULL: not signed */
	GPtrArray *command; /* char *: the program's absolute path and its arguments; NULL: none */
	uint32_t timeout_s; /* of a command */
	uint32_t least;     /* told from this level on: 1 notice, 2 warning, 3 critical (default 2) */
};

/* Names that may stand in "${…}" of a channel's command, NULL-terminated. */
extern const char *const config_channel_facts[];

/*
 * Something the runner may execute: `action NAME { command "/path" "text" … }`. An element "$1" to
 * "$9" of the vector stands for that argument as a whole.
 */
struct config_action {
	char *name;
	GPtrArray *command;   /* char *: the program's absolute path and its arguments */
	GPtrArray *arguments; /* char *: for each argument an extended regular expression that all of it
							 has to match; NULL: there are none */
	uint32_t timeout_s;
};

enum config_tls { CONFIG_TLS_REQUIRED, CONFIG_TLS_OPTIONAL, CONFIG_TLS_NONE };

/* `smtp { server "smtp://HOST:PORT" from "ADDRESS" tls required|none user … password_file … }` */
struct config_smtp {
	char *server; /* NULL: no mail can be sent */
	char *from;
	char *user;          /* NULL: no login */
	char *password_file; /* NULL: none */
	uint32_t tls;        /* enum config_tls */
};

struct config {
	char *listen;        /* "127.0.0.1:8080" */
	char *base_url;      /* for links in messages, without "/" at the end; made from `listen` if not
							given */
	char *host_name;     /* what this machine is called; default: its own name */
	char *host_group;    /* default as Munin: the text behind the first dot, else the name */
	uint32_t interval_s; /* of the built-in plugins, 1 to 300; default 10 */
	char *layout;        /* of new RRD files (model/layout.h), as written; NULL: nothing was said */
	struct retention *retention; /* all that is said of layouts, of groups and hosts too */
	char *rules_dir;    /* as written; NULL: beside magpie.conf. Rule files travel in the bundle as
						   well */
	bool insecure_http; /* whether plain HTTP may be served beyond this machine; default no */
	bool default_rules; /* whether the rules that come with Magpie are loaded; default yes */
	struct config_smtp smtp;
	GPtrArray *channels; /* struct config_channel * */
	GPtrArray *notify;  /* char *: channels told where a rule names nobody; default: all channels */
	GPtrArray *actions; /* struct config_action * */
	GPtrArray *hosts;   /* struct config_host *: this machine first, then as in the file */
	struct config_push push;
	struct config_archive archive;
	bool discover; /* whether services found on this machine are probed; default yes */
	struct config_reading *reading; /* model/config_hosts.c's, while it is read; then NULL */
};

/* Name of the bundle's file that is magpie.conf; all others ending in ".magpie" are rule files. */
#define CONFIG_MAIN_FILE "magpie.conf"

/*
 * Name of the bundle's file that `magpie serve` adds for its roles: the address that is really
 * listened on, "ADDR:PORT". It stands in for `listen`, so that links lead where the pages are, also
 * with --listen or port 0. What is no address is ignored.
 */
#define CONFIG_BOUND_FILE "listen"

/*
 * Parses the bundle's magpie.conf (missing: all defaults). All complaints go to `diags`; NULL if
 * one of them is an error.
 */
MUST_USE struct config *config_parse(const struct bundle *bundle, struct diag_list *diags);
/* The same for roles, whose bundle was judged before: NULL (CONFIG) only says how many errors there
 * are. */
MUST_USE struct config *config_read(const struct bundle *bundle, struct error *err);
void config_destroy(struct config *config);
DEFINE_AUTO(config)

/* NULL: there is none of that name. */
const struct config_channel *config_channel(const struct config *config, const char *name);
const struct config_action *config_action(const struct config *config, const char *name);

/* Appends the reference of all settings as Markdown, from the same rows as the parser. */
void config_append_reference(GString *out);
