#include "magpie/command.h"

#include "base/banned.h"

/* Nothing but the door: which commands there are stands in magpie/commands.def. */

int main(int argc, char **argv)
{
	return command_run(argc, argv);
}
