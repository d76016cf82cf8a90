#include "collector/services/mysql_state.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * MySQL and MariaDB: the greeting, always a login (a greeting that nobody answers counts to the
 * server's max_connect_errors and in the end locks our whole host out), then the questions of
 * mysql_questions.c.
 *
 * Life of a round: GREET -> [TLS] -> LOGIN (with as many turns as the method takes) -> ASK.
 *
 * Without a user in the settings the local server is asked as root over its Unix socket, which
 * MariaDB's packages allow to root; any other server would only count errors, so it is not even
 * connected to. The password itself is sent only where nobody can listen (TLS, Unix socket).
 */
static void mysql_start(struct probe *probe)
{
	struct mysql_state *s = probe->state;
	char host[256] = "";
	(void)gethostname(host, sizeof(host) - 1);
	char *who = g_strconcat(host, " ", probe->target->settings->id, NULL);
	const char *database = probe->settings->path ? probe->settings->path : "magpie";
	char **parts = g_strsplit(database, "`", -1);
	char *quoted = g_strjoinv("``", parts);
	s->canary_table = g_strdup_printf("`%s`.`magpie_canary_%08x`", quoted, g_str_hash(who));
	s->out = g_string_new(NULL);
	stats_init(&s->figures);
	g_strfreev(parts);
	g_free(quoted);
	g_free(who);
}

static void mysql_stop(struct probe *probe)
{
	struct mysql_state *s = probe->state;
	mysql_table_finish(&s->table);
	stats_finish(&s->figures);
	g_string_free(s->out, TRUE);
	g_free(s->canary_table);
}

static bool mysql_is_socket(const struct probe *probe)
{
	return probe_port(probe) == 0;
}

static void mysql_begin(struct probe *probe)
{
	struct mysql_state *s = probe->state;
	s->phase = MYSQL_GREET;
	s->turns = 0;
	mysql_table_finish(&s->table);
	if (!probe->settings->user && !mysql_is_socket(probe)) {
		probe_misconfigured(probe,
			"needs a `user` (and `password_file`): a server that is not logged in to locks us out");
	}
}

static void mysql_flush(struct probe *probe)
{
	struct mysql_state *s = probe->state;
	stream_send(probe->stream, s->out->str, s->out->len);
	explicit_bzero(s->out->str, s->out->len); /* there may be a password in it */
	g_string_truncate(s->out, 0);
}

static const char *mysql_password(const struct probe *probe)
{
	return probe->password ? probe->password : "";
}

