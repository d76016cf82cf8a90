#include "collector/host/conntrack.h"
#include "collector/host/interface.h"
#include "collector/host/snmp.h"
#include "collector/host/tcp.h"
#include "tests/collector/cut.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "base/banned.h"

/* Addresses are of the documentation blocks (RFC 5737, RFC 3849). */
static const char dev[] = "Inter-|   Receive                    |  Transmit\n"
						  " face |bytes    packets errs drop fifo frame compressed multicast|bytes "
						  "   packets errs drop fifo colls carrier compressed\n"
						  "    lo:    4267      49    0    0    0     0          0         0     "
						  "4267      49    0    0    0     0       0          0\n"
						  "  eth0: 18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
						  "br-0a1b2c3d4e5f:21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36\n"
						  "thisnameistoolong: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n"
						  ": 1 1 1\n"
						  "eth1: 99999999999999999999 x 3\n";

static void interfaces_are_read_one_by_one(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		double values[7];
	} expected[] = {
		{"lo", {4267, 0, 0, 4267, 0, 0, 0}},
		{"eth0", {18446744073709551615.0, 3, 4, 9, 11, 12, 14}},
		{"br-0a1b2c3d4e5f", {21, 23, 24, 29, 31, 32, 34}},
		{"eth1", {NAN, 3, NAN, NAN, NAN, NAN, NAN}},
	};
	struct scan text = scan_text(dev, strlen(dev));
	struct interface_reading r;
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		assert_true(interface_next(&text, &r));
		assert_string_equal(r.name, expected[i].name);
		const double got[] = {r.in_bytes, r.in_errors, r.in_drops, r.out_bytes, r.out_errors,
			r.out_drops, r.collisions};
		for (size_t k = 0; k < ARRAY_LENGTH(got); k++) {
			assert_true(
				isnan(got[k]) ? isnan(expected[i].values[k]) : got[k] == expected[i].values[k]);
		}
	}
	assert_false(interface_next(&text, &r));
}

static void parse_dev(const char *text, size_t length, double *v)
{
	struct scan all = scan_text(text, length);
	struct interface_reading r;
	for (size_t i = 0; i < 12; i++) {
		v[i] = NAN;
	}
	for (size_t i = 0; i < 4 && interface_next(&all, &r); i++) {
		v[i * 3] = r.in_bytes;
		v[i * 3 + 1] = r.out_bytes;
		v[i * 3 + 2] = r.collisions;
	}
}

static void a_list_of_interfaces_may_end_anywhere(void **state)
{
	(void)state;
	cut_everywhere(parse_dev, dev, 12);
}

static void munin_watches_most_interfaces(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool watched;
	} cases[] = {{"eth0", true}, {"enp0s31f6", true}, {"lo", false}, {"lo0", true}, {"gre0", false},
		{"gre10", true}, {"gretap0", true}, {"sit0", false}, {"sit12", false}, {"sitx", true},
		{"eth0.100", false}, {"eth0.x", true}, {"br-1.5", true}, {"wlan0", true},
		{"veth1a2b3c", true}, {".1", true}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		if (interface_watched(cases[i].name) != cases[i].watched) {
			fail_msg("%s", cases[i].name);
		}
	}
}

static void parse_snmp(const char *text, size_t length, double *v)
{
	struct snmp_reading r;
	snmp_parse(text, length, &r);
	const double all[] = {
		r.received, r.forwarded, r.active, r.passive, r.failed, r.resets, r.established};
	memcpy(v, all, sizeof(all));
}

static void snmp_columns_are_found_by_name(void **state)
{
	(void)state;
	static const struct cut_case cases[] = {
		{"Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams\nIp: 2 64 "
		 "3242 0 0 17\n"
		 "Icmp: InMsgs\nIcmp: 5\n"
		 "Tcp: RtoAlgorithm MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab "
		 "InSegs\nTcp: 1 -1 29 2 10 4 7 6\n",
			{3242, 17, 29, 2, 10, 4, 7}},
		/* a new column in front, one missing at the end, a negative and a word */
		{"Tcp: New CurrEstab ActiveOpens PassiveOpens EstabResets\nTcp: 9 7 -29 x\n",
			{NAN, NAN, NAN, NAN, NAN, NAN, 7}},
		{"Tcp: CurrEstab\nUdp: 7\n", {NAN, NAN, NAN, NAN, NAN, NAN, NAN}},
	};
	assert_cases(parse_snmp, cases, ARRAY_LENGTH(cases), 7);
}

static void sockets_of_proc_are_counted_by_state(void **state)
{
	(void)state;
	static const char text[] = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
							   "retrnsmt   uid  timeout inode\n"
							   "   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 "
							   "00000000     0        0 1662\n"
							   "   1: 0100007F:B8D9 0100007F:824C 06 00000000:00000000 03:00000AB1 "
							   "00000000     0        0 0\n"
							   "   2: 0100007F:B8D9 0100007F:824C 06\n"
							   "   3: 0100007F:B8D9 0100007F:824C FF\n"
							   "   4: 0100007F:B8D9 0100007F:824C 0b\n"
							   "   5: 0100007F:B8D9\n"
							   "   6: 0100007F:B8D9 0100007F:824C 01"; /* cut short */
	struct tcp_reading r = {{0}};
	tcp_parse(text, strlen(text), &r);
	for (unsigned i = 0; i < TCP_STATES; i++) {
		assert_int_equal(r.sockets[i], i == 10 ? 1 : i == 6 ? 2 : 0);
	}
	tcp_parse(NULL, 0, &r);
}

