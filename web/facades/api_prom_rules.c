#include "web/facades/prom.h"
#include "web/replica.h"

#include <string.h>

#include "base/banned.h"

/*
 * /prom/api/v1/alerts and rules: what fires or is pending, and the rules in force with it. A rule's
 * query is its text as it stands in the file, in Magpie's own language.
 */
static const char *state_of(const struct replica_alert *a)
{
	return a->state == ALERT_PENDING ? "pending" : "firing";
}

static void text_if(struct jsonout *j, const char *name, const char *text)
{
	if (*text) {
		jsonout_text(j, name, text);
	}
}

static void append_alert(const struct web *web, struct jsonout *j, const struct replica_alert *a)
{
	const struct replica_host *host = replica_host(web->replica, a->host);
	g_autoptr(GString) value = g_string_new(NULL);
	prom_append_number(value, a->value);
	jsonout_open(j, NULL, '{');
	jsonout_open(j, "labels", '{');
	jsonout_text(j, "alertname", a->rule);
	text_if(j, "field", a->field);
	text_if(j, "group", host ? host->group : "");
	text_if(j, "host", a->host);
	text_if(j, "service", a->service);
	jsonout_text(j, "severity", replica_level_name(a->level));
	jsonout_close(j);
	jsonout_open(j, "annotations", '{');
	text_if(j, "description", a->info);
	text_if(j, "runbook_url", a->runbook);
	text_if(j, "summary", a->summary);
	text_if(j, "suppressed_by", a->suppressed_by);
	text_if(j, "threshold", a->threshold_text);
	text_if(j, "value", a->value_text);
	jsonout_close(j);
	jsonout_text(j, "state", state_of(a));
	jsonout_moment(j, "activeAt", a->since_ms);
	jsonout_text(j, "value", value->str);
	jsonout_close(j);
}

void api_prom_alerts(struct web *web, struct exchange *x)
{
	const GPtrArray *alerts = replica_alerts(web->replica);
	struct jsonout j = prom_begin(x);
	jsonout_open(&j, "data", '{');
	jsonout_open(&j, "alerts", '[');
	for (guint i = 0; i < alerts->len; i++) {
		append_alert(web, &j, alerts->pdata[i]);
	}
	jsonout_close(&j);
	jsonout_close(&j);
	jsonout_close(&j);
}

/* "inactive", or the state of the worst alert of the rule. */
static const char *rule_state(const GPtrArray *alerts, const char *rule)
{
	const char *state = "inactive";
	for (guint i = 0; i < alerts->len; i++) {
		const struct replica_alert *a = alerts->pdata[i];
		if (!strcmp(a->rule, rule) && strcmp(state, "firing")) {
			state = state_of(a);
		}
	}
	return state;
}

static void append_rule(struct web *web, struct jsonout *j, const struct ruleset_rule *rule)
{
	const GPtrArray *alerts = replica_alerts(web->replica);
	jsonout_open(j, NULL, '{');
	jsonout_text(j, "state", rule_state(alerts, rule->name));
	jsonout_text(j, "name", rule->name);
	jsonout_text(j, "query", rule->source);
	jsonout_int(j, "duration", 0);
	jsonout_open(j, "labels", '{');
	jsonout_close(j);
	jsonout_open(j, "annotations", '{');
	jsonout_close(j);
	jsonout_open(j, "alerts", '[');
	for (guint i = 0; i < alerts->len; i++) {
		const struct replica_alert *a = alerts->pdata[i];
		if (!strcmp(a->rule, rule->name)) {
			append_alert(web, j, a);
		}
	}
	jsonout_close(j);
	jsonout_text(j, "health", "ok");
	jsonout_text(j, "type", "alerting");
	jsonout_close(j);
}

static void append_group(struct web *web, struct jsonout *j, const char *file)
{
	jsonout_open(j, NULL, '{');
	jsonout_text(j, "name", file);
	jsonout_text(j, "file", file);
	jsonout_int(j, "interval", 1);
	jsonout_open(j, "rules", '[');
	for (size_t i = 0; i < ruleset_rule_count(web->rules); i++) {
		struct ruleset_rule rule = ruleset_rule(web->rules, i);
		if (!strcmp(rule.file, file)) {
			append_rule(web, j, &rule);
		}
	}
	jsonout_close(j);
	jsonout_close(j);
}

/* A group per file; `type=record` has none. */
void api_prom_rules(struct web *web, struct exchange *x)
{
	if (!prom_read(x, PROM_NAMES_PARAMETERS)) {
		return;
	}
	const char *type = request_text(&x->request, "type");
	bool wanted = web->rules && (!type || strcmp(type, "record"));
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	struct jsonout j = prom_begin(x);
	jsonout_open(&j, "data", '{');
	jsonout_open(&j, "groups", '[');
	for (size_t i = 0; wanted && i < ruleset_rule_count(web->rules); i++) {
		struct ruleset_rule rule = ruleset_rule(web->rules, i);
		if (g_hash_table_add(seen, (gpointer)(uintptr_t)rule.file)) {
			append_group(web, &j, rule.file);
		}
	}
	jsonout_close(&j);
	jsonout_close(&j);
	jsonout_close(&j);
}
