#include "collector/metric.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/*
 * Units stand in UNIT or, by custom, at the end of a metric's name (prometheus.io, "naming"):
 * node_cpu_seconds_total. A counter of seconds grows by less than one a second, and an archive's
 * counter is whole: so those are kept in milliseconds.
 *
 * Names of fields are the values of the labels, so that people recognise them: {device="sda"} is
 * "sda". Where a value cannot begin a name, its label stands before it: {cpu="0",mode="idle"} is
 * "cpu0_idle".
 */
enum { HASH_DIGITS = 8, HASH_ROOM = HASH_DIGITS + 1 };

static const struct unit_row {
	const char *word, *gauge, *counter, *gauge_label, *counter_label;
	bool binary, milli;
} unit_rows[] = {
	{"seconds", "s", "ms/s", "seconds", "seconds per ${graph_period}", false, true},
	{"milliseconds", "ms", "ms/s", "milliseconds", "milliseconds per ${graph_period}", false,
		false},
	{"bytes", "B", "B/s", "bytes", "bytes per ${graph_period}", true, false},
	{"bits", "bit", "bit/s", "bits", "bits per ${graph_period}", false, false},
	{"celsius", "C", "C/s", "degrees Celsius", "degrees per ${graph_period}", false, false},
	{"volts", "V", "V/s", "volts", "volts per ${graph_period}", false, false},
	{"amperes", "A", "A/s", "amperes", "amperes per ${graph_period}", false, false},
	{"watts", "W", "W/s", "watts", "watts per ${graph_period}", false, false},
	{"joules", "J", "J/s", "joules", "joules per ${graph_period}", false, false},
	{"hertz", "Hz", "Hz/s", "hertz", "hertz per ${graph_period}", false, false},
	{"percent", "%", "%/s", "%", "% per ${graph_period}", false, false},
	{"ratio", "1", "1/s", "ratio", "ratio per ${graph_period}", false, false},
};
static const struct unit_row no_unit = {"", NULL, "1/s", NULL, "per ${graph_period}", false, false};

/* Whether `name` is "…_WORD" or ends so before `skipped` bytes at its end. */
static bool name_ends(const char *name, size_t skipped, const char *word)
{
	size_t length = strlen(name) - skipped;
	size_t wanted = strlen(word);
	return length > wanted && name[length - wanted - 1] == '_' &&
		   !memcmp(name + length - wanted, word, wanted);
}

static const struct unit_row *unit_of_family(const struct openmetrics_family *family)
{
	size_t total = g_str_has_suffix(family->name, "_total") ? strlen("_total") : 0;
	for (size_t i = 0; i < ARRAY_LENGTH(unit_rows); i++) {
		if (family->unit ? !strcmp(family->unit, unit_rows[i].word)
						 : name_ends(family->name, total, unit_rows[i].word)) {
			return &unit_rows[i];
		}
	}
	return &no_unit;
}

static struct metric_form counter_form(const struct unit_row *unit)
{
	return (struct metric_form){.type = FIELD_DERIVE,
		.kept = true,
		.milli = unit->milli,
		.unit = unit->counter,
		.vlabel = unit->counter_label,
		.args = unit->binary ? "--base 1024 -l 0" : "--base 1000 -l 0"};
}

static struct metric_form gauge_form(const struct unit_row *unit)
{
	return (struct metric_form){.type = FIELD_GAUGE,
		.kept = true,
		.unit = unit->gauge,
		.vlabel = unit->gauge_label,
		.args = unit->binary ? "--base 1024" : "--base 1000"};
}

