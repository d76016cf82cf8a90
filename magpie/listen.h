#pragma once
#include "base/error.h"

enum { LISTEN_TEXT = 80 }; /* bytes of "ADDR:PORT" at most */

/*
 * Binds and listens on "ADDR:PORT" ("127.0.0.1:8080", "[::1]:0"; names are not resolved). Plain
 * HTTP beyond this machine is refused unless `insecure`. Writes the address really bound (port 0 is
 * replaced) to `bound`. The caller owns the descriptor; -1: CONFIG or UNREACHABLE.
 */
MUST_USE int listen_open(
	const char *address, bool insecure, char bound[LISTEN_TEXT], struct error *err);

/* Writes the bound address to DATA/listen, where the command line finds it; and back. */
MUST_USE bool listen_remember(const char *data_dir, const char *bound, struct error *err);
MUST_USE bool listen_recall(const char *data_dir, char bound[LISTEN_TEXT], struct error *err);
