#include "collector/host/process.h"
#include "collector/host/plugin.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * /proc/PID/stat of every process (proc_pid_stat(5)): processes, threads, proc_pri.
 *
 * This is the dearest reader (2.4 us a process), so it saves where nobody sees it. Descriptors of
 * stat stay open for the first PROCESS_KEPT processes (one that is gone answers ESRCH, also when
 * its number was given to another). Threads of the kernel that were asleep are looked at in turn, a
 * sixth of them per round. Whether a process has locked memory stands in another, longer file; that
 * hardly ever changes and is read when a process is first seen, and then every PROCESS_LOCK_TURNS
 * rounds.
 */
enum {
	PROCESS_KEPT = 256,
	PROCESS_TURNS = 6,
	PROCESS_LOCK_TURNS = 30, /* a multiple of it */
	PROCESS_TEXT = 1024,
	PROCESS_STATUS = 4096,
	PF_KTHREAD = 0x00200000
};

static const struct field_row processes_fields[] = {
	{"dead", "dead", FIELD_GAUGE, .draw = "STACK", .colour = "ff0000", .info = "About to vanish"},
	{"paging", "paging", FIELD_GAUGE, .draw = "STACK", .colour = "00aaaa",
		.info = "Moving to or from swap space; kernels before 2.6 only"},
	{"idle", "idle", FIELD_GAUGE, .draw = "STACK", .colour = "4169e1",
		.info = "Threads of the kernel without work"},
	{"sleeping", "sleeping", FIELD_GAUGE, .draw = "AREA", .colour = "0022ff",
		.info = "Waiting for something to happen"},
	{"uninterruptible", "uninterruptible", FIELD_GAUGE, .draw = "STACK", .colour = "ffa500",
		.info = "Waiting for a disk or the like, deaf to signals"},
	{"stopped", "stopped", FIELD_GAUGE, .draw = "STACK", .colour = "cc0000",
		.info = "Halted by a signal"},
	{"runnable", "runnable", FIELD_GAUGE, .draw = "STACK", .colour = "22ff22",
		.info = "Running or ready to"},
	{"zombie", "zombie", FIELD_GAUGE, .draw = "STACK", .colour = "990000",
		.info = "Ended, but the parent has not asked how"},
	{"processes", "total", FIELD_GAUGE, .draw = "LINE1", .colour = "c0c0c0", .info = "All of them"},
};

/* Letters of proc_pid_stat(5) in the order of the fields. */
static const char processes_letters[] = "XWISDTRZ";
enum { PROCESSES_TOTAL = sizeof(processes_letters) - 1 };

static const struct graph_row processes_graph = {
	.name = "processes",
	.title = "Processes",
	.args = "--base 1000 -l 0",
	.vlabel = "Number of processes",
	.category = "processes",
	.info = "How many processes there are, and what they are doing.",
	.order = "sleeping idle stopped zombie dead paging uninterruptible runnable processes",
	.fields = processes_fields,
	.field_count = ARRAY_LENGTH(processes_fields),
};

static const struct field_row threads_fields[] = {
	{"threads", "threads", FIELD_GAUGE, .info = "Threads of all processes together"},
};

static const struct graph_row threads_graph = {
	.name = "threads",
	.title = "Number of threads",
	.vlabel = "number of threads",
	.category = "processes",
	.info = "How many threads there are.",
	.fields = threads_fields,
	.field_count = ARRAY_LENGTH(threads_fields),
};

static const struct field_row priority_fields[] = {
	{"high", "high priority", FIELD_GAUGE, .draw = "STACK", .info = "Served before others"},
	{"low", "low priority", FIELD_GAUGE, .draw = "AREA", .info = "Served after others"},
	{"locked", "locked in memory", FIELD_GAUGE, .draw = "STACK",
		.info = "Keep pages that may not be swapped out"},
};

static const struct graph_row priority_graph = {
	.name = "proc_pri",
	.title = "Processes priority",
	.args = "--base 1000 -l 0",
	.vlabel = "Number of processes",
	.category = "processes",
	.info = "Processes that are treated unlike the rest.",
	.order = "low high locked",
	.fields = priority_fields,
	.field_count = ARRAY_LENGTH(priority_fields),
};

