#include "support.h"
#include "rrd/drawing.h"
#include "rrd/lines.h"
#include "rrd/render.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * Real children draw real files. What a job is given is chosen per test; the loop runs until the
 * expected number of answers came.
 */
enum { BEGIN = 1700000000 };

struct want {
	struct loop *loop;
	unsigned left; /* answers to come */
	unsigned pictures, errors, dropped;
	unsigned running, most_running;
	char magic[8];
	char text[240];
	GPtrArray *(*make)(void *data);
	void *data;
};

static GPtrArray *prepare(void *owner, struct error *err)
{
	struct want *w = owner;
	w->running++;
	w->most_running = w->running > w->most_running ? w->running : w->most_running;
	GPtrArray *a = w->make(w->data);
	if (!a) {
		error_set(err, ERR_NOT_FOUND, "no data yet");
	}
	return a;
}

static void done(void *owner, const void *picture, size_t length, const struct error *why)
{
	struct want *w = owner;
	w->running--;
	if (picture) {
		w->pictures++;
		memcpy(w->magic, picture, length < 8 ? length : 8);
	} else {
		w->errors++;
		snprintf(w->text, sizeof(w->text), "%s", why->text);
	}
	if (--w->left == 0) {
		loop_stop(w->loop);
	}
}

static void drop(void *owner)
{
	struct want *w = owner;
	w->dropped++;
}

static void submit(struct render *render, struct want *w, uint64_t key)
{
	struct render_job job = {
		.key = key, .prepare = prepare, .done = done, .drop = drop, .owner = w};
	w->left++;
	assert_true(render_submit(render, &job, NULL));
}

/* A job may be done before the loop runs: then its stop is left over. */
static void wait_for(struct want *w)
{
	while (w->left) {
		loop_run(w->loop);
	}
}

struct scene {
	struct bench_tree *tree;
	struct catalog *catalog;
	const struct service *service;
	char *file;
	enum drawing_format format;
	enum drawing_theme theme;
	bool marked;
};

/* Something was wrong many times, somebody wrote about it, rules have limits. */
static void mark(struct drawing *d)
{
	static char note[] = "100 % sure: \\l=\\n <b>";
	for (size_t i = 0; i < DRAWING_SPANS_MAX; i++) {
		int64_t from_s = BEGIN + 10 * (int64_t)i;
		d->spans[i] = (struct drawing_span){from_s, from_s + 5, (uint8_t)(1 + i % 4)};
	}
	d->span_count = DRAWING_SPANS_MAX;
	for (size_t i = 0; i < DRAWING_NOTES_MAX; i++) {
		d->notes[i] = (struct drawing_note){BEGIN + (int64_t)i * 30, 0, note};
	}
	d->note_count = DRAWING_NOTES_MAX;
	d->limits[0] = (struct drawing_limit){30, 2};
	d->limit_count = 1;
}

static GPtrArray *scene_arguments(void *data)
{
	struct scene *scene = data;
	AUTO(plot) plot = plot_create(scene->catalog, scene->service);
	g_autoptr(GHashTable) files = drawing_files_create();
	drawing_files_add(files, service_field(scene->service, 0), scene->file, BEGIN + 1990);
	struct drawing d = {.plot = plot,
		.files = files,
		.from_s = BEGIN,
		.to_s = BEGIN + 2000,
		.now_s = BEGIN + 2000,
		.width = 400,
		.height = 175,
		.format = scene->format,
		.theme = scene->theme,
		.lower = NAN,
		.upper = NAN,
		.title = "100% %n%s \\j"};
	if (scene->marked) {
		mark(&d);
	}
	return drawing_arguments(&d, NULL);
}

