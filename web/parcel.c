#include "web/parcel.h"
#include "web/archive.h"
#include "web/long.h"
#include "web/manifest.h"
#include "web/server.h"
#include "web/sheet.h"
#include "web/tarball.h"
#include "web/web.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Service by service: its files are described (and copied), then each table is read part by part
 * and written as one file of the parcel. What is held is one part, as values and as text, or one
 * copy, whatever the span and the number of series.
 *
 * I1: one question at a time. I2: the parcel outlives the client until its question was answered.
 * I3: while an entry is being fed into the tarball nothing is asked: the client sets the pace.
 */
enum {
	PART_CELLS = 128 * 1024,
	QUESTION_ROWS = ARCHIVE_POINTS_MAX - 10,
	FEED_BYTES = 64 * 1024, /* compressed at a time: some milliseconds */
};

enum phase { PHASE_SERVICE, PHASE_DESCRIBE, PHASE_TABLE, PHASE_FILL, PHASE_LAST, PHASE_DONE };

struct parcel {
	struct archive *archive;
	uint64_t lost; /* connections to the archive, when the answer began: see web/extract.c, I4 */
	const struct replica *replica;
	struct long_answer *answer; /* NULL: nobody reads any more */
	struct tarball *tarball;
	struct parcel_wish wish;
	char *name;
	GArray *series;
	int64_t now_s;
	enum phase phase;
	bool asking, closed;
	/* the service: series [at, end) */
	guint at, end;
	char *host, *service;
	GPtrArray *files, *tables;
	/* the part of a table */
	guint table;
	int64_t from_s, to_s, next_s, asked_s; /* asked: the end of the question under way */
	double *cells;
	size_t rows;
	GArray *members; /* guint: files that have the table */
	guint member;
	/* what goes into the tarball now */
	GString *entry;
	size_t fed;
	/* manifests of the host and of all */
	GString *host_text, *all_text;
	struct jsonout host_json, all_json;
};

static void parcel_free(struct parcel *p)
{
	if (p->files) {
		g_ptr_array_unref(p->files);
	}
	if (p->tables) {
		g_ptr_array_unref(p->tables);
	}
	for (size_t i = 0; i < 3; i++) {
		GString *text = (GString *[]){p->entry, p->host_text, p->all_text}[i];
		if (text) {
			g_string_free(text, TRUE);
		}
	}
	tarball_destroy(p->tarball);
	g_array_unref(p->series);
	g_array_unref(p->members);
	g_free(p->name);
	g_free(p->host);
	g_free(p->service);
	g_free(p->cells);
	g_free(p);
}

static const struct field *field_of(const struct parcel *p, uint32_t id)
{
	return catalog_series(replica_catalog(p->replica), id);
}

static uint32_t id_at(const struct parcel *p, guint index)
{
	return g_array_index(p->series, uint32_t, index);
}

static const struct manifest_file *file_at(const struct parcel *p, guint index)
{
	return p->files->pdata[index];
}

/* -- entries of the tarball -- */

/* Takes `content`. */
static bool begin_entry(
	struct parcel *p, const char *path, GString *content, int64_t mtime_s, struct error *err)
{
	p->entry = content;
	p->fed = 0;
	return tarball_begin(p->tarball, path, content->len, mtime_s, err);
}

static bool feed(struct parcel *p, struct error *err)
{
	size_t n = MIN(p->entry->len - p->fed, (size_t)FEED_BYTES);
	if (!tarball_add(p->tarball, p->entry->str + p->fed, n, err)) {
		return false;
	}
	p->fed += n;
	if (p->fed == p->entry->len) {
		g_string_free(g_steal_pointer(&p->entry), TRUE);
	}
	return true;
}

/* -- manifests -- */

static void begin_host(struct parcel *p, const struct service *service)
{
	g_free(p->host);
	p->host = g_strdup(service->host_name);
	p->host_text = g_string_new(NULL);
	p->host_json = jsonout_begin(p->host_text);
	jsonout_open(&p->host_json, NULL, '{');
	jsonout_text(&p->host_json, "host", service->host_name);
	jsonout_text(&p->host_json, "group", service->group);
	jsonout_open(&p->host_json, "services", '[');
}

static bool end_host(struct parcel *p, struct error *err)
{
	g_autofree char *path = g_strdup_printf("%s/manifest.json", p->host);
	jsonout_close(&p->host_json);
	jsonout_close(&p->host_json);
	g_string_append_c(p->host_text, '\n');
	jsonout_text(&p->all_json, NULL, path);
	return begin_entry(p, path, g_steal_pointer(&p->host_text), p->now_s, err);
}

