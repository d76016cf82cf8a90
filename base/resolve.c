#include "base/resolve.h"

#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <ares.h>
#include <glib.h>

#include "base/clock.h"
#include "base/text.h"

#include "base/banned.h"

/*
 * Names to addresses. One entry per name (struct resolver_name) holds the last answer and those who
 * wait for the next one; c-ares asks, told by the loop which of its sockets can be read and when a
 * time-out of its is over. Answers are told from the `soon` timer only, never from inside c-ares or
 * a call of the owner's, so a callback may start, cancel and destroy.
 *
 * c-ares cannot take back one question. So an entry stays while c-ares has its question
 * (`under_way`), even after its own time is over and those who waited were told so; what comes
 * later is kept as the answer then.
 *
 * I1: an entry is freed only when it is not under way and no query points to it. I2: `asked` holds
 * the entries whose time runs, oldest first; as all have the same time, its head is due first.
 * I3: resolver_destroy() inside a callback frees all but the struct, which the teller frees.
 */
enum {
	NAMES_MAX = 20000, /* entries; beyond, those not in use are dropped */
	KEEP_ABSENT_S = 5, /* "there is no such name" is believed that long */
	ARES_TIMEOUT_MS = 1500,
	ARES_TRIES = 2,
	LABEL_MAX = 63,
};

struct resolver_name {
	struct resolver *resolver;
	char *text;
	bool under_way, timed; /* see above; `timed`: in resolver->asked */
	unsigned queries;      /* that point here */
	GQueue waiting;        /* struct resolver_query * */
	struct mono asked_at, kept_at, good_at;
	bool known, good; /* there is a last result; there are addresses, of good_at */
	struct error error;
	size_t count;
	struct sockaddr_storage *addresses;
};

struct resolver_query {
	struct resolver *resolver;
	struct resolver_name *name; /* NULL: `literal` is the answer */
	struct sockaddr_storage literal[2];
	size_t literal_count;
	resolver_fn done;
	void *owner;
	bool ready;
};

struct resolver {
	struct loop *loop;
	ares_channel channel; /* NULL: c-ares could not be set up */
	char *servers;        /* given by resolver_set_servers(), NULL: the system's */
	struct stat_mark {
		int64_t mtime_ns;
		uint64_t inode;
	} mark; /* of resolv.conf, when the channel was made */
	unsigned under_way;
	GHashTable *names;   /* text -> struct resolver_name *, owned */
	GHashTable *watches; /* descriptor -> struct loop_watch * */
	struct loop_timer *clock, *soon;
	GQueue asked; /* see I2 */
	GQueue ready; /* struct resolver_query * to be told */
	bool telling, dead;
};

static void resolver_arm(struct resolver *resolver);

/* -- telling -- */

static void resolver_fill(const struct resolver_query *query, struct resolver_result *result)
{
	memset(result, 0, sizeof(*result));
	const struct resolver_name *name = query->name;
	if (!name) {
		result->count = query->literal_count;
		memcpy(result->addresses, query->literal, sizeof(query->literal));
		return;
	}
	if (name->error.kind == ERR_NONE ||
		(name->good && name->error.kind != ERR_NOT_FOUND &&
			mono_now().ms - name->good_at.ms <= RESOLVE_STALE_S * 1000LL)) {
		result->count = name->count;
		result->stale = name->error.kind != ERR_NONE;
		for (size_t i = 0; i < name->count; i++) {
			result->addresses[i] = name->addresses[i];
		}
		return;
	}
	result->error = name->error;
}

static void resolver_free_query(struct resolver_query *query)
{
	if (query->name) {
		query->name->queries--;
	}
	g_free(query);
}

static void resolver_tell(void *owner)
{
	struct resolver *resolver = owner;
	resolver->telling = true;
	/* those that callbacks add belong to the next turn */
	for (unsigned left = resolver->ready.length; left && !resolver->dead; left--) {
		struct resolver_query *query = g_queue_pop_head(&resolver->ready);
		if (!query) {
			break;
		}
		struct resolver_result result;
		resolver_fill(query, &result);
		resolver_fn done = query->done;
		void *whose = query->owner;
		resolver_free_query(query);
		done(whose, &result);
	}
	resolver->telling = false;
	if (resolver->dead) {
		g_free(resolver); /* see I3 */
	} else if (resolver->ready.length) {
		loop_timer_after(resolver->soon, 0);
	}
}

static void resolver_make_ready(struct resolver_query *query)
{
	query->ready = true;
	g_queue_push_tail(&query->resolver->ready, query);
	loop_timer_after(query->resolver->soon, 0);
}

