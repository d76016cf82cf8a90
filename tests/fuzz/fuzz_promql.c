/* Queries: whatever is taken is evaluated over a small catalog without an archive, and ends. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/facades/promql_eval.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool last_of(void *owner, uint32_t series, struct sample *sample)
{
	(void)owner;
	*sample = (struct sample){.at = {1000000}, .value = series == 3 ? -HUGE_VAL : series};
	return true;
}

static int64_t last_s_of(void *owner, uint32_t series)
{
	(void)owner;
	return series;
}

static struct catalog *make_catalog(void)
{
	static const char *const hosts[] = {"a", "b"};
	struct catalog *catalog = catalog_create();
	for (uint32_t i = 0; i < 2; i++) {
		struct service *service = service_create("g", hosts[i], "x", 60);
		service_add_field(service, "y", "y", FIELD_GAUGE);
		service_add_field(service, "z", "z", FIELD_COUNTER);
		service = catalog_declare(catalog, service, NULL);
		catalog_number(catalog, service_field(service, 0), 2 * i + 1);
		catalog_number(catalog, service_field(service, 1), 2 * i + 2);
	}
	return catalog;
}

static void fill(struct basket *basket)
{
	for (size_t i = 0; i < basket_count(basket); i++) {
		struct basket_column *c = (struct basket_column *)(uintptr_t)basket_column(basket, i);
		*c = (struct basket_column){.t0_s = 400, .step_s = 60, .rows = 11};
		c->values = g_new(double, c->rows);
		for (size_t row = 0; row < c->rows; row++) {
			c->values[row] = row % 4 == 3 ? NAN : (double)(row * i) - 5;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct promql_question questions[] = {
		{.start_ms = 1000000, .instants = 1},
		{.start_ms = 500000, .step_ms = 70000, .instants = 8},
	};
	g_autofree char *text = g_strndup((const char *)data, size);
	for (size_t q = 0; q < ARRAY_LENGTH(questions); q++) {
		struct promql_node *node = promql_parse(text, NULL);
		if (!node || node->type > PROMQL_VECTOR) {
			promql_node_destroy(node);
			return 0;
		}
		AUTO(catalog) catalog = make_catalog();
		struct promql_known known = {catalog, last_of, last_s_of, NULL};
		size_t held = 0;
		AUTO(promql_evaluation) e = promql_evaluation_create(&questions[q], node);
		AUTO(basket) basket = basket_create(&held);
		struct promql_value value = {0};
		if (promql_evaluation_plan(e, &known, basket, NULL)) {
			fill(basket);
			if (promql_evaluation_run(e, basket, &value, NULL) && !value.numbers == !value.series) {
				abort();
			}
			promql_value_finish(&value);
		}
	}
	return 0;
}
