/*
 * The sources a host block may hold: services, checks, exporters, plugins. One table of settings
 * each; which of a check's settings belong to which keyword stands in a table too.
 */
#include <stddef.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "model/config_check.h"
#include "model/config_rows.h"

#include "base/banned.h"

#define AT(member) .offset = offsetof(struct config_source, member)

/* Kinds of services, and other names people call them by. */
static const struct {
	const char *word, *kind;
} service_kinds[] = {
	{"nginx", "nginx"},
	{"apache", "apache"},
	{"haproxy", "haproxy"},
	{"elasticsearch", "elasticsearch"},
	{"varnish", "varnish"},
	{"php_fpm", "php_fpm"},
	{"mysql", "mysql"},
	{"redis", "redis"},
	{"rabbitmq", "rabbitmq"},
	{"memcached", "memcached"},
	{"postgresql", "postgresql"},
	{"mariadb", "mysql"},
	{"opensearch", "elasticsearch"},
	{"postgres", "postgresql"},
	{"php-fpm", "php_fpm"},
	{"apache2", "apache"},
};
static const char *const service_words[] = {"nginx", "apache", "haproxy", "elasticsearch",
	"varnish", "php_fpm", "mysql", "redis", "rabbitmq", "memcached", "postgresql", "mariadb",
	"opensearch", "postgres", "php-fpm", "apache2", NULL};

const char *const config_starttls_words[] = {
	"none", "smtp", "imap", "pop3", "ftp", "xmpp", "ldap", "postgres", "mysql", NULL};
static const char *const record_words[] = {
	"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", NULL};
static const char *const method_words[] = {"GET", "HEAD", "POST", "PUT", "OPTIONS", NULL};

/* -- texts -- */

/* "$HOST" and "$ADDRESS" stand for the host's own; for a check they are replaced by some. */
static bool check_with_names(
	const char *text, bool (*check)(const char *text, struct error *err), struct error *err)
{
	GString *filled = g_string_new(text);
	g_string_replace(filled, "$ADDRESS", "192.0.2.1", 0);
	g_string_replace(filled, "$HOST", "host.example", 0);
	bool good = check(filled->str, err);
	g_string_free(filled, TRUE);
	return good;
}

static bool check_url(const char *text, struct error *err)
{
	return check_with_names(text, config_check_http_url, err);
}

static bool check_endpoint(const char *text, struct error *err)
{
	return check_with_names(text, config_check_endpoint, err);
}

static bool is_address(const char *text, struct error *err)
{
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port;
	bool literal = strchr(text, ':') && strchr(strchr(text, ':') + 1, ':') && text[0] != '[';
	g_autofree char *with_port = g_strdup_printf(literal ? "[%s]:1" : "%s:1", text);
	if (g_str_has_prefix(text, "unix:///")) {
		return config_check_no_control(text, err);
	}
	return address_parse_endpoint(with_port, host, &port, NULL) ||
		   address_parse_endpoint(text, host, &port, NULL) ||
		   error_set(err, ERR_CONFIG,
			   "expected a name or an address, with or without a port (1 to 65535)");
}

bool config_check_address(const char *text, struct error *err)
{
	return check_with_names(text, is_address, err);
}

static bool check_url_path(const char *text, struct error *err)
{
	return config_check_no_control(text, err) &&
		   (!strchr(text, ' ') || error_set(err, ERR_CONFIG, "no blank may stand here"));
}

static bool check_header(const char *text, struct error *err)
{
	const char *colon = strchr(text, ':');
	return config_check_no_control(text, err) &&
		   ((colon && colon > text && !memchr(text, ' ', (size_t)(colon - text))) ||
			   error_set(err, ERR_CONFIG, "expected \"Name: value\""));
}

static bool check_status(const char *text, struct error *err)
{
	size_t length = strlen(text);
	bool good = length == 3 && text[0] >= '1' && text[0] <= '5' &&
				((g_ascii_isdigit(text[1]) && g_ascii_isdigit(text[2])) || !strcmp(text + 1, "xx"));
	bool range = length == 7 && text[3] == '-' && strspn(text, "0123456789") == 3 &&
				 strspn(text + 4, "0123456789") == 3;
	range = range && strncmp(text, text + 4, 3) <= 0;
	return good || range ||
		   error_set(err, ERR_CONFIG, "expected a status such as 200, 2xx or 200-399");
}