/* PID (NAME) STATE …; NAME may hold anything, parentheses and line ends too: it ends at the last
 * parenthesis. */
bool process_parse(const char *text, size_t length, struct process_reading *reading)
{
	const char *close = length ? memrchr(text, ')', length) : NULL;
	struct scan line;
	struct scan state;
	uint64_t flags;
	uint64_t nice;
	uint64_t threads;
	if (!close || text[length - 1] != '\n') {
		return false;
	}
	line = (struct scan){close + 1, text + length - 1};
	if (!scan_word(&line, &state) || scan_length(&state) != 1) {
		return false;
	}
	scan_skip(&line, 5); /* ppid pgrp session tty_nr tpgid */
	if (!scan_u64(&line, &flags)) {
		return false;
	}
	scan_skip(&line, 9); /* minflt … cstime, priority */
	scan_blanks(&line);
	bool minus = scan_take(&line, "-");
	if (!scan_u64(&line, &nice) || nice > 20 || !scan_u64(&line, &threads) ||
		threads > UINT32_MAX) {
		return false;
	}
	*reading = (struct process_reading){.state = *state.at,
		.nice = minus ? -(int)nice : (int)nice,
		.threads = (uint32_t)threads,
		.kernel = flags & PF_KTHREAD};
	return true;
}

bool process_locked(const char *text, size_t length)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	uint64_t kb;
	while (scan_line(&all, &line)) {
		if (scan_take(&line, "VmLck:")) {
			return scan_u64(&line, &kb) && kb;
		}
	}
	return false;
}

struct process {
	uint32_t pid;
	int fd; /* of its stat; -1: none kept */
	bool known, locked, lock_known;
	struct process_reading last;
};

struct process_state {
	int proc_fd;
	DIR *directory;
	GArray *all, *next; /* struct process, ascending by pid: last round's, this round's */
	unsigned kept;      /* descriptors open */
	unsigned turn;
	struct feed *processes, *threads, *priority;
};

static void process_forget(struct process_state *s, struct process *p)
{
	if (p->fd >= 0) {
		close(p->fd);
		s->kept--;
		p->fd = -1;
	}
}

