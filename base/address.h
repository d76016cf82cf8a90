#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Addresses as people configure them: URLs, HOST:PORT, mail addresses. Strict, because what passes
 * here goes into a request line, an SMTP command or a header: no control characters, blanks, quotes
 * or "<>".
 */
enum { ADDRESS_HOST_MAX = 253, ADDRESS_URL_MAX = 2048, ADDRESS_MAIL_MAX = 254 };

struct address_url {
	char scheme[8];                  /* lower case */
	char host[ADDRESS_HOST_MAX + 1]; /* name or literal, IPv6 without brackets */
	uint16_t port;                   /* 0: not given */
	const char *path;                /* from "/" or "?" on, inside the text; "" if there is none */
};

/*
 * Splits `text`; `schemes` is NULL-terminated, in lower case. CONFIG: no URL of one of these
 * schemes, a user or password in it, a fragment, a character that has to be percent-encoded, longer
 * than ADDRESS_URL_MAX.
 */
MUST_USE bool address_parse_url(
	const char *text, const char *const *schemes, struct address_url *url, struct error *err);

/* "127.0.0.1:8080", "[::1]:8080", "name:0": into host and port. CONFIG: it is none. */
MUST_USE bool address_parse_endpoint(
	const char *text, char host[ADDRESS_HOST_MAX + 1], uint16_t *port, struct error *err);

/* One plain address "local@domain" (RFC 5321, dot-string only, no quoted local parts). CONFIG: it
 * is none. */
MUST_USE bool address_check_mail(const char *text, struct error *err);

/* Where a socket address leads. IPv4 inside IPv6 counts as the IPv4 address. */
enum address_class {
	ADDRESS_WIDE,     /* anything else, private networks too */
	ADDRESS_LOOPBACK, /* 127/8, ::1, and the unspecified ones, which Linux takes for it */
	ADDRESS_LINK,     /* link-local, with it the clouds' metadata services */
	ADDRESS_NO_HOST,  /* multicast, broadcast, no internet address at all */
};
enum address_class address_classify(const struct sockaddr *address);

/* Class that a host in a URL names by itself: a literal's, or LOOPBACK for "localhost"; else WIDE.
 */
enum address_class address_class_of_host(const char *host);
