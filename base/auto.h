#pragma once
#include <stdlib.h>
#include <unistd.h>

/*
 * Scope cleanup in place of goto. DEFINE_AUTO(rule) stands behind the declaration of rule_destroy()
 * and makes AUTO(rule) usable: the object is destroyed on every way out unless STEAL(r) handed it
 * on.
 */
#define DEFINE_AUTO(type)                                                                          \
	static inline void type##_auto(struct type **p)                                                \
	{                                                                                              \
		type##_destroy(*p);                                                                        \
	}
#define AUTO(type) __attribute__((cleanup(type##_auto))) struct type *
#define STEAL(p)                                                                                   \
	({                                                                                             \
		__typeof__(p) stolen_ = (p);                                                               \
		(p) = NULL;                                                                                \
		stolen_;                                                                                   \
	})

static inline void free_auto(void *p)
{
	free(*(void **)p);
}

static inline void fd_auto(const int *fd)
{
	if (*fd >= 0) {
		close(*fd);
	}
}

/* Memory from malloc, freed at the end of the scope; a descriptor, closed at the end of the scope.
 */
#define AUTO_FREE __attribute__((cleanup(free_auto)))
#define AUTO_FD   __attribute__((cleanup(fd_auto))) int
#define STEAL_FD(fd)                                                                               \
	({                                                                                             \
		int stolen_ = (fd);                                                                        \
		(fd) = -1;                                                                                 \
		stolen_;                                                                                   \
	})