static void begin_all(struct parcel *p)
{
	p->all_text = g_string_new(NULL);
	p->all_json = jsonout_begin(p->all_text);
	jsonout_open(&p->all_json, NULL, '{');
	jsonout_text(&p->all_json, "made_by", "magpie " MAGPIE_VERSION);
	jsonout_moment(&p->all_json, "made_at", p->now_s * 1000);
	jsonout_int(&p->all_json, "series", p->series->len);
	jsonout_open(&p->all_json, "hosts", '[');
}

static bool end_all(struct parcel *p, struct error *err)
{
	jsonout_close(&p->all_json);
	jsonout_close(&p->all_json);
	g_string_append_c(p->all_text, '\n');
	p->phase = PHASE_LAST;
	return begin_entry(p, "manifest.json", g_steal_pointer(&p->all_text), p->now_s, err);
}

/* -- a service -- */

static void free_file(gpointer file)
{
	manifest_file_destroy(file);
}

static bool begin_service(struct parcel *p, struct error *err)
{
	const struct field *field = NULL;
	while (p->at < p->series->len && !(field = field_of(p, id_at(p, p->at)))) {
		p->at++; /* its host was removed meanwhile */
	}
	if (p->host_text && (!field || strcmp(p->host, field->service->host_name) != 0)) {
		return end_host(p, err); /* and here again when that was fed */
	}
	if (!field) {
		return end_all(p, err);
	}
	if (!p->host_text) {
		begin_host(p, field->service);
	}
	g_free(p->service);
	p->service = g_strdup(field->service->name);
	p->files = g_ptr_array_new_with_free_func(free_file);
	p->phase = PHASE_DESCRIBE;
	const struct service *service = field->service;
	for (p->end = p->at; p->end < p->series->len; p->end++) {
		const struct field *next = field_of(p, id_at(p, p->end));
		if (!next || next->service != service) {
			break;
		}
	}
	return true;
}

static void end_service(struct parcel *p)
{
	manifest_append_service(&p->host_json, p->replica, p->files, p->tables);
	g_ptr_array_unref(g_steal_pointer(&p->files));
	g_ptr_array_unref(g_steal_pointer(&p->tables));
	p->at = p->end;
	p->phase = PHASE_SERVICE;
}

/* -- describing and copying -- */

static bool run(struct parcel *p, struct error *err);

/* After an answer: on with it, or what it means for the client. */
static void go_on(struct parcel *p)
{
	struct error err;
	if (!run(p, &err)) {
		long_answer_fail(p->answer, &err);
	} else if (!p->asking) {
		long_answer_ready(p->answer);
	}
}

/* Whether it was for nobody (see I2). */
static bool answered(struct parcel *p)
{
	p->asking = false;
	if (!p->answer) {
		parcel_free(p);
		return true;
	}
	return false;
}

/* An error of one file is its own: the manifest says it. */
static bool is_local(enum error_kind kind)
{
	return kind == ERR_NOT_FOUND || kind == ERR_STORAGE;
}

static bool take_file(struct parcel *p, const GByteArray *answer, struct error *err)
{
	size_t content = 0;
	struct manifest_file *file = p->files->pdata[p->files->len - 1];
	if (!manifest_file_read(file, answer, &content, err)) {
		return false;
	}
	if (!p->wish.rrd) {
		return true;
	}
	g_autofree char *path = g_strdup_printf("rrd/%s", file->path);
	GString *copy =
		g_string_new_len((const char *)answer->data + content, (gssize)(answer->len - content));
	return begin_entry(p, path, copy, file->last_s, err);
}

static void on_file(void *owner, const GByteArray *answer, const struct error *why)
{
	struct parcel *p = owner;
	struct error err;
	if (answered(p)) {
		return;
	}
	if (why && is_local(why->kind)) {
		struct manifest_file *file = p->files->pdata[p->files->len - 1];
		file->error = g_strdup(why->text);
	} else if (why) {
		long_answer_fail(p->answer, why);
		return;
	} else if (!take_file(p, answer, &err)) {
		long_answer_fail(p->answer, &err);
		return;
	}
	go_on(p);
}

