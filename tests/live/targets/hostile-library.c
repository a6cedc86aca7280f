/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostile-library.c - what hostile.c loads; test_hostile.py replaces the names of its source file and of a function, which is very long,
 * in a copy. */
#include <stdlib.h>

#define HUNDRED "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static void *volatile keep;
void leak_in_library(void);

static void long_function(void) __asm__("hostile_function_" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED);
static __attribute__((noinline, noclone, used)) void long_function(void)
{
	for (int i = 0; i < 20; i++)
		keep = malloc(3003);
}

void leak_in_library(void)
{
	long_function();
}
