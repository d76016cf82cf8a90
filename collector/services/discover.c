#include "collector/services/discover.h"
#include "base/text.h"
#include "collector/services/listener.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"

/*
 * Sockets are read each time, processes only when the sockets changed. Processes of a kind are
 * gathered into instances by their parents (nginx's master and workers are one), and of all that an
 * instance listens on one address is asked: the one asked before, a Unix socket the kind knows, the
 * kind's port, another usual one, the lowest port. Some names say little of what a port speaks (a
 * runtime, a proxy of anything): there it has to be a usual one.
 */
struct discovery {
	int root_fd;
	bool whole_host;
	GArray *listeners; /* struct listener, of the last scan */
	GPtrArray *found;  /* struct discovery_found *, owned */
	GArray *present;   /* guint: which of them were there at the last scan */
};

static const char *const discovery_vague[] = {"java", "beam.smp", "haproxy", "varnishd", NULL};

/* How well a socket stands for an instance. */
enum discovery_rank {
	DISCOVERY_NEVER,
	DISCOVERY_ODD_SOCKET,
	DISCOVERY_ODD_PORT,
	DISCOVERY_OTHER_PORT, /* and up: the better the nearer it stands to the front of the list */
	DISCOVERY_PORT = 50,
	DISCOVERY_SOCKET,
	DISCOVERY_KNOWN,
};

/* -- kinds -- */

static bool discovery_matches(const char *const *globs, const char *text)
{
	for (size_t i = 0; globs && globs[i]; i++) {
		if (text_glob(globs[i], text)) {
			return true;
		}
	}
	return false;
}

static const struct probe_kind *discovery_kind(const char *comm)
{
	for (size_t i = 0; i < probe_kind_count; i++) {
		if (discovery_matches(probe_kinds[i]->processes, comm)) {
			return probe_kinds[i];
		}
	}
	return NULL;
}

static bool discovery_wanted(const char *comm)
{
	return discovery_kind(comm);
}

/* -- addresses -- */

static char *discovery_address(const struct listener *l)
{
	if (!l->port) {
		return g_strdup_printf("unix:%s%s", l->path[0] == '@' ? "" : "//", l->path);
	}
	if (l->anywhere) {
		return g_strdup_printf("%s:%u", l->v6 ? "localhost" : "127.0.0.1", l->port);
	}
	return g_strdup_printf(l->v6 ? "[%s]:%u" : "%s:%u", l->address, l->port);
}

static struct discovery_found *discovery_find(
	const struct discovery *discovery, const struct probe_kind *kind, const char *address)
{
	for (guint i = 0; i < discovery->found->len; i++) {
		struct discovery_found *found = discovery->found->pdata[i];
		if (found->kind == kind && !strcmp(found->address, address)) {
			return found;
		}
	}
	return NULL;
}

static struct discovery_found *discovery_find_name(
	const struct discovery *discovery, const char *name)
{
	for (guint i = 0; i < discovery->found->len; i++) {
		struct discovery_found *found = discovery->found->pdata[i];
		if (!strcmp(found->name, name)) {
			return found;
		}
	}
	return NULL;
}

const struct discovery_found *discovery_named(const struct discovery *discovery, const char *name)
{
	return discovery_find_name(discovery, name);
}

/* The kind's name, or with what tells it from the others behind it. */
static char *discovery_name(
	const struct discovery *discovery, const struct probe_kind *kind, const char *address)
{
	if (!discovery_find_name(discovery, kind->name)) {
		return g_strdup(kind->name);
	}
	bool path = strrchr(address, '/');
	const char *last = strrchr(address, path ? '/' : ':'); /* file, abstract socket or port */
	char *raw = g_strdup_printf("%s_%.60s", kind->name, last ? last + 1 : address);
	char clean[IDENT_SERVICE_MAX + 1];
	bool good = ident_clean_service(raw, clean);
	g_free(raw);
	return good && !discovery_find_name(discovery, clean) ? g_strdup(clean) : NULL;
}