/* What an error of the server means before anything was asked. */
static void mysql_refused(struct probe *probe, const struct mysql_error *error)
{
	static const struct {
		unsigned code;
		const char *meaning;
	} meanings[] = {
		{1040, "takes no more connections (max_connections is reached)"},
		{1203, "takes no more connections of this user (max_user_connections is reached)"},
		{1226, "takes no more connections of this user (its limit is reached)"},
		{1129, "blocks our host after too many broken connections (FLUSH HOSTS ends that)"},
		{1130, "takes no connections from our host"},
		{1045, "refuses user or password"},
		{1698, "refuses user or password"},
		{1862, "wants a new password, as this one has expired"},
		{4151, "refuses the user, as the account is locked"},
		{3118, "refuses the user, as the account is locked"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(meanings); i++) {
		if (meanings[i].code == error->code) {
			probe_fail(probe, "%s (error %u)", meanings[i].meaning, error->code);
			return;
		}
	}
	probe_fail(probe, "error %u: %.*s", error->code, (int)MIN(error->length, 120U), error->text);
}

static bool mysql_error(struct probe *probe, const struct mysql_packet *packet)
{
	const struct config_service *settings = probe->settings;
	struct mysql_error error;
	if (!mysql_error_parse(packet, &error)) {
		probe_fail(probe, "the answer is none of MySQL");
		return false;
	}
	if (settings->found && !settings->user && (error.code == 1698 || error.code == 1045)) {
		probe_succeed_but(
			probe, "alive, but root may not log in over the socket: configure a `user`");
		return false;
	}
	mysql_refused(probe, &error);
	return false;
}

/* -- login -- */

/* Whether that method's answer to a scramble can be given; `*length` bytes of it. */
static bool mysql_respond(struct probe *probe, const char *plugin, const uint8_t *scramble,
	uint8_t out[32], size_t *length)
{
	*length = 0;
	if (!strcmp(plugin, "mysql_native_password")) {
		*length = mysql_native_response(mysql_password(probe), scramble, out);
		return true;
	}
	if (!strcmp(plugin, "caching_sha2_password")) {
		*length = mysql_sha2_response(mysql_password(probe), scramble, out);
		return true;
	}
	return !strcmp(plugin, "unix_socket") || !strcmp(plugin, "auth_socket");
}

static void mysql_login(struct probe *probe, uint8_t sequence)
{
	struct mysql_state *s = probe->state;
	uint8_t response[32];
	const char *plugin = s->greeting.plugin;
	struct mysql_login login = {.user = probe->settings->user ? probe->settings->user : "root",
		.plugin = plugin,
		.response = response,
		.capabilities =
			s->greeting.capabilities & (probe->settings->tls ? UINT32_MAX : ~(uint32_t)MYSQL_SSL)};
	if (!mysql_respond(probe, plugin, s->greeting.scramble, response, &login.response_length)) {
		login.plugin = "mysql_native_password"; /* it will say what it wants for this user */
		(void)mysql_respond(
			probe, login.plugin, s->greeting.scramble, response, &login.response_length);
	}
	s->phase = MYSQL_LOGIN;
	mysql_append_login(s->out, sequence, &login);
	mysql_flush(probe);
}

static bool mysql_greet(struct probe *probe, const struct mysql_packet *packet)
{
	struct mysql_state *s = probe->state;
	if (mysql_answer(packet) == MYSQL_ERROR) {
		return mysql_error(probe, packet);
	}
	if (!mysql_greeting_parse(packet, &s->greeting)) {
		probe_fail(probe, "the greeting is none of MySQL");
		return false;
	}
	const char *version = s->greeting.version; /* old replicas take no 10, so MariaDB says 5.5.5 */
	probe_version(probe, "mysql %s", g_str_has_prefix(version, "5.5.5-") ? version + 6 : version);
	if (probe->settings->tls && !mysql_is_socket(probe)) {
		if (!(s->greeting.capabilities & MYSQL_SSL)) {
			probe_fail(probe, "offers no TLS, which `tls yes` asks for");
			return false;
		}
		s->phase = MYSQL_TLS;
		mysql_append_tls(s->out, (uint8_t)(packet->sequence + 1), s->greeting.capabilities);
		mysql_flush(probe);
		probe_start_tls(probe);
		return false; /* open() goes on */
	}
	probe_reach(probe, PROBE_AUTHENTICATE);
	mysql_login(probe, (uint8_t)(packet->sequence + 1));
	return true;
}

static void mysql_open(struct probe *probe)
{
	const struct mysql_state *s = probe->state;
	if (s->phase == MYSQL_TLS) {
		probe_reach(probe, PROBE_AUTHENTICATE);
		mysql_login(probe, 2);
	}
}

static bool mysql_send_password(struct probe *probe, const struct mysql_packet *packet)
{
	struct mysql_state *s = probe->state;
	const char *password = mysql_password(probe);
	if (!probe_is_private(probe)) {
		probe_fail(probe, "this login sends the password itself: use `tls yes` or a Unix socket");
		return false;
	}
	mysql_append(s->out, (uint8_t)(packet->sequence + 1), password, strlen(password) + 1);
	mysql_flush(probe);
	return true;
}

static bool mysql_switch(struct probe *probe, const struct mysql_packet *packet)
{
	struct mysql_state *s = probe->state;
	struct mysql_switch request;
	uint8_t response[32];
	size_t length = 0;
	if (!mysql_switch_parse(packet, &request)) {
		probe_fail(probe, "wants a login of before MySQL 4.1, which is not spoken here");
		return false;
	}
	if (!strcmp(request.plugin, "mysql_clear_password")) {
		return mysql_send_password(probe, packet);
	}
	if (!mysql_respond(probe, request.plugin, request.scramble, response, &length)) {
		probe_fail(probe, "wants the login method %s, which is not spoken here", request.plugin);
		return false;
	}
	mysql_append(s->out, (uint8_t)(packet->sequence + 1), response, length);
	mysql_flush(probe);
	return true;
}

/* caching_sha2_password: 3, the server knows the password already; 4, it wants to see it. */
static bool mysql_more(struct probe *probe, const struct mysql_packet *packet)
{
	if (packet->length == 2 && packet->payload[1] == 3) {
		return true;
	}
	if (packet->length == 2 && packet->payload[1] == 4) {
		return mysql_send_password(probe, packet);
	}
	probe_fail(probe, "the answer to the login is none of MySQL");
	return false;
}

static bool mysql_logging_in(struct probe *probe, const struct mysql_packet *packet)
{
	enum { MYSQL_TURNS_MAX = 8 };
	struct mysql_state *s = probe->state;
	if (++s->turns > MYSQL_TURNS_MAX) {
		probe_fail(probe, "asks for a login without end");
		return false;
	}
	switch (mysql_answer(packet)) {
	case MYSQL_OK:
		s->phase = MYSQL_ASK;
		probe_reach(probe, PROBE_QUERY);
		mysql_ask_first(probe);
		return true;
	case MYSQL_ERROR: return mysql_error(probe, packet);
	case MYSQL_EOF: return mysql_switch(probe, packet);
	case MYSQL_MORE_DATA: return mysql_more(probe, packet);
	default: probe_fail(probe, "the answer to the login is none of MySQL"); return false;
	}
}

/* -- bytes -- */

/* False: the round is over, or TLS has begun and open() goes on. */
static bool mysql_take(struct probe *probe, const struct mysql_packet *packet)
{
	const struct mysql_state *s = probe->state;
	switch (s->phase) {
	case MYSQL_GREET: return mysql_greet(probe, packet);
	case MYSQL_LOGIN: return mysql_logging_in(probe, packet);
	case MYSQL_ASK: return mysql_ask_take(probe, packet);
	case MYSQL_TLS: break;
	}
	return false;
}

static void mysql_data(struct probe *probe)
{
	for (;;) {
		size_t length = 0;
		size_t used = 0;
		struct mysql_packet packet;
		const char *bytes = stream_peek(probe->stream, &length);
		enum mysql_parsed parsed = mysql_packet_parse(bytes, length, &packet, &used);
		if (parsed == MYSQL_MORE) {
			return;
		}
		if (parsed == MYSQL_BROKEN) {
			probe_fail(probe, "the answer is none of MySQL");
			return;
		}
		uint8_t *kept = g_malloc(packet.length + 1); /* the stream's is gone once taken */
		memcpy(kept, packet.payload, packet.length);
		stream_take(probe->stream, used);
		packet.payload = kept;
		bool goes_on = mysql_take(probe, &packet);
		g_free(kept);
		if (!goes_on) {
			return;
		}
	}
}

static const char *const mysql_processes[] = {"mariadbd", "mysqld", NULL};
static const char *const mysql_sockets[] = {
	"/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock", NULL};

const struct probe_kind probe_mysql = {
	.name = "mysql",
	.port = 3306,
	.state_size = sizeof(struct mysql_state),
	.input_max = MYSQL_PACKET_MAX + 4,
	.tls_inside = true,
	.start = mysql_start,
	.begin = mysql_begin,
	.open = mysql_open,
	.data = mysql_data,
	.stop = mysql_stop,
	.processes = mysql_processes,
	.sockets = mysql_sockets,
};
