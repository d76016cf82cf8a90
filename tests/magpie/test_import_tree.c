#include "base/file.h"
#include "magpie/import_tree.h"
#include "rrd/layout.h"
#include "rrd/rrdfile.h"
#include "tests/support/test.h"

#include <fcntl.h>

#include "base/banned.h"

/* A tree with good files and with what else lies about, judged by munin.conf and datafile. */
static const char munin_conf[] = "[G;web]\naddress a\n[G;web-1]\naddress b\n[G;lost]\naddress c\n"
								 "[G;new]\naddress d\n[My Group;h]\naddress e\n";
static const char known[] = "version 2\n"
							"G;web:load.load.label l\n"
							"G;web:swap.in.label i\nG;web:swap.in.type DERIVE\n"
							"G;web:cpu.user.label u\nG;web:cpu.user.type DERIVE\n"
							"G;web-1:load.load.label l\n"
							"G;lost:load.load.label l\n"
							"G;away:load.load.label l\n"
							"My Group;h:a.b.f.label f\n";

static const struct {
	const char *path; /* an RRD file */
	const char *why;  /* NULL: adopted */
} files[] = {
	{"G/web-load-load-g.rrd", NULL},
	{"G/web-1-load-load-g.rrd", NULL},
	{"G/web-swap-in-g.rrd", NULL}, /* renamed with the next value */
	{"G/web-cpu-user-d.rrd", NULL},
	{"G/web-cpu-user-g.rrd", "as well"},
	{"G/new-any-thing-g.rrd", NULL},
	{"My Group/h-a-b-f-g.rrd", NULL},
	{"G/web-load-old-g.rrd", "no such graph or field"},
	{"G/web-1-old-load-g.rrd", "no such graph or field"},
	{"G/lost-load-load-g.rrd", "left out"},
	{"G/away-load-load-g.rrd", "not in munin.conf any more"},
	{"G/stranger-load-load-g.rrd", "unknown host"},
	{"web-load-load-g.rrd", "unknown host"},
	{"G/odd.rrd", "no name that Munin gives"},
};

static void make_files(const char *root)
{
	struct error err = {.kind = ERR_NONE};
	AUTO(tree) tree = tree_open(root, &err);
	struct layout_plan plan;
	layout_plan(layout_find("normal"), 300, &plan);
	struct rrdfile_source source = {.type = FIELD_GAUGE, .step_s = 300, .min = NAN, .max = NAN};
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		int64_t start_s = 1700000000 + 1000 * (int64_t)i;
		if (!rrdfile_create(tree, files[i].path, &plan, &source, start_s, &err)) {
			fail_msg("%s", err.text);
		}
	}
}

static void put(const char *root, const char *name, const char *content)
{
	g_autofree char *path = g_build_filename(root, name, NULL);
	assert_true(g_file_set_contents(path, content, -1, NULL));
}

static const char *why_of(const struct import_tree *tree, const char *path)
{
	for (guint i = 0; i < tree->unmatched->len; i++) {
		const struct import_file *file = tree->unmatched->pdata[i];
		if (!strcmp(file->path, path)) {
			return file->why;
		}
	}
	return NULL;
}

static struct import_conf *conf_of(const char *text)
{
	AUTO(diag_list) diags = diag_list_create();
	struct import_conf *conf = import_conf_create();
	struct diag_source source = {.name = "munin.conf", .text = text, .length = strlen(text)};
	import_conf_parse(conf, &source, diags, NULL, NULL);
	import_lose(conf->hosts->pdata[2], "for a test");
	return conf;
}

static void every_file_is_adopted_or_told_with_the_reason(void **state UNUSED)
{
	char *root = test_directory();
	make_files(root);
	put(root, "G/web-load-text-g.rrd", "no RRD");
	put(root, "datafile", known);
	g_autofree char *link = g_build_filename(root, "G/web-load-link-g.rrd", NULL);
	assert_int_equal(symlink("web-load-load-g.rrd", link), 0); /* hostile 81 */
	AUTO(import_conf) conf = conf_of(munin_conf);
	struct diag_source source = {.name = "datafile", .text = known, .length = strlen(known)};
	AUTO(munin_datafile) datafile = munin_datafile_parse(&source, NULL);
	struct import_tree tree;
	struct error err = {.kind = ERR_NONE};
	assert_true(import_tree_read(&tree, root, conf, datafile, &err));
	size_t good = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		const char *why = why_of(&tree, files[i].path);
		if (!why != !files[i].why || (why && !strstr(why, files[i].why))) {
			fail_msg("%s: %s", files[i].path, why ? why : "adopted");
		}
		good += !why;
	}
	assert_int_equal(tree.adopted, good);
	assert_int_equal(tree.renamed, 1);
	assert_int_equal(tree.unmatched->len, ARRAY_LENGTH(files) - good + 2);
	assert_non_null(strstr(why_of(&tree, "G/web-load-text-g.rrd"), "too short"));
	assert_non_null(strstr(why_of(&tree, "G/web-load-link-g.rrd"), "symbolic link"));
	assert_int_equal(tree.bytes, good * 50824);
	assert_int_equal(tree.oldest_s, 1700000000);
	assert_int_equal(tree.owner, getuid());
	import_tree_finish(&tree);
	test_directory_remove(root);
}

static void a_tree_that_is_not_there_is_an_error(void **state UNUSED)
{
	AUTO(import_conf) conf = conf_of(munin_conf);
	struct import_tree tree;
	struct error err = {.kind = ERR_NONE};
	assert_false(import_tree_read(&tree, "/nonexistent", conf, NULL, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	import_tree_finish(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_is_adopted_or_told_with_the_reason),
		cmocka_unit_test(a_tree_that_is_not_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
