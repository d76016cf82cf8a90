#include "base/tls.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "base/file.h"
#include "base/tls_own.h"

#include "base/banned.h"

/*
 * Credentials: whom we trust and who we are. To read the system's authorities takes 10 ms and more,
 * so all dialogues that have nothing of their own share one object (tls_credentials_plain), made
 * anew when the system's file changes. That is the one variable here; it belongs to the thread of
 * the loop like all of this.
 */
enum { TLS_FILE_MAX = 4 << 20 };

static const char system_file[] = "/etc/ssl/certs/ca-certificates.crt";

static struct tls_credentials *shared_plain;

static bool tls_fail(struct error *err, const char *file, int code)
{
	return error_set(err, ERR_CONFIG, "%s: %s", file, gnutls_strerror(code));
}

static int64_t tls_system_mark(void)
{
	struct stat st;
	return stat(system_file, &st) == 0
			   ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec
			   : 0;
}

static bool tls_load(const char *path, gnutls_datum_t *datum, struct error *err)
{
	size_t length = 0;
	char *bytes = file_read(AT_FDCWD, path, TLS_FILE_MAX, &length, err);
	datum->data = (unsigned char *)bytes;
	datum->size = (unsigned)length;
	return bytes != NULL;
}

static bool tls_trust(
	struct tls_credentials *c, const struct tls_identity *identity, struct error *err)
{
	if (!identity->ca_file && identity->trustless) {
		return true;
	}
	if (!identity->ca_file) {
		c->system_mark = tls_system_mark();
		gnutls_certificate_set_x509_system_trust(
			c->certificate); /* none found: nobody is trusted */
		return true;
	}
	gnutls_datum_t ca = {0};
	if (!tls_load(identity->ca_file, &ca, err)) {
		return false;
	}
	int count = gnutls_certificate_set_x509_trust_mem(c->certificate, &ca, GNUTLS_X509_FMT_PEM);
	free(ca.data);
	if (count < 0) {
		return tls_fail(err, identity->ca_file, count);
	}
	return count > 0 || error_set(err, ERR_CONFIG, "%s: holds no certificate", identity->ca_file);
}

static bool tls_introduce(
	struct tls_credentials *c, const struct tls_identity *identity, struct error *err)
{
	if (!identity->certificate && !identity->key) {
		return true;
	}
	if (!identity->certificate || !identity->key) {
		return error_set(err, ERR_CONFIG, "a certificate needs its key, and a key its certificate");
	}
	gnutls_datum_t certificate = {0}, key = {0};
	if (!tls_load(identity->certificate, &certificate, err)) {
		return false;
	}
	if (!tls_load(identity->key, &key, err)) {
		free(certificate.data);
		return false;
	}
	int code = gnutls_certificate_set_x509_key_mem(
		c->certificate, &certificate, &key, GNUTLS_X509_FMT_PEM);
	explicit_bzero(key.data, key.size);
	free(certificate.data);
	free(key.data);
	if (code < 0) {
		return error_set(err, ERR_CONFIG, "certificate %s with key %s: %s", identity->certificate,
			identity->key, gnutls_strerror(code));
	}
	c->has_key = true;
	return true;
}

static struct tls_credentials *tls_credentials_make(
	const struct tls_identity *identity, struct error *err)
{
	struct tls_credentials *c = g_new0(struct tls_credentials, 1);
	c->references = 1;
	if (gnutls_certificate_allocate_credentials(&c->certificate) < 0 ||
		gnutls_anon_allocate_client_credentials(&c->anonymous_client) < 0 ||
		gnutls_anon_allocate_server_credentials(&c->anonymous_server) < 0) {
		abort(); /* out of memory ends the role */
	}
	gnutls_certificate_set_known_dh_params(c->certificate, GNUTLS_SEC_PARAM_MEDIUM);
	gnutls_anon_set_server_known_dh_params(c->anonymous_server, GNUTLS_SEC_PARAM_MEDIUM);
	if (!tls_trust(c, identity, err) || !tls_introduce(c, identity, err)) {
		tls_credentials_unref(c);
		return NULL;
	}
	return c;
}

struct tls_credentials *tls_credentials_create(
	const struct tls_identity *identity, struct error *err)
{
	bool own = identity->ca_file || identity->certificate || identity->key || identity->trustless;
	return own ? tls_credentials_make(identity, err) : tls_credentials_plain(err);
}

struct tls_credentials *tls_credentials_ref(struct tls_credentials *credentials)
{
	credentials->references++;
	return credentials;
}

void tls_credentials_unref(struct tls_credentials *credentials)
{
	if (credentials && --credentials->references == 0) {
		gnutls_certificate_free_credentials(credentials->certificate);
		gnutls_anon_free_client_credentials(credentials->anonymous_client);
		gnutls_anon_free_server_credentials(credentials->anonymous_server);
		g_free(credentials);
	}
}

bool tls_credentials_have_key(const struct tls_credentials *credentials)
{
	return credentials->has_key;
}

struct tls_credentials *tls_credentials_plain(struct error *err)
{
	if (shared_plain && shared_plain->system_mark != tls_system_mark()) {
		tls_credentials_unref(shared_plain);
		shared_plain = NULL;
	}
	if (!shared_plain) {
		struct tls_identity nothing = {0};
		shared_plain = tls_credentials_make(&nothing, err);
	}
	return shared_plain ? tls_credentials_ref(shared_plain) : NULL;
}
