#include "rrd/rrdfile.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <rrd.h>

#include "base/number.h"

#include "base/banned.h"

/*
 * librrd's own checks of numbers and times are lax, so all text it gets is made here: digits before
 * the colon (never "N", "-", "@"), and behind it a finite decimal, an integer for counters, or "U".
 * Paths are made of checked names, absolute, so none of librrd's schemes ("sql//") can arise.
 */

static bool library_error(struct error *err, const char *what, const char *path)
{
	int saved = errno;
	const char *text = rrd_get_error();
	if (!text || !*text) {
		/* a full disk is reported like this */
		return error_errno(err, ERR_STORAGE, saved, "%s: %s: no space or I/O error", path, what);
	}
	enum error_kind kind = strstr(text, "could not lock") ? ERR_TIMEOUT : ERR_STORAGE;
	return error_set(err, kind, "%s: %s", path, text);
}

/* -- looking -- */

static bool fill_holes(int fd, const struct stat *st, const char *path, struct error *err)
{
	if ((uint64_t)st->st_blocks * 512 >= (uint64_t)st->st_size) {
		return true;
	}
	/* not posix_fallocate(): where the file system cannot, it would write into every block */
	if (fallocate(fd, 0, 0, st->st_size) && errno != EOPNOTSUPP && errno != EINVAL) {
		return error_errno(err, ERR_CONFLICT, errno, "%s: no space for all blocks", path);
	}
	return true;
}

bool rrdfile_look(const struct tree *tree, const char *path, int64_t latest_s,
	struct header *header, unsigned char *bytes, struct error *err)
{
	struct stat st;
	AUTO_FD fd = tree_file(tree, path, &st, err);
	if (fd < 0) {
		return false;
	}
	enum { USUAL = 4096 };
	ssize_t length = pread(fd, bytes, USUAL, 0);
	if (length == USUAL) {
		ssize_t rest = pread(fd, bytes + USUAL, HEADER_BYTES_MAX - USUAL, USUAL);
		length = rest < 0 ? rest : length + rest;
	}
	if (length < 0) {
		return error_errno(err, ERR_UNREACHABLE, errno, "%s", path);
	}
	if (!header_read(bytes, (size_t)length, (uint64_t)st.st_size, latest_s, header, err)) {
		return error_prefix(err, "%s", path);
	}
	return fill_holes(fd, &st, path, err);
}

/* -- the data source -- */

static bool limit_differs(double a, double b)
{
	return isnan(a) ? !isnan(b) : a != b;
}

bool rrdfile_differs(const struct header *header, const struct rrdfile_source *source)
{
	return header->type != source->type || limit_differs(header->min, source->min) ||
		   limit_differs(header->max, source->max) ||
		   header->heartbeat_s < 2 * (uint64_t)source->step_s;
}

static char *limit_text(double limit, char text[NUMBER_TEXT])
{
	number_format(limit, text); /* "U" for none */
	return text;
}

bool rrdfile_tune(const struct tree *tree, const char *path, const struct rrdfile_source *source,
	bool heartbeat_too, struct error *err)
{
	char full[2 * LAYOUT_PATH_MAX];
	char type[32];
	char heartbeat[32];
	char minimum[NUMBER_TEXT + 4];
	char maximum[NUMBER_TEXT + 4];
	char number[NUMBER_TEXT];
	snprintf(type, sizeof(type), "42:%s", field_type_name(source->type));
	snprintf(heartbeat, sizeof(heartbeat), "42:%llu", 2ULL * source->step_s);
	snprintf(minimum, sizeof(minimum), "42:%s", limit_text(source->min, number));
	snprintf(maximum, sizeof(maximum), "42:%s", limit_text(source->max, number));
	char *argv[] = {(char *)"tune", tree_full_path(tree, path, full, sizeof(full)),
		(char *)"--data-source-type", type, (char *)"--minimum", minimum, (char *)"--maximum",
		maximum, (char *)"--heartbeat", heartbeat, NULL};
	int count = (int)ARRAY_LENGTH(argv) - 1;
	rrd_clear_error();
	errno = 0;
	if (rrd_tune(heartbeat_too ? count : count - 2, argv)) {
		return library_error(err, "tune", path);
	}
	return true;
}

/* -- creating -- */

static bool allocate(const struct tree *tree, const char *path, struct error *err)
{
	struct stat st;
	AUTO_FD fd = tree_file(tree, path, &st, err);
	if (fd < 0) {
		return false;
	}
	return fill_holes(fd, &st, path, err);
}

