#pragma once
#include "base/clock.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * One request as handlers see it: a decoded path in segments, parameters that are there once each,
 * header fields that matter, the body. Everything in it is clean UTF-8 without control characters
 * (but for the body, which is bytes, and for line feeds in "query", "target" and "match[]", which
 * hold texts of other query languages; the latter two may be given more than once).
 */
enum {
	REQUEST_SEGMENTS_MAX = 16,
	REQUEST_PARAMETERS_MAX = 64,
	REQUEST_BODY_MAX = 1 << 20,
};

enum verb { VERB_GET, VERB_POST, VERB_DELETE, VERB_OTHER };

struct request_parameter {
	char *name, *value;
};

struct request {
	enum verb verb;
	char *target;                             /* as it came: path and query */
	char *segments[REQUEST_SEGMENTS_MAX + 1]; /* "/a/b" is {"a", "b", NULL}, "/" is {NULL} */
	size_t segment_count;
	struct request_parameter parameters[REQUEST_PARAMETERS_MAX];
	size_t parameter_count;
	const char *variable[4]; /* of the route's pattern, set by the router */
	GByteArray *body;        /* NULL: none */
	char *content_type;      /* may be NULL, as the following */
	char *accept, *if_none_match, *last_event_id, *host, *origin, *fetch_site, *authorization;
	int64_t if_modified_since_s; /* 0: not asked, or no date */
	bool accept_gzip;
	struct wall now; /* when it came; relative times count from here */
};

/*
 * Takes path and query apart. CONFIG: an encoding that is not UTF-8, a control character, an empty,
 * "." or ".." segment, an encoded slash, a backslash or ";" in the path; a parameter given twice;
 * too many. The request must be zeroed before and finished after, whatever the result.
 */
MUST_USE bool request_parse_target(struct request *request, const char *target, struct error *err);
void request_finish(struct request *request);

/*
 * Adds the parameters of a form's body to those of the address, by the same rules. CONFIG: another
 * type of content, or as above. Without a body there is nothing to add.
 */
MUST_USE bool request_read_form(struct request *request, struct error *err);

/* Whether the body is said to be of that type, whatever parameters stand behind it. */
bool request_has_type(const struct request *request, const char *type);

/* The value, or NULL. */
const char *request_text(const struct request *request, const char *name);

/* All values of a name, at most `most`; returns how many there are. They live with the request. */
size_t request_list(
	const struct request *request, const char *name, const char **values, size_t most);

/* CONFIG: a parameter that is not in the blank-separated list `known`; "*" knows all. */
MUST_USE bool request_only(const struct request *request, const char *known, struct error *err);

/* Each leaves `*value` alone if the parameter is missing. CONFIG: it is there and not acceptable.
 */
MUST_USE bool request_int(const struct request *request, const char *name, int64_t least,
	int64_t greatest, int64_t *value, struct error *err);
MUST_USE bool request_flag(
	const struct request *request, const char *name, bool *value, struct error *err);

/* RFC 3339, epoch seconds, "now", or relative to now: "-1d", "-1h30m", "now-2w". Seconds. */
MUST_USE bool request_time(
	const struct request *request, const char *name, int64_t *value_s, struct error *err);

/* Index of the value among `choices` (NULL-terminated). */
MUST_USE bool request_choice(const struct request *request, const char *name,
	const char *const *choices, size_t *value, struct error *err);

/* The same for a text by itself; `now_s` is what relative times count from. */
MUST_USE bool request_parse_time(const char *text, int64_t now_s, int64_t *value_s);
