#include "notify/render.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/banned.h"

/*
 * The body that receivers written for Alertmanager expect (its webhook format, version 4; incidents
 * section 14). One message is about one alert, so the common labels are that alert's.
 */

static void render_json_set(json_t *object, const char *key, const char *text)
{
	if (*text) {
		json_object_set_new(object, key, json_string(text));
	}
}

static json_t *render_json_labels(const struct notice *n)
{
	json_t *labels = json_object();
	render_json_set(labels, "alertname", n->kind == NOTICE_TEST && !*n->rule ? "test" : n->rule);
	render_json_set(labels, "host", n->host);
	render_json_set(labels, "service", n->service);
	render_json_set(labels, "field", n->field);
	render_json_set(labels, "severity", notice_level_name(n));
	return labels;
}

static json_t *render_json_annotations(const struct notice *n)
{
	g_autofree char *title = notice_title(n);
	json_t *notes = json_object();
	render_json_set(notes, "summary", *n->summary ? n->summary : title);
	render_json_set(notes, "description", n->info);
	render_json_set(notes, "runbook", n->runbook);
	render_json_set(notes, "value", n->value);
	render_json_set(notes, "threshold", n->threshold);
	return notes;
}

/* An instant, or the zero instant by which Alertmanager says "not yet". */
static json_t *render_json_instant(struct wall at)
{
	char text[32];
	return json_string(at.ms > 0 ? wall_format(at, text) : "0001-01-01T00:00:00Z");
}

static const char *render_json_status(const struct notice *n)
{
	return n->kind == NOTICE_RECOVERY ? "resolved" : "firing";
}

static json_t *render_json_alert(const struct notice *n, const char *base_url)
{
	char fingerprint[NOTICE_FINGERPRINT + 1];
	notice_fingerprint(n, fingerprint);
	json_t *alert = json_object();
	render_json_set(alert, "status", render_json_status(n));
	json_object_set_new(alert, "labels", render_json_labels(n));
	json_object_set_new(alert, "annotations", render_json_annotations(n));
	json_object_set_new(alert, "startsAt", render_json_instant(n->since));
	json_object_set_new(alert, "endsAt",
		render_json_instant(n->kind == NOTICE_RECOVERY ? n->until : (struct wall){0}));
	json_object_set_new(alert, "generatorURL", json_string(*n->link ? n->link : base_url));
	json_object_set_new(alert, "fingerprint", json_string(fingerprint));
	return alert;
}

char *render_json(const struct notice *n, const char *receiver, const char *base_url)
{
	char fingerprint[NOTICE_FINGERPRINT + 1];
	notice_fingerprint(n, fingerprint);
	g_autofree char *group_key = g_strconcat("magpie/", fingerprint, NULL);
	json_t *group = json_object();
	render_json_set(group, "alertname", n->rule);
	render_json_set(group, "host", n->host);
	json_t *body = json_object();
	json_object_set_new(body, "version", json_string("4"));
	json_object_set_new(body, "groupKey", json_string(group_key));
	json_object_set_new(body, "truncatedAlerts", json_integer(0));
	json_object_set_new(body, "status", json_string(render_json_status(n)));
	json_object_set_new(body, "receiver", json_string(receiver));
	json_object_set_new(body, "groupLabels", group);
	json_object_set_new(body, "commonLabels", render_json_labels(n));
	json_object_set_new(body, "commonAnnotations", render_json_annotations(n));
	json_object_set_new(body, "externalURL", json_string(base_url));
	json_object_set_new(body, "alerts", json_pack("[o]", render_json_alert(n, base_url)));
	char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	char *result = g_strdup(text);
	free(text);
	return result;
}
