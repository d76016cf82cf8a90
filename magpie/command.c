#include "magpie/command.h"

#include "base/banned.h"

int command_run(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return COMMAND_USAGE;
}
