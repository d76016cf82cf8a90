/*
 * The table of functions: what the parser accepts, the types of the checker and the code of the
 * evaluator all begin from function.def.
 */
#include "rules/function.h"

#include <string.h>

#include "base/text.h"

#include "base/banned.h"

static const struct function functions[] = {
#define FUNCTION(id, name, least, most, shape, result)                                             \
	{name, least, most, SHAPE_##shape, RESULT_##result, FUNCTION_##id},
#include "rules/function.def"
#undef FUNCTION
};

const struct function *function_find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_LENGTH(functions); i++) {
		if (strlen(functions[i].name) == length && !memcmp(functions[i].name, name, length)) {
			return &functions[i];
		}
	}
	return NULL;
}

const char *function_nearest(const char *name)
{
	const char *names[ARRAY_LENGTH(functions)];
	for (size_t i = 0; i < ARRAY_LENGTH(functions); i++) {
		names[i] = functions[i].name;
	}
	return text_nearest(name, names, ARRAY_LENGTH(names));
}

bool function_aggregates(const char *name)
{
	static const char *const names[] = {"sum", "avg", "min", "max", "median", "stddev", "quantile",
		"top", "count", "share", "distinct"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (!strcmp(names[i], name)) {
			return true;
		}
	}
	return false;
}
