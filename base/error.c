#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Errors travel by value in the caller's frame: nothing to free, nothing to leak, and running out
 * of memory cannot make an error worse.
 */

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
	if (err) {
		va_list args;
		va_start(args, format);
		err->kind = kind;
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return false;
}

bool error_errno(struct error *err, enum error_kind kind, int number, const char *format, ...)
{
	if (err) {
		va_list args;
		va_start(args, format);
		err->kind = kind;
		int used = vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
		if (used >= 0 && (size_t)used < sizeof(err->text)) {
			snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %s",
				strerrordesc_np(number) ? strerrordesc_np(number) : "unknown error");
		}
	}
	return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
	if (err) {
		char old[sizeof(err->text)];
		memcpy(old, err->text, sizeof(old));
		va_list args;
		va_start(args, format);
		int used = vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
		if (used >= 0 && (size_t)used < sizeof(err->text)) {
			int room = (int)sizeof(err->text) - used; /* what does not fit is cut */
			snprintf(err->text + used, (size_t)room, ": %.*s", MAX(room - 3, 0), old);
		}
	}
	return false;
}

const char *error_kind_name(enum error_kind kind)
{
	static const char *const names[] = {
		[ERR_NONE] = "none",
		[ERR_CONFIG] = "config",
		[ERR_UNREACHABLE] = "unreachable",
		[ERR_TIMEOUT] = "timeout",
		[ERR_PROTOCOL] = "protocol",
		[ERR_NOT_FOUND] = "not_found",
		[ERR_CONFLICT] = "conflict",
		[ERR_DENIED] = "denied",
		[ERR_STORAGE] = "storage",
	};
	return (size_t)kind < ARRAY_LENGTH(names) ? names[kind] : "?";
}
