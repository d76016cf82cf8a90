#pragma once
/*
 * Included last in every .c file: functions that have no place here. Unbounded copies,
 * locale-dependent numbers, shared static state, shells. Use base/text.h, base/number.h, GDateTime,
 * base/spawn.h in their stead. (With clang some of them are macros of the C library, which cannot
 * be poisoned; gcc guards for both.)
 */
#if !defined(__clang__)
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof strtod localtime gmtime
#pragma GCC poison system popen rand
#endif
