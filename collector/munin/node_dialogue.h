#pragma once
#include "base/stream.h"
#include "collector/munin/node_plugins.h"

/*
 * One master's dialogue with a node, over a stream that is open: commands come as lines, answers go
 * in their order, whatever plugins take. Commands that are sent ahead are begun at once, up to
 * NODE_DIALOGUE_AHEAD of them.
 */
enum {
	NODE_DIALOGUE_AHEAD = 16,
	NODE_DIALOGUE_LINE = 1024, /* bytes of a command; a longer one ends the dialogue */
	NODE_DIALOGUE_UNSENT =
		1 << 20, /* with more than that not taken by the master nothing is begun */
	NODE_DIALOGUE_OVER_MS = 10000, /* how long the last answers may take to be taken */
};

/* What a node's dialogues share; borrowed, outlives them. */
struct node_matter {
	struct loop *loop;
	const struct node_conf *conf;
	const char *host;             /* what the node calls itself */
	struct node_builtin *builtin; /* NULL: none */
	struct node_plugins *plugins;
	struct node_runs *runs;
	struct tls_credentials *credentials; /* NULL: no STARTTLS */
};

struct node_dialogue;

struct node_dialogue_options {
	const struct node_matter *matter;
	const char *master;  /* address of who asks, for plugins' state files and the log */
	int64_t deadline_ms; /* of the whole */
	bool secured;        /* the stream speaks TLS already */
	/* It is over, the owner destroys it (which may happen inside the call). `why` as of a stream.
	 */
	void (*over)(void *owner, const struct error *why);
	void *owner;
};

/* Takes a connected descriptor and says the banner. NULL: the descriptor is closed. */
MUST_USE struct node_dialogue *node_dialogue_create(
	const struct node_dialogue_options *options, int fd, struct error *err);
/* The same over a stream that is open (taken). */
struct node_dialogue *node_dialogue_take(
	const struct node_dialogue_options *options, struct stream *stream);
void node_dialogue_destroy(struct node_dialogue *dialogue); /* NULL allowed */

/* The plugins are known now: answers what waited for that. */
void node_dialogue_wake(struct node_dialogue *dialogue);

/* Whether nothing is under way, and since when. */
bool node_dialogue_idle(const struct node_dialogue *dialogue, struct mono *since);

const char *node_dialogue_master(const struct node_dialogue *dialogue);
