#include "collector/host/sampler.h"
#include "collector/munin/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * dump_host ROOT: samples the host once and then answers lines of standard input as a munin-node
 * would, for tests to compare: "list", "config PLUGIN", "fetch PLUGIN", and "sample" for another
 * round. Every answer ends with a line ".".
 */
static void answer(struct sampler *sampler, char *line)
{
	g_autoptr(GString) out = g_string_new(NULL);
	const struct source *source = sampler_source(sampler);
	line[strcspn(line, "\r\n")] = '\0';
	const char *plugin = strchr(line, ' ');
	plugin = plugin ? plugin + 1 : "";
	if (g_str_has_prefix(line, "config ")) {
		print_config(out, source, plugin);
	} else if (g_str_has_prefix(line, "fetch ")) {
		print_fetch(out, source, plugin);
	} else if (!strcmp(line, "list")) {
		print_list(out, source);
	} else if (!strcmp(line, "sample")) {
		source_sweep(sampler_source(sampler));
		sampler_round(sampler, 0);
	}
	printf("%s.\n", out->str);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	AUTO(sampler)
	sampler = sampler_create(&(struct sampler_options){
		.group = "group", .host = "host", .step_s = 10, .root = argc > 1 ? argv[1] : NULL});
	if (!sampler) {
		return 1;
	}
	sampler_round(sampler, 0);
	char line[256];
	while (fgets(line, sizeof(line), stdin)) {
		answer(sampler, line);
	}
	return 0;
}
