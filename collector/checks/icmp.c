#include "collector/checks/icmp.h"

#include <string.h>

#include "base/banned.h"

/* The kernel fills in the checksum of ICMPv6 and, for datagram sockets, id and checksum of ICMP. */
enum { REQUEST = 8, REPLY = 0, REQUEST_V6 = 128, REPLY_V6 = 129, HEAD = 8, IP_HEAD_MIN = 20 };

static void icmp_sum(unsigned char *bytes, size_t length)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < length; i += 2) {
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	}
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	bytes[2] = (unsigned char)(~sum >> 8);
	bytes[3] = (unsigned char)~sum;
}

void icmp_request(const struct icmp_echo *echo, uint16_t sequence, unsigned char out[ICMP_SIZE])
{
	memset(out, 0, ICMP_SIZE);
	out[0] = echo->v6 ? REQUEST_V6 : REQUEST;
	out[4] = (unsigned char)(echo->id >> 8);
	out[5] = (unsigned char)echo->id;
	out[6] = (unsigned char)(sequence >> 8);
	out[7] = (unsigned char)sequence;
	memcpy(out + HEAD, echo->token, ICMP_TOKEN);
	if (!echo->v6) {
		icmp_sum(out, ICMP_SIZE);
	}
}

bool icmp_is_reply(
	const struct icmp_echo *echo, const void *bytes, size_t length, uint16_t *sequence)
{
	const unsigned char *b = bytes;
	if (echo->raw && !echo->v6) {
		size_t head = length >= IP_HEAD_MIN ? (size_t)(b[0] & 15) * 4 : 0;
		if (head < IP_HEAD_MIN || head > length || b[0] >> 4 != 4) {
			return false;
		}
		b += head;
		length -= head;
	}
	if (length < HEAD + ICMP_TOKEN || b[0] != (echo->v6 ? REPLY_V6 : REPLY) || b[1] != 0 ||
		memcmp(b + HEAD, echo->token, ICMP_TOKEN) != 0) {
		return false;
	}
	if (echo->raw && (b[4] << 8 | b[5]) != echo->id) {
		return false;
	}
	*sequence = (uint16_t)(b[6] << 8 | b[7]);
	return true;
}