static bool check_environment(const char *text, struct error *err)
{
	const char *equals = strchr(text, '=');
	size_t name = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	return config_check_no_control(text, err) &&
		   ((equals && equals > text && name == (size_t)(equals - text)) ||
			   error_set(err, ERR_CONFIG, "expected \"NAME=value\""));
}

/* -- what all sources have -- */

#define COMMON(least_timeout)                                                                      \
	{"interval", SCHEMA_DURATION, AT(interval_s), .least = 1, .most = 86400,                       \
		.fallback_help = "the host's", .help = "time between two rounds"},                         \
	{                                                                                              \
		"timeout", SCHEMA_DURATION, AT(timeout_s),                                                 \
			.least = 1, .most = 3600, .fallback_help = least_timeout,                              \
			.help = "of a round; never longer than the interval"                                   \
	}

#define IDENTITY(member)                                                                           \
	{"ca", SCHEMA_TEXT, AT(member.ca), .check = config_check_path,                                 \
		.fallback_help = "the system's",                                                           \
		.help = "file with the authorities that are trusted (PEM)"},                               \
		{"certificate", SCHEMA_TEXT, AT(member.certificate), .check = config_check_path,           \
			.fallback_help = "none", .help = "our own certificate (PEM)"},                         \
	{                                                                                              \
		"key", SCHEMA_TEXT, AT(member.key), .check = config_check_path, .fallback_help = "none",   \
											.help = "its key (PEM, 0600)"                          \
	}

static void keep_text(const struct schema_context *context, struct config_source *source)
{
	g_free(source->fingerprint);
	source->fingerprint = config_block_text(context->block);
}

/* A certificate is warned of before it is critical; 0: no warning is wanted. */
static void check_days(const struct schema_context *context, const struct config_check *check)
{
	if (check->warn_days && check->crit_days > check->warn_days) {
		schema_complain(context, schema_find(context->block, "crit_days"), "E106",
			"\"crit_days\" (%u) is more than \"warn_days\" (%u): it would never warn",
			check->crit_days, check->warn_days);
	}
}

static void check_identity(
	const struct schema_context *context, const struct config_identity *identity)
{
	if (!identity->certificate != !identity->key) {
		schema_complain(context, schema_find(context->block, identity->key ? "key" : "certificate"),
			"E102", "\"certificate\" and \"key\" only make sense together");
	}
}

static void check_login(const struct schema_context *context, const char *user, const char *file)
{
	if (user && !file) {
		return;
	}
	if (file && !user) {
		schema_complain(context, schema_find(context->block, "password_file"), "E102",
			"\"password_file\" needs a \"user\"");
	}
}

/* -- services -- */

static const char *service_kind(const char *word)
{
	for (size_t i = 0; i < ARRAY_LENGTH(service_kinds); i++) {
		if (!strcmp(service_kinds[i].word, word)) {
			return service_kinds[i].kind;
		}
	}
	return NULL;
}

