#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Transport Layer Security over bytes that somebody else moves (GnuTLS): credentials, which many
 * dialogues share, and a session, which a stream (base/stream.h) drives. What a peer may send is
 * bounded: a chain of at most TLS_CHAIN_MAX bytes, no renegotiation.
 */
enum { TLS_CHAIN_MAX = 64 << 10, TLS_HANDSHAKE_MS = 10000 };

/* What we are and whom we trust. Counted references. */
struct tls_credentials;

struct tls_identity {
	/* PEM files; NULL: none. They are read when the credentials are made. */
	const char *ca_file;     /* NULL: the system's */
	const char *certificate; /* our own, with its chain */
	const char *key;         /* may be the same file as the certificate */
	bool trustless; /* without `ca_file` nobody is trusted, for who verifies nothing: the system's
					   authorities take 10 ms and a megabyte */
};

/* With an identity that names nothing they are shared. CONFIG, STORAGE: a file cannot be read or is
 * no certificate or key; the text names it. */
MUST_USE struct tls_credentials *tls_credentials_create(
	const struct tls_identity *identity, struct error *err);
struct tls_credentials *tls_credentials_ref(struct tls_credentials *credentials);
void tls_credentials_unref(struct tls_credentials *credentials); /* NULL allowed */
bool tls_credentials_have_key(const struct tls_credentials *credentials);

/* How one dialogue is to be secured; borrowed for the call that begins it. */
struct tls_settings {
	struct tls_credentials *credentials; /* NULL: none of our own, the system's authorities */
	bool server; /* who speaks first is a matter of protocol (munin-nodes without key reverse it) */
	const char *peer; /* name to be found in the peer's certificate, and sent as SNI to a server;
						 NULL: neither */
	bool verify;      /* the peer has to show a certificate of an authority we trust (and, with
						 `peer`, of that name) that is in its time; false: anything goes, see tls_report
					   */
	bool legacy;      /* allow what old nodes speak (TLS 1.0, anonymous key exchange) */
	const char *alpn; /* protocol to be negotiated ("http/1.1"); NULL: none */
};

/* A certificate as the peer showed it; texts are clean UTF-8, cut, never with control characters.
 */
struct tls_certificate {
	char subject[256], issuer[256];
	char names[512];               /* of subjectAltName, parted by blanks, cut */
	int64_t not_before, not_after; /* seconds since 1970; clamped to years 0 to 9999 */
	char fingerprint[65];          /* SHA-256, hex */
};

/* What came of a handshake. Texts as above. */
struct tls_report {
	char version[16], cipher[64];
	bool trusted;  /* whether verification would have passed */
	char why[160]; /* if not: what is wrong with it, in words */
	size_t count;  /* certificates of the chain, the peer's own first */
	struct tls_certificate chain[8];
};
