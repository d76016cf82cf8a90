/* plugin-conf.d: any bytes give settings or complaints; what is printed of them is clean. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/munin/plugin_conf.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1); /* so that the sanitizer sees its end */
	memcpy(exact, data, size);
	struct diag_source source = {.name = "fuzz", .text = exact, .length = size};
	AUTO(diag_list) diags = diag_list_create();
	AUTO(plugin_conf) conf = plugin_conf_create();
	plugin_conf_parse(conf, &source, diags);
	static const char *const plugins[] = {"if_eth0", "a", "exim"};
	for (size_t i = 0; i < 3; i++) {
		struct plugin_settings settings;
		plugin_conf_settings(conf, plugins[i], &settings);
		for (guint k = 0; k < settings.environment->len; k++) {
			if (!strchr(settings.environment->pdata[k], '=')) {
				abort();
			}
		}
		plugin_settings_finish(&settings);
	}
	GString *out = g_string_new(NULL);
	diag_print(diags, DIAG_GCC, out);
	if (!g_utf8_validate(out->str, (gssize)out->len, NULL)) {
		abort();
	}
	g_string_free(out, TRUE);
	free(exact);
	return 0;
}