static bool describe_next(struct parcel *p, struct error *err)
{
	if (p->at + p->files->len == p->end) {
		p->tables = p->wish.csv ? manifest_tables(p->files) : g_ptr_array_new();
		p->table = 0;
		p->next_s = 0;
		p->phase = PHASE_TABLE;
		return true;
	}
	uint32_t id = id_at(p, p->at + p->files->len);
	g_ptr_array_add(p->files, manifest_file_create(id));
	p->asking = archive_file(p->archive, id, p->wish.rrd, on_file, p, err);
	return p->asking;
}

/* -- a table, part by part -- */

static struct manifest_table *table_at(const struct parcel *p)
{
	return p->tables->pdata[p->table];
}

static void begin_part(struct parcel *p)
{
	const struct manifest_table *table = table_at(p);
	int64_t from_s = 0;
	int64_t to_s = 0;
	g_array_set_size(p->members, 0);
	for (guint i = 0; i < p->files->len; i++) {
		if (manifest_covers(file_at(p, i), table->cf, table->step_s, &from_s, &to_s)) {
			g_array_append_val(p->members, i);
		}
	}
	p->from_s = MAX(p->next_s, table->from_s);
	int64_t most = MAX(1, PART_CELLS / (int64_t)MAX(p->members->len, 1));
	p->to_s = MIN(table->to_s, p->from_s + most * table->step_s);
	p->rows = (size_t)((p->to_s - p->from_s) / table->step_s);
	size_t cells = p->members->len * p->rows;
	p->cells = g_new(double, cells + 1);
	for (size_t i = 0; i < cells; i++) {
		p->cells[i] = NAN;
	}
	p->member = 0;
	p->next_s = p->from_s;
	p->phase = PHASE_FILL;
}

static bool next_part(struct parcel *p)
{
	if (p->table < p->tables->len && p->next_s >= table_at(p)->to_s) {
		p->table++;
		p->next_s = 0;
	}
	if (p->table == p->tables->len) {
		end_service(p);
	} else {
		begin_part(p);
	}
	return true;
}

static void on_values(void *owner, const struct archive_data *data, const struct error *why)
{
	struct parcel *p = owner;
	if (answered(p)) {
		return;
	}
	if (why) {
		long_answer_fail(p->answer, why);
		return;
	}
	int64_t step_s = table_at(p)->step_s;
	double *out = p->cells + p->member * p->rows;
	for (size_t row = 0; row < data->rows; row++) {
		int64_t begin_s = data->t0_s + (int64_t)row * data->step_s;
		bool inside = begin_s >= p->from_s && begin_s < p->to_s;
		if (inside && data->step_s == step_s) {
			out[(begin_s - p->from_s) / step_s] = data->columns[0][row];
		}
	}
	int64_t end_s = data->t0_s + (int64_t)data->rows * data->step_s;
	p->next_s = end_s > p->next_s ? end_s : p->asked_s; /* nothing came: not asked for again */
	go_on(p);
}

/* "HOST/SERVICE.average.300s[.20260101T000000Z].csv" */
static char *part_name(const struct parcel *p)
{
	const struct manifest_table *table = table_at(p);
	bool whole = p->from_s == table->from_s && p->to_s == table->to_s;
	g_autoptr(GDateTime) begin = g_date_time_new_from_unix_utc(p->from_s);
	g_autofree char *when = whole || !begin ? NULL : g_date_time_format(begin, ".%Y%m%dT%H%M%SZ");
	return g_strdup_printf("%s/%s.%s.%llds%s.csv", p->host, p->service, manifest_cf_name(table->cf),
		(long long)table->step_s, when ? when : "");
}

static bool write_part(struct parcel *p, struct error *err)
{
	struct sheet sheet;
	struct manifest_table *table = table_at(p);
	GString *text = g_string_new(NULL);
	sheet_init(&sheet, SHEET_CSV, SHEET_WIDE);
	for (guint i = 0; i < p->members->len; i++) {
		const struct field *field =
			field_of(p, file_at(p, g_array_index(p->members, guint, i))->series_id);
		sheet_add_column(&sheet, field ? field->name : "removed", "", "");
	}
	sheet.cells_t0_s = p->from_s;
	sheet.step_s = table->step_s;
	sheet.cells = p->cells;
	sheet.stride = p->rows;
	sheet_begin(&sheet, text);
	for (size_t row = 0; row < p->rows; row++) {
		sheet_append_row(&sheet, row, text);
	}
	sheet_finish(&sheet);
	char *name = part_name(p);
	g_ptr_array_add(table->names, name);
	g_free(g_steal_pointer(&p->cells));
	p->next_s = p->to_s;
	p->phase = PHASE_TABLE;
	return begin_entry(p, name, text, p->now_s, err);
}