static ssize_t process_read(
	const struct process_state *s, uint32_t pid, const char *name, char *text, size_t size)
{
	char path[32];
	snprintf(path, sizeof(path), "%u/%s", pid, name);
	AUTO_FD fd = openat(s->proc_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : pread(fd, text, size, 0);
}

/* Text of its stat; a descriptor that was kept and is of a process that ended is renewed. */
static ssize_t process_stat(struct process_state *s, struct process *p, char *text)
{
	char path[32];
	ssize_t n = p->fd >= 0 ? pread(p->fd, text, PROCESS_TEXT, 0) : -1;
	if (n > 0) {
		return n;
	}
	process_forget(s, p);
	p->lock_known = false;
	snprintf(path, sizeof(path), "%u/stat", p->pid);
	int fd = openat(s->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	n = pread(fd, text, PROCESS_TEXT, 0);
	if (s->kept < PROCESS_KEPT) {
		p->fd = fd;
		s->kept++;
	} else {
		close(fd);
	}
	return n;
}

/* Brings what is known of `p` up to date. False: it is gone. */
static bool process_look(struct process_state *s, struct process *p)
{
	char text[PROCESS_STATUS];
	bool turn = p->pid % PROCESS_TURNS == s->turn % PROCESS_TURNS;
	bool lock_turn = p->pid % PROCESS_LOCK_TURNS == s->turn;
	bool asleep = p->last.state == 'I' || p->last.state == 'S';
	if (p->known && p->last.kernel && asleep && !turn) {
		return true;
	}
	ssize_t n = process_stat(s, p, text);
	if (n <= 0) {
		return false;
	}
	p->known = process_parse(text, (size_t)n, &p->last);
	if (p->known && !p->last.kernel && (lock_turn || !p->lock_known)) {
		n = process_read(s, p->pid, "status", text, sizeof(text));
		p->locked = n > 0 && process_locked(text, (size_t)n);
		p->lock_known = true;
	}
	return p->known;
}

static void process_count(const struct process_state *s, const struct process *p)
{
	char letter = p->last.state == 't' ? 'T' : p->last.state == 'x' ? 'X' : p->last.state;
	const char *place = letter ? strchr(processes_letters, letter) : NULL;
	if (place) {
		s->processes->values[place - processes_letters]++;
	}
	s->processes->values[PROCESSES_TOTAL]++;
	s->threads->values[0] += p->last.threads;
	s->priority->values[0] += p->last.nice < 0;
	s->priority->values[1] += p->last.nice > 0;
	s->priority->values[2] += p->locked;
}

static int process_order(gconstpointer a, gconstpointer b)
{
	uint32_t x = ((const struct process *)a)->pid;
	uint32_t y = ((const struct process *)b)->pid;
	return (x > y) - (x < y);
}

/* The processes that are there now, with what was known of those that were there before. */
static void process_list(struct process_state *s)
{
	guint old = 0;
	g_array_set_size(s->next, 0);
	rewinddir(s->directory);
	for (const struct dirent *entry; (entry = readdir(s->directory));) {
		struct scan name = scan_text(entry->d_name, strlen(entry->d_name));
		uint64_t pid;
		if (*entry->d_name < '1' || *entry->d_name > '9' || !scan_u64(&name, &pid) ||
			scan_length(&name) || pid > INT32_MAX) {
			continue;
		}
		struct process p = {.pid = (uint32_t)pid, .fd = -1};
		g_array_append_val(s->next, p);
	}
	g_array_sort(s->next, process_order); /* the kernel lists them in order: nothing to do then */
	for (guint i = 0; i < s->next->len; i++) {
		struct process *p = &g_array_index(s->next, struct process, i);
		for (; old < s->all->len && g_array_index(s->all, struct process, old).pid < p->pid;
			 old++) {
			process_forget(s, &g_array_index(s->all, struct process, old));
		}
		if (old < s->all->len && g_array_index(s->all, struct process, old).pid == p->pid) {
			*p = g_array_index(s->all, struct process, old++);
		}
	}
	for (; old < s->all->len; old++) {
		process_forget(s, &g_array_index(s->all, struct process, old));
	}
	GArray *empty = s->all;
	s->all = s->next;
	s->next = empty;
}

static void process_sample(struct plugin *plugin)
{
	struct process_state *s = plugin->state;
	struct feed *feeds[] = {s->processes, s->threads, s->priority};
	for (size_t i = 0; i < ARRAY_LENGTH(feeds); i++) {
		feeds[i]->fresh = true;
		for (size_t k = 0; k < feed_count(feeds[i]); k++) {
			feeds[i]->values[k] = 0;
		}
	}
	s->turn = (s->turn + 1) % PROCESS_LOCK_TURNS;
	process_list(s);
	for (guint i = 0; i < s->all->len; i++) {
		struct process *p = &g_array_index(s->all, struct process, i);
		if (process_look(s, p)) {
			process_count(s, p);
		}
	}
}

static bool process_start(struct plugin *plugin)
{
	struct process_state *s = plugin->state;
	s->all = g_array_new(FALSE, FALSE, sizeof(struct process));
	s->next = g_array_new(FALSE, FALSE, sizeof(struct process));
	s->proc_fd = openat(plugin->site->files.root_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->directory = s->proc_fd < 0 ? NULL : fdopendir(s->proc_fd);
	if (!s->directory) {
		return false;
	}
	s->processes = plugin_feed(plugin, &processes_graph);
	s->threads = plugin_feed(plugin, &threads_graph);
	s->priority = plugin_feed(plugin, &priority_graph);
	return true;
}

static void process_stop(struct plugin *plugin)
{
	struct process_state *s = plugin->state;
	if (!s->all) {
		return;
	}
	for (guint i = 0; i < s->all->len; i++) {
		process_forget(s, &g_array_index(s->all, struct process, i));
	}
	g_array_unref(s->all);
	g_array_unref(s->next);
	if (s->directory) {
		closedir(s->directory); /* and with it proc_fd */
	}
}

const struct plugin_kind plugin_process = {
	.name = "process",
	.state_size = sizeof(struct process_state),
	.start = process_start,
	.sample = process_sample,
	.stop = process_stop,
};