static void found_destroy(gpointer data)
{
	struct discovery_found *found = data;
	g_free(found->name);
	g_free(found->address);
	g_free(found);
}

static void discovery_enter(struct discovery *discovery, const struct probe_kind *kind,
	const char *name, const char *address, struct mono seen)
{
	struct discovery_found *found = g_new0(struct discovery_found, 1);
	*found = (struct discovery_found){.kind = kind,
		.name = g_strdup(name),
		.address = g_strdup(address),
		.tls = g_str_has_suffix(address, ":443") || g_str_has_suffix(address, ":8443"),
		.seen = seen};
	g_ptr_array_add(discovery->found, found);
}

/* True: it was not known. */
static bool discovery_add(struct discovery *discovery, const struct probe_kind *kind,
	const struct listener *l, struct mono now)
{
	char *address = discovery_address(l);
	struct discovery_found *known = discovery_find(discovery, kind, address);
	bool full = discovery->found->len >= DISCOVERY_MAX;
	char *name = known || full ? NULL : discovery_name(discovery, kind, address);
	if (known) {
		known->seen = now;
	}
	if (name) {
		discovery_enter(discovery, kind, name, address, now);
	}
	bool fresh = name;
	g_free(name);
	g_free(address);
	return fresh;
}

/* -- what was found before -- */

/* The kind whose name, or name and more, it is. */
static const struct probe_kind *discovery_kind_of_name(const char *name)
{
	const struct probe_kind *best = NULL;
	for (size_t i = 0; i < probe_kind_count; i++) {
		const struct probe_kind *kind = probe_kinds[i];
		size_t length = strlen(kind->name);
		bool fits = !strncmp(kind->name, name, length) && (!name[length] || name[length] == '_');
		best = fits && (!best || length > strlen(best->name)) ? kind : best;
	}
	return best;
}

/* Makes the name free for another; false: there is no other name for who has it. */
static bool discovery_free_name(struct discovery *discovery, const char *name)
{
	struct discovery_found *other = discovery_find_name(discovery, name);
	if (!other) {
		return true;
	}
	char *fresh = discovery_name(discovery, other->kind, other->address);
	if (!fresh) {
		return false;
	}
	g_free(other->name);
	other->name = fresh;
	return true;
}

bool discovery_remember(struct discovery *discovery, const char *name, const char *address,
	struct mono seen, struct mono now)
{
	const struct probe_kind *kind = discovery_kind_of_name(name);
	if (!kind || !*address || now.ms - seen.ms > (int64_t)DISCOVERY_KEEP_S * 1000) {
		return false;
	}
	struct discovery_found *known = discovery_find(discovery, kind, address);
	if (known) {
		known->seen.ms = MAX(known->seen.ms, seen.ms);
	}
	bool done = known && !strcmp(known->name, name);
	bool full = !known && discovery->found->len >= DISCOVERY_MAX;
	if (done || full || !discovery_free_name(discovery, name)) {
		return false;
	}
	if (known) {
		g_free(known->name);
		known->name = g_strdup(name);
	} else {
		discovery_enter(discovery, kind, name, address, seen);
	}
	return true;
}

/* -- instances -- */

static bool discovery_is_excluded(const struct probe_kind *kind, const char *path)
{
	for (size_t i = 0; kind->sockets && kind->sockets[i]; i++) {
		if (kind->sockets[i][0] == '!' && text_glob(kind->sockets[i] + 1, path)) {
			return true;
		}
	}
	return false;
}

static unsigned discovery_rank_port(const struct probe_kind *kind, uint16_t port)
{
	if (port == kind->port) {
		return DISCOVERY_PORT;
	}
	for (unsigned i = 0; kind->ports && kind->ports[i]; i++) {
		if (kind->ports[i] == port) {
			return DISCOVERY_PORT - 1 - MIN(i, DISCOVERY_PORT - 1 - DISCOVERY_OTHER_PORT);
		}
	}
	return DISCOVERY_ODD_PORT;
}

