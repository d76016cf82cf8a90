#pragma once
#include "base/error.h"
#include "incidents/store_batch.h"

#include <stdbool.h>

/*
 * Who may change something. For now there is one account, the administrator of this machine: its
 * token stands in DATA/admin.token, which only root can read; the engine keeps its hash.
 */
struct account;

struct account *account_create(const char *data_dir);
void account_destroy(struct account *account);

/* At the start: the hash that the store had, as 64 hexadecimal digits. */
void account_restore(struct account *account, const char *hash);

/*
 * Reads the file; makes token and file if there is none. The hash goes into the batch. STORAGE: the
 * file can be neither read nor written: the stored hash stays good.
 */
MUST_USE bool account_prepare(
	struct account *account, struct store_batch *batch, struct error *err);

/* "admin", or NULL: that token is nobody's. Takes the same time for every wrong token. */
const char *account_role(const struct account *account, const char *token);
