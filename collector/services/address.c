#include "collector/services/address.h"
#include "base/text.h"

#include <string.h>

#include "base/banned.h"

/*
 * A bare IPv6 literal is told from HOST:PORT by its second colon. Everything else is left to the
 * strict reader of endpoints.
 */

static bool service_address_unix(
	const char *path, const char *text, struct service_address *address, struct error *err)
{
	bool good = (path[0] == '/' || path[0] == '@') && path[1];
	if (!good || strlen(path) >= sizeof address->path) {
		return error_set(err, ERR_CONFIG, "\"%.200s\" is no address of a Unix socket", text);
	}
	return text_copy(address->path, sizeof address->path, path);
}

bool service_address_parse(const char *text, struct service_address *address, struct error *err)
{
	*address = (struct service_address){0};
	if (!strncmp(text, "unix://", 7)) {
		return service_address_unix(text + 7, text, address, err);
	}
	if (!strncmp(text, "unix:", 5)) {
		return service_address_unix(text + 5, text, address, err);
	}
	const char *colon = strchr(text, ':');
	const char *bracket = strrchr(text, ']');
	bool bare_v6 = text[0] != '[' && colon && strchr(colon + 1, ':');
	bool no_port = bare_v6 || (bracket ? !bracket[1] : !colon);
	char whole[ADDRESS_HOST_MAX + 16];
	int length =
		g_snprintf(whole, sizeof whole, bare_v6 ? "[%s]%s" : "%s%s", text, no_port ? ":0" : "");
	struct error why = {0};
	if (length >= (int)sizeof whole ||
		!address_parse_endpoint(whole, address->host, &address->port, &why) ||
		(!no_port && !address->port)) {
		return error_set(err, ERR_CONFIG,
			"\"%.100s\" is no address: HOST, HOST:PORT, [V6]:PORT or unix:///PATH", text);
	}
	return true;
}
