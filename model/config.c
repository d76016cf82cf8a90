/*
 * magpie.conf into a struct: the table of all settings, what each has to be, and what has to hold
 * between them. The reference in docs/configuration.md is made from the same rows.
 */
#include "model/config.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/block.h"
#include "base/diag.h"
#include "base/schema.h"
#include "base/text.h"
#include "model/config_check.h"
#include "model/config_rows.h"
#include "model/hostname.h"
#include "model/ident.h"

#include "base/banned.h"

enum { ACTION_ARGUMENTS_MAX = 9 };

/* -- what has to hold between settings -- */

const char *const config_channel_facts[] = {"rule", "host", "group", "service", "title", "category",
	"field", "level", "value", "threshold", "summary", "info", "link", "runbook", "kind", NULL};

/* "${NAME}" in an argument; false: there is no such fact, `*name` (g_malloc) says which. */
static bool check_facts(const char *text, char **name)
{
	for (const char *at = text; (at = strstr(at, "${")); at++) {
		const char *end = strchr(at, '}');
		g_autofree char *found = end ? g_strndup(at + 2, (size_t)(end - at - 2)) : NULL;
		if (!found || !g_strv_contains(config_channel_facts, found)) {
			*name = text_clean(at, strlen(at), 60);
			return false;
		}
	}
	return true;
}

static void check_channel_command(const struct schema_context *context,
	const struct block_statement *statement, const GPtrArray *command)
{
	if (!command || !command->len || ((const char *)command->pdata[0])[0] != '/') {
		schema_complain(
			context, statement, "E102", "the first text is the program's absolute path (\"/...\")");
	}
	for (guint i = 0; command && i < command->len; i++) {
		g_autofree char *name = NULL;
		if (i == 0 ? strchr(command->pdata[0], '$') != NULL
				   : !check_facts(command->pdata[i], &name)) {
			g_autofree char *all = g_strjoinv(", ", (char **)config_channel_facts);
			struct diag *d = schema_complain(context, statement, "E102",
				i == 0 ? "no \"$\" may stand in the path of a program" : "there is no fact %s",
				name ? name : "");
			diag_note(d, "there are: %s", all);
		}
	}
}

static void check_channel(const struct schema_context *context, void *target)
{
	/* the words of the table, as levels */
	static const uint32_t levels[] = {1, 2, 3, 2, 3};
	struct config_channel *channel = target;
	const struct block_statement *email = schema_find(context->block, "email");
	const struct block_statement *webhook = schema_find(context->block, "webhook");
	channel->least = levels[channel->least];
	const struct block_statement *command = schema_find(context->block, "command");
	channel->kind = command   ? CONFIG_CHANNEL_COMMAND
					: webhook ? CONFIG_CHANNEL_WEBHOOK
							  : CONFIG_CHANNEL_EMAIL;
	if (!!email + !!webhook + !!command != 1) {
		schema_complain(context, email && webhook ? webhook : command, "E102",
			"a channel is either \"email\", \"webhook\" or \"command\": exactly one of them");
	} else if (command) {
		check_channel_command(context, command, channel->command);
	}
	if (!command && schema_find(context->block, "timeout")) {
		schema_complain(context, schema_find(context->block, "timeout"), "E106",
			"\"timeout\" belongs to a command");
	}
	if (!webhook && channel->secret_file) {
		schema_complain(context, schema_find(context->block, "secret_file"), "E106",
			"\"secret_file\" belongs to a webhook");
	}
}

/* What is said to it cannot be overheard. */
static bool smtp_is_private(const char *server)
{
	static const char *const schemes[] = {"smtp", "smtps", NULL};
	struct address_url url;
	return address_parse_url(server, schemes, &url, NULL) &&
		   (strcmp(url.scheme, "smtps") == 0 ||
			   address_class_of_host(url.host) == ADDRESS_LOOPBACK);
}

