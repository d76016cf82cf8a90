#include "fake.h"

#include <sys/time.h>

#include "base/banned.h"

/* An archive that comes with a datafile of Munin's: DATA/rrd of the engine under test. */
static void put_datafile(const struct fake *fake, const char *text, int64_t changed_s)
{
	g_autofree char *tree = g_build_filename(fake->role.data_dir, "rrd", NULL);
	g_autofree char *path = g_build_filename(tree, "datafile", NULL);
	assert_int_equal(g_mkdir_with_parents(tree, 0755), 0);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	struct timeval times[2] = {{.tv_sec = changed_s}, {.tv_sec = changed_s}};
	assert_int_equal(utimes(path, times), 0);
}

static const struct service *service(const struct fake *fake, const char *host, const char *name)
{
	return catalog_service(fake->engine->catalog, host, name);
}

static const char first[] = "version 2.0.73\n"
							"Grp;old.example.com:load.graph_title Load\n"
							"Grp;old.example.com:load.load.label load\n"
							"Grp;old.example.com:swap.in.label in\n"
							"Grp;old.example.com:swap.in.type DERIVE\n"
							"Grp;old.example.com:node.x.label reserved\n";

static void graphs_of_a_munin_are_known_before_any_node_answers(void **state)
{
	struct fake *fake = *state;
	put_datafile(fake, first, 1700000000);
	fake_restart(fake, true);
	const struct service *load = service(fake, "old.example.com", "load");
	assert_non_null(load);
	assert_string_equal(load->group, "Grp");
	assert_true(service_field(load, 0)->series_id > 0);
	assert_int_equal(
		service_field(service(fake, "old.example.com", "swap"), 0)->type, FIELD_DERIVE);
	assert_null(service(fake, "old.example.com", "node")); /* the engine's own name */
}

static void their_numbers_are_stored_and_the_file_is_read_once(void **state)
{
	struct fake *fake = *state;
	put_datafile(fake, first, 1700000000);
	fake_restart(fake, true);
	uint32_t id = service_field(service(fake, "old.example.com", "load"), 0)->series_id;
	put_datafile(fake, "version 2\nGrp;more.example.com:load.load.label l\n", 1700000000);
	fake_restart(fake, true);
	assert_int_equal(service_field(service(fake, "old.example.com", "load"), 0)->series_id, id);
	assert_null(service(fake, "more.example.com", "load"));
	put_datafile(fake, "version 2\nGrp;more.example.com:load.load.label l\n", 1700000300);
	fake_restart(fake, true);
	assert_int_equal(service_field(service(fake, "old.example.com", "load"), 0)->series_id, id);
	assert_non_null(service(fake, "more.example.com", "load"));
}

static void what_is_known_already_stays_as_it_is(void **state)
{
	struct fake *fake = *state;
	put_datafile(fake, first, 1700000000);
	fake_restart(fake, true);
	put_datafile(fake, "version 2\nGrp;old.example.com:load.load.label other\n", 1700000300);
	fake_restart(fake, true);
	const struct service *load = service(fake, "old.example.com", "load");
	assert_string_equal(service_field(load, 0)->label, "load");
}

/* As many at once as no node may declare within an hour; hostile 24 is about nodes. */
static void a_host_of_any_size_is_adopted_whole(void **state)
{
	enum { GRAPHS = 100, FIELDS = 60 };
	struct fake *fake = *state;
	g_autoptr(GString) text = g_string_new("version 2\n");
	for (unsigned i = 0; i < GRAPHS; i++) {
		for (unsigned k = 0; k < FIELDS; k++) {
			g_string_append_printf(text, "Grp;big:g%u.f%u.label f\n", i, k);
		}
	}
	assert_true(GRAPHS * FIELDS > INVENTORY_NEW_PER_HOUR);
	put_datafile(fake, text->str, 1700000000);
	fake_restart(fake, true);
	const struct host *host = catalog_host(fake->engine->catalog, "big");
	assert_int_equal(host->services->len, GRAPHS);
}

static void a_datafile_that_is_none_does_no_harm(void **state)
{
	struct fake *fake = *state;
	put_datafile(fake, "\x7f\x45LF\n;;;:..\n:::\nversion\n;:. x\na;b:c.d.label\n", 1700000000);
	fake_restart(fake, true);
	assert_null(catalog_host(fake->engine->catalog, "b"));
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(graphs_of_a_munin_are_known_before_any_node_answers),
		HERE(their_numbers_are_stored_and_the_file_is_read_once),
		HERE(what_is_known_already_stays_as_it_is),
		HERE(a_host_of_any_size_is_adopted_whole),
		HERE(a_datafile_that_is_none_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
