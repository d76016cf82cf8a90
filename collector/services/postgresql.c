#include "collector/services/postgresql_state.h"

#include <string.h>
#include <sys/random.h>

#include "base/banned.h"

/*
 * PostgreSQL: [TLS] -> start and login (MD5, SCRAM-SHA-256; the password itself only where nobody
 * can listen) -> ready -> the questions of postgresql_questions.c.
 *
 * The server says what is wrong before or in place of the login: starting or stopping (57P03), no
 * slot left (53300), a login refused (class 28). Without a user in the settings nobody is logged
 * in, since each refused login is a line in the server's log: that a TLS request is answered shows
 * that it is alive, and that is what is told.
 */
static void postgresql_start(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	s->out = g_string_new(NULL);
}

static void postgresql_stop(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	if (s->columns) {
		g_ptr_array_unref(s->columns);
	}
	postgresql_list_finish(&s->list);
	postgresql_list_finish(&s->sizes);
	g_string_free(s->out, TRUE);
	explicit_bzero(&s->scram, sizeof(s->scram));
}

static void postgresql_flush(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	stream_send(probe->stream, s->out->str, s->out->len);
	explicit_bzero(s->out->str, s->out->len); /* there may be a password in it */
	g_string_truncate(s->out, 0);
}

static bool postgresql_is_socket(const struct probe *probe)
{
	return probe_port(probe) == 0;
}

static void postgresql_begin(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	bool tls = probe->settings->tls && !postgresql_is_socket(probe);
	s->phase = tls || !probe->settings->user ? POSTGRESQL_TLS : POSTGRESQL_LOGIN;
	s->proving = false;
	s->turns = 0;
	s->major = 0;
}

static void postgresql_log_in(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	const char *database = probe->settings->path ? probe->settings->path : "postgres";
	s->phase = POSTGRESQL_LOGIN;
	pg_append_start(s->out, probe->settings->user, database);
	postgresql_flush(probe);
}

static void postgresql_open(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	if (s->phase == POSTGRESQL_TLS && !stream_tls_report(probe->stream)) {
		pg_append_tls(s->out);
		postgresql_flush(probe);
	} else {
		postgresql_log_in(probe);
	}
}

/* One byte, then TLS or none. False: no bytes are to be read here (any more). */
static bool postgresql_take_tls(struct probe *probe)
{
	size_t length = 0;
	const char *bytes = stream_peek(probe->stream, &length);
	if (!length) {
		return false;
	}
	char answer = bytes[0];
	if (answer != 'S' && answer != 'N') {
		return true; /* an error of before the login, or nothing of PostgreSQL */
	}
	stream_take(probe->stream, 1);
	if (!probe->settings->user) {
		probe_reach(probe, PROBE_AUTHENTICATE);
		probe_succeed_but(probe, "alive, but nobody is logged in: configure a `user`");
	} else if (answer == 'S') {
		probe_start_tls(probe);
	} else {
		probe_fail(probe, "offers no TLS, which `tls yes` asks for");
	}
	return false;
}

/* An error before the server is ready. */
static bool postgresql_refused(struct probe *probe, const struct pg_error *error)
{
	static const struct {
		const char *code, *meaning;
		bool login; /* the login was looked at */
	} meanings[] = {
		{"57P03", "is starting or stopping", false},
		{"53300", "takes no more connections (max_connections is reached)", false},
		{"28P01", "refuses user or password", true},
		{"28000", "refuses the login", true},
		{"3D000", "has no such database", true},
		{"42501", "refuses the user this database", true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(meanings); i++) {
		if (!strcmp(meanings[i].code, error->code)) {
			if (meanings[i].login) {
				probe_reach(probe, PROBE_AUTHENTICATE);
			}
			probe_fail(probe, "%s (%s)", meanings[i].meaning, error->code);
			return false;
		}
	}
	probe_fail(probe, "%s: %.*s", error->code, (int)MIN(error->length, 120U), error->text);
	return false;
}

/* -- login -- */

static const char *postgresql_password(const struct probe *probe)
{
	return probe->password ? probe->password : "";
}

static bool postgresql_broken(struct probe *probe)
{
	probe_fail(probe, "the answer is none of PostgreSQL");
	return false;
}

static bool postgresql_clear(struct probe *probe)
{
	struct postgresql_state *s = probe->state;
	const char *password = postgresql_password(probe);
	if (!probe_is_private(probe)) {
		probe_fail(probe, "wants the password itself: use `tls yes` or a Unix socket");
		return false;
	}
	pg_append_password(s->out, password, strlen(password) + 1);
	postgresql_flush(probe);
	return true;
}

static bool postgresql_md5(struct probe *probe, const struct pg_login_request *request)
{
	struct postgresql_state *s = probe->state;
	char answer[PG_MD5_TEXT];
	if (request->length != 4) {
		return postgresql_broken(probe);
	}
	pg_md5_answer(probe->settings->user, postgresql_password(probe), request->data, answer);
	pg_append_password(s->out, answer, sizeof(answer));
	postgresql_flush(probe);
	return true;
}

static bool postgresql_sasl(struct probe *probe, const struct pg_login_request *request)
{
	struct postgresql_state *s = probe->state;
	char nonce[SCRAM_NONCE + 1];
	uint8_t random[SCRAM_NONCE / 2];
	if (!pg_list_has(request, "SCRAM-SHA-256")) {
		probe_fail(probe, "wants a login method that is not spoken here");
		return false;
	}
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		return postgresql_broken(probe); /* does not happen: the kernel's pool is filled for long */
	}
	hash_hex(random, sizeof(random), nonce);
	GString *text = g_string_new(NULL);
	scram_begin(&s->scram, nonce, text);
	pg_append_sasl(s->out, "SCRAM-SHA-256", text->str);
	g_string_free(text, TRUE);
	s->proving = true;
	postgresql_flush(probe);
	return true;
}

