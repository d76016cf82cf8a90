#pragma once
/*
 * What every unit test includes: cmocka with what it needs before it, and a few things it lacks.
 */
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* cmocka 1.1.5 compares float only; NaN is near NaN. */
#define assert_near(a, b, tolerance)                                                               \
	do {                                                                                           \
		double near_a_ = (a);                                                                      \
		double near_b_ = (b);                                                                      \
		if (!(isnan(near_a_) && isnan(near_b_)) && !(fabs(near_a_ - near_b_) <= (tolerance))) {    \
			fail_msg("%s is %.17g, not %.17g", #a, near_a_, near_b_);                              \
		}                                                                                          \
	} while (0)

static inline int test_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Removes a directory with all that is in it and frees the path. */
static inline void test_directory_remove(char *path)
{
	nftw(path, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

/* A fresh directory of its own; goes with test_directory_remove(). */
static inline char *test_directory(void)
{
	const char *base = getenv("TMPDIR");
	char *path = NULL;
	if (asprintf(&path, "%s/magpie.XXXXXX", base ? base : "/tmp") < 0 || !mkdtemp(path)) {
		abort();
	}
	return path;
}