static void check_smtp(const struct schema_context *context, void *target)
{
	struct config_smtp *smtp = target;
	if (!smtp->server) {
		schema_complain(context, NULL, "E102", "\"server\" is missing in this block");
	}
	if (!smtp->user != !smtp->password_file) {
		schema_complain(context, schema_find(context->block, smtp->user ? "user" : "password_file"),
			"E102", "\"user\" and \"password_file\" only make sense together");
	}
	if (smtp->user && smtp->tls == CONFIG_TLS_NONE && smtp->server &&
		!smtp_is_private(smtp->server)) {
		schema_complain(context, schema_find(context->block, "tls"), "E106",
			"a password is not sent over the network without TLS");
	}
}

/* "$3" is 3, any other text 0 */
static unsigned action_placeholder(const char *text)
{
	return text[0] == '$' && text[1] >= '1' && text[1] <= '9' && !text[2] ? (unsigned)text[1] - '0'
																		  : 0;
}

static void check_action(const struct schema_context *context, void *target)
{
	struct config_action *action = target;
	const struct block_statement *command = schema_find(context->block, "command");
	unsigned declared = action->arguments ? action->arguments->len : 0;
	unsigned used = 0;
	if (!command) {
		schema_complain(context, NULL, "E102", "\"command\" is missing in this block");
		return;
	}
	if (!config_check_path(g_ptr_array_index(action->command, 0), NULL)) {
		schema_complain(
			context, command, "E102", "a command begins with the absolute path of a program");
	}
	for (unsigned i = 1; i < action->command->len; i++) {
		unsigned number = action_placeholder(g_ptr_array_index(action->command, i));
		used |= number ? 1U << number : 0;
		if (number > declared) {
			schema_complain(context, command, "E209",
				"\"$%u\" has no pattern: \"argument\" has to give one for each", number);
		}
	}
	for (unsigned i = 1; i <= declared; i++) {
		if (declared <= ACTION_ARGUMENTS_MAX && !(used & 1U << i)) {
			schema_complain(context, schema_find(context->block, "argument"), "E209",
				"\"$%u\" does not stand in the command", i);
		}
	}
	if (declared > ACTION_ARGUMENTS_MAX) {
		schema_complain(context, schema_find(context->block, "argument"), "E102",
			"at most %d arguments are possible", ACTION_ARGUMENTS_MAX);
	}
}

static void check_mail_channels(const struct schema_context *context, const struct config *config)
{
	for (size_t i = 0; !config->smtp.server && i < context->block->statements->len; i++) {
		const struct block_statement *s = g_ptr_array_index(context->block->statements, i);
		if (strcmp(s->name, "channel") != 0 || !s->body || !schema_find(s->body, "email")) {
			continue;
		}
		struct diag *d = schema_complain(
			context, s, "E102", "this channel sends mail, but no mail server is set");
		diag_note(d, "add a block such as: smtp { server \"smtp://mail.example.org:25\" }");
	}
}

static void check_notify(const struct schema_context *context, const struct config *config)
{
	const struct block_statement *s = schema_find(context->block, "notify");
	size_t count = config->channels->len;
	g_autofree const char **names = g_new0(const char *, count + 1);
	for (size_t i = 0; i < count; i++) {
		names[i] = ((const struct config_channel *)g_ptr_array_index(config->channels, i))->name;
	}
	for (size_t i = 0; s && i < s->values->len; i++) {
		const struct block_value *value = block_value(s, i);
		if (config_channel(config, value->text)) {
			continue;
		}
		g_autofree char *clean = text_clean(value->text, strlen(value->text), 64);
		struct diag *d = diag_add(context->diags, context->source, value->token.place, DIAG_ERROR,
			"E205", "there is no channel \"%s\"", clean);
		const char *nearest = text_nearest(value->text, names, count);
		if (nearest) {
			diag_suggest(d, value->token.place, nearest);
		}
	}
}

static void check_config(const struct schema_context *context, void *target)
{
	check_mail_channels(context, target);
	check_notify(context, target);
	config_hosts_check(context, target);
}

/* -- the tables -- */

static void *add_channel(void *target, const char *name)
{
	struct config_channel *channel = g_new0(struct config_channel, 1);
	channel->name = g_strdup(name);
	g_ptr_array_add(((struct config *)target)->channels, channel);
	return channel;
}

static void *add_action(void *target, const char *name)
{
	struct config_action *action = g_new0(struct config_action, 1);
	action->name = g_strdup(name);
	g_ptr_array_add(((struct config *)target)->actions, action);
	return action;
}

