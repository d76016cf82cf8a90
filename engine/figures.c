/* What /metrics shows of the engine and of what the rrd roles tell it each second. */
#include "engine/figures.h"
#include "engine/engine.h"

#include <stdio.h>

#include "base/banned.h"

/* NAME.I: what /metrics gives the label `writer`. */
static void send_writer_statistics(
	struct engine *engine, unsigned instance, const struct feed_counts *fed)
{
	const struct publish_statistic all[] = {
		{"rrd_writer_up", fed->peers},
		{"rrd_writer_applied_sequence", (double)fed->applied},
		{"rrd_writer_values_total", (double)fed->values},
		{"rrd_writer_touched_total", (double)fed->touched},
		{"rrd_writer_failures_total", (double)fed->failures},
	};
	char names[ARRAY_LENGTH(all)][64];
	struct publish_statistic named[ARRAY_LENGTH(all)];
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		snprintf(names[i], sizeof(names[i]), "%s.%u", all[i].name, instance);
		named[i] = (struct publish_statistic){names[i], all[i].value};
	}
	publish_statistics(engine->publish, named, ARRAY_LENGTH(named));
}

void figures_send(struct engine *engine)
{
	struct intake_counts in = intake_counts(engine->intake);
	struct feed_counts fed = feed_counts(engine->feed);
	struct dispatch_counts out = dispatch_counts(engine->dispatch);
	const struct publish_statistic all[] = {
		{"samples_total", (double)in.samples},
		{"samples_refused_total", (double)in.refused},
		{"samples_unknown_total", (double)in.unknown},
		{"samples_late_total", (double)in.late},
		{"declarations_total", (double)in.declared},
		{"journal_written_sequence", (double)journal_written(engine->journal)},
		{"journal_durable_sequence", (double)journal_durable(engine->journal)},
		{"journal_bytes", (double)journal_bytes(engine->journal)},
		{"journal_broken", journal_broken(engine->journal)},
		{"store_broken", keeper_broken(engine->keeper)},
		{"window_bytes", (double)window_bytes(engine->window)},
		{"live_dropped_total", (double)publish_dropped(engine->publish)},
		{"rrd_applied_sequence", (double)fed.applied},
		{"rrd_values_total", (double)fed.values},
		{"rrd_touched_total", (double)fed.touched},
		{"rrd_failures_total", (double)fed.failures},
		{"messages_waiting", (double)out.waiting},
		{"messages_sent_total", (double)out.sent},
		{"messages_dead_total", (double)out.dead},
		{"message_attempts_total", (double)out.attempts},
	};
	publish_statistics(engine->publish, all, ARRAY_LENGTH(all));
	struct feed_counts one;
	for (unsigned i = 0; feed_instance_counts(engine->feed, i, &one); i++) {
		send_writer_statistics(engine, i, &one);
	}
}
