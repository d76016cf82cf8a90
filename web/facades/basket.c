#include "web/facades/basket.h"

#include <string.h>

#include "base/banned.h"

/*
 * The archive answers at most ARCHIVE_SERIES_MAX series of one span at a time, so what is wanted is
 * kept by span. One portion is asked at a time: a large answer waits for its turn like everybody's,
 * and a basket never has more than one row in the archive's table. How much it will hold is
 * estimated when something is wanted and reserved when fetching begins: two hundred dashboards at
 * once are told to come back, in place of filling the memory.
 */
enum { KEY_SPAN_BITS = 16 };

struct shelf { /* what is wanted of one span */
	struct basket_span span;
	GArray *series; /* uint32_t */
	GArray *places; /* size_t, the same order */
	guint fetched;
};

struct basket {
	GPtrArray *shelves; /* struct shelf *, owned */
	GArray *columns;    /* struct basket_column */
	GHashTable *known;  /* series and shelf -> place + 1 */
	size_t *held;
	size_t values, reserved;
	struct archive *archive;
	guint shelf; /* of the portion that is asked */
	guint portion;
	basket_fn done;
	void *owner;
};

static void shelf_free(gpointer data)
{
	struct shelf *shelf = data;
	g_array_unref(shelf->series);
	g_array_unref(shelf->places);
	g_free(shelf);
}

struct basket *basket_create(size_t *held)
{
	struct basket *basket = g_new0(struct basket, 1);
	basket->held = held;
	basket->shelves = g_ptr_array_new_with_free_func(shelf_free);
	basket->columns = g_array_new(FALSE, TRUE, sizeof(struct basket_column));
	basket->known = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return basket;
}

static struct basket_column *column_at(const struct basket *basket, size_t place)
{
	return &g_array_index(basket->columns, struct basket_column, place);
}

void basket_destroy(struct basket *basket)
{
	if (basket) {
		for (guint i = 0; i < basket->columns->len; i++) {
			g_free(column_at(basket, i)->values);
		}
		*basket->held -= basket->reserved;
		g_ptr_array_unref(basket->shelves);
		g_array_unref(basket->columns);
		g_hash_table_unref(basket->known);
		g_free(basket);
	}
}

static bool same_span(const struct basket_span *a, const struct basket_span *b)
{
	return a->from_s == b->from_s && a->to_s == b->to_s && a->step_s == b->step_s && a->cf == b->cf;
}

static guint find_shelf(struct basket *basket, const struct basket_span *span)
{
	for (guint i = 0; i < basket->shelves->len; i++) {
		const struct shelf *shelf = basket->shelves->pdata[i];
		if (same_span(&shelf->span, span)) {
			return i;
		}
	}
	struct shelf *shelf = g_new0(struct shelf, 1);
	shelf->span = *span;
	shelf->series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	shelf->places = g_array_new(FALSE, FALSE, sizeof(size_t));
	g_ptr_array_add(basket->shelves, shelf);
	return basket->shelves->len - 1;
}

static size_t estimate(const struct basket_span *span, uint32_t series_step_s)
{
	int64_t step_s = MAX(MAX(span->step_s, (int64_t)series_step_s), 1);
	int64_t rows = (span->to_s - span->from_s) / step_s + 2;
	return (size_t)MIN(rows, ARCHIVE_POINTS_MAX);
}

bool basket_add(
	struct basket *basket, const struct basket_want *want, size_t *place, struct error *err)
{
	const struct basket_span *span = &want->span;
	if (span->from_s < 0 || span->from_s >= span->to_s) {
		return error_set(err, ERR_CONFIG, "the span begins before 1970, or is empty");
	}
	guint index = find_shelf(basket, span);
	struct shelf *shelf = basket->shelves->pdata[index];
	gint64 key = (gint64)want->series_id << KEY_SPAN_BITS | index;
	gpointer known = g_hash_table_lookup(basket->known, &key);
	if (known) {
		*place = GPOINTER_TO_SIZE(known) - 1;
		return true;
	}
	size_t values = basket->values + estimate(span, want->step_s);
	if (basket->columns->len == BASKET_SERIES_MAX || values > BASKET_VALUES_MAX) {
		return error_set(err, ERR_CONFIG,
			"more than %d series or %d values would have to be read; ask for less, for a shorter "
			"span or for a coarser step",
			BASKET_SERIES_MAX, BASKET_VALUES_MAX);
	}
	basket->values = values;
	*place = basket->columns->len;
	g_array_set_size(basket->columns, basket->columns->len + 1);
	g_array_append_val(shelf->series, want->series_id);
	g_array_append_val(shelf->places, *place);
	g_hash_table_insert(basket->known, g_memdup2(&key, sizeof(key)), GSIZE_TO_POINTER(*place + 1));
	return true;
}

static void ask_next(struct basket *basket);

static void on_data(void *owner, const struct archive_data *data, const struct error *err)
{
	struct basket *basket = owner;
	if (err) {
		basket->done(basket->owner, err);
		return;
	}
	struct shelf *shelf = basket->shelves->pdata[basket->shelf];
	for (guint i = 0; i < basket->portion; i++) {
		size_t place = g_array_index(shelf->places, size_t, shelf->fetched + i);
		*column_at(basket, place) = (struct basket_column){.t0_s = data->t0_s,
			.step_s = data->step_s,
			.rows = data->rows,
			.values = g_memdup2(data->columns[i], data->rows * sizeof(double))};
	}
	shelf->fetched += basket->portion;
	ask_next(basket);
}

static void ask_next(struct basket *basket)
{
	struct error err = {0};
	struct shelf *shelf = NULL;
	for (; basket->shelf < basket->shelves->len; basket->shelf++) {
		shelf = basket->shelves->pdata[basket->shelf];
		if (shelf->fetched < shelf->series->len) {
			break;
		}
	}
	if (basket->shelf == basket->shelves->len) {
		basket->done(basket->owner, NULL);
		return;
	}
	basket->portion = MIN(shelf->series->len - shelf->fetched, (guint)ARCHIVE_SERIES_MAX);
	struct archive_fetch question = {
		.series = &g_array_index(shelf->series, uint32_t, shelf->fetched),
		.count = basket->portion,
		.from_s = shelf->span.from_s,
		.to_s = shelf->span.to_s,
		.step_s = shelf->span.step_s,
		.cf = shelf->span.cf};
	if (!archive_fetch(basket->archive, &question, on_data, basket, &err)) {
		basket->done(basket->owner, &err);
	}
}

void basket_fetch(struct basket *basket, struct archive *archive, basket_fn done, void *owner)
{
	struct error err = {0};
	if (*basket->held + basket->values > BASKET_VALUES_ALL_MAX) {
		error_set(&err, ERR_UNREACHABLE, "too many large answers are being made at once");
		done(owner, &err);
		return;
	}
	basket->reserved = basket->values;
	*basket->held += basket->reserved;
	basket->archive = archive;
	basket->done = done;
	basket->owner = owner;
	ask_next(basket);
}

size_t basket_count(const struct basket *basket)
{
	return basket->columns->len;
}

const struct basket_column *basket_column(const struct basket *basket, size_t place)
{
	return column_at(basket, place);
}
