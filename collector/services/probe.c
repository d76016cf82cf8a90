#include "collector/services/probe.h"
#include "base/secret.h"
#include "base/text.h"
#include "collector/services/probe_run.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * A probe's life: created with its target (the address is read, "probe_NAME" declared), then one
 * exchange per round: begin -> stream -> the kind's open and data -> success or failure, which
 * closes the stream, sets the values and ends the round. The probe's own deadline is a little
 * earlier than the round's, so that it is the probe that says at which stage nothing came.
 *
 * What is ours is never told as theirs: a password file that cannot be read, an address that makes
 * no sense leave the service unknown and show the error with the source.
 */
enum {
	PROBE_MARGIN_MS = 100, /* of the deadline, at most half of it */
	PROBE_INPUT_MAX = 64 << 10
};

#define SERVICE(name) extern const struct probe_kind probe_##name;
#include "collector/services/services.def"
#undef SERVICE

const struct probe_kind *const probe_kinds[] = {
#define SERVICE(name) &probe_##name,
#include "collector/services/services.def"
#undef SERVICE
	NULL};
const size_t probe_kind_count = ARRAY_LENGTH(probe_kinds) - 1;

const struct probe_kind *probe_kind_find(const char *name)
{
	for (size_t i = 0; i < probe_kind_count; i++) {
		if (!strcmp(probe_kinds[i]->name, name)) {
			return probe_kinds[i];
		}
	}
	return NULL;
}

static int64_t probe_left_ms(const struct probe_run *run)
{
	int64_t left = target_left_ms(run->probe.target);
	return MAX(1, left - MIN(PROBE_MARGIN_MS, left / 2));
}

static void probe_open(void *owner)
{
	struct probe *probe = owner;
	probe_reach(probe, PROBE_GREET);
	if (probe->kind->open) {
		probe->kind->open(probe);
	}
}

static void probe_data(void *owner)
{
	struct probe *probe = owner;
	probe->kind->data(probe);
}

static void probe_stream_stage(struct probe *probe)
{
	enum stream_stage stage = stream_stage(probe->stream);
	if (stage >= STREAM_CONNECT) {
		probe_reach(probe, stage == STREAM_CONNECT ? PROBE_CONNECT : PROBE_GREET);
	}
}

static void probe_closed(void *owner, const struct error *why)
{
	struct probe *probe = owner;
	struct probe_run *run = owner;
	probe_stream_stage(probe);
	if (why->kind == ERR_NONE) {
		if (!probe->kind->closed || !probe->kind->closed(probe)) {
			probe_fail_as(run, ERR_PROTOCOL, "the service closed the connection");
		}
		return;
	}
	if (why->kind == ERR_STORAGE) {
		probe_refuse(run, why); /* we could not ask: nothing is said about the service */
		return;
	}
	if (probe->kind->failed && probe->kind->failed(probe, why)) {
		return;
	}
	if (why->kind == ERR_DENIED || why->kind == ERR_PROTOCOL) {
		tls_credentials_unref(STEAL(run->credentials)); /* perhaps there are new ones */
	}
	char text[64];
	g_snprintf(text, sizeof text, "no %s within %" PRIu32 " s",
		probe->stage == PROBE_CONNECT ? "connection" : "answer",
		run->probe.target->settings->timeout_s);
	char *clean = text_clean(why->text, strlen(why->text), PROBE_REASON_MAX);
	probe_fail_as(run, why->kind, why->kind == ERR_TIMEOUT ? text : clean);
	g_free(clean);
}

static const struct stream_handlers probe_handlers = {
	.open = probe_open, .data = probe_data, .closed = probe_closed};

/* The settings of TLS; false: they cannot be had. */
static bool probe_tls(struct probe_run *run, struct tls_settings *tls, struct error *err)
{
	const struct config_service *settings = run->probe.settings;
	const struct tls_identity identity = {.ca_file = settings->identity.ca,
		.certificate = settings->identity.certificate,
		.key = settings->identity.key};
	if (!run->credentials) {
		run->credentials = tls_credentials_create(&identity, err);
	}
	*tls = (struct tls_settings){.credentials = run->credentials,
		.peer = run->where.host[0] ? run->where.host : NULL,
		.verify = settings->verify};
	return run->credentials;
}

void probe_start_tls(struct probe *probe)
{
	struct probe_run *run = probe_run(probe);
	struct tls_settings tls;
	struct error err = {0};
	if (!probe_tls(run, &tls, &err) || !stream_start_tls(probe->stream, &tls, &err)) {
		probe_refuse(run, &err);
	}
}

bool probe_is_private(const struct probe *probe)
{
	const struct probe_run *run = (const struct probe_run *)probe;
	return run->where.path[0] || (probe->stream && stream_tls_report(probe->stream));
}

static void probe_stream(struct probe_run *run, struct stream_target *target)
{
	struct error err = {0};
	const struct world *world = run->probe.target->world;
	const struct probe_kind *kind = run->probe.kind;
	target->deadline_ms = probe_left_ms(run);
	target->input_max = kind->input_max ? kind->input_max : PROBE_INPUT_MAX;
	stream_destroy(STEAL(run->probe.stream));
	run->probe.stream =
		stream_connect(world->loop, world->resolver, target, &probe_handlers, run, &err);
	if (!run->probe.stream) {
		probe_refuse(run, &err);
	}
}

