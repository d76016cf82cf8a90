#include "collector/host/users.h"
#include "collector/host/plugin.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <utmp.h>

#include "base/banned.h"

/*
 * /run/utmp (utmp(5)): users. Records are of fixed size; a login counts while its process lives, as
 * with who(1). A machine without the file has nobody logged in.
 */

static const struct field_row users_fields[] = {
	{"tty", "tty", FIELD_GAUGE, .draw = "AREASTACK", .colour = "00FF00",
		.info = "On a console or serial line"},
	{"pty", "pty", FIELD_GAUGE, .draw = "AREASTACK", .colour = "0000FF",
		.info = "On a terminal of the old kind"},
	{"pts", "pts", FIELD_GAUGE, .draw = "AREASTACK", .colour = "00FFFF",
		.info = "By ssh or in a terminal window"},
	{"X", "X displays", FIELD_GAUGE, .draw = "AREASTACK", .colour = "000000",
		.info = "At a graphical screen"},
	{"other", "Other users", FIELD_GAUGE, .colour = "FF0000", .info = "In some other way"},
};

static const struct graph_row users_graph = {
	.name = "users",
	.title = "Logged in users",
	.args = "--base 1000 -l 0",
	.vlabel = "Users",
	.category = "system",
	.info = "How many people are logged in, by where they sit.",
	.printf_format = "%3.0lf",
	.no_scale = true,
	.fields = users_fields,
	.field_count = ARRAY_LENGTH(users_fields),
};

static unsigned *users_kind(struct users_reading *r, const char *line)
{
	const char *colon = strchr(line, ':');
	if (strstr(line, "tty")) {
		return &r->tty;
	}
	if (strstr(line, "pty")) {
		return &r->pty;
	}
	if (strstr(line, "pts")) {
		return &r->pts;
	}
	if ((colon && colon[1] >= '0' && colon[1] <= '9') || strchr(line, 'X')) {
		return &r->x;
	}
	return &r->other;
}

void users_parse(
	const char *text, size_t length, int (*alive)(int pid), struct users_reading *reading)
{
	*reading = (struct users_reading){0};
	for (; length >= sizeof(struct utmp);
		 text += sizeof(struct utmp), length -= sizeof(struct utmp)) {
		struct utmp record; /* the text need not be aligned */
		memcpy(&record, text, sizeof(record));
		if (record.ut_type != USER_PROCESS || !record.ut_user[0] ||
			(alive && record.ut_pid > 0 && !alive(record.ut_pid))) {
			continue;
		}
		char line[sizeof(record.ut_line) + 1] = "";
		memcpy(line, record.ut_line, sizeof(record.ut_line));
		(*users_kind(reading, line))++;
	}
}

static int users_alive(int pid)
{
	return !kill(pid, 0) || errno != ESRCH;
}

static bool users_start(struct plugin *plugin)
{
	struct plugin_single *s = plugin->state;
	s->file = kept_file("run/utmp");
	s->feed = plugin_feed(plugin, &users_graph);
	return true;
}

static void users_sample(struct plugin *plugin)
{
	struct plugin_single *s = plugin->state;
	struct scan text;
	struct users_reading r;
	if (!plugin_single_read(plugin, &text)) {
		text = scan_text("", 0);
	}
	users_parse(text.at, scan_length(&text), users_alive, &r);
	const unsigned counts[] = {r.tty, r.pty, r.pts, r.x, r.other};
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
		s->feed->values[i] = counts[i];
	}
}

const struct plugin_kind plugin_users = {
	.name = "users",
	.state_size = sizeof(struct plugin_single),
	.start = users_start,
	.sample = users_sample,
	.stop = plugin_single_stop,
};
