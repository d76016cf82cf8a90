/* cdef expressions: whatever is accepted evaluates to finite or unknown values, and what is handed
 * on parses again to the same. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/rpn.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append_name(void *owner, const struct rpn *rpn, size_t index, GString *out)
{
	g_string_append(out, rpn_name(rpn, index));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const double column[] = {0, -1, 1e300, NAN};
	const double *columns[RPN_NAMES_MAX];
	double out[4];
	double again[4];
	struct rpn_span span = {.t0_s = 1000, .step_s = 10, .now_s = 2000, .rows = 4};
	AUTO(rpn) rpn = rpn_parse((const char *)data, size, NULL);
	if (!rpn) {
		return 0;
	}
	for (size_t i = 0; i < rpn_name_count(rpn); i++) {
		columns[i] = i % 3 ? column : NULL;
	}
	rpn_evaluate(rpn, &span, columns, out);
	GString *text = g_string_new(NULL);
	rpn_append(rpn, append_name, NULL, text);
	AUTO(rpn) copy = rpn_parse(text->str, text->len, NULL);
	if (copy) { /* numbers may grow in print, past the limit of the text */
		rpn_evaluate(copy, &span, columns, again);
	}
	for (size_t i = 0; i < 4; i++) {
		if (isinf(out[i]) || (copy && memcmp(&out[i], &again[i], sizeof(double)) &&
								 !(isnan(out[i]) && isnan(again[i])))) {
			abort();
		}
	}
	g_string_free(text, TRUE);
	return 0;
}