static const char *const tls_words[] = {"required", "optional", "none", NULL};
static const char *const level_words[] = {"notice", "warning", "critical", "warn", "crit", NULL};

#define AT(type, member) .offset = offsetof(struct type, member)

static const struct schema_row smtp_rows[] = {
	{"server", SCHEMA_TEXT, AT(config_smtp, server), .check = config_check_smtp_url,
		.fallback_help = "required",
		.help = "`smtp://HOST:PORT`, or `smtps://HOST:PORT` for TLS from the first byte"},
	{"from", SCHEMA_TEXT, AT(config_smtp, from), .check = address_check_mail,
		.fallback_help = "`magpie@` and this host's name", .help = "the sender's address"},
	{"tls", SCHEMA_WORD, AT(config_smtp, tls), .words = tls_words, .fallback = "required",
		.help = "`required`: nothing is sent where the server offers no STARTTLS; `optional`: in "
				"clear text then; `none`: always in clear text"},
	{"user", SCHEMA_TEXT, AT(config_smtp, user), .check = config_check_no_control,
		.fallback_help = "no login", .help = "name to log in with"},
	{"password_file", SCHEMA_TEXT, AT(config_smtp, password_file), .check = config_check_path,
		.help = "file that holds the password, readable by nobody else (0600)"},
};
static const struct schema smtp_schema = {
	"How mail is sent.", smtp_rows, ARRAY_LENGTH(smtp_rows), check_smtp};

static const struct schema_row channel_rows[] = {
	{"email", SCHEMA_TEXT, AT(config_channel, address), .check = address_check_mail,
		.help = "the address that gets a mail"},
	{"webhook", SCHEMA_TEXT, AT(config_channel, address), .check = config_check_http_url,
		.help = "the URL that gets a POST with the body of an Alertmanager webhook, version 4"},
	{"secret_file", SCHEMA_TEXT, AT(config_channel, secret_file), .check = config_check_path,
		.fallback_help = "not signed",
		.help =
			"file with the key (0600); the header `X-Magpie-Signature: sha256=…` then holds the "
			"HMAC-SHA-256 of the body"},
	{"command", SCHEMA_TEXTS, AT(config_channel, command), .check = config_check_no_control,
		.help = "the program's absolute path and its arguments, each a text of its own; no shell. "
				"It gets the message on its standard input; `${rule}`, `${host}` and other facts "
				"stand in arguments. Exit code 0: told; 75: try again; others: never"},
	{"timeout", SCHEMA_DURATION, AT(config_channel, timeout_s), .least = 1, .most = 50,
		.fallback = "30s", .help = "of a command; then it is ended and tried again"},
	{"at", SCHEMA_WORD, AT(config_channel, least), .words = level_words, .fallback = "warning",
		.help = "the least level that is told here"},
};
static const struct schema channel_schema = {
	"Somewhere a message can go: a mail address, a URL, or a program. A program has to belong to "
	"root and be writable by root alone.",
	channel_rows, ARRAY_LENGTH(channel_rows), check_channel};

static const struct schema_row action_rows[] = {
	{"command", SCHEMA_TEXTS, AT(config_action, command), .check = config_check_no_control,
		.fallback_help = "required",
		.help =
			"the program's absolute path and its arguments, each a text of its own; no shell. `$1` "
			"to `$9` stand for arguments given at run time"},
	{"argument", SCHEMA_TEXTS, AT(config_action, arguments), .check = config_check_pattern,
		.fallback_help = "none",
		.help =
			"for `$1`, `$2` …: an extended regular expression each, which all of the argument has "
			"to match"},
	{"timeout", SCHEMA_DURATION, AT(config_action, timeout_s), .least = 1, .most = 3600,
		.fallback = "30s", .help = "then it gets TERM, and 10 s later KILL"},
};
static const struct schema action_schema = {"Something Magpie may execute. The program has to "
											"belong to root and be writable by root alone.",
	action_rows, ARRAY_LENGTH(action_rows), check_action};

