#include "web/head.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A head is read line by line, each ending in CR LF and nothing else: request line, fields, empty
 * line. Bytes are judged as they arrive, so that a TLS hello or an HTTP/2 preface is refused at its
 * first line and not at the deadline. Why so strict: two readers that understand one head
 * differently are what request smuggling lives on (RFC 9112, section 11.2), and libmicrohttpd takes
 * bare line feeds, folded lines, doubled lengths and raw NULs.
 */
struct fields {
	unsigned count, hosts, lengths, encodings, expectations;
	uint64_t body_length;
};

static enum head_state refuse(struct head *head, unsigned status, const char *reason)
{
	head->status = status;
	head->reason = reason;
	return HEAD_BAD;
}

/* RFC 9110, section 5.6.2: characters of a token. */
static bool is_token_char(unsigned char c)
{
	return g_ascii_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool span_is(const char *at, size_t length, const char *word)
{
	return length == strlen(word) && !memcmp(at, word, length);
}

static bool span_is_nocase(const char *at, size_t length, const char *word)
{
	return length == strlen(word) && !g_ascii_strncasecmp(at, word, length);
}

static enum head_state check_method(const char *at, size_t length, struct head *head)
{
	static const char *const served[] = {"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH"};
	for (size_t i = 0; i < length; i++) {
		if (!is_token_char((unsigned char)at[i])) {
			return refuse(head, 400, "the method is no token");
		}
	}
	for (size_t i = 0; i < ARRAY_LENGTH(served); i++) {
		if (span_is(at, length, served[i])) {
			return HEAD_WHOLE;
		}
	}
	if (span_is(at, length, "PRI")) {
		return refuse(head, 400, "HTTP/2 is not spoken here");
	}
	if (span_is(at, length, "TRACE") || span_is(at, length, "CONNECT") ||
		span_is(at, length, "OPTIONS")) {
		return refuse(head, 405, "this method is never allowed here");
	}
	return refuse(head, length ? 501 : 400, "unknown method");
}

static enum head_state check_target(const char *at, size_t length, struct head *head)
{
	if (length > HEAD_TARGET_MAX) {
		return refuse(head, 414, "the address is too long");
	}
	if (!length || at[0] != '/') {
		return refuse(head, 400, "the address does not begin with a slash");
	}
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)at[i];
		if (c <= 0x20 || c >= 0x7f || strchr("\\#\"<>", c)) {
			return refuse(head, 400, "the address holds a byte that must be encoded");
		}
	}
	return HEAD_WHOLE;
}

static enum head_state check_version(const char *at, size_t length, struct head *head)
{
	if (span_is(at, length, "HTTP/1.1") || span_is(at, length, "HTTP/1.0")) {
		return HEAD_WHOLE;
	}
	bool other = length == 8 && !memcmp(at, "HTTP/", 5) && g_ascii_isdigit(at[5]) && at[6] == '.' &&
				 g_ascii_isdigit(at[7]);
	return refuse(head, other ? 505 : 400, "only HTTP/1.0 and HTTP/1.1 are spoken here");
}

static enum head_state check_request_line(const char *line, size_t length, struct head *head)
{
	const char *first = memchr(line, ' ', length);
	size_t method = first ? (size_t)(first - line) : length;
	enum head_state state = check_method(line, method, head);
	if (state != HEAD_WHOLE) {
		return state;
	}
	if (!first) {
		return refuse(head, 400, "the request line has one word only");
	}
	const char *target = first + 1;
	size_t rest = length - method - 1;
	const char *second = memchr(target, ' ', rest);
	if (!second) {
		return refuse(head, rest > HEAD_TARGET_MAX ? 414 : 400, "the request line has no version");
	}
	state = check_target(target, (size_t)(second - target), head);
	return state != HEAD_WHOLE
			   ? state
			   : check_version(second + 1, rest - (size_t)(second - target) - 1, head);
}

/* Content-Length: 1*DIGIT, once; a list or a sign is refused. */
static enum head_state check_length(
	const char *value, size_t length, struct fields *fields, struct head *head)
{
	if (fields->lengths++ || !length || length > 18) {
		return refuse(head, 400, "more than one Content-Length, or none that can be read");
	}
	uint64_t number = 0;
	for (size_t i = 0; i < length; i++) {
		if (!g_ascii_isdigit(value[i])) {
			return refuse(head, 400, "a Content-Length that is no number");
		}
		number = number * 10 + (uint64_t)(value[i] - '0');
	}
	fields->body_length = number;
	return number > HEAD_BODY_MAX ? refuse(head, 413, "the body is larger than 1 MB") : HEAD_WHOLE;
}

static enum head_state check_host(
	const char *value, size_t length, struct fields *fields, struct head *head)
{
	bool bad = fields->hosts++ || !length || length > 255;
	for (size_t i = 0; i < length && !bad; i++) {
		bad = !g_ascii_isalnum(value[i]) && !strchr(".-_:[]", value[i]);
	}
	return bad ? refuse(head, 400, "Host must be there once and name a host") : HEAD_WHOLE;
}