/* What of the part the archive of one field has. */
static bool ask_values(struct parcel *p, struct error *err)
{
	const struct manifest_table *table = table_at(p);
	int64_t from_s = 0;
	int64_t to_s = 0;
	while (p->member < p->members->len) {
		const struct manifest_file *file = file_at(p, g_array_index(p->members, guint, p->member));
		bool covers = manifest_covers(file, table->cf, table->step_s, &from_s, &to_s);
		from_s = MAX(from_s, p->next_s);
		to_s = MIN(MIN(to_s, p->to_s), from_s + QUESTION_ROWS * table->step_s);
		if (covers && from_s < to_s) {
			struct archive_fetch question = {.series = &file->series_id,
				.count = 1,
				.from_s = from_s,
				.to_s = to_s,
				.step_s = table->step_s,
				.cf = (enum archive_cf)table->cf};
			p->asked_s = to_s;
			p->asking = archive_fetch(p->archive, &question, on_values, p, err);
			return p->asking;
		}
		p->member++;
		p->next_s = p->from_s;
	}
	return write_part(p, err);
}

/* -- the whole -- */

static bool advance(struct parcel *p, struct error *err)
{
	if (archive_count(p->archive)->lost != p->lost) {
		return error_set(err, ERR_UNREACHABLE, "the archive was restarted meanwhile");
	}
	switch (p->phase) {
	case PHASE_SERVICE: return begin_service(p, err);
	case PHASE_DESCRIBE: return describe_next(p, err);
	case PHASE_TABLE: return next_part(p);
	case PHASE_FILL: return ask_values(p, err);
	case PHASE_LAST: p->phase = PHASE_DONE; return tarball_close(p->tarball, err);
	case PHASE_DONE: break;
	}
	return true;
}

/* Until a question is under way, there is an entry to be fed (see I3), or all is done. */
static bool run(struct parcel *p, struct error *err)
{
	while (!p->asking && !p->entry && p->phase != PHASE_DONE) {
		if (!advance(p, err)) {
			return false;
		}
	}
	return true;
}

static enum long_step parcel_more(void *owner, GString *out)
{
	struct parcel *p = owner;
	struct error err;
	if (p->phase == PHASE_DONE && p->closed) {
		return LONG_END;
	}
	if (p->asking) {
		return LONG_WAIT;
	}
	if ((p->entry && !feed(p, &err)) || (!p->entry && !run(p, &err))) {
		long_answer_fail(p->answer, &err);
		return LONG_MORE;
	}
	tarball_take(p->tarball, out);
	p->closed = p->phase == PHASE_DONE;
	return LONG_MORE;
}

/* See I2. */
static void parcel_closed(void *owner)
{
	struct parcel *p = owner;
	p->answer = NULL;
	if (!p->asking) {
		parcel_free(p);
	}
}

static struct parcel *parcel_create(struct web *web, const struct exchange *x,
	const struct parcel_wish *wish, const GArray *series, struct error *err)
{
	struct tarball *tarball = tarball_create(err);
	if (!tarball) {
		return NULL;
	}
	struct parcel *p = g_new0(struct parcel, 1);
	p->archive = web->archive;
	p->lost = archive_count(web->archive)->lost;
	p->replica = web->replica;
	p->tarball = tarball;
	p->wish = *wish;
	p->name = g_strdup(wish->name);
	p->now_s = wall_s(x->request.now);
	p->series = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), series->len);
	g_array_append_vals(p->series, series->data, series->len);
	p->members = g_array_new(FALSE, FALSE, sizeof(guint));
	begin_all(p);
	return p;
}

bool parcel_start(struct web *web, struct exchange *x, const struct parcel_wish *wish,
	const GArray *series, struct error *err)
{
	struct parcel *p = parcel_create(web, x, wish, series, err);
	if (!p) {
		return false;
	}
	struct long_source source = {.more = parcel_more, .closed = parcel_closed, .owner = p};
	p->answer = long_answer_open(web->long_answers, x, &source, err);
	if (!p->answer) {
		parcel_free(p);
		return false;
	}
	struct long_form form = {
		.type = "application/gzip", .name = g_strdup_printf("%s.tar.gz", p->name)};
	long_answer_describe(p->answer, &form);
	go_on(p);
	return true;
}