static void resolver_answer(struct resolver_name *name)
{
	if (name->timed) {
		g_queue_remove(&name->resolver->asked, name);
		name->timed = false;
	}
	struct resolver_query *query;
	while ((query = g_queue_pop_head(&name->waiting))) {
		resolver_make_ready(query);
	}
}

/* -- what c-ares says -- */

static enum error_kind resolver_kind(int status)
{
	switch (status) {
	case ARES_SUCCESS: return ERR_NONE;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
	case ARES_EBADNAME: return ERR_NOT_FOUND;
	case ARES_ETIMEOUT: return ERR_TIMEOUT;
	default: return ERR_UNREACHABLE;
	}
}

static void resolver_keep(struct resolver_name *name, const struct ares_addrinfo *found)
{
	struct sockaddr_storage list[RESOLVE_ADDRESSES_MAX] = {0};
	size_t count = 0;
	for (const struct ares_addrinfo_node *n = found->nodes; n && count < RESOLVE_ADDRESSES_MAX;
		 n = n->ai_next) {
		if ((n->ai_family == AF_INET || n->ai_family == AF_INET6) &&
			(size_t)n->ai_addrlen <= sizeof(list[0])) {
			memcpy(&list[count++], n->ai_addr, n->ai_addrlen);
		}
	}
	if (!count) {
		error_set(&name->error, ERR_NOT_FOUND, "%s has no address", name->text);
		return;
	}
	g_free(name->addresses);
	name->addresses = g_memdup2(list, count * sizeof(list[0]));
	name->count = count;
	name->good = true;
	name->good_at = mono_now();
}

static void resolver_on_answer(
	void *owner, int status, int timeouts UNUSED, struct ares_addrinfo *found)
{
	struct resolver_name *name = owner;
	name->under_way = false;
	name->resolver->under_way--;
	if (status != ARES_EDESTRUCTION && status != ARES_ECANCELLED) {
		name->known = true;
		name->kept_at = mono_now();
		name->error.kind = ERR_NONE;
		name->error.text[0] = '\0';
		switch (resolver_kind(status)) {
		case ERR_NONE: resolver_keep(name, found); break;
		case ERR_NOT_FOUND:
			error_set(&name->error, ERR_NOT_FOUND,
				status == ARES_ENODATA ? "%s has no address" : "there is no host named %s",
				name->text);
			break;
		case ERR_TIMEOUT:
			error_set(&name->error, ERR_TIMEOUT, "no name server answered for %s", name->text);
			break;
		default:
			error_set(&name->error, ERR_UNREACHABLE, "name servers cannot tell %s: %s", name->text,
				ares_strerror(status));
			break;
		}
		resolver_answer(name);
	}
	if (found) {
		ares_freeaddrinfo(found);
	}
}

static void resolver_on_event(void *owner, int fd, unsigned events)
{
	struct resolver *resolver = owner;
	ares_process_fd(resolver->channel, events & LOOP_READABLE ? fd : ARES_SOCKET_BAD,
		events & LOOP_WRITABLE ? fd : ARES_SOCKET_BAD);
	resolver_arm(resolver);
}

static void resolver_on_socket(void *owner, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = owner;
	unsigned events = (readable ? LOOP_READABLE : 0U) | (writable ? LOOP_WRITABLE : 0U);
	struct loop_watch *watch = g_hash_table_lookup(resolver->watches, GINT_TO_POINTER(fd));
	if (!events) {
		loop_watch_remove(watch);
		g_hash_table_remove(resolver->watches, GINT_TO_POINTER(fd));
	} else if (watch) {
		loop_watch_change(watch, events);
	} else {
		watch = loop_watch_add(resolver->loop, fd, events, resolver_on_event, resolver, NULL);
		if (watch) {
			g_hash_table_insert(resolver->watches, GINT_TO_POINTER(fd), watch);
		}
	}
}

/* -- time -- */

