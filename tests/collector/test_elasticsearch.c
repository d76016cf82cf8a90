#include "tests/collector/probe_rig.h"

#include <stdio.h>

#include "base/banned.h"

/* Elasticsearch, played by a script: there is none in Debian. */

struct cluster {
	const char *health, *blocks, *memory; /* whole answers */
};

static bool answer_cluster(struct rig *rig, GString *in, GString *out)
{
	const struct cluster *cluster = rig->own;
	const char *end = strstr(in->str, "\r\n\r\n");
	if (!end) {
		return true;
	}
	bool health = g_str_has_prefix(in->str, "GET /_cluster/health?timeout=3s HTTP/1.1\r\n");
	bool blocks = g_str_has_prefix(in->str, "GET /_cluster/state/blocks?filter_path=blocks HTTP");
	bool memory = g_str_has_prefix(in->str, "GET /_nodes/_local/stats/jvm?");
	assert_true(health || blocks || memory);
	g_string_append(out, health ? cluster->health : blocks ? cluster->blocks : cluster->memory);
	g_string_erase(in, 0, end + 4 - in->str);
	return !strstr(out->str, "close");
}

#define OK            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define FAILS(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"

static const char health_yellow[] =
	OK "{\"status\":\"yellow\",\"number_of_nodes\":3,\"number_of_data_nodes\":2,"
	   "\"active_shards\":10,\"unassigned_shards\":4,\"relocating_shards\":0}";
static const char health_red[] = OK "{\"status\":\"red\",\"number_of_nodes\":3}";
static const char blocks_none[] = OK "{}";
static const char blocks_disk[] = OK "{\"blocks\":{\"indices\":{\"logs-1\":{\"12\":{}}}}}";
static const char blocks_kept[] = /* of last year, closed by its life cycle and by somebody */
	OK "{\"blocks\":{\"indices\":{\"logs-0\":{\"8\":{}},\"kept\":{\"5\":{}}}}}";
static const char memory_page[] =
	OK "{\"nodes\":{\"x\":{\"jvm\":{\"mem\":{\"heap_used_in_bytes\":5,\"heap_max_in_bytes\":9}}}}}";

static void each_state_of_a_cluster_has_its_stage_and_reason(void **state)
{
	(void)state;
	static const struct {
		struct cluster cluster;
		double up, stage, canary;
		const char *reason;
	} cases[] = {
		{{health_yellow, blocks_none, memory_page}, 1, 6, 1, ""},
		{{health_red, blocks_none, memory_page}, 0, 4, NAN,
			"query: the cluster is red: there are shards that nobody serves"},
		{{health_yellow, blocks_disk, memory_page}, 0, 5, 0,
			"write: index logs-1 was made read-only, as the disk is nearly full"},
		{{health_yellow, blocks_kept, memory_page}, 1, 6, 1, ""},
		{{health_yellow, blocks_disk, memory_page}, 0, 5, 0,
			"write: index logs-1 was made read-only, as the disk is nearly full"},
		/* nothing was tried: what was known of writing counts on */
		{{FAILS("401 Unauthorized"), "", ""}, 1, 5, 0, "alive, but asks for a login (401)"},
		{{FAILS("503 Service Unavailable"), "", ""}, 0, 4, NAN,
			"query: answers 503 Service Unavailable"},
		{{OK "<html>", "", ""}, 0, 4, NAN, "query: answers 200, not with the health of a cluster"},
	};
	struct rig rig;
	rig_begin(&rig, "elasticsearch", answer_cluster);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		rig.own = (void *)&cases[i].cluster;
		rig_round(&rig);
		assert_probe(&rig, "elasticsearch", cases[i].up, cases[i].stage, cases[i].reason);
		assert_near(rig_value(&rig, "probe_elasticsearch:canary"), cases[i].canary, 0);
	}
	rig_finish(&rig);
}

static void figures_that_fail_are_no_fault_of_the_cluster(void **state)
{
	(void)state;
	static const struct cluster cluster = {
		health_yellow, blocks_none, FAILS("500 Internal Server Error")};
	struct rig rig;
	rig_begin(&rig, "elasticsearch", answer_cluster);
	rig.own = (void *)&cluster;
	rig_round(&rig);
	assert_probe(&rig, "elasticsearch", 1, 6, "");
	assert_non_null(strstr(rig_complaint(&rig, "jvm"), "answers 500"));
	rig_finish(&rig);
}

/* Else a cluster that lost the shard with its users would be well for ever. */
static void a_login_that_was_configured_has_to_work(void **state)
{
	(void)state;
	static const struct cluster unknown = {FAILS("401 Unauthorized"), "", ""};
	static const struct cluster forbidden = {FAILS("403 Forbidden"), "", ""};
	struct rig rig;
	rig_begin(&rig, "elasticsearch", answer_cluster);
	rig.source.service.user = g_strdup("magpie");
	rig.own = (void *)&unknown;
	rig_round(&rig);
	assert_probe(&rig, "elasticsearch", 0, 3, "authenticate: refuses user or password (401)");
	rig.own = (void *)&forbidden;
	rig_round(&rig);
	assert_false(rig_has(&rig, "probe_elasticsearch:up"));
	assert_int_equal(rig.result.error.kind, ERR_CONFIG);
	rig_finish(&rig);
}

static void the_figures_stand_in_munins_graphs(void **state)
{
	(void)state;
	static const struct cluster cluster = {health_yellow, blocks_none, memory_page};
	struct rig rig;
	rig_begin(&rig, "elasticsearch", answer_cluster);
	rig.own = (void *)&cluster;
	for (int i = 0; i < 2; i++) {
		rig_round(&rig);
		assert_near(rig_value(&rig, "elasticsearch_cluster_shards:unassigned_shards"), 4, 0);
		assert_near(rig_value(&rig, "elasticsearch_cluster_nodes:number_of_data_nodes"), 2, 0);
		assert_near(rig_value(&rig, "elasticsearch_jvm_memory:heap_used"), 5, 0);
		assert_true(isnan(rig_value(&rig, "elasticsearch_jvm_memory:non_heap_used")));
	}
	assert_int_equal(rig.accepted, 6);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_of_a_cluster_has_its_stage_and_reason),
		cmocka_unit_test(figures_that_fail_are_no_fault_of_the_cluster),
		cmocka_unit_test(a_login_that_was_configured_has_to_work),
		cmocka_unit_test(the_figures_stand_in_munins_graphs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
