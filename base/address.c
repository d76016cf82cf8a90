#include "base/address.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include <glib.h>

#include "base/number.h"
#include "base/text.h"

#include "base/banned.h"

/*
 * Two readers of one URL that disagree about its host are how requests are sent astray. So this one
 * takes only URLs that leave nothing to interpret (RFC 3986 without user information, without
 * fragments, hosts of plain letters), and all else is refused when the configuration is read.
 */

static bool address_is_host_text(const char *host, size_t length)
{
	if (length == 0 || length > ADDRESS_HOST_MAX || host[0] == '.' || host[0] == '-') {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (!g_ascii_isalnum(host[i]) && !strchr(".-_", host[i])) {
			return false;
		}
		if (host[i] == '.' && i + 1 < length && host[i + 1] == '.') {
			return false;
		}
	}
	return true;
}

/* Reads "HOST", "HOST:PORT", "[V6]" or "[V6]:PORT"; false if it is none of them. */
static bool address_split_host(
	const char *text, size_t length, char host[ADDRESS_HOST_MAX + 1], const char **port_text)
{
	const char *end = text + length;
	const char *behind;
	if (length && text[0] == '[') {
		const char *close = memchr(text, ']', length);
		struct in6_addr v6;
		if (!close || close - text - 1 >= INET6_ADDRSTRLEN) {
			return false;
		}
		memcpy(host, text + 1, (size_t)(close - text - 1));
		host[close - text - 1] = '\0';
		if (inet_pton(AF_INET6, host, &v6) != 1) {
			return false;
		}
		behind = close + 1;
	} else {
		const char *colon = memchr(text, ':', length);
		behind = colon ? colon : end;
		if (!address_is_host_text(text, (size_t)(behind - text))) {
			return false;
		}
		memcpy(host, text, (size_t)(behind - text));
		host[behind - text] = '\0';
	}
	*port_text = behind == end ? NULL : behind + 1;
	return behind == end || *behind == ':';
}

static bool address_port(const char *text, size_t length, long long least, uint16_t *port)
{
	long long number;
	if (!number_parse_int(text, length, least, 65535, &number)) {
		return false;
	}
	*port = (uint16_t)number;
	return true;
}

static bool address_is_url_text(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}#", *p)) {
			return false;
		}
		if (*p == '%' && (!g_ascii_isxdigit(p[1]) || !g_ascii_isxdigit(p[2]))) {
			return false;
		}
	}
	return true;
}

static bool address_scheme(
	const char *text, const char *const *schemes, struct address_url *url, const char **behind)
{
	for (size_t i = 0; schemes[i]; i++) {
		size_t length = strlen(schemes[i]);
		if (g_ascii_strncasecmp(text, schemes[i], length) == 0 &&
			strncmp(text + length, "://", 3) == 0) {
			text_copy(url->scheme, sizeof(url->scheme), schemes[i]);
			*behind = text + length + 3;
			return true;
		}
	}
	return false;
}

bool address_parse_url(
	const char *text, const char *const *schemes, struct address_url *url, struct error *err)
{
	const char *authority, *port_text;
	memset(url, 0, sizeof(*url));
	if (strlen(text) > ADDRESS_URL_MAX) {
		return error_set(err, ERR_CONFIG, "the URL has more than %d bytes", ADDRESS_URL_MAX);
	}
	if (!address_scheme(text, schemes, url, &authority)) {
		g_autofree char *all = g_strjoinv(":// or ", (char **)schemes);
		return error_set(err, ERR_CONFIG, "expected a URL that begins with %s://", all);
	}
	if (!address_is_url_text(text)) {
		return error_set(err, ERR_CONFIG,
			"the URL holds a blank or another character that has to be percent-encoded");
	}
	size_t length = strcspn(authority, "/?");
	url->path = authority + length;
	if (memchr(authority, '@', length)) {
		return error_set(err, ERR_CONFIG, "no user or password may stand in the URL");
	}
	if (!address_split_host(authority, length, url->host, &port_text)) {
		return error_set(err, ERR_CONFIG, "the URL's host is not valid");
	}
	if (port_text && !address_port(port_text, (size_t)(url->path - port_text), 1, &url->port)) {
		return error_set(err, ERR_CONFIG, "the URL's port is not a number from 1 to 65535");
	}
	return true;
}

