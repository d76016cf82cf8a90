#include "base/auto.h"
#include "base/bundle.h"
#include "base/diag.h"
#include "collector/target.h"
#include "tests/support/test.h"

#include <glib.h>

/* Checks and plugins that are executed, with the test as the executor. */
struct fake {
	struct executor executor; /* first */
	struct execution_request request;
	char host[64], name[64];
	execution_fn done;
	void *owner;
	unsigned started, cancelled;
	bool refuse;
};

struct execution {
	struct fake *fake;
};

struct fixture {
	struct fake fake;
	struct execution execution;
	struct world world;
	struct config *config;
	struct target *target;
	struct target_result result;
	unsigned rounds;
	GString *samples; /* "service.field=value …" of the last round */
	int64_t now_s;
};

static struct execution *fake_start(struct executor *executor,
	const struct execution_request *request, execution_fn done, void *owner, struct error *err)
{
	struct fake *fake = (struct fake *)executor;
	struct fixture *f = (struct fixture *)fake; /* first there */
	if (fake->refuse) {
		error_set(err, ERR_UNREACHABLE, "the runner is not there");
		return NULL;
	}
	fake->started++;
	fake->request = *request;
	snprintf(fake->host, sizeof(fake->host), "%s", request->host);
	snprintf(fake->name, sizeof(fake->name), "%s", request->name);
	fake->done = done;
	fake->owner = owner;
	return &f->execution;
}

static void fake_cancel(struct execution *execution)
{
	execution->fake->cancelled++;
	execution->fake->done = NULL;
}

static const struct executor_kind fake_kind = {.start = fake_start, .cancel = fake_cancel};

static void on_samples(void *owner, struct target *target UNUSED, struct source *source,
	struct feed *only, struct wall at UNUSED)
{
	struct fixture *f = owner;
	for (size_t i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = g_ptr_array_index(source->feeds, i);
		if ((only && feed != only) || !feed->fresh) {
			continue;
		}
		const struct service *service = feed->declaration->service;
		for (size_t k = 0; k < service_field_count(service); k++) {
			g_string_append_printf(f->samples, "%s%s.%s=%.6g", f->samples->len ? " " : "",
				service->name, service_field(service, k)->name, feed->values[k]);
		}
	}
}

static void on_done(void *owner, struct target *target UNUSED, const struct target_result *result)
{
	struct fixture *f = owner;
	f->result = *result;
	f->rounds++;
}

static const struct target_sink sink = {.samples = on_samples, .done = on_done};

static void begin(struct fixture *f, enum config_source_kind kind, const char *body)
{
	g_autofree char *text = g_strdup_printf("host h.example { %s }\n", body);
	*f = (struct fixture){.samples = g_string_new(NULL), .now_s = 1700000000};
	f->fake.executor.kind = &fake_kind;
	f->execution.fake = &f->fake;
	f->world.executor = &f->fake.executor;
	AUTO(bundle) bundle = bundle_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, text, strlen(text));
	f->config = config_read(bundle, NULL);
	assert_non_null(f->config);
	struct config_source *source =
		config_find_source(config_find_host(f->config, "h.example"), kind, "x");
	assert_non_null(source);
	f->target = target_create(source, &f->world, &sink, f);
}

static void finish(struct fixture *f)
{
	target_destroy(f->target);
	config_destroy(f->config);
	g_string_free(f->samples, TRUE);
}

static void round_begins(struct fixture *f)
{
	f->now_s += 60;
	g_string_truncate(f->samples, 0);
	target_begin(f->target, wall_from_s(f->now_s), 10000);
}

static void answer_with(struct fixture *f, struct execution_result result)
{
	execution_fn done = STEAL(f->fake.done);
	assert_non_null(done);
	result.output = result.output ? result.output : "";
	result.errors = result.errors ? result.errors : "";
	result.length = strlen(result.output);
	result.took_ms = 250;
	result.fd = -1;
	done(f->fake.owner, &result);
}

static void answer(struct fixture *f, const char *output, int code)
{
	answer_with(f, (struct execution_result){.output = output, .exit_code = code});
}

static const char *extinfo(const struct fixture *f, const char *service)
{
	const struct feed *feed = target_find(f->target, service);
	assert_non_null(feed);
	const struct field *field = service_field(feed->declaration->service, 0);
	return attributes_or(&field->attributes, "extinfo", "");
}

static size_t complaints(const struct fixture *f)
{
	struct target_complaint list[8];
	return target_complaints(f->target, list, ARRAY_LENGTH(list));
}

#define NAGIOS "check x { nagios \"/usr/lib/nagios/plugins/check_y\" }"

