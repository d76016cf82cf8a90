#pragma once
/*
 * Attributes every folder uses. MUST_USE: a result that may not be dropped. PRINTF_LIKE(f, a):
 * argument f is a format, its values begin at a. UNUSED: a parameter kept for a callback's shape.
 */
#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED            __attribute__((unused))
#define ARRAY_LENGTH(a)   (sizeof(a) / sizeof((a)[0]))
