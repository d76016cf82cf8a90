#include "collector/services/mysql_graphs.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * A field is named like the figure it shows, so there is nothing to map but what InnoDB tells in
 * its status text alone (ib_…): newer releases leave parts of that text out, and users without the
 * privilege PROCESS do not see it; then a status variable of the same meaning stands in.
 *
 * A graph of which nothing is known (the query cache of MySQL 8) is not declared.
 */
struct mysql_row {
	struct graph_row row;
	const char *total, *needs;
};

#define MYSQL_GRAPH_BEGIN(aspect) static const struct field_row mysql_fields_##aspect[] = {
#define MYSQL_FIELD(name_, label_, type_, draw_, unit_, ...)                                       \
	{name_, label_, FIELD_##type_, .min = "0", .draw = draw_, .unit = unit_, __VA_ARGS__},
#define MYSQL_GRAPH_END(aspect, ...)                                                               \
	}                                                                                              \
	;
#include "collector/services/mysql_graphs.def"
#undef MYSQL_GRAPH_BEGIN
#undef MYSQL_FIELD
#undef MYSQL_GRAPH_END

static const struct mysql_row mysql_rows[MYSQL_GRAPHS] = {
#define MYSQL_GRAPH_BEGIN(aspect)
#define MYSQL_FIELD(...)
#define MYSQL_GRAPH_END(aspect, title_, vlabel_, info_, ...)                                       \
	[MYSQL_GRAPH_##aspect] = {.row.name = "mysql_" #aspect,                                        \
		.row.title = title_,                                                                       \
		.row.vlabel = vlabel_,                                                                     \
		.row.category = "mysql2",                                                                  \
		.row.info = info_,                                                                         \
		.row.fields = mysql_fields_##aspect,                                                       \
		.row.field_count = ARRAY_LENGTH(mysql_fields_##aspect),                                    \
		__VA_ARGS__},
#include "collector/services/mysql_graphs.def"
#undef MYSQL_GRAPH_BEGIN
#undef MYSQL_FIELD
#undef MYSQL_GRAPH_END
};

static const struct mysql_stand_in {
	const char *field, *variable;
} mysql_stand_ins[] = {
	{"ib_bpool_size", "Innodb_buffer_pool_pages_total"},
	{"ib_bpool_dbpages", "Innodb_buffer_pool_pages_data"},
	{"ib_bpool_free", "Innodb_buffer_pool_pages_free"},
	{"ib_bpool_modpages", "Innodb_buffer_pool_pages_dirty"},
	{"ib_bpool_read", "Innodb_pages_read"},
	{"ib_bpool_created", "Innodb_pages_created"},
	{"ib_bpool_written", "Innodb_pages_written"},
	{"ib_ibuf_inserts", "Innodb_ibuf_merged_inserts"},
	{"ib_ibuf_merges", "Innodb_ibuf_merges"},
	{"ib_io_read", "Innodb_data_reads"},
	{"ib_io_write", "Innodb_data_writes"},
	{"ib_io_log", "Innodb_log_writes"},
	{"ib_io_fsync", "Innodb_data_fsyncs"},
	{"ib_iop_log", "Innodb_os_log_pending_writes"},
	{"ib_iop_flush_log", "Innodb_os_log_pending_fsyncs"},
	{"ib_iop_flush_bpool", "Innodb_data_pending_fsyncs"},
	{"ib_iop_aioread", "Innodb_data_pending_reads"},
	{"ib_iop_aiowrite", "Innodb_data_pending_writes"},
	{"ib_log_flush", "Innodb_lsn_flushed"},
	{"ib_log_written", "Innodb_lsn_current"},
	{"ib_tnx", "Innodb_max_trx_id"},
};

double mysql_figure(const struct stats *figures, const char *field)
{
	double value = stats_number(figures, field);
	for (size_t i = 0; isnan(value) && i < ARRAY_LENGTH(mysql_stand_ins); i++) {
		if (!strcmp(mysql_stand_ins[i].field, field)) {
			value = stats_number(figures, mysql_stand_ins[i].variable);
		}
	}
	return value;
}

static bool mysql_has_graph(const struct mysql_row *row, const struct stats *figures)
{
	if (row->needs) {
		return stats_text(figures, row->needs);
	}
	for (size_t i = 0; i < row->row.field_count; i++) {
		if (!isnan(mysql_figure(figures, row->row.fields[i].name))) {
			return true;
		}
	}
	return false;
}

static struct feed *mysql_declare(struct probe *probe, const struct mysql_row *row)
{
	struct service *service = probe_graph_begin(probe, &row->row, NULL);
	if (row->total) {
		graph_attribute(service, "graph_total", row->total);
	}
	return probe_graph_declare(probe, service);
}

void mysql_graphs_fill(
	struct mysql_graphs *graphs, struct probe *probe, const struct stats *figures)
{
	for (size_t i = 0; i < MYSQL_GRAPHS; i++) {
		const struct mysql_row *row = &mysql_rows[i];
		if (!graphs->feeds[i] && mysql_has_graph(row, figures)) {
			graphs->feeds[i] = mysql_declare(probe, row);
		}
		for (size_t n = 0; graphs->feeds[i] && n < row->row.field_count; n++) {
			const char *field = row->row.fields[n].name;
			probe_value(graphs->feeds[i], field, mysql_figure(figures, field));
		}
	}
}
