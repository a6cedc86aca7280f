// SPDX-License-Identifier: GPL-2.0-or-later
// terminate.cpp - an exception that nobody catches ends the program by std::terminate. terminate CASE FILE, as faults.
#include <stdexcept>
#include <string>
extern "C" {
#include "faults.h"
}

static NOINLINE void throw_it(void)
{
	last("kind=terminate");
	throw std::runtime_error("nobody catches this");
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[2], "-"))
		facts = open(argv[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	throw_it();
	return 0;
}