static bool postgresql_sasl_continue(struct probe *probe, const struct pg_login_request *request)
{
	struct postgresql_state *s = probe->state;
	struct error err = {.kind = ERR_NONE};
	GString *text = g_string_new(NULL);
	const struct hash_part message = {request->data, request->length};
	bool good =
		s->proving && scram_answer(&s->scram, postgresql_password(probe), message, text, &err);
	if (good) {
		pg_append_password(s->out, text->str, text->len);
		postgresql_flush(probe);
	}
	g_string_free(text, TRUE);
	return good || postgresql_broken(probe);
}

static bool postgresql_login(struct probe *probe, const struct pg_login_request *request)
{
	struct postgresql_state *s = probe->state;
	probe_reach(probe, PROBE_AUTHENTICATE);
	if (++s->turns > POSTGRESQL_TURNS_MAX) { /* each costs us more than the server */
		return postgresql_broken(probe);
	}
	switch (request->kind) {
	case PG_LOGIN_OK:
		if (s->proving) {
			probe_fail(probe, "lets us in without showing that it knows the password");
			return false;
		}
		s->phase = POSTGRESQL_START;
		return true;
	case PG_LOGIN_CLEAR: return postgresql_clear(probe);
	case PG_LOGIN_MD5: return postgresql_md5(probe, request);
	case PG_LOGIN_SASL: return postgresql_sasl(probe, request);
	case PG_LOGIN_SASL_CONTINUE: return postgresql_sasl_continue(probe, request);
	case PG_LOGIN_SASL_FINAL:
		if (!s->proving || !scram_verify(&s->scram, request->data, request->length)) {
			probe_fail(probe, "does not know the password itself: is it the right server?");
			return false;
		}
		s->proving = false;
		return true;
	default: probe_fail(probe, "wants a login method that is not spoken here"); return false;
	}
}

/* -- messages -- */

static void postgresql_setting(struct probe *probe, const struct pg_message *message)
{
	struct postgresql_state *s = probe->state;
	const char *name = NULL;
	const char *value = NULL;
	if (pg_setting_parse(message, &name, &value) && !strcmp(name, "server_version")) {
		s->major = (unsigned)MIN(g_ascii_strtoull(value, NULL, 10), 1000U);
		probe_version(probe, "postgresql %s", value);
	}
}

static bool postgresql_take(struct probe *probe, const struct pg_message *message)
{
	struct postgresql_state *s = probe->state;
	struct pg_login_request request;
	struct pg_error error;
	if (message->type == 'N' || message->type == 'K' || message->type == 'A') {
		return true; /* notices and keys may come at any time */
	}
	if (message->type == 'S') {
		postgresql_setting(probe, message);
		return true;
	}
	if (s->phase == POSTGRESQL_ASK) {
		return postgresql_ask_take(probe, message);
	}
	if (message->type == 'E') {
		return pg_error_parse(message, &error) ? postgresql_refused(probe, &error)
											   : postgresql_broken(probe);
	}
	if (s->phase == POSTGRESQL_LOGIN && pg_login_parse(message, &request)) {
		return postgresql_login(probe, &request);
	}
	if (s->phase == POSTGRESQL_START && message->type == 'Z') {
		s->phase = POSTGRESQL_ASK;
		probe_reach(probe, PROBE_QUERY);
		postgresql_ask_first(probe);
		return true;
	}
	return postgresql_broken(probe);
}

static void postgresql_data(struct probe *probe)
{
	const struct postgresql_state *s = probe->state;
	if (s->phase == POSTGRESQL_TLS && !stream_tls_report(probe->stream) &&
		!postgresql_take_tls(probe)) {
		return;
	}
	for (;;) {
		size_t length = 0;
		size_t used = 0;
		struct pg_message message;
		const char *bytes = stream_peek(probe->stream, &length);
		enum pg_parsed parsed = pg_message_parse(bytes, length, &message, &used);
		if (parsed == PG_MORE) {
			return;
		}
		if (parsed == PG_BROKEN) {
			(void)postgresql_broken(probe);
			return;
		}
		char *kept = g_malloc(message.length + 1); /* the stream's is gone once taken */
		memcpy(kept, message.body, message.length);
		kept[message.length] = '\0';
		stream_take(probe->stream, used);
		message.body = kept;
		bool goes_on = postgresql_take(probe, &message);
		g_free(kept);
		if (!goes_on) {
			return;
		}
	}
}

static const char *const postgresql_processes[] = {"postgres", NULL};
static const char *const postgresql_sockets[] = {
	"/run/postgresql/.s.PGSQL.5432", "/tmp/.s.PGSQL.5432", NULL};

const struct probe_kind probe_postgresql = {
	.name = "postgresql",
	.port = 5432,
	.state_size = sizeof(struct postgresql_state),
	.input_max = PG_MESSAGE_MAX + 8,
	.tls_inside = true,
	.start = postgresql_start,
	.begin = postgresql_begin,
	.open = postgresql_open,
	.data = postgresql_data,
	.stop = postgresql_stop,
	.processes = postgresql_processes,
	.sockets = postgresql_sockets,
};
