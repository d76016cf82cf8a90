#include "base/text.h"
#include "collector/services/address.h"
#include "collector/services/http_probe.h"
#include "collector/services/varnish_cli.h"
#include "collector/services/varnish_stat.h"

#include <string.h>

#include "base/banned.h"

/*
 * Varnish is two processes: a manager, and its child, which serves. The exchange goes through the
 * child: a page. An error page that Varnish made itself because a backend is sick is an answer of
 * Varnish: up, with a word about it.
 *
 * The counters are read from shared memory; `status` may be the directory of the instance
 * ("/var/lib/varnish/NAME"). Where `status` is the address of the manager's command line (and
 * `password_file` its secret), the manager is asked first, with a third of the time: what it says
 * of its child stands behind the reason when the page fails ("the manager runs, its child is
 * stopped"). A manager that does not answer while pages come is told as complaint; nobody's page
 * depends on it.
 */
enum { VARNISH_PAGE_MAX = 16 << 10, VARNISH_CLI_PORT = 6082 };

struct varnish {
	struct http_text http;
	struct http_place place;
	struct service_address manager; /* empty: is not asked */
	char child[32];                 /* its state as the manager told it in this round; "" */
	struct varnish_stat *figures;
	enum varnish_step { VARNISH_GREETED, VARNISH_LOGIN, VARNISH_STATUS, VARNISH_PAGE } step;
	bool bare; /* the secret's file has no line end */
};

static void varnish_begin(struct probe *probe)
{
	struct varnish *varnish = probe->state;
	const char *status = probe->settings->status;
	struct error err = {0};
	status = status && status[0] != '/' ? status : NULL;
	varnish->child[0] = '\0';
	varnish->step = status ? VARNISH_GREETED : VARNISH_PAGE;
	if (!http_place_of_page(probe, &varnish->place)) {
		return;
	}
	if (!status) {
		return;
	}
	if (!service_address_parse(status, &varnish->manager, &err)) {
		probe_misconfigured(probe, "status: %s", err.text);
		return;
	}
	const struct service_address *at = &varnish->manager;
	const struct stream_target manager = {.host = at->host,
		.port = at->port ? at->port : VARNISH_CLI_PORT,
		.path = at->path[0] ? at->path : NULL,
		.anywhere = true};
	probe_connect(probe, &manager);
	if (probe->stream) {
		stream_deadline(probe->stream, MAX(1, target_left_ms(probe->target) / 3));
	}
}

/* On to the page; `why`: what the manager did wrong. */
static void varnish_ask_page(struct probe *probe, const char *why)
{
	struct varnish *varnish = probe->state;
	if (why) {
		probe_complain(probe, "manager", "%s", why);
	} else {
		probe_content(probe, "manager");
	}
	varnish->step = VARNISH_PAGE;
	probe->stage =
		probe_port(probe) ? PROBE_RESOLVE : PROBE_CONNECT; /* the manager's do not count */
	probe_connect(probe, NULL);
}

static void varnish_open(struct probe *probe)
{
	struct varnish *varnish = probe->state;
	if (varnish->step == VARNISH_PAGE) {
		probe_reach(probe, PROBE_QUERY);
		http_get(probe, &varnish->http, &varnish->place, VARNISH_PAGE_MAX);
	}
}

/* -- the manager -- */

static void varnish_login(struct probe *probe, const struct varnish_answer *answer)
{
	struct varnish *varnish = probe->state;
	char digest[VARNISH_DIGEST];
	if (!probe->password) {
		varnish_ask_page(probe, "the manager asks for a secret: password_file is missing");
		return;
	}
	char *secret = g_strconcat(probe->password, varnish->bare ? "" : "\n", NULL);
	bool good = varnish_cli_prove(answer, secret, digest);
	explicit_bzero(secret, strlen(secret));
	g_free(secret);
	if (!good) {
		varnish_ask_page(probe, "the manager's challenge makes no sense");
		return;
	}
	stream_send_text(probe->stream, "auth ");
	stream_send_text(probe->stream, digest);
	stream_send_text(probe->stream, "\n");
	varnish->step = VARNISH_LOGIN;
}

/* The secret of a file is taken with its line end, then without. */
static void varnish_refused(struct probe *probe)
{
	struct varnish *varnish = probe->state;
	varnish->bare = !varnish->bare;
	varnish_ask_page(probe, "the manager refuses the secret");
}