static struct scene *scene_create(const char *label)
{
	struct scene *scene = g_new0(struct scene, 1);
	scene->tree = support_tree_create();
	support_series(scene->tree, 1, 10, FIELD_GAUGE, "compact", "value");
	for (int i = 0; i < 200; i++) {
		support_sample(scene->tree, 1, BEGIN + 10 * i, i % 50);
	}
	support_start(scene->tree);
	scene->file = support_file(scene->tree, 1);
	scene->catalog = catalog_create();
	struct service *service = service_create("example.com", "a.example.com", "test", 10);
	struct field *field = service_add_field(service, "value", label, FIELD_GAUGE);
	assert_true(attributes_set(&field->attributes, ATTRIBUTES_FIELD, "trend", "yes"));
	assert_true(attributes_set(&field->attributes, ATTRIBUTES_FIELD, "line", "3:ff0000:a=b"));
	assert_true(attributes_set(&service->attributes, ATTRIBUTES_GRAPH, "graph_total", label));
	scene->service = catalog_declare(scene->catalog, service, NULL);
	return scene;
}

static void scene_destroy(struct scene *scene)
{
	catalog_destroy(scene->catalog);
	g_free(scene->file);
	support_tree_destroy(scene->tree);
	g_free(scene);
}

static struct render *start(struct loop **loop)
{
	struct error err = {.kind = ERR_NONE};
	*loop = loop_create();
	struct render *render = render_create(*loop, &err);
	assert_non_null(render);
	return render;
}

static void every_format_and_theme_is_drawn(void **state UNUSED)
{
	static const char *const magic[DRAWING_FORMATS] = {"\x89PNG", "<?xml", "%PDF", "%!PS"};
	struct scene *scene = scene_create("a label");
	struct loop *loop;
	struct render *render = start(&loop);
	for (unsigned i = 0; i < DRAWING_FORMATS * DRAWING_THEMES * 2; i++) {
		struct want w = {.loop = loop, .make = scene_arguments, .data = scene};
		scene->format = (enum drawing_format)(i % DRAWING_FORMATS);
		scene->theme = (enum drawing_theme)(i / DRAWING_FORMATS % DRAWING_THEMES);
		scene->marked = i >= DRAWING_FORMATS * DRAWING_THEMES;
		submit(render, &w, 1);
		wait_for(&w);
		assert_string_equal(w.text, "");
		assert_int_equal(w.pictures, 1);
		assert_memory_equal(w.magic, magic[scene->format], strlen(magic[scene->format]));
	}
	render_destroy(render);
	loop_destroy(loop);
	scene_destroy(scene);
}

/* hostile 14, 15, 67 */
static void labels_of_any_kind_are_drawn(void **state UNUSED)
{
	static const char *const labels[] = {"plain", "a:b", "back\\slash\\j", "%n%n%s",
		"color=#ff0000", "dashes", "skipscale", "STACK", "<b>x</b> &amp;", "caf\xc3\xa9",
		"\xe2\x80\xae"
		"rtl",
		"a\tb", "'quoted' \"twice\"", "$(id)", "-o", "legend=", "=", ":", "\\", "\\\\", "a\\"};
	struct loop *loop;
	struct render *render = start(&loop);
	for (size_t i = 0; i < ARRAY_LENGTH(labels); i++) {
		struct scene *scene = scene_create(labels[i]);
		struct want w = {.loop = loop, .make = scene_arguments, .data = scene};
		submit(render, &w, 1);
		wait_for(&w);
		if (!w.pictures) {
			fail_msg("label \"%s\": %s", labels[i], w.text);
		}
		scene_destroy(scene);
	}
	render_destroy(render);
	loop_destroy(loop);
}

static void one_key_is_drawn_once_at_a_time(void **state UNUSED)
{
	struct scene *scene = scene_create("x");
	struct loop *loop;
	struct render *render = start(&loop);
	struct want same = {.loop = loop, .make = scene_arguments, .data = scene};
	for (int i = 0; i < 20; i++) {
		submit(render, &same, 7);
	}
	wait_for(&same);
	assert_int_equal(same.pictures, 20);
	assert_int_equal(same.most_running, 1);

	struct want others = {.loop = loop, .make = scene_arguments, .data = scene};
	for (unsigned i = 0; i < 20; i++) {
		submit(render, &others, i);
	}
	wait_for(&others);
	assert_int_equal(others.pictures, 20);
	assert_int_equal(others.most_running, render_children());
	render_destroy(render);
	loop_destroy(loop);
	scene_destroy(scene);
}

