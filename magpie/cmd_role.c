#include "magpie/command.h"
#include "magpie/supervisor.h"

#include <stdio.h>

#include "base/banned.h"

/*
 * `magpie role NAME`: what the supervisor executes. Hidden, because without the control channel on
 * its descriptor there is nothing it could do.
 */

int cmd_role(int argc, char **argv)
{
	int code = argc == 2 ? supervisor_role_main(argv[1]) : -1;
	if (code < 0) {
		fprintf(stderr, "magpie role: started by magpie serve only\n");
		return COMMAND_USAGE;
	}
	return code;
}
