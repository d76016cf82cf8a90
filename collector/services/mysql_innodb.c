#include "collector/services/mysql_innodb.h"
#include "base/attr.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

/*
 * The text is made for people: sections between lines of dashes, in them sentences with numbers.
 * One row of a table is one sentence: '#' stands for a number (and what stands in brackets behind
 * it, the same figure by thread), a blank for any run of blanks. Sections matter, since that of
 * transactions quotes the statements of users, who could write such sentences themselves.
 *
 * Older releases wrote numbers beyond 32 bits as two ("0 1234") or in hexadecimal digits.
 */
struct innodb_line {
	const char *section, *pattern;
	const char *names[5]; /* of the numbers in order; NULL: not kept */
};

static const struct innodb_line innodb_lines[] = {
	{"SEMAPHORES", "Mutex spin waits #, rounds #, OS waits #",
		{"ib_spin_waits", "ib_spin_rounds", "ib_os_waits"}},
	{"TRANSACTIONS", "Trx id counter #", {"ib_tnx"}},
	{"FILE I/O", "Pending normal aio reads: #, aio writes: #,",
		{"ib_iop_aioread", "ib_iop_aiowrite"}},
	{"FILE I/O", "ibuf aio reads: #, log i/o's: #, sync i/o's: #",
		{"ib_iop_ibuf_aio", "ib_iop_log", "ib_iop_sync"}},
	{"FILE I/O", "ibuf aio reads:, log i/o's:, sync i/o's:", {NULL}}, /* MySQL 8: no figures */
	{"FILE I/O", "Pending flushes (fsync) log: #; buffer pool: #",
		{"ib_iop_flush_log", "ib_iop_flush_bpool"}},
	{"FILE I/O", "Pending flushes (fsync): #", {"ib_iop_flush_bpool"}}, /* MariaDB since 10.8 */
	{"FILE I/O", "# OS file reads, # OS file writes, # OS fsyncs",
		{"ib_io_read", "ib_io_write", "ib_io_fsync"}},
	{"INSERT BUFFER AND ADAPTIVE HASH INDEX", "# inserts, # merged recs, # merges",
		{"ib_ibuf_inserts", "ib_ibuf_merged_rec", "ib_ibuf_merges"}},
	{"INSERT BUFFER AND ADAPTIVE HASH INDEX", "Ibuf: size #, free list len #, seg size #, # merges",
		{NULL, NULL, NULL, "ib_ibuf_merges"}},
	{"LOG", "Log sequence number #", {"ib_log_written"}},
	{"LOG", "Log flushed up to #", {"ib_log_flush"}},
	{"LOG", "# log i/o's done", {"ib_io_log"}},
	{"BUFFER POOL AND MEMORY", "Buffer pool size #", {"ib_bpool_size"}},
	{"BUFFER POOL AND MEMORY", "Free buffers #", {"ib_bpool_free"}},
	{"BUFFER POOL AND MEMORY", "Database pages #", {"ib_bpool_dbpages"}},
	{"BUFFER POOL AND MEMORY", "Modified db pages #", {"ib_bpool_modpages"}},
	{"BUFFER POOL AND MEMORY", "Pages read #, created #, written #",
		{"ib_bpool_read", "ib_bpool_created", "ib_bpool_written"}},
};

struct innodb_text {
	const char *at, *end;
};

static void innodb_blanks(struct innodb_text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\r')) {
		t->at++;
	}
}

/* A run of digits in base 10, or 16 if letters are among them. */
static bool innodb_digits(struct innodb_text *t, bool letters, uint64_t *value)
{
	const char *from = t->at;
	bool hexadecimal = false;
	while (t->at < t->end && (g_ascii_isdigit(*t->at) || (letters && g_ascii_isxdigit(*t->at)))) {
		hexadecimal |= !g_ascii_isdigit(*t->at);
		t->at++;
	}
	size_t length = (size_t)(t->at - from);
	char text[24];
	if (!length || length > 20) {
		return false;
	}
	memcpy(text, from, length);
	text[length] = '\0';
	*value = g_ascii_strtoull(text, NULL, hexadecimal ? 16 : 10);
	return true;
}