static void check_service(const struct schema_context *context, void *target)
{
	struct config_source *source = target;
	struct config_service *service = &source->service;
	const char *kind = service_kind(service->kind ? service->kind : source->name);
	if (!kind) {
		const char *words[ARRAY_LENGTH(service_kinds)];
		for (size_t i = 0; i < ARRAY_LENGTH(service_kinds); i++) {
			words[i] = service_kinds[i].word;
		}
		const char *nearest = text_nearest(source->name, words, ARRAY_LENGTH(words));
		schema_complain(context, NULL, "E102",
			"\"kind\" is missing, and the name \"%s\" is no kind of service%s%s%s", source->name,
			nearest ? ": did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
		return;
	}
	g_free(service->kind);
	service->kind = g_strdup(kind);
	if (service->user && !service->password_file) {
		/* a login by the socket's owner, or without password */
	} else if (strcmp(kind, "redis") && strcmp(kind, "varnish")) {
		check_login(context, service->user, service->password_file);
	}
	check_identity(context, &service->identity);
	keep_text(context, source);
}

static const struct schema_row service_rows[] = {
	{"kind", SCHEMA_CHOICE, AT(service.kind), .words = service_words,
		.fallback_help = "the name of the block", .help = "what kind of service it is"},
	{"address", SCHEMA_TEXT, AT(service.address), .check = config_check_address,
		.fallback_help = "the host's address", .help = "`HOST`, `HOST:PORT` or `unix:///PATH`"},
	{"port", SCHEMA_COUNT, AT(service.port), .least = 1, .most = 65535,
		.fallback_help = "that of the kind", .help = "port of the service"},
	{"user", SCHEMA_TEXT, AT(service.user), .check = config_check_no_control,
		.fallback_help = "no login", .help = "name to log in with"},
	{"password_file", SCHEMA_TEXT, AT(service.password_file), .check = config_check_path,
		.help = "file that holds the password (0600)"},
	{"path", SCHEMA_TEXT, AT(service.path), .check = check_url_path,
		.fallback_help = "that of the kind",
		.help = "path of the page asked for, or name of the database"},
	{"vhost", SCHEMA_TEXT, AT(service.vhost), .check = check_url_path,
		.fallback_help = "the host's name, `/` for RabbitMQ",
		.help = "the Host header, or RabbitMQ's virtual host"},
	{"status", SCHEMA_TEXT, AT(service.status), .check = check_url_path,
		.fallback_help = "usual ones are tried",
		.help = "where the service tells of itself: path of its status page, address of its HTTP "
				"interface, or of its socket"},
	{"tls", SCHEMA_FLAG, AT(service.tls), .fallback = "no",
		.help = "whether it is spoken to by TLS"},
	{"verify", SCHEMA_FLAG, AT(service.verify), .fallback = "yes",
		.help = "whether its certificate has to be good"},
	IDENTITY(service.identity),
	{"write", SCHEMA_FLAG, AT(service.write), .fallback = "yes",
		.help = "whether writing is tried, every 5 minutes, where it can fail alone"},
	{"metrics", SCHEMA_FLAG, AT(service.metrics), .fallback = "yes",
		.help = "whether graphs of its inner numbers are made"},
	COMMON("5s"),
};
const struct schema config_service_schema = {"A service that is asked in its own protocol: whether "
											 "it runs and responds. The series are those "
											 "of `probe_NAME`, and graphs named as Munin's.",
	service_rows, ARRAY_LENGTH(service_rows), check_service};

/* -- checks -- */

enum {
	HTTP = 1U << CONFIG_CHECK_HTTP,
	TCP = 1U << CONFIG_CHECK_TCP,
	TLS = 1U << CONFIG_CHECK_TLS,
	DNS = 1U << CONFIG_CHECK_DNS,
	PING = 1U << CONFIG_CHECK_PING,
	NAGIOS = 1U << CONFIG_CHECK_NAGIOS,
};

static const struct {
	const char *setting;
	unsigned kinds;
	bool keyword; /* its presence says which kind it is */
} check_uses[] = {
	{"http", HTTP, true},
	{"tcp", TCP, true},
	{"tls", TLS, true},
	{"dns", DNS, true},
	{"ping", PING, true},
	{"nagios", NAGIOS, true},
	{"status", HTTP, false},
	{"match", HTTP | TCP, false},
	{"absent", HTTP, false},
	{"header", HTTP, false},
	{"method", HTTP, false},
	{"body", HTTP, false},
	{"redirects", HTTP, false},
	{"user", HTTP, false},
	{"password_file", HTTP, false},
	{"send", TCP, false},
	{"starttls", TCP | TLS, false},
	{"server", DNS, false},
	{"record", DNS, false},
	{"expect", DNS, false},
	{"peer", TLS, false},
	{"verify", HTTP | TLS | TCP, false},
	{"warn_days", HTTP | TLS, false},
	{"crit_days", HTTP | TLS, false},
	{"count", PING, false},
	{"ca", HTTP | TLS | TCP, false},
	{"certificate", HTTP | TLS | TCP, false},
	{"key", HTTP | TLS | TCP, false},
};

/* Which keyword the block has; CONFIG_CHECK_NAGIOS + 1: none or several, complained about. */
static uint32_t check_kind(const struct schema_context *context)
{
	uint32_t kind = CONFIG_CHECK_NAGIOS + 1;
	for (size_t i = 0; i < ARRAY_LENGTH(check_uses) && check_uses[i].keyword; i++) {
		const struct block_statement *s = schema_find(context->block, check_uses[i].setting);
		if (s && kind <= CONFIG_CHECK_NAGIOS) {
			schema_complain(context, s, "E102", "a check asks one thing: \"%s\" or \"%s\"",
				check_uses[kind].setting, check_uses[i].setting);
			return CONFIG_CHECK_NAGIOS + 1;
		}
		kind = s ? (uint32_t)i : kind;
	}
	if (kind > CONFIG_CHECK_NAGIOS) {
		schema_complain(
			context, NULL, "E102", "a check has one of these: http, tcp, tls, dns, ping, nagios");
	}
	return kind;
}

static void check_check(const struct schema_context *context, void *target)
{
	struct config_source *source = target;
	struct config_check *check = &source->check;
	check->kind = check_kind(context);
	if (check->kind > CONFIG_CHECK_NAGIOS) {
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(check_uses); i++) {
		const struct block_statement *s = schema_find(context->block, check_uses[i].setting);
		if (s && !(check_uses[i].kinds & 1U << check->kind)) {
			schema_complain(context, s, "E106", "\"%s\" says nothing about a check by \"%s\"",
				check_uses[i].setting, check_uses[check->kind].setting);
		}
	}
	if (check->kind == CONFIG_CHECK_NAGIOS &&
		!config_check_path(g_ptr_array_index(check->command, 0), NULL)) {
		schema_complain(context, schema_find(context->block, "nagios"), "E102",
			"a command begins with the absolute path of a program");
	}
	check_login(context, check->user, check->password_file);
	check_days(context, check);
	check_identity(context, &check->identity);
	keep_text(context, source);
}

static const struct schema_row check_rows[] = {
	{"http", SCHEMA_TEXT, AT(check.target), .check = check_url,
		.help = "URL that is fetched. Here and below `$HOST` and `$ADDRESS` stand for the host's"},
	{"tcp", SCHEMA_TEXT, AT(check.target), .check = check_endpoint,
		.help = "`HOST:PORT` that is connected to"},
	{"tls", SCHEMA_TEXT, AT(check.target), .check = check_endpoint,
		.help = "`HOST:PORT` whose certificates are looked at"},
	{"dns", SCHEMA_TEXT, AT(check.target), .check = check_url_path,
		.help = "name that is asked for"},
	{"ping", SCHEMA_TEXT, AT(check.target), .check = config_check_address,
		.help = "host that is sent ICMP echo requests"},
	{"nagios", SCHEMA_TEXTS, AT(check.command), .check = config_check_no_control,
		.help = "a Nagios plugin: absolute path and its arguments, each a text of its own"},
	{"status", SCHEMA_TEXTS, AT(check.status), .check = check_status, .fallback_help = "`200-399`",
		.help = "http: status codes that are good"},
	{"match", SCHEMA_TEXT, AT(check.match), .check = config_check_pattern,
		.help = "http, tcp: extended regular expression that has to be found in the answer"},
	{"absent", SCHEMA_TEXT, AT(check.absent), .check = config_check_pattern,
		.help = "http: one that must not be found"},
	{"header", SCHEMA_TEXTS, AT(check.headers), .check = check_header,
		.help = "http: `Name: value`, sent with the request"},
	{"method", SCHEMA_CHOICE, AT(check.method), .words = method_words, .fallback = "GET",
		.help = "http: the method"},
	{"body", SCHEMA_TEXT, AT(check.body), .help = "http: what is sent"},
	{"redirects", SCHEMA_COUNT, AT(check.redirects), .least = 0, .most = 5, .fallback = "5",
		.help = "http: how many redirects are followed"},
	{"user", SCHEMA_TEXT, AT(check.user), .check = config_check_no_control,
		.help = "http: name to log in with (Basic)"},
	{"password_file", SCHEMA_TEXT, AT(check.password_file), .check = config_check_path,
		.help = "http: file that holds the password (0600)"},
	{"send", SCHEMA_TEXT, AT(check.send),
		.help = "tcp: what is sent when connected; `\\r\\n` are known in it"},
	{"starttls", SCHEMA_WORD, AT(check.starttls), .words = config_starttls_words,
		.fallback = "none", .help = "tcp, tls: how TLS is begun in that protocol"},
	{"server", SCHEMA_TEXT, AT(check.server), .check = config_check_address,
		.fallback_help = "the system's", .help = "dns: the server that is asked"},
	{"record", SCHEMA_CHOICE, AT(check.record), .words = record_words, .fallback = "A",
		.help = "dns: the type of record"},
	{"expect", SCHEMA_TEXTS, AT(check.expect), .check = config_check_no_control,
		.fallback_help = "any", .help = "dns: values of which one has to be in the answer"},
	{"peer", SCHEMA_TEXT, AT(check.peer), .check = config_check_host,
		.fallback_help = "the host in `tls`",
		.help = "tls: name that has to be in the certificate"},
	{"verify", SCHEMA_FLAG, AT(check.verify), .fallback = "yes",
		.help = "http, tcp, tls: whether the certificates have to be good"},
	{"warn_days", SCHEMA_COUNT, AT(check.warn_days), .least = 0, .most = 3650, .fallback = "21",
		.help = "http, tls: a certificate that ends within is a warning"},
	{"crit_days", SCHEMA_COUNT, AT(check.crit_days), .least = 0, .most = 3650, .fallback = "7",
		.help = "http, tls: the same, critical"},
	{"count", SCHEMA_COUNT, AT(check.count), .least = 1, .most = 20, .fallback = "3",
		.help = "ping: requests of a round"},
	IDENTITY(check.identity),
	COMMON("10s"),
};
const struct schema config_check_schema = {
	"Something that is asked from here, by one of the first six settings. The series are those of "
	"`check_NAME`.",
	check_rows, ARRAY_LENGTH(check_rows), check_check};

/* -- exporters and plugins -- */

static void check_exporter(const struct schema_context *context, void *target)
{
	struct config_source *source = target;
	struct config_exporter *exporter = &source->exporter;
	if (!exporter->url) {
		schema_complain(context, NULL, "E102", "\"url\" is missing in this block");
	}
	if (exporter->token_file && exporter->user) {
		schema_complain(context, schema_find(context->block, "token_file"), "E106",
			"a login is either by token or by user and password");
	}
	check_login(context, exporter->user, exporter->password_file);
	check_identity(context, &exporter->identity);
	keep_text(context, source);
}

static const struct schema_row exporter_rows[] = {
	{"url", SCHEMA_TEXT, AT(exporter.url), .check = check_url, .fallback_help = "required",
		.help = "where the metrics are, such as `http://$ADDRESS:9100/metrics`"},
	{"select", SCHEMA_TEXTS, AT(exporter.select), .check = config_check_no_control,
		.fallback_help = "all", .help = "globs of the names of metrics that are taken"},
	{"drop", SCHEMA_TEXTS, AT(exporter.drop), .check = config_check_no_control,
		.fallback_help = "none", .help = "globs of those that are left out"},
	{"labels", SCHEMA_TEXTS, AT(exporter.labels), .check = config_check_no_control,
		.fallback_help = "all", .help = "labels whose values become part of a field's name"},
	{"map", SCHEMA_TEXTS, AT(exporter.map), .check = config_check_no_control,
		.help = "`metric{label=\"value\"}=service:field`: where a metric goes"},
	{"token_file", SCHEMA_TEXT, AT(exporter.token_file), .check = config_check_path,
		.help = "file that holds a bearer token (0600)"},
	{"user", SCHEMA_TEXT, AT(exporter.user), .check = config_check_no_control,
		.help = "name to log in with (Basic)"},
	{"password_file", SCHEMA_TEXT, AT(exporter.password_file), .check = config_check_path,
		.help = "file that holds the password (0600)"},
	{"verify", SCHEMA_FLAG, AT(exporter.verify), .fallback = "yes",
		.help = "whether its certificate has to be good"},
	IDENTITY(exporter.identity),
	COMMON("10s"),
};
const struct schema config_exporter_schema = {"An exporter of Prometheus or OpenMetrics text.",
	exporter_rows, ARRAY_LENGTH(exporter_rows), check_exporter};

static void check_plugin(const struct schema_context *context, void *target)
{
	struct config_source *source = target;
	if (!source->plugin.command) {
		schema_complain(context, NULL, "E102", "\"command\" is missing in this block");
	} else if (!config_check_path(g_ptr_array_index(source->plugin.command, 0), NULL)) {
		schema_complain(context, schema_find(context->block, "command"), "E102",
			"a command begins with the absolute path of a program");
	}
	keep_text(context, source);
}

static const struct schema_row plugin_rows[] = {
	{"command", SCHEMA_TEXTS, AT(plugin.command), .check = config_check_no_control,
		.fallback_help = "required",
		.help = "a Munin plugin: absolute path and its arguments, each a text of its own"},
	{"environment", SCHEMA_TEXTS, AT(plugin.environment), .check = check_environment,
		.fallback_help = "none", .help = "`NAME=value`, as `env.NAME` in plugin-conf.d"},
	{"user", SCHEMA_TEXT, AT(plugin.user), .check = config_check_no_control,
		.fallback_help = "Magpie's own", .help = "the user it is run as"},
	COMMON("30s"),
};
const struct schema config_plugin_schema = {
	"A Munin plugin that is run on this machine, for this host.", plugin_rows,
	ARRAY_LENGTH(plugin_rows), check_plugin};

/* -- life -- */

struct config_source *config_source_create(enum config_source_kind kind, const char *name)
{
	struct config_source *source = g_new0(struct config_source, 1);
	source->kind = kind;
	source->name = g_strdup(name);
	return source;
}

static void free_texts(GPtrArray *texts)
{
	if (texts) {
		g_ptr_array_free(texts, TRUE);
	}
}

static void identity_finish(struct config_identity *identity)
{
	g_free(identity->ca);
	g_free(identity->certificate);
	g_free(identity->key);
}

static void node_finish(struct config_node *node)
{
	g_free(node->address);
	g_free(node->node_name);
	g_free(node->token_file);
	identity_finish(&node->identity);
	free_texts(node->ignore);
}

static void service_finish(struct config_service *service)
{
	char *const texts[] = {service->kind, service->address, service->user, service->password_file,
		service->path, service->vhost, service->status};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	identity_finish(&service->identity);
}

static void check_finish(struct config_check *check)
{
	char *const texts[] = {check->target, check->match, check->absent, check->method, check->body,
		check->send, check->server, check->record, check->peer, check->user, check->password_file};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	free_texts(check->command);
	free_texts(check->status);
	free_texts(check->headers);
	free_texts(check->expect);
	identity_finish(&check->identity);
}

static void exporter_finish(struct config_exporter *exporter)
{
	g_free(exporter->url);
	g_free(exporter->token_file);
	g_free(exporter->user);
	g_free(exporter->password_file);
	free_texts(exporter->select);
	free_texts(exporter->drop);
	free_texts(exporter->labels);
	free_texts(exporter->map);
	identity_finish(&exporter->identity);
}

void config_source_destroy(void *data)
{
	struct config_source *source = data;
	switch (source->kind) {
	case CONFIG_SOURCE_NODE:
	case CONFIG_SOURCE_PUSH: node_finish(&source->node); break;
	case CONFIG_SOURCE_SERVICE: service_finish(&source->service); break;
	case CONFIG_SOURCE_CHECK: check_finish(&source->check); break;
	case CONFIG_SOURCE_EXPORTER: exporter_finish(&source->exporter); break;
	case CONFIG_SOURCE_PLUGIN:
		free_texts(source->plugin.command);
		free_texts(source->plugin.environment);
		g_free(source->plugin.user);
		break;
	default: break;
	}
	g_free(source->name);
	g_free(source->id);
	g_free(source->fingerprint);
	g_free(source);
}

/* -- fingerprints -- */

static void append_block(const struct block *block, GString *out)
{
	for (guint i = 0; i < block->statements->len; i++) {
		const struct block_statement *s = g_ptr_array_index(block->statements, i);
		g_string_append(out, s->name);
		for (guint v = 0; v < s->values->len; v++) {
			g_string_append_printf(out, "\x1f%s", block_value(s, v)->text);
		}
		g_string_append_c(out, '\n');
		if (s->body) {
			append_block(s->body, out);
			g_string_append(out, "}\n");
		}
	}
}

char *config_block_text(const struct block *block)
{
	GString *out = g_string_new(NULL);
	append_block(block, out);
	return g_string_free(out, FALSE);
}
