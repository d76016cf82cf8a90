#pragma once
#include "base/partner.h"
#include "base/spawn.h"
#include "model/config.h"
#include "notify/notice.h"

/*
 * Channels that are commands: the engine hands a message over (TELL), the configuration says which
 * program gets it, its exit code says what became of it (TOLD).
 */
struct teller;

/* Both must outlive it, but nothing may be under way when it goes. */
struct teller *teller_create(struct spawner *spawner, struct partner *engine);
void teller_destroy(struct teller *teller);

/* A TELL frame. */
void teller_take(struct teller *teller, const struct frame *frame, const struct config *config);

/* The engine is there again: results that it did not take. */
void teller_tell_untold(struct teller *teller);

/* Begins nothing any more. */
void teller_stop(struct teller *teller);

/* What a message is about beyond its notice. */
struct teller_place {
	char *group, *title, *category;
};

/*
 * The argument vector of a channel's command, NULL at the end: each "${NAME}" is replaced inside
 * its element; what comes out is one argument, whatever it holds. A text that would be taken for an
 * option ("-x" at the beginning, no "--" before) gets a blank in front.
 */
GPtrArray *teller_arguments(const struct config_channel *channel, const struct notice *notice,
	const struct teller_place *place);
