/* munin-node.conf: any bytes give settings or complaints; what is printed of them is clean. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/munin/node_conf.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1);
	memcpy(exact, data, size);
	struct diag_source source = {.name = "fuzz", .text = exact, .length = size};
	AUTO(diag_list) diags = diag_list_create();
	struct node_conf conf;
	node_conf_init(&conf);
	node_conf_parse(&conf, &source, diags);
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};
	(void)node_access_admits(conf.access, (const struct sockaddr *)&peer);
	(void)node_conf_wants(&conf, "if_eth0");
	if (!conf.timeout_s || conf.port > 65535) {
		abort();
	}
	GString *out = g_string_new(NULL);
	diag_print(diags, DIAG_HUMAN, out);
	if (!g_utf8_validate(out->str, (gssize)out->len, NULL)) {
		abort();
	}
	g_string_free(out, TRUE);
	node_conf_finish(&conf);
	free(exact);
	return 0;
}
