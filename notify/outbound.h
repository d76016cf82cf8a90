#pragma once
#include "base/frame.h"
#include "base/loop.h"
#include "model/config.h"
#include "notify/delivery.h"

/*
 * All messages on their way out: which wait, which are being sent, what came of those that are
 * done. A delivery (the engine's number and dedup key) is under way at most once, however often it
 * is ordered; one that was sent lately is not sent again but answered from memory, because an
 * engine that died before it read the answer orders it anew.
 * Each channel has a lane of its own, so that a receiver that does not answer holds up no other.
 */
struct outbound;

enum { OUTBOUND_LANE_MAX = 4, OUTBOUND_WAITING_MAX = 4096, OUTBOUND_REMEMBERED = 1024 };

/* What came of one order. False: it could not be passed on, tell it again by outbound_report(). */
typedef bool (*outbound_report_fn)(
	void *owner, uint64_t delivery, const struct delivery_result *result);

struct outbound *outbound_create(struct loop *loop, outbound_report_fn report, void *owner);
void outbound_destroy(struct outbound *outbound);

/* `config` is borrowed until the next call; deliveries under way go on as they began. */
void outbound_configure(struct outbound *outbound, const struct config *config);

/* Takes the order over. */
void outbound_order(struct outbound *outbound, struct notice *notice);

/* Passes on what could not be passed on before. */
void outbound_report(struct outbound *outbound);

/* Nothing new is begun from now on; outbound_idle() tells when the last one is done. */
void outbound_drain(struct outbound *outbound);
bool outbound_idle(const struct outbound *outbound);
