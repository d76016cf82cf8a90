/*
 * What a single text of magpie.conf has to be; the message says what was expected.
 */
#include "model/config_check.h"

#include <regex.h>
#include <string.h>

#include "base/address.h"
#include "model/ident.h"

#include "base/banned.h"

enum { PATH_TEXT_MAX = 4000 };

bool config_check_no_control(const char *text, struct error *err)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			return error_set(err, ERR_CONFIG, "no line end or control character may stand here");
		}
	}
	return strlen(text) <= PATH_TEXT_MAX ||
		   error_set(err, ERR_CONFIG, "longer than %d bytes", PATH_TEXT_MAX);
}

bool config_check_path(const char *text, struct error *err)
{
	return text[0] == '/' ? config_check_no_control(text, err)
						  : error_set(err, ERR_CONFIG, "expected an absolute path (\"/...\")");
}

bool config_check_endpoint(const char *text, struct error *err)
{
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port;
	return address_parse_endpoint(text, host, &port, err);
}

bool config_check_http_url(const char *text, struct error *err)
{
	static const char *const schemes[] = {"http", "https", NULL};
	struct address_url url;
	return address_parse_url(text, schemes, &url, err);
}

bool config_check_base_url(const char *text, struct error *err)
{
	return config_check_http_url(text, err) &&
		   (!strchr(text, '?') ||
			   error_set(err, ERR_CONFIG, "no query may stand in Magpie's own address"));
}

bool config_check_smtp_url(const char *text, struct error *err)
{
	static const char *const schemes[] = {"smtp", "smtps", NULL};
	struct address_url url;
	return address_parse_url(text, schemes, &url, err) &&
		   (!*url.path || error_set(err, ERR_CONFIG, "nothing follows the mail server's port"));
}

bool config_check_host(const char *text, struct error *err)
{
	return ident_is_host(text) ||
		   error_set(err, ERR_CONFIG,
			   "expected the name of a host: letters, digits, \"_\", \"-\" and \".\"");
}

bool config_check_group(const char *text, struct error *err)
{
	return ident_is_group(text) ||
		   error_set(err, ERR_CONFIG, "expected a group: names parted by \"/\"");
}

bool config_check_pattern(const char *text, struct error *err)
{
	regex_t regex;
	if (!*text || strlen(text) > 1000) {
		return error_set(err, ERR_CONFIG, "expected a regular expression of 1 to 1000 bytes");
	}
	int code = regcomp(&regex, text, REG_EXTENDED | REG_NOSUB);
	if (code) {
		char why[120];
		regerror(code, &regex, why, sizeof(why));
		return error_set(err, ERR_CONFIG, "no regular expression: %s", why);
	}
	regfree(&regex);
	return true;
}
