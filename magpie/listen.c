#include "magpie/listen.h"
#include "base/auto.h"
#include "base/file.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/banned.h"

/*
 * The one listening socket. It is bound here, before any role starts, so that a wrong address is
 * told at once and a restarted web role finds the connections that came meanwhile waiting.
 */

union listen_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool listen_parse(const char *text, union listen_address *address, socklen_t *length)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	long long port;
	size_t n = colon ? (size_t)(colon - text) : 0;
	if (!colon || n >= sizeof(host) ||
		!number_parse_int(colon + 1, strlen(colon + 1), 0, 65535, &port)) {
		return false;
	}
	bool brackets = n >= 2 && text[0] == '[' && text[n - 1] == ']';
	memcpy(host, text + brackets, n - 2U * brackets);
	host[n - 2U * brackets] = '\0';
	memset(address, 0, sizeof(*address));
	if (brackets) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons((uint16_t)port);
		*length = sizeof(address->v6);
		return inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1;
	}
	address->v4.sin_family = AF_INET;
	address->v4.sin_port = htons((uint16_t)port);
	*length = sizeof(address->v4);
	return inet_pton(AF_INET, host, &address->v4.sin_addr) == 1;
}

static bool listen_is_loopback(const union listen_address *address)
{
	if (address->any.sa_family == AF_INET) {
		return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
	}
	return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static void listen_format(const union listen_address *address, char bound[LISTEN_TEXT])
{
	char host[INET6_ADDRSTRLEN];
	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
		snprintf(bound, LISTEN_TEXT, "%s:%u", host, ntohs(address->v4.sin_port));
	} else {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
		snprintf(bound, LISTEN_TEXT, "[%s]:%u", host, ntohs(address->v6.sin6_port));
	}
}

int listen_open(const char *text, bool insecure, char bound[LISTEN_TEXT], struct error *err)
{
	union listen_address address;
	socklen_t length;
	if (!listen_parse(text, &address, &length)) {
		error_set(err, ERR_CONFIG,
			"listen \"%.60s\": expected ADDR:PORT, for example 127.0.0.1:8080 or [::1]:8080", text);
		return -1;
	}
	if (!insecure && !listen_is_loopback(&address)) {
		error_set(err, ERR_CONFIG,
			"listen \"%.60s\": plain HTTP is served on this machine's own addresses only; say "
			"\"insecure_http yes\" in magpie.conf to serve it to the network",
			text);
		return -1;
	}
	AUTO_FD fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		bind(fd, &address.any, length) || listen(fd, 1024) ||
		getsockname(fd, &address.any, &length)) {
		error_errno(err, ERR_UNREACHABLE, errno, "listen \"%.60s\"", text);
		return -1;
	}
	listen_format(&address, bound);
	return STEAL_FD(fd);
}

bool listen_remember(const char *data_dir, const char *bound, struct error *err)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/listen", data_dir);
	return file_replace(AT_FDCWD, path, bound, strlen(bound), 0644, err);
}

bool listen_recall(const char *data_dir, char bound[LISTEN_TEXT], struct error *err)
{
	char path[4096];
	size_t length;
	snprintf(path, sizeof(path), "%s/listen", data_dir);
	AUTO_FREE char *text = file_read(AT_FDCWD, path, LISTEN_TEXT - 1, &length, err);
	if (!text) {
		return false;
	}
	memcpy(bound, text, length + 1);
	return true;
}
