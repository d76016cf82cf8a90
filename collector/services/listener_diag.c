#include "collector/services/listener.h"
#include "base/auto.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/banned.h"

/*
 * The kernel's own list of listening TCP sockets, by netlink (sock_diag(7)): asked for that state
 * alone it does not go over its table of connections, which costs milliseconds with /proc/net/tcp
 * even where there are none. The answer comes from the kernel at once; the receive timeout is for
 * kernels that lie.
 */
enum { LISTENER_DIAG_BYTES = 32 << 10, LISTENER_DIAG_STATE = 10 };

static void listener_diag_add(GArray *list, const struct inet_diag_msg *m)
{
	static const uint32_t zero[4];
	struct listener l = {.inode = m->idiag_inode,
		.port = ntohs(m->id.idiag_sport),
		.v6 = m->idiag_family == AF_INET6};
	l.anywhere = !memcmp(m->id.idiag_src, zero, l.v6 ? 16 : 4);
	if (l.port && list->len < LISTENER_MAX &&
		inet_ntop(m->idiag_family, m->id.idiag_src, l.address, sizeof l.address)) {
		g_array_append_val(list, l);
	}
}

/* One datagram of answers. True: more follow. */
static bool listener_diag_take(GArray *list, const char *bytes, size_t length, bool *good)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)bytes;
	for (; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
		if (h->nlmsg_type == NLMSG_DONE) {
			*good = true;
			return false;
		}
		if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
			h->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
			return false;
		}
		listener_diag_add(list, NLMSG_DATA(h));
	}
	return true;
}

static bool listener_diag_ask(int fd, int family, GArray *list)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 ask;
	} request = {.head = {.nlmsg_len = sizeof request,
					 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
					 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.ask = {.sdiag_family = (uint8_t)family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = 1U << LISTENER_DIAG_STATE}};
	_Alignas(struct nlmsghdr) char bytes[LISTENER_DIAG_BYTES];
	bool good = false, more = send(fd, &request, sizeof request, 0) == sizeof request;
	while (more) {
		ssize_t got = recv(fd, bytes, sizeof bytes, 0);
		more = got > 0 && listener_diag_take(list, bytes, (size_t)got, &good);
	}
	return good;
}

bool listener_read_diag(GArray *list)
{
	const struct timeval patience = {.tv_sec = 1};
	AUTO_FD fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	guint before = list->len;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
		!listener_diag_ask(fd, AF_INET, list) || !listener_diag_ask(fd, AF_INET6, list)) {
		g_array_set_size(list, before);
		return false;
	}
	return true;
}