bool rrdfile_create(const struct tree *tree, const char *path, const struct layout_plan *plan,
	const struct rrdfile_source *source, int64_t start_s, struct error *err)
{
	char full[2 * LAYOUT_PATH_MAX];
	char text[1 + LAYOUT_ARCHIVES_MAX][96];
	const char *argv[1 + LAYOUT_ARCHIVES_MAX];
	char minimum[NUMBER_TEXT];
	char maximum[NUMBER_TEXT];
	snprintf(text[0], sizeof(text[0]), "DS:42:%s:%u:%s:%s", field_type_name(source->type),
		plan->heartbeat_s, limit_text(source->min, minimum), limit_text(source->max, maximum));
	argv[0] = text[0];
	for (size_t i = 0; i < plan->count; i++) {
		const struct layout_archive *a = &plan->archives[i];
		snprintf(text[i + 1], sizeof(text[0]), "RRA:%s:0.5:%u:%u", layout_cf_name(a->cf),
			a->steps_per_row, a->rows);
		argv[i + 1] = text[i + 1];
	}
	if (!tree_make_parents(tree, path, err)) {
		return false;
	}
	tree_full_path(tree, path, full, sizeof(full));
	rrd_clear_error();
	errno = 0;
	enum { NO_OVERWRITE = 1 };
	if (rrd_create_r2(full, plan->step_s, (time_t)start_s, NO_OVERWRITE, NULL, NULL,
			(int)plan->count + 1, argv)) {
		return library_error(err, "create", path);
	}
	if (!allocate(tree, path, err)) {
		if (!tree_remove(tree, path, NULL)) {
			error_prefix(err, "and it cannot be removed");
		}
		return false;
	}
	return true;
}

/* -- writing -- */

static size_t put_digits(char *out, uint64_t v)
{
	char digits[24];
	size_t n = 0;
	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (size_t i = 0; i < n; i++) {
		out[i] = digits[n - 1 - i];
	}
	return n;
}

static size_t put_integer(char *out, double value)
{
	size_t n = 0;
	if (value < 0) {
		out[n++] = '-';
		value = -value;
	}
	return n + put_digits(out + n, (uint64_t)value);
}

/* Decimals of up to six places that read back as the same double; 0: not one of those. */
static size_t put_short_decimal(char *out, double value)
{
	enum { SCALE = 1000000, PLACES = 6 };
	double size = fabs(value);
	if (size > 1e9) {
		return 0;
	}
	uint64_t scaled = (uint64_t)(size * SCALE + 0.5);
	if ((double)scaled / SCALE != size) {
		return 0;
	}
	size_t n = 0;
	if (value < 0) {
		out[n++] = '-';
	}
	n += put_digits(out + n, scaled / SCALE);
	uint64_t rest = scaled % SCALE;
	out[n++] = '.';
	for (int place = PLACES - 1; place >= 0; place--) {
		out[n + (size_t)place] = (char)('0' + rest % 10);
		rest /= 10;
	}
	return n + PLACES;
}

static size_t put_value(char *out, double value, enum field_type type)
{
	static const double two_to_63 = 9223372036854775808.0;
	bool counter = type == FIELD_COUNTER || type == FIELD_DERIVE;
	if (!isfinite(value) || (type == FIELD_COUNTER && value < 0) ||
		(counter && fabs(value) >= 2 * two_to_63)) {
		*out = 'U';
		return 1;
	}
	if (counter || (value == trunc(value) && fabs(value) < 1e15)) {
		return put_integer(out, trunc(value)); /* librrd takes whole counters only */
	}
	size_t n = put_short_decimal(out, value);
	if (!n) {
		g_ascii_formatd(out, NUMBER_TEXT, "%.17g", value);
		n = strlen(out);
	}
	return n;
}

size_t rrdfile_sample_text(
	const struct sample *sample, enum field_type type, char out[RRDFILE_TEXT_MAX])
{
	uint64_t ms = sample->at.ms < 0 ? 0 : (uint64_t)sample->at.ms;
	size_t n = put_digits(out, ms / 1000);
	if (ms % 1000) {
		out[n++] = '.';
		out[n++] = (char)('0' + ms / 100 % 10);
		out[n++] = (char)('0' + ms / 10 % 10);
		out[n++] = (char)('0' + ms % 10);
	}
	out[n++] = ':';
	n += put_value(out + n, sample->value, type);
	out[n] = '\0';
	return n;
}

bool rrdfile_update(const struct tree *tree, const char *path, enum field_type type,
	const struct sample *samples, size_t count, struct error *err)
{
	char full[2 * LAYOUT_PATH_MAX];
	char text[RRDFILE_BATCH_MAX][RRDFILE_TEXT_MAX];
	const char *argv[RRDFILE_BATCH_MAX];
	for (size_t i = 0; i < count; i++) {
		rrdfile_sample_text(&samples[i], type, text[i]);
		argv[i] = text[i];
	}
	tree_full_path(tree, path, full, sizeof(full));
	rrd_clear_error();
	errno = 0;
	if (rrd_updatex_r(full, NULL, RRD_SKIP_PAST_UPDATES, (int)count, argv)) {
		return library_error(err, "update", path);
	}
	return true;
}
