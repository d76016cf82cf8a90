#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * What exporters answer: the Prometheus text format 0.0.4 and OpenMetrics 1.0. Pure: text in,
 * samples out, one call per sample. A line that is wrong is complained about and left out; the rest
 * counts. All that is kept is bounded, whatever the text says (hostile 9, 13, 18).
 */
enum openmetrics_form { OPENMETRICS_TEXT, OPENMETRICS_STRICT }; /* 0.0.4; 1.0 */

enum openmetrics_type {
	OPENMETRICS_UNKNOWN,
	OPENMETRICS_GAUGE,
	OPENMETRICS_COUNTER,
	OPENMETRICS_HISTOGRAM,
	OPENMETRICS_GAUGEHISTOGRAM,
	OPENMETRICS_SUMMARY,
	OPENMETRICS_STATESET,
	OPENMETRICS_INFO,
	OPENMETRICS_TYPES
};

enum {
	OPENMETRICS_LINE_MAX = 16 << 10, /* longer lines are left out */
	OPENMETRICS_NAME_MAX = 200,      /* of metrics and labels */
	OPENMETRICS_VALUE_MAX = 256,     /* of a label's value; what is longer is cut */
	OPENMETRICS_HELP_MAX = 1000,     /* cut as well */
	OPENMETRICS_LABELS_MAX = 32,     /* of one sample */
	OPENMETRICS_SAMPLES_MAX = 20000, /* of one text; reading ends there */
	OPENMETRICS_FAMILIES_MAX = 5000,
	OPENMETRICS_COMPLAINTS_MAX = 16, /* told; the others are only counted */
};

/* What HELP, TYPE and UNIT said before the sample. Valid until openmetrics_read() returns. */
struct openmetrics_family {
	char *name;
	char *help; /* clean; NULL: none */
	char *unit; /* [a-zA-Z0-9_]; NULL: none */
	enum openmetrics_type type;
};

/* Valid during the callback. */
struct openmetrics_sample {
	char name[OPENMETRICS_NAME_MAX + 1];
	const char *suffix; /* end of `name` behind the family's: "", "_total", "_bucket" … */
	const struct openmetrics_family *family;
	const char *series; /* name and labels as they stand in the text: the same text, the same series
						 */
	size_t series_length;
	double value; /* NaN: unknown (NaN, +Inf, -Inf in the text) */
	bool stamped; /* the text gave a time: */
	int64_t at_ms;
};

struct openmetrics_handlers {
	void (*sample)(void *owner, const struct openmetrics_sample *sample);
	/* `text` is clean. At most OPENMETRICS_COMPLAINTS_MAX times; lines from 1. */
	void (*complaint)(void *owner, size_t line, const char *text);
};

struct openmetrics_result {
	size_t samples, complaints;
	bool complete; /* "# EOF" was the last line (1.0), or the last line has its end (0.0.4) */
};

void openmetrics_read(const char *text, size_t length, enum openmetrics_form form,
	const struct openmetrics_handlers *handlers, void *owner, struct openmetrics_result *result);

/* Labels of one sample, sorted by name. */
struct openmetrics_label {
	const char *name, *value; /* the value is clean */
};
struct openmetrics_labels {
	struct openmetrics_label label[OPENMETRICS_LABELS_MAX];
	size_t count;
	GString *storage;
};

/* Decodes the labels of a sample, in its callback. False: a label is there twice; then `labels` is
 * empty. To be finished in both cases. */
MUST_USE bool openmetrics_labels_read(
	struct openmetrics_labels *labels, const struct openmetrics_sample *sample);
void openmetrics_labels_finish(struct openmetrics_labels *labels);
const char *openmetrics_labels_find(
	const struct openmetrics_labels *labels, const char *name); /* NULL: not there */