static void resolver_on_clock(void *owner)
{
	struct resolver *resolver = owner;
	if (resolver->channel) {
		ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	struct resolver_name *name;
	while ((name = g_queue_peek_head(&resolver->asked)) &&
		   mono_now().ms - name->asked_at.ms >= RESOLVE_TIMEOUT_MS) {
		name->known = true;
		name->kept_at = mono_now();
		error_set(&name->error, ERR_TIMEOUT, "no name server answered for %s within %d s",
			name->text, RESOLVE_TIMEOUT_MS / 1000);
		resolver_answer(name);
	}
	resolver_arm(resolver);
}

static void resolver_arm(struct resolver *resolver)
{
	int64_t wait_ms = -1;
	struct timeval room;
	const struct timeval *next =
		resolver->channel ? ares_timeout(resolver->channel, NULL, &room) : NULL;
	if (next) {
		wait_ms = (int64_t)next->tv_sec * 1000 + next->tv_usec / 1000 + 1;
	}
	const struct resolver_name *oldest = g_queue_peek_head(&resolver->asked);
	if (oldest) {
		int64_t left_ms = MAX(oldest->asked_at.ms + RESOLVE_TIMEOUT_MS - mono_now().ms, 0);
		wait_ms = wait_ms < 0 ? left_ms : MIN(wait_ms, left_ms);
	}
	if (wait_ms < 0) {
		loop_timer_stop(resolver->clock);
	} else {
		loop_timer_after(resolver->clock, wait_ms);
	}
}

/* -- the channel -- */

static struct stat_mark resolver_mark(void)
{
	struct stat st;
	struct stat_mark mark = {0};
	if (stat("/etc/resolv.conf", &st) == 0) {
		mark.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
		mark.inode = st.st_ino;
	}
	return mark;
}

static void resolver_close(struct resolver *resolver)
{
	if (resolver->channel) {
		ares_destroy(resolver->channel); /* tells resolver_on_socket() of every socket it closes */
		resolver->channel = NULL;
	}
}

static void resolver_open(struct resolver *resolver)
{
	struct ares_options options = {.timeout = ARES_TIMEOUT_MS,
		.tries = ARES_TRIES,
		.sock_state_cb = resolver_on_socket,
		.sock_state_cb_data = resolver};
	resolver->mark = resolver_mark();
	if (ares_init_options(&resolver->channel, &options,
			ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS) {
		resolver->channel = NULL;
	} else if (resolver->servers) {
		ares_set_servers_ports_csv(resolver->channel, resolver->servers);
	}
}

/* The system's name servers may have changed; a channel is replaced while it has nothing to do. */
static void resolver_refresh(struct resolver *resolver)
{
	struct stat_mark now = resolver_mark();
	bool same = now.inode == resolver->mark.inode && now.mtime_ns == resolver->mark.mtime_ns;
	if (resolver->under_way == 0 && (!resolver->channel || !same)) {
		resolver_close(resolver);
		resolver_open(resolver);
	}
}

bool resolver_set_servers(struct resolver *resolver, const char *servers, struct error *err)
{
	int status = ares_set_servers_ports_csv(resolver->channel, servers);
	if (status != ARES_SUCCESS) {
		return error_set(
			err, ERR_CONFIG, "name servers \"%s\": %s", servers, ares_strerror(status));
	}
	g_free(resolver->servers);
	resolver->servers = g_strdup(servers);
	return true;
}

bool resolver_first_server(
	struct resolver *resolver, struct sockaddr_storage *address, struct error *err)
{
	resolver_refresh(resolver);
	struct ares_addr_port_node *list = NULL;
	memset(address, 0, sizeof(*address));
	if (!resolver->channel || ares_get_servers_ports(resolver->channel, &list) != ARES_SUCCESS ||
		!list) {
		return error_set(err, ERR_CONFIG, "this system has no name server (/etc/resolv.conf)");
	}
	uint16_t port = htons((uint16_t)(list->udp_port ? list->udp_port : 53));
	if (list->family == AF_INET) {
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
		v4.sin_addr = list->addr.addr4;
		memcpy(address, &v4, sizeof(v4));
	} else {
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port};
		memcpy(&v6.sin6_addr, &list->addr.addr6, sizeof(v6.sin6_addr));
		memcpy(address, &v6, sizeof(v6));
	}
	ares_free_data(list);
	return true;
}

/* -- life -- */

static void resolver_free_name(gpointer p)
{
	struct resolver_name *name = p;
	g_free(name->text);
	g_free(name->addresses);
	g_free(name);
}

struct resolver *resolver_create(struct loop *loop)
{
	struct resolver *resolver = g_new0(struct resolver, 1);
	int status = ares_library_init(ARES_LIB_INIT_ALL); /* counted; taken back in destroy */
	assert(status == ARES_SUCCESS);
	resolver->loop = loop;
	resolver->names = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, resolver_free_name);
	resolver->watches = g_hash_table_new(NULL, NULL);
	resolver->clock = loop_timer_create(loop, resolver_on_clock, resolver);
	resolver->soon = loop_timer_create(loop, resolver_tell, resolver);
	resolver_open(resolver);
	return resolver;
}

