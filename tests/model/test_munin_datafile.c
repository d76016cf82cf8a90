#include "model/munin_datafile.h"
#include "tests/support/test.h"

#include "base/banned.h"

static struct munin_datafile *parse(const char *text, struct diag_list *diags)
{
	struct diag_source source = {.name = "datafile", .text = text, .length = strlen(text)};
	return munin_datafile_parse(&source, diags);
}

static struct service *find(const struct munin_datafile *d, const char *host, const char *name)
{
	for (guint i = 0; i < d->services->len; i++) {
		struct service *s = d->services->pdata[i];
		if (!strcmp(s->host_name, host) && !strcmp(s->name, name)) {
			return s;
		}
	}
	return NULL;
}

static void graphs_and_fields_are_declared_as_the_node_would(void **state UNUSED)
{
	AUTO(munin_datafile)
	d = parse("version 2.0.73\n"
			  "Grp;Sub;n1.example.com:swap.swap_out.type DERIVE\n"
			  "Grp;Sub;n1.example.com:swap.swap_out.min 0\n"
			  "Grp;Sub;n1.example.com:swap.graph_title Swap in/out\n"
			  "Grp;Sub;n1.example.com:swap.graph_order swap_in swap_out swap_in\n"
			  "Grp;Sub;n1.example.com:swap.swap_out.label out: swapped\n"
			  "Grp;Sub;n1.example.com:swap.swap_out.negative swap_in\n"
			  "Grp;Sub;n1.example.com:swap.swap_in.label in\n"
			  "Grp;Sub;n1.example.com:swap.swap_in.graph no\n"
			  "Grp;Sub;n1.example.com:swap.swap_in.max 1e3\n"
			  "Grp;Sub;n1.example.com:swap.swap_in.update_rate 60\n",
		NULL);
	assert_int_equal(d->services->len, 1);
	assert_int_equal(d->fields, 2);
	const struct service *s = find(d, "n1.example.com", "swap");
	assert_string_equal(s->group, "Grp/Sub");
	assert_int_equal(s->step_s, 60);
	assert_string_equal(attributes_get(&s->attributes, "graph_title"), "Swap in/out");
	const struct field *in = service_field(s, 0);
	const struct field *out = service_field(s, 1);
	assert_string_equal(in->name, "swap_in");
	assert_string_equal(attributes_get(&in->attributes, "graph"), "no");
	assert_near(in->max, 1000, 0);
	assert_string_equal(out->label, "out: swapped");
	assert_int_equal(out->type, FIELD_DERIVE);
	assert_int_equal(out->index, 1);
	assert_near(out->min, 0, 0);
	assert_near(out->max, NAN, 0);
	assert_string_equal(attributes_get(&out->attributes, "negative"), "swap_in");
}

static void names_that_a_field_or_a_subgraph_could_have_wait_for_the_end(void **state UNUSED)
{
	AUTO(munin_datafile)
	d = parse("version 2.0.73\n"
			  "g;h:top.sub.graph no\n"
			  "g;h:top.sub.warning 5\n"
			  "g;h:top.b.warning 9\n"
			  "g;h:top.critical 7\n"
			  "g;h:top.sub.deep.x.label x\n"
			  "g;h:top.sub.a.label a\n"
			  "g;h:top.sub.c.label c\n"
			  "g;h:top.sub.c.warning 3\n"
			  "g;h:top.b.label b\n",
		NULL);
	assert_int_equal(d->services->len, 3);
	const struct service *sub = find(d, "h", "top.sub");
	assert_string_equal(attributes_get(&sub->attributes, "graph"), "no");
	const struct field *a = service_find_field(sub, "a");
	const struct field *c = service_find_field(sub, "c");
	assert_string_equal(attributes_get(&a->attributes, "warning"), "5");
	assert_string_equal(attributes_get(&c->attributes, "warning"), "3");
	const struct service *top = find(d, "h", "top");
	assert_int_equal(service_field_count(top), 1);
	const struct field *b = service_field(top, 0);
	assert_string_equal(attributes_get(&b->attributes, "warning"), "9");
	assert_string_equal(attributes_get(&b->attributes, "critical"), "7");
	assert_non_null(find(d, "h", "top.sub.deep"));
}

static void what_cannot_be_used_is_told_and_the_rest_taken(void **state UNUSED)
{
	AUTO(diag_list) diags = diag_list_create();
	AUTO(munin_datafile)
	d = parse("version 2.0.73\n"
			  "nonsense\n"
			  "g;../../etc:load.load.label x\n" /* hostile 7 */
			  "g;h:../x.f.label x\n"
			  "g;h:load.bad-name.label x\n"
			  "g;h:load.filename /etc/passwd\n"
			  "g;h:load.load.label caf\xe9\n"
			  "g;h:load.load.type NONSENSE\n"
			  "My Group;k:load.load.label k\n",
		diags);
	assert_int_equal(d->services->len, 2);
	assert_int_equal(diag_warnings(diags), 4);
	assert_int_equal(diag_at(diags, 0)->place.line, 2);
	const struct field *f = service_field(find(d, "h", "load"), 0);
	assert_string_equal(f->label, "caf\xc3\xa9");
	assert_int_equal(f->type, FIELD_GAUGE);
	assert_string_equal(find(d, "k", "load")->group, "My_Group");
}

static void rates_are_read_as_munin_writes_them(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint32_t seconds; /* 0: none */
	} cases[] = {{"300", 300}, {"5m", 300}, {"1H", 3600}, {"60 aligned", 60}, {"1d", 86400},
		{"2d", 0}, {"0", 0}, {"", 0}, {"x", 0}, {"5 minutes", 0}, {"-5", 0},
		{"99999999999999999999", 0}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint32_t seconds = 0;
		bool good = munin_rate(cases[i].text, &seconds);
		assert_int_equal(good, cases[i].seconds != 0);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void groups_become_paths(void **state UNUSED)
{
	static const struct {
		const char *text, *path;
		bool same;
	} cases[] = {{"a;b", "a/b", true}, {"a b", "a_b", false}, {"example.com", "example.com", true},
		{"..", "__", false}, {"a..b", "a._b", false}, {"-x", "_x", false}, {"a/b", "a_b", false}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char out[IDENT_GROUP_MAX + 1];
		bool same;
		assert_true(munin_group(cases[i].text, strlen(cases[i].text), out, &same));
		assert_string_equal(out, cases[i].path);
		assert_int_equal(same, cases[i].same);
	}
	char out[IDENT_GROUP_MAX + 1];
	bool same;
	assert_false(munin_group("", 0, out, &same));
	assert_false(munin_group("a;;b", 4, out, &same));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(graphs_and_fields_are_declared_as_the_node_would),
		cmocka_unit_test(names_that_a_field_or_a_subgraph_could_have_wait_for_the_end),
		cmocka_unit_test(what_cannot_be_used_is_told_and_the_rest_taken),
		cmocka_unit_test(rates_are_read_as_munin_writes_them),
		cmocka_unit_test(groups_become_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
