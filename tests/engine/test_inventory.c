#include "engine/inventory.h"

#include "tests/support/test.h"

#include "model/journal_reader.h"

struct place {
	char *directory;
	struct catalog *catalog;
	struct inventory *inventory;
	struct journal *journal;
	struct store_batch *batch;
	unsigned events, changes, words;
};

static void on_event(void *owner, const char *kind, const char *object, const char *text)
{
	struct place *place = owner;
	place->events++;
	assert_true(!strcmp(kind, "inventory.limit") || !strcmp(kind, "inventory.changes"));
	assert_true(*object && *text);
}

static void on_changed(void *owner, const struct service *service)
{
	struct place *place = owner;
	place->changes++;
	for (size_t i = 0; i < service_field_count(service); i++) {
		assert_true(service_field(service, i)->series_id > 0);
	}
}

static void on_words(void *owner, const struct service *service)
{
	((struct place *)owner)->words++;
}

static struct store_batch *on_batch(void *owner)
{
	return ((struct place *)owner)->batch;
}

static void open_inventory(struct place *place)
{
	static const struct inventory_handlers handlers = {
		.event = on_event, .changed = on_changed, .words = on_words, .batch = on_batch};
	place->catalog = catalog_create();
	place->inventory = inventory_create(place->catalog, &handlers, place);
	inventory_set_journal(place->inventory, place->journal);
}

static void close_inventory(struct place *place)
{
	inventory_destroy(place->inventory);
	catalog_destroy(place->catalog);
}

static int setup(void **state)
{
	struct place *place = g_new0(struct place, 1);
	place->directory = test_directory();
	struct journal_options options = {
		.directory = place->directory, .segment_bytes = JOURNAL_SEGMENT_LEAST};
	place->journal = journal_open(&options, NULL);
	assert_non_null(place->journal);
	place->batch = store_batch_create();
	open_inventory(place);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	close_inventory(place);
	journal_close(place->journal);
	store_batch_destroy(place->batch);
	test_directory_remove(place->directory);
	g_free(place);
	return 0;
}

static struct service *service_of(const char *host, const char *name, unsigned first, unsigned n)
{
	struct service *service = service_create("example.com/web", host, name, 10);
	assert_true(attributes_set(
		&service->attributes, ATTRIBUTES_GRAPH, "graph_title", "A title with \xc3\xa4"));
	for (unsigned i = first; i < first + n; i++) {
		char field[16];
		snprintf(field, sizeof(field), "f%u", i);
		struct field *f = service_add_field(service, field, "a label", FIELD_DERIVE);
		f->min = 0;
		assert_true(attributes_set(&f->attributes, ATTRIBUTES_FIELD, "draw", "AREA"));
	}
	return service;
}

static const struct service *declare(struct place *place, struct service *service, bool *changed)
{
	return inventory_declare(place->inventory, service, (struct wall){1000}, changed);
}

static size_t series_records(struct place *place)
{
	AUTO(journal_reader) reader = journal_reader_create(place->journal, 0);
	struct record record;
	size_t count = 0;
	while (journal_reader_next(reader, journal_written(place->journal), &record)) {
		struct entry_series series;
		assert_int_equal(record.type, ENTRY_SERIES);
		assert_true(entry_series_read(&series, record.payload, record.length));
		assert_string_equal(series.layout, "default");
		count++;
	}
	return count;
}

static void new_series_get_numbers_that_stay(void **state)
{
	struct place *place = *state;
	bool changed;
	const struct service *a = declare(place, service_of("web1", "cpu", 0, 2), &changed);
	assert_true(changed);
	assert_int_equal(service_field(a, 0)->series_id, 1);
	assert_int_equal(service_field(a, 1)->series_id, 2);
	const struct service *b = declare(place, service_of("web2", "cpu", 0, 1), &changed);
	assert_int_equal(service_field(b, 0)->series_id, 3);
	assert_int_equal(series_records(place), 3);
	assert_int_equal(place->changes, 2);
	assert_ptr_equal(declare(place, service_of("web1", "cpu", 0, 2), &changed), a);
	assert_false(changed);
	assert_int_equal(place->changes, 2);
	assert_int_equal(series_records(place), 3);
	/* a field more: the old ones keep their numbers */
	declare(place, service_of("web1", "cpu", 0, 3), &changed);
	assert_true(changed);
	assert_int_equal(service_find_field(a, "f1")->series_id, 2);
	assert_int_equal(service_find_field(a, "f2")->series_id, 4);
}

static void the_stored_bytes_bring_everything_back(void **state)
{
	struct place *place = *state;
	bool changed;
	const struct service *a = declare(place, service_of("web1", "cpu", 0, 900), &changed);
	declare(place, service_of("web1", "cpu", 1, 899), &changed); /* f0 is gone */
	assert_true(service_find_field(a, "f0")->gone);
	g_autoptr(GBytes) bytes = g_bytes_ref(g_hash_table_lookup(place->batch->services, "web1:cpu"));
	assert_string_equal(g_hash_table_lookup(place->batch->values, "next_series"), "901");
	close_inventory(place);
	open_inventory(place);
	gsize length;
	const char *data = g_bytes_get_data(bytes, &length);
	assert_true(inventory_restore(place->inventory, data, length));
	const struct service *back = catalog_service(place->catalog, "web1", "cpu");
	assert_int_equal(service_field_count(back), 900);
	assert_true(service_find_field(back, "f0")->gone);
	assert_int_equal(service_find_field(back, "f899")->series_id, 900);
	assert_string_equal(attributes_get(&back->attributes, "graph_title"), "A title with \xc3\xa4");
	declare(place, service_of("web1", "cpu", 1, 899), &changed);
	assert_false(changed);
	const struct service *next = declare(place, service_of("web1", "load", 0, 1), &changed);
	assert_int_equal(service_field(next, 0)->series_id, 901);
	assert_true(next->id > back->id);
}

