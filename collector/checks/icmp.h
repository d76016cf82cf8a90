#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Echo requests and replies of ICMP (RFC 792) and ICMPv6 (RFC 4443) as bytes, pure. A request
 * carries a random token, without which nothing counts as its reply.
 */
enum { ICMP_TOKEN = 16, ICMP_SIZE = 8 + ICMP_TOKEN + 32 };

struct icmp_echo {
	bool v6;
	bool raw; /* the socket gives whole packets with the IPv4 head, and those of others */
	uint16_t id;
	unsigned char token[ICMP_TOKEN];
};

void icmp_request(const struct icmp_echo *echo, uint16_t sequence, unsigned char out[ICMP_SIZE]);

/* Whether this is a reply to a request of ours, and to which. */
bool icmp_is_reply(
	const struct icmp_echo *echo, const void *bytes, size_t length, uint16_t *sequence);
