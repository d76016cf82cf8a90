#pragma once
#include "base/loop.h"
#include "base/resolve.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* A name server on loopback that answers from a rule per name, on the test's loop. */
struct name_server {
	int fd;
	uint16_t port;
	struct loop_watch *watch;
	unsigned asked;   /* questions for A records */
	bool silent;      /* asks are read and not answered */
	uint32_t address; /* what A records hold */
	unsigned addresses;
	bool absent, broken; /* NXDOMAIN, SERVFAIL */
};

static inline void name_server_on_question(void *owner, int fd, unsigned events UNUSED)
{
	struct name_server *s = owner;
	unsigned char bytes[4096];
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	ssize_t n = recvfrom(fd, bytes, 512, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
	if (n < 17) {
		return;
	}
	size_t end = 12;
	while (end < (size_t)n && bytes[end]) {
		end += 1U + bytes[end];
	}
	end += 5;
	bool a = bytes[end - 3] == 1;
	s->asked += a;
	if (s->silent) {
		return;
	}
	unsigned count = a && !s->absent && !s->broken ? s->addresses : 0;
	bytes[2] = 0x81;
	bytes[3] = (unsigned char)(0x80 | (s->absent ? 3 : s->broken ? 2 : 0));
	bytes[6] = (unsigned char)(count >> 8);
	bytes[7] = (unsigned char)count;
	bytes[10] = bytes[11] = 0; /* no additional records */
	for (unsigned i = 0; i < count; i++) {
		uint32_t address = htonl(s->address + i);
		static const unsigned char head[12] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
		memcpy(bytes + end, head, sizeof(head));
		memcpy(bytes + end + 12, &address, 4);
		end += 16;
	}
	sendto(fd, bytes, end, 0, (struct sockaddr *)&from, length);
}

/* Answers 192.0.2.1 to begin with; `resolver` asks it from now on. */
static inline void name_server_begin(
	struct name_server *s, struct loop *loop, struct resolver *resolver)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(here);
	struct error err = {0};
	char servers[64];
	memset(s, 0, sizeof(*s));
	s->address = 0xc0000201;
	s->addresses = 1;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&here, sizeof(here)), 0);
	getsockname(s->fd, (struct sockaddr *)&here, &length);
	s->watch = loop_watch_add(loop, s->fd, LOOP_READABLE, name_server_on_question, s, NULL);
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", (unsigned)ntohs(here.sin_port));
	if (!resolver_set_servers(resolver, servers, &err)) {
		fail_msg("%s", err.text);
	}
}

static inline void name_server_finish(struct name_server *s)
{
	loop_watch_remove(s->watch);
	close(s->fd);
}
