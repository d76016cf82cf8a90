#pragma once
#include "base/tls.h"
#include "tests/support/test.h"

#include <time.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* Certificates for tests, made anew in each run: an authority, and what it (or nobody) signs. Files
 * hold certificate and key in one. */
struct certs {
	char *dir;
	gnutls_x509_privkey_t key; /* one for all: tests are about names and dates */
	gnutls_x509_crt_t authority;
};

struct certs_wish {
	const char *file, *name;       /* `name`: the DNS name it is made out to; NULL: none */
	int64_t not_before, not_after; /* 0: yesterday, in a year */
	bool self_signed;
	unsigned many_names;  /* so many more names of 60 bytes */
	const void *raw_name; /* in place of all these one DNS name of any bytes */
	size_t raw_length;
};

static inline void certs_write(
	const struct certs *c, const char *file, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	char *path = NULL;
	gnutls_datum_t a = {0}, b = {0};
	if (asprintf(&path, "%s/%s", c->dir, file) < 0 ||
		gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &a) < 0) {
		abort();
	}
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fwrite(a.data, 1, a.size, out);
	if (key) {
		assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &b), 0);
		fwrite(b.data, 1, b.size, out);
	}
	fclose(out);
	gnutls_free(a.data);
	gnutls_free(b.data);
	free(path);
}

/* Tag and length of DER, in five bytes always. */
static inline size_t certs_der(unsigned char *out, unsigned char tag, size_t length)
{
	out[0] = tag;
	out[1] = 0x83;
	out[2] = (unsigned char)(length >> 16);
	out[3] = (unsigned char)(length >> 8);
	out[4] = (unsigned char)length;
	return 5;
}

/* subjectAltName by hand, as GnuTLS would cut a name at its first NUL. */
static inline void certs_add_raw(gnutls_x509_crt_t crt, const void *name, size_t length)
{
	unsigned char *der = malloc(length + 16);
	size_t n = certs_der(der, 0x30, length + 5);
	n += certs_der(der + n, 0x82, length);
	memcpy(der + n, name, length);
	assert_int_equal(gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", der, n + length, 0), 0);
	free(der);
}

static inline gnutls_x509_crt_t certs_new(const struct certs *c, const struct certs_wish *wish)
{
	static unsigned serial;
	unsigned char number[4] = {1, 2, (unsigned char)(serial >> 8), (unsigned char)serial};
	gnutls_x509_crt_t crt;
	serial++;
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, number, sizeof(number));
	gnutls_x509_crt_set_key(crt, c->key);
	const char *cn = wish->name ? wish->name : "nobody";
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn, (unsigned)strlen(cn));
	if (wish->name) {
		gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_DNSNAME, wish->name, (unsigned)strlen(wish->name), GNUTLS_FSAN_SET);
	}
	for (unsigned i = 0; i < wish->many_names; i++) {
		char name[80];
		int n = snprintf(
			name, sizeof(name), "a-name-that-is-as-long-as-it-can-be-%06u.many.names.example", i);
		gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_DNSNAME, name, (unsigned)n, GNUTLS_FSAN_APPEND);
	}
	if (wish->raw_name) {
		certs_add_raw(crt, wish->raw_name, wish->raw_length);
	}
	int64_t now = time(NULL);
	gnutls_x509_crt_set_activation_time(crt, wish->not_before ? wish->not_before : now - 86400);
	gnutls_x509_crt_set_expiration_time(crt, wish->not_after ? wish->not_after : now + 365 * 86400);
	return crt;
}

static inline void certs_make(struct certs *c, const struct certs_wish *wish)
{
	gnutls_x509_crt_t crt = certs_new(c, wish);
	assert_int_equal(gnutls_x509_crt_sign2(
						 crt, wish->self_signed ? crt : c->authority, c->key, GNUTLS_DIG_SHA256, 0),
		0);
	certs_write(c, wish->file, crt, c->key);
	gnutls_x509_crt_deinit(crt);
}

/* Makes the directory, the authority (ca.pem) and good.pem for "good.example". */
static inline void certs_begin(struct certs *c)
{
	c->dir = test_directory();
	gnutls_x509_privkey_init(&c->key);
	assert_int_equal(gnutls_x509_privkey_generate(c->key, GNUTLS_PK_ECDSA,
						 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	c->authority = certs_new(c, &(struct certs_wish){.name = "authority.example"});
	gnutls_x509_crt_set_ca_status(c->authority, 1);
	assert_int_equal(
		gnutls_x509_crt_sign2(c->authority, c->authority, c->key, GNUTLS_DIG_SHA256, 0), 0);
	certs_write(c, "ca.pem", c->authority, NULL);
	certs_make(c, &(struct certs_wish){.file = "good.pem", .name = "good.example"});
}

static inline void certs_finish(struct certs *c)
{
	gnutls_x509_crt_deinit(c->authority);
	gnutls_x509_privkey_deinit(c->key);
	test_directory_remove(c->dir);
}

/* Credentials with the certificate `file` (NULL: none) that trust the authority. */
static inline struct tls_credentials *certs_credentials(const struct certs *c, const char *file)
{
	char ca[512], own[512];
	struct error err = {0};
	snprintf(ca, sizeof(ca), "%s/ca.pem", c->dir);
	snprintf(own, sizeof(own), "%s/%s", c->dir, file ? file : "");
	struct tls_identity identity = {
		.ca_file = ca, .certificate = file ? own : NULL, .key = file ? own : NULL};
	struct tls_credentials *credentials = tls_credentials_create(&identity, &err);
	if (!credentials) {
		fail_msg("%s", err.text);
	}
	return credentials;
}
