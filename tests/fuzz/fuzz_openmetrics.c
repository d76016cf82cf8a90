/* Any bytes as what an exporter answers; the first one chooses the form. Limits hold, texts are
 * clean. */
#include "collector/openmetrics_text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void on_sample(void *owner, const struct openmetrics_sample *sample)
{
	size_t *samples = owner;
	struct openmetrics_labels labels;
	assert(*sample->name && strlen(sample->name) <= OPENMETRICS_NAME_MAX);
	assert(!strncmp(sample->series, sample->name, strlen(sample->name)));
	assert(!isinf(sample->value));
	if (openmetrics_labels_read(&labels, sample)) {
		assert(labels.count <= OPENMETRICS_LABELS_MAX);
		for (size_t i = 0; i < labels.count; i++) {
			assert(strlen(labels.label[i].value) <= OPENMETRICS_VALUE_MAX);
			assert(g_utf8_validate(labels.label[i].value, -1, NULL));
			assert(openmetrics_labels_find(&labels, labels.label[i].name) == labels.label[i].value);
		}
	}
	openmetrics_labels_finish(&labels);
	(*samples)++;
}

static void on_complaint(void *owner, size_t line, const char *text)
{
	(void)owner;
	assert(line && *text && g_utf8_validate(text, -1, NULL) && !strpbrk(text, "\n\r\x1b"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct openmetrics_handlers handlers = {
		.sample = on_sample, .complaint = on_complaint};
	struct openmetrics_result result;
	size_t samples = 0;
	if (size) {
		openmetrics_read((const char *)data + 1, size - 1,
			data[0] & 1 ? OPENMETRICS_STRICT : OPENMETRICS_TEXT, &handlers, &samples, &result);
		assert(samples == result.samples);
	}
	return 0;
}
