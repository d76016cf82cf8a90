#pragma once
#include "collector/openmetrics_text.h"
#include "model/service.h"

/*
 * From the words of exporters to those of Magpie: what a sample of a metric is as a field, how
 * field and graph are called. Pure.
 */

/* How values of one kind of sample are kept and shown. Texts are literals. */
struct metric_form {
	enum field_type type;
	bool kept;          /* false: carries no measure (times of creation, information) */
	bool milli;         /* kept as thousandths, because archives of counters hold whole numbers */
	const char *unit;   /* of the rule language, of the value as kept; NULL: not known */
	const char *vlabel; /* NULL: none */
	const char *args;   /* graph_args */
};
struct metric_form metric_form(const struct openmetrics_sample *sample);

/* The same for the mean of a histogram or summary: what its sum is divided by its count. */
struct metric_form metric_form_mean(const struct openmetrics_family *family);

/*
 * Name and label of the field for a sample with these labels; `chosen` (char *; NULL: all, by name)
 * says which labels count. `identity` tells fields apart whose names came out alike.
 */
struct metric_field {
	char name[IDENT_FIELD_MAX + 1];
	char *label, *identity;
};
void metric_field_init(struct metric_field *field, const struct openmetrics_labels *labels,
	const GPtrArray *chosen, const char *otherwise);
void metric_field_finish(struct metric_field *field);

/* Puts another name in place of the one that is taken: stable, from `identity`. */
void metric_field_rename(struct metric_field *field);

/* Name of the service for a metric: cleaned, cut with a hash where it is too long. `again`: the
 * plain one is taken by another metric. */
void metric_service_name(const char *metric, bool again, char out[IDENT_SERVICE_MAX + 1]);
