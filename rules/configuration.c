#include "rules/configuration.h"

#include "base/banned.h"

/*
 * The rules are checked even if magpie.conf has errors, so that one run names everything; they are
 * then checked against the names that could be read.
 */

static struct ruleset *load_rules(
	const struct bundle *bundle, const struct config *config, struct diag_list *diags)
{
	GPtrArray *contacts = g_ptr_array_new();
	for (size_t i = 0; config && i < config->channels->len; i++) {
		const struct config_channel *channel = config->channels->pdata[i];
		g_ptr_array_add(contacts, channel->name);
	}
	struct ruleset_names names = {
		.contacts = (const char *const *)contacts->pdata, .contact_count = contacts->len};
	/* of a magpie.conf with errors the names are not known: then no rule is blamed for one */
	struct ruleset *ruleset =
		ruleset_load(bundle, !config || config->default_rules, config ? &names : NULL, diags);
	g_ptr_array_unref(contacts);
	return ruleset;
}

bool configuration_load(
	const struct bundle *bundle, struct configuration *c, struct diag_list *diags)
{
	c->config = config_parse(bundle, diags);
	c->ruleset = load_rules(bundle, c->config, diags);
	if (!c->config || !c->ruleset || diag_errors(diags)) {
		configuration_finish(c);
		return false;
	}
	return true;
}

void configuration_finish(struct configuration *c)
{
	ruleset_destroy(c->ruleset);
	config_destroy(c->config);
	*c = (struct configuration){0};
}
