#include "rrd/graphargs.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * graph_args as a plugin may write them: whatever comes in, what comes out are values that rrdtool
 * takes.
 */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct graphargs args;
	char *text = malloc(size + 1);
	if (!text) {
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	graphargs_read(text, &args);
	assert(args.base == 1000 || args.base == 1024);
	assert(!isinf(args.lower) && !isinf(args.upper));
	assert(args.count <= GRAPHARGS_MAX);
	for (size_t i = 0; i < args.count; i++) {
		assert(args.options[i].option[0] == '-');
		assert(strlen(args.options[i].value) <= GRAPHARGS_TEXT_MAX);
	}
	graphargs_is_format(text);
	assert(!args.logarithmic || isnan(args.lower) || args.lower > 0);
	free(text);
	return 0;
}
