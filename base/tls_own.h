#pragma once
#include "base/tls.h"

#include <gnutls/gnutls.h>

/* What the files of TLS share: tls.c (credentials), tls_session.c, tls_report.c. Nobody else
 * includes this. */
struct tls_credentials {
	unsigned references;
	bool has_key;
	gnutls_certificate_credentials_t certificate;
	gnutls_anon_client_credentials_t anonymous_client;
	gnutls_anon_server_credentials_t anonymous_server;
	int64_t system_mark; /* of the system's authorities when they were read, ns */
};

/* Those without anything of our own, shared by all; a reference. */
MUST_USE struct tls_credentials *tls_credentials_plain(struct error *err);

/* Fills version, cipher, chain, trusted and why from a session whose handshake is over. `peer`
 * NULL: no name to be found. */
void tls_report_fill(struct tls_report *report, gnutls_session_t session, const char *peer);

/* One certificate in DER; false: it is none. Exposed for the fuzzer. */
MUST_USE bool tls_certificate_read(
	struct tls_certificate *certificate, const void *der, size_t length);