bool address_parse_endpoint(
	const char *text, char host[ADDRESS_HOST_MAX + 1], uint16_t *port, struct error *err)
{
	const char *port_text = NULL;
	if (!address_split_host(text, strlen(text), host, &port_text) || !port_text ||
		!address_port(port_text, strlen(port_text), 0, port)) {
		return error_set(
			err, ERR_CONFIG, "expected ADDRESS:PORT such as 127.0.0.1:8080 or [::1]:8080");
	}
	return true;
}

/* RFC 5321 section 4.1.2, Dot-string: atoms of atext joined by single dots. */
static bool address_is_local_part(const char *text, size_t length)
{
	if (length == 0 || length > 64 || text[0] == '.' || text[length - 1] == '.') {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (!g_ascii_isalnum(text[i]) && !strchr("!#$%&'*+-/=?^_`{|}~.", text[i])) {
			return false;
		}
		if (text[i] == '.' && text[i - 1] == '.') {
			return false;
		}
	}
	return true;
}

bool address_check_mail(const char *text, struct error *err)
{
	const char *at = strrchr(text, '@');
	size_t domain = at ? strlen(at + 1) : 0;
	bool literal = domain > 2 && at[1] == '[' && at[domain] == ']' &&
				   strspn(at + 2, "0123456789abcdefABCDEF.:IPv") == domain - 2;
	if (!at || strlen(text) > ADDRESS_MAIL_MAX ||
		!address_is_local_part(text, (size_t)(at - text)) ||
		(!literal && !address_is_host_text(at + 1, domain))) {
		return error_set(err, ERR_CONFIG,
			"expected one plain mail address such as ops@example.org (no name, no <>, no line "
			"end)");
	}
	return true;
}

static enum address_class address_classify_v4(uint32_t a)
{
	if (a >> 24 == 127 || a >> 24 == 0) {
		return ADDRESS_LOOPBACK;
	}
	if (a >> 16 == 0xa9fe) {
		return ADDRESS_LINK;
	}
	return a >> 28 >= 0xe ? ADDRESS_NO_HOST : ADDRESS_WIDE;
}

static enum address_class address_classify_v6(const unsigned char *b)
{
	static const unsigned char zero[16];
	static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const unsigned char aws_metadata[16] = {
		0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};
	uint32_t low = (uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15];
	bool mapped = memcmp(b, zero, 10) == 0 && b[10] == 0xff && b[11] == 0xff;
	if (memcmp(b, zero, 15) == 0 && b[15] <= 1) {
		return ADDRESS_LOOPBACK;
	}
	if (mapped || memcmp(b, nat64, 12) == 0 || memcmp(b, zero, 12) == 0) {
		return address_classify_v4(low);
	}
	if ((b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || memcmp(b, aws_metadata, 16) == 0) {
		return ADDRESS_LINK;
	}
	return b[0] == 0xff ? ADDRESS_NO_HOST : ADDRESS_WIDE;
}

enum address_class address_classify(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof(v4));
		return address_classify_v4(ntohl(v4.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, address, sizeof(v6));
		return address_classify_v6(v6.sin6_addr.s6_addr);
	}
	return ADDRESS_NO_HOST;
}

enum address_class address_class_of_host(const char *host)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		return address_classify((const struct sockaddr *)&v4);
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		return address_classify((const struct sockaddr *)&v6);
	}
	size_t length = strlen(host);
	return strcasecmp(host, "localhost") == 0 ||
				   (length > 10 && strcasecmp(host + length - 10, ".localhost") == 0)
			   ? ADDRESS_LOOPBACK
			   : ADDRESS_WIDE;
}
