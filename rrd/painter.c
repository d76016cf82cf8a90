#include "rrd/painter.h"
#include "base/auto.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>
#include <rrd.h>

#include "base/banned.h"

/*
 * The nursery is forked before the role has threads or much memory, and does nothing but fork again
 * when it is handed a socket: so a child never inherits a half-held lock, and is made fast however
 * big the role has grown. It keeps no other descriptor of the role. A child draws one picture after
 * the other; it warms up librrd's fonts first, off anybody's way. An alarm ends it if a picture
 * takes too long: no parent has to notice. When the role ends, its socket ends, and so do they.
 */

/* -- the child -- */

static bool read_all(int fd, void *out, size_t length)
{
	char *at = out;
	while (length) {
		ssize_t n = read(fd, at, length);
		if (n <= 0) {
			if (n < 0 && errno == EINTR) {
				continue;
			}
			return false;
		}
		at += n;
		length -= (size_t)n;
	}
	return true;
}

static bool answer(int fd, uint32_t status, const void *bytes, size_t length)
{
	uint32_t header[2] = {status, (uint32_t)length};
	return file_write_all(fd, header, sizeof(header), NULL) &&
		   file_write_all(fd, bytes, length, NULL);
}

static bool answer_text(int fd, enum error_kind kind, const char *text)
{
	return answer(fd, kind, text, strlen(text));
}

static const rrd_infoval_t *find_image(const rrd_info_t *info)
{
	for (; info; info = info->next) {
		if (!strcmp(info->key, "image") && info->type == RD_I_BLO) {
			return &info->value;
		}
	}
	return NULL;
}

/* Its owner writes to a file in that moment: that of another role, for our own waits for us. */
static bool is_locked(void)
{
	const char *text = rrd_get_error();
	return text && strstr(text, "could not lock");
}

static bool draw(int fd, int argc, char **argv)
{
	enum { TRIES = 100, PAUSE_MS = 2 };
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	rrd_clear_error();
	rrd_info_t *info = rrd_graph_v(argc, argv);
	for (int i = 0; !info && i < TRIES && is_locked(); i++) {
		nanosleep(&pause, NULL);
		rrd_clear_error();
		info = rrd_graph_v(argc, argv);
	}
	const rrd_infoval_t *image = info ? find_image(info) : NULL;
	bool sent;
	if (image) {
		sent = answer(fd, 0, image->u_blo.ptr, image->u_blo.size);
	} else {
		const char *text = rrd_get_error();
		sent = answer_text(fd, ERR_STORAGE, text && *text ? text : "the graph cannot be drawn");
	}
	rrd_info_free(info);
	return sent;
}

static bool draw_request(int fd, char *request, size_t length, unsigned seconds)
{
	char **argv = g_new0(char *, PAINTER_ARGUMENTS_MAX + 1);
	int argc = 0;
	for (size_t at = 0; at < length && argc < PAINTER_ARGUMENTS_MAX;
		 at += strlen(request + at) + 1) {
		argv[argc++] = request + at;
	}
	alarm(seconds);
	bool sent = draw(fd, argc, argv);
	alarm(0);
	g_free(argv);
	return sent;
}

static void warm_up(void)
{
	static const char *const arguments[] = {"graph", "-", "--width", "100", "--height", "40",
		"--title", "0", "--vertical-label", "0", "--slope-mode", "--font",
		"DEFAULT:0:DejaVuSans,DejaVu Sans,DejaVu LGC Sans,Bitstream Vera Sans", "--font",
		"LEGEND:7:DejaVuSansMono,DejaVu Sans Mono,DejaVu LGC Sans Mono,"
		"Bitstream Vera Sans Mono,monospace",
		"HRULE:1#000000:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.%-"};
	char *argv[ARRAY_LENGTH(arguments) + 1] = {NULL};
	for (size_t i = 0; i < ARRAY_LENGTH(arguments); i++) {
		argv[i] = (char *)arguments[i];
	}
	rrd_info_free(rrd_graph_v((int)ARRAY_LENGTH(arguments), argv));
}

_Noreturn static void child_main(int fd, unsigned seconds)
{
	warm_up();
	for (;;) {
		uint32_t length;
		if (!read_all(fd, &length, sizeof(length)) || length > PAINTER_REQUEST_MAX) {
			_exit(0);
		}
		AUTO_FREE char *request = malloc((size_t)length + 1);
		if (!request || !read_all(fd, request, length)) {
			_exit(0);
		}
		request[length] = '\0';
		if (!draw_request(fd, request, length, seconds)) {
			_exit(0);
		}
	}
}

/* -- the nursery -- */

/* Ends with the process that forked it, and leaves no core. */
static bool tie_to_parent(pid_t parent)
{
	struct rlimit none = {0, 0};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	return getppid() == parent;
}

static void default_signals(void)
{
	static const int numbers[] = {SIGBUS, SIGFPE, SIGSEGV, SIGALRM, SIGTERM, SIGCHLD};
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		signal(numbers[i], SIG_DFL);
	}
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Everything but `fd` (which becomes 3) and standard error. */
static int keep_only(int fd)
{
	enum { KEPT = 3 };
	if (fd != KEPT) {
		dup2(fd, KEPT);
	}
	close_range(KEPT + 1, ~0U, 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > KEPT) {
		close(null);
	}
	return KEPT;
}

static int receive_socket(int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	ssize_t n;
	do {
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int received = -1;
	if (c && c->cmsg_type == SCM_RIGHTS) {
		memcpy(&received, CMSG_DATA(c), sizeof(int));
	}
	return received;
}

_Noreturn static void nursery_main(int socket_fd, unsigned seconds)
{
	default_signals();
	int fd = keep_only(socket_fd);
	prctl(PR_SET_NAME, "rrd-nursery");
	signal(SIGCHLD, SIG_IGN); /* children are not waited for */
	for (;;) {
		int child_fd = receive_socket(fd);
		if (child_fd < 0) {
			_exit(0);
		}
		pid_t self = getpid();
		/* not fork(): libuv's handlers for that close descriptors which are not its own any more */
		if (_Fork() == 0) {
			if (!tie_to_parent(self)) {
				_exit(0);
			}
			signal(SIGCHLD, SIG_DFL);
			prctl(PR_SET_NAME, "rrd-painter");
			child_main(keep_only(child_fd), seconds);
		}
		close(child_fd);
	}
}

/* -- in the role -- */

int painter_nursery(unsigned seconds, struct error *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		error_errno(err, ERR_STORAGE, errno, "socketpair");
		return -1;
	}
	pid_t self = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		if (!tie_to_parent(self)) {
			_exit(0);
		}
		nursery_main(pair[1], seconds);
	}
	close(pair[1]);
	if (pid < 0) {
		error_errno(err, ERR_STORAGE, errno, "fork");
		close(pair[0]);
		return -1;
	}
	return pair[0];
}

static bool send_socket(int fd, int child_fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 0;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &child_fd, sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

int painter_child(int nursery_fd, struct error *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		error_errno(err, ERR_STORAGE, errno, "socketpair");
		return -1;
	}
	bool sent = send_socket(nursery_fd, pair[1]);
	int saved = errno;
	close(pair[1]);
	if (!sent || fcntl(pair[0], F_SETFL, O_NONBLOCK)) {
		error_errno(err, ERR_STORAGE, saved, "nursery");
		close(pair[0]);
		return -1;
	}
	return pair[0];
}