static bool innodb_number(struct innodb_text *t, bool last, uint64_t *value)
{
	uint64_t low = 0;
	if (!innodb_digits(t, last, value)) {
		return false;
	}
	struct innodb_text ahead = *t;
	innodb_blanks(&ahead);
	if (ahead.at < ahead.end && *ahead.at == '[') {
		const char *close = memchr(ahead.at, ']', (size_t)(ahead.end - ahead.at));
		t->at = close ? close + 1 : ahead.end;
		innodb_blanks(t); /* "0 [0, 0] , aio writes" */
	} else if (last && ahead.at > t->at && innodb_digits(&ahead, false, &low) &&
			   ahead.at == ahead.end) {
		*value = *value << 32 | (low & UINT32_MAX);
		t->at = ahead.at;
	}
	return true;
}

/* Whether the line is that sentence; its numbers, at most five. */
static bool innodb_match(struct innodb_text line, const char *pattern, uint64_t values[5])
{
	size_t count = 0;
	innodb_blanks(&line);
	for (; *pattern; pattern++) {
		if (*pattern == ' ') {
			innodb_blanks(&line);
		} else if (*pattern == '#') {
			if (!innodb_number(&line, !pattern[1], &values[count++])) {
				return false;
			}
		} else if (line.at == line.end || *line.at++ != *pattern) {
			return false;
		}
	}
	return true;
}

static void innodb_keep(struct stats *stats, const char *name, uint64_t value)
{
	char text[24];
	int length = g_snprintf(text, sizeof(text), "%" PRIu64, value);
	stats_set(stats, name, strlen(name), text, (size_t)length);
}

static bool innodb_is(struct innodb_text line, const char *text)
{
	while (line.end > line.at && (line.end[-1] == '\r' || line.end[-1] == ' ')) {
		line.end--;
	}
	size_t length = strlen(text);
	return (size_t)(line.end - line.at) == length && !memcmp(line.at, text, length);
}

static bool innodb_dashes(struct innodb_text line)
{
	size_t dashes = 0;
	while (line.at + dashes < line.end && line.at[dashes] == '-') {
		dashes++;
	}
	line.at += dashes;
	return dashes >= 3 && innodb_is(line, "");
}

/* Merged records are told by kind since MySQL 5.5: "merged operations:", then their numbers. */
struct innodb_merges {
	bool merged, discarded; /* the line before announced them */
	uint64_t inserts;
};

static void innodb_merged(struct innodb_merges *m, struct stats *stats, struct innodb_text line)
{
	uint64_t values[5] = {0};
	if ((m->merged || m->discarded) &&
		innodb_match(line, "insert #, delete mark #, delete #", values)) {
		if (m->merged) {
			m->inserts = values[0];
			innodb_keep(stats, "ib_ibuf_inserts", values[0]);
		} else {
			innodb_keep(stats, "ib_ibuf_merged_rec", m->inserts + values[0]);
		}
	}
	m->merged = innodb_is(line, "merged operations:");
	m->discarded = innodb_is(line, "discarded operations:");
}

static const char *innodb_section(struct innodb_text line)
{
	static const char *const others[] = {"BACKGROUND THREAD", "INDIVIDUAL BUFFER POOL INFO",
		"LATEST DETECTED DEADLOCK", "LATEST FOREIGN KEY ERROR", "ROW OPERATIONS"};
	for (size_t i = 0; i < ARRAY_LENGTH(innodb_lines); i++) {
		if (innodb_is(line, innodb_lines[i].section)) {
			return innodb_lines[i].section;
		}
	}
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		if (innodb_is(line, others[i])) {
			return others[i];
		}
	}
	return NULL;
}

static void innodb_line(struct stats *stats, const char *section, struct innodb_text line)
{
	for (size_t i = 0; i < ARRAY_LENGTH(innodb_lines); i++) {
		const struct innodb_line *row = &innodb_lines[i];
		uint64_t values[5] = {0};
		if (strcmp(row->section, section) != 0 || !innodb_match(line, row->pattern, values)) {
			continue;
		}
		for (size_t n = 0; n < ARRAY_LENGTH(row->names); n++) {
			if (row->names[n]) {
				innodb_keep(stats, row->names[n], values[n]);
			}
		}
		return;
	}
}

void mysql_innodb_parse(struct stats *stats, const char *text, size_t length)
{
	const char *section = "";
	const char *end = text + length;
	bool ruled = false; /* the line before was of dashes */
	struct innodb_merges merges = {0};
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		struct innodb_text line = {text, stop ? stop : end};
		const char *heading = ruled ? innodb_section(line) : NULL;
		section = heading ? heading : section;
		ruled = innodb_dashes(line);
		innodb_line(stats, section, line);
		if (!strcmp(section, "INSERT BUFFER AND ADAPTIVE HASH INDEX")) {
			innodb_merged(&merges, stats, line);
		}
		text = stop ? stop + 1 : end;
	}
}
