#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ftw.h>

#include <cmocka.h>

#include "base/banned.h"

static void on_event(void *owner, const char *kind, const char *object, const char *text)
{
	struct bench_tree *t = owner;
	t->events++;
	snprintf(t->last_event, sizeof(t->last_event), "%s %s %s", kind, object, text);
}

static void on_rewind(void *owner)
{
	struct bench_tree *t = owner;
	t->rewinds++;
}

char *support_directory(void)
{
	const char *base = getenv("TMPDIR");
	/* a sync of a whole disk, which others write to, may take seconds */
	const char *memory = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	char *path = g_strdup_printf("%s/magpie-rrd-XXXXXX", base ? base : memory);
	assert_non_null(mkdtemp(path));
	return path;
}

struct bench_tree *support_tree_create(void)
{
	struct bench_tree *t = g_new0(struct bench_tree, 1);
	t->path = support_directory();
	t->journal = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	return t;
}

static int remove_one(
	const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

void support_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void support_tree_destroy(struct bench_tree *t)
{
	writer_destroy(t->writer);
	support_remove(t->path);
	g_ptr_array_unref(t->journal);
	g_free(t->path);
	g_free(t);
}

void support_start(struct bench_tree *t)
{
	static const struct files_handlers handlers = {.event = on_event, .rewind = on_rewind};
	struct error err = {.kind = ERR_NONE};
	const struct files_plan plan = {
		.share = t->share.instances ? t->share : share_all, .handlers = handlers, .owner = t};
	t->writer = writer_create_share(t->path, &plan, &err);
	if (!t->writer) {
		fail_msg("%s", err.text);
	}
	t->rewinds = 0;
	/* what the declarations say after each start: every series there ever was */
	for (guint i = 0; i < t->journal->len; i++) {
		gsize length;
		const unsigned char *bytes = g_bytes_get_data(t->journal->pdata[i], &length);
		uint16_t type;
		struct entry_series e;
		memcpy(&type, bytes, 2);
		if (type == ENTRY_SERIES && entry_series_read(&e, bytes + 2, length - 2)) {
			AUTO(service) s = service_create(e.group, e.host, e.service, e.step_s);
			struct field *f = service_add_field(s, e.field, e.field, (enum field_type)e.type);
			f->series_id = e.series_id;
			f->min = e.min;
			f->max = e.max;
			writer_declare(t->writer, s);
		}
	}
	support_feed(t);
}

void support_crash(struct bench_tree *t)
{
	writer_destroy(t->writer);
	t->writer = NULL;
}

void support_feed(struct bench_tree *t)
{
	do {
		uint64_t from = t->rewinds ? 0 : writer_sequence(t->writer);
		t->rewinds = 0;
		for (uint64_t i = from; i < t->journal->len; i++) {
			gsize length;
			const unsigned char *bytes = g_bytes_get_data(t->journal->pdata[i], &length);
			uint16_t type;
			memcpy(&type, bytes, 2);
			writer_take(t->writer, i + 1, type, bytes + 2, length - 2);
		}
	} while (t->rewinds);
}

void support_checkpoint(struct bench_tree *t)
{
	struct error err = {.kind = ERR_NONE};
	while (!writer_drain(t->writer, 1000)) {
	}
	assert_true(writer_settled(t->writer));
	writer_freeze(t->writer, true);
	assert_true(writer_sync(t->writer, &err));
	assert_true(writer_checkpoint(t->writer, &err));
	writer_freeze(t->writer, false);
}

static void append(struct bench_tree *t, uint16_t type, const void *payload, size_t length)
{
	GByteArray *all = g_byte_array_new();
	g_byte_array_append(all, (const guint8 *)&type, 2);
	g_byte_array_append(all, payload, (guint)length);
	g_ptr_array_add(t->journal, g_byte_array_free_to_bytes(all));
}

static void put_names(
	struct entry_series *e, const char *host, const char *service, const char *field)
{
	e->min = e->max = __builtin_nan("");
	snprintf(e->group, sizeof(e->group), "example.com");
	snprintf(e->host, sizeof(e->host), "%s", host);
	snprintf(e->service, sizeof(e->service), "%s", service);
	snprintf(e->field, sizeof(e->field), "%s", field);
}

void support_series(struct bench_tree *t, uint32_t id, uint32_t step_s, enum field_type type,
	const char *layout, const char *field)
{
	struct entry_series e = {.series_id = id, .step_s = step_s, .type = (uint8_t)type};
	unsigned char payload[ENTRY_SERIES_MAX];
	put_names(&e, "a.example.com", "test", field);
	snprintf(e.layout, sizeof(e.layout), "%s", layout);
	append(t, ENTRY_SERIES, payload, entry_series_write(&e, payload));
}

void support_series_of(
	struct bench_tree *t, uint32_t id, const char *host, const char *service, const char *field)
{
	struct entry_series e = {.series_id = id, .step_s = 10, .type = FIELD_GAUGE};
	unsigned char payload[ENTRY_SERIES_MAX];
	put_names(&e, host, service, field);
	snprintf(e.layout, sizeof(e.layout), "compact");
	append(t, ENTRY_SERIES, payload, entry_series_write(&e, payload));
}

void support_sample_ms(struct bench_tree *t, uint32_t id, int64_t t_ms, double value)
{
	struct entry_writer *w = g_new(struct entry_writer, 1);
	const struct wall at = {t_ms};
	entry_samples_start(w, at);
	assert_true(entry_samples_add(w, at, id, value));
	append(t, ENTRY_SAMPLES, w->payload, w->length);
	g_free(w);
}

void support_sample(struct bench_tree *t, uint32_t id, int64_t t_s, double value)
{
	support_sample_ms(t, id, 1000 * t_s, value);
}

char *support_file(struct bench_tree *t, uint32_t id)
{
	writer_flush(t->writer, &id, 1);
	const char *file = writer_file(t->writer, id);
	return file ? g_strdup_printf("%s/%s", writer_tree_path(t->writer), file) : NULL;
}

char *support_read_file(const char *path, size_t *length)
{
	char *content = NULL;
	gsize n = 0;
	assert_true(g_file_get_contents(path, &content, &n, NULL));
	*length = n;
	return content;
}
