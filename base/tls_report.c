#include <string.h>

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <glib.h>

#include "base/text.h"
#include "base/tls_own.h"

#include "base/banned.h"

/*
 * What a peer showed of itself, as clean text and bounded numbers: names may hold anything, dates
 * may be before 1970 or in the year 9999 (hostile 35). GnuTLS parses; here is only made presentable
 * and cut.
 */
enum { NAMES_MAX = 64 };

static void tls_put(char *out, size_t size, const void *bytes, size_t length)
{
	g_autofree char *clean = text_clean(bytes, length, size - 1);
	g_strdelimit(clean, "\t", ' ');
	text_copy(out, size, clean);
}

static void tls_put_name(char *out, size_t size, gnutls_x509_crt_t crt, bool issuer)
{
	gnutls_datum_t text = {0};
	int code = issuer ? gnutls_x509_crt_get_issuer_dn3(crt, &text, 0)
					  : gnutls_x509_crt_get_dn3(crt, &text, 0);
	if (code >= 0) {
		tls_put(out, size, text.data, text.size);
		gnutls_free(text.data);
	} else {
		text_copy(out, size, code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ? "" : "(not readable)");
	}
}

/* "a.example b.example 192.0.2.1": what does not fit is left out whole. */
static void tls_put_alternatives(char *out, size_t size, gnutls_x509_crt_t crt)
{
	GString *all = g_string_new(NULL);
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		char raw[256], text[300];
		size_t length = sizeof(raw);
		unsigned type = 0;
		int code = gnutls_x509_crt_get_subject_alt_name2(crt, i, raw, &length, &type, NULL);
		if (code == GNUTLS_E_SHORT_MEMORY_BUFFER) {
			continue; /* no name of a host is that long */
		}
		if (code < 0) {
			break;
		}
		if (type == GNUTLS_SAN_IPADDRESS && (length == 4 || length == 16)) {
			inet_ntop(length == 4 ? AF_INET : AF_INET6, raw, text, sizeof(text));
		} else if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME ||
				   type == GNUTLS_SAN_URI) {
			tls_put(text, sizeof(text), raw, length);
			g_strdelimit(text, " ", '_');
		} else {
			continue;
		}
		if (all->len + 1 + strlen(text) < size) {
			g_string_append_printf(all, "%s%s", all->len ? " " : "", text);
		}
	}
	text_copy(out, size, all->str);
	g_string_free(all, TRUE);
}

static int64_t tls_date(time_t t)
{
	static const int64_t year_0 = -62167219200LL, year_9999_end = 253402300799LL;
	return CLAMP((int64_t)t, year_0, year_9999_end);
}

static void tls_certificate_fill(struct tls_certificate *out, gnutls_x509_crt_t crt)
{
	unsigned char digest[32];
	size_t length = sizeof(digest);
	memset(out, 0, sizeof(*out));
	tls_put_name(out->subject, sizeof(out->subject), crt, false);
	tls_put_name(out->issuer, sizeof(out->issuer), crt, true);
	tls_put_alternatives(out->names, sizeof(out->names), crt);
	out->not_before = tls_date(gnutls_x509_crt_get_activation_time(crt));
	out->not_after = tls_date(gnutls_x509_crt_get_expiration_time(crt));
	if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &length) >= 0) {
		for (size_t i = 0; i < length; i++) {
			g_snprintf(out->fingerprint + 2 * i, 3, "%02x", digest[i]);
		}
	}
}

bool tls_certificate_read(struct tls_certificate *certificate, const void *der, size_t length)
{
	gnutls_datum_t datum = {(unsigned char *)der, (unsigned)length};
	gnutls_x509_crt_t crt;
	if (length > TLS_CHAIN_MAX || gnutls_x509_crt_init(&crt) < 0) {
		return false;
	}
	bool good = gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) >= 0;
	if (good) {
		tls_certificate_fill(certificate, crt);
	}
	gnutls_x509_crt_deinit(crt);
	return good;
}

/* -- judging -- */

static bool tls_names_peer(const gnutls_datum_t *der, const char *peer)
{
	gnutls_x509_crt_t crt;
	if (gnutls_x509_crt_init(&crt) < 0) {
		return false;
	}
	bool named = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) >= 0 &&
				 gnutls_x509_crt_check_hostname2(crt, peer, 0);
	gnutls_x509_crt_deinit(crt);
	return named;
}

/* In our own words, the gravest first; GnuTLS has flags that come together. */
static void tls_why(struct tls_report *report, unsigned status)
{
	static const struct {
		unsigned flag;
		const char *text;
	} rows[] = {
		{GNUTLS_CERT_REVOKED, "it was revoked"},
		{GNUTLS_CERT_EXPIRED, "it has expired"},
		{GNUTLS_CERT_NOT_ACTIVATED, "it is not yet valid"},
		{GNUTLS_CERT_SIGNER_NOT_FOUND, "it comes from no authority that is trusted here"},
		{GNUTLS_CERT_SIGNER_NOT_CA, "whoever signed it is no authority"},
		{GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong"},
		{GNUTLS_CERT_INSECURE_ALGORITHM, "it is signed by an insecure algorithm"},
		{GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "its authority may not sign this name"},
		{GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for this use"},
	};
	const struct tls_certificate *own = &report->chain[0];
	bool self = report->count == 1 && strcmp(own->subject, own->issuer) == 0;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (status & rows[i].flag) {
			bool signer = rows[i].flag == GNUTLS_CERT_SIGNER_NOT_FOUND;
			text_copy(report->why, sizeof(report->why),
				signer && self ? "it is self-signed" : rows[i].text);
			return;
		}
	}
	text_copy(report->why, sizeof(report->why), "it cannot be verified");
}

static void tls_judge_chain(struct tls_report *report, gnutls_session_t session,
	const gnutls_datum_t *chain, const char *peer)
{
	unsigned status = 0;
	int code = gnutls_certificate_verify_peers3(session, NULL, &status);
	if (code < 0) {
		g_snprintf(
			report->why, sizeof(report->why), "it cannot be verified: %s", gnutls_strerror(code));
	} else if (status) {
		tls_why(report, status);
	} else if (peer && !tls_names_peer(&chain[0], peer)) {
		g_autofree char *clean = text_clean(peer, strlen(peer), 100);
		g_snprintf(report->why, sizeof(report->why), "it is not made out to %s", clean);
	} else {
		report->trusted = true;
	}
}

void tls_report_fill(struct tls_report *report, gnutls_session_t session, const char *peer)
{
	memset(report, 0, sizeof(*report));
	const char *version = gnutls_protocol_get_name(gnutls_protocol_get_version(session));
	g_autofree char *cipher = NULL;
	char *description = gnutls_session_get_desc(session);
	cipher = text_clean(description ? description : "", description ? strlen(description) : 0, 63);
	gnutls_free(description);
	text_copy(report->version, sizeof(report->version), version ? version : "");
	text_copy(report->cipher, sizeof(report->cipher), cipher);
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	if (!chain || !count) {
		text_copy(report->why, sizeof(report->why), "the peer showed none");
		return;
	}
	for (unsigned i = 0; i < count && report->count < G_N_ELEMENTS(report->chain); i++) {
		if (tls_certificate_read(&report->chain[report->count], chain[i].data, chain[i].size)) {
			report->count++;
		}
	}
	tls_judge_chain(report, session, chain, peer);
}