static enum head_state check_known_field(const char *name, size_t n, const char *value, size_t v,
	struct fields *fields, struct head *head)
{
	if (span_is_nocase(name, n, "content-length")) {
		return check_length(value, v, fields, head);
	}
	if (span_is_nocase(name, n, "host")) {
		return check_host(value, v, fields, head);
	}
	if (span_is_nocase(name, n, "transfer-encoding")) {
		if (fields->encodings++) {
			return refuse(head, 400, "more than one Transfer-Encoding");
		}
		return span_is_nocase(value, v, "chunked") ? HEAD_WHOLE
												   : refuse(head, 501, "unknown Transfer-Encoding");
	}
	if (span_is_nocase(name, n, "content-encoding") && !span_is_nocase(value, v, "identity")) {
		return refuse(head, 415, "compressed bodies are not read");
	}
	if (span_is_nocase(name, n, "expect")) {
		fields->expectations++;
		return span_is_nocase(value, v, "100-continue") ? HEAD_WHOLE
														: refuse(head, 417, "unknown expectation");
	}
	if (span_is_nocase(name, n, "upgrade")) {
		return refuse(head, 400, "no other protocol is spoken here");
	}
	return HEAD_WHOLE;
}

static enum head_state check_field(
	const char *line, size_t length, struct fields *fields, struct head *head)
{
	if (++fields->count > HEAD_FIELDS_MAX) {
		return refuse(head, 431, "too many header fields");
	}
	size_t n = 0;
	while (n < length && is_token_char((unsigned char)line[n])) {
		n++;
	}
	if (!n || n == length || line[n] != ':') {
		return refuse(head, 400, "a header line that is folded, or whose name is no token");
	}
	const char *value = line + n + 1;
	size_t v = length - n - 1;
	for (size_t i = 0; i < v; i++) {
		unsigned char c = (unsigned char)value[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			return refuse(head, 400, "a control character in a header");
		}
	}
	while (v && (*value == ' ' || *value == '\t')) {
		value++;
		v--;
	}
	while (v && (value[v - 1] == ' ' || value[v - 1] == '\t')) {
		v--;
	}
	return check_known_field(line, n, value, v, fields, head);
}

static enum head_state check_whole(
	const char *bytes, size_t length, const struct fields *fields, struct head *head)
{
	const char *end = memchr(bytes, '\r', length);
	bool old = end - bytes > 3 && end[-1] == '0';
	if (fields->hosts == 0 && !old) {
		return refuse(head, 400, "Host is missing");
	}
	if (fields->encodings && (fields->lengths || old)) {
		return refuse(head, 400, "Transfer-Encoding together with Content-Length or HTTP/1.0");
	}
	if (fields->expectations && !fields->encodings && !fields->body_length) {
		return refuse(head, 417, "an expectation without a body");
	}
	head->length = length;
	head->has_body = fields->encodings || fields->body_length;
	return HEAD_WHOLE;
}

/* The unfinished last line: what cannot become right is refused at once. */
static enum head_state check_rest(const char *line, size_t length, bool first, struct head *head)
{
	if (memchr(line, '\n', length)) {
		return refuse(head, 400, "a line that ends without CR LF");
	}
	for (size_t i = 0; first && i < length && line[i] != ' '; i++) {
		if (!is_token_char((unsigned char)line[i]) || i > 32) {
			return refuse(head, 400, "this is no HTTP");
		}
	}
	if (first && length > HEAD_TARGET_MAX + 64) {
		return refuse(head, 414, "the address is too long");
	}
	return HEAD_PARTIAL;
}

enum head_state head_check(const char *bytes, size_t length, struct head *head)
{
	struct fields fields = {0};
	*head = (struct head){0};
	size_t at = 0;
	while (at < length) {
		const char *line = bytes + at;
		const char *cr = memchr(line, '\r', length - at);
		const char *lf = memchr(line, '\n', cr ? (size_t)(cr - line) : length - at);
		if (lf || !cr || cr + 1 == bytes + length) {
			enum head_state state = check_rest(line, length - at, at == 0, head);
			if (state == HEAD_PARTIAL && length >= HEAD_MAX_BYTES) {
				return refuse(head, 431, "the head is larger than 16 KB");
			}
			return state;
		}
		if (cr[1] != '\n') {
			return refuse(head, 400, "a line that ends without CR LF");
		}
		size_t n = (size_t)(cr - line);
		enum head_state state = at == 0 ? check_request_line(line, n, head)
								: n     ? check_field(line, n, &fields, head)
										: check_whole(bytes, at + 2, &fields, head);
		if (state != HEAD_WHOLE || head->length) {
			return state;
		}
		at += n + 2;
	}
	return length >= HEAD_MAX_BYTES ? refuse(head, 431, "the head is larger than 16 KB")
									: HEAD_PARTIAL;
}
