#include "tests/collector/probe_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/banned.h"

/* A listener, its connections, and a target with its sink, all on the loop of the test. */

struct rig_connection {
	struct rig *rig;
	int fd;
	struct loop_watch *watch;
	GString *in;
};

static void rig_connection_close(void *data)
{
	struct rig_connection *c = data;
	loop_watch_remove(c->watch);
	close(c->fd);
	g_string_free(c->in, TRUE);
	g_free(c);
}

static void rig_on_data(void *owner, int fd, unsigned events)
{
	(void)events;
	struct rig_connection *c = owner;
	char bytes[65536];
	ssize_t got = read(fd, bytes, sizeof bytes);
	if (got <= 0) {
		g_ptr_array_remove(c->rig->connections, c);
		return;
	}
	g_string_append_len(c->in, bytes, got);
	GString *out = g_string_new(NULL);
	bool stays = !c->rig->answer || c->rig->answer(c->rig, c->in, out);
	ssize_t sent = out->len ? send(fd, out->str, out->len, MSG_NOSIGNAL) : 0;
	assert_int_equal(sent, out->len);
	g_string_free(out, TRUE);
	if (!stays) {
		g_ptr_array_remove(c->rig->connections, c);
	}
}

static void rig_on_accept(void *owner, int fd, unsigned events)
{
	(void)events;
	struct rig *rig = owner;
	int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (got < 0) {
		return;
	}
	rig->accepted++;
	struct rig_connection *c = g_new0(struct rig_connection, 1);
	*c = (struct rig_connection){.rig = rig, .fd = got, .in = g_string_new(NULL)};
	c->watch = loop_watch_add(rig->loop, got, LOOP_READABLE, rig_on_data, c, NULL);
	g_ptr_array_add(rig->connections, c);
	if (rig->greeting) {
		size_t length = rig->greeting_length ? rig->greeting_length : strlen(rig->greeting);
		(void)!send(got, rig->greeting, length, MSG_NOSIGNAL);
	}
}

static void rig_on_samples(
	void *owner, struct target *target, struct source *source, struct feed *only, struct wall at)
{
	(void)at;
	(void)target;
	struct rig *rig = owner;
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = source->feeds->pdata[i];
		const struct service *service = feed->declaration->service;
		if ((only && only != feed) || !feed->fresh) {
			continue;
		}
		for (size_t f = 0; f < service_field_count(service); f++) {
			double *value = g_new(double, 1);
			*value = feed->values[f];
			g_hash_table_insert(rig->values,
				g_strconcat(service->name, ":", service_field(service, f)->name, NULL), value);
		}
		if (!strncmp(service->name, "probe_", 6) || !strncmp(service->name, "check_", 6)) {
			rig->declarations += rig->declaration != feed->declaration;
			rig->declaration = feed->declaration;
			g_strlcpy(rig->extinfo,
				attributes_or(&service_find_field(service, "up")->attributes, "extinfo", ""),
				sizeof rig->extinfo);
		}
	}
}

static void rig_on_done(void *owner, struct target *target, const struct target_result *result)
{
	(void)target;
	struct rig *rig = owner;
	rig->done = true;
	rig->result = *result;
	if (result->version) {
		g_strlcpy(rig->version, result->version, sizeof rig->version);
	}
	loop_stop(rig->loop);
}

static void rig_on_guard(void *owner)
{
	struct rig *rig = owner;
	rig->late = true;
	loop_stop(rig->loop);
}

void rig_listen(struct rig *rig)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(rig->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof at;
	int on = 1;
	rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(rig->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(rig->listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(rig->listener, 64), 0);
	assert_int_equal(getsockname(rig->listener, (struct sockaddr *)&at, &size), 0);
	rig->port = ntohs(at.sin_port);
	rig->accepting =
		loop_watch_add(rig->loop, rig->listener, LOOP_READABLE, rig_on_accept, rig, NULL);
}

void rig_unlisten(struct rig *rig)
{
	loop_watch_remove(rig->accepting);
	rig->accepting = NULL;
	close(rig->listener);
	rig->listener = -1;
	g_ptr_array_set_size(rig->connections, 0);
}

void rig_begin(struct rig *rig, const char *kind, rig_answer_fn answer)
{
	memset(rig, 0, sizeof *rig);
	rig->loop = loop_create();
	rig->resolver = resolver_create(rig->loop);
	rig->world = (struct world){.loop = rig->loop, .resolver = rig->resolver};
	rig->connections = g_ptr_array_new_with_free_func(rig_connection_close);
	rig->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	rig->guard = loop_timer_create(rig->loop, rig_on_guard, rig);
	rig->answer = answer;
	rig_listen(rig);
	rig->host = (struct config_host){.name = g_strdup("web1"),
		.group = g_strdup("example"),
		.address = g_strdup("127.0.0.1"),
		.sources = g_ptr_array_new()};
	rig->source = (struct config_source){.kind = CONFIG_SOURCE_SERVICE,
		.name = g_strdup(kind),
		.id = g_strdup_printf("web1/service/%s", kind),
		.host = &rig->host,
		.interval_s = 10,
		.timeout_s = 5,
		.service = {.kind = g_strdup(kind),
			.port = rig->port,
			.verify = true,
			.write = true,
			.metrics = true}};
	g_ptr_array_add(rig->host.sources, &rig->source);
}

const struct target_sink rig_sink = {.samples = rig_on_samples, .done = rig_on_done};

void rig_round_within(struct rig *rig, int64_t deadline_ms)
{
	if (!rig->target) {
		rig->target = target_create(&rig->source, &rig->world, &rig_sink, rig);
	}
	rig->done = rig->late = false;
	g_hash_table_remove_all(rig->values);
	loop_timer_after(rig->guard, 10000);
	target_begin(rig->target, (struct wall){1700000000000}, deadline_ms);
	while (!rig->done && !rig->late) {
		loop_run(rig->loop);
	}
	loop_timer_stop(rig->guard);
	assert_false(rig->late);
}

void rig_round(struct rig *rig)
{
	rig_round_within(rig, 5000);
}

double rig_value(const struct rig *rig, const char *series)
{
	const double *value = g_hash_table_lookup(rig->values, series);
	return value ? *value : NAN;
}

bool rig_has(const struct rig *rig, const char *series)
{
	return g_hash_table_contains(rig->values, series);
}

const char *rig_complaint(const struct rig *rig, const char *plugin)
{
	struct target_complaint complaints[TARGET_COMPLAINTS_MAX];
	size_t count = target_complaints(rig->target, complaints, TARGET_COMPLAINTS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(complaints[i].plugin, plugin)) {
			return complaints[i].text;
		}
	}
	return "";
}

void rig_finish(struct rig *rig)
{
	target_destroy(rig->target);
	if (rig->listener >= 0) {
		rig_unlisten(rig);
	}
	g_ptr_array_free(rig->connections, TRUE);
	g_hash_table_destroy(rig->values);
	loop_timer_destroy(rig->guard);
	resolver_destroy(rig->resolver);
	loop_destroy(rig->loop);
	struct config_service *s = &rig->source.service;
	char *const texts[] = {s->kind, s->address, s->user, s->password_file, s->path, s->vhost,
		s->status, rig->source.name, rig->source.id, rig->host.name, rig->host.group,
		rig->host.address};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	g_ptr_array_free(rig->host.sources, TRUE);
}
