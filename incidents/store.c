#include "incidents/store.h"

#include "base/banned.h"

/* The interface: each call goes to the implementation that made the store. */

bool store_load(
	struct store *store, const struct store_loader *loader, void *owner, struct error *err)
{
	return store->class->load(store, loader, owner, err);
}

bool store_commit(struct store *store, const struct store_batch *batch, struct error *err)
{
	return store->class->commit(store, batch, err);
}

void store_close(struct store *store)
{
	if (store) {
		store->class->close(store);
	}
}