void probe_connect(struct probe *probe, const struct stream_target *target)
{
	struct probe_run *run = probe_run(probe);
	struct stream_target own = {.host = run->where.host,
		.port = run->where.port,
		.path = run->where.path[0] ? run->where.path : NULL,
		.anywhere = true};
	struct tls_settings tls;
	struct error err = {0};
	if (target) {
		own = *target;
	} else if (probe->settings->tls && !probe->kind->tls_inside) {
		if (!probe_tls(run, &tls, &err)) {
			probe_refuse(run, &err);
			return;
		}
		own.tls = &tls;
	}
	probe_stream(run, &own);
}

const char *probe_host(const struct probe *probe)
{
	const struct probe_run *run = (const struct probe_run *)probe;
	return run->where.host[0] ? run->where.host : "localhost";
}

uint16_t probe_port(const struct probe *probe)
{
	return ((const struct probe_run *)probe)->where.port;
}

/* -- as a target -- */

/* The host's first service of a kind has the stock names of graphs; the others' bear their name. */
static void probe_name_graphs(struct probe *probe)
{
	const struct config_source *own = probe->target->settings;
	for (size_t i = 0; own->host && i < own->host->sources->len; i++) {
		const struct config_source *other = own->host->sources->pdata[i];
		if (other == own) {
			return;
		}
		if (other->kind == CONFIG_SOURCE_SERVICE &&
			!strcmp(other->service.kind, own->service.kind)) {
			break;
		}
	}
	if (!own->host) {
		return;
	}
	size_t kind = strlen(probe->kind->name);
	bool leads = !strncmp(own->name, probe->kind->name, kind) && own->name[kind] == '_';
	char raw[IDENT_SERVICE_MAX / 2];
	g_snprintf(raw, sizeof raw, "_%s", own->name + (leads ? kind + 1 : 0));
	(void)!ident_clean_service(raw, probe->suffix);
}

static void probe_destroy(void *state)
{
	struct probe_run *run = state;
	stream_destroy(run->probe.stream);
	if (run->probe.kind->stop) {
		run->probe.kind->stop(&run->probe);
	}
	secret_free(run->probe.password);
	tls_credentials_unref(run->credentials);
	g_free(run->probe.state);
	g_free(run);
}

static bool probe_read_address(struct probe_run *run, struct error *err)
{
	const struct config_source *source = run->probe.target->settings;
	const struct config_service *settings = &source->service;
	const char *text = settings->address ? settings->address : source->host->address;
	if (!service_address_parse(text, &run->where, err)) {
		return false;
	}
	if (settings->port) {
		run->where.port = (uint16_t)settings->port;
	}
	if (run->where.path[0]) {
		run->where.port = 0;
	} else if (!run->where.port) {
		run->where.port = run->probe.kind->port;
	}
	return true;
}

static void *probe_create(struct target *target, struct error *err)
{
	const struct config_service *settings = &target->settings->service;
	const struct probe_kind *kind = probe_kind_find(settings->kind);
	if (!kind) {
		(void)error_set(err, ERR_CONFIG, "there is no kind of service \"%s\"", settings->kind);
		return NULL;
	}
	struct probe_run *run = g_new0(struct probe_run, 1);
	run->probe = (struct probe){.kind = kind,
		.settings = settings,
		.name = target->settings->name,
		.target = target,
		.state = g_malloc0(kind->state_size)};
	run->over = true;
	run->canary = NAN;
	if (!probe_read_address(run, err)) {
		g_free(run->probe.state);
		g_free(run);
		return NULL;
	}
	char raw[IDENT_SERVICE_MAX + 1];
	g_snprintf(raw, sizeof raw, "probe_%s", run->probe.name);
	(void)!ident_clean_service(raw, run->service);
	probe_name_graphs(&run->probe);
	probe_declare(run);
	if (kind->start) {
		kind->start(&run->probe);
	}
	return run;
}

static void probe_prepare(struct probe_run *run)
{
	struct probe *probe = &run->probe;
	struct error err = {0};
	if (probe->settings->password_file) {
		probe->password = secret_read(probe->settings->password_file, &err);
		if (!probe->password) {
			probe_refuse(run, &err);
			return;
		}
	}
	if (probe->kind->begin) {
		probe->kind->begin(probe);
	}
	if (!run->over && !probe->stream) {
		probe_connect(probe, NULL);
	}
}

/* P3. */
static void probe_begin(void *state, struct wall at)
{
	(void)at;
	struct probe_run *run = state;
	run->over = false;
	run->canary_tried = false;
	run->began_us = probe_clock_us();
	run->probe.round++;
	run->probe.stage = run->where.path[0] ? PROBE_CONNECT : PROBE_RESOLVE;
	run->beginning = true;
	probe_prepare(run);
	run->beginning = false;
	if (run->over) {
		target_done(run->probe.target, &run->ended);
	}
}

static void probe_cancel(void *state)
{
	struct probe_run *run = state;
	run->over = true;
	stream_destroy(STEAL(run->probe.stream));
	secret_free(STEAL(run->probe.password));
}

const struct target_kind target_service = {
	.create = probe_create, .begin = probe_begin, .cancel = probe_cancel, .destroy = probe_destroy};
