#include "base/secret.h"
#include "collector/munin/push_hub.h"
#include "tests/support/certs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Arrivals that say nothing: how many are waited for. */
struct bed {
	struct loop *loop;
	struct push_hub *hub;
	struct loop_timer *look;
	struct sockaddr_in address;
	int clients[64];
	size_t count, expected;
	int64_t until_ms;
};

static void bed_look(void *owner)
{
	struct bed *bed = owner;
	struct push_counts counts = push_hub_count(bed->hub);
	if (counts.half_open + counts.refused >= bed->expected || mono_now().ms > bed->until_ms) {
		loop_stop(bed->loop);
	} else {
		loop_timer_after(bed->look, 5);
	}
}

static void bed_begin(struct bed *bed, const struct certs *certs)
{
	struct error err = {.text = ""};
	g_autofree char *pem = g_strconcat(certs->dir, "/good.pem", NULL);
	struct config_push settings = {.certificate = pem, .key = pem};
	socklen_t length = sizeof(bed->address);
	*bed = (struct bed){.loop = loop_create()};
	bed->address.sin_family = AF_INET;
	bed->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bed->hub = push_hub_create(bed->loop);
	bed->look = loop_timer_create(bed->loop, bed_look, bed);
	assert_true(push_hub_configure(bed->hub, &settings, &err));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&bed->address, length), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bed->address, &length), 0);
	push_hub_listen(bed->hub, fd);
}

static void bed_finish(struct bed *bed)
{
	for (size_t i = 0; i < bed->count; i++) {
		close(bed->clients[i]);
	}
	loop_timer_destroy(bed->look);
	push_hub_destroy(bed->hub);
	loop_destroy(bed->loop);
}

/* So many connections from an address; runs until each was looked at. */
static void bed_connect(struct bed *bed, const char *from, size_t count)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, from, &here.sin_addr), 1);
	for (size_t i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
		assert_int_equal(
			connect(fd, (const struct sockaddr *)&bed->address, sizeof(bed->address)), 0);
		bed->clients[bed->count++] = fd;
	}
	bed->expected += count;
	bed->until_ms = mono_now().ms + 5000;
	loop_timer_after(bed->look, 0);
	loop_run(bed->loop);
}

static void one_address_that_says_nothing_keeps_nobody_else_out(void **state)
{
	struct bed bed;
	bed_begin(&bed, *state);
	bed_connect(&bed, "127.0.0.1", PUSH_ADDRESS_MAX + 20);
	assert_int_equal(push_hub_count(bed.hub).half_open, PUSH_ADDRESS_MAX);
	assert_int_equal(push_hub_count(bed.hub).refused, 20);
	bed_connect(&bed, "127.0.0.2", 1);
	assert_int_equal(push_hub_count(bed.hub).half_open, PUSH_ADDRESS_MAX + 1);
	assert_int_equal(push_hub_count(bed.hub).refused, 20);
	bed_finish(&bed);
}

/* Of a host that is not known a text stands in for the token, and is shorter than one can be. */
static void a_secret_is_wiped_and_nothing_behind_it(void **state)
{
	char *texts[64];
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		texts[i] = g_strnfill(64, 'x');
	}
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		secret_free(texts[i]);
		for (size_t k = i + 1; k < ARRAY_LENGTH(texts); k++) {
			assert_int_equal(strspn(texts[k], "x"), 64);
		}
	}
}

int main(void)
{
	struct certs certs;
	certs_begin(&certs);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(one_address_that_says_nothing_keeps_nobody_else_out, &certs),
		cmocka_unit_test(a_secret_is_wiped_and_nothing_behind_it),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	certs_finish(&certs);
	return failed;
}
