#include "magpie/command.h"

#include "base/banned.h"

int main(int argc, char **argv)
{
	return command_run(argc, argv);
}
