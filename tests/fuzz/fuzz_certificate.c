#include "base/tls_own.h"

#include <assert.h>
#include <string.h>

/* Certificates in DER: whatever they hold, what is shown is clean, cut and in bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	assert(memchr(text, '\0', size));
	for (const char *p = text; *p; p++) {
		assert((unsigned char)*p >= ' ');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_certificate c;
	if (tls_certificate_read(&c, data, size)) {
		check_text(c.subject, sizeof(c.subject));
		check_text(c.issuer, sizeof(c.issuer));
		check_text(c.names, sizeof(c.names));
		assert(c.not_after <= 253402300799LL && c.not_before >= -62167219200LL);
	}
	return 0;
}
