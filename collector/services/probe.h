#pragma once
#include "base/stream.h"
#include "collector/graph.h"
#include "collector/target.h"

/*
 * Probes of services: "running and responsive". A probe is one exchange in the service's own
 * protocol with one deadline, and the stage it reached. Each kind of service is one file and one
 * row of services.def; it speaks over one stream at a time, opened to the configured address before
 * its open() is called. Beside the exchange it may fill graphs with the names stock Munin gives
 * them.
 *
 * Every probe yields the service "probe_NAME" with the fields up (1: the whole exchange went well),
 * stage (number of stages done: 0 none, 1 resolve, 2 connect, 3 greet, 4 authenticate, 5 query, 6
 * write), time (seconds the exchange took; unknown if it failed) and canary (1: what was written
 * was read back, 0: writing failed, unknown: not tried; between two tries the last one counts while
 * the service is up); the reason of a failure is the extinfo of up. Each other reason is another
 * declaration: so a reason names no figure that changes from round to round.
 */
enum probe_stage {
	PROBE_RESOLVE,
	PROBE_CONNECT,
	PROBE_GREET,
	PROBE_AUTHENTICATE,
	PROBE_QUERY,
	PROBE_WRITE,
	PROBE_STAGES
};
const char *probe_stage_name(enum probe_stage stage);

struct probe;

struct probe_kind {
	const char *name; /* "mysql": as in `kind mysql` and services.def */
	uint16_t port;
	size_t state_size; /* zeroed once at the probe's creation, kept between rounds */
	size_t input_max;  /* of the stream's buffer; 0: 64 KiB */
	bool tls_inside;   /* `tls yes` begins within the protocol, by probe_start_tls(), not with the
						  first   byte */
	/* All NULL-able but open and data. */
	void (*start)(struct probe *probe); /* at creation: declare graphs */
	void (*begin)(struct probe
			*probe); /* before the first stream of a round is opened: reset what is per round */
	void (*open)(struct probe
			*probe); /* the stream is connected (also after probe_connect, probe_start_tls) */
	void (*data)(struct probe *probe); /* bytes wait in probe->stream */
	/* The peer closed the stream in order. True: dealt with. False or NULL: a failure at the
	 * present stage. */
	bool (*closed)(struct probe *probe);
	/* The stream failed (refused, its deadline passed, TLS …). Alike. */
	bool (*failed)(struct probe *probe, const struct error *why);
	void (*stop)(struct probe *probe); /* frees what state holds */
	/* Whether a process of this host is such a service (discovery); both end with NULL. */
	const char *const *processes; /* globs of names as in /proc/PID/comm; NULL: is not looked for */
	const char *const *sockets; /* globs of Unix sockets that are asked rather than ports; with "!"
								   before it: of those that are not to be asked, first */
	const uint16_t *ports;      /* other usual ports, best first, up to 0; NULL: none */
	bool each_listener;         /* what each of its sockets gives is a service of its own (pools) */
};

struct probe {
	const struct probe_kind *kind;
	const struct config_service *settings;
	const char *name; /* of the service */
	struct target *target;
	struct stream *stream;  /* NULL between rounds */
	enum probe_stage stage; /* the one under way */
	void *state;
	char *password; /* of settings->password_file, read at the round's begin; NULL: none */
	uint64_t round; /* counts rounds; the canary is due when probe_writes() */
	char suffix[IDENT_SERVICE_MAX + 1]; /* "_8080" behind the names of its graphs; "": the host's
										   first service of this kind, which has the stock names */
};

/* The present stage is done and this one is under way; earlier stages count as done. */
void probe_reach(struct probe *probe, enum probe_stage stage);

/* Whether the write canary is to be tried in this round (every 5 minutes and in the first round;
 * each round after one failed). */
bool probe_writes(const struct probe *probe);
void probe_canary(struct probe *probe, bool written);
/* It turned out that it cannot be tried (no right to write): neither good nor bad. */
void probe_canary_forget(struct probe *probe);

/* The exchange is over and all went well. The stream is closed; the probe must not be touched
 * after. */
void probe_succeed(struct probe *probe);
/* As probe_succeed, but people should know something ("alive, but asks for a login that is not
 * configured"). */
void probe_succeed_but(struct probe *probe, const char *format, ...) PRINTF_LIKE(2, 3);

/* The exchange failed at the present stage; the text says why ("too many connections"). Need not be
 * clean. The stream is closed; the probe must not be touched after. */
void probe_fail(struct probe *probe, const char *format, ...) PRINTF_LIKE(2, 3);

/* It is our own fault (a setting makes no sense): the round is over, the service stays unknown, the
 * source shows why. The probe must not be touched after. */
void probe_misconfigured(struct probe *probe, const char *format, ...) PRINTF_LIKE(2, 3);

/* What was asked for metrics did not work, though the service is well: shown as complaint. */
void probe_complain(struct probe *probe, const char *what, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* It works again. Costs nothing while nothing was complained of. */
void probe_content(struct probe *probe, const char *what);

/* What answered ("nginx/1.22.1"); shown with the source. Need not be clean. */
void probe_version(struct probe *probe, const char *format, ...) PRINTF_LIKE(2, 3);

/* Where it is asked: name or literal ("localhost" with a Unix socket), and port (0 with one). */
const char *probe_host(const struct probe *probe);
uint16_t probe_port(const struct probe *probe);

/* Closes the stream and opens another one in the same round: to the same address (`target` NULL) or
 * elsewhere; open() follows. The last thing a callback does: if it cannot be begun, the probe is
 * over, as with probe_start_tls(). */
void probe_connect(struct probe *probe, const struct stream_target *target);
void probe_start_tls(struct probe *probe);
/* Whether nobody else can listen: a Unix socket, or TLS. */
bool probe_is_private(const struct probe *probe);

/* A graph of the service, made of a table row: the feed, filled by the kind and handed over when
 * the probe ends. NULL: the settings say no metrics, or another source of the host has that graph.
 * May be declared when it is first found that the service gives such figures. */
struct feed *probe_graph(struct probe *probe, const struct graph_row *row);
/* The same in two steps, for graphs with fields that only the service knows: a declaration to add
 * fields to (or for another name than the row's; NULL: the row's), and, taking it, its feed, which
 * may be declared again with other fields: then its values of this round have to be set anew. */
struct service *probe_graph_begin(
	struct probe *probe, const struct graph_row *row, const char *name);
struct feed *probe_graph_declare(struct probe *probe, struct service *service);
/* Sets a field's value of this round by name; nothing happens if the graph has no such field or
 * `feed` is NULL. */
void probe_value(struct feed *feed, const char *field, double value);

extern const struct probe_kind *const probe_kinds[]; /* the rows of services.def */
extern const size_t probe_kind_count;
const struct probe_kind *probe_kind_find(const char *name); /* NULL: none */
