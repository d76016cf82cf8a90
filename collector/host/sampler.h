#pragma once
#include "base/auto.h"
#include "collector/source.h"

/*
 * The built-in plugins of this host: one object that samples everything due and holds the result as
 * a source. No process is started, no name is looked up, no file is written; descriptors of /proc
 * and /sys stay open between rounds.
 */
struct sampler;

struct sampler_options {
	const char *group, *host; /* valid names */
	uint32_t step_s;
	const char
		*root; /* directory that holds proc, sys and run; NULL: "/" (tests bring their own) */
	const char *only; /* the plugins whose reader has this name (plugins.def); NULL: all */
};

struct sampler *sampler_create(const struct sampler_options *options);
void sampler_destroy(struct sampler *sampler); /* NULL allowed */
DEFINE_AUTO(sampler)

/*
 * One round at `slot` (number of the step since 1970): what is costly is sampled once a minute
 * only, in the slots that its number of steps divides evenly, and in the first round of all. Feeds
 * that ended stay until source_sweep().
 */
void sampler_round(struct sampler *sampler, int64_t slot);

struct source *sampler_source(struct sampler *sampler);

/* Number of processors that are online. */
uint32_t sampler_cpus(void);