static size_t put_socket(char *at, uint8_t state)
{
	struct nlmsghdr head = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct inet_diag_msg)), .nlmsg_type = SOCK_DIAG_BY_FAMILY};
	struct inet_diag_msg socket = {.idiag_state = state};
	memcpy(at, &head, sizeof(head));
	memcpy(at + NLMSG_HDRLEN, &socket, sizeof(socket));
	return NLMSG_ALIGN(head.nlmsg_len);
}

static void sockets_of_sock_diag_are_counted_by_state(void **state)
{
	(void)state;
	char bytes[1024];
	size_t length = put_socket(bytes, 1);
	length += put_socket(bytes + length, 10);
	length += put_socket(bytes + length, 200);
	struct tcp_reading r = {{0}};
	assert_int_equal(tcp_parse_diag(bytes, length, &r), TCP_MORE);
	struct nlmsghdr head = {.nlmsg_len = sizeof(head), .nlmsg_type = NLMSG_DONE};
	memcpy(bytes + length, &head, sizeof(head));
	assert_int_equal(tcp_parse_diag(bytes, length + sizeof(head), &r), TCP_DONE);
	assert_int_equal(r.sockets[1], 2);
	assert_int_equal(r.sockets[10], 2);
	for (size_t cut = 0; cut < length; cut++) {
		char *copy = malloc(cut ? cut : 1);
		memcpy(copy, bytes, cut);
		struct tcp_reading part = {{0}};
		(void)tcp_parse_diag(copy, cut, &part);
		assert_true(part.sockets[1] <= 1 && part.sockets[10] <= 1);
		free(copy);
	}
	static const uint32_t bad_lengths[] = {0, 1, sizeof(head) - 1, 4096, UINT32_MAX};
	for (size_t i = 0; i < ARRAY_LENGTH(bad_lengths); i++) {
		head = (struct nlmsghdr){.nlmsg_len = bad_lengths[i], .nlmsg_type = SOCK_DIAG_BY_FAMILY};
		memcpy(bytes, &head, sizeof(head));
		assert_int_equal(tcp_parse_diag(bytes, length, &r), TCP_FAILED);
	}
	head = (struct nlmsghdr){.nlmsg_len = sizeof(head) + 4, .nlmsg_type = NLMSG_ERROR};
	memcpy(bytes, &head, sizeof(head));
	assert_int_equal(tcp_parse_diag(bytes, length, &r), TCP_FAILED);
}

static void parse_conntrack(const char *text, size_t length, double *v)
{
	struct conntrack_reading r;
	conntrack_parse(text, length, &r);
	const unsigned all[] = {r.established, r.fin_wait, r.time_wait, r.syn_sent, r.udp, r.assured,
		r.nated, r.total, r.forward, r.local};
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		v[i] = all[i];
	}
}

static void connections_are_counted_as_munin_does(void **state)
{
	(void)state;
	static const char text[] =
		"ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=192.0.2.2 sport=4711 dport=22 "
		"src=192.0.2.2 dst=192.0.2.1 sport=22 dport=4711 [ASSURED] mark=0 zone=0 use=2\n"
		"ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=198.51.100.7 sport=4712 "
		"dport=443 src=198.51.100.7 dst=203.0.113.9 sport=443 dport=4712 [ASSURED] mark=0 use=2\n"
		"ipv4     2 tcp      6 20 TIME_WAIT src=192.0.2.1 dst=192.0.2.2 sport=4713 dport=22 "
		"src=10.0.0.9 dst=192.0.2.1 sport=22 dport=4713 [ASSURED] use=2\n"
		"ipv4     2 tcp      6 100 SYN_SENT src=192.0.2.1 dst=192.0.2.2 sport=4714 dport=25 "
		"[UNREPLIED] src=192.0.2.2 dst=192.0.2.1 sport=25 dport=4714 use=2\n"
		"ipv4     2 tcp      6 100 FIN_WAIT src=192.0.2.1 dst=192.0.2.2 sport=4715 dport=25 "
		"src=192.0.2.2 dst=192.0.2.1 sport=25 dport=4715 use=2\n"
		"ipv6     10 udp      17 29 src=2001:db8::1 dst=2001:db8::2 sport=5353 dport=5353 "
		"[UNREPLIED] src=2001:db8::2 dst=2001:db8::1 sport=5353 dport=5353 use=2\n"
		"ipv4     2 icmp     1 29 src=192.0.2.1 dst=192.0.2.2 type=8 code=0 id=1 src=192.0.2.2 "
		"dst=192.0.2.1 type=0 code=0 id=1 use=2\n"
		"ipv4     2 unknown  2 500 src=192.0.2.1 dst=224.0.0.1 use=2\n"
		"\n";
	static const double expected[] = {2, 1, 1, 1, 1, 3, 2, 9, 1, 1};
	assert_values(parse_conntrack, text, expected, ARRAY_LENGTH(expected));
	for (size_t length = 0; length < strlen(text);
		 length++) { /* counts grow line by line, never beyond the whole */
		double v[CUT_VALUES];
		cut_parse(parse_conntrack, text, length, v);
		for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
			assert_true(v[i] <= expected[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces_are_read_one_by_one),
		cmocka_unit_test(a_list_of_interfaces_may_end_anywhere),
		cmocka_unit_test(munin_watches_most_interfaces),
		cmocka_unit_test(snmp_columns_are_found_by_name),
		cmocka_unit_test(sockets_of_proc_are_counted_by_state),
		cmocka_unit_test(sockets_of_sock_diag_are_counted_by_state),
		cmocka_unit_test(connections_are_counted_as_munin_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
