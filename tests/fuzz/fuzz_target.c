/* Address and parameters of a request: whatever is accepted is clean UTF-8 without a slash, a dot
 * segment or a control character in its parts; but texts of query languages may have lines. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/request.h"
#include "web/span.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool may_have_lines(const char *name)
{
	return !strcmp(name, "query") || !strcmp(name, "match[]") || !strcmp(name, "target");
}

static void check(const char *text, const char *forbidden, bool lines)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\n' && lines) {
			continue;
		}
		if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr(forbidden, *c)) {
			abort();
		}
	}
	if (!g_utf8_validate(text, -1, NULL)) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request r = {.now = {.ms = 1000000000LL * 1000}};
	struct span span;
	char *target = g_strndup((const char *)data, size);
	if (request_parse_target(&r, target, NULL)) {
		for (size_t i = 0; i < r.segment_count; i++) {
			check(r.segments[i], "/\\;", false);
			if (!*r.segments[i] || !strcmp(r.segments[i], "..") || !strcmp(r.segments[i], ".")) {
				abort();
			}
		}
		for (size_t i = 0; i < r.parameter_count; i++) {
			check(r.parameters[i].name, "", false);
			check(r.parameters[i].value, "", may_have_lines(r.parameters[i].name));
		}
		if (span_read(&r, 86400, &span, NULL) &&
			(span.from_s < 0 || span.from_s >= span.to_s || span.step_s < 0 ||
				(span.step_s && (span.to_s - span.from_s) / span.step_s > ARCHIVE_POINTS_MAX))) {
			abort();
		}
	}
	request_finish(&r);
	g_free(target);
	return 0;
}