static void a_nagios_plugin_yields_its_state_and_its_numbers(void **state UNUSED)
{
	static const struct {
		const char *output;
		int code;
		const char *samples, *extinfo;
	} rounds[] = {
		{"Y OK - fine|a=5ms;10;20 b=1KB\n", 0,
			"check_x.state=0 check_x.time=0.25 check_x.a=0.005 check_x.b=1024", ""},
		{"Y WARNING - <slow>|a=15ms;10;20\nmore", 1,
			"check_x.state=1 check_x.time=0.25 check_x.a=0.015 check_x.b=nan",
			"Y WARNING - <slow>"},
		{"Y CRITICAL|b=2KB c=1", 2,
			"check_x.state=2 check_x.time=0.25 check_x.a=nan check_x.b=2048 check_x.c=1",
			"Y CRITICAL"},
		{"", 3, "check_x.state=3 check_x.time=0.25 check_x.a=nan check_x.b=nan check_x.c=nan",
			"it says nothing"},
		{"Y OK\n", 0, "check_x.state=0 check_x.time=0.25 check_x.a=nan check_x.b=nan check_x.c=nan",
			""},
		{"command not found", 127,
			"check_x.state=3 check_x.time=0.25 check_x.a=nan check_x.b=nan check_x.c=nan",
			"command not found"},
	};
	struct fixture f;
	begin(&f, CONFIG_SOURCE_CHECK, NAGIOS);
	for (size_t i = 0; i < ARRAY_LENGTH(rounds); i++) {
		round_begins(&f);
		assert_int_equal(f.fake.request.what, EXECUTION_CHECK);
		assert_string_equal(f.fake.host, "h.example");
		assert_string_equal(f.fake.name, "x");
		assert_in_range(f.fake.request.timeout_ms, 8000, 9900);
		answer(&f, rounds[i].output, rounds[i].code);
		assert_int_equal(f.rounds, i + 1);
		assert_string_equal(f.samples->str, rounds[i].samples);
		assert_string_equal(extinfo(&f, "check_x"), rounds[i].extinfo);
		assert_int_equal(f.result.error.kind, ERR_NONE);
		assert_int_equal(complaints(&f), rounds[i].code == 127 ? 1 : 0);
	}
	finish(&f);
}

static void thresholds_become_limits_of_the_field(void **state UNUSED)
{
	static const struct {
		const char *field, *key, *value;
	} cases[] = {
		{"a", "warning", "0:0.01"},
		{"a", "critical", ":0.02"},
		{"a", "min", "0"},
		{"b", "warning", NULL}, /* alerts inside: Munin has no word for it */
		{"b", "critical", "1024:"},
		{"c", "warning", NULL}, /* about the counter, not its rate */
		{"c", "type", "DERIVE"},
	};
	struct fixture f;
	begin(&f, CONFIG_SOURCE_CHECK, NAGIOS);
	round_begins(&f);
	answer(&f, "Y|a=5ms;10;~:20;0 b=2KB;@1:2;1: c=7c;5;6", 0);
	const struct service *service = target_find(f.target, "check_x")->declaration->service;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const struct field *field = service_find_field(service, cases[i].field);
		assert_non_null(field);
		const char *value = attributes_get(&field->attributes, cases[i].key);
		if (strcmp(cases[i].key, "type") == 0) {
			value = field_type_name(field->type);
		}
		if (strcmp(cases[i].key, "min") == 0) {
			assert_near(field->min, 0, 0);
		} else if (g_strcmp0(value, cases[i].value) != 0) {
			fail_msg("%s.%s is %s", cases[i].field, cases[i].key, value ? value : "not set");
		}
	}
	finish(&f);
}

static void a_check_that_cannot_run_says_why(void **state UNUSED)
{
	struct fixture f;
	begin(&f, CONFIG_SOURCE_CHECK, NAGIOS);
	f.fake.refuse = true;
	round_begins(&f);
	assert_int_equal(f.rounds, 1);
	assert_int_equal(f.result.error.kind, ERR_UNREACHABLE);
	assert_string_equal(f.result.error.text, "execute: the runner is not there");
	assert_string_equal(f.samples->str, "check_x.state=nan check_x.time=nan");
	f.fake.refuse = false;
	round_begins(&f);
	struct execution_result denied = {.error = {.kind = ERR_DENIED}};
	snprintf(denied.error.text, sizeof(denied.error.text), "not root's");
	answer_with(&f, denied);
	assert_int_equal(f.result.error.kind, ERR_DENIED);
	assert_string_equal(f.samples->str, "check_x.state=nan check_x.time=nan");
	round_begins(&f);
	answer_with(&f, (struct execution_result){.timed_out = true, .signal = 15, .output = "half"});
	assert_int_equal(f.result.error.kind, ERR_TIMEOUT);
	assert_string_equal(f.samples->str, "check_x.state=3 check_x.time=0.25");
	assert_string_equal(extinfo(&f, "check_x"), "no answer within 0.2 s: half");
	round_begins(&f);
	answer_with(&f, (struct execution_result){.signal = 11});
	assert_string_equal(extinfo(&f, "check_x"), "ended by signal 11");
	assert_string_equal(f.samples->str, "check_x.state=3 check_x.time=0.25");
	round_begins(&f);
	answer_with(&f, (struct execution_result){.exit_code = 2, .errors = "on stderr\nmore"});
	assert_string_equal(extinfo(&f, "check_x"), "on stderr");
	finish(&f);
}