static GPtrArray *senseless(void *data)
{
	GPtrArray *a = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(a, g_strdup("graph"));
	g_ptr_array_add(a, g_strdup("-"));
	g_ptr_array_add(a, g_strdup(data));
	return a;
}

static GPtrArray *nothing(void *data UNUSED)
{
	return NULL;
}

static void errors_are_told_and_the_next_picture_is_drawn(void **state UNUSED)
{
	struct scene *scene = scene_create("x");
	struct loop *loop;
	struct render *render = start(&loop);
	struct want bad = {.loop = loop, .make = senseless, .data = (char *)"DEF:a=/nowhere:42:MAX"};
	submit(render, &bad, 1);
	wait_for(&bad);
	assert_int_equal(bad.errors, 1);
	assert_true(strlen(bad.text) > 0);
	struct want none = {.loop = loop, .make = nothing};
	submit(render, &none, 1);
	wait_for(&none);
	assert_string_equal(none.text, "no data yet");
	struct want good = {.loop = loop, .make = scene_arguments, .data = scene};
	submit(render, &good, 1);
	wait_for(&good);
	assert_int_equal(good.pictures, 1);
	render_destroy(render);
	loop_destroy(loop);
	scene_destroy(scene);
}

/* A file cut short behind a header that says otherwise: SIGBUS in the child. hostile 80 */
static void a_child_that_dies_is_replaced(void **state UNUSED)
{
	struct scene *scene = scene_create("x");
	struct loop *loop;
	struct render *render = start(&loop);
	size_t length;
	g_autofree char *content = support_read_file(scene->file, &length);
	assert_int_equal(truncate(scene->file, 8192), 0);
	struct want bad = {.loop = loop, .make = scene_arguments, .data = scene};
	for (int i = 0; i < 4; i++) {
		submit(render, &bad, 1);
	}
	wait_for(&bad);
	assert_int_equal(bad.pictures + bad.errors, 4);
	assert_true(bad.errors == 4);
	assert_true(g_file_set_contents(scene->file, content, (gssize)length, NULL));
	struct want good = {.loop = loop, .make = scene_arguments, .data = scene};
	for (unsigned i = 0; i < 4; i++) {
		submit(render, &good, i);
	}
	wait_for(&good);
	assert_int_equal(good.pictures, 4);
	render_destroy(render);
	loop_destroy(loop);
	scene_destroy(scene);
}

static void the_queue_has_an_end(void **state UNUSED)
{
	struct scene *scene = scene_create("x");
	struct loop *loop;
	struct render *render = start(&loop);
	struct want w = {.loop = loop, .make = scene_arguments, .data = scene};
	struct render_job job = {.key = 1, .prepare = prepare, .done = done, .drop = drop, .owner = &w};
	struct error err = {.kind = ERR_NONE};
	unsigned taken = 0;
	while (taken < 1000 && render_submit(render, &job, &err)) {
		taken++;
	}
	assert_in_range(taken, RENDER_QUEUE_MAX, RENDER_QUEUE_MAX + render_children());
	assert_int_equal(err.kind, ERR_CONFLICT);
	render_destroy(render);
	assert_int_equal(w.dropped, taken);
	loop_destroy(loop);
	scene_destroy(scene);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_and_theme_is_drawn),
		cmocka_unit_test(labels_of_any_kind_are_drawn),
		cmocka_unit_test(one_key_is_drawn_once_at_a_time),
		cmocka_unit_test(errors_are_told_and_the_next_picture_is_drawn),
		cmocka_unit_test(a_child_that_dies_is_replaced),
		cmocka_unit_test(the_queue_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
