#include "collector/services/varnish_cli.h"
#include "base/number.h"

#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The head of an answer is "%-3d %-8u\n". Longer answers than VARNISH_CLI_MAX break the dialogue:
 * nothing that is asked here is long.
 */
enum { VARNISH_HEAD = 13, VARNISH_CHALLENGE = 32 };

enum varnish_cli varnish_cli_read(
	const char *bytes, size_t length, struct varnish_answer *answer, size_t *used)
{
	long long status, size;
	if (length < VARNISH_HEAD) {
		return VARNISH_CLI_MORE;
	}
	const char *end = memchr(bytes + 4, ' ', 8);
	size_t digits = end ? (size_t)(end - bytes) - 4 : 8;
	if (bytes[3] != ' ' || bytes[VARNISH_HEAD - 1] != '\n' ||
		!number_parse_int(bytes, 3, 100, 999, &status) ||
		!number_parse_int(bytes + 4, digits, 0, VARNISH_CLI_MAX, &size)) {
		return VARNISH_CLI_BROKEN;
	}
	if (length < VARNISH_HEAD + (size_t)size + 1) {
		return VARNISH_CLI_MORE;
	}
	if (bytes[VARNISH_HEAD + size] != '\n') {
		return VARNISH_CLI_BROKEN;
	}
	*answer = (struct varnish_answer){
		.status = (int)status, .text = bytes + VARNISH_HEAD, .length = (size_t)size};
	*used = VARNISH_HEAD + (size_t)size + 1;
	return VARNISH_CLI_WHOLE;
}

bool varnish_cli_prove(
	const struct varnish_answer *answer, const char *secret, char digest[VARNISH_DIGEST])
{
	if (answer->length < VARNISH_CHALLENGE + 1 || answer->text[VARNISH_CHALLENGE] != '\n') {
		return false;
	}
	for (size_t i = 0; i < VARNISH_CHALLENGE; i++) {
		if (!g_ascii_isalpha(answer->text[i])) {
			return false;
		}
	}
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	const guchar *challenge = (const guchar *)answer->text;
	g_checksum_update(sum, challenge, VARNISH_CHALLENGE + 1);
	g_checksum_update(sum, (const guchar *)secret, (gssize)strlen(secret));
	g_checksum_update(sum, challenge, VARNISH_CHALLENGE + 1);
	g_strlcpy(digest, g_checksum_get_string(sum), VARNISH_DIGEST);
	g_checksum_free(sum);
	return true;
}

bool varnish_cli_state(const struct varnish_answer *answer, char *out, size_t size)
{
	static const char lead[] = "Child in state ";
	size_t n = 0;
	if (answer->length < sizeof lead - 1 || memcmp(answer->text, lead, sizeof lead - 1) != 0) {
		return false;
	}
	for (size_t i = sizeof lead - 1; i < answer->length && n + 1 < size; i++) {
		if (!g_ascii_isalpha(answer->text[i])) {
			break;
		}
		out[n++] = answer->text[i];
	}
	out[n] = '\0';
	return n > 0;
}