static void what_is_under_way_is_cancelled_with_the_target(void **state UNUSED)
{
	struct fixture f;
	begin(&f, CONFIG_SOURCE_CHECK, NAGIOS);
	round_begins(&f);
	finish(&f);
	assert_int_equal(f.fake.cancelled, 1);
	begin(&f, CONFIG_SOURCE_PLUGIN, "plugin x { command \"/usr/share/munin/plugins/load\" }");
	round_begins(&f);
	finish(&f);
	assert_int_equal(f.fake.cancelled, 1);
}

#define PLUGIN "plugin x { command \"/usr/share/munin/plugins/load\" }"

static void a_plugin_is_configured_and_then_only_fetched(void **state UNUSED)
{
	struct fixture f;
	begin(&f, CONFIG_SOURCE_PLUGIN, PLUGIN);
	round_begins(&f);
	assert_int_equal(f.fake.request.what, EXECUTION_PLUGIN_CONFIG);
	answer(&f, "graph_title X\na.label A\nb.label B\n", 0);
	assert_int_equal(f.fake.request.what, EXECUTION_PLUGIN_FETCH);
	answer(&f, "a.value 1\nb.value U\n", 0);
	assert_string_equal(f.samples->str, "x.a=1 x.b=nan");
	assert_int_equal(f.result.error.kind, ERR_NONE);
	round_begins(&f);
	assert_int_equal(f.fake.request.what, EXECUTION_PLUGIN_FETCH);
	answer(&f, "a.value 2\nb.value 3\n", 0);
	assert_string_equal(f.samples->str, "x.a=2 x.b=3");
	assert_int_equal(f.rounds, 2);
	finish(&f);
}

static void a_plugin_with_values_in_its_config_is_asked_once(void **state UNUSED)
{
	struct fixture f;
	begin(&f, CONFIG_SOURCE_PLUGIN, PLUGIN);
	for (unsigned i = 1; i <= 2; i++) {
		round_begins(&f);
		assert_int_equal(f.fake.request.what, EXECUTION_PLUGIN_CONFIG);
		answer(
			&f, "multigraph m\na.label A\na.value 1\nmultigraph m.sub\nb.label B\nb.value 2\n", 0);
		assert_int_equal(f.rounds, i);
		assert_string_equal(f.samples->str, "m.a=1 m.sub.b=2");
	}
	finish(&f);
}

/* hostile 12, 25 */
static void a_plugin_that_fails_is_unknown_and_stays(void **state UNUSED)
{
	static const struct {
		struct execution_result result;
		const char *why;
	} cases[] = {
		{{.output = "a.value 9\n", .exit_code = 1, .errors = "no such device\nx"},
			"fetch: exit code 1: no such device"},
		{{.timed_out = true}, "fetch: no answer within 0.2 s"},
		{{.signal = 9}, "fetch: ended by signal 9"},
		{{.too_many = true}, "fetch: ended, it started too many processes"},
		{{.output = "a.value 9\n", .truncated = true},
			"fetch: the answer is longer than 63000 bytes"},
	};
	struct fixture f;
	begin(&f, CONFIG_SOURCE_PLUGIN, PLUGIN);
	round_begins(&f);
	answer(&f, "graph_title X\na.label A\n", 0);
	answer(&f, "a.value 1\n", 0);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		round_begins(&f);
		answer_with(&f, cases[i].result);
		assert_string_equal(f.result.error.text, cases[i].why);
		assert_string_equal(f.samples->str, "x.a=nan");
		assert_int_equal(complaints(&f), 1);
	}
	round_begins(&f);
	answer(&f, "a.value 4\n", 0);
	assert_string_equal(f.samples->str, "x.a=4");
	assert_int_equal(f.result.error.kind, ERR_NONE);
	assert_int_equal(complaints(&f), 0);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nagios_plugin_yields_its_state_and_its_numbers),
		cmocka_unit_test(thresholds_become_limits_of_the_field),
		cmocka_unit_test(a_check_that_cannot_run_says_why),
		cmocka_unit_test(what_is_under_way_is_cancelled_with_the_target),
		cmocka_unit_test(a_plugin_is_configured_and_then_only_fetched),
		cmocka_unit_test(a_plugin_with_values_in_its_config_is_asked_once),
		cmocka_unit_test(a_plugin_that_fails_is_unknown_and_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
