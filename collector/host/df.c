#include "collector/host/df.h"
#include "collector/host/plugin.h"

#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/banned.h"

/*
 * df and df_inode, from /proc/self/mountinfo (proc_pid_mountinfo(5)) and statfs(2).
 *
 * The kernel marks the descriptor of mountinfo when a mount changed (poll: POLLPRI), so the list is
 * read then only. Shown is what `df -l` shows: each device once, where it is mounted nearest to the
 * root; what is mounted over another hides it; pseudo filesystems have no blocks. Left out are in
 * addition network filesystems and everything FUSE: their server may hang, and statfs with it, and
 * with that this role. An open descriptor per mount would be quicker, but nobody could unmount any
 * more.
 */
struct df_entry {
	uint64_t device;
	char *source, *point, *root, *type;
	int blocks, inodes; /* places of its fields, -1: it has none */
	bool remote;
};

static const struct graph_row df_graph = {
	.name = "df",
	.title = "Disk usage in percent",
	.args = "--upper-limit 100 -l 0",
	.vlabel = "%",
	.category = "disk",
	.info = "How full the filesystems are, as seen by an ordinary user.",
	.no_scale = true,
};

static const struct graph_row df_inode_graph = {
	.name = "df_inode",
	.title = "Inode usage in percent",
	.args = "--upper-limit 100 -l 0",
	.vlabel = "%",
	.category = "disk",
	.info = "How many of the inodes of the filesystems are used: without one no file can be made.",
	.no_scale = true,
};

/* Types that stock Munin leaves out, for blocks and for inodes. */
static const char *const df_not_blocks[] = {"none", "unknown", "rootfs", "iso9660", "squashfs",
	"udf", "romfs", "ramfs", "debugfs", "cgroup_root", "devtmpfs"};
static const char *const df_not_inodes[] = {"none", "unknown", "iso9660", "squashfs", "udf",
	"romfs", "ramfs", "vfat", "debugfs", "nilfs2", "rootfs", "reiserfs"};

static const char *const df_remote_types[] = {"acfs", "afs", "autofs", "beegfs", "ceph", "cifs",
	"coda", "fhgfs", "fuse", "gfs", "gfs2", "glusterfs", "gpfs", "ibrix", "lustre", "ncpfs", "nfs",
	"nfs4", "9p", "ocfs2", "orangefs", "smb3", "smbfs", "vxfs", "virtiofs"};

/* Never any blocks: not worth a question. */
static const char *const df_pseudo_types[] = {"binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs",
	"devpts", "fusectl", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs",
	"selinuxfs", "sysfs", "tracefs"};

static bool df_listed(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(word, list[i])) {
			return true;
		}
	}
	return false;
}

static bool df_device(struct scan *word, uint64_t *device)
{
	uint64_t major;
	uint64_t minor;
	if (!scan_u64(word, &major) || !scan_take(word, ":") || !scan_u64(word, &minor) ||
		major >> 32 || minor >> 32) {
		return false;
	}
	*device = major << 32 | minor;
	return true;
}

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] - TYPE SOURCE OPTIONS */
bool df_next(struct scan *text, struct df_mount *mount)
{
	struct scan line;
	struct scan word;
	while (scan_line(text, &line)) {
		scan_skip(&line, 2);
		if (!scan_word(&line, &word) || !df_device(&word, &mount->device) ||
			!scan_word(&line, &mount->root) || !scan_word(&line, &mount->point)) {
			continue;
		}
		bool dash = false;
		while (!dash && scan_word(&line, &word)) {
			dash = scan_equal(&word, "-");
		}
		if (dash && scan_word(&line, &mount->type) && scan_word(&line, &mount->source)) {
			return true;
		}
	}
	return false;
}