struct metric_form metric_form(const struct openmetrics_sample *sample)
{
	const struct unit_row *unit = unit_of_family(sample->family);
	const char *suffix = sample->suffix;
	if (!strcmp(suffix, "_created")) {
		return (struct metric_form){.kept = false};
	}
	switch (sample->family->type) {
	case OPENMETRICS_COUNTER: return counter_form(unit);
	case OPENMETRICS_HISTOGRAM: return counter_form(strcmp(suffix, "_sum") ? &no_unit : unit);
	case OPENMETRICS_SUMMARY:
		return *suffix ? counter_form(strcmp(suffix, "_sum") ? &no_unit : unit) : gauge_form(unit);
	case OPENMETRICS_GAUGEHISTOGRAM: return gauge_form(strcmp(suffix, "_gsum") ? &no_unit : unit);
	case OPENMETRICS_INFO: return (struct metric_form){.kept = false};
	case OPENMETRICS_UNKNOWN:
		return g_str_has_suffix(sample->name, "_total") ? counter_form(unit) : gauge_form(unit);
	default: return gauge_form(unit);
	}
}

struct metric_form metric_form_mean(const struct openmetrics_family *family)
{
	return gauge_form(unit_of_family(family));
}

/* -- names -- */

static void hash_text(const char *text, char out[HASH_DIGITS + 1])
{
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a, 64 bits */
	for (const char *p = text; *p; p++) {
		hash = (hash ^ (unsigned char)*p) * 1099511628211ULL;
	}
	snprintf(out, HASH_DIGITS + 1, "%08x", (unsigned)(hash ^ (hash >> 32)));
}

/* `name` of at most `limit` bytes, cut and with the hash of `text` behind it. */
static void hash_name(char *name, size_t limit, const char *text)
{
	char hash[HASH_DIGITS + 1];
	hash_text(text, hash);
	size_t length = strlen(name);
	size_t kept = MIN(length, limit - HASH_ROOM);
	snprintf(name + kept, HASH_ROOM + 1, "_%s", hash);
}

static void add_label(
	GString *name, GString *shown, GString *identity, const char *label, const char *value)
{
	bool fits = g_ascii_isalpha(*value) || (*value && name->len);
	if (name->len) {
		g_string_append_c(name, '_');
	}
	g_string_append_printf(name, "%s%s", fits ? "" : label, value);
	if (shown->len) {
		g_string_append_c(shown, ' ');
	}
	g_string_append_printf(shown, "%s%s%s", fits ? "" : label, fits ? "" : " ", value);
	g_string_append_printf(identity, "%s=%s\x1f", label, value);
}

void metric_field_init(struct metric_field *field, const struct openmetrics_labels *labels,
	const GPtrArray *chosen, const char *otherwise)
{
	g_autoptr(GString) name = g_string_new(NULL);
	GString *shown = g_string_new(NULL);
	GString *identity = g_string_new(NULL);
	for (size_t i = 0; !chosen && i < labels->count; i++) {
		add_label(name, shown, identity, labels->label[i].name, labels->label[i].value);
	}
	for (size_t i = 0; chosen && i < chosen->len; i++) {
		const char *value = openmetrics_labels_find(labels, chosen->pdata[i]);
		if (value) {
			add_label(name, shown, identity, chosen->pdata[i], value);
		}
	}
	if (!name->len || !ident_clean_field(name->str, field->name)) {
		text_copy(field->name, sizeof(field->name), "value");
	}
	if (name->len > IDENT_FIELD_MAX) {
		hash_name(field->name, IDENT_FIELD_MAX, identity->str);
	}
	if (!shown->len) {
		g_string_assign(shown, otherwise);
	}
	field->label = g_string_free(shown, FALSE);
	field->identity = g_string_free(identity, FALSE);
}

void metric_field_rename(struct metric_field *field)
{
	hash_name(field->name, IDENT_FIELD_MAX, field->identity);
}

void metric_field_finish(struct metric_field *field)
{
	g_free(field->label);
	g_free(field->identity);
	*field = (struct metric_field){0};
}

void metric_service_name(const char *metric, bool again, char out[IDENT_SERVICE_MAX + 1])
{
	if (!ident_clean_service(metric, out)) {
		text_copy(out, IDENT_SERVICE_MAX + 1, "metric"); /* a reader's names are never empty */
	}
	if (again || strlen(metric) > IDENT_SERVICE_MAX) {
		hash_name(out, IDENT_SERVICE_MAX, metric);
	}
}
