#pragma once
#include "base/clock.h"
#include "incidents/store_batch.h"
#include "model/catalog.h"
#include "model/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The catalog's original: takes declarations in, numbers services and series, and says in the store
 * and in the journal what it did. A number is never given out twice.
 */
struct inventory;

struct inventory_handlers {
	/* Something people should know. */
	void (*event)(void *owner, const char *kind, const char *object, const char *text);
	/* A service is new or differs from before; it is in the catalog. */
	void (*changed)(void *owner, const struct service *service);
	/* Only what fields say of their present value is another: to be shown, not to be stored. */
	void (*words)(void *owner, const struct service *service);
	/* Whether a host that is not known may not become known now. May be NULL. */
	bool (*refused)(void *owner, const char *host, struct wall now);
	/* Where changes go that are to be stored now. */
	struct store_batch *(*batch)(void *owner);
};

enum {
	INVENTORY_FIELDS_MAX = 1000,      /* of a service, those that are gone included */
	INVENTORY_NEW_PER_HOUR = 5000,    /* series of one host */
	INVENTORY_CHANGES_PER_HOUR = 2000 /* declarations of one host that differ from those before */
};

/* `catalog` must outlive it. */
struct inventory *inventory_create(
	struct catalog *catalog, const struct inventory_handlers *handlers, void *owner);
void inventory_destroy(struct inventory *inventory);

/* From now on new and changed series are written there; it must outlive the inventory. */
void inventory_set_journal(struct inventory *inventory, struct journal *journal);

/* Layout named in journal records from now on ("default"); copied. */
void inventory_set_layout(struct inventory *inventory, const char *layout);

/*
 * Takes a declaration (without numbers) over. The catalog's entry, in which every field that was
 * let in has a number; NULL: nothing of it was let in. What is beyond a limit stays out, with an
 * event. `*numbered`: numbers were given that have to be stored before samples may use them.
 */
const struct service *inventory_declare(
	struct inventory *inventory, struct service *service, struct wall now, bool *numbered);

/* The same for one that an adopted archive brings along: it may be one of any number at once. */
const struct service *inventory_adopt(
	struct inventory *inventory, struct service *service, struct wall now, bool *numbered);

/* Enters a graph whose fields are all made: nothing is numbered, journalled or stored. Takes it. */
const struct service *inventory_declare_made(struct inventory *inventory, struct service *service);

/* At the start: enters what inventory_pack() gave. False: damaged, nothing happened. */
MUST_USE bool inventory_restore(struct inventory *inventory, const void *bytes, size_t length);

/* Numbers up to this one are taken (met in the journal). */
void inventory_reserve(struct inventory *inventory, uint32_t series_id);

/* A declaration with its numbers as bytes for the store. */
void inventory_pack(const struct service *service, GByteArray *out);
MUST_USE struct service *inventory_unpack(const void *bytes, size_t length);
