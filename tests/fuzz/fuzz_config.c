/* Any bytes as magpie.conf: complaints or a snapshot whose addresses are safe to use, never both.
 */
#include "base/address.h"
#include "base/diag.h"
#include "model/config.h"
#include "model/ident.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, (const char *)data, size);
	AUTO(config) config = config_parse(bundle, diags);
	assert(!config == (diag_errors(diags) > 0));
	GString *report = g_string_new(NULL);
	diag_print(diags, DIAG_HUMAN, report);
	g_string_free(report, TRUE);
	if (!config) {
		return 0;
	}
	assert(ident_is_host(config->host_name) && ident_is_group(config->host_group));
	assert(config->interval_s >= 1 && config->interval_s <= 300);
	for (size_t i = 0; i < config->channels->len; i++) {
		const struct config_channel *channel = g_ptr_array_index(config->channels, i);
		assert(channel->least >= 1 && channel->least <= 3);
		assert(channel->kind != CONFIG_CHANNEL_EMAIL || address_check_mail(channel->address, NULL));
	}
	return 0;
}
