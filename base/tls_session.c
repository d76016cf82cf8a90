#include "base/tls_session.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "base/address.h"
#include "base/text.h"
#include "base/tls_own.h"

#include "base/banned.h"

/*
 * A session: GnuTLS pulls from `incoming`, which the driver fed, and pushes to the driver, which
 * always takes all; so GnuTLS waits for nothing but bytes of the peer. The certificate is judged
 * after the handshake in any case, for the report; only with `verify` does a bad one end it. A
 * peer that wants to negotiate anew ends the session.
 */
struct tls_session {
	gnutls_session_t session;
	struct tls_credentials *credentials;
	char *peer;
	bool verify, done;
	GByteArray *incoming;
	size_t used;  /* of `incoming` */
	bool starved; /* GnuTLS wanted more than there was */
	bool pulled;  /* it got some */
	tls_push_fn push;
	void *owner;
	struct tls_report *report; /* NULL: no handshake yet */
};

static const char modern[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
static const char legacy[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:"
							 "+ANON-ECDH:+ANON-DH:+SIGN-RSA-SHA1:%VERIFY_ALLOW_SIGN_WITH_SHA1";

/* A server without a certificate can agree only by ways that TLS 1.3 does not have. */
static const char anonymous[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:"
								"+ANON-ECDH:+ANON-DH";

static ssize_t tls_pull(gnutls_transport_ptr_t owner, void *room, size_t length)
{
	struct tls_session *s = owner;
	size_t n = MIN(length, s->incoming->len - s->used);
	s->starved = s->starved || !n;
	s->pulled = s->pulled || n;
	if (!n) {
		gnutls_transport_set_errno(s->session, EAGAIN);
		return -1;
	}
	memcpy(room, s->incoming->data + s->used, n);
	s->used += n;
	if (s->used == s->incoming->len) {
		g_byte_array_set_size(s->incoming, 0);
		s->used = 0;
	}
	return (ssize_t)n;
}

static int tls_pull_timeout(gnutls_transport_ptr_t owner, unsigned ms UNUSED)
{
	struct tls_session *s = owner;
	return s->incoming->len > s->used;
}

static ssize_t tls_push(gnutls_transport_ptr_t owner, const void *bytes, size_t length)
{
	struct tls_session *s = owner;
	s->push(s->owner, bytes, length);
	return (ssize_t)length;
}

/* -- life -- */

static bool tls_session_prepare(
	struct tls_session *s, const struct tls_settings *settings, struct error *err)
{
	const char *where = NULL;
	const char *ways = !settings->legacy                              ? modern
					   : settings->server && !s->credentials->has_key ? anonymous
																	  : legacy;
	int code = gnutls_priority_set_direct(s->session, ways, &where);
	if (code < 0) {
		return error_set(err, ERR_CONFIG, "TLS cannot be set up here: %s", gnutls_strerror(code));
	}
	gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, s->credentials->certificate);
	if (settings->legacy) {
		if (settings->server) {
			gnutls_credentials_set(s->session, GNUTLS_CRD_ANON, s->credentials->anonymous_server);
		} else {
			gnutls_credentials_set(s->session, GNUTLS_CRD_ANON, s->credentials->anonymous_client);
		}
	}
	if (settings->server) {
		gnutls_certificate_server_set_request(
			s->session, settings->verify ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
	} else if (settings->peer && strchr(settings->peer, ':') == NULL &&
			   !g_hostname_is_ip_address(settings->peer)) {
		gnutls_server_name_set(s->session, GNUTLS_NAME_DNS, settings->peer, strlen(settings->peer));
	}
	if (settings->alpn) {
		gnutls_datum_t protocol = {
			(unsigned char *)settings->alpn, (unsigned)strlen(settings->alpn)};
		gnutls_alpn_set_protocols(s->session, &protocol, 1, 0);
	}
	gnutls_handshake_set_max_packet_length(s->session, TLS_CHAIN_MAX);
	gnutls_handshake_set_timeout(s->session, 0); /* the stream has the deadline */
	gnutls_transport_set_ptr(s->session, s);
	gnutls_transport_set_pull_function(s->session, tls_pull);
	gnutls_transport_set_pull_timeout_function(s->session, tls_pull_timeout);
	gnutls_transport_set_push_function(s->session, tls_push);
	return true;
}

struct tls_session *tls_session_create(
	const struct tls_settings *settings, tls_push_fn push, void *owner, struct error *err)
{
	struct tls_credentials *credentials = settings->credentials
											  ? tls_credentials_ref(settings->credentials)
											  : tls_credentials_plain(err);
	if (!credentials) {
		return NULL;
	}
	if (settings->server && !credentials->has_key && !settings->legacy) {
		tls_credentials_unref(credentials);
		error_set(err, ERR_CONFIG, "a TLS server needs a certificate and a key");
		return NULL;
	}
	struct tls_session *s = g_new0(struct tls_session, 1);
	s->credentials = credentials;
	s->peer = g_strdup(settings->peer);
	s->verify = settings->verify;
	s->incoming = g_byte_array_new();
	s->push = push;
	s->owner = owner;
	if (gnutls_init(&s->session, (settings->server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
									 GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
		abort(); /* out of memory ends the role */
	}
	if (!tls_session_prepare(s, settings, err)) {
		tls_session_destroy(s);
		return NULL;
	}
	return s;
}

void tls_session_destroy(struct tls_session *session)
{
	if (!session) {
		return;
	}
	gnutls_deinit(session->session);
	tls_credentials_unref(session->credentials);
	g_byte_array_free(session->incoming, TRUE);
	g_free(session->peer);
	g_free(session->report);
	g_free(session);
}

void tls_session_feed(struct tls_session *session, const void *bytes, size_t length)
{
	g_byte_array_append(session->incoming, bytes, (unsigned)length);
}

/* -- what goes wrong -- */

static const char *tls_explain(struct tls_session *s, int code)
{
	switch (code) {
	case GNUTLS_E_HANDSHAKE_TOO_LARGE: return "its chain of certificates is longer than 64 KiB";
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
	case GNUTLS_E_UNEXPECTED_PACKET:
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
		return "it does not speak TLS, or only a version that is not accepted";
	case GNUTLS_E_REHANDSHAKE:
	case GNUTLS_E_REAUTH_REQUEST: return "it wants to negotiate anew, which is refused";
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
	case GNUTLS_E_CERTIFICATE_REQUIRED: return "it showed no certificate";
	case GNUTLS_E_WARNING_ALERT_RECEIVED:
	case GNUTLS_E_FATAL_ALERT_RECEIVED: return gnutls_alert_get_name(gnutls_alert_get(s->session));
	default: return gnutls_strerror(code);
	}
}

static enum tls_progress tls_broken(struct tls_session *s, int code, struct error *err)
{
	const char *why = tls_explain(s, code);
	bool alert = code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED;
	enum error_kind kind =
		code == GNUTLS_E_NO_CERTIFICATE_FOUND || code == GNUTLS_E_CERTIFICATE_REQUIRED
			? ERR_DENIED
			: ERR_PROTOCOL;
	error_set(
		err, kind, alert ? "TLS: the peer gave up: %s" : "TLS: %s", why ? why : "unknown alert");
	gnutls_alert_send_appropriate(s->session, code);
	return TLS_FAILED;
}

/*
 * GnuTLS also says "again" between the parts of a long message while bytes are there: only when it
 * wanted more than there was does it wait for the peer.
 */
static bool tls_goes_on(const struct tls_session *s, ssize_t code)
{
	return code == GNUTLS_E_INTERRUPTED || code == GNUTLS_E_WARNING_ALERT_RECEIVED ||
		   (code == GNUTLS_E_AGAIN && s->pulled && !s->starved);
}

/* -- the handshake -- */

static enum tls_progress tls_judge(struct tls_session *s, struct error *err)
{
	s->done = true;
	s->report = g_new0(struct tls_report, 1);
	tls_report_fill(s->report, s->session, s->peer);
	if (s->verify && !s->report->trusted) {
		error_set(err, ERR_DENIED, "TLS: certificate refused: %s", s->report->why);
		gnutls_alert_send(s->session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
		return TLS_FAILED;
	}
	return TLS_DONE;
}

enum tls_progress tls_session_handshake(struct tls_session *session, struct error *err)
{
	int code;
	do {
		session->starved = session->pulled = false;
		code = gnutls_handshake(session->session);
	} while (tls_goes_on(session, code));
	if (code == GNUTLS_E_AGAIN) {
		return TLS_WANT;
	}
	return code < 0 ? tls_broken(session, code, err) : tls_judge(session, err);
}

/* -- bytes -- */

enum tls_progress tls_session_receive(
	struct tls_session *session, void *room, size_t *length, struct error *err)
{
	size_t most = *length;
	ssize_t n;
	*length = 0;
	do {
		session->starved = session->pulled = false;
		n = gnutls_record_recv(session->session, room, most);
	} while (tls_goes_on(session, n));
	if (n == GNUTLS_E_AGAIN) {
		return TLS_WANT;
	}
	if (n == 0) {
		return TLS_END;
	}
	if (n < 0) {
		return tls_broken(session, (int)n, err);
	}
	*length = (size_t)n;
	return TLS_DONE;
}

bool tls_session_send(
	struct tls_session *session, const void *bytes, size_t length, struct error *err)
{
	const char *from = bytes;
	while (length) {
		ssize_t n = gnutls_record_send(session->session, from, length);
		if (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN) {
			continue; /* the driver takes all, so this does not last */
		}
		if (n < 0) {
			tls_broken(session, (int)n, err);
			return false;
		}
		from += n;
		length -= (size_t)n;
	}
	return true;
}

void tls_session_bye(struct tls_session *session)
{
	if (session->done) {
		gnutls_bye(session->session, GNUTLS_SHUT_WR);
	}
}

const struct tls_report *tls_session_report(const struct tls_session *session)
{
	return session->report;
}
