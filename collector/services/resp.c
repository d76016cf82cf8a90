#include "collector/services/resp.h"
#include "base/number.h"

#include <string.h>

#include "base/banned.h"

/*
 * A reply is a line that says its kind, and for bulk texts as many bytes as the line announces,
 * with a line end of their own. Nothing is kept between two calls: what is not whole is looked at
 * again when more has come.
 */
enum { RESP_LINE_MAX = 1024 };

/* Length of the first line without CR LF, -1: not whole, -2: none can come of it. */
static ptrdiff_t resp_line(const char *bytes, size_t length)
{
	size_t looked = MIN(length, RESP_LINE_MAX);
	const char *end = memchr(bytes, '\n', looked);
	if (!end) {
		return looked == RESP_LINE_MAX ? -2 : -1;
	}
	return end > bytes && end[-1] == '\r' ? end - bytes - 1 : -2;
}

static enum resp_result resp_bulk(
	const char *bytes, size_t length, size_t line, struct resp_value *value, size_t *used)
{
	long long announced = 0;
	if (!number_parse_int(bytes + 1, line - 1, -1, RESP_TEXT_MAX, &announced)) {
		return RESP_BROKEN;
	}
	*used = line + 2;
	if (announced < 0) {
		*value = (struct resp_value){RESP_NULL, bytes, 0};
		return RESP_DONE;
	}
	size_t size = (size_t)announced;
	if (length - *used < size + 2) {
		return RESP_MORE;
	}
	const char *text = bytes + *used;
	if (text[size] != '\r' || text[size + 1] != '\n') {
		return RESP_BROKEN;
	}
	*value = (struct resp_value){RESP_BULK, text, size};
	*used += size + 2;
	return RESP_DONE;
}

enum resp_result resp_parse(
	const char *bytes, size_t length, struct resp_value *value, size_t *used)
{
	if (!length) {
		return RESP_MORE;
	}
	const char *kind = memchr("+-:$", bytes[0], 4);
	if (!kind) {
		return RESP_BROKEN;
	}
	ptrdiff_t line = resp_line(bytes, length);
	if (line < 1) {
		return line == -1 ? RESP_MORE : RESP_BROKEN;
	}
	if (*kind == '$') {
		return resp_bulk(bytes, length, (size_t)line, value, used);
	}
	enum resp_kind is = *kind == '+' ? RESP_STATUS : *kind == '-' ? RESP_ERROR : RESP_NUMBER;
	*value = (struct resp_value){is, bytes + 1, (size_t)line - 1};
	*used = (size_t)line + 2;
	return RESP_DONE;
}

void resp_append(GString *out, const char *const *words, size_t count)
{
	g_string_append_printf(out, "*%zu\r\n", count);
	for (size_t i = 0; i < count; i++) {
		g_string_append_printf(out, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
	}
}

bool resp_is_error(const struct resp_value *value, const char *code)
{
	size_t length = strlen(code);
	return value->kind == RESP_ERROR && value->length >= length &&
		   !memcmp(value->text, code, length) &&
		   (value->length == length || value->text[length] == ' ');
}