static const struct schema_row main_rows[] = {
	{"listen", SCHEMA_TEXT, AT(config, listen), .check = config_check_endpoint,
		.fallback = "127.0.0.1:8080", .help = "address and port of the web server"},
	{"base_url", SCHEMA_TEXT, AT(config, base_url), .check = config_check_base_url,
		.fallback_help = "made from `listen`",
		.help = "Magpie's address for people, for links in messages"},
	{"host", SCHEMA_TEXT, AT(config, host_name), .check = config_check_host,
		.fallback_help = "the machine's own name", .help = "what this machine is called"},
	{"group", SCHEMA_TEXT, AT(config, host_group), .check = config_check_group,
		.fallback_help = "the name behind its first dot, else the name",
		.help = "group of this machine, names parted by `/`"},
	{"interval", SCHEMA_DURATION, AT(config, interval_s), .least = 1, .most = 300,
		.fallback = "10s", .help = "time between two samples of this machine"},
	{"discover", SCHEMA_FLAG, AT(config, discover), .fallback = "yes",
		.help = "whether services found running on this machine are probed"},
	{"host", SCHEMA_BLOCK, .body = &config_host_schema, .add = config_hosts_add_host,
		.check = config_check_host, .help = "a host that is watched, and how"},
	{"group", SCHEMA_BLOCK, .body = &config_group_schema, .add = config_hosts_add_group,
		.check = config_check_group,
		.help = "what holds for the hosts of a group and of those below it"},
	{"push", SCHEMA_BLOCK, AT(config, push), .body = &config_push_schema,
		.fallback_help = "no node can connect to us",
		.help = "where nodes that cannot be reached connect to"},
	{"archive", SCHEMA_BLOCK, AT(config, archive), .body = &config_archive_schema,
		.fallback_help = "`rrd` in the data directory", .help = "where the archive is kept"},
	{"layout", SCHEMA_TEXT, AT(config, layout), .check = layout_check,
		.fallback_help = "what the plugin wishes (`graph_data_size`), else `default`",
		.help = "archives of new RRD files: `default` long and fine, `compact` small, `normal` and "
				"`huge` as Munin's, or Munin's own notation: `custom 1d, 5m for 1y`"},
	{"rules", SCHEMA_TEXT, AT(config, rules_dir), .check = config_check_no_control,
		.fallback_help = "`rules.d` beside this file",
		.help = "directory whose `*.magpie` files hold the rules"},
	{"insecure_http", SCHEMA_FLAG, AT(config, insecure_http), .fallback = "no",
		.help = "serve the pages without TLS beyond this machine's own addresses; only behind a "
				"proxy or in a "
				"network of your own"},
	{"default_rules", SCHEMA_FLAG, AT(config, default_rules), .fallback = "yes",
		.help = "whether the rules that come with Magpie are active"},
	{"smtp", SCHEMA_BLOCK, AT(config, smtp), .body = &smtp_schema,
		.fallback_help = "no mail is sent", .help = "how mail is sent"},
	{"channel", SCHEMA_BLOCK, .body = &channel_schema, .add = add_channel,
		.help = "somewhere a message can go"},
	{"notify", SCHEMA_TEXTS, AT(config, notify), .fallback_help = "all channels",
		.help = "the channels that are told where a rule names nobody"},
	{"action", SCHEMA_BLOCK, .body = &action_schema, .add = add_action,
		.help = "something Magpie may execute"},
};
static const struct schema main_schema = {
	"All settings of `magpie.conf`. Without any, each has its default.", main_rows,
	ARRAY_LENGTH(main_rows), check_config};

/* -- the whole -- */

static void destroy_channel(void *p)
{
	struct config_channel *channel = p;
	g_free(channel->name);
	g_free(channel->address);
	g_free(channel->secret_file);
	if (channel->command) {
		g_ptr_array_free(channel->command, TRUE);
	}
	g_free(channel);
}

static void destroy_action(void *p)
{
	struct config_action *action = p;
	g_free(action->name);
	if (action->command) {
		g_ptr_array_free(action->command, TRUE);
	}
	if (action->arguments) {
		g_ptr_array_free(action->arguments, TRUE);
	}
	g_free(action);
}

