#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Questions and answers of DNS as bytes (RFC 1035), pure and bounded: names at most 255 bytes,
 * pointers only backwards, at most DNS_RECORDS_MAX records kept.
 */
enum {
	DNS_QUESTION_MAX = 12 + 256 + 4,
	DNS_MESSAGE_MAX = 65535,
	DNS_TEXT_MAX = 1024, /* of a name: each of 255 bytes may need "\ddd" */
	DNS_RECORDS_MAX = 64,
	DNS_VALUE_MAX = 256,
};

struct dns_question {
	uint16_t id, type;
	char name[DNS_TEXT_MAX]; /* as in an answer: lower case, no dot at the end */
	unsigned char bytes[DNS_QUESTION_MAX];
	size_t length;
};

struct dns_answer {
	unsigned code;  /* 0 good, 3 no such name … */
	bool truncated; /* ask again by TCP */
	size_t count;   /* records of the type asked for */
	struct {
		uint32_t ttl;
		char value[DNS_VALUE_MAX]; /* "192.0.2.1", "10 mail.example", clean text, cut */
	} records[DNS_RECORDS_MAX];
};

enum dns_verdict {
	DNS_GOOD,
	DNS_FOREIGN, /* no answer to this question: to be ignored */
	DNS_BROKEN   /* it is one, but not to be understood; the error says why */
};

/* "A", "MX" …; 0: not known here. */
uint16_t dns_type(const char *name);

/* Makes the question; for PTR an address becomes its name in in-addr.arpa or ip6.arpa. CONFIG: that
 * is no name. */
MUST_USE bool dns_ask(
	struct dns_question *question, uint16_t id, const char *name, uint16_t type, struct error *err);

enum dns_verdict dns_read(const struct dns_question *question, const void *bytes, size_t length,
	struct dns_answer *answer, struct error *err);

/* "NXDOMAIN (there is no such name)". */
const char *dns_code_text(unsigned code);

/* Whether `wanted`, as people write it, is this value: any case, a dot at the end, an IPv6 address
 * in another form; for records of several parts also the last part alone ("mail.example"). */
bool dns_value_is(const char *value, const char *wanted);
