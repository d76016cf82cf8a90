#include "web/curves.h"
#include "model/rpn.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * A cdef may name other fields of its service, hidden ones too; they are fetched beside the columns
 * that were asked for. Munin multiplies what is not a GAUGE by the seconds of graph_period, when
 * drawing only (reference: munin, 4.1).
 */
enum { NOT_FETCHED = UINT32_MAX };

struct curve {
	char *id, *field, *label;
	uint32_t base;   /* index of its own series among the fetched ones */
	struct rpn *rpn; /* NULL: as stored */
	uint32_t inputs[RPN_NAMES_MAX];
	double factor;
};

struct curves {
	GPtrArray *all;
	GArray *series; /* uint32_t */
};

static void curve_free(gpointer data)
{
	struct curve *curve = data;
	g_free(curve->id);
	g_free(curve->field);
	g_free(curve->label);
	rpn_destroy(curve->rpn);
	g_free(curve);
}

struct curves *curves_create(void)
{
	struct curves *curves = g_new0(struct curves, 1);
	curves->all = g_ptr_array_new_with_free_func(curve_free);
	curves->series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	return curves;
}

void curves_destroy(struct curves *curves)
{
	if (curves) {
		g_ptr_array_unref(curves->all);
		g_array_unref(curves->series);
		g_free(curves);
	}
}

/* Index among the fetched series; entered if it is new. */
static bool need(
	struct curves *curves, const struct field *field, uint32_t *index, struct error *err)
{
	*index = NOT_FETCHED;
	if (!field || !field->series_id) {
		return true;
	}
	for (guint i = 0; i < curves->series->len; i++) {
		if (g_array_index(curves->series, uint32_t, i) == field->series_id) {
			*index = i;
			return true;
		}
	}
	if (curves->series->len == ARCHIVE_SERIES_MAX) {
		return error_set(err, ERR_CONFIG, "more than %d series", ARCHIVE_SERIES_MAX);
	}
	*index = curves->series->len;
	g_array_append_val(curves->series, field->series_id);
	return true;
}

static double period_factor(const struct field *field)
{
	const char *period = attributes_or(&field->service->attributes, "graph_period", "second");
	return field->type == FIELD_GAUGE  ? 1
		   : !strcmp(period, "minute") ? 60
		   : !strcmp(period, "hour")   ? 3600
									   : 1;
}

static bool add_expression(
	struct curves *curves, struct curve *curve, const struct field *field, struct error *err)
{
	const char *cdef = attributes_or(&field->attributes, "cdef", "");
	curve->factor = period_factor(field);
	if (!*cdef) {
		return true;
	}
	curve->rpn = rpn_parse(cdef, strlen(cdef), err);
	if (!curve->rpn) {
		return error_prefix(err, "cdef of %s", field->name);
	}
	for (size_t i = 0; i < rpn_name_count(curve->rpn); i++) {
		const struct field *input = service_find_field(field->service, rpn_name(curve->rpn, i));
		if (!need(curves, input, &curve->inputs[i], err)) {
			return false;
		}
	}
	return true;
}

bool curves_add(struct curves *curves, const struct field *field, bool graphed, struct error *err)
{
	char id[IDENT_SERIES_MAX + 1];
	struct curve *curve = g_new0(struct curve, 1);
	curve->id = g_strdup(field_series_name(field, id));
	curve->field = g_strdup(field->name);
	curve->label = g_strdup(*field->label ? field->label : field->name);
	curve->factor = 1;
	if (!need(curves, field, &curve->base, err) ||
		(graphed && !add_expression(curves, curve, field, err))) {
		curve_free(curve);
		return false;
	}
	g_ptr_array_add(curves->all, curve);
	return true;
}

size_t curves_count(const struct curves *curves)
{
	return curves->all->len;
}

static const struct curve *curve_at(const struct curves *curves, size_t index)
{
	return curves->all->pdata[index];
}

const char *curves_id(const struct curves *curves, size_t index)
{
	return curve_at(curves, index)->id;
}

const char *curves_field(const struct curves *curves, size_t index)
{
	return curve_at(curves, index)->field;
}

const char *curves_label(const struct curves *curves, size_t index)
{
	return curve_at(curves, index)->label;
}

const uint32_t *curves_series(const struct curves *curves, size_t *count)
{
	*count = curves->series->len;
	return (const uint32_t *)(const void *)curves->series->data;
}

static const double *column(const struct archive_data *data, uint32_t index)
{
	return index < data->count ? data->columns[index] : NULL;
}

void curves_compute(const struct curves *curves, size_t index, const struct archive_data *data,
	int64_t now_s, double *out)
{
	const struct curve *curve = curve_at(curves, index);
	const double *stored = column(data, curve->base);
	if (curve->rpn) {
		const double *columns[RPN_NAMES_MAX];
		struct rpn_span span = {data->t0_s, data->step_s, now_s, data->rows};
		for (size_t i = 0; i < rpn_name_count(curve->rpn); i++) {
			columns[i] = column(data, curve->inputs[i]);
		}
		rpn_evaluate(curve->rpn, &span, columns, out);
	} else {
		for (size_t row = 0; row < data->rows; row++) {
			out[row] = stored ? stored[row] : NAN;
		}
	}
	for (size_t row = 0; curve->factor != 1 && row < data->rows; row++) {
		out[row] *= curve->factor;
	}
}
