#pragma once
#include "web/facades/facades.h"
#include "web/jsonout.h"

struct field;

/*
 * Shared by the handlers of /prom.
 */

/* The answer of a failure, in Prometheus' form: NOT_FOUND means "not answered here", 422. */
void prom_refuse(struct exchange *x, const struct error *err);

/* {"status":"success", … the object is to be closed. */
struct jsonout prom_begin(struct exchange *x);

/* Reads the form of a POST and checks all names; false: the reply says what is wrong. */
MUST_USE bool prom_read(struct exchange *x, const char *parameters);

/* Seconds with a fraction, or RFC 3339; leaves `*value_ms` if it is not given. */
MUST_USE bool prom_time(
	const struct request *request, const char *name, int64_t *value_ms, struct error *err);

/* As Go prints it: also NaN, +Inf, -Inf. */
void prom_append_number(GString *out, double value);

/* The fields (const struct field *, of the catalog) that match[] selects; all without one. NULL:
 * CONFIG, or NOT_FOUND for an expression that takes too long. */
GPtrArray *prom_select(const struct web *web, const struct request *request, struct error *err);

/* What a metric is, for people: title, label, description (g_malloc). */
char *prom_help(const struct field *field);
