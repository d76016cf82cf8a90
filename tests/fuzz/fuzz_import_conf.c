/* munin.conf: any bytes give settings and complaints, and a magpie.conf that its own parser takes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "magpie/import_write.h"
#include "model/config.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
	AUTO(diag_list) diags = diag_list_create();
	AUTO(bundle) bundle = bundle_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, text, strlen(text));
	AUTO(config) config = config_parse(bundle, diags);
	if (!config || !g_utf8_validate(text, -1, NULL)) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1); /* so that the sanitizer sees its end */
	memcpy(exact, data, size);
	struct diag_source source = {.name = "fuzz", .text = exact, .length = size};
	AUTO(diag_list) diags = diag_list_create();
	AUTO(import_conf) conf = import_conf_create();
	import_conf_parse(conf, &source, diags, NULL, NULL);
	struct import_report report;
	import_report_init(&report);
	struct import_options options = {.origin = "fuzz", .directory = "/var/lib/munin"};
	char *text = import_write(conf, &options, &report);
	check(text);
	g_free(text);
	import_report_finish(&report);
	free(exact);
	return 0;
}
