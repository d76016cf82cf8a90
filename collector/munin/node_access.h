#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/socket.h>

#include <glib.h>

/*
 * Who may ask a node, as munin-node.conf says it: regular expressions and networks that allow or
 * deny an address. An IPv4 address inside IPv6 ("::ffff:192.0.2.1") counts as the IPv4 address.
 */
struct node_access;

enum node_access_verb { NODE_ALLOW, NODE_DENY };

struct node_access *node_access_create(void);
void node_access_destroy(struct node_access *access); /* NULL allowed */

/* A Perl-compatible expression over the address as text. CONFIG: it is none. */
MUST_USE bool node_access_add_pattern(
	struct node_access *access, enum node_access_verb verb, const char *pattern, struct error *err);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. CONFIG: it is none. */
MUST_USE bool node_access_add_network(
	struct node_access *access, enum node_access_verb verb, const char *network, struct error *err);

/* Whether anything allows somebody. */
bool node_access_allows_any(const struct node_access *access);

/*
 * Whether the peer may ask: no "deny" fits it, and one "allow" does. Of a peer without an internet
 * address (a Unix socket) only the file's permissions are asked: true.
 */
bool node_access_admits(const struct node_access *access, const struct sockaddr *peer);

/* "192.0.2.1" or "2001:db8::1" of a socket address, IPv4 inside IPv6 as IPv4; "" for others. */
enum { NODE_ACCESS_TEXT = 46 };
void node_access_format(const struct sockaddr *peer, char text[NODE_ACCESS_TEXT]);
