#include "rrd/task.h"

#include <string.h>

#include "base/banned.h"

/*
 * The table of kinds of long work, from rrd/task.def. A verb that is not in it is refused by its
 * name.
 */
#define TASK(verb, kind, help) {verb, &(kind)},
static const struct {
	const char *verb;
	const struct task_kind *kind;
} kinds[] = {
#include "rrd/task.def"
};
#undef TASK

const struct task_kind *task_find(const char *verb)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (!strcmp(kinds[i].verb, verb)) {
			return kinds[i].kind;
		}
	}
	return NULL;
}