static unsigned discovery_rank_socket(const struct probe_kind *kind, const char *path)
{
	if (discovery_is_excluded(kind, path)) {
		return DISCOVERY_NEVER;
	}
	bool usual = discovery_matches(kind->sockets, path);
	return usual ? DISCOVERY_SOCKET : path[0] == '@' ? DISCOVERY_NEVER : DISCOVERY_ODD_SOCKET;
}

static unsigned discovery_rank(const struct discovery *discovery, const struct probe_kind *kind,
	const char *comm, const struct listener *l)
{
	unsigned rank =
		l->port ? discovery_rank_port(kind, l->port) : discovery_rank_socket(kind, l->path);
	if (rank < DISCOVERY_OTHER_PORT && discovery_matches(discovery_vague, comm)) {
		return DISCOVERY_NEVER;
	}
	char *address = discovery_address(l);
	bool known = rank && discovery_find(discovery, kind, address);
	g_free(address);
	return known ? DISCOVERY_KNOWN : rank;
}

/* Whether `process` is `root` or descends from it through processes of the list. */
static bool discovery_descends(
	const GPtrArray *processes, const struct listener_process *process, int root)
{
	for (unsigned depth = 0; process && depth < 8; depth++) {
		if (process->pid == root) {
			return true;
		}
		const struct listener_process *parent = NULL;
		for (guint i = 0; i < processes->len && !parent; i++) {
			const struct listener_process *other = processes->pdata[i];
			parent = other->pid == process->parent ? other : NULL;
		}
		process = parent;
	}
	return false;
}

static bool discovery_is_root(const GPtrArray *processes, const struct listener_process *process)
{
	for (guint i = 0; i < processes->len; i++) {
		const struct listener_process *other = processes->pdata[i];
		if (other->pid == process->parent &&
			discovery_kind(other->comm) == discovery_kind(process->comm)) {
			return false;
		}
	}
	return true;
}

/* Whether somebody of the instance holds the socket. Where we may not look, the usual ones count.
 */
static bool discovery_holds(
	const GPtrArray *processes, const struct listener_process *root, const struct listener *l)
{
	const struct probe_kind *kind = discovery_kind(root->comm);
	for (guint i = 0; i < processes->len; i++) {
		const struct listener_process *process = processes->pdata[i];
		if (discovery_kind(process->comm) != kind ||
			!discovery_descends(processes, process, root->pid)) {
			continue;
		}
		bool usual = l->port ? l->port == kind->port
							 : discovery_rank_socket(kind, l->path) == DISCOVERY_SOCKET;
		if (listener_owns(process, l->inode) || (process->hidden && usual)) {
			return true;
		}
	}
	return false;
}

/* What is asked of an instance. */
struct discovery_choice {
	const struct probe_kind *kind;
	const struct listener *listener;
	unsigned rank;
};

static void discovery_choose(const struct discovery *discovery, const GPtrArray *processes,
	const struct listener_process *root, GArray *chosen)
{
	const struct probe_kind *kind = discovery_kind(root->comm);
	struct discovery_choice best = {.kind = kind};
	for (guint i = 0; i < discovery->listeners->len; i++) {
		const struct listener *l = &g_array_index(discovery->listeners, struct listener, i);
		unsigned rank = discovery_rank(discovery, kind, root->comm, l);
		if (rank <= best.rank || !discovery_holds(processes, root, l)) {
			continue;
		}
		best.listener = l;
		best.rank = rank;
		if (kind->each_listener) {
			g_array_append_val(chosen, best);
			best.rank = 0;
		}
	}
	if (best.rank) {
		g_array_append_val(chosen, best);
	}
}

/* Those at the usual places come first: they get the plain names. */
static int discovery_choice_compare(const void *a, const void *b)
{
	const struct discovery_choice *left = a, *right = b;
	if (left->rank != right->rank) {
		return left->rank > right->rank ? -1 : 1;
	}
	return (left->listener > right->listener) - (left->listener < right->listener);
}

