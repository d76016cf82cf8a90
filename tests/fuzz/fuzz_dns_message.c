#include "collector/checks/dns_message.h"

#include <assert.h>
#include <string.h>

/* Answers of DNS to a fixed question: any bytes are good, foreign or broken, and values are clean.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
		"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"};
	static struct dns_question question;
	static struct dns_answer answer;
	struct error err;
	if (size < 3) {
		return 0;
	}
	uint16_t id = (uint16_t)(data[1] << 8 | data[2]);
	uint16_t type = dns_type(types[data[0] % (sizeof(types) / sizeof(types[0]))]);
	bool good = dns_ask(&question, id, "www.example", type, &err);
	assert(good);
	if (dns_read(&question, data + 1, size - 1, &answer, &err) == DNS_GOOD) {
		for (size_t i = 0; i < answer.count; i++) {
			for (const char *p = answer.records[i].value; *p; p++) {
				assert((unsigned char)*p >= ' ' || *p == '\t');
			}
			(void)dns_value_is(answer.records[i].value, "192.0.2.1");
		}
	}
	return 0;
}
