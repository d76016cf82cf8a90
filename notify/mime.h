#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A mail message (RFC 5322) in two forms, plain and HTML (MIME multipart/alternative): lines end in
 * CRLF, none is longer than 998 bytes, every byte is ASCII, no header takes a line end from
 * outside.
 */
struct mime_message {
	const char *from_name, *from, *to; /* addresses checked by address_check_mail() */
	const char *subject;               /* UTF-8, any content */
	struct wall date;
	const char *id;     /* for Message-ID, plain characters, without "<>" and domain */
	const char *thread; /* for References: the same for all messages about one thing; NULL: none */
	const char *domain; /* of the ids, a host name */
	bool urgent;
	const char *text, *html; /* UTF-8, LF line ends */
};

/* The whole message; `*length` without the NUL. The caller frees it (g_free). */
char *mime_format(const struct mime_message *message, size_t *length);