static void damaged_bytes_are_refused(void **state)
{
	struct place *place = *state;
	AUTO(service) service = service_of("web1", "cpu", 0, 3);
	service->id = 1;
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	inventory_pack(service, bytes);
	struct service *whole = inventory_unpack(bytes->data, bytes->len);
	assert_non_null(whole);
	service_destroy(whole);
	for (guint cut = 0; cut < bytes->len; cut++) {
		assert_null(inventory_unpack(bytes->data, cut));
	}
	for (guint i = 0; i < bytes->len; i++) {
		bytes->data[i] ^= 0x41;
		service_destroy(inventory_unpack(bytes->data, bytes->len)); /* anything but a crash */
		bytes->data[i] ^= 0x41;
	}
	assert_false(inventory_restore(place->inventory, "x", 1));
}

static void numbers_met_elsewhere_are_not_given_out(void **state)
{
	struct place *place = *state;
	bool changed;
	inventory_reserve(place->inventory, 41);
	inventory_reserve(place->inventory, 7);
	const struct service *a = declare(place, service_of("web1", "cpu", 0, 1), &changed);
	assert_int_equal(service_field(a, 0)->series_id, 42);
}

static void names_that_change_each_round_come_to_an_end(void **state)
{
	/* hostile 24 */
	struct place *place = *state;
	bool changed;
	for (unsigned round = 0; round < 50; round++) {
		declare(place, service_of("web1", "cpu", round * 100, 100), &changed);
	}
	const struct service *a = catalog_service(place->catalog, "web1", "cpu");
	assert_int_equal(service_field_count(a), INVENTORY_FIELDS_MAX);
	assert_int_equal(place->events, 1); /* once per host and hour */
	/* and another host is not affected */
	assert_non_null(declare(place, service_of("web2", "cpu", 0, 100), &changed));
	assert_true(changed);
	/* what is known is still taken */
	declare(place, service_of("web1", "cpu", 0, 100), &changed);
	assert_false(service_find_field(a, "f0")->gone);
}

static void what_is_only_said_of_a_value_is_shown_and_not_stored(void **state)
{
	struct place *place = *state;
	bool numbered;
	const struct service *known = declare(place, service_of("web1", "probe", 0, 2), &numbered);
	size_t records = series_records(place);
	g_hash_table_remove_all(place->batch->services);
	for (unsigned round = 0; round < 5000; round++) {
		char text[40];
		struct service *service = service_of("web1", "probe", 0, 2);
		snprintf(text, sizeof(text), "greet: no answer within %u ms", round);
		assert_true(attributes_set(
			&service_field(service, 0)->attributes, ATTRIBUTES_FIELD, "extinfo", text));
		declare(place, service, &numbered);
		assert_false(numbered);
	}
	assert_string_equal(attributes_get(&service_field(known, 0)->attributes, "extinfo"),
		"greet: no answer within 4999 ms");
	assert_int_equal(place->words, 5000);
	assert_int_equal(place->changes, 1);
	assert_int_equal(place->events, 0);
	assert_int_equal(g_hash_table_size(place->batch->services), 0);
	assert_int_equal(series_records(place), records);
}

static void words_that_change_each_round_come_to_an_end(void **state)
{
	/* hostile 24: the names stay, all else is another each time */
	struct place *place = *state;
	bool numbered;
	for (unsigned round = 0; round < INVENTORY_CHANGES_PER_HOUR + 500; round++) {
		char title[40];
		struct service *service = service_of("web1", "cpu", 0, 2);
		snprintf(title, sizeof(title), "round %u", round);
		assert_true(attributes_set(&service->attributes, ATTRIBUTES_GRAPH, "graph_title", title));
		declare(place, service, &numbered);
	}
	assert_int_equal(place->changes, INVENTORY_CHANGES_PER_HOUR + 1);
	assert_int_equal(place->events, 1);
	/* another host, and what is new of this one, are not affected */
	declare(place, service_of("web2", "cpu", 0, 2), &numbered);
	assert_true(numbered);
	declare(place, service_of("web1", "load", 0, 2), &numbered);
	assert_true(numbered);
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(new_series_get_numbers_that_stay),
		HERE(the_stored_bytes_bring_everything_back),
		HERE(damaged_bytes_are_refused),
		HERE(numbers_met_elsewhere_are_not_given_out),
		HERE(names_that_change_each_round_come_to_an_end),
		HERE(what_is_only_said_of_a_value_is_shown_and_not_stored),
		HERE(words_that_change_each_round_come_to_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