/* -- scans -- */

static bool discovery_forget(struct discovery *discovery, struct mono now)
{
	bool changed = false;
	for (guint i = discovery->found->len; i-- > 0;) {
		const struct discovery_found *found = discovery->found->pdata[i];
		if (now.ms - found->seen.ms > (int64_t)DISCOVERY_KEEP_S * 1000) {
			g_ptr_array_remove_index(discovery->found, i);
			changed = true;
		}
	}
	return changed;
}

/* Nothing came or went: what was there at the last scan still is. */
static void discovery_touch(struct discovery *discovery, struct mono now)
{
	for (guint i = 0; i < discovery->present->len; i++) {
		struct discovery_found *found =
			discovery->found->pdata[g_array_index(discovery->present, guint, i)];
		found->seen = now;
	}
}

static void discovery_note_present(struct discovery *discovery, struct mono now)
{
	g_array_set_size(discovery->present, 0);
	for (guint i = 0; i < discovery->found->len; i++) {
		const struct discovery_found *found = discovery->found->pdata[i];
		if (found->seen.ms == now.ms) {
			g_array_append_val(discovery->present, i);
		}
	}
}

bool discovery_scan(struct discovery *discovery, struct mono now)
{
	GArray *listeners = listener_read(discovery->root_fd, discovery->whole_host);
	bool same = listener_same(listeners, discovery->listeners);
	g_array_unref(discovery->listeners);
	discovery->listeners = listeners;
	bool changed = false;
	if (same) {
		discovery_touch(discovery, now);
	} else {
		GPtrArray *processes = listener_processes(discovery->root_fd, discovery_wanted);
		GArray *chosen = g_array_new(FALSE, FALSE, sizeof(struct discovery_choice));
		for (guint i = 0; i < processes->len; i++) {
			if (discovery_is_root(processes, processes->pdata[i])) {
				discovery_choose(discovery, processes, processes->pdata[i], chosen);
			}
		}
		g_array_sort(chosen, discovery_choice_compare);
		for (guint i = 0; i < chosen->len; i++) {
			const struct discovery_choice *c = &g_array_index(chosen, struct discovery_choice, i);
			changed |= discovery_add(discovery, c->kind, c->listener, now);
		}
		g_array_unref(chosen);
		g_ptr_array_unref(processes);
	}
	changed |= discovery_forget(discovery, now);
	discovery_note_present(discovery, now);
	return changed;
}

struct discovery *discovery_create(const char *root)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return NULL;
	}
	struct discovery *discovery = g_new0(struct discovery, 1);
	discovery->root_fd = fd;
	discovery->whole_host = !strcmp(root, "/");
	discovery->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
	discovery->found = g_ptr_array_new_with_free_func(found_destroy);
	discovery->present = g_array_new(FALSE, FALSE, sizeof(guint));
	return discovery;
}

void discovery_destroy(struct discovery *discovery)
{
	if (!discovery) {
		return;
	}
	close(discovery->root_fd);
	g_array_unref(discovery->listeners);
	g_ptr_array_unref(discovery->found);
	g_array_unref(discovery->present);
	g_free(discovery);
}

const GPtrArray *discovery_list(const struct discovery *discovery)
{
	return discovery->found;
}

struct config_source *discovery_adopt(const struct discovery_found *found, struct config_host *host)
{
	for (guint i = 0; i < host->sources->len; i++) {
		const struct config_source *other = host->sources->pdata[i];
		if (other->kind == CONFIG_SOURCE_SERVICE &&
			((!other->service.found && !strcmp(other->service.kind, found->kind->name)) ||
				!strcmp(other->name, found->name))) {
			return NULL;
		}
	}
	struct config_source *source =
		config_host_add_service(host, found->name, found->kind->name, found->address);
	source->service.tls = found->tls;
	source->service.verify = false;
	return source;
}
