/*
 * Addresses are brought to one form first (sixteen bytes, IPv4 mapped), so that a rule cannot be
 * passed by writing the address in another way.
 */
#include "collector/munin/node_access.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/banned.h"

struct node_rule {
	enum node_access_verb verb;
	GRegex *pattern; /* NULL: a network */
	struct in6_addr network;
	unsigned bits;
};

struct node_access {
	GPtrArray *rules; /* struct node_rule *, owned */
};

static void node_rule_free(gpointer data)
{
	struct node_rule *rule = data;
	g_clear_pointer(&rule->pattern, g_regex_unref);
	g_free(rule);
}

struct node_access *node_access_create(void)
{
	struct node_access *access = g_new0(struct node_access, 1);
	access->rules = g_ptr_array_new_with_free_func(node_rule_free);
	return access;
}

void node_access_destroy(struct node_access *access)
{
	if (access) {
		g_ptr_array_unref(access->rules);
		g_free(access);
	}
}

static struct node_rule *node_access_add(struct node_access *access, enum node_access_verb verb)
{
	struct node_rule *rule = g_new0(struct node_rule, 1);
	rule->verb = verb;
	g_ptr_array_add(access->rules, rule);
	return rule;
}

bool node_access_add_pattern(
	struct node_access *access, enum node_access_verb verb, const char *pattern, struct error *err)
{
	g_autoptr(GError) wrong = NULL;
	GRegex *regex = g_regex_new(pattern, G_REGEX_RAW, 0, &wrong);
	if (!regex) {
		return error_set(err, ERR_CONFIG, "%s", wrong->message);
	}
	node_access_add(access, verb)->pattern = regex;
	return true;
}

static struct in6_addr node_access_mapped(struct in_addr v4)
{
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(&address.s6_addr[12], &v4, sizeof(v4));
	return address;
}

bool node_access_add_network(
	struct node_access *access, enum node_access_verb verb, const char *network, struct error *err)
{
	const char *slash = strchr(network, '/');
	g_autofree char *host = g_strndup(network, slash ? (size_t)(slash - network) : strlen(network));
	struct in_addr v4;
	struct in6_addr address;
	bool is_v4 = inet_pton(AF_INET, host, &v4) == 1;
	if (!is_v4 && inet_pton(AF_INET6, host, &address) != 1) {
		return error_set(err, ERR_CONFIG, "not an address: \"%.60s\"", host);
	}
	if (is_v4) {
		address = node_access_mapped(v4);
	}
	long long bits = is_v4 ? 32 : 128;
	if (slash && !number_parse_int(slash + 1, strlen(slash + 1), 0, bits, &bits)) {
		return error_set(err, ERR_CONFIG,
			"behind \"/\" stands a number of bits from 0 to %lld, "
			"not \"%.20s\"",
			bits, slash + 1);
	}
	struct node_rule *rule = node_access_add(access, verb);
	rule->network = address;
	rule->bits = (unsigned)bits + (is_v4 ? 96 : 0);
	return true;
}

bool node_access_allows_any(const struct node_access *access)
{
	for (guint i = 0; i < access->rules->len; i++) {
		const struct node_rule *rule = access->rules->pdata[i];
		if (rule->verb == NODE_ALLOW) {
			return true;
		}
	}
	return false;
}

/* The peer in sixteen bytes; false: it has no internet address. */
static bool node_access_address(const struct sockaddr *peer, struct in6_addr *address)
{
	if (peer->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, peer, sizeof(v4));
		*address = node_access_mapped(v4.sin_addr);
		return true;
	}
	if (peer->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, peer, sizeof(v6));
		*address = v6.sin6_addr;
		return true;
	}
	return false;
}

void node_access_format(const struct sockaddr *peer, char text[NODE_ACCESS_TEXT])
{
	struct in6_addr address;
	text[0] = '\0';
	if (!node_access_address(peer, &address)) {
		return;
	}
	if (IN6_IS_ADDR_V4MAPPED(&address)) {
		inet_ntop(AF_INET, &address.s6_addr[12], text, NODE_ACCESS_TEXT);
	} else {
		inet_ntop(AF_INET6, &address, text, NODE_ACCESS_TEXT);
	}
}

static bool node_rule_fits(
	const struct node_rule *rule, const struct in6_addr *address, const char *text)
{
	if (rule->pattern) {
		return g_regex_match(rule->pattern, text, 0, NULL);
	}
	unsigned bytes = rule->bits / 8;
	unsigned rest = rule->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);
	return !memcmp(address->s6_addr, rule->network.s6_addr, bytes) &&
		   (!rest || ((address->s6_addr[bytes] ^ rule->network.s6_addr[bytes]) & mask) == 0);
}

bool node_access_admits(const struct node_access *access, const struct sockaddr *peer)
{
	struct in6_addr address;
	char text[NODE_ACCESS_TEXT];
	if (!node_access_address(peer, &address)) {
		return true;
	}
	node_access_format(peer, text);
	bool allowed = false;
	for (guint i = 0; i < access->rules->len; i++) {
		const struct node_rule *rule = access->rules->pdata[i];
		if (node_rule_fits(rule, &address, text)) {
			if (rule->verb == NODE_DENY) {
				return false;
			}
			allowed = true;
		}
	}
	return allowed;
}