bool df_unescape(const struct scan *raw, char *out, size_t size)
{
	size_t used = 0;
	for (const char *p = raw->at; p < raw->end; p++) {
		if (used + 1 >= size) {
			return false;
		}
		bool octal = *p == '\\' && raw->end - p >= 4 && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
					 p[2] <= '7' && p[3] >= '0' && p[3] <= '7';
		out[used++] = octal ? (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0')) : *p;
		p += octal ? 3 : 0;
	}
	out[used] = '\0';
	return used > 0 && !memchr(out, '\0', used);
}

bool df_is_remote(const char *type, const char *source)
{
	return !strncmp(type, "fuse.", 5) ||
		   df_listed(type, df_remote_types, ARRAY_LENGTH(df_remote_types)) || strchr(source, ':') ||
		   !strncmp(source, "//", 2);
}

bool df_field_name(const char *source, const char *point, char *out)
{
	static const char *const nameless[] = {"tmpfs", "none", "udev", "simfs"};
	return plugin_clean(df_listed(source, nameless, ARRAY_LENGTH(nameless)) ? point : source, out);
}

static void df_entry_free(gpointer data)
{
	struct df_entry *e = data;
	g_free(e->source);
	g_free(e->point);
	g_free(e->root);
	g_free(e->type);
	g_free(e);
}

static struct df_entry *df_entry_create(const struct df_mount *mount)
{
	char root[DF_TEXT_MAX];
	char point[DF_TEXT_MAX];
	char type[64];
	char source[DF_TEXT_MAX];
	if (!df_unescape(&mount->root, root, sizeof(root)) ||
		!df_unescape(&mount->point, point, sizeof(point)) ||
		!df_unescape(&mount->type, type, sizeof(type)) ||
		!df_unescape(&mount->source, source, sizeof(source))) {
		return NULL;
	}
	struct df_entry *e = g_new0(struct df_entry, 1);
	*e = (struct df_entry){.device = mount->device,
		.source = g_strdup(source),
		.point = g_strdup(point),
		.root = g_strdup(root),
		.type = g_strdup(type),
		.remote = df_is_remote(type, source)};
	return e;
}

/*
 * Whether `now` shows the device better than `was` does: a source that is a path beats one that is
 * a word; else a mount point nearer to the root of the tree that does not lie deeper in the
 * filesystem.
 */
static bool df_better(const struct df_entry *now, const struct df_entry *was)
{
	if (strchr(now->source, '/') && !strchr(was->source, '/')) {
		return true;
	}
	return strlen(now->point) < strlen(was->point) && strlen(now->root) <= strlen(was->root);
}

/* Puts `e` (taken) into the list where it belongs. */
static void df_enter(GPtrArray *list, struct df_entry *e)
{
	for (guint i = 0; i < list->len; i++) {
		struct df_entry *old = list->pdata[i];
		bool over =
			!strcmp(old->point, e->point); /* mounted over it: the old one is out of sight */
		if (!over && old->device != e->device) {
			continue;
		}
		if (over || df_better(e, old)) {
			list->pdata[i] = e;
			df_entry_free(old);
		} else {
			df_entry_free(e);
		}
		return;
	}
	g_ptr_array_add(list, e);
}

struct df_state {
	struct kept file;
	GPtrArray *entries; /* struct df_entry * */
	struct feed *df, *df_inode;
	bool stale; /* read the list again */
};

static void df_read_mounts(struct df_state *s, struct scan text)
{
	struct df_mount mount;
	g_ptr_array_set_size(s->entries, 0);
	while (df_next(&text, &mount)) {
		struct df_entry *e = df_entry_create(&mount);
		if (e) {
			df_enter(s->entries, e);
		}
	}
	for (guint i = s->entries->len; i-- > 0;) {
		const struct df_entry *e = s->entries->pdata[i];
		if (e->remote || df_listed(e->type, df_pseudo_types, ARRAY_LENGTH(df_pseudo_types))) {
			g_ptr_array_remove_index(s->entries, i);
		}
	}
}

/* A field for the entry; its place, or -1. */
static int df_add_field(struct service *service, const struct df_entry *e)
{
	char name[IDENT_FIELD_MAX + 1];
	int place = (int)service_field_count(service);
	if (!df_field_name(e->source, e->point, name) ||
		!graph_field(service, &(struct field_row){name, e->point, FIELD_GAUGE, .warning = "92",
								  .critical = "98", .unit = "%"})) {
		return -1;
	}
	return place;
}

static void df_put(struct plugin *plugin, struct feed **feed, struct service *service)
{
	if (*feed) {
		source_redeclare(*feed, service);
	} else {
		*feed = source_add(&plugin->site->source, NULL, service);
	}
}

static void df_declare(struct plugin *plugin)
{
	struct df_state *s = plugin->state;
	struct service *df = plugin_service(plugin, &df_graph);
	struct service *df_inode = plugin_service(plugin, &df_inode_graph);
	for (guint i = 0; i < s->entries->len; i++) {
		struct df_entry *e = s->entries->pdata[i];
		struct statfs fs;
		bool there = !statfs(e->point, &fs) && fs.f_blocks;
		bool blocks = there && !df_listed(e->type, df_not_blocks, ARRAY_LENGTH(df_not_blocks));
		bool inodes = there && !df_listed(e->type, df_not_inodes, ARRAY_LENGTH(df_not_inodes));
		e->blocks = blocks ? df_add_field(df, e) : -1;
		e->inodes = inodes ? df_add_field(df_inode, e) : -1;
	}
	df_put(plugin, &s->df, df);
	df_put(plugin, &s->df_inode, df_inode);
}

static double df_percent(uint64_t used, uint64_t available)
{
	return used ? 100 * (double)used / ((double)used + (double)available) : 0;
}

/* Full filesystems may have less than nothing for ordinary users: the kernel says 0 then. */
static void df_fill(const struct df_state *s, const struct df_entry *e)
{
	struct statfs fs;
	if ((e->blocks < 0 && e->inodes < 0) || statfs(e->point, &fs)) {
		return;
	}
	if (e->blocks >= 0 && fs.f_bfree <= fs.f_blocks) {
		s->df->values[e->blocks] = df_percent(fs.f_blocks - fs.f_bfree, fs.f_bavail);
	}
	if (e->inodes >= 0 && fs.f_ffree <= fs.f_files) {
		s->df_inode->values[e->inodes] = df_percent(fs.f_files - fs.f_ffree, fs.f_ffree);
	}
}

static bool df_changed(struct df_state *s)
{
	struct pollfd watch = {.fd = s->file.fd, .events = POLLPRI};
	return s->stale || s->file.fd < 0 || poll(&watch, 1, 0) > 0;
}

static bool df_start(struct plugin *plugin)
{
	struct df_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/self/mountinfo");
	s->stale = true;
	s->entries = g_ptr_array_new_with_free_func(df_entry_free);
	return kept_read(&plugin->site->files, &s->file, &text);
}

static void df_sample(struct plugin *plugin)
{
	struct df_state *s = plugin->state;
	struct scan text;
	if (df_changed(s)) {
		s->stale = !kept_read(&plugin->site->files, &s->file, &text);
		if (!s->stale) {
			df_read_mounts(s, text);
			df_declare(plugin);
		}
	}
	if (!s->df) {
		return;
	}
	for (guint i = 0; i < s->entries->len; i++) {
		df_fill(s, s->entries->pdata[i]);
	}
	s->df->fresh = s->df_inode->fresh = true;
}

static void df_stop(struct plugin *plugin)
{
	struct df_state *s = plugin->state;
	kept_close(&s->file);
	if (s->entries) {
		g_ptr_array_unref(s->entries);
	}
}

const struct plugin_kind plugin_df = {
	.name = "df",
	.state_size = sizeof(struct df_state),
	.start = df_start,
	.sample = df_sample,
	.stop = df_stop,
};
