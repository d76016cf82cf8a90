#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/frame.h"

#include <stdint.h>

#include <glib.h>

/*
 * One message to be sent, as the engine ordered it (frame DELIVER): facts, not wording. All texts
 * are clean UTF-8 of bounded length, line ends only in `info`; none is NULL.
 */
enum notice_kind { NOTICE_PROBLEM = 1, NOTICE_RECOVERY, NOTICE_TEST };

struct notice {
	uint64_t delivery;
	struct wall first_tried;
	uint32_t attempt;
	char *channel;
	char *dedup_key; /* same for each attempt at one message */
	enum notice_kind kind;
	uint8_t level; /* 0 ok 1 notice 2 warning 3 critical 4 unknown */
	char *rule, *host, *service, *field;
	char *value, *threshold; /* in words, with unit */
	char *summary, *info, *runbook;
	struct wall since, until; /* until.ms 0: not over */
	char *link;               /* to the page about it */
};

enum { NOTICE_TEXT_MAX = 1000, NOTICE_INFO_MAX = 8000 };

/* The notice in a DELIVER frame; PROTOCOL: the frame is not as promised. */
MUST_USE struct notice *notice_read(const struct frame *frame, struct error *err);
void notice_destroy(struct notice *notice);
DEFINE_AUTO(notice)

/* "problem", "warning" …: the level's word; for people in capitals: OK, WARNING, CRITICAL, TEST. */
const char *notice_level_name(const struct notice *notice);
const char *notice_headline_level(const struct notice *notice);

/*
 * What it is about in one line without the level: "db1: /var 97.5 % full". From the summary, or
 * from rule and series where there is none. The host stands in front once. The caller frees it
 * (g_free).
 */
char *notice_title(const struct notice *notice);

/* 16 hexadecimal digits that stand for rule and series: the same for a problem and its recovery. */
enum { NOTICE_FINGERPRINT = 16 };
void notice_fingerprint(const struct notice *notice, char out[NOTICE_FINGERPRINT + 1]);

/* "45 s", "12 min", "3 h 5 min", "2 d 4 h". The caller frees it (g_free). */
char *notice_duration(int64_t seconds);
