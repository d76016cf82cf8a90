#include "collector/declaration.h"

#include <assert.h>

#include "base/banned.h"

/* See the header; nothing here but the count. */

struct declaration *declaration_create(struct service *service)
{
	struct declaration *d = g_new0(struct declaration, 1);
	d->refs = 1;
	d->service = service;
	return d;
}

struct declaration *declaration_ref(struct declaration *declaration)
{
	declaration->refs++;
	return declaration;
}

void declaration_unref(struct declaration *declaration)
{
	if (!declaration) {
		return;
	}
	assert(declaration->refs);
	if (!--declaration->refs) {
		service_destroy(declaration->service);
		g_free(declaration);
	}
}
