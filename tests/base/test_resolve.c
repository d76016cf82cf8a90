#include "base/resolve.h"

#include "tests/support/name_server.h"

struct bed {
	struct loop *loop;
	struct resolver *resolver;
	struct name_server server;
	struct resolver_result last;
	unsigned told;
	bool destroy, late;
	struct loop_timer *guard;
};

static void on_late(void *owner)
{
	struct bed *b = owner;
	b->late = true;
	loop_stop(b->loop);
}

static void on_result(void *owner, const struct resolver_result *result)
{
	struct bed *b = owner;
	b->told++;
	b->last = *result;
	if (b->destroy) {
		resolver_destroy(b->resolver);
		b->resolver = NULL;
	}
	loop_stop(b->loop);
}

static void bed_begin(struct bed *b)
{
	memset(b, 0, sizeof(*b));
	b->loop = loop_create();
	b->resolver = resolver_create(b->loop);
	name_server_begin(&b->server, b->loop, b->resolver);
	b->guard = loop_timer_create(b->loop, on_late, b);
}

static void bed_finish(struct bed *b)
{
	resolver_destroy(b->resolver);
	name_server_finish(&b->server);
	loop_timer_destroy(b->guard);
	loop_destroy(b->loop);
}

static struct resolver_query *ask(struct bed *b, const char *host)
{
	struct error err = {0};
	struct resolver_query *query = resolver_start(b->resolver, host, on_result, b, &err);
	if (!query) {
		fail_msg("%s", err.text);
	}
	return query;
}

static void wait_told(struct bed *b, unsigned told)
{
	loop_timer_after(b->guard, 9000);
	while (b->told < told) {
		loop_run(b->loop);
		assert_false(b->late);
	}
	loop_timer_stop(b->guard);
}

static uint32_t first_v4(const struct bed *b)
{
	struct sockaddr_in v4;
	assert_true(b->last.count > 0);
	assert_int_equal(b->last.addresses[0].ss_family, AF_INET);
	memcpy(&v4, &b->last.addresses[0], sizeof(v4));
	return ntohl(v4.sin_addr.s_addr);
}

static void literals_and_this_machine_need_no_server(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	static const struct {
		const char *host;
		size_t count;
		int family;
	} rows[] = {{"192.0.2.7", 1, AF_INET}, {"2001:db8::1", 1, AF_INET6}, {"localhost", 2, AF_INET},
		{"db.localhost", 2, AF_INET}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		ask(&b, rows[i].host);
		assert_int_equal(b.told, i); /* never from inside the call */
		wait_told(&b, (unsigned)i + 1);
		assert_int_equal(b.last.error.kind, ERR_NONE);
		assert_int_equal(b.last.count, rows[i].count);
		assert_int_equal(b.last.addresses[0].ss_family, rows[i].family);
	}
	assert_int_equal(b.server.asked, 0);
	bed_finish(&b);
}

static void a_name_is_asked_once_and_kept(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	for (unsigned i = 0; i < 100; i++) {
		ask(&b, i % 2 ? "node.example.org" : "NODE.example.org");
	}
	wait_told(&b, 100);
	assert_int_equal(first_v4(&b), 0xc0000201);
	ask(&b, "node.example.org");
	wait_told(&b, 101);
	assert_int_equal(first_v4(&b), 0xc0000201);
	assert_int_equal(b.server.asked, 1);
	bed_finish(&b);
}

/* hostile 30 */
static void of_very_many_addresses_some_are_taken(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	b.server.addresses = 28; /* as many as one datagram holds */
	ask(&b, "many.example.org");
	wait_told(&b, 1);
	assert_int_equal(b.last.count, RESOLVE_ADDRESSES_MAX);
	bed_finish(&b);
}

/* hostile 30 */
static void a_name_that_is_not_there_is_told_by_name(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	b.server.absent = true;
	ask(&b, "absent.example.org");
	wait_told(&b, 1);
	assert_int_equal(b.last.error.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(b.last.error.text, "absent.example.org"));
	bed_finish(&b);
}

static void a_broken_server_is_unreachable_not_absent(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	b.server.broken = true;
	ask(&b, "broken.example.org");
	wait_told(&b, 1);
	assert_int_equal(b.last.error.kind, ERR_UNREACHABLE);
	bed_finish(&b);
}

/* hostile 30 */
static void a_silent_server_costs_five_seconds_and_not_the_loop(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	b.server.silent = true;
	struct mono begin = mono_now();
	ask(&b, "slow.example.org");
	ask(&b, "127.0.0.1"); /* is told meanwhile */
	wait_told(&b, 1);
	assert_true(mono_now().ms - begin.ms < 1000);
	wait_told(&b, 2);
	assert_int_equal(b.last.error.kind, ERR_TIMEOUT);
	assert_true(mono_now().ms - begin.ms < 6000);
	bed_finish(&b);
}

static void what_can_be_no_name_is_refused(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	static const char *const names[] = {"", ".", "a..b", "a b", "a/b", "a\nb", "-\x80",
		"a123456789012345678901234567890123456789012345678901234567890123.org"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct error err = {0};
		assert_null(resolver_start(b.resolver, names[i], on_result, &b, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
	}
	bed_finish(&b);
}

static void a_cancelled_question_is_not_told(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	struct resolver_query *query = ask(&b, "one.example.org");
	struct resolver_query *literal = ask(&b, "127.0.0.1");
	ask(&b, "one.example.org");
	resolver_cancel(query);
	resolver_cancel(literal);
	wait_told(&b, 1);
	ask(&b, "one.example.org");
	wait_told(&b, 2);
	assert_int_equal(b.told, 2);
	bed_finish(&b);
}

static void a_resolver_may_be_destroyed_in_a_callback(void **state UNUSED)
{
	struct bed b;
	bed_begin(&b);
	b.destroy = true;
	ask(&b, "one.example.org");
	ask(&b, "one.example.org");
	ask(&b, "two.example.org");
	wait_told(&b, 1);
	assert_null(b.resolver);
	bed_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_and_this_machine_need_no_server),
		cmocka_unit_test(a_name_is_asked_once_and_kept),
		cmocka_unit_test(of_very_many_addresses_some_are_taken),
		cmocka_unit_test(a_name_that_is_not_there_is_told_by_name),
		cmocka_unit_test(a_broken_server_is_unreachable_not_absent),
		cmocka_unit_test(a_silent_server_costs_five_seconds_and_not_the_loop),
		cmocka_unit_test(what_can_be_no_name_is_refused),
		cmocka_unit_test(a_cancelled_question_is_not_told),
		cmocka_unit_test(a_resolver_may_be_destroyed_in_a_callback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
