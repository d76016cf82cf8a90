#pragma once
#include "collector/services/http_probe.h"

/*
 * The exchange of web servers: a page of theirs, then their status page if there is one. Where that
 * is, the setting `status` says; without it the usual places are tried one per round, again every
 * WEB_SEARCH_EVERY rounds.
 */
enum { WEB_SEARCH_EVERY = 60 };

struct web_status {
	const char *name;          /* "stub_status": what is complained of */
	const char *const *places; /* usual ones, NULL-terminated */
	size_t body_max;           /* of the status page */
	/* Takes the figures out of it; false: this is no such page. */
	bool (*figures)(struct probe *probe, const char *text, size_t length);
};

/* First in the state of such a kind. */
struct web_page {
	const struct web_status *what; /* set by the kind's start() */
	struct http_text http;
	struct http_place place; /* of the page under way */
	size_t tried;            /* of the usual places */
	bool found, asking;      /* the place tried last is it; the status page is under way */
};

/* What such a kind puts into its row. */
void web_begin(struct probe *probe);
void web_open(struct probe *probe);
void web_data(struct probe *probe);
bool web_closed(struct probe *probe);
void web_stop(struct probe *probe);
