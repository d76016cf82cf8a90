#include "collector/services/varnish_stat.h"
#include "magpie/command.h"
#include "magpie/options.h"
#include "model/version.h"

#include <stdio.h>

#include "base/banned.h"

/* `magpie version`: which Magpie this is, for people and for scripts. */

int cmd_version(int argc, char **argv)
{
	static const struct options options = {
		.command = "version", .operands = "", .about = "Prints the version."};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	printf("magpie %s\n", MAGPIE_VERSION);
	printf("counters of Varnish: %s\n",
		varnish_stat_available() ? "yes" : "no (built without libvarnishapi)");
	return COMMAND_DONE;
}
