#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Sockets by state; the numbers of include/net/tcp_states.h are the places, 1 (established) to 11
 * (closing). */
enum { TCP_STATES = 12 };

struct tcp_reading {
	unsigned sockets[TCP_STATES];
};

/* Adds the sockets of /proc/net/tcp or tcp6. */
void tcp_parse(const char *text, size_t length, struct tcp_reading *reading);

enum tcp_answer { TCP_MORE, TCP_DONE, TCP_FAILED };

/* Adds the sockets of one piece of a sock_diag(7) answer. */
enum tcp_answer tcp_parse_diag(const void *bytes, size_t length, struct tcp_reading *reading);
