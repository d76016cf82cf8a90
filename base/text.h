#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * Text from outside is bytes until it went through text_clean(): after that it is UTF-8 without
 * control characters.
 */

/* Copies `text` into `out` (of `size` > 0 bytes), cut at a code point; returns false if it was cut.
 */
bool text_copy(char *out, size_t size, const char *text);

/* Length in bytes of the UTF-8 sequence at `text`, or 0 if the bytes there are not UTF-8 (RFC
 * 3629). */
size_t text_utf8_length(const char *text, size_t length);

/*
 * `length` bytes as clean UTF-8: invalid bytes and control characters but TAB become U+FFFD, at
 * most `limit` bytes of result, cut at a code point. The caller frees it (g_free).
 */
char *text_clean(const char *bytes, size_t length, size_t limit);

/* The same for several lines: CR LF, CR and LF become LF and stay, but for those at the end. */
char *text_clean_lines(const char *bytes, size_t length, size_t limit);

/* `*` any run of characters, `?` one character, everything else itself; the whole `text` must
 * match. */
bool text_glob(const char *pattern, const char *text);

/* Whether `text` is not longer than `limit` and made of [A-Za-z0-9_.-] only, not empty. */
bool text_is_plain(const char *text, size_t limit);

/* Damerau-Levenshtein distance (adjacent swaps count one) of two texts of at most 63 bytes; longer
 * ones: 99. */
unsigned text_distance(const char *a, const char *b);

/* The nearest of `count` candidates within distance 2 (and less than half of the word's length), or
 * NULL. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* Appends `text` with & < > " ' escaped: safe as HTML and XML text and inside quoted attributes. */
void text_append_html(GString *out, const char *text);
