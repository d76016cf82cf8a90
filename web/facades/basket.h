#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "web/archive.h"

/*
 * Values of many series, of spans that differ, for one answer: what is wanted is put into the
 * basket first, then fetched from the archive in portions, one after the other. Each series and
 * span is fetched once, however often it was wanted.
 */
struct basket;

enum {
	BASKET_SERIES_MAX = 2000,
	BASKET_VALUES_MAX = 2000000,      /* of one basket */
	BASKET_VALUES_ALL_MAX = 12000000, /* of all that are filled at a time */
};

struct basket_span {
	int64_t from_s, to_s, step_s; /* step 0: the finest there is */
	enum archive_cf cf;
};

struct basket_want {
	uint32_t series_id;
	uint32_t step_s; /* between its samples */
	struct basket_span span;
};

/* Value i is that of (t0 + i*step, t0 + (i+1)*step]. */
struct basket_column {
	int64_t t0_s, step_s;
	size_t rows;
	double *values;
};

/* `held` counts the values of all baskets; it outlives them. */
struct basket *basket_create(size_t *held);
void basket_destroy(struct basket *basket); /* not while it is being fetched; NULL allowed */
DEFINE_AUTO(basket)

/*
 * Wants a series; `*place` is where its column will be. CONFIG: an empty span, or more than the
 * limits allow.
 */
MUST_USE bool basket_add(
	struct basket *basket, const struct basket_want *want, size_t *place, struct error *err);

/* Calls `done` once, perhaps before it returns; `err` is NULL when all columns are there. */
typedef void (*basket_fn)(void *owner, const struct error *err);
void basket_fetch(struct basket *basket, struct archive *archive, basket_fn done, void *owner);

size_t basket_count(const struct basket *basket);
const struct basket_column *basket_column(const struct basket *basket, size_t place);
