/* Munin's datafile: any bytes give valid names, labels and attributes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/munin_datafile.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct service *s)
{
	if (!ident_is_group(s->group) || !ident_is_host(s->host_name) || !ident_is_service(s->name) ||
		!s->step_s || !service_field_count(s)) {
		abort();
	}
	for (size_t i = 0; i < service_field_count(s); i++) {
		const struct field *f = service_field(s, i);
		if (!ident_is_field(f->name) || !g_utf8_validate(f->label, -1, NULL) || f->index != i ||
			f->type >= FIELD_TYPES) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1); /* so that the sanitizer sees its end */
	memcpy(exact, data, size);
	struct diag_source source = {.name = "fuzz", .text = exact, .length = size};
	AUTO(diag_list) diags = diag_list_create();
	AUTO(munin_datafile) datafile = munin_datafile_parse(&source, diags);
	for (guint i = 0; i < datafile->services->len; i++) {
		check(datafile->services->pdata[i]);
	}
	free(exact);
	return 0;
}
