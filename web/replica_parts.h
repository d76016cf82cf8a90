#pragma once
#include "model/declare.h"
#include "web/replica.h"

/*
 * What the replica is made of, for its two files: replica.c answers questions, replica_take.c takes
 * the engine's frames.
 */
struct picture {
	struct catalog *catalog;
	GHashTable *hosts;      /* name -> struct replica_host, owned */
	GPtrArray *host_list;   /* the same, sorted */
	GHashTable *alerts;     /* id -> struct replica_alert, owned */
	GHashTable *by_host;    /* host name -> GPtrArray of struct replica_alert, in no order */
	GPtrArray *alert_list;  /* the same, sorted when asked for */
	GHashTable *limits;     /* series id -> GPtrArray of struct replica_limit */
	GHashTable *statistics; /* name -> double */
	GHashTable *sources;    /* id -> struct source_state, owned */
	GPtrArray *source_list; /* the same, sorted when asked for */
	GArray *last;           /* struct sample by series id; at.ms 0: none */
	GArray *seen;           /* struct replica_span by series id */
	struct mark_table *marks;
	struct replica_status status;
	bool alerts_unsorted, hosts_unsorted, sources_unsorted;
};

struct replica {
	struct picture *shown, *coming;
	struct declare_reader reader;
	GPtrArray *events;
	replica_changed_fn changed;
	void *owner;
	bool complete, stale;
	int64_t stale_since_ms;
};

struct picture *picture_create(void);
void picture_destroy(struct picture *picture);
bool picture_last(const struct picture *picture, uint32_t series_id, struct sample *last);

void replica_event_free(gpointer event);
void replica_alert_free(gpointer alert);
void replica_limit_free(gpointer limit);
