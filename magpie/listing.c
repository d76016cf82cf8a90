#include "magpie/listing.h"
#include "magpie/command.h"

#include <stdio.h>

#include "base/banned.h"

/* One order for all listings: the command line, then the form, and only then the server. */

int listing_ask(struct listing *listing, const struct options *options, int argc, char **argv)
{
	int operands;
	enum options_result result = options_parse(options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	const char *form_name = listing->form_name ? listing->form_name : "table";
	if (!table_form_parse(form_name, &listing->form)) {
		fprintf(stderr, "magpie %s: -o takes " TABLE_FORMS ", not \"%s\"\n", options->command,
			form_name);
		return COMMAND_USAGE;
	}
	struct error err;
	listing->answer = client_get_json(&listing->client, listing->path, &err);
	return listing->answer ? LISTING_GO : client_failed(options->command, &err);
}
