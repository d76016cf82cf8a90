#include "model/shard.h"
#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/banned.h"

/* A host whose owner changed with a new version would be written by two. */
static void the_owner_of_a_host_never_changes(void **state UNUSED)
{
	static const struct {
		const char *host;
		unsigned instances, owner;
	} rows[] = {
		{"node1.example.com", 1, 0},
		{"node1.example.com", 2, 0},
		{"node2.example.com", 2, 1},
		{"node4.example.com", 2, 0},
		{"node1.example.com", 3, 1},
		{"node2.example.com", 3, 2},
		{"", 3, 2},
		{"localhost", 16, 13},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(shard_of_host(rows[i].host, rows[i].instances), rows[i].owner);
	}
}

static void hosts_with_similar_names_are_spread_evenly(void **state UNUSED)
{
	enum { HOSTS = 1000, MOST = 16 };
	static const char *const forms[] = {"web%u", "db-%03u.example.com", "10.0.0.%u", "%u"};
	for (size_t form = 0; form < sizeof(forms) / sizeof(*forms); form++) {
		for (unsigned instances = 2; instances <= MOST; instances++) {
			unsigned counts[MOST] = {0};
			for (unsigned host = 0; host < HOSTS; host++) {
				char name[64];
				switch (form) {
				case 0: snprintf(name, sizeof(name), "web%u", host); break;
				case 1: snprintf(name, sizeof(name), "db-%03u.example.com", host); break;
				case 2: snprintf(name, sizeof(name), "10.0.%u.%u", host / 256, host % 256); break;
				default: snprintf(name, sizeof(name), "%u", host); break;
				}
				unsigned owner = shard_of_host(name, instances);
				assert_in_range(owner, 0, instances - 1);
				counts[owner]++;
			}
			for (unsigned i = 0; i < instances; i++) {
				assert_in_range(counts[i], HOSTS / instances * 6 / 10, HOSTS / instances * 15 / 10);
			}
		}
	}
}

static void small_sites_have_one_writer(void **state UNUSED)
{
	assert_int_equal(shard_suitable(0, 64), 1);
	assert_int_equal(shard_suitable(499, 64), 1);
	assert_int_equal(shard_suitable(500, 64), 2);
	assert_int_equal(shard_suitable(5000, 64), 4);
	assert_int_equal(shard_suitable(5000, 2), 2);
	assert_int_equal(shard_suitable(5000, 1), 1);
	assert_int_equal(shard_suitable(5000, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_owner_of_a_host_never_changes),
		cmocka_unit_test(hosts_with_similar_names_are_spread_evenly),
		cmocka_unit_test(small_sites_have_one_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
