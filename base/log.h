#pragma once
#include "base/attr.h"

#include <stdbool.h>

/*
 * One line per change of state, to stderr: time, level, role, a stable event name, fields.
 *
 *     log_warn("node.unreachable", "node=%s after_ms=%d retry_s=%d", name, took, retry);
 *
 * Values that may come from outside are passed through log_safe(). Each event name may speak 20
 * times a minute; what is beyond is counted and told once ("suppressed=41"). Writing never blocks:
 * a full pipe loses the line, and the loss is counted.
 */
enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };

/* Name that stands in every line from now on ("engine"); copied, at most 31 bytes. */
void log_name(const char *name);

/* Least level that is written (default: info). */
void log_least(enum log_level level);

void log_write(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_debug(event, ...) log_write(LOG_DEBUG_, event, __VA_ARGS__)
#define log_info(event, ...)  log_write(LOG_INFO_, event, __VA_ARGS__)
#define log_warn(event, ...)  log_write(LOG_WARN_, event, __VA_ARGS__)
#define log_error(event, ...) log_write(LOG_ERROR_, event, __VA_ARGS__)

/*
 * `text` with control characters and bytes that are not ASCII escaped as \xHH, cut at 200 bytes, in
 * one of four rotating static buffers: valid until the fourth call after. NULL gives "-".
 */
const char *log_safe(const char *text);