static struct config *config_create(void)
{
	struct config *config = g_new0(struct config, 1);
	config->channels = g_ptr_array_new_with_free_func(destroy_channel);
	config->actions = g_ptr_array_new_with_free_func(destroy_action);
	config->notify = g_ptr_array_new_with_free_func(g_free);
	config_hosts_init(config);
	schema_defaults(&main_schema, config);
	return config;
}

struct config *config_read(const struct bundle *bundle, struct error *err)
{
	AUTO(diag_list) diags = diag_list_create();
	struct config *config = config_parse(bundle, diags);
	if (!config) {
		error_set(err, ERR_CONFIG, "the configuration has %zu errors", diag_errors(diags));
	}
	return config;
}

void config_destroy(struct config *config)
{
	if (!config) {
		return;
	}
	g_ptr_array_free(config->channels, TRUE);
	g_ptr_array_free(config->actions, TRUE);
	g_ptr_array_free(config->notify, TRUE);
	config_hosts_finish(config);
	config_archive_finish(&config->archive);
	char *const texts[] = {config->listen, config->base_url, config->host_name, config->host_group,
		config->layout, config->rules_dir, config->smtp.server, config->smtp.from,
		config->smtp.user, config->smtp.password_file};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	g_free(config);
}

static char *url_of_listen(const struct config *config)
{
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port;
	if (address_parse_endpoint(config->listen, host, &port, NULL) &&
		(strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)) {
		return g_strdup_printf("http://%s:%u", config->host_name, (unsigned)port);
	}
	return g_strconcat("http://", config->listen, NULL);
}

/* Defaults that follow from other settings or from the machine. */
static void config_complete(struct config *config)
{
	if (!config->host_name) {
		char name[IDENT_HOST_MAX + 1];
		hostname_find(name);
		config->host_name = g_strdup(name);
	}
	if (!config->host_group) {
		const char *dot = strchr(config->host_name, '.');
		bool domain = dot && ident_is_group(dot + 1);
		config->host_group = g_strdup(domain ? dot + 1 : config->host_name);
	}
	if (!config->base_url) {
		config->base_url = url_of_listen(config);
	}
	while (g_str_has_suffix(config->base_url, "/")) {
		config->base_url[strlen(config->base_url) - 1] = '\0';
	}
	if (!config->smtp.from) {
		config->smtp.from = g_strconcat("magpie@", config->host_name, NULL);
	}
	config_hosts_complete(config);
	bool all = config->notify->len == 0;
	for (size_t i = 0; all && i < config->channels->len; i++) {
		const struct config_channel *channel = g_ptr_array_index(config->channels, i);
		g_ptr_array_add(config->notify, g_strdup(channel->name));
	}
}

static void config_take_bound(struct config *config, const struct bundle *bundle)
{
	const struct bundle_file *bound = bundle_find(bundle, CONFIG_BOUND_FILE);
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port;
	if (bound && address_parse_endpoint(bound->text, host, &port, NULL)) {
		g_free(config->listen);
		config->listen = g_strdup(bound->text);
	}
}

struct config *config_parse(const struct bundle *bundle, struct diag_list *diags)
{
	AUTO(config) config = config_create();
	const struct bundle_file *file = bundle_find(bundle, CONFIG_MAIN_FILE);
	if (file) {
		struct diag_source source = {file->name, file->text, file->length};
		size_t before = diag_mark(diags);
		AUTO(block) block = block_parse(&source, diags);
		schema_read(&main_schema, block, config, &source, diags);
		if (diag_mark(diags) != before) {
			return NULL;
		}
	}
	config_take_bound(config, bundle);
	config_complete(config);
	return STEAL(config);
}

const struct config_channel *config_channel(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->channels->len; i++) {
		const struct config_channel *channel = g_ptr_array_index(config->channels, i);
		if (strcmp(channel->name, name) == 0) {
			return channel;
		}
	}
	return NULL;
}

const struct config_action *config_action(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->actions->len; i++) {
		const struct config_action *action = g_ptr_array_index(config->actions, i);
		if (strcmp(action->name, name) == 0) {
			return action;
		}
	}
	return NULL;
}

void config_append_reference(GString *out)
{
	schema_append_markdown(&main_schema, out);
}