void resolver_destroy(struct resolver *resolver)
{
	if (!resolver) {
		return;
	}
	resolver_close(resolver);
	struct resolver_query *query;
	while ((query = g_queue_pop_head(&resolver->ready))) {
		resolver_free_query(query);
	}
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, resolver->names);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct resolver_name *name = value;
		while ((query = g_queue_pop_head(&name->waiting))) {
			resolver_free_query(query);
		}
	}
	g_queue_clear(&resolver->asked);
	g_hash_table_destroy(resolver->names);
	g_hash_table_destroy(resolver->watches);
	loop_timer_destroy(resolver->clock);
	loop_timer_destroy(resolver->soon);
	g_free(resolver->servers);
	ares_library_cleanup();
	resolver->dead = true;
	if (!resolver->telling) {
		g_free(resolver);
	}
}

/* -- asking -- */

/* What stands for itself: a literal, or this machine. */
static size_t resolver_literal(const char *host, struct sockaddr_storage out[2])
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	size_t length = strlen(host);
	if (strcasecmp(host, "localhost") == 0 ||
		(length > 10 && strcasecmp(host + length - 10, ".localhost") == 0)) {
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
		memcpy(&out[0], &v4, sizeof(v4));
		memcpy(&out[1], &v6, sizeof(v6));
		return 2;
	}
	if (getaddrinfo(host, NULL, &hints, &found) != 0) { /* of numbers only: asks nobody */
		return 0;
	}
	memcpy(&out[0], found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 1;
}

static bool resolver_is_name(const char *host)
{
	size_t length = strlen(host), label = 0;
	if (length == 0 || length > 254) {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (host[i] == '.') {
			if (label == 0) {
				return false;
			}
			label = 0;
		} else if (!g_ascii_isalnum(host[i]) && host[i] != '-' && host[i] != '_') {
			return false;
		} else if (++label > LABEL_MAX) {
			return false;
		}
	}
	return true;
}

static gboolean resolver_is_spare(gpointer key UNUSED, gpointer value, gpointer owner UNUSED)
{
	const struct resolver_name *name = value;
	return !name->under_way && name->queries == 0; /* see I1 */
}

static struct resolver_name *resolver_entry(struct resolver *resolver, const char *host)
{
	g_autofree char *key = g_ascii_strdown(host, -1);
	struct resolver_name *name = g_hash_table_lookup(resolver->names, key);
	if (!name) {
		if (g_hash_table_size(resolver->names) >= NAMES_MAX) {
			g_hash_table_foreach_remove(resolver->names, resolver_is_spare, NULL);
		}
		name = g_new0(struct resolver_name, 1);
		name->resolver = resolver;
		name->text = g_steal_pointer(&key);
		g_queue_init(&name->waiting);
		g_hash_table_insert(resolver->names, name->text, name);
	}
	return name;
}

static bool resolver_is_fresh(const struct resolver_name *name)
{
	int64_t age_ms = mono_now().ms - name->kept_at.ms;
	return name->known &&
		   age_ms < (name->error.kind == ERR_NONE ? RESOLVE_KEEP_S : KEEP_ABSENT_S) * 1000LL;
}

static void resolver_ask(struct resolver_name *name)
{
	struct resolver *resolver = name->resolver;
	resolver_refresh(resolver);
	if (!resolver->channel) {
		name->known = true;
		name->kept_at = mono_now();
		error_set(&name->error, ERR_UNREACHABLE, "names cannot be looked up on this machine");
		resolver_answer(name);
		return;
	}
	name->under_way = true;
	resolver->under_way++;
	name->timed = true;
	name->asked_at = mono_now();
	g_queue_push_tail(&resolver->asked, name);
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	ares_getaddrinfo(resolver->channel, name->text, NULL, &hints, resolver_on_answer, name);
	resolver_arm(resolver);
}

struct resolver_query *resolver_start(
	struct resolver *resolver, const char *host, resolver_fn done, void *owner, struct error *err)
{
	struct resolver_query *query = g_new0(struct resolver_query, 1);
	query->resolver = resolver;
	query->done = done;
	query->owner = owner;
	query->literal_count = resolver_literal(host, query->literal);
	if (query->literal_count) {
		resolver_make_ready(query);
		return query;
	}
	if (!resolver_is_name(host)) {
		g_autofree char *clean = text_clean(host, strlen(host), 100);
		g_free(query);
		error_set(err, ERR_CONFIG, "\"%s\" is no name of a host", clean);
		return NULL;
	}
	query->name = resolver_entry(resolver, host);
	query->name->queries++;
	if (resolver_is_fresh(query->name) || (query->name->under_way && !query->name->timed)) {
		resolver_make_ready(query);
		return query;
	}
	g_queue_push_tail(&query->name->waiting, query);
	if (!query->name->under_way) {
		resolver_ask(query->name);
	}
	return query;
}

void resolver_cancel(struct resolver_query *query)
{
	if (query) {
		g_queue_remove(query->ready ? &query->resolver->ready : &query->name->waiting, query);
		resolver_free_query(query);
	}
}
