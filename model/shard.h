#pragma once

/*
 * The RRD tree is shared by several rrd roles ("writers"): all files of a host are one role's, so
 * that a graph of a host needs one role only. Every role computes the owner by itself.
 */

/* Owner of the files of `host` among `instances` (> 0) roles: the same at every start. */
unsigned shard_of_host(const char *host, unsigned instances);

/*
 * How many writers a machine with that many cores should have for so many watched hosts, if its
 * administrator says nothing: one, until it has about SHARD_HOSTS to write for, never more than
 * cores or SHARDS_BY_ITSELF. A writer alone keeps up with far more than that; a second one costs
 * memory for the names of all series.
 */
unsigned shard_suitable(unsigned hosts, unsigned cores);

enum { SHARD_HOSTS = 500, SHARDS_BY_ITSELF = 4 };