static void varnish_answered(struct probe *probe, const struct varnish_answer *answer)
{
	struct varnish *varnish = probe->state;
	if (varnish->step == VARNISH_LOGIN && answer->status != VARNISH_CLI_OK) {
		varnish_refused(probe);
	} else if (varnish->step == VARNISH_GREETED && answer->status == VARNISH_CLI_LOGIN) {
		varnish_login(probe, answer);
	} else if (answer->status != VARNISH_CLI_OK) {
		varnish_ask_page(probe, "the manager answers with an error");
	} else if (varnish->step != VARNISH_STATUS) {
		stream_send_text(probe->stream, "status\n");
		varnish->step = VARNISH_STATUS;
	} else {
		bool good = varnish_cli_state(answer, varnish->child, sizeof varnish->child);
		varnish_ask_page(probe, good ? NULL : "the manager does not tell of its child");
	}
}

static void varnish_manager_data(struct probe *probe)
{
	struct varnish_answer answer;
	size_t length, used;
	const char *bytes = stream_peek(probe->stream, &length);
	enum varnish_cli state = varnish_cli_read(bytes, length, &answer, &used);
	if (state == VARNISH_CLI_BROKEN) {
		varnish_ask_page(probe, "what answers is no manager of Varnish");
	} else if (state == VARNISH_CLI_WHOLE) {
		char *text = g_strndup(answer.text, answer.length);
		answer.text = text;
		stream_take(probe->stream, used);
		varnish_answered(probe, &answer);
		g_free(text);
	}
}

/* -- the child -- */

static void varnish_fail(struct probe *probe, const char *why)
{
	const struct varnish *varnish = probe->state;
	if (varnish->child[0]) {
		probe_fail(probe, "%s (the manager runs, it says: child %s)", why, varnish->child);
	} else {
		probe_fail(probe, "%s", why);
	}
}

static void varnish_judge(struct probe *probe)
{
	struct varnish *varnish = probe->state;
	const struct http_text *http = &varnish->http;
	if (http->state == HTTP_TEXT_MORE) {
		return;
	}
	if (http->state == HTTP_TEXT_BROKEN) {
		varnish_fail(probe, http->broken);
		return;
	}
	bool own = http->varnish || !strcmp(http->server, "Varnish");
	if (http->status >= 500 && !own) {
		(void)!http_judge(probe, http);
		return;
	}
	if (probe->settings->metrics) {
		varnish_stat_fill(varnish->figures, probe);
	}
	if (http->status >= 500) {
		probe_succeed_but(
			probe, "answers %d %s: what stands behind it fails", http->status, http->reason);
		return;
	}
	probe_succeed(probe);
}

static void varnish_data(struct probe *probe)
{
	struct varnish *varnish = probe->state;
	if (varnish->step != VARNISH_PAGE) {
		varnish_manager_data(probe);
		return;
	}
	(void)http_read(probe, &varnish->http);
	varnish_judge(probe);
}

static bool varnish_closed(struct probe *probe)
{
	struct varnish *varnish = probe->state;
	if (varnish->step == VARNISH_LOGIN) {
		varnish_refused(probe);
	} else if (varnish->step != VARNISH_PAGE) {
		varnish_ask_page(probe, "the manager closed the connection");
	} else {
		http_text_end(&varnish->http);
		varnish_judge(probe);
	}
	return true;
}

static bool varnish_failed(struct probe *probe, const struct error *why)
{
	struct varnish *varnish = probe->state;
	if (varnish->step != VARNISH_PAGE) {
		varnish_ask_page(
			probe, why->kind == ERR_TIMEOUT ? "the manager does not answer" : why->text);
		return true;
	}
	if (!varnish->child[0]) {
		return false;
	}
	char text[64];
	g_snprintf(text, sizeof text, "no answer within %u s", probe->target->settings->timeout_s);
	char *clean = text_clean(why->text, strlen(why->text), sizeof why->text);
	varnish_fail(probe, why->kind == ERR_TIMEOUT ? text : clean);
	g_free(clean);
	return true;
}

static void varnish_start(struct probe *probe)
{
	struct varnish *varnish = probe->state;
	const char *status = probe->settings->status;
	varnish->figures = varnish_stat_create(probe, status && status[0] == '/' ? status : NULL);
}

static void varnish_stop(struct probe *probe)
{
	struct varnish *varnish = probe->state;
	http_text_finish(&varnish->http);
	varnish_stat_destroy(varnish->figures);
}

const struct probe_kind probe_varnish = {.name = "varnish",
	.port = 6081,
	.state_size = sizeof(struct varnish),
	.start = varnish_start,
	.begin = varnish_begin,
	.open = varnish_open,
	.data = varnish_data,
	.closed = varnish_closed,
	.failed = varnish_failed,
	.stop = varnish_stop,
	.ports = (const uint16_t[]){80, 8080, 8000, 8081, 0},
	.processes = (const char *const[]){"varnishd", NULL}};
